"""The order of a search's hits: by relevance, by date, by the reranker. Knows nothing of how they were found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.files.arrays import Rows
from service.ranking import fusion
from service.ranking.fusion import Candidates, Scores
from service.search import reranking
from service.search.retrieval import ScoredCandidates

STRONG = 0.4
"""Relevance from which on a hit is a strong match (benchmarks/README.md)."""


@dataclass(frozen=True)
class RankedHits:
    """The hits of all pages, best first.

    :param relevance: (n,) from 0 to 1.
    :param z_scores: (n,) float64 fused scores, without the bonus of lifted hits; 1 where nothing was scored.
    :param lifted: (n,) bool, which are lifted above the others.
    :param titled: (n,) bool, which bear exactly the title that was typed.
    :param complete: Whether the result set has all that there is to find.
    :param copies: (n,) int64, how many others of the same text stand behind each.
    :param rows: (found,) int64, the rows of all found articles of at least the least relevance, copies included.
    :param reranked: (n,) float64, the scores of a second look, NaN of hits behind the first; None without one.
    """

    candidates: Candidates
    relevance: Scores
    z_scores: Scores
    lifted: Mask
    titled: Mask
    complete: bool
    copies: Rows
    rows: Rows
    reranked: Scores | None = None

    @property
    def total(self) -> int:
        """Return how many hits there are."""
        return len(self.relevance)

    @property
    def strong(self) -> int:
        """Return how many of them are strong matches."""
        return int(np.count_nonzero(self.relevance >= STRONG))

    def ordered(self, order: NDArray[np.intp]) -> RankedHits:
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


def listed(rows: Rows, archive: Archive) -> RankedHits:
    """Return all of these articles, newest first; each is as relevant as any other."""
    whole = np.ones(len(rows))
    rows = rows[fusion.newest_first(archive.published[rows], whole, rows)]
    none = np.zeros(len(rows), dtype=np.bool_)
    copies = np.zeros(len(rows), dtype=np.int64)
    return RankedHits(Candidates(rows), whole, whole, none, none, complete=True, copies=copies, rows=rows)


def each(found: ScoredCandidates) -> RankedHits:
    """Return all candidates, best first, each for itself."""
    order, relevance = _best_first(found)
    return RankedHits(
        found.candidates.take(order),
        relevance,
        (found.z_scores - found.lifts)[order],
        found.lifts[order] > 0,
        found.titled[order],
        found.complete,
        np.zeros(len(order), dtype=np.int64),
        found.candidates.rows,
    )


def one_of_each_text(found: ScoredCandidates, archive: Archive, least: float) -> RankedHits:
    """Return the candidates, best first, each text once.

    :param least: The least relevance of a hit.
    """
    order, relevance = _best_first(found)
    if least > 0:
        kept = found.relevance[order] >= least
        order, relevance = order[kept], relevance[kept]
    rows = found.candidates.rows[order]
    one = fusion.collapse(archive.texts(rows), archive.published[rows], np.arange(len(rows)))
    heads, best = order[one.heads], order[one.best]  # a reprint that stands for its text is as relevant as the best
    return RankedHits(
        found.candidates.take(heads),
        relevance[one.best],
        (found.z_scores - found.lifts)[best],
        found.lifts[best] > 0,
        found.titled[heads],
        found.complete,
        one.members - 1,
        rows,
    )


def newest_first(ranked: RankedHits, archive: Archive) -> RankedHits:
    """Return the same hits, newest first."""
    rows = ranked.candidates.rows
    return ranked.ordered(fusion.newest_first(archive.published[rows], ranked.relevance, rows))


def reranked(ranked: RankedHits, scores: NDArray[np.float64]) -> RankedHits:
    """Return the same hits, the first of them in the reranker's order.

    Relevance stays with the places. It says how likely a hit at this place is right, and where strong matches end.

    :param scores: (first,) the reranker's.
    """
    first, order, shown = len(scores), np.arange(ranked.total), np.full(ranked.total, np.nan)
    order[:first] = reranking.order(ranked.lifted[:first], scores)
    shown[:first] = scores[order[:first]]
    return replace(ranked.ordered(order), relevance=ranked.relevance, reranked=shown)


def _best_first(found: ScoredCandidates) -> tuple[NDArray[np.intp], Scores]:
    """Return the order of (n,) candidates, best first, ties by row, and the relevance of each in that order.

    Nothing is said to be less relevant than what stands below it.
    """
    order = (-found.z_scores).argsort(kind="stable")
    return order, np.maximum.accumulate(found.relevance[order][::-1])[::-1]
