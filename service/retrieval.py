"""Retrieval for search: from a query that is understood to candidates with one fused score.

Meaning comes from the vectors, words from the inverted index; what one of them found, the other scores as well.
Knows nothing of requests, order, pages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer import calibration
from indexer.archive import Archive
from indexer.columns import Mask
from indexer.vectors import Rows, Vectors
from service import ranking
from service.query import Query
from service.ranking import Candidates, Scores

_LEAST_SPREAD = 1e-3
_FOREIGN_SHIFT = 0.5
"""By how many spreads the related articles of a query in another language lie lower (xquad_vi: median 5.6, 6.3)."""

_WORDED = 400
"""How many candidates words bring beside those of meaning; further down they decide nothing."""

_FEEDBACK = 10
"""How many of the best hits of a short query say what it is about (pseudo-relevance feedback; Rocchio, 1971)."""


@dataclass(frozen=True)
class Found:
    """Candidates, in the order of their rows.

    :param spreads: (n,) fused scores, in standard deviations above what unrelated articles get.
    :param relevance: (n,) from 0 to 1: that meaning or words, taken by themselves, say that it is related.
    :param titled: (n,) bool, which bear exactly the title that was typed.
    :param unseen: The most that an allowed article can be relevant that is not among them; 0 if there is none.
    """

    candidates: Candidates
    spreads: Scores
    relevance: Scores
    titled: Mask
    unseen: float


def retrieve(
    archive: Archive, query: Query, vector: Vectors | None, words: bool, k: int, allowed: Mask, phrased: Rows
) -> Found:
    """Return the allowed articles that meaning or words find.

    :param vector: The query's embedding, (dim,) float32, None where meaning is not asked.
    :param words: Whether words are asked.
    :param k: How many candidates each of them brings at least.
    :param phrased: Rows that have a quoted phrase; they stand above all but exact titles.
    """
    near, cosines = _nearest(archive, vector, k, allowed)
    most = k if vector is None else min(k, _WORDED)
    worded, scores = archive.matching(query.words, most, allowed) if words else _none()
    titled = archive.titled(" ".join(query.parts), query.bare and query.restored is None) if words else _none()[0]
    titled = titled[allowed[titled]]
    rows = _distinct(np.concatenate([near, worded, titled, phrased]))
    lexical = _placed(rows, worded, scores, 0.0) if words else None
    dense = meaning = None
    if vector is not None:
        dense = _placed(rows, near, cosines, np.nan)
        missing = np.isnan(dense)
        dense[missing] = archive.similarities(vector, rows[missing])
        meaning = archive.background.spreads(vector, dense)
    said = _Said.of(archive, query, lexical)
    weight = ranking.word_weight(len(query.parts)) * (1.0 if meaning is None else said.evidence * query.trust)
    fused = ranking.fuse(meaning, said.spreads, weight)
    if query.short and meaning is not None and words:
        fused += ranking.FEEDBACK_WEIGHT * _feedback(archive, rows, fused)
    related = _related(archive, query, meaning, said)
    left_out = int(np.count_nonzero(allowed)) > len(rows)
    unseen = _related(archive, query, _last(rows, near, meaning), said.last(rows, worded, most)) if left_out else [0.0]
    lifted, quoted = _among(rows, titled), _among(rows, phrased)
    related[lifted | quoted] = 1.0
    fused = fused + ranking.TITLE_BONUS * lifted + ranking.PHRASE_BONUS * quoted
    return Found(Candidates(rows, dense, lexical), fused, related, lifted, float(unseen[0]))


def _related(archive: Archive, query: Query, meaning: Scores | None, said: _Said) -> Scores:
    """Return the relevance of (n,) candidates: that meaning or words, each by itself, say so."""
    unrelated = np.ones(len(said.shares))
    if meaning is not None:
        shift = _FOREIGN_SHIFT if query.foreign else 0.0
        unrelated = 1 - archive.background.of_spreads(meaning + shift, calibration.QUERIES)
    if said.spreads is not None:
        unrelated = unrelated * (1 - calibration.WORDS.at(said.shares) * query.trust)
    return 1 - unrelated


def _last(rows: Rows, some: Rows, values: Scores | None) -> Scores | None:
    """Return the value of the last of some rows, (1,): no row that is not among them has more."""
    return None if values is None else values[np.searchsorted(rows, some[-1:])]


@dataclass(frozen=True)
class _Said:
    """What words say of the candidates.

    :param spreads: (n,) how far their scores are above chance, None where no words were asked.
    :param shares: (n,) their scores, of what an article has that has every word once.
    :param evidence: How much the words say at all, 0 to 1.
    """

    spreads: Scores | None
    shares: Scores
    evidence: float

    @classmethod
    def of(cls, archive: Archive, query: Query, scores: NDArray[np.float32] | None) -> _Said:
        if scores is None:
            return cls(None, np.zeros(1), 0.0)
        chance = archive.chance(query.words)
        exact = scores.astype(np.float64)
        shares = exact / max(chance.whole, _LEAST_SPREAD)
        spreads = (exact - chance.mean) / max(chance.spread, _LEAST_SPREAD)
        return cls(spreads, shares, ranking.evidence(float(shares.max(initial=0.0))))

    def last(self, rows: Rows, worded: Rows, most: int) -> _Said:
        """Return the same of the last of the rows that words found, (1,), nothing where they found no more."""
        if self.spreads is None:
            return self
        at = np.searchsorted(rows, worded[-1:]) if len(worded) >= most else np.empty(0, dtype=np.int64)
        shares = self.shares[at] if len(at) else np.zeros(1)
        return _Said(np.zeros(1), shares, self.evidence)


def _nearest(archive: Archive, vector: Vectors | None, k: int, allowed: Mask) -> tuple[Rows, Vectors]:
    if vector is None:
        return _none()
    rows, cosines, _ = archive.nearest(vector, k, allowed)
    return rows, cosines


def _distinct(rows: Rows) -> Rows:
    """Return rows sorted, each once; on so few, sorting beats the hashing of np.unique."""
    rows = np.sort(rows)
    return rows[np.concatenate([[True], rows[1:] != rows[:-1]])] if len(rows) else rows


def _none() -> tuple[Rows, Vectors]:
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


def _placed(rows: Rows, some: Rows, values: Vectors, otherwise: float) -> NDArray[np.float32]:
    placed = np.full(len(rows), otherwise, dtype=np.float32)
    placed[np.searchsorted(rows, some)] = values
    return placed


def _among(rows: Rows, some: Rows) -> Mask:
    """Return which of (n,) sorted rows are some of them, (n,) bool; np.isin would sort them anew."""
    among = np.zeros(len(rows), dtype=np.bool_)
    among[np.searchsorted(rows, some)] = True
    return among


def _feedback(archive: Archive, rows: Rows, fused: Scores) -> Scores:
    """Return how near each candidate is to the best ones' common meaning, in spreads."""
    best = np.argsort(-fused, kind="stable")[:_FEEDBACK]
    if not len(best):
        return np.zeros(0)
    weights = np.exp((fused[best] - fused[best].max()) / 2)
    vectors = archive.first_vectors(rows[best])
    middle = ranking.centroid(np.asarray(weights / weights.sum(), np.float32)[:, None] * vectors * len(best))
    return archive.background.spreads(middle, archive.similarities(middle, rows))
