"""The owners of a segment's vectors: from vector rows to article rows and back, mapped from disk.

An article owns one vector, and articles of equal text share it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.files.arrays import Mask, Rows

_Numbers = NDArray[np.int32]
_BY_VECTOR, _BY_ARTICLE = ("owner", "vector_start"), ("owned", "article_start")


def write_owners(directory: Path, owned: _Numbers, vectors: int) -> None:
    """Write the files that `Owners` reads.

    :param owned: (articles,) int32, the vector row of each article.
    :param vectors: How many vectors there are.
    """
    owner = np.argsort(owned, kind="stable")
    written = (owner, np.searchsorted(owned[owner], np.arange(vectors + 1)), owned, np.arange(len(owned) + 1))
    for name, values in zip((*_BY_VECTOR, *_BY_ARTICLE), written, strict=True):
        arrays.save(f"{directory}/{name}.npy", np.ascontiguousarray(values, dtype=np.int32))


class Owners:
    """The ownerships of a segment.

    :param directory: Where `write_owners` put them.
    :raises ValueError: if an article owns more or fewer vectors than one.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> _Numbers:
            return arrays.mapped(f"{directory}/{name}.npy")

        self._owner, self._vector_start = map(load, _BY_VECTOR)
        self._owned, starts = map(load, _BY_ARTICLE)
        if not np.array_equal(starts, np.arange(len(self._owned) + 1)):
            raise ValueError(f"{directory}: articles with several vectors or none: expected one of each")

    @property
    def articles(self) -> int:
        """Return the number of articles."""
        return len(self._owned)

    @property
    def vectors(self) -> int:
        """Return the number of vectors."""
        return len(self._vector_start) - 1

    def of_articles(self, articles: Rows) -> Rows:
        """Return the vector that each of (n,) articles owns, (n,) int64: equal for articles of one text."""
        return self._owned[articles].astype(np.int64)

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
