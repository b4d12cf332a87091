"""How an archive grows: which of its segments a change writes anew, and where its words stand then. Pure functions.

Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.building.staging import Changes
from indexer.files.arrays import Rows
from indexer.snapshot.snapshot import Snapshot

MAX_TOMBSTONES = 0.2
"""Share of a segment that may be deleted before it is written anew."""

GROWTH = 0.1
"""By what share the first segment may be added to before all is written anew, and words, names and series learnt."""

MAX_SEGMENTS = 8


def first_written(current: Snapshot, gone: Rows, changes: Changes, added_to: int) -> int:
    """Return which of the current segments is the first to be written anew; as many as there are, if none is."""
    starts = np.cumsum([0, *(segment.count for segment in current.segments)])
    lost = np.histogram(gone, starts)[0] if len(gone) else np.zeros(len(current.segments), dtype=np.int64)
    alive = [int(segment.alive.sum() - n) for segment, n in zip(current.segments, lost, strict=True)]
    spent = [
        1 - left / max(segment.count, 1) > MAX_TOMBSTONES for left, segment in zip(alive, current.segments, strict=True)
    ]
    words = current.word_rows()
    if words is not None and len(words) - sum(alive) > MAX_TOMBSTONES * len(words):
        return 0  # the word index keeps what was written over, and counts it
    first = spent.index(True) if any(spent) else len(alive)
    new = changes.added + changes.updated
    if new and (changes.articles < added_to or new + sum(alive[1:]) > GROWTH * alive[0]):
        return 0
    return first_merged(alive, new, first)


def first_merged(alive: Sequence[int], new: int, first: int, least: int = 0) -> int:
    """Return which segment is the first that new articles are written together with; as many as there are, if none is.

    New articles make a segment of their own, together with the last segments that are not twice as large: so sizes
    fall by half from each to the next, there are few, and each article is written a few times in all (a log-structured
    merge; O'Neil et al., 1996).

    :param alive: How many articles each has.
    :param first: The first that is written anew in any case.
    :param least: The first that may be.
    """
    written = new + sum(alive[first:])
    while first > least and new and (alive[first - 1] < 2 * written or first >= MAX_SEGMENTS):
        first -= 1
        written += alive[first]
    return first


def word_rows(rows: NDArray[np.int32] | None, base: int, kept: Rows, words: int, articles: int) -> NDArray[np.int32]:
    """Return the row that each article of the word index has now, (words,) int32, -1 for none.

    :param rows: The same before, None where it was each article's number.
    :param base: How many rows stay as they are.
    :param kept: The rows before of those that follow, in their order.
    :param words: How many articles the word index has now; those that were added come last.
    :param articles: How many articles follow the base: those kept, then those added.
    """
    added = articles - len(kept)
    before = np.arange(words - added, dtype=np.int32) if rows is None else rows
    now = np.full(max(int(before.max(initial=-1)) + 1, base), -1, dtype=np.int32)
    now[:base] = np.arange(base)
    now[kept] = np.arange(base, base + len(kept))
    moved = np.where(before >= 0, now[before], np.int32(-1))
    return np.concatenate([moved, np.arange(base + len(kept), base + articles, dtype=np.int32)])
