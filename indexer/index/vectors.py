"""Vectors on disk and the search over them. The one importer of faiss.

A vector is identified by its row; `indexer.snapshot.segment` knows which articles own it. Every index type has the same
two calls: `search(queries, k, allowed)` and `reconstruct(rows)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import faiss
import numpy as np

from indexer.files import arrays
from indexer.files.arrays import Mask, Rows
from indexer.index import tuning
from models.encoder import Vectors

RAW_FILE = "vectors.npy"
INDEX_FILE = "index.faiss"
FLAT, COARSE, GRAPH = "Flat", "SQ8bit_direct", "HNSW16,SQ8bit_direct"
"""The types of index, named as FAISS's factory names them."""

_CHUNK = 8192
_LINKS, _EF_CONSTRUCTION = 16, 128
"""For the graph: the links of a vector on upper levels (twice as many on the lowest), and how broadly links are sought.
Doubling the links needs as many comparisons for the same recall (benchmarks/SCALE.md)."""

_LEAST_REACH = 1e-3
"""The least reach of components. If all are alike, a smaller reach would lose the bytes in float32."""

_MARGIN = 16
"""Rows compared with the raw vectors, in addition to k and an eighth of k."""

_SPARE = 1.5
"""A filter drops rows. The graph is walked this factor more broadly than would just make up for them."""

_STEP = 100
"""Walking the graph one row deeper takes as long as comparing the bytes of this many rows in sequence."""

_FEW = 2_000
"""Up to this many allowed rows are compared directly with the raw vectors."""

_COPYING, _SKIPPING = 3, 3
"""Costs of copying out and comparing a row, and of skipping a row in place, in rows compared in place. The processor
cannot predict the skips. With a million rows: 50 ns a copied row, 15 a row in place, 47 if half are skipped."""

_PIECE = 8192
"""Rows copied out at once, into the same memory. Copying all rows at once into new memory takes five times as long,
mostly because the system must provide empty pages."""

_FAR, _FAR_LEAST, _FAR_MOST = 8, 256, 2048
"""A filter may leave only far rows, which lie closer together than their bytes can distinguish. So more rows are
compared with the raw vectors: this factor times the root of the number of allowed rows, within the least and the most.
Among the farthest 10,000 of a million, 400 rows hold 0.92 of the ten nearest, 625 hold 0.985, 1,000 all."""


class Sizes(NamedTuple):
    """The most vectors of each index type.

    Above `flat`, reading vectors takes longer than comparing them. One byte a component is a quarter to read, and
    integer products are faster too. Above `coarse`, comparing all takes longer than walking a graph.
    """

    flat: int = 5_000
    coarse: int = 50_000

    def kind(self, count: int) -> str:
        """Return the type of an index over `count` vectors."""
        if count <= self.flat:
            return FLAT
        return COARSE if count <= self.coarse else GRAPH


SIZES = Sizes()


class BuiltIndex(NamedTuple):
    """The type of the index built, and its recall@10 against brute force, 0 to 1."""

    kind: str
    recall: float


def write_vectors(path: Path, count: int, dim: int, chunks: Iterable[tuple[Rows, Vectors]]) -> None:
    """Write `count` raw vectors to an .npy file.

    :param chunks: Pairs of (n,) int64 rows and (n, dim) float32 unit vectors, in any order.

    :raises ValueError: if the chunks leave a row unwritten or write one that is not a finite unit vector.
    """
    raw = arrays.new(path, np.float32, (count, dim))
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


def build_index(raw_path: Path, index_path: Path, sizes: Sizes = SIZES, target: float = tuning.TARGET) -> BuiltIndex:
    """Build the FAISS index over an .npy file of raw vectors; equal vectors give equal files.

    :param raw_path: Holds (n, dim) float32 unit vectors.
    :param sizes: The most vectors of each index type.
    :param target: The recall@10 to reach, measured with held-back vectors.
    :raises ValueError: if it is not reached.
    :raises OSError: if the index cannot be written.
    """
    raw = arrays.mapped(raw_path)
    kind = sizes.kind(len(raw))
    if kind == FLAT:
        index = faiss.IndexFlatIP(raw.shape[1])
        _add(index, raw, np.arange(len(raw)))
        reached = 1.0
    else:
        index, reached = _tuned(raw, kind, target)
    try:
        faiss.write_index(index, str(index_path))
    except RuntimeError as error:  # its message is many lines about C++ code
        raise OSError(f"{index_path}: cannot be written; is the disk full?") from error
    return BuiltIndex(kind, reached)


def _tuned(raw: Vectors, kind: str, target: float) -> tuple[Any, float]:
    """Return an approximate index over all vectors, tuned to the target, and its recall."""
    held = tuning.held_back(len(raw))
    order = np.concatenate([np.delete(np.arange(len(raw)), held), held])
    index = _empty(raw, kind)
    _add(index, raw, order[: len(raw) - len(held)])
    best, coarse = tuning.best_cosines(raw, held), _ByteSearch(index)

    def measure(ef_search: int) -> float:
        found = coarse.tried(raw[held], tuning.DEPTH, ef_search)
        cosines = [raw[order[rows]] @ query for query, rows in zip(raw[held], found, strict=True)]
        return tuning.recall(cosines, best)

    reached = tuning.tune(measure, tuning.EF_SEARCHES if kind == GRAPH else (0,), target)
    _add(index, raw, order[len(raw) - len(held) :])
    within: Any = faiss.downcast_index(index.index)
    within.permute_entries(np.argsort(order))
    return index, reached.recall


def _add(index: Any, raw: Vectors, rows: Rows) -> None:
    for start in range(0, len(rows), _CHUNK):
        index.add(raw[rows[start : start + _CHUNK]])


def _empty(raw: Vectors, kind: str) -> faiss.IndexPreTransform:
    """Return an empty index that compares bytes: the mean is subtracted from components, which are scaled to 0 to 255.

    Both steps keep the order of distances, and a nearer unit vector has the higher cosine.
    """
    dim, starts = raw.shape[1], range(0, len(raw), _CHUNK)
    mean = sum(raw[start : start + _CHUNK].sum(axis=0, dtype=np.float64) for start in starts) / len(raw)
    reach = max(float(np.abs(raw[start : start + _CHUNK] - mean).max()) for start in starts)
    scale = 127 / max(reach, _LEAST_REACH)
    scaling = faiss.LinearTransform(dim, dim, True)
    faiss.copy_array_to_vector(np.eye(dim, dtype=np.float32).ravel() * np.float32(scale), scaling.A)
    faiss.copy_array_to_vector((127.5 - scale * mean).astype(np.float32), scaling.b)
    scaling.is_trained = True
    return faiss.IndexPreTransform(scaling, _byte_graph(dim) if kind == GRAPH else _byte_index(dim))


def _byte_index(dim: int) -> Any:
    return faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_L2)


def _byte_graph(dim: int) -> Any:
    making: Any = faiss  # its type stubs have only the C++ signatures
    graph = making.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit_direct, _LINKS, faiss.METRIC_L2)
    graph.hnsw.efConstruction = _EF_CONSTRUCTION
    graph.is_trained = True
    return graph


class _ByteSearch:
    """Finds candidates by their bytes: compares all rows, or walks a graph if that is faster.

    :param index: Made by `_empty`.
    """

    def __init__(self, index: Any) -> None:
        scaling: Any = faiss.downcast_VectorTransform(index.chain.at(0))
        self._shift, self._scale = faiss.vector_to_array(scaling.b), faiss.vector_to_array(scaling.A)[0]
        within: Any = faiss.downcast_index(index.index)
        self._index, self._within = index, within  # the first keeps the second alive
        self.graph: Any = getattr(within, "hnsw", None)
        self._bytes: Any = within if self.graph is None else faiss.downcast_index(within.storage)
        if self.graph is not None:
            self.graph.search_bounded_queue = False  # otherwise a larger k does not widen the search, and it is slower

    def _scaled(self, queries: Vectors) -> Vectors:
        """Return queries in the scale of the bytes, clipped, since a larger component would wrap around."""
        return np.asarray(np.clip(queries * self._scale + self._shift, 0, 255), dtype=np.float32)

    def tried(self, queries: Vectors, k: int, ef_search: int) -> list[Rows]:
        """Return candidates for the k nearest of each query, with an ef_search that the graph keeps."""
        if self.graph is None:
            return self._one_after_another(self._scaled(queries), _near(k), None)
        self.graph.efSearch = ef_search
        return self._along(self._scaled(queries), _near(k))

    def candidates(self, queries: Vectors, k: int, allowed: Mask | None, available: int) -> list[Rows]:
        """Return for each query somewhat more than the k nearest allowed rows, or all if there are fewer.

        The graph is walked without the filter, and disallowed rows are dropped afterwards; so a filter makes no hit
        worse. If too few are left, because the allowed rows are far from the query, all allowed rows are compared.

        :param available: The number of allowed rows.
        """
        near, within = min(_near(k), available), self._scaled(queries)
        if self.graph is None:
            return self._one_after_another(within, near, allowed)
        dropped = self._bytes.ntotal / available - 1
        wide = int(max(near, self.graph.efSearch) + near * dropped * _SPARE)
        if wide * _STEP > self._scanned(available):
            return self._one_after_another(within, near, allowed)
        found = self._along(within, near if allowed is None else wide)
        if allowed is not None:
            found = [rows[allowed[rows]][:near] for rows in found]
        enough = min(k + _MARGIN // 2, available)
        short = [at for at, rows in enumerate(found) if len(rows) < enough]
        if short:
            for at, rows in zip(short, self._one_after_another(within[short], near, allowed), strict=True):
                found[at] = rows
        return found

    def _scanned(self, available: int) -> int:
        """Return the cost of comparing all allowed rows, in rows compared in place."""
        return min(self._costs(available))

    def _costs(self, available: int) -> tuple[int, int]:
        """Return the costs of this many allowed rows, copied out and in place, in rows compared in place."""
        return available * _COPYING, available + (self._bytes.ntotal - available) * _SKIPPING

    def _along(self, within: Vectors, wide: int) -> list[Rows]:
        _, found = self._within.search(within, wide)
        return [rows[rows >= 0] for rows in found]

    def _one_after_another(self, within: Vectors, near: int, allowed: Mask | None) -> list[Rows]:
        if allowed is None:
            _, found = self._bytes.search(within, near)
        else:
            rows = np.flatnonzero(allowed)
            near = min(near + min(max(int(_FAR * len(rows) ** 0.5), _FAR_LEAST), _FAR_MOST), len(rows))
            copied, in_place = self._costs(len(rows))
            if copied <= in_place:
                return self._copied(within, rows, near)
            _, found = self._bytes.search(within, near, params=_only(allowed))
        return [rows[rows >= 0] for rows in found]

    def _copied(self, within: Vectors, rows: Rows, near: int) -> list[Rows]:
        """Return for each query the nearest of these rows, at most `near`, by copies of their bytes.

        Each piece is searched for twice its share of `near`. If a piece may hold more, all of `near` are searched for.
        """
        pieces = [rows[start : start + _PIECE] for start in range(0, len(rows), _PIECE)]
        copy = _Copy(self._bytes, len(pieces[0]))
        share = min(near, 2 * (near // len(pieces)) + _MARGIN)
        found = [copy.nearest(within, piece, share) for piece in pieces]
        worst = np.partition(np.concatenate([distances for distances, _ in found], axis=1), near - 1)[:, near - 1]
        for at, piece in enumerate(pieces):
            if len(piece) > share and share < near and (found[at][0][:, -1] < worst).any():
                found[at] = copy.nearest(within, piece, near)
        distances, nearest = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
        return [*np.take_along_axis(nearest, np.argpartition(distances, near - 1)[:, :near], axis=1)]


class _Copy:
    """A buffer for rows of a byte index, which are copied there and compared.

    :param most: The most rows at a time.
    """

    def __init__(self, source: Any, most: int) -> None:
        self._source = source  # the next line maps its memory
        self._codes = faiss.rev_swig_ptr(source.codes.data(), source.codes.size()).reshape(-1, source.d)
        self._index: Any = _byte_index(source.d)
        self._index.codes.resize(most * source.d)
        self._place = faiss.rev_swig_ptr(self._index.codes.data(), most * source.d).reshape(-1, source.d)

    def nearest(self, within: Vectors, rows: Rows, near: int) -> tuple[Vectors, Rows]:
        """Return for each of (q, dim) queries the distances of the nearest of these rows, ascending, and the rows.

        :return: (q, n) float32 and (q, n) int64, n at most `near`.
        """
        # All rows exist. To check that, numpy would copy to another buffer first.
        self._codes.take(rows, axis=0, out=self._place[: len(rows)], mode="clip")
        self._index.ntotal = len(rows)
        distances, places = self._index.search(within, min(near, len(rows)))
        return distances, rows[places]


def _near(k: int) -> int:
    """Return the number of candidates that are compared with the raw vectors for the k nearest."""
    return k + k // 8 + _MARGIN


class FaissIndex:
    """Inner-product search over unit vectors by FAISS (`protocols.VectorIndex`).

    :raises ValueError: if the index does not fit the raw vectors.
    """

    kinds: ClassVar[tuple[str, ...]] = (FLAT, COARSE, GRAPH)

    @classmethod
    def build(cls, directory: Path) -> BuiltIndex:
        """Build the index over a segment's raw vectors (`build_index`)."""
        return build_index(directory / RAW_FILE, directory / INDEX_FILE)

    @classmethod
    def open(cls, directory: Path) -> FaissIndex:
        """Open the index of a segment."""
        return cls(directory / INDEX_FILE, directory / RAW_FILE)

    def __init__(self, index_path: Path, raw_path: Path) -> None:
        self._index: Any = faiss.read_index(str(index_path), faiss.IO_FLAG_MMAP_IFC)
        self._raw: Vectors = arrays.mapped(raw_path)
        if self._raw.ndim != 2 or (self._index.ntotal, self._index.d) != self._raw.shape:
            raise ValueError(
                f"{index_path}: {self._index.ntotal} vectors of {self._index.d}: expected {self._raw.shape} as raw"
            )
        self._coarse = _ByteSearch(self._index) if isinstance(self._index, faiss.IndexPreTransform) else None

    @property
    def count(self) -> int:
        """Return the number of vectors."""
        return int(self._raw.shape[0])

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        return int(self._raw.shape[1])

    @property
    def ef_search(self) -> int | None:
        """Return the least breadth of walking the graph (efSearch), set by the build; None if there is no graph."""
        return None if self._coarse is None or self._coarse.graph is None else int(self._coarse.graph.efSearch)

    @ef_search.setter
    def ef_search(self, ef_search: int) -> None:
        """Set the least breadth of walking the graph.

        :raises ValueError: if there is no graph.
        """
        if self._coarse is None or self._coarse.graph is None:
            raise ValueError(f"ef_search: {ef_search}: expected an index with a graph")
        self._coarse.graph.efSearch = ef_search

    def search(self, queries: Vectors, k: int, allowed: Mask | None = None) -> list[tuple[Rows, Vectors]]:
        """Return for each query its k best rows and their cosines, best first; fewer if fewer are allowed.

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
        with _threads_for(len(queries)):
            return self._found(queries, k, allowed, available)

    def _found(self, queries: Vectors, k: int, allowed: Mask | None, available: int) -> list[tuple[Rows, Vectors]]:
        if self._coarse is None:
            scores, found = self._index.search(queries, k, params=None if allowed is None else _only(allowed))
            return [(rows[rows >= 0], score[rows >= 0]) for rows, score in zip(found, scores, strict=True)]
        if allowed is not None and available <= _FEW:
            rows = np.flatnonzero(allowed)
            return [self._compared(query, rows, k) for query in queries]
        found = self._coarse.candidates(queries, k, allowed, available)
        return [self._compared(query, np.sort(rows), k) for query, rows in zip(queries, found, strict=True)]

    def _compared(self, query: Vectors, rows: Rows, k: int) -> tuple[Rows, Vectors]:
        """Return the best k of these ascending rows by their cosines to a query, best first, ties by row."""
        cosines = self.cosines(query, rows)
        best = np.argsort(-cosines, kind="stable")[:k]
        return rows[best], cosines[best]

    def cosines(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) rows to a (dim,) query, (n,) float32."""
        found: Vectors = self._raw.take(rows, axis=0) @ query
        return found

    def reconstruct(self, rows: Sequence[int] | Rows) -> Vectors:
        """Return the raw vectors of these (n,) rows, (n, dim) float32."""
        return self._raw.take(np.asarray(rows, dtype=np.int64), axis=0)


@contextmanager
def _threads_for(queries: int) -> Iterator[None]:
    """Limit FAISS to one thread a query. It uses no more, but would wake all that it may use."""
    usual = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(max(1, min(usual, queries)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(usual)


def _only(allowed: Mask) -> Any:
    """Return search parameters that restrict FAISS to the allowed rows."""
    selecting: Any = faiss  # its type stubs have only the C++ signatures
    return selecting.SearchParameters(sel=selecting.IDSelectorBitmap(np.packbits(allowed, bitorder="little")))
