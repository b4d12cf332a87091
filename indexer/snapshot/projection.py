"""From vectors to places on a plane: near vectors get near places. Arrays in, arrays out; imports scikit-learn.

A map is drawn from landmarks, a sample that is the same every time, by t-SNE (van der Maaten and Hinton, 2008), whose
cost grows with their number alone. Every other vector gets a place among its nearest landmarks, and one added later
among the nearest that have a place. So no vector that has a place ever moves. scikit-learn is imported for t-SNE alone,
since that takes a second; a few vectors are drawn by their principal components.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.files.arrays import Rows
from models.encoder import Vectors

LANDMARKS = 5_000
NEAREST = 15
"""How many vectors with a place decide the place of a new one."""

_PERPLEXITY = 30
_STEPS = 400
"""The iterations of t-SNE; the first 250 separate clusters (early exaggeration)."""

_COMPONENTS = 50
_SHARPNESS = 60.0
"""How fast a vote's weight falls below the best cosine: to 1/e within 0.017."""

_NEAR = 0.1
"""The distance within which votes support each other. The map's mean distance from its middle is 1."""

_SEED = 0
_CHUNK = 1024

Positions = NDArray[np.float32]


def landmarks(count: int, most: int = LANDMARKS) -> Rows:
    """Return the rows of the landmarks among `count` vectors, spread evenly, (n,) int64 ascending."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.empty(0, np.int64)


def draw(vectors: Vectors) -> Positions:
    """Return the places of landmarks, (n, 2) float32: the middle at 0, with a mean distance of 1 from it.

    The result is the same with any number of threads, and on every machine that rounds alike.

    :param vectors: (n, dim) float32 of unit length.
    """
    if len(vectors) < 3:  # too few to be near or far
        return np.array([[at - (len(vectors) - 1) / 2, 0] for at in range(len(vectors))], np.float32).reshape(-1, 2)
    found = _components(vectors) if len(vectors) < 4 * _PERPLEXITY else _embedded(vectors)
    centred = np.zeros((len(found), 2))
    centred[:, : found.shape[1]] = found - found.mean(axis=0)
    scale = np.linalg.norm(centred, axis=1).mean()
    return np.asarray(centred / (scale or 1.0), dtype=np.float32)


def _components(vectors: Vectors) -> NDArray[np.float64]:
    """Return the first two principal components, (n, 2) float64, without the second that scikit-learn's import takes.

    Their signs follow scikit-learn: the largest weight of a component is positive.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    largest = np.abs(axes).argmax(axis=1)[:, None]
    found: NDArray[np.float64] = centred @ (axes * np.sign(np.take_along_axis(axes, largest, axis=1))).T
    return found


def _embedded(vectors: Vectors) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    components = min(_COMPONENTS, *vectors.shape)
    reduced = PCA(components, svd_solver="covariance_eigh").fit_transform(np.asarray(vectors, dtype=np.float64))
    start = reduced[:, :2] / (reduced[:, 0].std() or 1.0) * 1e-4
    method = TSNE(perplexity=_PERPLEXITY, init=start, max_iter=_STEPS, random_state=_SEED, n_jobs=1)
    found: NDArray[np.float64] = method.fit_transform(reduced)
    return found


def between(cosines: Vectors, positions: Positions) -> Positions:
    """Return the place of each of n vectors among its k nearest neighbours, (n, 2) float32.

    The neighbours may lie in several clusters. They vote, nearer ones with more weight. The neighbour with the most
    support near its place wins, and the places near the winner are averaged. A plain average would lie between
    clusters.

    :param cosines: (n, k) float32 cosines to the neighbours, best first; -inf for none.
    :param positions: (n, k, 2) float32 places of the neighbours, finite everywhere.
    """
    votes = np.exp(_SHARPNESS * (cosines - cosines[:, :1]))
    apart = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3)
    support = (votes[:, None, :] / (1 + (apart / _NEAR) ** 2)).sum(axis=2)
    winner = np.where(votes > 0, support, -1).argmax(axis=1)
    weights = votes / (1 + (apart[np.arange(len(votes)), winner] / _NEAR) ** 2) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nk,nkd->nd", weights, positions), dtype=np.float32)


def place(vectors: Vectors, marks: Vectors, positions: Positions) -> Positions:
    """Return the places of vectors among landmarks, (n, 2) float32.

    :param vectors: (n, dim) float32, may be mapped.
    :param marks: (m, dim) float32 vectors of the landmarks, at least one.
    :param positions: (m, 2) float32 places of the landmarks.
    """
    found = np.empty((len(vectors), 2), dtype=np.float32)
    k = min(NEAREST, len(marks))
    for start in range(0, len(vectors), _CHUNK):
        cosines = np.asarray(vectors[start : start + _CHUNK]) @ marks.T
        near = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        held = np.take_along_axis(cosines, near, axis=1)
        order = np.lexsort((near, -held), axis=1)
        near, held = np.take_along_axis(near, order, axis=1), np.take_along_axis(held, order, axis=1)
        found[start : start + _CHUNK] = between(held, positions[near])
    return found


def drawn(vectors: Vectors, most: int = LANDMARKS) -> Positions:
    """Return the places of all (n, dim) vectors, (n, 2) float32: landmarks as drawn, the others among them."""
    rows = landmarks(len(vectors), most)
    marks = np.array(vectors[rows])
    positions = draw(marks)
    if len(rows) == len(vectors):
        return positions
    found = place(vectors, marks, positions)
    found[rows] = positions
    return found
