"""Vectors of archives that cannot be encoded here, drawn so that they lie about each other as real ones do.

A vector is a real one, smoothed twice (Silverman's smoothed bootstrap, which keeps means and covariances): within its
nearest neighbours, so that topics stay topics, then within the whole archive, by an amount that differs from vector to
vector, so that some lie alone. More vectors make the archive denser; nothing else changes. How well that holds is shown
by `compared`: cosines of the nearest, and recall by how broadly the graph is walked, of as many drawn as there are real
ones, and of as many drawn from a quarter of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from indexer.files.arrays import Rows
from indexer.index import tuning
from indexer.index.vectors import FaissIndex, Sizes, build_index, write_vectors
from models.encoder import Vectors

NEIGHBOURS = 16
LOCAL = 0.7
GLOBAL = (0.2, 0.6)
"""Shares of a vector that are drawn anew, as standard deviations; chosen so that both curves meet the real ones."""

BREADTHS = (16, 32, 64, 128, 256)
RANKS = (1, 10, 100, 1000)
_CHUNK = 2000
_HELD = 1000


class Fitted(NamedTuple):
    """What is drawn from.

    :param real: (n, dim) float32, rows of unit length.
    :param near: (n, NEIGHBOURS) int64, the rows nearest to each.
    :param mean: (dim,) float32.
    :param root: (dim, dim) float32, a root of their covariance.
    """

    real: Vectors
    near: Rows
    mean: Vectors
    root: Vectors


def fit(real: Vectors) -> Fitted:
    """Return what vectors like these are drawn from."""
    near = np.empty((len(real), NEIGHBOURS), dtype=np.int64)
    for start in range(0, len(real), _CHUNK):
        cosines = real[start : start + _CHUNK] @ real.T
        found = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
        order = np.argsort(-np.take_along_axis(cosines, found, axis=1), axis=1)
        near[start : start + _CHUNK] = np.take_along_axis(found, order, axis=1)[:, 1:]
    values, axes = np.linalg.eigh(np.cov(real.T, dtype=np.float64))
    root = (axes * np.sqrt(np.maximum(values, 0))).astype(np.float32)
    return Fitted(real, near, real.mean(axis=0), root)


def draw(fitted: Fitted, count: int, seed: int) -> Iterator[Vectors]:
    """Yield `count` vectors in chunks of (n, dim) float32, rows of unit length; equal seeds give equal vectors."""
    random = np.random.default_rng(seed)
    for start in range(0, count, _CHUNK):
        yield _drawn(fitted, min(_CHUNK, count - start), random)


def _drawn(fitted: Fitted, count: int, random: np.random.Generator) -> Vectors:
    real, dim = fitted.real, fitted.real.shape[1]
    chosen = random.integers(0, len(real), count)
    near = real[fitted.near[chosen]]
    middle = near.mean(axis=1)
    noise = np.einsum("nm,nmd->nd", _normal(random, (count, NEIGHBOURS)), near - middle[:, None])
    local = middle + np.sqrt(1 - LOCAL**2) * (real[chosen] - middle) + LOCAL / np.sqrt(NEIGHBOURS) * noise
    share = random.uniform(*GLOBAL, (count, 1)).astype(np.float32)
    noise = _normal(random, (count, dim)) @ fitted.root.T
    drawn = fitted.mean + np.sqrt(1 - share**2) * (local - fitted.mean) + share * noise
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def _normal(random: np.random.Generator, shape: tuple[int, int]) -> Vectors:
    return random.standard_normal(shape, dtype=np.float32)


def write(fitted: Fitted, count: int, path: Path, seed: int) -> None:
    """Draw vectors into an .npy file."""

    def chunks() -> Iterator[tuple[Rows, Vectors]]:
        start = 0
        for vectors in draw(fitted, count, seed):
            yield np.arange(start, start + len(vectors)), vectors
            start += len(vectors)

    write_vectors(path, count, fitted.real.shape[1], chunks())


def curves(vectors: Vectors, directory: Path) -> dict[str, Any]:
    """Return how vectors lie about each other: the last thousand of them are looked for among the others.

    :return: `cosines`, for each rank the 10th, 50th and 90th percentile of the cosine of the vector of that rank, and
        `recall`, for each breadth recall@10 of a graph.
    """
    rows, queries = vectors[:-_HELD], vectors[-_HELD:]
    cosines = -np.sort(-(queries @ rows.T), axis=1)
    raw, index = directory / "curves.npy", directory / "curves.faiss"
    np.save(raw, rows)
    build_index(raw, index, Sizes(0, 0), target=0)
    found, recall = FaissIndex(index, raw), {}
    with patch("indexer.index.vectors._STEP", 0):  # walk it even where to compare all of so few takes less time
        for breadth in BREADTHS:
            found.ef_search = breadth
            reached = [scores for _, scores in found.search(queries, 10)]
            recall[breadth] = tuning.recall(reached, cosines[:, :10])
    return {
        "cosines": {rank: np.percentile(cosines[:, rank - 1], [10, 50, 90]).tolist() for rank in RANKS},
        "recall": recall,
    }


def compared(real: Vectors, directory: Path) -> list[dict[str, Any]]:
    """Return the curves of real vectors, of as many drawn from them, and as many drawn from a quarter of them."""
    shuffled = real[np.random.default_rng(1).permutation(len(real))]
    few = shuffled[: len(real) // 4]
    kinds = {
        "real": shuffled,
        "drawn": np.concatenate(list(draw(fit(shuffled), len(real), 2))),
        "drawn from a quarter of them": np.concatenate(list(draw(fit(few), len(real), 3))),
    }
    return [{"vectors": kind, "count": len(real), **curves(given, directory)} for kind, given in kinds.items()]
