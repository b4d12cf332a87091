"""Reranking of the first hits of a search: the passages to read, and the order by scores.

Knows neither models nor where scores come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.files.arrays import Rows
from service.passages import snippets
from service.passages.snippets import MarkTargets

FIRST = 30
"""The number of first hits that are reranked."""

_MOST = 1200
"""The most characters of a passage; a model also cuts it at its own limit."""


def passages(archive: Archive, rows: Rows, wanted: MarkTargets) -> list[str]:
    """Return the passages of articles to rerank: title and lead; without a lead, title and best passage of the body.

    :param rows: (n,) int64 rows of the articles.
    :param wanted: The words by which the best passage is found.
    """
    summaries = archive.summaries(rows)
    bare = [at for at, summary in enumerate(summaries) if not summary.lead]
    bodies = dict(zip(bare, archive.articles(rows[bare]), strict=True)) if bare else {}
    texts = []
    for at, summary in enumerate(summaries):
        told = summary.lead
        if not told:
            told = "".join(piece.text for piece in snippets.snippet(bodies[at].plain_body or "", wanted))
        texts.append(f"{summary.title}\n{told}".strip()[:_MOST])
    return texts


def order(lifted: Mask, scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of n hits, (n,) int64 places: lifted ones first, then by score, ties unchanged.

    :param lifted: (n,) bool, hits with exactly the typed title, or with a quoted phrase.
    :param scores: (n,) float64, higher is better.
    """
    return np.lexsort((np.arange(len(scores)), -scores, ~lifted))
