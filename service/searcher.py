"""Search and related over one snapshot, held for as long as a request lasts. Knows nothing of Flask.

Requests come validated (`service.schemas`); articles that are not public are out before anything is ranked.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from indexer.archive import Archive
from indexer.articles.article import Article, shown
from indexer.articles.columns import Mask
from indexer.changes.journal import Journal
from indexer.language import lexicon
from indexer.language.lexicon import Abbreviation, ParsedLines, Renaming
from models.encoder import Encoder
from models.remembering import QueryVectors
from service.errors import NotFound
from service.hits import Answer
from service.observing import tracing
from service.options import Options
from service.public import PublicArticles
from service.query import begun
from service.query.suggest import Suggester, Suggestion
from service.query.understanding import Understanding
from service.related.relating import Relater
from service.rules.applied import RulesInArchive
from service.schemas import RelatedBody, SearchParams, Seed
from service.search.searching import QuerySearch
from service.serving import deadline
from service.serving.held_reranker import HeldReranker


class _Understanding(NamedTuple):
    """What understands queries, and the editors' words that it was made with."""

    abbreviations: ParsedLines[Abbreviation]
    renamings: ParsedLines[Renaming]
    made: Understanding


class _RulesNow:
    """The editors' rules as they are now, in one archive.

    No method of `Searcher`: what it hands this to would hold it in turn, and the files of its snapshot would stay open
    and in memory until the collector comes by.
    """

    def __init__(self, options: Options, archive: Archive) -> None:
        self._options = options
        self._archive = archive
        self._held: RulesInArchive | None = None

    def __call__(self) -> RulesInArchive:
        """Return them."""
        current, held = self._options.rules(), self._held
        if held is None or held.rules is not current:
            held = self._held = RulesInArchive(current, self._archive)
        return held


class Searcher:
    """Answers from one archive.

    :param encoder: Returns the encoder, or raises `NotReady`; called only where a text has to be encoded.
    :param asked: Keeps the vectors of what was searched for; never of drafts.
    :param before: One of the same options, of which is kept what still holds.
    :param reranker: Looks at the first hits of a search a second time; none by default.
    """

    def __init__(
        self,
        archive: Archive,
        encoder: Callable[[], Encoder],
        options: Options | None = None,
        asked: QueryVectors | None = None,
        before: Searcher | None = None,
        reranker: HeldReranker | None = None,
    ) -> None:
        self.archive = archive
        options = options or Options()
        same = before if before is not None and before.archive.knowledge is archive.knowledge else None
        self._encoder = encoder
        self._options = options
        self._public = PublicArticles(archive)
        self._searching = QuerySearch(archive, self._public, encoder, asked or QueryVectors(), reranker)
        self.heeded: int | None = None
        """The version of the journal whose withdrawals are held back; `service.live` keeps it."""
        # Made where one was asked for a suggestion; not the searcher itself, or all that ever were would stay.
        self._suggested_before: tuple[ParsedLines[Abbreviation], Suggester] | None = same._suggesting if same else None
        self.rules = _RulesNow(options, archive)
        self._revision = options.revision
        self._understanding: _Understanding | None = same._understanding if same else None
        self._suggesting: tuple[ParsedLines[Abbreviation], Suggester] | None = None

    @property
    def understanding(self) -> Understanding:
        """Return what understands queries, with the editors' words as they are now."""
        held, options = self._understanding, self._options
        words = options.abbreviations(), options.renamings()
        if held is None or held.abbreviations is not words[0] or held.renamings is not words[1]:
            held = self._understanding = self._understand()
        return held.made

    def _understand(self) -> _Understanding:
        options = self._options
        abbreviations, renamings = options.abbreviations(), options.renamings()
        made = Understanding(self.archive.knowledge, options.synonyms, abbreviations.rows, renamings.rows)
        return _Understanding(abbreviations, renamings, made)

    def with_words(self, kind: Literal["synonyms", "abbreviations", "renamings"], said: Any) -> Searcher:
        """Return a searcher like this one with other words of the editors', for one request.

        :param said: What a file of this kind would say.
        """
        words: dict[str, Any] = {kind: lambda: said}
        other = copy(self)
        other._options = replace(self._options, **words)
        other._understanding = other._understand()
        return other

    def search(self, params: SearchParams, now: datetime | None = None, rerank: bool = True) -> Answer:
        """Return the articles that a query means or names (`QuerySearch.search`)."""
        return self._searching.search(params, self.understanding, now, rerank)

    def related(
        self,
        body: RelatedBody,
        now: datetime | None = None,
        rules: RulesInArchive | None = None,
        public: Mask | None = None,
    ) -> Answer:
        """Return the articles that belong under the seeds.

        :param now: The time that embargoes and rules are held against; the clock's by default.
        :param rules: Instead of those in force, to see what they would do.
        :param public: (articles,) bool, instead of what may be seen at that time; for nobody but editors.
        :raises NotFound: naming the seed that is no public article.
        """
        deadline.check("seeds")
        clock = now or datetime.now(UTC)
        relating = self._relating if rules is None else self._relating.under(rules)
        answer = relating.related(body, clock, self.public(clock) if public is None else public)
        tracing.lap("reading")
        return answer

    def seed_id(self, seed: Seed, now: datetime | None = None) -> str | None:
        """Return the id of the one published article that a list is wanted under, None where there is no such one."""
        allowed = self.public(now)
        if seed.article is not None or seed.negative_ids or len(seed.ids) + len(seed.urls) != 1:
            return None
        find, names = (self.archive.find, seed.ids) if seed.ids else (self.archive.find_url, seed.urls)
        row = find(names[0], allowed)
        return None if row is None else self.archive.summaries([row])[0].id

    @cached_property
    def _relating(self) -> Relater:
        options = self._options
        return Relater(self.archive, self._encoder, self.rules, options.classes, options.related)

    def changes(self, now: datetime | None = None) -> tuple[str, int]:
        """Return what related lists depend on beside the snapshot.

        :return: The revision of rules and settings, and when the next article or rule comes or goes, in microseconds.
        """
        clock = now or datetime.now(UTC)
        rules, until = self.rules(), self._public.until(clock)
        return f"{rules.rules.revision} {self._revision} {self._public.revision}", min(until, rules.next_change(clock))

    def withdraw(self, journal: Journal, now: datetime | None = None) -> None:
        """Hold back from now on what was withdrawn since the snapshot was made, in whatever is asked.

        :param now: As everywhere, the clock's by default.
        """
        self._public.withdraw(journal, now)

    def warm(self) -> None:
        """Answer once what readers ask, so that the first of them need not wait for what all need."""
        self.suggest("zzz", 1)  # what all suggestions need, and no titles
        self.understanding.understand("zz")
        newest = self.archive.first_newest(self.public(), 1)
        with np.errstate(all="ignore"):  # whether vectors are damaged is found by their digest
            for one in self.archive.summaries(newest):
                self.related(RelatedBody(seed=Seed(ids=[one.id]), limit=1))

    def public(self, now: datetime | None = None) -> Mask:
        """Return which articles may be seen, (articles,) bool."""
        return self._public.mask(now=now)

    def suggest(self, typed: str, limit: int, now: datetime | None = None) -> list[Suggestion]:
        """Return what a reader who typed this may be about to type, likeliest first.

        Where nothing begins so: what begins as it may have been meant.
        """
        suggester, public = self._suggester(), self.public(now)
        found = suggester.suggest(typed, limit, public)
        if not found:
            language = self.archive.knowledge.language
            others = begun.readings(self.understanding.understand(typed), lambda word: language.seen(word) > 0)
            found = next(filter(None, (suggester.suggest(other, limit, public) for other in others)), [])
        return found

    def _suggester(self) -> Suggester:
        own, held = self._options.abbreviations(), self._suggesting
        if held is None or held[0] is not own:
            before, self._suggested_before = self._suggested_before, None
            known = before[1] if before is not None and before[0] is own else None
            held = self._suggesting = own, Suggester(self.archive, (*own.rows, *lexicon.abbreviations()), known)
        return held[1]

    def article(self, article_id: str, now: datetime | None = None) -> Article:
        """Return a public article by its id or an alias of it.

        :raises NotFound: if there is none.
        """
        row = self.archive.find(article_id, self.public(now))
        if row is None:
            raise NotFound("id", shown(article_id))
        return self.archive.articles([row])[0]
