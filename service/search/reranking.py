"""The second look at the first hits of a search: what of them is read, and how scores reorder them.

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
"""So many hits, from the first, are looked at again."""

_MOST = 1200
"""Characters of a passage that are read at most; a model cuts it at its own limit."""


def passages(archive: Archive, rows: Rows, wanted: MarkTargets) -> list[str]:
    """Return what is read of the articles of these rows: title and lead; without a lead, the best passage of the body.

    :param wanted: The words that the best passage is found by.
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
    """Return the order of (n,) hits by their scores, best first; lifted ones above the rest, ties as they were.

    :param lifted: (n,) bool, whose title or phrase is what was typed.
    """
    return np.lexsort((np.arange(len(scores)), -scores, ~lifted))
