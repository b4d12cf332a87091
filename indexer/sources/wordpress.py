"""Brings a memory up to date from the REST API of a WordPress site.

Owns how posts are requested. First come the posts changed since the last run, in the order of changes, by pages. If the
site then has another number of posts than the memory, the numbers of all posts are compared. Missing posts are fetched.
A post that seems gone is requested by its number before it is forgotten, since pages shift while they are read.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

from indexer.articles.article import is_ahead
from indexer.sources import wordpress_post
from indexer.sources.described import WordPressSource
from indexer.sources.fetching import FetchError, FetchResponse
from indexer.sources.memory import Memory
from indexer.sources.politeness import Web
from indexer.sources.reading import BadLine, SourceOptions

_PER_PAGE = 100
_MOST_PAGES = 100_000
_OVERLAP = timedelta(minutes=2)
"""How far before the last known change posts are read again: WordPress counts whole seconds, and writes take time."""

_EARLIEST = 1970
"""The least year of a change; WordPress writes `0001-01-01` for no time."""

_FIELDS = (
    "id,date_gmt,modified_gmt,link,title,content,excerpt,status,type,author,featured_media,categories,tags,"
    "_links,_embedded"
)


def update(source: WordPressSource, web: Web, memory: Memory, options: SourceOptions) -> Iterator[BadLine]:
    """Bring a memory up to date with a site; yield the problems met."""
    return _WordPressVisit(source, web, memory, options).run()


class _TimeIsUp(Exception):
    """The next run goes on where this one stopped."""


class _WordPressVisit:
    """One run over one site."""

    def __init__(self, source: WordPressSource, web: Web, memory: Memory, options: SourceOptions) -> None:
        self._site = source.url.rstrip("/")
        self._source = source
        self._web = web
        self._memory = memory
        self._options = options
        self._headers = {"Accept": "application/json"}
        self._pages = 0
        self._until = math.inf if options.most_seconds is None else web.clock() + options.most_seconds

    def run(self) -> Iterator[BadLine]:
        if credentials := self._source.credentials:
            self._headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
        self._memory.begin()
        try:
            for kind in self._source.types:
                yield from self._changed(kind)
                yield from self._compared(kind)
        except FetchError as error:
            self._memory.state["left"] = False  # a new attempt now would fail again
            self._memory.commit()
            yield BadLine(1, self._site, str(error), incomplete=not self._memory.complete)
            return
        except _TimeIsUp:
            self._memory.state["left"] = True
            self._memory.commit()
            return
        self._memory.state["left"] = False
        self._memory.end()
        self._memory.commit()

    def _look_at_the_clock(self) -> None:
        """Stop if time is up. The caller commits what was read so far."""
        if self._web.clock() >= self._until:
            raise _TimeIsUp

    def _address(self, kind: str, parameters: Mapping[str, str]) -> str:
        route = f"wp/v2/{kind}"
        if self._memory.state.get("plain"):
            return f"{self._site}/?{urlencode({'rest_route': '/' + route, **parameters})}"
        return f"{self._site}/wp-json/{route}?{urlencode(parameters)}"

    def _ask(self, kind: str, parameters: Mapping[str, str]) -> tuple[list[dict[str, Any]], FetchResponse]:
        """Return the objects of one page.

        :raises FetchError: if there are none, or the answer is not from WordPress.
        """
        try:
            answer = self._web.get(self._address(kind, parameters), self._headers)
        except FetchError as error:
            if error.status != 404 or self._memory.state.get("plain") or self._memory.complete:
                raise
            self._memory.state["plain"] = True  # a site without permalinks
            try:
                answer = self._web.get(self._address(kind, parameters), self._headers)
            except FetchError:
                del self._memory.state["plain"]
                raise error from None
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            start = answer.body[:60].decode("utf-8", "replace")
            raise FetchError(f"expected a list of WordPress's REST API, found {start!r}")
        return found, answer

    def _posts(self, kind: str, parameters: Mapping[str, str]) -> tuple[list[dict[str, Any]], FetchResponse]:
        return self._ask(kind, {"_embed": "author,wp:term,wp:featuredmedia", "_fields": _FIELDS, **parameters})

    def _changed(self, kind: str) -> Iterator[BadLine]:
        """Read the posts that were changed since the last run, the oldest change first.

        The last change is stored after each page, so an interrupted run goes on from there. A change that lies too far
        ahead is not stored, since posts changed before that time would not be requested.
        """
        since = _counted(self._memory.state.setdefault("changed", {}).get(kind, ""))
        page, pages, last = 1, 1, since
        while page <= min(pages, _MOST_PAGES):
            if self._options.most_pages is not None and self._pages >= self._options.most_pages:
                return
            self._pages += 1
            asked = {"per_page": str(_PER_PAGE), "page": str(page), "orderby": "modified", "order": "asc"}
            if since:
                asked["modified_after"] = _before(since)
            posts, answer = self._posts(kind, asked)
            pages = _number(answer, "x-wp-totalpages")
            for post in posts:
                yield from self._take(kind, post)
                last = max(last, _counted(_changed_at(post)))
            self._memory.state["changed"][kind] = last
            self._memory.commit()
            page += 1
            if page <= pages and _before(last) > since:  # otherwise the next run would get no further than this one
                self._look_at_the_clock()

    def _take(self, kind: str, post: dict[str, Any]) -> Iterator[BadLine]:
        number = post.get("id")
        if not isinstance(number, int):
            yield BadLine(1, str(post)[:1000], f"id: {number!r}: expected a number")
            return
        version = _changed_at(post)
        protected = isinstance(post.get("content"), dict) and post["content"].get("protected") is True
        open_to_all = post.get("status", wordpress_post.PUBLISHED) == wordpress_post.PUBLISHED and not protected
        fields = wordpress_post.fields(_post(post, self._site)) if open_to_all else None
        self._memory.put(f"{kind} {number}", version, fields)

    def _compared(self, kind: str) -> Iterator[BadLine]:
        """Compare the numbers of all posts with the remembered ones, if their counts differ."""
        if self._options.most_pages is not None:
            return
        _, answer = self._ask(kind, {"per_page": "1", "_fields": "id"})
        remembered = {int(key.split(" ")[1]) for key in self._memory.places() if key.startswith(f"{kind} ")}
        total = _number(answer, "x-wp-total")
        if total == len(remembered):
            return
        there = self._numbers(kind) if total else set()
        for some in _batches(sorted(there - remembered)):
            yield from self._fetch(kind, some)
        maybe_gone = sorted(remembered - there)
        still = {number for some in _batches(maybe_gone) for number in self._confirmed(kind, some)} if total else set()
        gone = [f"{kind} {number}" for number in maybe_gone if number not in still]
        kept = self._memory.drop(gone, self._options.allow_shrink)
        if kept:
            yield BadLine(1, self._site, f"{kind}: {kept}")
        self._memory.commit()

    def _numbers(self, kind: str) -> set[int]:
        """Return the numbers of all posts. If time is up, the next run goes on after the pages read."""
        listed = self._memory.state.setdefault("numbers", {})
        page, some = listed.get(kind, (1, []))
        found, pages = set(some), page
        while page <= min(pages, _MOST_PAGES):
            asked = {"per_page": str(_PER_PAGE), "page": str(page), "orderby": "id", "order": "asc", "_fields": "id"}
            posts, answer = self._ask(kind, asked)
            pages = _number(answer, "x-wp-totalpages")
            found.update(post["id"] for post in posts if isinstance(post.get("id"), int))
            page += 1
            if self._web.clock() >= self._until and page <= pages:
                listed[kind] = (page, sorted(found))
                raise _TimeIsUp
        listed.pop(kind, None)
        return found

    def _fetch(self, kind: str, numbers: Sequence[int]) -> Iterator[BadLine]:
        posts, _ = self._posts(kind, {"include": ",".join(map(str, numbers)), "per_page": str(_PER_PAGE)})
        for post in posts:
            yield from self._take(kind, post)
        self._memory.commit()

    def _confirmed(self, kind: str, numbers: Sequence[int]) -> set[int]:
        """Return the numbers of those posts that do exist."""
        asked = {"include": ",".join(map(str, numbers)), "per_page": str(_PER_PAGE), "_fields": "id"}
        return {post["id"] for post in self._ask(kind, asked)[0] if isinstance(post.get("id"), int)}


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[at : at + _PER_PAGE] for at in range(0, len(numbers), _PER_PAGE))


def _number(answer: FetchResponse, header: str) -> int:
    value = answer.headers.get(header, "")
    if not value.isdecimal():
        raise FetchError(f"expected the header {header} of WordPress's REST API, found {value!r}")
    return int(value)


def _before(moment: str) -> str:
    """Return the moment from which to request changes; empty if no last change is known."""
    return moment and (datetime.fromisoformat(moment) - _OVERLAP).isoformat() + "Z"


def _counted(moment: str) -> str:
    """Return when a post was changed, empty if that lies too far ahead."""
    return "" if moment and is_ahead(datetime.fromisoformat(moment).replace(tzinfo=UTC), datetime.now(UTC)) else moment


def _changed_at(post: Mapping[str, Any]) -> str:
    """Return when a post was changed, in UTC without an offset, empty if unknown."""
    value = post.get("modified_gmt")
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        found = moment if moment is None or moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return ""
    return "" if found is None or found.year < _EARLIEST else found.isoformat()


def _rendered(value: object) -> str:
    found = value.get("rendered") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _post(post: Mapping[str, Any], site: str) -> wordpress_post.Post:
    embedded = post.get("_embedded")
    embedded = embedded if isinstance(embedded, dict) else {}
    terms = [term for group in _listed(embedded, "wp:term") if isinstance(group, list) for term in group]
    terms = [term for term in terms if isinstance(term, dict) and isinstance(term.get("name"), str)]
    authors = [author.get("name") for author in _listed(embedded, "author") if isinstance(author, dict)]
    media = [one.get("source_url") for one in _listed(embedded, "wp:featuredmedia") if isinstance(one, dict)]
    return wordpress_post.Post(
        int(post["id"]),
        site,
        title=_rendered(post.get("title")),
        content=_rendered(post.get("content")),
        excerpt=_rendered(post.get("excerpt")),
        link=_text(post.get("link")),
        published=_text(post.get("date_gmt")),
        modified=_text(post.get("modified_gmt")),
        author=", ".join(name for name in authors if isinstance(name, str)),
        categories=[(_plain(t), _text(t.get("slug"))) for t in terms if t.get("taxonomy") == "category"],
        tags=[_plain(term) for term in terms if term.get("taxonomy") == "post_tag"],
        image=next((address for address in media if isinstance(address, str)), ""),
    )


def _plain(term: Mapping[str, Any]) -> str:
    return unescape(str(term["name"]))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _listed(given: Mapping[str, Any], name: str) -> list[Any]:
    found = given.get(name)
    return found if isinstance(found, list) else []
