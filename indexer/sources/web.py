"""Brings a memory up to date from a feed or a sitemap and its pages.

Owns what is fetched again, and what happens to an article that is no longer listed. A feed or a news sitemap shows only
the newest articles, so older ones stay. An address that an ordinary sitemap no longer lists is fetched once; its
article is removed only if the page is gone (404, 410).
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from indexer.sources import feed, sitemap
from indexer.sources.described import WebSource
from indexer.sources.fetching import FetchError, FetchLimits, FetchResponse
from indexer.sources.memory import LEFT, Memory
from indexer.sources.politeness import Web
from indexer.sources.reading import BadLine, SourceOptions
from indexer.text import addresses

logger = logging.getLogger(__name__)

_GONE = {404, 410}
_DEEPEST = 3
_MOST_SITEMAPS = 2_000
_LOGGED_EVERY = 100
_LINK = re.compile(rb"<link\b[^<>]*+>", re.I)
_ALTERNATE = re.compile(rb"\btype=[\"']application/(?:rss|atom|feed)\+(?:xml|json)[\"']", re.I)
_HREF = re.compile(rb"\bhref=[\"']([^\"'\s]+)", re.I)
_ACCEPTED = "application/rss+xml, application/atom+xml, application/feed+json, application/xml, */*;q=0.5"
_CUT = "expected a feed to its end, found it cut: the last entry is left out"
_ROOM = FetchLimits(size=sitemap.MAX_BYTES)


def update(source: WebSource, web: Web, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    """Bring a memory up to date with a feed or sitemap; yield the problems met."""
    return _WebVisit(source, web, memory, options).run()


@dataclass(frozen=True)
class _PageResult:
    """The result of a page: the fields of its article, or why there are none, and whether this may be temporary."""

    fields: dict[str, Any] | None = None
    reason: str = ""
    passing: bool = False
    gone: bool = False


class _WebVisit:
    """One run over one source."""

    def __init__(self, source: WebSource, web: Web, memory: Memory, options: SourceOptions) -> None:
        self._source = source
        self._web = web
        self._memory = memory
        self._options = options
        self._include = re.compile(source.include)
        self._pages = 0
        self._until = math.inf if options.most_seconds is None else web.clock() + options.most_seconds
        self._whole = True  # whether everything that the source lists was met
        self._passed_over = False  # whether pages were left for another run

    def run(self) -> Iterator[BadLine]:
        url = self._source.url
        self._memory.begin()
        try:
            answer = self._conditionally(url)
            if answer is None:
                self._memory.meet_part(url)
            elif _is_feed(answer, self._source.type):
                yield from self._feed(answer)
            else:
                yield from self._sitemap(answer, 0, set())
                yield from self._left()
        except (FetchError, feed.NotFeed, sitemap.NotSitemap) as error:
            self._memory.state.get("validators", {}).pop(url, None)
            self._memory.state["left"] = False  # a new attempt now would fail again
            self._memory.commit()
            yield self._bad(url, str(error), incomplete=not self._memory.complete)
            return
        self._memory.state["left"] = self._passed_over
        if not self._passed_over:
            self._memory.state.pop("sitemaps", None)
            self._memory.end()
        self._memory.commit()

    def _bad(self, place: str, reason: str, incomplete: bool = False) -> BadLine:
        return BadLine(1, place, reason, incomplete=incomplete)

    def _conditionally(self, url: str) -> FetchResponse | None:
        """Return the answer of an address, None if it has not changed. Its validators are kept for the next request."""
        known = self._memory.state.setdefault("validators", {})
        sent = {"Accept": _ACCEPTED}
        etag, modified = known.get(url, ("", ""))
        sent |= {"If-None-Match": etag} if etag else {}
        sent |= {"If-Modified-Since": modified} if modified else {}
        room = FetchLimits(_ROOM.size, self._web.bounds.seconds, self._web.bounds.redirects, self._web.bounds.private)
        answer = self._web.get(url, sent, room)
        if answer.status == 304:
            return None
        known[url] = (answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))
        return answer

    def _feed(self, answer: FetchResponse) -> Iterator[BadLine]:
        entries = feed.parse(answer.body, answer.headers.get("content-type", ""), answer.url)
        for entry in reversed(entries):  # a feed lists the newest first, an archive last
            if entry.cut:
                self._memory.state.get("validators", {}).pop(self._source.url, None)
                yield self._bad(self._source.url, _CUT)
                continue
            yield from self._entry(entry)
        if not entries:
            yield self._bad(self._source.url, "expected entries in the feed, found none: what it had is kept")

    def _entry(self, entry: feed.FeedEntry) -> Iterator[BadLine]:
        version = _version(entry.fields)
        known = self._memory.known(entry.key)
        if known is not None and known.version == version:
            self._memory.meet(entry.key, self._source.url)
            return
        fields = dict(entry.fields)
        if self._source.pages and not entry.full and entry.url and self._may_read_another():
            page = self._page(entry.url)
            fields |= page.fields or {}
            if page.reason:
                yield self._bad(entry.url, f"{page.reason}: what the feed says of it is taken")
            if page.passing:
                version = ""  # fetched again in the next run
                self._memory.state.get("validators", {}).pop(self._source.url, None)
                if known is not None and known.article:
                    return
        if not fields.get("url"):  # two sites may use the same GUID or title
            fields["id"] = addresses.derived_id("s", f"{addresses.host_key(self._source.url)} {fields['id']}")
        self._memory.put(entry.key, version, fields, derived=True, part=self._source.url)
        self._memory.commit()

    def _time_is_up(self) -> bool:
        return self._web.clock() >= self._until

    def _may_read_another(self) -> bool:
        if self._time_is_up():
            return False
        self._pages += 1
        if self._pages % _LOGGED_EVERY == 0:
            logger.info("%s: %d pages read", self._source.url, self._pages)
        return self._options.most_pages is None or self._pages <= self._options.most_pages

    def _page(self, url: str) -> _PageResult:
        from indexer.sources import html_page  # its libraries take a second to import

        try:
            if not self._web.allows(url):
                return _PageResult(reason="robots.txt asks not to read it, or cannot be had")
            answer = self._web.get(url, {"Accept": "text/html, application/xhtml+xml"})
        except FetchError as error:
            return _PageResult(reason=str(error), passing=error.passing, gone=error.status in _GONE)
        found = html_page.read_bytes(answer.body, self._options)
        if isinstance(found, BadLine):
            return _PageResult(reason=found.reason)
        fields = dict(found.fields)
        if "url" not in fields:
            fields |= {"url": answer.url, "id": feed.derived_id(answer.url, "", "")}
        return _PageResult(fields)

    def _sitemap(self, answer: FetchResponse, depth: int, met: set[str]) -> Iterator[BadLine]:
        found = sitemap.parse(sitemap.unpacked(answer.body))
        if found.cut:
            self._whole = False
            self._memory.state.get("validators", {}).pop(answer.url, None)
            yield self._bad(answer.url, found.cut)
        if found.news:
            self._memory.meet_part(answer.url)
        if not found.places:
            self._whole = False
            yield self._bad(answer.url, "expected addresses in the sitemap, found none: what it had is kept")
        if not found.index:
            yield from self._addresses(found.places, answer.url)
            return
        self._memory.state.get("validators", {}).pop(answer.url, None)  # listed pages may change while it does not
        for place in found.places:
            if place.url in met or depth >= _DEEPEST or len(met) >= _MOST_SITEMAPS:
                continue
            if self._passed_over or self._time_is_up():
                self._whole, self._passed_over = False, True
                return
            met.add(place.url)
            yield from self._below(place.url, depth, met)

    def _below(self, url: str, depth: int, met: set[str]) -> Iterator[BadLine]:
        """Read a sitemap of an index. If it cannot be read, the others are still read.

        The run remembers the sitemaps that were read completely; an interrupted run skips them.
        """
        done = self._memory.state.setdefault("sitemaps", {})
        if url in done:
            self._whole = self._whole and done[url]
            return
        whole, self._whole = self._whole, True
        yield from self._read_below(url, depth, met)
        if not self._passed_over:
            done[url] = self._whole
            self._memory.commit()
        self._whole = self._whole and whole

    def _read_below(self, url: str, depth: int, met: set[str]) -> Iterator[BadLine]:
        try:
            answer = self._conditionally(url)
            if answer is None:
                self._memory.meet_part(url)
            else:
                yield from self._sitemap(answer, depth + 1, met)
        except (FetchError, sitemap.NotSitemap) as error:
            self._whole = False
            self._memory.state.get("validators", {}).pop(url, None)
            yield self._bad(url, str(error), incomplete=not self._memory.complete)

    def _addresses(self, places: list[sitemap.SitemapEntry], part: str) -> Iterator[BadLine]:
        passed_over = False
        for place in places:
            if not self._include.search(place.url) or addresses.web_address(place.url) is None:
                continue
            known = self._memory.known(place.url)
            if known is not None and known.version == place.changed:
                self._memory.meet(place.url, part)
                continue
            if not self._may_read_another():
                passed_over = True
                break
            yield from self._address(place, part)
        if passed_over:
            self._whole, self._passed_over = False, True
            self._memory.state.get("validators", {}).pop(part, None)
            logger.info("%s: %s pages read, the rest is left", self._source.url, self._options.most_pages)

    def _address(self, place: sitemap.SitemapEntry, part: str) -> Iterator[BadLine]:
        page = self._page(place.url)
        if page.reason:
            yield self._bad(place.url, page.reason)
        if page.gone:
            self._memory.forget([place.url])
        elif page.passing:
            self._memory.state.get("validators", {}).pop(part, None)  # fetched again in the next run
            self._memory.meet(place.url, part)
        elif page.fields is not None or self._memory.known(place.url) is None:
            self._memory.put(place.url, place.changed, page.fields, derived=True, part=part)
        else:
            self._memory.meet(place.url, part)
        self._memory.commit()

    def _left(self) -> Iterator[BadLine]:
        """Fetch each page that is no longer listed once. If it is gone, remove its article."""
        if not self._whole:
            return
        for url in self._memory.unmet():
            if not self._may_read_another():
                return
            try:
                self._web.get(url)
            except FetchError as error:
                if error.status not in _GONE:
                    yield self._bad(url, f"{error}: is it gone? It is kept")
                    continue
                self._memory.forget([url])
            else:
                self._memory.meet(url, LEFT)
            self._memory.commit()


def _version(fields: dict[str, Any]) -> str:
    return addresses.derived_id("v", repr(sorted(fields.items())))


def _is_feed(answer: FetchResponse, said: str) -> bool:
    """Return whether an answer is a feed, not a sitemap, by its content.

    :raises NotFeed: if it is a page; the message names the feeds that it links to.
    """
    if said == "sitemap":
        return False
    try:
        start = sitemap.unpacked(answer.body)
    except sitemap.NotSitemap:
        if answer.body.startswith(b"\x1f\x8b"):
            raise
        start = answer.body
    if sitemap.looks_like_sitemap(start):
        return False
    head = start[:2048].lstrip().lower()
    if head.startswith(b"<!doctype html") or b"<html" in head:
        links = [link for tag in _LINK.findall(start) if _ALTERNATE.search(tag) for link in _HREF.findall(tag)]
        named = ", ".join(link.decode("utf-8", "replace") for link in dict.fromkeys(links[:5]))
        raise feed.NotFeed(f"expected a feed or a sitemap, found a page{'; it names ' + named if named else ''}")
    return True
