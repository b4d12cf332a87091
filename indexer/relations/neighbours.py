"""Neighbours: for each text of a segment the others that may be related to it, found once while indexing.

A published article's related list starts from these, so that no index is searched while a reader waits. Meaning brings
most of them, rare words they have in common the rest. Texts are numbered through the segments of the archive, as their
vectors are. A segment knows neighbours in itself and in those before it; in those that were added later one looks while
the reader waits (`Archive.neighbours`), since they are small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.files.arrays import Rows
from indexer.files.progress import Progress
from indexer.index.protocols import VectorIndex
from indexer.relations.earlier import EarlierSegments
from indexer.relations.terms import Terms
from models.encoder import Vectors

MEANT = 100
"""How many neighbours meaning brings; with all texts instead, `loose` among 6,000 others gains 0.0005 nDCG@10."""

WORDED = 28
"""How many more rare words bring, those of the same segment."""

RARE = 100
"""In how many texts a word may stand that counts as rare."""

NEIGHBOURS = "neighbours.npy"
_COSINES, _SHARED = "cosines.npy", "shared_terms.npy"
_CHUNK = 512


class TextNeighbours(NamedTuple):
    """The neighbours of a text.

    :param texts: (n,) int64 vector rows, counted through the segments.
    :param cosines: (n,) float32 of their vectors.
    :param shared: (n,) float32 cosines of their term vectors.
    """

    texts: Rows
    cosines: Vectors
    shared: NDArray[np.float32]


def write_neighbours(
    directory: Path,
    index: VectorIndex,
    terms: Terms,
    earlier: EarlierSegments | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> None:
    """Find and write the neighbours of every text of a segment.

    :param directory: Where the files lie.
    :param earlier: The segments before it, None for the first.
    """
    shape = (index.count, MEANT + WORDED)
    found = arrays.new(directory / NEIGHBOURS, np.int32, shape)
    cosines = arrays.new(directory / _COSINES, np.float32, shape)
    shared = arrays.new(directory / _SHARED, np.float16, shape)
    first = earlier.text_count if earlier else 0
    sharing = terms.sharing(RARE, MEANT)
    for start in range(0, index.count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, index.count))
        for text, meant in zip(rows, _meant(index, rows, first, earlier), strict=True):
            known = set(meant.tolist())
            worded = [other for other in (next(sharing) + first).tolist() if other not in known][:WORDED]
            texts = np.concatenate([meant, np.array(worded, dtype=np.int64)])
            found[text, : len(texts)], found[text, len(texts) :] = texts, -1
            cosines[text, : len(texts)] = _cosines(index, int(text), texts, first, earlier)
            shared[text, : len(texts)] = _terms(terms, int(text), texts, first, earlier)
        progress("relating", int(rows[-1]) + 1, index.count)
    for written in (found, cosines, shared):
        written.flush()


def _meant(index: VectorIndex, rows: Rows, first: int, earlier: EarlierSegments | None) -> list[Rows]:
    """Return the nearest texts of each of (n,) texts, in the segment and before it, itself not among them."""
    queries = index.reconstruct(rows)
    own = [(near + first, cosines) for near, cosines in index.search(queries, MEANT + 1)]
    if earlier:
        before = earlier.nearest_texts(queries, MEANT)
        own = [
            (np.concatenate([texts, others]), np.concatenate([cosines, of_others]))
            for (texts, cosines), (others, of_others) in zip(own, before, strict=True)
        ]
    found = []
    for row, (near, cosines) in zip(rows + first, own, strict=True):
        best = near[np.lexsort((near, -cosines))] if earlier else near
        found.append(best[best != row][:MEANT])
    return found


def _cosines(index: VectorIndex, text: int, others: Rows, first: int, earlier: EarlierSegments | None) -> Vectors:
    query, own = index.reconstruct([text])[0], others >= first
    if earlier is None or own.all():
        return index.cosines(query, others - first)
    cosines = np.empty(len(others), dtype=np.float32)
    cosines[own] = index.cosines(query, others[own] - first)
    cosines[~own] = earlier.reconstruct(others[~own]) @ query
    return cosines


def _terms(terms: Terms, text: int, others: Rows, first: int, earlier: EarlierSegments | None) -> NDArray[np.float32]:
    vector, own = terms.of(text), others >= first
    if earlier is None or own.all():
        return terms.similarities(vector, others - first)
    shared = np.empty(len(others), dtype=np.float32)
    shared[own] = terms.similarities(vector, others[own] - first)
    shared[~own] = earlier.text_terms(vector, others[~own])
    return shared


class Neighbours:
    """The neighbours of a segment's texts, mapped from disk.

    :param directory: Where the files lie.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> NDArray[Any]:
            return arrays.mapped(directory / name)

        self._found, self._cosines, self._shared = map(load, (NEIGHBOURS, _COSINES, _SHARED))

    def block(self, texts: Rows) -> tuple[Rows, Vectors, Vectors]:
        """Return the neighbours of (n,) texts, and both cosines, each (n, k); -1 where there are fewer."""
        found = self._found[texts].astype(np.int64)
        return found, self._cosines[texts], self._shared[texts].astype(np.float32)

    def of(self, text: int) -> TextNeighbours:
        """Return the neighbours of a text of the segment, itself not among them."""
        found = self._found[text]
        count = int(np.count_nonzero(found >= 0))
        shared = self._shared[text, :count].astype(np.float32)
        return TextNeighbours(found[:count].astype(np.int64), self._cosines[text, :count], shared)
