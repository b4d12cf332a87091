"""Sitemaps: ordinary ones, those of news, and indexes of sitemaps → addresses.

Owns the layout of sitemaps. Knows nothing of the web: bytes come in.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

from lxml import etree

from indexer.sources.xml_names import split_name

MAX_BYTES = 52_428_800
"""The most bytes of an unpacked sitemap, by sitemaps.org."""

_MAX_ADDRESSES = 50_000
_GZIP = b"\x1f\x8b"
_PIECE = 2**16


class NotSitemap(ValueError):
    """The bytes are not a sitemap; the message says what was expected."""


@dataclass(frozen=True)
class SitemapEntry:
    """An address of a sitemap.

    :param changed: When it was changed or published, as written in the sitemap; or empty.
    """

    url: str
    changed: str = ""


@dataclass(frozen=True)
class Sitemap:
    """A sitemap.

    :param index: Whether its addresses are sitemaps.
    :param news: Whether it lists news, and so only the last two days.
    :param cut: Why it ends early, or empty.
    """

    places: list[SitemapEntry]
    index: bool = False
    news: bool = False
    cut: str = ""


def unpacked(data: bytes) -> bytes:
    """Return the bytes of a sitemap, unpacked if they are a gzip file.

    :raises NotSitemap: if they unpack to too much, or are incomplete.
    """
    if not data.startswith(_GZIP):
        return data
    pieces, total = [], 0
    unpack = zlib.decompressobj(wbits=31)
    try:
        while data and not unpack.eof:
            piece = unpack.decompress(data, _PIECE)
            data = unpack.unconsumed_tail
            pieces.append(piece)
            total += len(piece)
            if total > MAX_BYTES:
                raise NotSitemap(f"expected at most {MAX_BYTES // 2**20} MiB unpacked, found more")
    except zlib.error as error:
        raise NotSitemap(f"expected gzip data: {error}") from None
    if not unpack.eof:
        raise NotSitemap("expected more gzip data: it ends early")
    return b"".join(pieces)


def looks_like_sitemap(data: bytes) -> bool:
    """Return whether bytes are a sitemap, by the name of their first element."""
    try:
        for _, element in _events(data[:_PIECE], ("start",)):
            return split_name(element)[1] in {"urlset", "sitemapindex"}
    except etree.XMLSyntaxError:
        pass
    return False


def parse(data: bytes) -> Sitemap:
    """Return the addresses of a sitemap. A sitemap that is cut gives those before the cut.

    :raises NotSitemap: if the bytes are not a sitemap.
    """
    places: list[SitemapEntry] = []
    root, news, cut = "", False, ""
    try:
        for event, element in _events(data, ("start", "end")):
            _, name = split_name(element)
            if event == "start":
                root = root or name
                if root not in {"urlset", "sitemapindex"}:
                    raise NotSitemap(f"expected a sitemap, found <{root}>")
            elif name in {"url", "sitemap"}:
                found, is_news = _place(element)
                news = news or is_news
                if found is not None:
                    places.append(found)
                element.clear()
            if len(places) > _MAX_ADDRESSES:
                cut = f"expected at most {_MAX_ADDRESSES} addresses"
                break
    except etree.XMLSyntaxError as error:
        if not root:
            raise NotSitemap(f"expected a sitemap: {error.msg}") from None
        cut = f"expected XML to its end: {error.msg}"
    return Sitemap(places, root == "sitemapindex", news, cut)


def _events(data: bytes, wanted: tuple[str, ...]) -> etree.iterparse:
    return etree.iterparse(
        io.BytesIO(data), events=wanted, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )


def _place(element: etree._Element) -> tuple[SitemapEntry | None, bool]:
    """Return the address of an entry with its time, and whether it is news."""
    url, changed, published, news = "", "", "", False
    for below in element.iter():
        if not isinstance(below.tag, str):
            continue
        (namespace, name), value = split_name(below), (below.text or "").strip()
        if name == "loc" and not url and "image" not in namespace:
            url = value
        elif name == "lastmod":
            changed = value
        elif name == "publication_date":
            published, news = value, True
    return (SitemapEntry(url, changed or published) if url else None), news
