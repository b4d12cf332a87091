"""The owners of a segment's vectors: from vector rows to article rows and back, mapped from disk.

An article may own several vectors, and articles of equal text share one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.files.arrays import Mask, Rows

_Numbers = NDArray[np.int32]
_BY_VECTOR, _BY_ARTICLE = ("owner", "vector_start"), ("owned", "article_start")


def write_owners(directory: Path, pairs: _Numbers, vectors: int, articles: int) -> None:
    """Write the files that `Owners` reads.

    :param pairs: (p, 2) int32, vector row and article row of each ownership, each once, in any order.
    :param vectors: How many vectors there are.
    :param articles: How many articles there are.
    """
    by_vector = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    by_article = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
    for names, held, column, count in ((_BY_VECTOR, by_vector, 0, vectors), (_BY_ARTICLE, by_article, 1, articles)):
        starts = np.searchsorted(held[:, column], np.arange(count + 1))
        for name, values in zip(names, (held[:, 1 - column], starts), strict=True):
            arrays.save(f"{directory}/{name}.npy", np.ascontiguousarray(values, dtype=np.int32))


class Owners:
    """The ownerships of a segment.

    :param directory: Where `write_owners` put them.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> _Numbers:
            return arrays.mapped(f"{directory}/{name}.npy")

        self._owner, self._vector_start = map(load, _BY_VECTOR)
        self._owned, self._article_start = map(load, _BY_ARTICLE)
        self.most = int(np.diff(self._article_start).max(initial=1))
        """The most vectors that one article owns."""

    @property
    def articles(self) -> int:
        """Return the number of articles."""
        return len(self._article_start) - 1

    @property
    def vectors(self) -> int:
        """Return the number of vectors."""
        return len(self._vector_start) - 1

    def of_article(self, article: int) -> Rows:
        """Return the vectors that an article owns, (n,) int64."""
        return self._owned[self._article_start[article] : self._article_start[article + 1]].astype(np.int64)

    def counts(self, articles: Rows) -> Rows:
        """Return how many vectors each of (n,) articles owns, (n,) int64."""
        return (self._article_start[articles + 1] - self._article_start[articles]).astype(np.int64)

    def first(self, articles: Rows) -> Rows:
        """Return the first vector that each of (n,) articles owns, (n,) int64: equal for articles of one text."""
        return self._owned[self._article_start[articles]].astype(np.int64)

    def nth(self, articles: Rows, at: int) -> tuple[Mask, Rows]:
        """Return which of (n,) articles own more than `at` vectors, (n,) bool, and vector `at` of each, (m,) int64."""
        places = self._article_start[articles] + at
        there = places < self._article_start[articles + 1]
        return there, self._owned[places[there]].astype(np.int64)

    def of_vectors(self, vectors: Rows) -> tuple[Rows, Rows]:
        """Return the articles that own (n,) vectors, in the vectors' order.

        :return: (m,) int64 articles, and (m,) int64 places of their vectors among the n.
        """
        starts = self._vector_start[vectors].astype(np.int64)
        counts = self._vector_start[vectors + 1] - starts
        if len(counts) and counts.min() == counts.max() == 1:
            return self._owner[starts].astype(np.int64), np.arange(len(vectors))
        at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return self._owner[at].astype(np.int64), np.repeat(np.arange(len(vectors)), counts)

    def owned_by(self, allowed: Mask) -> Mask:
        """Return which vectors have an owner among the allowed articles.

        :param allowed: (articles,) bool.
        :return: (vectors,) bool.
        """
        counts = np.diff(self._vector_start)
        if len(counts) and counts.min() == counts.max() == 1:
            return allowed[self._owner]
        owned = np.zeros(self.vectors, dtype=np.bool_)
        vectors = np.repeat(np.arange(self.vectors), counts)
        owned[vectors[allowed[self._owner]]] = True
        return owned

    @property
    def first_owners(self) -> _Numbers:
        """Return the first article that owns each vector, (vectors,) int32, -1 for none."""
        there = np.diff(self._vector_start) > 0
        found = np.full(self.vectors, -1, dtype=np.int32)
        found[there] = self._owner[self._vector_start[:-1][there]]
        return found
