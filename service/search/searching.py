"""Search: from a query to one page of hits.

Owns the order of the steps: understanding, scope, candidates, ranking, a second look, facets, hits. Each step is a
module beside this one. Knows nothing of Flask, of editors' files, nor of words that a reader sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np

from indexer.archive import Archive
from indexer.articles.columns import FACETS, Mask
from indexer.index.lexical_query import Term
from indexer.language.compounds import word_pairs
from models.encoder import Encoder, Vectors
from models.remembering import QueryVectors
from service.errors import NotReady
from service.hits import Answer
from service.observing import tracing
from service.public import PublicArticles
from service.query.understanding import Expansion, Query, Understanding
from service.ranking import fusion
from service.schemas import SearchParams
from service.search import hit_page, ranked_hits, reranking
from service.search.ranked_hits import RankedHits
from service.search.retrieval import LexicalMatches, LexicalSearch, Retrieval
from service.search.scope import SearchScope
from service.serving import deadline
from service.serving.held_reranker import HeldReranker, RerankingSkipped

_Facets = dict[str, list[tuple[str, int]]]


class QuerySearch:
    """Searches one archive.

    :param encoder: Returns the encoder, or raises `NotReady`; called only where a text has to be encoded.
    :param asked: Keeps the vectors of what was searched for.
    :param reranker: Looks at the first hits a second time; None for no second look.
    """

    def __init__(
        self,
        archive: Archive,
        public: PublicArticles,
        encoder: Callable[[], Encoder],
        asked: QueryVectors,
        reranker: HeldReranker | None,
    ) -> None:
        self._archive = archive
        self._public = public
        self._encoder = encoder
        self._asked = asked
        self._reranker = reranker

    def search(
        self, params: SearchParams, understanding: Understanding, now: datetime | None = None, rerank: bool = True
    ) -> Answer:
        """Return the articles that a query means or names, best first or newest first.

        Without a query: all that pass the filters, newest first.

        :param now: The time that embargoes are held against; the clock's by default.
        :param rerank: Whether the first hits are looked at a second time, where there is a reranker.
        """
        deadline.check("understanding")
        if params.q is None:
            return self._browse(params, now)
        public, passing = self._public.mask(now=now), self._public.mask(params.filters(), now)
        query = understanding.understand(params.q, params.literal, partial(self._archive.has, public))
        scope = SearchScope.of(self._archive, query, public)
        allowed = scope.within(passing)
        tracing.lap("understanding")
        retrieval = self._retrieval(query, params, scope, allowed)
        degraded = () if retrieval.by_meaning or params.mode == "lexical" else ("encoder",)
        deadline.check("candidates")
        ranked = self._ranked(retrieval, params, allowed)
        deadline.check("list")
        if params.sort == "newest":
            ranked = ranked_hits.newest_first(ranked, self._archive)
        tracing.lap("ranking")
        if rerank and self._is_reranked(params):
            second = self._second_look(query, ranked)
            ranked, degraded = second or ranked, degraded if second else (*degraded, "reranker")
            tracing.lap("reranking")
        facets = self._facets(retrieval, params, ranked, scope, now)
        hits = hit_page.read(self._archive, ranked, params.offset, params.limit)
        tracing.lap("reading")
        return Answer(
            hits,
            ranked.total,
            not ranked.complete,
            self._tellable(query, public),
            scope.relaxed,
            facets,
            degraded=degraded,
            strong=ranked.strong,
        )

    def _browse(self, params: SearchParams, now: datetime | None) -> Answer:
        """Return all articles that pass the filters, newest first."""
        rows = np.flatnonzero(self._public.mask(params.filters(), now))
        ranked = ranked_hits.listed(rows, self._archive)
        tracing.lap("ranking")
        facets = self._archive.facets(rows)
        for field in _chosen(params):
            without = self._public.mask(params.filters_without(field), now)
            facets |= self._archive.facets(np.flatnonzero(without), [field])
        hits = hit_page.read(self._archive, ranked, params.offset, params.limit)
        tracing.lap("reading")
        return Answer(hits, ranked.total, False, facets=facets, strong=ranked.total)

    def _retrieval(self, query: Query, params: SearchParams, scope: SearchScope, allowed: Mask) -> Retrieval:
        """Encode the query, and find its words meanwhile."""
        lexical = None
        if params.mode != "dense":
            pool = allowed if params.ranking == "similarity" else scope.visible
            matches = LexicalMatches.best if params.ranking == "similarity" else LexicalMatches.speaking
            lexical = LexicalSearch(partial(matches, self._archive, query), pool, begin=params.mode == "hybrid")
        vector = None if params.mode == "lexical" else self._vector(query, params.mode)
        tracing.lap("encoding")
        return Retrieval(self._archive, query, vector, lexical, scope.visible, scope.phrased)

    def _vector(self, query: Query, mode: str) -> Vectors | None:
        """Return the query's vector, (dim,) float32; None if the encoder is unavailable.

        :raises NotReady: if the encoder is unavailable and the mode is `dense`.
        """
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

    def _ranked(self, retrieval: Retrieval, params: SearchParams, allowed: Mask) -> RankedHits:
        if params.ranking == "similarity":
            return ranked_hits.each(retrieval.nearest(allowed))
        return ranked_hits.one_of_each_text(retrieval.found(allowed), self._archive, params.min_relevance)

    def _is_reranked(self, params: SearchParams) -> bool:
        """Return whether a search is of a kind that is reranked, and its page begins within the reranked hits."""
        served = (params.ranking, params.mode, params.sort) == ("relevance", "hybrid", "relevance")
        return self._reranker is not None and served and params.offset < reranking.FIRST

    def _second_look(self, query: Query, ranked: RankedHits) -> RankedHits | None:
        """Return the same hits in the order of a second look; None where it is skipped."""
        assert self._reranker is not None
        first = min(reranking.FIRST, ranked.total)
        if first < 2:
            return ranked
        texts = reranking.passages(self._archive, ranked.candidates.rows[:first], query.wanted)
        try:
            return ranked_hits.reranked(ranked, self._reranker.score(query.text, texts))
        except RerankingSkipped:
            return None

    def _facets(
        self, retrieval: Retrieval, params: SearchParams, ranked: RankedHits, scope: SearchScope, now: datetime | None
    ) -> _Facets:
        """Return the number of hits for each value of each facet.

        A facet is counted without the filter by its own chosen values, but with it if `ranking` is `similarity`.
        """
        if params.ranking == "similarity":
            return self._archive.facets(ranked.rows)
        facets = self._archive.facets_of_texts(ranked.rows)
        for field in _chosen(params):
            allowed = scope.within(self._public.mask(params.filters_without(field), now))
            if params.min_relevance > 0:
                rows = self._ranked(retrieval, params, allowed).rows
            else:  # then relevance keeps nothing out, and need not be worked out
                rows = retrieval.result_set(allowed).rows
            facets[field] = self._archive.facets_of_texts(rows)[field]
        return facets

    def _tellable(self, query: Query, public: Mask) -> Query:
        """Return the query without expansions that only articles hidden from the public give."""
        told = tuple(one for one in query.expansions if self._may_be_told(one, public))
        return query if len(told) == len(query.expansions) else replace(query, expansions=told)

    def _may_be_told(self, expansion: Expansion, public: Mask) -> bool:
        """Return whether an expansion may be shown: it is not mined, or a public article has all its words."""
        if not expansion.mined:
            return True
        parts = max(expansion.typed.split(), expansion.also.split(), key=len)
        having = self._archive.having([Term("exact", token) for token in (*parts, *word_pairs(parts))])
        return bool(public[having].any())


def _chosen(params: SearchParams) -> Sequence[str]:
    """Return the facets of which a value is chosen."""
    return [field for field in FACETS if getattr(params, field)]
