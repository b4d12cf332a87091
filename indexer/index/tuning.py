"""Measures the recall of an approximate index while it is built, and chooses how broadly it searches.

Some vectors are held back and serve as queries over the others: by brute force, and by the index. Knows no index type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from indexer.files.arrays import Rows
from models.encoder import Vectors

DEPTH = 10
"""The number of nearest vectors over which recall is measured."""

TARGET = 0.99
EF_SEARCHES = (256, 384, 512, 768, 1024)
"""The values that are tried in turn. With a million vectors, the least costs 0.5 ms and finds 0.99 of the nearest to an
article outside the archive. Held-back vectors need less, since reports of one event or drawn vectors are alike.
Readers' queries are less like the archive than either."""

_HELD = 500
_SHARE = 20
"""At most one vector in this many is held back."""

_CHUNK = 8192
_SEED = 7
_EQUAL = 1e-6
"""Cosines this close count as equal, since float32 products depend on the order of summation."""


class TuningResult(NamedTuple):
    """The chosen ef_search, and the recall measured with it, 0 to 1."""

    ef_search: int
    recall: float


def held_back(count: int) -> Rows:
    """Return the rows among `count` that are held back, (n,) int64 ascending, the same each time."""
    chosen = np.random.default_rng(_SEED).choice(count, min(_HELD, count // _SHARE), replace=False)
    return np.sort(chosen.astype(np.int64))


def best_cosines(raw: Vectors, held: Rows) -> Vectors:
    """Return the best cosines of held-back vectors to the others, by brute force.

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
    """Return the share of the best that an index found, 1 if there are no queries.

    Cosines are compared, not rows, so that equal vectors count as equally good.

    :param found: For each of n queries (k,) float32 cosines.
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
    """Return the least ef_search that reaches a recall, with its recall.

    :param measure: Returns the recall at an ef_search.
    :param ef_searches: Ascending.
    :param target: The recall to reach, 0 to 1.
    :raises ValueError: if none reaches it.
    """
    for ef_search in ef_searches:
        reached = measure(ef_search)
        if reached >= target:
            return TuningResult(ef_search, reached)
    raise ValueError(f"index: recall@{DEPTH} {reached:.4f} at breadth {ef_search}: expected at least {target}")
