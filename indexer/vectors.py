"""Vectors on disk and the search over them. The one importer of faiss.

A vector is named by its row; which articles own it is `indexer.segment`'s to know. Every index type keeps the seam
of two calls: `search(queries, k, allowed)` and `reconstruct(rows)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

RAW_FILE = "vectors.npy"
INDEX_FILE = "index.faiss"
_CHUNK = 8192


def write_vectors(path: Path, count: int, dim: int, chunks: Iterable[tuple[Rows, Vectors]]) -> None:
    """Write `count` raw vectors to an .npy file, from chunks of (rows, (len(rows), dim) float32) in any order.

    :raises ValueError: if the chunks leave a row unwritten or write one that is not a finite unit vector.
    """
    raw = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    written = np.zeros(count, dtype=np.bool_)
    for rows, vectors in chunks:
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.allclose(lengths, 1.0, atol=1e-3):
            raise ValueError(f"vectors: lengths from {lengths.min()} to {lengths.max()}: expected unit length")
        raw[rows] = vectors
        written[rows] = True
    if not written.all():
        raise ValueError(f"vectors: {count - int(written.sum())} of {count} rows were not written")
    raw.flush()


def build_index(raw_path: Path, index_path: Path) -> str:
    """Build the FAISS index over an .npy file of raw vectors and return the name of its type."""
    raw = np.load(raw_path, mmap_mode="r", allow_pickle=False)
    index = faiss.IndexFlatIP(raw.shape[1])
    for start in range(0, len(raw), _CHUNK):
        index.add(np.ascontiguousarray(raw[start : start + _CHUNK]))
    faiss.write_index(index, str(index_path))
    return "Flat"


class VectorIndex:
    """Inner-product search over unit vectors: scores are cosines, higher is better."""

    def __init__(self, index_path: Path, raw_path: Path) -> None:
        self._index: Any = faiss.read_index(str(index_path))
        self._raw: Vectors = np.load(raw_path, mmap_mode="r", allow_pickle=False)
        if self._raw.ndim != 2 or (self._index.ntotal, self._index.d) != self._raw.shape:
            raise ValueError(
                f"{index_path}: {self._index.ntotal} vectors of {self._index.d}: expected {self._raw.shape} as raw"
            )

    @property
    def count(self) -> int:
        """Return the number of vectors."""
        return int(self._raw.shape[0])

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        return int(self._raw.shape[1])

    def search(self, queries: Vectors, k: int, allowed: Mask | None = None) -> list[tuple[Rows, Vectors]]:
        """Return for each query its best rows and their cosines, best first, fewer than k where there are fewer.

        :param queries: (q, dim) float32, rows of unit length.
        :param k: How many at most.
        :param allowed: (count,) bool, the rows that may be returned; all by default.
        :return: q pairs of (n,) int64 rows and (n,) float32 cosines, n <= k.
        """
        k = min(k, self.count if allowed is None else int(np.count_nonzero(allowed)))
        if k <= 0:
            empty = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
            return [empty for _ in queries]
        params = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selecting: Any = faiss  # its stubs know only the C++ signatures of these two
            params = selecting.SearchParameters(sel=selecting.IDSelectorBitmap(bits))
        scores, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=params)
        return [(found[found >= 0], score[found >= 0]) for found, score in zip(rows, scores, strict=True)]

    def reconstruct(self, rows: Sequence[int] | Rows) -> Vectors:
        """Return the raw vectors of these rows, (len(rows), dim) float32."""
        return np.array(self._raw[np.asarray(rows, dtype=np.int64)], dtype=np.float32)
