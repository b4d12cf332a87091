"""From cosine to relevance: what a cosine means for this query in this archive.

Cosines of one encoder crowd together (with multilingual-e5, unrelated texts reach 0.85), and where they crowd differs
from query to query: short ones and English ones lie lower. So each query is first held against a background, texts
that have nothing to do with it, and a hit's cosine becomes a z-score, standard deviations above the mean of those:
z-norm, as speaker verification calls it (Auckenthaler et al., 2000). A logistic curve then turns the z-score into the
share of such hits that people judged related. The larger the archive, the more unrelated articles reach any z-score by
chance, so the middle of the curve moves up with the logarithm of its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.encoder import Encoder, Vectors
from models.parity import probe_texts

FILE = "background.npy"
_LEAST = 1e-6
SAMPLE = 1000
"""The most vectors of the archive in the background."""

PROBE_WEIGHT = 500
"""The weight of the probe texts, in articles. A small archive on one subject shows little of what unrelated means."""


@dataclass(frozen=True)
class Curve:
    """A logistic curve over z-scores above the background.

    :param middle: Z-scores at which half of the hits are related, in an archive of 1,000 articles.
    :param growth: By how much the middle moves up when the archive grows by a factor of e.
    :param width: Z-scores in which the log odds grow by one.
    """

    middle: float
    growth: float
    width: float

    def at(self, z_scores: NDArray[np.float64], articles: int = 1000) -> NDArray[np.float64]:
        """Return the curve's height, (n,) float64 from 0 to 1, at (n,) z-scores, in an archive of this size."""
        odds = (np.asarray(z_scores, dtype=np.float64) - self._middle(articles)) / self.width
        return np.asarray(1.0 / (1.0 + np.exp(-np.maximum(odds, -60))))  # np.clip would cost more than everything else

    def reaching(self, height: float, articles: int = 1000) -> float:
        """Return the least z-score at which the curve reaches a height: -inf if it always does, inf if never."""
        if not 0 < height < 1:
            return -inf if height <= 0 else inf
        return self._middle(articles) + self.width * log(height / (1 - height))

    def _middle(self, articles: int) -> float:
        return self.middle + self.growth * log(max(articles, 1) / 1000)


# Fitted by benchmarks/calibrate.py to judged lists of ten in archives of 100 to 6,400 articles.
RELATED = Curve(middle=16.98, growth=0.64, width=2.05)
"""Over the fused z-scores of `ranking.fusion.relate`, articles with and without a body."""

BRIEF = Curve(middle=12.26, growth=0.32, width=1.51)
"""The same for brief drafts, with their echo added (`service.related.pool`)."""

QUERIES = Curve(middle=5.58, growth=0.22, width=0.59)

WORDS = Curve(middle=0.6, growth=0.0, width=0.08)
"""Over the share of a query's words in an article (`ranking.fusion.evidence`). In archives of 154 to 6,000 articles,
unrelated queries reach a 95th percentile of 0.3 to 0.6, related ones a median of 0.7 to 1.0; the middle lies between
(benchmarks/search.py)."""


@dataclass(frozen=True)
class JointCurve:
    """A logistic curve over a hit's dense and lexical scores together. Its log odds are a weighted sum.

    :param constant: Log odds of a hit whose scores are all 0, for a query of one syllable.
    :param dense: Growth of the log odds for one dense z-score above the background.
    :param lexical: Growth for the whole share of a query's words.
    :param fused: Growth for 1 of the fused score, which orders hits.
    :param syllables: Growth for a query longer by a factor of e, since a longer query is more specific.
    """

    constant: float
    dense: float
    lexical: float
    fused: float
    syllables: float

    def at(
        self, z_scores: NDArray[np.float64], shares: NDArray[np.float64], fused: NDArray[np.float64], syllables: int
    ) -> NDArray[np.float64]:
        """Return the relevance of n hits, (n,) float64 from 0 to 1.

        :param z_scores: (n,) dense z-scores above the background, without the growth by the archive's size (`grown`).
        :param shares: (n,) shares of the query's words.
        :param fused: (n,) fused scores.
        :param syllables: The query's length.
        """
        length = log(min(max(syllables, 1), LONGEST_FITTED))
        said = self.dense * z_scores + self.lexical * np.minimum(shares, MOST_SHARE) + self.fused * fused
        odds = self.constant + self.syllables * length + said
        return np.asarray(1.0 / (1.0 + np.exp(-np.maximum(odds, -60))))


LONGEST_FITTED = 8
"""Syllables of the longest queries that the curve was fitted to. Longer queries count as this long."""

MOST_SHARE = 1.3
"""A share above this counts as this, since it only shows that words are repeated."""

HITS = JointCurve(constant=-9.12, dense=0.602, lexical=3.33, fused=0.223, syllables=1.547)
"""Fitted by benchmarks/calibrate.py to the sample archive's reader queries, without the held-out ones."""


class Calibration(BaseModel):
    """The manifest's entry of the background.

    :param articles: The archive's size when the background was drawn.
    :param probe: The number of rows from probe texts; they come first.
    :param own: The number of rows from the archive.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    articles: int
    probe: int
    own: int


def draw_background(sample: Vectors, articles: int, encoder: Encoder) -> tuple[Vectors, Calibration]:
    """Return a background of probe texts and the archive's sample, (probe + own, dim) float32, and its entry.

    :param sample: (n, dim) float32 vectors of articles.
    :param articles: The archive's size.
    """
    probe = encoder.encode_documents(probe_texts())
    rows = np.concatenate([probe, sample.reshape(-1, encoder.identity.dim)])
    return rows, Calibration(articles=articles, probe=len(probe), own=len(sample))


class Moments(NamedTuple):
    """Mean and standard deviation of the background's cosines to a query."""

    mean: float
    std: float

    def z_scores(self, cosines: Vectors) -> NDArray[np.float64]:
        """Return the z-scores of (n,) cosines, (n,) float64."""
        return (np.asarray(cosines, dtype=np.float64) - self.mean) / self.std


class Background:
    """The background of a snapshot.

    :param rows: (probe + own, dim) float32, rows of unit length, as `draw_background` returns them.
    :param calibration: The numbers of rows.
    :raises ValueError: if the two do not agree.
    """

    def __init__(self, rows: Vectors, calibration: Calibration) -> None:
        if rows.ndim != 2 or len(rows) != calibration.probe + calibration.own:
            raise ValueError(f"background of shape {rows.shape}: expected {calibration.probe + calibration.own} rows")
        self._articles = calibration.articles
        probe, own = rows[: calibration.probe], rows[calibration.probe :]
        share = self._articles / (self._articles + PROBE_WEIGHT) if len(own) > 1 else 0.0
        weighted = [(1 - share, _root(probe)), (share, _root(own))] if share else [(1.0, _root(probe))]
        middle = np.sum([weight * mean for weight, (mean, _) in weighted], axis=0)
        self._middle: Vectors = middle.astype(np.float32)
        self._roots = np.concatenate([root for _, (_, root) in weighted])
        self._parts = [(weight, len(root)) for weight, (_, root) in weighted]

    def moments(self, query: Vectors) -> Moments:
        """Return mean and standard deviation of the background's cosines to a query, a (dim,) unit vector."""
        apart, start, std = self._roots @ query, 0, 0.0
        for weight, rows in self._parts:
            part = apart[start : start + rows]
            std += weight * max(sqrt(float(part @ part)), _LEAST)
            start += rows
        return Moments(float(self._middle @ query), std)

    def stds_of(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the standard deviation of the background's cosines to each of (n, dim) unit vectors, (n,) float64."""
        apart, start = self._roots @ queries.T, 0
        std = np.zeros(len(queries))
        for weight, rows in self._parts:
            part = apart[start : start + rows]
            std += weight * np.maximum(np.linalg.norm(part, axis=0), _LEAST)
            start += rows
        return std

    def z_scores(self, query: Vectors, cosines: Vectors) -> NDArray[np.float64]:
        """Return the z-scores of (n,) cosines to a query, a (dim,) unit vector, above the background, (n,) float64."""
        return self.moments(query).z_scores(cosines)

    def reaching(self, relevance: float, curve: Curve) -> float:
        """Return the least z-score above the background with this relevance (`Curve.reaching`)."""
        return curve.reaching(relevance, self._articles)

    def grown(self, curve: Curve) -> float:
        """Return how much higher the z-scores of chance are in this archive than in one of 1,000 articles."""
        return curve.growth * log(max(self._articles, 1) / 1000)

    def of_z_scores(self, z_scores: NDArray[np.float64], curve: Curve) -> NDArray[np.float64]:
        """Return the relevance of (n,) z-scores above the background, (n,) from 0 to 1."""
        return curve.at(z_scores, self._articles)


def _root(rows: Vectors) -> tuple[NDArray[np.float64], Vectors]:
    """Return the mean of (n, dim) rows, (dim,), and a root of their covariance, (at most dim, dim) float32.

    The mean of a query's cosines to the rows is its product with their mean; the standard deviation is the length of
    root @ query. The root has at most dim rows, however large n is.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    root = np.asarray(np.linalg.qr((rows - mean) / sqrt(len(rows)), mode="r"))
    return mean, root.astype(np.float32)
