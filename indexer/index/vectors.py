"""Vectors on disk and the search over them. The one importer of faiss.

A vector is named by its row; which articles own it is `indexer.snapshot.segment`'s to know. Every index type keeps the
seam of two calls: `search(queries, k, allowed)` and `reconstruct(rows)`.
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
"""Of the graph: links of a vector on the upper levels, twice as many on the lowest; how broadly they are looked for.
Twice the links take as many comparisons for the same recall (benchmarks/SCALE.md)."""

_LEAST_REACH = 1e-3
"""Of components that are all alike; float32 would lose the bytes of a smaller one."""

_MARGIN = 16
"""Beside an eighth more than asked for, how many rows are compared anew with the raw vectors."""

_SPARE = 1.5
"""As a filter drops rows, the graph is walked so many times more broadly than makes up for them."""

_STEP = 100
"""Walking the graph one row deeper takes as long as comparing the bytes of so many rows one after another."""

_FEW = 2_000
"""Up to so many allowed rows are compared with the raw vectors at once."""

_COPYING, _SKIPPING = 3, 3
"""To copy a row out and compare it takes as long as to compare so many where they stand, one after another; to skip one
there, which the processor does not foresee, as many. Of a million, 50 ns, 15 and 47 (half of them skipped)."""

_PIECE = 8192
"""So many rows are copied out at once, into the same place. All of them in a new place each time take five times as
long, most of it for the system to hand over empty memory."""

_FAR, _FAR_LEAST, _FAR_MOST = 8, 256, 2048
"""Where a filter may leave no near rows, so many times the root of how many it leaves are compared anew beside the
others, that many at least and at most: rows farther away lie closer together than their bytes tell apart. Of the
farthest 10,000 of a million, 400 hold 0.92 of the ten nearest, 625 hold 0.985, 1,000 all."""


class Sizes(NamedTuple):
    """Up to how many vectors an index is of a type.

    More than `flat` take longer to read than to compare: a byte a component is a quarter to read, and its integer
    products are faster too. More than `coarse` take longer one after another than along a graph.
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
    """What was built: the type of index, and its recall@10 against brute force, 0 to 1."""

    kind: str
    recall: float


def write_vectors(path: Path, count: int, dim: int, chunks: Iterable[tuple[Rows, Vectors]]) -> None:
    """Write `count` raw vectors to an .npy file, from chunks of (rows, (len(rows), dim) float32) in any order.

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

    :param sizes: Up to how many vectors it is of which type.
    :param target: The recall@10 that vectors held back have to reach among the others.
    :raises ValueError: if they do not.
    :raises OSError: if the disk does not take the index.
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
    except RuntimeError as error:  # the C++ of where it is written, many lines of it
        raise OSError(f"{index_path}: cannot be written; is the disk full?") from error
    return BuiltIndex(kind, reached)


def _tuned(raw: Vectors, kind: str, target: float) -> tuple[Any, float]:
    """Return a coarse index over all vectors, its graph as broad as it has to be, and its recall."""
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
    """Return an empty index that compares bytes: components less their mean, all scaled alike, from 0 to 255.

    Neither changes which of two unit vectors is nearer, and of unit vectors the nearer has the higher cosine.
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
    making: Any = faiss  # its stubs know only the C++ signatures of these
    graph = making.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit_direct, _LINKS, faiss.METRIC_L2)
    graph.hnsw.efConstruction = _EF_CONSTRUCTION
    graph.is_trained = True
    return graph


class _ByteSearch:
    """Candidates by bytes: all of them one after another, or along a graph where that takes less time.

    :param index: What `_empty` made.
    """

    def __init__(self, index: Any) -> None:
        scaling: Any = faiss.downcast_VectorTransform(index.chain.at(0))
        self._shift, self._scale = faiss.vector_to_array(scaling.b), faiss.vector_to_array(scaling.A)[0]
        within: Any = faiss.downcast_index(index.index)
        self._index, self._within = index, within  # the first keeps the other alive
        self.graph: Any = getattr(within, "hnsw", None)
        self._bytes: Any = within if self.graph is None else faiss.downcast_index(within.storage)
        if self.graph is not None:
            self.graph.search_bounded_queue = False  # else no broader for a larger k, and slower

    def _scaled(self, queries: Vectors) -> Vectors:
        """Return queries as the bytes are scaled; a larger component would wrap around."""
        return np.asarray(np.clip(queries * self._scale + self._shift, 0, 255), dtype=np.float32)

    def tried(self, queries: Vectors, k: int, ef_search: int) -> list[Rows]:
        """Return candidates for the k nearest of each query; the graph, if there is one, keeps the ef_search."""
        if self.graph is None:
            return self._one_after_another(self._scaled(queries), _near(k), None)
        self.graph.efSearch = ef_search
        return self._along(self._scaled(queries), _near(k))

    def candidates(self, queries: Vectors, k: int, allowed: Mask | None, available: int) -> list[Rows]:
        """Return for each query somewhat more than the k nearest allowed rows, or all there are.

        What is not allowed is dropped from what the graph finds, so that a filter makes no hit worse. Where too few
        are left, since the filter keeps what is far from the query, every allowed row is compared.

        :param available: How many rows are allowed.
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
        """Return how many rows could be compared in the time that all allowed ones take."""
        return min(self._costs(available))

    def _costs(self, available: int) -> tuple[int, int]:
        """Return what so many allowed rows cost copied out and in their places, in rows that are only compared."""
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

        Of each piece of them twice its share is asked for; where one may have more, all.
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
    """Some rows of a byte index at a time, copied to one place, where they are compared.

    :param most: How many rows at a time at most.
    """

    def __init__(self, source: Any, most: int) -> None:
        self._source = source  # whose memory the next line looks into
        self._codes = faiss.rev_swig_ptr(source.codes.data(), source.codes.size()).reshape(-1, source.d)
        self._index: Any = _byte_index(source.d)
        self._index.codes.resize(most * source.d)
        self._place = faiss.rev_swig_ptr(self._index.codes.data(), most * source.d).reshape(-1, source.d)

    def nearest(self, within: Vectors, rows: Rows, near: int) -> tuple[Vectors, Rows]:
        """Return for each of (q, dim) queries the distances of the nearest of these rows, rising, and which they are.

        :return: (q, n) float32 and (q, n) int64, n at most `near`.
        """
        # To refuse rows that are not there, numpy would copy to another place first; they are all there.
        self._codes.take(rows, axis=0, out=self._place[: len(rows)], mode="clip")
        self._index.ntotal = len(rows)
        distances, places = self._index.search(within, min(near, len(rows)))
        return distances, rows[places]


def _near(k: int) -> int:
    """Return how many candidates are compared anew for the k nearest."""
    return k + k // 8 + _MARGIN


class FaissIndex:
    """Inner-product search over unit vectors by FAISS (`protocols.VectorIndex`)."""

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
        """How broadly the graph is walked at least (efSearch), None where there is no graph; the build sets it."""
        return None if self._coarse is None or self._coarse.graph is None else int(self._coarse.graph.efSearch)

    @ef_search.setter
    def ef_search(self, ef_search: int) -> None:
        if self._coarse is None or self._coarse.graph is None:
            raise ValueError(f"ef_search: {ef_search}: expected an index with a graph")
        self._coarse.graph.efSearch = ef_search

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
        """Return the best k of these rising rows by their cosines to a query, best first, ties by row."""
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


@contextmanager
def _threads_for(queries: int) -> Iterator[None]:
    """Have FAISS use no more threads than there are queries: it gives each a thread, and wakes all it may use."""
    usual = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(max(1, min(usual, queries)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(usual)


def _only(allowed: Mask) -> Any:
    """Return the parameters that have FAISS look at the allowed rows only."""
    selecting: Any = faiss  # its stubs know only the C++ signatures of these
    return selecting.SearchParameters(sel=selecting.IDSelectorBitmap(np.packbits(allowed, bitorder="little")))
