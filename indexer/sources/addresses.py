"""The network addresses from which a source may be read.

Owns what counts as public. Knows nothing of HTTP.

The blocks are those of IANA's registries of special-purpose addresses, as of 2026. They are written out here, since the
standard library's idea of global differs between versions of Python. Blocks that are reachable but serve no website
(anycast of the IETF's own protocols, AS112) are refused as well.
"""

from __future__ import annotations

import ipaddress

_SPECIAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by the customers of a provider; 100.100.100.200 is a cloud's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's metadata, an ordinary address by the registry
            "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # the IETF's protocols; 192.0.0.192 is Oracle's metadata
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # relays of 6to4, withdrawn
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
"""The only block with public addresses. Outside of it lie loopback, link-local (fe80::/10),
site-local (fec0::/10), private (fc00::/7, with fd00:ec2::254, a cloud's metadata), discarded (100::/64), segment
routing (5f00::/16) and multicast (ff00::/8)."""
_SPECIAL_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # the IETF's protocols, Teredo and ORCHID among them
            "2001:db8::/32",  # documentation
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(written: str) -> bool:
    """Return whether an address belongs to the public internet.

    An IPv6 address that leads to an IPv4 address in it (IPv4-mapped, 6to4, NAT64) is public if that one is. Other IPv6
    addresses with an IPv4 address in them (IPv4-compatible, Teredo, a network's own NAT64) are never public.

    :param written: An address as the system writes it, IPv6 with or without a zone.
    """
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_ipv4(address)
    carried = _carried(address)
    if carried is not None:
        return _is_public_ipv4(carried)
    return address in _GLOBAL_IPV6 and not any(address in block for block in _SPECIAL_IPV6)


def _is_public_ipv4(address: ipaddress.IPv4Address) -> bool:
    return not any(address in block for block in _SPECIAL_IPV4)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, None if it leads to none."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
