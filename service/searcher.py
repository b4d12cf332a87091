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
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.article import Article, shown
from indexer.articles.columns import FACETS, Filters, Mask, micros
from indexer.articles.summaries import Summary
from indexer.changes.changes import Withdrawal
from indexer.changes.journal import Journal
from indexer.files.arrays import Rows
from indexer.index.lexical import Term
from indexer.language import lexicon
from indexer.language.compounds import word_pairs
from indexer.language.lexicon import Abbreviation, ParsedLines, Renaming
from models.encoder import Encoder, Vectors
from models.remembering import QueryVectors
from service.errors import NotFound, NotReady
from service.hits import Answer, Hit, Reason
from service.observing import tracing
from service.options import Options
from service.ranking import fusion
from service.ranking.fusion import Candidates, Scores
from service.related.relating import Relater
from service.rules.applied import RulesInArchive
from service.schemas import RelatedBody, SearchParams, Seed
from service.search import begun, reranking
from service.search.retrieval import LexicalMatches, Retrieval, ScoredCandidates
from service.search.suggest import Suggester, Suggestion
from service.search.understanding import Expansion, Query, Understanding
from service.serving import deadline
from service.serving.beside import BackgroundCall
from service.serving.held_reranker import HeldReranker, RerankingSkipped

STRONG = 0.4
"""Relevance from which on a hit is a strong match (benchmarks/README.md)."""

_BEHIND = 5
"""How many articles of the same text are named behind a hit."""

_FILTERS = 8
"""For how many filters it is kept which articles pass; a byte an article each."""


class _PublicArticles(NamedTuple):
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

    abbreviations: ParsedLines[Abbreviation]
    renamings: ParsedLines[Renaming]
    made: Understanding


@dataclass(frozen=True)
class _RankedHits:
    """The hits of all pages, best first.

    :param z_scores: What it is ordered by, as far as that is measured.
    :param lifted: Which are lifted above the others.
    :param complete: Whether the result set has all that there is to find.
    :param copies: How many others of the same text stand behind each.
    :param rows: Every article row that was found, before one of each text was kept.
    :param second: (n,) float64, the reranker's score of the first hits, NaN of the others; None without a second look.
    """

    candidates: Candidates
    relevance: Scores
    z_scores: Scores
    lifted: Mask
    titled: Mask
    complete: bool
    copies: Rows
    rows: Rows
    second: Scores | None = None

    @property
    def total(self) -> int:
        """Return how many hits there are."""
        return len(self.relevance)

    @property
    def strong(self) -> int:
        """Return how many of them are strong matches."""
        return int(np.count_nonzero(self.relevance >= STRONG))

    def ordered(self, order: NDArray[np.intp]) -> _RankedHits:
        """Return the same hits in another order."""
        return replace(
            self,
            candidates=self.candidates.take(order),
            relevance=self.relevance[order],
            z_scores=self.z_scores[order],
            lifted=self.lifted[order],
            titled=self.titled[order],
            copies=self.copies[order],
        )


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
        self._reranker = reranker
        options = options or Options()
        same = before if before is not None and before.archive.knowledge is archive.knowledge else None
        self._encoder = encoder
        self._asked = asked or QueryVectors()
        self._options = options
        self._public: _PublicArticles | None = None
        self._public_lock = threading.Lock()
        self._withdrawn = ""
        self._held_back: list[Withdrawal] = []
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
        """Return the articles that a query means or names, best first or newest first.

        Without a query: all that pass the filters, newest first.

        :param now: The time that embargoes are held against; the clock's by default.
        :param rerank: Whether the first hits are looked at a second time, where there is a reranker.
        """
        deadline.check("understanding")
        if params.q is None:
            return self._browse(params, now)
        visible = self._allowed(Filters(), now)
        query = self.understanding.understand(params.q, params.literal, partial(self._has, visible))
        visible, excluding, phrased, relaxed = self._operators(query, visible)
        allowed = self._filtered(params.filters(), now, visible if excluding else None)
        tracing.lap("understanding")
        pool = allowed if params.ranking == "similarity" else visible
        lexical = self._lexical(query, params, pool)
        vector = self._vector(query, params.mode)
        tracing.lap("encoding")
        retrieval = Retrieval(self.archive, query, vector, lexical, visible, phrased)
        deadline.check("candidates")
        if params.ranking == "similarity":
            ranked = self._nearest(retrieval, allowed)
        else:
            ranked = self._ranked(retrieval, allowed, params.min_relevance)
        deadline.check("list")
        if params.sort == "newest":
            ranked = self._newest(ranked)
        tracing.lap("ranking")
        degraded = ("encoder",) if vector is None and params.mode != "lexical" else ()
        if rerank and self._is_reranked(params):
            second = self._second_look(query, ranked)
            ranked, degraded = second or ranked, degraded if second else (*degraded, "reranker")
            tracing.lap("reranking")
        facets = self._facets(params, now, retrieval, ranked, visible if excluding else None)
        hits = self._hits(ranked, params.offset, params.limit)
        tracing.lap("reading")
        if query.expansions:
            query = replace(query, expansions=tuple(one for one in query.expansions if self._may_be_told(one, now)))
        return Answer(
            hits, ranked.total, not ranked.complete, query, relaxed, facets, degraded=degraded, strong=ranked.strong
        )

    def _has(self, visible: Mask, token: str) -> bool:
        """Return whether a visible article has a token."""
        return bool(visible[self.archive.having([Term("exact", token)])].any())

    def _filtered(self, filters: Filters, now: datetime | None, visible: Mask | None) -> Mask:
        """Return which articles are public and pass the filters.

        :param visible: What of the public articles is visible, None where all are.
        """
        allowed = self._allowed(filters, now)
        return allowed if visible is None else allowed & visible

    def _browse(self, params: SearchParams, now: datetime | None) -> Answer:
        """Return all articles that pass the filters, newest first; each is as relevant as any other."""
        rows = np.flatnonzero(self._allowed(params.filters(), now))
        whole = np.ones(len(rows))
        rows = rows[fusion.newest_first(self.archive.published[rows], whole, rows)]
        none = np.zeros(len(rows), dtype=np.bool_)
        copies = np.zeros(len(rows), dtype=np.int64)
        ranked = _RankedHits(Candidates(rows), whole, whole, none, none, complete=True, copies=copies, rows=rows)
        tracing.lap("ranking")
        facets = self.archive.facets(rows)
        for field in self._chosen(params):
            without = self._allowed(params.filters_without(field), now)
            facets |= self.archive.facets(np.flatnonzero(without), [field])
        hits = self._hits(ranked, params.offset, params.limit)
        tracing.lap("reading")
        return Answer(hits, len(rows), False, facets=facets, strong=len(rows))

    @staticmethod
    def _chosen(params: SearchParams) -> list[str]:
        """Return the facets of which a value is chosen."""
        return [field for field in FACETS if getattr(params, field)]

    def _facets(
        self,
        params: SearchParams,
        now: datetime | None,
        retrieval: Retrieval,
        ranked: _RankedHits,
        visible: Mask | None,
    ) -> dict[str, list[tuple[str, int]]]:
        """Return how many hits there would be with each value of a facet, in place of the chosen ones of that facet."""
        if params.ranking == "similarity":
            return self.archive.facets(ranked.rows)
        facets = self.archive.facets_of_texts(ranked.rows)
        for field in self._chosen(params):
            allowed = self._filtered(params.filters_without(field), now, visible)
            others = self._ranked(retrieval, allowed, params.min_relevance)
            facets[field] = self.archive.facets_of_texts(others.rows)[field]
        return facets

    def _may_be_told(self, expansion: Expansion, now: datetime | None) -> bool:
        """Return whether no more is told by an expansion than public articles do: they spell it out."""
        if not expansion.mined:
            return True
        parts = max(expansion.typed.split(), expansion.also.split(), key=len)
        having = self.archive.having([Term("exact", token) for token in (*parts, *word_pairs(parts))])
        return bool(self.public(now)[having].any())

    def _operators(self, query: Query, public: Mask) -> tuple[Mask, bool, Rows, tuple[str, ...]]:
        """Return what exclusions leave, whether there are any, which articles have the phrases, what is passed over."""
        relaxed, excluding = [], False
        visible = public
        if query.excluded:
            left = public.copy()
            for term in query.excluded:
                left[self.archive.having([term])] = False
            if left.any():
                visible, excluding = left, True
            else:
                relaxed.append("exclusion")
        having = [self.archive.having(phrase) for phrase in query.phrases]
        phrased = np.unique(np.concatenate(having)) if having else np.empty(0, np.int64)
        phrased = phrased[visible[phrased]]
        if query.phrases and not len(phrased):
            relaxed.append("phrase")
        return visible, excluding, phrased, tuple(relaxed)

    def _lexical(self, query: Query, params: SearchParams, pool: Mask) -> Callable[[Mask], LexicalMatches] | None:
        """Return how to find what words do, which begins beside encoding; None where they are not asked.

        :param pool: What is looked at first.
        """
        if params.mode == "dense":
            return None
        matches = LexicalMatches.best if params.ranking == "similarity" else LexicalMatches.speaking
        find = partial(matches, self.archive, query)
        if params.mode == "lexical":
            return find
        begun = BackgroundCall(partial(find, pool))
        return lambda allowed: begun.result() if allowed is pool else find(allowed)

    def _vector(self, query: Query, mode: str) -> Vectors | None:
        """Return what the query means, (dim,) float32; None where meaning is not asked, or cannot be had.

        :raises NotReady: if it cannot be had, and nothing else was asked for.
        """
        if mode == "lexical":
            return None
        deadline.check("encoding")
        try:
            vector = self._asked.encode(self._encoder(), query.text, query.gloss)
            if query.besides is None:
                return vector
            return fusion.centroid(np.stack([vector, self._asked.encode(self._encoder(), query.besides)]))
        except NotReady:
            if mode == "dense":
                raise
            return None

    def _nearest(self, retrieval: Retrieval, allowed: Mask) -> _RankedHits:
        """Return the allowed articles by measured likeness, each for itself, related or not."""
        found = retrieval.nearest(allowed)
        scores = retrieval.scored(found)
        order, relevance = _best_first(scores)
        none = np.zeros(len(order), dtype=np.int64)
        return _RankedHits(
            scores.candidates.take(order),
            relevance,
            (scores.z_scores - scores.lifts)[order],
            scores.lifts[order] > 0,
            scores.titled[order],
            found.complete,
            none,
            found.rows,
        )

    def _ranked(self, retrieval: Retrieval, allowed: Mask, least: float) -> _RankedHits:
        """Return the result set, best first, each text once.

        :param least: The least relevance of a hit.
        """
        members = retrieval.result_set(allowed)
        found = retrieval.scored(members)
        order, relevance = _best_first(found)
        if least > 0:
            kept = found.relevance[order] >= least
            order, relevance = order[kept], relevance[kept]
        rows = found.candidates.rows[order]
        one = fusion.collapse(self.archive.texts(rows), self.archive.published[rows], np.arange(len(rows)))
        heads, best = order[one.heads], order[one.best]  # a reprint that stands for its text is as relevant as the best
        return _RankedHits(
            found.candidates.take(heads),
            relevance[one.best],
            (found.z_scores - found.lifts)[best],
            found.lifts[best] > 0,
            found.titled[heads],
            members.complete,
            one.members - 1,
            rows,
        )

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
    def _relating(self) -> Relater:
        options = self._options
        return Relater(self.archive, self._encoder, self.rules, options.classes, options.related)

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
        self.suggest("zzz", 1)  # what all suggestions need, and no titles
        self.understanding.understand("zz")
        newest = self.archive.first_newest(self.public(), 1)
        with np.errstate(all="ignore"):  # whether vectors are damaged is found by their digest
            for one in self.archive.summaries(newest):
                self.related(RelatedBody(seed=Seed(ids=[one.id]), limit=1))

    def public(self, now: datetime | None = None) -> Mask:
        """Return which articles may be seen, (articles,) bool."""
        return self._allowed(Filters(), now)

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
                known = self._public = _PublicArticles(moment, mask, until, {})
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

    def _is_reranked(self, params: SearchParams) -> bool:
        """Return whether a search is of the kind that is looked at twice, and shows any of what is."""
        served = (params.ranking, params.mode, params.sort) == ("relevance", "hybrid", "relevance")
        return self._reranker is not None and served and params.offset < reranking.FIRST

    def _second_look(self, query: Query, ranked: _RankedHits) -> _RankedHits | None:
        """Return the same hits, the first of them in the reranker's order; None where it is skipped.

        Relevance stays with the places: it says how likely what stands there is right, and where strong matches end.
        """
        assert self._reranker is not None
        first = min(reranking.FIRST, ranked.total)
        if first < 2:
            return ranked
        texts = reranking.passages(self.archive, ranked.candidates.rows[:first], query.wanted)
        try:
            scores = self._reranker.score(query.text, texts)
        except RerankingSkipped:
            return None
        order = np.arange(ranked.total)
        order[:first] = reranking.order(ranked.lifted[:first], scores)
        second = np.full(ranked.total, np.nan)
        second[:first] = scores[order[:first]]
        return replace(ranked.ordered(order), relevance=ranked.relevance, second=second)

    def _newest(self, ranked: _RankedHits) -> _RankedHits:
        rows = ranked.candidates.rows
        return ranked.ordered(fusion.newest_first(self.archive.published[rows], ranked.relevance, rows))

    def _hits(self, ranked: _RankedHits, offset: int, limit: int) -> list[Hit]:
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
                    copies=int(ranked.copies[here]),
                    behind=behind.get(at, ()),
                    words=None if found.lexical is None else float(found.lexical[at]),
                    spreads=float(ranked.z_scores[here]),
                    lifted=bool(ranked.lifted[here]),
                    second=None if ranked.second is None or here >= reranking.FIRST else float(ranked.second[here]),
                )
            )
        return hits

    def _behind(self, ranked: _RankedHits, rows: Rows, page: slice) -> dict[int, list[Summary]]:
        """Return articles that stand behind hits for having their text, a few each, by the hit's place on the page."""
        if not ranked.copies[page].any():
            return {}
        texts, before = self.archive.texts(rows), self.archive.texts(ranked.rows)
        found = {}
        for at in np.flatnonzero(ranked.copies[page]).tolist():
            others = ranked.rows[(before == texts[at]) & (ranked.rows != rows[at])]
            found[at] = self.archive.summaries(others[:_BEHIND])
        return found

    @staticmethod
    def _reasons(ranked: _RankedHits, found: Candidates, here: int, at: int) -> list[Reason]:
        """Return why a hit is here: its title is what was typed, its words, its meaning."""
        reasons = []
        if ranked.titled[here]:
            reasons.append(Reason("title"))
        if found.lexical is not None and found.lexical[at] > 0:
            reasons.append(Reason("words"))
        if found.dense is not None:
            reasons.append(Reason("meaning"))
        return reasons


def _best_first(found: ScoredCandidates) -> tuple[NDArray[np.intp], Scores]:
    """Return the order of (n,) candidates, best first, ties by row, and the relevance of each in that order.

    Nothing is said to be less relevant than what stands below it.
    """
    order = (-found.z_scores).argsort(kind="stable")
    return order, np.maximum.accumulate(found.relevance[order][::-1])[::-1]
