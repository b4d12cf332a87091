"""How far a key reaches: worked by hand, and that what is stored is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.security.bounds import UNBOUND, Bounds


class TestAddresses:
    @pytest.mark.parametrize(
        ("networks", "address", "admitted"),
        [
            ([], None, True),
            (["203.0.113.0/24"], "203.0.113.9", True),
            (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
            (["203.0.113.0/24"], "203.0.114.9", False),
            (["203.0.113.9"], "203.0.113.9", True),
            (["203.0.113.9"], "203.0.113.8", False),
            (["2001:db8::/32", "10.0.0.0/8"], "2001:db8:1::5", True),
            (["2001:db8::/32", "10.0.0.0/8"], "10.1.2.3", True),
            (["2001:db8::/32"], "10.1.2.3", False),
            (["0.0.0.0/0"], "2001:db8::1", False),
            (["0.0.0.0/0"], None, False),
            (["0.0.0.0/0"], "unknown", False),
        ],
    )
    def test_who_is_admitted(self, networks, address, admitted):
        assert Bounds.of(networks).admits(address) is admitted

    @pytest.mark.parametrize("given", ["", "bao.example", "203.0.113.9/24", "203.0.113.0/33", "1.2.3.4:80"])
    def test_what_is_no_network(self, given):
        with pytest.raises(ValueError, match=r"^from: .*expected an address or a network, 203"):
            Bounds.of([given])


class TestArticles:
    @pytest.mark.parametrize(
        ("sections", "sources", "section", "source", "covered"),
        [
            ([], [], None, None, True),
            (["Thể thao"], [], "Thể thao", None, True),
            (["  Thể   thao "], [], "Thể thao", "x", True),
            (["Thể thao"], [], "thể thao", None, False),
            (["Thể thao"], [], None, None, False),
            (["A", "B"], [], "B", None, True),
            ([], ["TTXVN"], "A", "TTXVN", True),
            (["A"], ["TTXVN"], "A", "khác", False),
            (["A"], ["TTXVN"], "B", "TTXVN", False),
            (["A"], ["TTXVN"], "A", "TTXVN", True),
        ],
    )
    def test_what_is_covered(self, sections, sources, section, source, covered):
        bounds = Bounds.of((), sections, sources)
        assert bounds.covers(section, source) is covered
        assert bounds.bound_articles() is bool(sections or sources)

    def test_in_words(self):
        assert Bounds.of((), ["A", "B"], ["C"]).articles() == "section 'A' or 'B' and source 'C'"

    @pytest.mark.parametrize("given", ["", "  ", "x" * 501])
    def test_what_is_no_section(self, given):
        with pytest.raises(ValueError, match=r"^section: .*: expected 1 to 500 characters"):
            Bounds.of((), [given])
        with pytest.raises(ValueError, match=r"^source: "):
            Bounds.of((), (), [given])

    def test_not_too_many_and_none_below_nothing(self):
        with pytest.raises(ValueError, match="sections: 101: expected at most 100"):
            Bounds.of((), map(str, range(101)))
        with pytest.raises(ValueError, match="deletes: -1: expected 0 or more"):
            Bounds.of(deletes=-1)


class TestStored:
    @given(
        st.lists(st.ip_addresses().map(str), max_size=3),
        st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=9), max_size=3),
        st.none() | st.integers(0, 10**9),
    )
    def test_what_is_stored_is_read(self, addresses, names, deletes):
        bounds = Bounds.of(addresses, names, reversed(names), deletes)
        assert Bounds.read(bounds.stored()) == bounds
        assert Bounds.read(UNBOUND.stored()) == UNBOUND

    @pytest.mark.parametrize("stored", ["", "{}", "[]", "null", '{"addresses": [], "sections": [], "sources": []}'])
    def test_what_cannot_be_read_is_not_taken_for_no_bounds(self, stored):
        with pytest.raises(ValueError):  # noqa: PT011
            Bounds.read(stored)
