"""How exact an index is that does not look at every vector, and how hard it has to look: measured while it is built.

Some vectors are held back, and looked for among the others: by brute force, and by the index. Knows no index type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from indexer.files.arrays import Rows
from models.encoder import Vectors

DEPTH = 10
"""Recall is of so many nearest vectors."""

TARGET = 0.99
EF_SEARCHES = (256, 384, 512, 768, 1024)
"""What is tried in turn. The least costs 0.5 ms among a million, for 0.99 of what is nearest to an article that is not
in the archive; what is held back is found with less, as drawn vectors or reports of one event are alike, and what
readers write is less like the archive than either."""

_HELD = 500
_SHARE = 20
"""At most one vector in so many is held back."""

_CHUNK = 8192
_SEED = 7
_EQUAL = 1e-6
"""Cosines this close are of equally good vectors: float32 products differ by the order of their sums."""


class TuningResult(NamedTuple):
    """What an index was set to, and the recall that was measured with it, 0 to 1."""

    ef_search: int
    recall: float


def held_back(count: int) -> Rows:
    """Return the rows of `count` that are held back, (n,) int64, rising, the same ones every time."""
    chosen = np.random.default_rng(_SEED).choice(count, min(_HELD, count // _SHARE), replace=False)
    return np.sort(chosen.astype(np.int64))


def best_cosines(raw: Vectors, held: Rows) -> Vectors:
    """Return by brute force the best cosines of held-back vectors to the others.

    :param raw: (count, dim) float32, rows of unit length.
    :param held: (n,) int64 rows.
    :return: (n, m) float32, best first, m at most `DEPTH`.
    """
    queries = raw[held]
    best = np.empty((len(held), 0), dtype=np.float32)
    for start in range(0, len(raw), _CHUNK):
        chunk = raw[start : start + _CHUNK]
        inside = (held >= start) & (held < start + len(chunk))
        found = queries @ np.delete(chunk, held[inside] - start, axis=0).T
        kept = min(DEPTH, found.shape[1])
        best = np.concatenate([best, np.partition(found, -kept, axis=1)[:, -kept:] if kept else found], axis=1)
    return np.asarray(-np.sort(-best, axis=1)[:, :DEPTH])


def recall(found: Sequence[Vectors], best: Vectors) -> float:
    """Return the share of the best that an index found, 1 where nothing was asked.

    Counted by cosines, so that of vectors that are alike any will do.

    :param found: For each of n queries (k,) cosines.
    :param best: (n, m) float32, best first.
    """
    if best.size == 0:
        return 1.0
    reached = [
        min(int(np.count_nonzero(cosines >= least - _EQUAL)), best.shape[1])
        for cosines, least in zip(found, best[:, -1], strict=True)
    ]
    return float(sum(reached) / best.size)


def tune(measure: Callable[[int], float], ef_searches: Sequence[int], target: float) -> TuningResult:
    """Return the least ef_search that reaches a recall.

    :param measure: Returns the recall at an ef_search.
    :param ef_searches: Rising.
    :raises ValueError: if none reaches it.
    """
    for ef_search in ef_searches:
        reached = measure(ef_search)
        if reached >= target:
            return TuningResult(ef_search, reached)
    raise ValueError(f"index: recall@{DEPTH} {reached:.4f} at breadth {ef_search}: expected at least {target}")
