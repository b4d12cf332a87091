"""From cosine to relevance: what a cosine means among this archive's vectors.

Cosines of one encoder crowd together (with multilingual-e5, unrelated texts reach 0.8), and where they crowd differs
from archive to archive. A cosine is therefore counted in spreads above the mean of random pairs of the same archive,
and that count is turned into the share of hits which people judged related at it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.encoder import Encoder, Vectors
from models.parity import probe_texts

_PAIRS = 20_000
_QUERIES = 64
_SEED = 20241122

PROBE_WEIGHT = 500
"""How many articles the probe texts weigh as in the calibration."""

# Logistic curves over spreads above the mean, fitted by benchmarks/calibrate.py to judged lists of ten:
# (spreads at which half of the hits were judged related, spreads in which the log odds grow by one).
DOCUMENT_CURVE = (5.06, 0.47)
QUERY_CURVE = (5.09, 0.40)


class Scale(BaseModel):
    """Mean and spread (standard deviation) of the cosines of unrelated pairs."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    mean: float
    spread: float

    def relevance(self, cosines: Vectors, curve: tuple[float, float]) -> NDArray[np.float64]:
        """Return the relevance of cosines, both (n,), from 0 to 1; monotone, so that the order stays."""
        middle, width = curve
        spreads = (np.asarray(cosines, dtype=np.float64) - self.mean) / self.spread
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip((spreads - middle) / width, -60, 60))))


class Calibration(BaseModel):
    """The scales of a snapshot: documents against documents, queries against documents.

    :param articles: How large the archive was when they were measured.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    documents: Scale
    queries: Scale
    articles: int

    def of_documents(self, cosines: Vectors) -> NDArray[np.float64]:
        """Return the relevance of cosines between articles, (n,) float64."""
        return self.documents.relevance(cosines, DOCUMENT_CURVE)

    def of_queries(self, cosines: Vectors) -> NDArray[np.float64]:
        """Return the relevance of cosines between a query and articles, (n,) float64."""
        return self.queries.relevance(cosines, QUERY_CURVE)


def calibrate(sample: Vectors, titles: Sequence[str], articles: int, encoder: Encoder) -> Calibration:
    """Measure the scales on a sample of the archive.

    A small archive of one trade says little of what unrelated means, so its measure is drawn towards that of the
    probe texts, which are of everything; these weigh as much as PROBE_WEIGHT articles. Queries are played by
    titles, each against every text but its own.

    :param sample: (n, dim) float32 vectors of articles.
    :param titles: The n titles that go with them.
    :param articles: How large the archive is.
    """
    probe = probe_texts()
    vectors = encoder.encode_documents(probe)
    queries = encoder.encode_queries([" ".join(text.split()[:12]) for text in probe])
    matters = np.arange(len(probe)) // 2
    apart = matters[:, None] != matters[None, :]
    documents, asked = _scale((vectors @ vectors.T)[apart]), _scale((queries @ vectors.T)[apart])
    if len(sample) > 1:
        random = np.random.default_rng(_SEED)
        left, right = random.integers(0, len(sample), (2, _PAIRS))
        pairs = np.einsum("ij,ij->i", sample[left], sample[right])[left != right]
        chosen = random.permutation(len(titles))[:_QUERIES]
        scores = encoder.encode_queries([titles[at] for at in chosen]) @ sample.T
        own = articles / (articles + PROBE_WEIGHT)
        documents = _blend(_scale(pairs), documents, own)
        asked = _blend(_scale(scores[np.arange(len(sample))[None, :] != chosen[:, None]]), asked, own)
    return Calibration(documents=documents, queries=asked, articles=articles)


def _scale(cosines: Vectors) -> Scale:
    return Scale(mean=float(cosines.mean()), spread=max(float(cosines.std()), 1e-6))


def _blend(own: Scale, probe: Scale, weight: float) -> Scale:
    mean, spread = (
        weight * mine + (1 - weight) * other for mine, other in ((own.mean, probe.mean), (own.spread, probe.spread))
    )
    return Scale(mean=mean, spread=spread)
