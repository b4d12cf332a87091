"""Neighbours: for each text of a segment the others that may be related to it, found once while indexing.

A published article's related list starts from these, so that no index is searched while a reader waits. Meaning brings
most of them, rare words they have in common the rest. Texts are numbered as their vectors are.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.terms import Terms
from indexer.vectors import Rows, VectorIndex

MEANT = 100
"""How many neighbours meaning brings; with all texts instead, `loose` among 6,000 others gains 0.0005 nDCG@10."""

WORDED = 28
"""How many more rare words bring."""

RARE = 100
"""In how many texts a word may stand that counts as rare."""

NEIGHBOURS = "neighbours.npy"
_SHARED = "shared_terms.npy"
_CHUNK = 512


class Near(NamedTuple):
    """The neighbours of a text.

    :param texts: (n,) int64 vector rows.
    :param shared: (n,) float32 cosines of their term vectors.
    """

    texts: Rows
    shared: NDArray[np.float32]


def write_neighbours(directory: Path, index: VectorIndex, terms: Terms) -> None:
    """Find and write the neighbours of every text.

    :param directory: Where the files lie.
    """
    shape = (index.count, MEANT + WORDED)
    found = np.lib.format.open_memmap(directory / NEIGHBOURS, mode="w+", dtype=np.int32, shape=shape)
    shared = np.lib.format.open_memmap(directory / _SHARED, mode="w+", dtype=np.float16, shape=shape)
    sharing = terms.sharing(RARE, MEANT)
    for start in range(0, index.count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, index.count))
        for text, (near, _) in zip(rows, index.search(index.reconstruct(rows), MEANT + 1), strict=True):
            meant = near[near != text][:MEANT]
            worded = next(sharing)
            texts = np.concatenate([meant, worded[~np.isin(worded, meant)][:WORDED]])
            found[text, : len(texts)], found[text, len(texts) :] = texts, -1
            shared[text, : len(texts)] = terms.similarities(terms.of(int(text)), texts)
    found.flush()
    shared.flush()


class Neighbours:
    """The neighbours of a segment's texts, mapped from disk.

    :param directory: Where the files lie.
    """

    def __init__(self, directory: Path) -> None:
        self._found: NDArray[np.int32] = np.load(directory / NEIGHBOURS, mmap_mode="r", allow_pickle=False)
        self._shared: NDArray[np.float16] = np.load(directory / _SHARED, mmap_mode="r", allow_pickle=False)

    def of(self, text: int) -> Near:
        """Return the neighbours of a text, itself not among them."""
        found = self._found[text]
        count = int(np.count_nonzero(found >= 0))
        return Near(found[:count].astype(np.int64), self._shared[text, :count].astype(np.float32))
