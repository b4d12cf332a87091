"""Which addresses count as public: every special block of the registries, its edges, and its neighbours outside.

The blocks are written out here once more, from the registries and not from the code. Nothing is sent anywhere.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.addresses import is_public

SPECIAL_IPV4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
)
SPECIAL_IPV6 = (
    *("::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32"),
    *("2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
    *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20", "5f00::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "6000::/3", "8000::/3", "a000::/3", "c000::/3"),
)
METADATA = (
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    *("::ffff:169.254.169.254", "::ffff:168.63.129.16", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fe80::a9fe:a9fe"),
)


def edges(block):
    """Return the first and last address of a block, and one in its middle."""
    network = ipaddress.ip_network(block)
    return network[0], network[network.num_addresses // 2], network[-1]


def neighbours(block):
    """Return the addresses right before and right after a block, where there are any."""
    network = ipaddress.ip_network(block)
    make, last = type(network[0]), 2**network.max_prefixlen - 1
    return [make(int(at)) for at in (int(network[0]) - 1, int(network[-1]) + 1) if 0 <= at <= last]


@pytest.mark.parametrize("block", SPECIAL_IPV4 + SPECIAL_IPV6)
def test_a_special_block_is_not_public_from_its_first_to_its_last(block):
    for address in edges(block):
        assert not is_public(str(address)), address


@pytest.mark.parametrize("block", SPECIAL_IPV4)
def test_what_lies_beside_a_special_block_is_public(block):
    special = [ipaddress.ip_network(other) for other in SPECIAL_IPV4]
    for address in neighbours(block):
        assert is_public(str(address)) == (not any(address in other for other in special)), address


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", False), ("2000::", True), ("4000::", False)),
        *(("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True), ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", False)),
        *(("3fff:1000::", True), ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True)),
        *(("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True), ("2001:200::", True)),
        *(("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", True), ("2001:db9::", True)),
        *(("2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", True), ("2620:4f:8001::", True)),
        *(("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True), ("2003::", True)),
        *(("64:ff9a:ffff:ffff:ffff:ffff:808:808", False), ("64:ff9b::1:808:808", False)),
    ],
)
def test_the_edges_of_blocks_of_ipv6(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize("address", METADATA)
def test_what_tells_a_cloud_s_secrets_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("block", SPECIAL_IPV4)
def test_a_special_address_inside_an_ipv6_address_is_not_public(block):
    for address in edges(block):
        number = int(address)
        for carried in (
            f"::ffff:{address}",
            f"::{address}",
            f"64:ff9b::{address}",
            f"64:ff9b:1::{address}",
            f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
            f"2001:0:{number >> 16:x}:{number & 0xFFFF:x}::1",
        ):
            assert not is_public(carried), carried


def test_ipv6_addresses_that_carry_one_are_refused_where_they_lead_nowhere():
    assert is_public("::ffff:8.8.8.8")
    assert is_public("64:ff9b::8.8.8.8")
    assert is_public("2002:808:808::1")
    for refused in ("::8.8.8.8", "64:ff9b:1::8.8.8.8", "2001:0:808:808::f7f7:f7f7"):
        assert not is_public(refused), refused


@given(st.ip_addresses(v=4))
def test_what_python_holds_to_be_private_is_not_public(address):
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(str(address))


@given(st.ip_addresses(v=6))
def test_what_python_holds_to_be_private_is_not_public_in_ipv6(address):
    if not address.is_global and not (address.ipv4_mapped or address.sixtofour):
        assert not is_public(str(address))
