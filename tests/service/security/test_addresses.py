"""Where a request comes from: forms of addresses, whom a limit counts for, and what proxies may say."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.security.addresses import UNKNOWN, AddressMiddleware, client, parse

LINES = [{"id": "a", "title": "Lò gốm đỏ lửa"}]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:5678", "203.0.113.9"),
        ('"203.0.113.9:5678"', "203.0.113.9"),
        (" 203.0.113.9 ", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]:80", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2::7]:80"', "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[fe80::1%eth0]:80", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        *((text, UNKNOWN) for text in (None, "", "unix:", "unknown", "_hidden", "203.0.113.9:x", "203.0.113.9:123456")),
        *((text, UNKNOWN) for text in ("[203.0.113.9", "[]:80", "1" * 100_000, "[" + "1:" * 50_000 + "]")),
    ],
)
def test_whom_a_limit_counts_for(address, expected):
    assert client(address) == expected


@given(st.ip_addresses(), st.none() | st.integers(0, 65535), st.booleans())
def test_no_form_of_an_address_makes_another_caller(address, port, quoted):
    bare = f"[{address}]" if address.version == 6 and port is not None else str(address)
    text = bare if port is None else f"{bare}:{port}"
    assert client(f'"{text}"' if quoted else text) == client(str(address))


@given(st.text())
def test_any_text_is_an_address_or_unknown(text):
    assert client(text) == UNKNOWN or parse(text) is not None


@pytest.mark.parametrize(
    ("told", "found"),
    [("203.0.113.9:80", "203.0.113.9"), ("[2001:db8::1]:80", "2001:db8::1"), ("_hidden", UNKNOWN), (None, UNKNOWN)],
)
def test_the_application_finds_a_bare_address(told, found):
    seen = []
    app = AddressMiddleware(lambda environ, _: [seen.append(environ["REMOTE_ADDR"]) or b""])
    app({} if told is None else {"REMOTE_ADDR": told}, None)
    assert seen == [found]


def test_another_port_is_no_other_reader(client_of):
    service = client_of(LINES, rate_limit="2/hour", trusted_hops=1)
    forms = ["198.51.100.7:1000", "198.51.100.7:1001", '"198.51.100.7:1002"', "198.51.100.7"]
    answers = [
        service.get("/api/v1/search?q=x", headers={"X-Forwarded-For": form}, environ_base={"REMOTE_ADDR": "10.0.0.1"})
        for form in forms
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


def test_all_that_is_no_address_shares_one_limit(client_of):
    service = client_of(LINES, rate_limit="3/hour", trusted_hops=1)
    texts = ["_a", "_b", "unknown", "c.example"]
    answers = [service.get("/api/v1/search?q=x", headers={"X-Forwarded-For": text}) for text in texts]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_every_port_of_many_addresses_counts_once_each():
    made = {client(f"198.51.100.{host}:{port}") for host, port in product(range(5), range(1000, 1100))}
    assert len(made) == 5
