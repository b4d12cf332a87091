"""Sitemaps, ordinary and of news, their indexes, packed ones, and what is none."""

import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources import sitemap
from indexer.sources.sitemap import NotSitemap, SitemapEntry, looks_like_sitemap, parse, unpacked
from tests.paths import TESTS

NEWS = (TESTS / "data" / "sources" / "news-sitemap.xml").read_bytes()
INDEX = b"""<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://a.example/1.xml.gz</loc><lastmod>2026-11-01T00:00:00+07:00</lastmod></sitemap>
<sitemap><loc>https://a.example/2.xml</loc></sitemap><sitemap></sitemap></sitemapindex>"""


def test_news():
    found = parse(NEWS)
    assert found.places == [
        SitemapEntry("https://dendau.example/lo-gom-101.html", "2026-11-25T07:30:00+07:00"),
        SitemapEntry("https://dendau.example/cho-phien-102.html?trang=1&in=0", "2026-11-25"),
    ]
    assert (found.index, found.news, found.cut) == (False, True, "")


def test_an_index():
    found = parse(INDEX)
    assert found.places == [
        SitemapEntry("https://a.example/1.xml.gz", "2026-11-01T00:00:00+07:00"),
        SitemapEntry("https://a.example/2.xml"),
    ]
    assert (found.index, found.news, found.cut) == (True, False, "")


def test_without_a_namespace():
    assert parse(b"<urlset><url><loc>https://a.example/</loc></url></urlset>").places == [
        SitemapEntry("https://a.example/")
    ]


def test_a_cut_one_gives_what_stands_before_the_cut():
    found = parse(NEWS[: NEWS.index(b"<lastmod>")])
    assert [place.url for place in found.places] == ["https://dendau.example/lo-gom-101.html"]
    assert found.cut.startswith("expected XML to its end: ")


def test_packed_as_a_file():
    assert unpacked(gzip.compress(NEWS)) == NEWS
    assert unpacked(NEWS) == NEWS
    with pytest.raises(NotSitemap, match="it ends early"):
        unpacked(gzip.compress(NEWS)[:-9])
    with pytest.raises(NotSitemap, match="expected gzip data"):
        unpacked(b"\x1f\x8b no")


def test_a_bomb_is_not_unpacked():
    with pytest.raises(NotSitemap, match="expected at most 50 MiB unpacked"):
        unpacked(gzip.compress(bytes(sitemap.MAX_BYTES + 1), 1))


def test_entities_are_not_expanded(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("https://secret.example/")
    outside = f'<!DOCTYPE u [<!ENTITY x SYSTEM "file://{secret}">]><urlset><url><loc>&x;</loc></url></urlset>'
    assert parse(outside.encode()).places == []
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "aaaaaaaaaa"}">' for n in range(12))
    found = parse(f"<!DOCTYPE u [{bomb}]><urlset><url><loc>https://a.example/&e11;</loc></url></urlset>".encode())
    assert all(len(place.url) < 100 for place in found.places)


@pytest.mark.parametrize(
    "data", [b"", b"no", b"<html><body/></html>", b'<rss version="2.0"></rss>', b"{}", b"\xff\xfe\x00", b"<urls"]
)
def test_what_is_none(data):
    assert not looks_like_sitemap(data)
    with pytest.raises(NotSitemap, match="expected a sitemap"):
        parse(data)


@pytest.mark.parametrize("data", [NEWS, INDEX, b"<urlset>", b"<!-- a --><x:urlset xmlns:x='y'/>"])
def test_what_looks_like_one(data):
    assert looks_like_sitemap(data)


def test_more_addresses_than_a_sitemap_may_have(monkeypatch):
    monkeypatch.setattr(sitemap, "_MAX_ADDRESSES", 3)
    found = parse(b"<urlset>" + b"<url><loc>https://a.example/</loc></url>" * 9 + b"</urlset>")
    assert (len(found.places), found.cut) == (4, "expected at most 3 addresses")


@given(st.integers(0, len(NEWS)), st.binary(max_size=20))
def test_any_damage_ends_in_addresses_or_in_words(at, change):
    with contextlib.suppress(NotSitemap):
        parse(unpacked(NEWS[:at] + change + NEWS[at + len(change) :]))
