"""Ranking as pure functions on arrays. No I/O, no clock, no settings: what a rule needs is handed in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Article rows with what each retriever says of them; either may be absent.

    :param rows: (n,) int64, distinct.
    :param dense: (n,) float32 cosines, or None.
    :param lexical: (n,) float32 scores of words, or None.
    """

    rows: Rows
    dense: NDArray[np.float32] | None = None
    lexical: NDArray[np.float32] | None = None

    def take(self, order: NDArray[np.intp]) -> Candidates:
        """Return the candidates at these places, in their order."""
        dense = None if self.dense is None else self.dense[order]
        lexical = None if self.lexical is None else self.lexical[order]
        return Candidates(self.rows[order], dense, lexical)


def by_score(scores: Scores, rows: Rows) -> NDArray[np.intp]:
    """Return the order of (n,) scores, best first, ties by row so that paging is stable."""
    return np.lexsort((rows, -scores))


def newest_first(published: Rows, scores: Scores, rows: Rows) -> NDArray[np.intp]:
    """Return the order by (n,) publication times, newest first, undated (the smallest int64) last, then by score."""
    return np.lexsort((rows, -scores, ~published))


def collapse(groups: Rows, published: Rows, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return an order with one place for each group: its newest member, at the place of its best.

    :param groups: (n,) int64, equal for candidates of one text.
    :param published: (n,) int64 times, the smallest int64 where there is none.
    :param order: (n,) places, best first.
    """
    ordered = groups[order]
    _, first = np.unique(ordered, return_index=True)
    newest = np.lexsort((np.arange(len(order)), ~published[order], ordered))
    heads = newest[np.unique(ordered[newest], return_index=True)[1]]
    # `first` and `heads` are both sorted by group: the n-th group first stands at first[n] and shows heads[n].
    return order[heads[np.argsort(first, kind="stable")]]


def centroid(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the unit vector of the mean of (n, dim) float32 unit vectors; of opposite ones, the first."""
    mean = vectors.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, dtype=np.float32) if length > 1e-6 else vectors[0]
