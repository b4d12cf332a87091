"""Search and related over one snapshot, held for as long as a request lasts. Knows nothing of Flask.

Requests come validated (`service.schemas`); articles that are not public are out before anything is ranked.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import numpy as np

from indexer import lexicon
from indexer.archive import Archive
from indexer.article import Article, shown
from indexer.changes import Withdrawal
from indexer.columns import Filters, Mask, micros
from indexer.journal import Journal
from indexer.lexical import Term
from indexer.lexicon import Abbreviation, Read, Renaming
from indexer.summaries import Summary
from indexer.syllables import pairs
from indexer.vectors import Rows, Vectors
from models.encoder import Encoder
from models.remembering import QueryVectors
from service.errors import NotFound, NotReady
from service.hits import Answer, Hit, Reason
from service.observing import tracing
from service.options import Options
from service.ranking import fusion
from service.ranking.fusion import Candidates, Scores
from service.related.relating import Relating
from service.rules.applied import RulesInArchive
from service.schemas import MAX_WINDOW, RelatedBody, SearchParams, Seed
from service.search.retrieval import WORDED, Worded, retrieve
from service.search.suggest import Suggester, Suggestion
from service.search.understanding import Expansion, Query, Understanding
from service.serving import deadline
from service.serving.beside import Beside

_TAIL = 0.1
_NOTHING = 0.001
_BEHIND = 5
"""How many articles of the same text are named behind a hit."""

_FILTERS = 8
"""For how many filters it is kept which articles pass; a byte an article each."""


class _Public(NamedTuple):
    """Which articles may be seen.

    :param since: In microseconds since 1970 in UTC, as `until`, when that changes.
    :param filtered: The same less what filters keep out, for the filters asked last.
    """

    since: int
    mask: Mask
    until: int
    filtered: dict[Filters, Mask]


class _Understanding(NamedTuple):
    """What understands queries, and the editors' words that it was made with."""

    abbreviations: Read[Abbreviation]
    renamings: Read[Renaming]
    made: Understanding


@dataclass(frozen=True)
class _Ranked:
    """What was found, best first.

    :param spreads: What it is ordered by, as far as that is measured.
    :param lifted: Which are lifted above the others.
    :param copies: How many others of the same text stand behind each.
    :param before: Every article row that was found, before one of each text was kept.
    :param counted: The rows that facets are counted over, where these are not the found ones.
    """

    candidates: Candidates
    relevance: Scores
    spreads: Scores
    lifted: Mask
    total: int
    more: bool
    copies: Rows | None = None
    titled: Mask | None = None
    before: Rows | None = None
    counted: Rows | None = None


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
    """

    def __init__(
        self,
        archive: Archive,
        encoder: Callable[[], Encoder],
        options: Options | None = None,
        asked: QueryVectors | None = None,
        before: Searcher | None = None,
    ) -> None:
        self.archive = archive
        options = options or Options()
        same = before if before is not None and before.archive.knowledge is archive.knowledge else None
        self._encoder = encoder
        self._asked = asked or QueryVectors()
        self._options = options
        self._public: _Public | None = None
        self._public_lock = threading.Lock()
        self._withdrawn = ""
        self._held_back: list[Withdrawal] = []
        self.heeded: int | None = None
        """The version of the journal whose withdrawals are held back; `service.live` keeps it."""
        # Made where one was asked for a suggestion; not the searcher itself, or all that ever were would stay.
        self._suggested_before: tuple[Read[Abbreviation], Suggester] | None = same._suggesting if same else None
        self.rules = _RulesNow(options, archive)
        self._revision = options.revision
        self._understanding: _Understanding | None = same._understanding if same else None
        self._suggesting: tuple[Read[Abbreviation], Suggester] | None = None

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

    def search(self, params: SearchParams, now: datetime | None = None) -> Answer:
        """Return the articles that a query means or names, best first or newest first.

        :param now: The time that embargoes are held against; the clock's by default.
        """
        deadline.check("understanding")
        allowed = self._allowed(params.filters(), now)
        query = self.understanding.understand(params.q, params.literal)
        allowed, phrased, relaxed = self._operators(query, allowed)
        tracing.lap("understanding")
        words = self._words(query, params.mode, allowed)
        vector = self._vector(query, params.mode)
        tracing.lap("encoding")
        ranked = self._found(query, params, vector, words, allowed, phrased)
        deadline.check("list")
        if params.sort == "newest":
            ranked = self._newest(ranked)
        tracing.lap("ranking")
        counted = ranked.candidates.rows[:MAX_WINDOW] if ranked.counted is None else ranked.counted
        facets = self.archive.facets(counted)
        hits = self._hits(ranked, params.offset, params.limit)
        tracing.lap("reading")
        degraded = ("encoder",) if vector is None and params.mode != "lexical" else ()
        if query.expansions:
            query = replace(query, expansions=tuple(one for one in query.expansions if self._may_be_told(one, now)))
        total = min(ranked.total, MAX_WINDOW)
        return Answer(hits, total, ranked.more, query, relaxed, facets, degraded=degraded)

    def _may_be_told(self, expansion: Expansion, now: datetime | None) -> bool:
        """Return whether no more is told by an expansion than public articles do: they spell it out."""
        if not expansion.mined:
            return True
        parts = max(expansion.typed.split(), expansion.also.split(), key=len)
        having = self.archive.having([Term("exact", token) for token in (*parts, *pairs(parts))])
        return bool(self.public(now)[having].any())

    def _operators(self, query: Query, allowed: Mask) -> tuple[Mask, Rows, tuple[str, ...]]:
        """Return what exclusions leave, which articles have the phrases, and what had to be passed over."""
        relaxed = []
        if query.excluded:
            left = allowed.copy()
            for term in query.excluded:
                left[self.archive.having([term])] = False
            if left.any():
                allowed = left
            else:
                relaxed.append("exclusion")
        having = [self.archive.having(phrase) for phrase in query.phrases]
        phrased = np.unique(np.concatenate(having)) if having else np.empty(0, np.int64)
        phrased = phrased[allowed[phrased]]
        if query.phrases and not len(phrased):
            relaxed.append("phrase")
        return allowed, phrased, tuple(relaxed)

    def _words(self, query: Query, mode: str, allowed: Mask) -> Callable[[int], Worded] | None:
        """Return how to find what words do, which begins beside encoding; None where they are not asked."""
        if mode == "dense":
            return None
        find = partial(Worded.of, self.archive, query, allowed)
        if mode == "lexical":
            return find
        begun = Beside(partial(find, WORDED))
        return lambda most: begun.result() if most == WORDED else find(most)  # others where no vector can be had

    def _vector(self, query: Query, mode: str) -> Vectors | None:
        """Return what the query means, (dim,) float32; None where meaning is not asked, or cannot be had.

        :raises NotReady: if it cannot be had, and nothing else was asked for.
        """
        if mode == "lexical":
            return None
        deadline.check("encoding")
        try:
            return self._asked.encode(self._encoder(), query.text, query.gloss)
        except NotReady:
            if mode == "dense":
                raise
            return None

    def _found(
        self,
        query: Query,
        params: SearchParams,
        vector: Vectors | None,
        words: Callable[[int], Worded] | None,
        allowed: Mask,
        phrased: Rows,
    ) -> _Ranked:
        """Return what meaning and words find, best first; what is below the floor is left out."""
        deadline.check("candidates")
        least = self._least(params)
        exact = params.ranking == "similarity"
        every = self.archive.count if exact else None  # the newest may be any of them
        shown = every if params.sort == "newest" or not exact else params.offset + params.limit
        found, first = retrieve(self.archive, query, vector, words, MAX_WINDOW, allowed, phrased, least, shown)
        rows = found.candidates.rows
        order = (-found.spreads).argsort(kind="stable")  # rows are sorted, so ties are by row
        spreads = found.spreads - found.lifts
        relevance = found.relevance.copy()
        # Nothing is said to be less relevant than what stands below it.
        relevance[order] = np.maximum.accumulate(relevance[order][::-1])[::-1]
        if exact:
            # Meaning reaches every article, words only those that have them.
            total = len(rows) if vector is None else int(np.count_nonzero(allowed))
            kept, lifted = found.candidates.take(order), found.lifts[order] > 0
            more = total > MAX_WINDOW or (vector is None and total == MAX_WINDOW)  # words bring no more than so many
            measured = kept, relevance[order], spreads[order], lifted
            return _Ranked(*measured, total, more, titled=found.titled[order], counted=first)
        # None is a hit where not even the best one is relevant.
        floor = least if relevance.max(initial=0.0) >= self._options.min_relevance else np.inf
        order = order[relevance[order] >= floor]
        hits = rows[order]
        one = fusion.collapse(self.archive.texts(hits), self.archive.published[hits], np.arange(len(hits)))
        heads, best = order[one.heads], order[one.best]  # a reprint that stands for its text is as relevant as the best
        more = len(heads) > MAX_WINDOW or found.unseen >= max(floor, _NOTHING)
        kept = found.candidates.take(heads)
        measured = kept, relevance[best], spreads[best], found.lifts[best] > 0
        return _Ranked(*measured, len(heads), more, one.members - 1, found.titled[heads], hits)

    def _least(self, params: SearchParams) -> float:
        """Return the least relevance of a hit."""
        if params.ranking == "similarity":
            return 0.0
        newest = params.sort == "newest"
        return self._options.newest_min_relevance if newest else self._options.min_relevance * _TAIL

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
        answer = relating.related(body, clock, self._allowed(Filters(), clock) if public is None else public)
        tracing.lap("reading")
        return answer

    def seed_id(self, seed: Seed, now: datetime | None = None) -> str | None:
        """Return the id of the one published article that a list is wanted under, None where there is no such one."""
        allowed = self._allowed(Filters(), now)
        if seed.article is not None or seed.negative_ids or len(seed.ids) + len(seed.urls) != 1:
            return None
        find, names = (self.archive.find, seed.ids) if seed.ids else (self.archive.find_url, seed.urls)
        row = find(names[0], allowed)
        return None if row is None else self.archive.summaries([row])[0].id

    @cached_property
    def _relating(self) -> Relating:
        options = self._options
        return Relating(self.archive, self._encoder, self.rules, options.classes, options.related)

    def changes(self, now: datetime | None = None) -> tuple[str, int]:
        """Return what related lists depend on beside the snapshot.

        :return: The revision of rules and settings, and when the next article or rule comes or goes, in microseconds.
        """
        clock = now or datetime.now(UTC)
        self._allowed(Filters(), clock)
        rules, public = self.rules(), self._public
        assert public is not None
        return f"{rules.rules.revision} {self._revision} {self._withdrawn}", min(public.until, rules.next_change(clock))

    def withdraw(self, journal: Journal, now: datetime | None = None) -> None:
        """Hold back from now on what was withdrawn since the snapshot was made, in whatever is asked.

        :param now: As everywhere, the clock's by default.
        """
        withdrawn = journal.withdrawals(self.archive.manifest.changes, micros(now or datetime.now(UTC)))
        with self._public_lock:
            if withdrawn == self._held_back:  # what is public stays so, and all that was worked out from it
                return
            self.archive.withdraw(withdrawn)
            self._public, self._held_back = None, withdrawn
            self._withdrawn = hashlib.sha256(repr(withdrawn).encode()).hexdigest()[:16] if withdrawn else ""

    def warm(self) -> None:
        """Answer once what readers ask, so that the first of them need not wait for what all need."""
        self.suggest("zz", 1)  # what all suggestions need, and no titles
        self.understanding.understand("zz")
        newest = self.archive.first_newest(self.public(), 1)
        with np.errstate(all="ignore"):  # whether vectors are damaged is found by their digest
            for one in self.archive.summaries(newest):
                self.related(RelatedBody(seed=Seed(ids=[one.id]), limit=1))

    def public(self, now: datetime | None = None) -> Mask:
        """Return which articles may be seen, (articles,) bool."""
        return self._allowed(Filters(), now)

    def suggest(self, typed: str, limit: int, now: datetime | None = None) -> list[Suggestion]:
        """Return what a reader who typed this may be about to type, likeliest first."""
        return self._suggester().suggest(typed, limit, self.public(now))

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
        row = self.archive.find(article_id, self._allowed(Filters(), now))
        if row is None:
            raise NotFound("id", shown(article_id))
        return self.archive.articles([row])[0]

    def _allowed(self, filters: Filters, now: datetime | None) -> Mask:
        """Return which articles are public and pass the filters: the same mask for as long as it holds."""
        moment = micros(now or datetime.now(UTC))
        with self._public_lock:
            known = self._public
            if known is None or not known.since <= moment < known.until:
                mask, until = self.archive.public(moment)
                mask.setflags(write=False)  # so that the archive may keep what follows from it
                known = self._public = _Public(moment, mask, until, {})
            allowed = known.filtered.get(filters) if filters else known.mask
        if allowed is None:
            passed = self.archive.mask(filters)  # looks at every article, so that no other request waits for it
            allowed = known.mask if passed is None else known.mask & passed
            allowed.setflags(write=False)
            with self._public_lock:
                while len(known.filtered) >= _FILTERS:
                    del known.filtered[next(iter(known.filtered))]
                known.filtered[filters] = allowed
        return allowed

    def _newest(self, ranked: _Ranked) -> _Ranked:
        rows = ranked.candidates.rows
        order = fusion.newest_first(self.archive.published[rows], ranked.relevance, rows)
        copies = None if ranked.copies is None else ranked.copies[order]
        titled = None if ranked.titled is None else ranked.titled[order]
        return replace(
            ranked,
            candidates=ranked.candidates.take(order),
            relevance=ranked.relevance[order],
            spreads=ranked.spreads[order],
            lifted=ranked.lifted[order],
            copies=copies,
            titled=titled,
        )

    def _hits(self, ranked: _Ranked, offset: int, limit: int) -> list[Hit]:
        page = slice(offset, offset + limit)
        found = ranked.candidates.take(np.arange(len(ranked.relevance))[page])
        articles = self.archive.articles(found.rows)
        behind = self._behind(ranked, found.rows, page)
        hits = []
        for at, article in enumerate(articles):
            here = offset + at
            relevance = float(ranked.relevance[here])
            hits.append(
                Hit(
                    article=article,
                    score=relevance,
                    relevance=relevance,
                    similarity=None if found.dense is None else float(found.dense[at]),
                    reasons=self._reasons(ranked, found, here, at),
                    copies=0 if ranked.copies is None else int(ranked.copies[here]),
                    behind=behind.get(at, ()),
                    words=None if found.lexical is None else float(found.lexical[at]),
                    spreads=float(ranked.spreads[here]),
                    lifted=bool(ranked.lifted[here]),
                )
            )
        return hits

    def _behind(self, ranked: _Ranked, rows: Rows, page: slice) -> dict[int, list[Summary]]:
        """Return articles that stand behind hits for having their text, a few each, by the hit's place on the page."""
        if ranked.copies is None or ranked.before is None or not ranked.copies[page].any():
            return {}
        texts, before = self.archive.texts(rows), self.archive.texts(ranked.before)
        found = {}
        for at in np.flatnonzero(ranked.copies[page]).tolist():
            others = ranked.before[(before == texts[at]) & (ranked.before != rows[at])]
            found[at] = self.archive.summaries(others[:_BEHIND])
        return found

    @staticmethod
    def _reasons(ranked: _Ranked, found: Candidates, here: int, at: int) -> list[Reason]:
        """Return why a hit is here: its title is what was typed, its words, its meaning."""
        reasons = []
        if ranked.titled is not None and ranked.titled[here]:
            reasons.append(Reason("title"))
        if found.lexical is not None and found.lexical[at] > 0:
            reasons.append(Reason("words"))
        if found.dense is not None:
            reasons.append(Reason("meaning"))
        return reasons
