"""Vectors on disk and the search over them. The one importer of faiss.

A vector is named by its row; which articles own it is `indexer.segment`'s to know. Every index type keeps the seam
of two calls: `search(queries, k, allowed)` and `reconstruct(rows)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
FLAT, COARSE = "Flat", "SQ8bit_direct"
"""The types of index, as FAISS's factory calls them."""

_CHUNK = 8192
_FLAT = 5_000
"""Up to so many vectors are compared as they are. More of them take longer to read than to compare: a byte a
component is a quarter to read, and its integer products are faster too (benchmarks/README.md)."""

_LEAST_REACH = 1e-3
"""Of components that are all alike; float32 would lose the bytes of a smaller one."""

_MARGIN = 16
"""Beside an eighth more than asked for, how many rows are compared anew with the raw vectors."""


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
    kind = FLAT if len(raw) <= _FLAT else COARSE
    index = faiss.IndexFlatIP(raw.shape[1]) if kind == FLAT else _coarse(raw)
    for chunk in _chunks(raw):
        index.add(chunk)
    faiss.write_index(index, str(index_path))
    return kind


def _chunks(raw: Vectors) -> Iterator[Vectors]:
    for start in range(0, len(raw), _CHUNK):
        yield np.ascontiguousarray(raw[start : start + _CHUNK])


def _coarse(raw: Vectors) -> faiss.IndexPreTransform:
    """Return an empty index that compares bytes: components less their mean, all scaled alike, from 0 to 255.

    Neither changes which of two unit vectors is nearer, and of unit vectors the nearer has the higher cosine.
    """
    dim = raw.shape[1]
    mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in _chunks(raw)) / len(raw)
    reach = max(float(np.abs(chunk - mean).max()) for chunk in _chunks(raw))
    scale = 127 / max(reach, _LEAST_REACH)
    scaling = faiss.LinearTransform(dim, dim, True)
    faiss.copy_array_to_vector(np.eye(dim, dtype=np.float32).ravel() * np.float32(scale), scaling.A)
    faiss.copy_array_to_vector((127.5 - scale * mean).astype(np.float32), scaling.b)
    scaling.is_trained = True
    within = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_L2)
    return faiss.IndexPreTransform(scaling, within)


def _bounds(index: Any) -> tuple[Vectors, Vectors]:
    """Return the least and the largest vector that a coarse index has bytes for, (dim,) float32 each."""
    scaling: Any = faiss.downcast_VectorTransform(index.chain.at(0))
    shift, scale = faiss.vector_to_array(scaling.b), faiss.vector_to_array(scaling.A)[0]
    return -shift / scale, (255 - shift) / scale


class VectorIndex:
    """Inner-product search over unit vectors: scores are cosines, higher is better."""

    def __init__(self, index_path: Path, raw_path: Path) -> None:
        self._index: Any = faiss.read_index(str(index_path))
        # Still mapped, without what np.memmap adds to every access.
        self._raw: Vectors = np.load(raw_path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        if self._raw.ndim != 2 or (self._index.ntotal, self._index.d) != self._raw.shape:
            raise ValueError(
                f"{index_path}: {self._index.ntotal} vectors of {self._index.d}: expected {self._raw.shape} as raw"
            )
        self._bounds = _bounds(self._index) if isinstance(self._index, faiss.IndexPreTransform) else None

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
        available = self.count if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, available)
        if k <= 0:
            empty = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
            return [empty for _ in queries]
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if self._bounds is None:
            scores, rows = self._index.search(queries, k, params=_only(allowed, False))
            return [(found[found >= 0], score[found >= 0]) for found, score in zip(rows, scores, strict=True)]
        near = min(k + k // 8 + _MARGIN, available)
        within = np.clip(queries, *self._bounds)  # a larger component would wrap around
        _, rows = self._index.search(within, near, params=_only(allowed, True))
        return [self._compared(query, found[found >= 0], k) for query, found in zip(queries, rows, strict=True)]

    def _compared(self, query: Vectors, rows: Rows, k: int) -> tuple[Rows, Vectors]:
        """Return the best k of these rows by their cosines to a query, best first, ties by row."""
        rows = np.sort(rows)
        cosines = self.cosines(query, rows)
        best = np.argsort(-cosines, kind="stable")[:k]
        return rows[best], cosines[best]

    def cosines(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) rows to a (dim,) query, (n,) float32."""
        found: Vectors = self._raw.take(rows, axis=0) @ query
        return found

    def reconstruct(self, rows: Sequence[int] | Rows) -> Vectors:
        """Return the raw vectors of these rows, (len(rows), dim) float32."""
        return self._raw.take(np.asarray(rows, dtype=np.int64), axis=0)


def _only(allowed: Mask | None, coarse: bool) -> Any:
    """Return the parameters that have FAISS look at the allowed rows only, None where all are."""
    if allowed is None:
        return None
    selecting: Any = faiss  # its stubs know only the C++ signatures of these
    chosen = selecting.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    params = selecting.SearchParameters(sel=chosen)
    return selecting.SearchParametersPreTransform(index_params=params) if coarse else params
