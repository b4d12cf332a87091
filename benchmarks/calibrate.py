"""Fits the two curves of `indexer.calibration`: how far above unrelated pairs a hit is, against people's judgement.

Documents: lists of ten for the judged articles of `vims` and `loose` among articles of `vietnews`. Queries: titles
against articles whose own title is withheld; the article itself is the one relevant hit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from benchmarks.quality import encoder
from indexer.article import Article
from indexer.embedding import embed
from indexer.text import encoded_views
from models.encoder import Vectors

CROWD, QUERIES = 3000, 1000
_SEED = 7


def fit(spreads: NDArray[np.float64], relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Return middle and width of the logistic curve of best likelihood, by Newton's method."""
    features = np.stack([spreads, np.ones_like(spreads)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ weights))
        hessian = features.T @ (features * (chance * (1 - chance))[:, None])
        weights += np.linalg.solve(hessian, features.T @ (relevant - chance))
    return float(-weights[1] / weights[0]), float(1 / weights[0])


def spreads_of(scores: Vectors, sample: Vectors) -> NDArray[np.float64]:
    """Return scores counted in standard deviations above the mean of the sample."""
    return np.asarray((scores - sample.mean()) / sample.std(), dtype=np.float64)


def documents(crowd: Vectors) -> tuple[float, float]:
    """Fit the documents' curve."""
    sets = {name: common.articles(name) for name in ("vims", "loose")}
    everything: list[Article] = [article for given in sets.values() for article in given]
    vectors = np.concatenate([embed(encoder(), [a.views for a in everything]), crowd])
    qrels = common.related_qrels("vims") | common.related_qrels("loose")
    random = np.random.default_rng(_SEED)
    left, right = random.integers(0, len(vectors), (2, 20_000))
    unrelated = np.einsum("ij,ij->i", vectors[left], vectors[right])[left != right]
    scores, relevant = [], []
    for row, article in enumerate(everything):
        if article.id in qrels:
            found = vectors @ vectors[row]
            found[row] = -np.inf
            best = np.argsort(-found)[:10]
            scores += found[best].tolist()
            relevant += [at < len(everything) and everything[at].id in qrels[article.id] for at in best]
    return fit(spreads_of(np.array(scores, dtype=np.float32), unrelated), np.array(relevant))


def queries(given: list[Article]) -> tuple[float, float]:
    """Fit the queries' curve."""
    untitled = embed(encoder(), [encoded_views("", article.lead, article.plain_body) for article in given])
    asked = encoder().encode_queries([article.title for article in given[:QUERIES]])
    scores = asked @ untitled.T
    own = np.eye(len(asked), len(given), dtype=np.bool_)
    best = np.argsort(-scores, axis=1)[:, :10]
    relevant = np.take_along_axis(own, best, axis=1).ravel()
    return fit(spreads_of(np.take_along_axis(scores, best, axis=1).ravel(), scores[~own]), relevant)


def main() -> None:
    """Run and save."""
    given = common.articles("vietnews", CROWD)
    result: dict[str, Any] = {
        "documents": documents(embed(encoder(), [article.views for article in given])),
        "queries": queries(given),
    }
    common.save("calibrate", result)


if __name__ == "__main__":
    main()
