"""The home page of an archive: the newest articles, sections, working searches, the most read articles.

A thread of its own tries searches and asks what is read most, so no reader waits for that. The page shows only text of
public articles. Knows nothing of Flask.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from indexer.articles.article import Article
from indexer.articles.columns import Mask
from indexer.text.folding import match_key
from indexer.text.syllables import syllables
from service.errors import NotReady
from service.live import Live
from service.schemas import MAX_QUERY, SearchParams
from service.searcher import Searcher

logger = logging.getLogger(__name__)

NEWEST = 10
SECTIONS = 24
SEARCHES = 8
READ = 5
"""The number of each kind that the page shows."""

TAGS = 6
"""The most searches that are tags."""

ENOUGH = 3
"""The least number of strong hits of a shown search."""

LONGEST = 8
"""The most syllables of a tag or title that readers might type."""

MOST_TRIED = 30
"""The most tags, and the most titles, that are tried until enough searches work."""

MOST_SECONDS = 10.0
"""Seconds of processor time after which no further search is tried."""

EVERY_SECONDS = 15.0
"""Seconds between checks whether the public articles have changed."""

SOON_SECONDS = 0.5
"""The same before the encoder and a snapshot are loaded."""

READ_EVERY_SECONDS = 60.0
"""Seconds between questions for what is read most."""

MostRead = Callable[[float, int], Sequence[str]]
"""Returns the ids of the articles that are read most at a time, in seconds since 1970, the most read first; at most so
many. It raises OSError where that is not known now."""

_OPERATORS = re.compile(r'["“”]|(?:^|\s)[-−–]')

LOOKED_AT = 100
"""The number of newest articles whose tags and titles may be tried."""


@dataclass(frozen=True)
class TriedSearch:
    """A search with enough strong hits.

    :param article: The id of an article with this title or tag.
    """

    text: str
    article: str

    def is_said_by(self, article: Article) -> bool:
        """Return whether an article has it as its title or among its tags."""
        return match_key(self.text) in map(match_key, (article.title, *article.tags))


@dataclass(frozen=True)
class FrontPage:
    """The content of the home page.

    :param count: The number of public articles.
    :param newest: The newest articles, each text once, the newest first.
    :param sections: Sections with the number of their articles, the largest first.
    :param searches: Working searches: tags, the most frequent first, then titles, the newest first.
    :param read: The most read articles, the most read first.
    """

    count: int
    newest: list[Article]
    sections: list[tuple[str, int]]
    searches: list[str]
    read: list[Article]


class FrontPages:
    """The front page of a process's served snapshot. Safe to use from several threads.

    :param most_read: Tells what is read most, None if nothing does.
    :param clock: Seconds since 1970.
    """

    def __init__(self, most_read: MostRead | None = None, clock: Callable[[], float] = time.time) -> None:
        self._most_read, self._clock = most_read, clock
        self._tried_for: Mask | None = None
        self._searches: list[TriedSearch] = []
        self._read: Sequence[str] = ()
        self._read_at = 0.0
        self._sections: tuple[Mask, list[tuple[str, int]]] | None = None

    def start(self, live: Live) -> FrontPages:
        """Keep the page up to date, in a thread of its own, while the process lives."""
        threading.Thread(target=self._follow, args=(live,), name="front page", daemon=True).start()
        return self

    def _follow(self, live: Live) -> None:
        while True:
            time.sleep(self.look(live))

    def look(self, live: Live) -> float:
        """Update what has changed, and return the seconds until the next check."""
        try:
            live.encoder()
            self.refresh(live.searcher())
        except NotReady:  # every request reports it
            return SOON_SECONDS
        except Exception:  # the thread must survive an error
            logger.exception("the home page is not brought up to date")
        return EVERY_SECONDS

    def refresh(self, searcher: Searcher) -> None:
        """Try searches if the public articles have changed; ask what is read most once a minute."""
        public = searcher.public()
        if self._tried_for is not public:
            self._sections_of(searcher, public)
            self._searches, self._tried_for = working_searches(searcher, public), public
        now = self._clock()
        if self._most_read is not None and not 0 <= now - self._read_at < READ_EVERY_SECONDS:
            self._read_at = now
            with suppress(OSError):  # nothing is known yet
                self._read = self._most_read(now, 4 * READ)

    def page(self, searcher: Searcher) -> FrontPage:
        """Return the home page of the articles that are public now."""
        public = searcher.public()
        return FrontPage(
            count=int(np.count_nonzero(public)),
            newest=_newest(searcher, public, NEWEST),
            sections=self._sections_of(searcher, public),
            searches=self._still_said(searcher, public),
            read=list(_found(searcher, public, self._read))[:READ],
        )

    def _sections_of(self, searcher: Searcher, public: Mask) -> list[tuple[str, int]]:
        """Return the sections of the public articles, counted once for each set of them."""
        held = self._sections
        if held is None or held[0] is not public:
            counted = searcher.archive.facets(np.flatnonzero(public), ["section"])["section"][:SECTIONS]
            held = self._sections = public, counted
        return held[1]

    def _still_said(self, searcher: Searcher, public: Mask) -> list[str]:
        """Return the searches that a public article still has as title or tag, checked after each change."""
        searches, tried_for = self._searches, self._tried_for
        if tried_for is public:
            return [one.text for one in searches]
        articles = {one.id: one for one in _found(searcher, public, [one.article for one in searches])}
        said = [one for one in searches if one.article in articles and one.is_said_by(articles[one.article])]
        return [one.text for one in said]


def working_searches(searcher: Searcher, public: Mask) -> list[TriedSearch]:
    """Return searches with enough strong matches: tags of the newest articles, then titles of theirs.

    Each has another first hit. At most MOST_TRIED are tried, for at most MOST_SECONDS.

    :param public: (articles,) bool, the public articles.
    """
    found: list[TriedSearch] = []
    seen: set[str] = set()
    until = time.thread_time() + MOST_SECONDS
    articles = _newest(searcher, public, LOOKED_AT)
    sections = {match_key(article.section) for article in articles if article.section}
    for searches, wanted in ((_of_tags(articles), TAGS), (_of_titles(articles), SEARCHES)):
        typed = [one for one in searches if match_key(one.text) not in sections and _is_typed(one.text)]
        for one in typed[:MOST_TRIED]:
            if len(found) == wanted or time.thread_time() > until:
                break
            answer = searcher.search(SearchParams(q=one.text, limit=1), rerank=False)
            if not answer.degraded and answer.strong >= ENOUGH and answer.hits[0].article.id not in seen:
                seen.add(answer.hits[0].article.id)
                found.append(one)
    return found


def _of_tags(articles: Sequence[Article]) -> list[TriedSearch]:
    """Return the tags of articles, each once, the most frequent first."""
    tags = [TriedSearch(tag, article.id) for article in articles for tag in article.tags]
    times = Counter(match_key(one.text) for one in tags)
    once = {match_key(one.text): one for one in reversed(tags)}
    return [once[key] for key, _ in times.most_common()]


def _of_titles(articles: Sequence[Article]) -> list[TriedSearch]:
    return [TriedSearch(article.title, article.id) for article in articles]


def _is_typed(text: str) -> bool:
    """Return whether readers might type this text: a few syllables, but more than one, and no operator."""
    return 1 < len(syllables(text)) <= LONGEST and len(text) <= MAX_QUERY and not _OPERATORS.search(text)


def _newest(searcher: Searcher, public: Mask, count: int) -> list[Article]:
    """Return the newest articles, each text once."""
    archive = searcher.archive
    rows = archive.first_newest(public, 4 * count)
    _, firsts = np.unique(archive.texts(rows), return_index=True)
    return archive.articles(rows[np.sort(firsts)[:count]])


def _found(searcher: Searcher, public: Mask, ids: Sequence[str]) -> Iterator[Article]:
    """Yield the public articles among these ids."""
    rows = [searcher.archive.find(one, public) for one in dict.fromkeys(ids)]
    yield from searcher.archive.articles([row for row in rows if row is not None])
