"""Which segments a change writes anew, and where words stand then: by hand. Whole archives: `tests/test_added.py`."""

from types import SimpleNamespace

import numpy as np
import pytest

from indexer.building import growth
from indexer.building.staging import Changes


def current(*sizes, words=None):
    segments = [SimpleNamespace(count=size, alive=np.ones(size, dtype=np.bool_)) for size in sizes]
    return SimpleNamespace(segments=segments, word_rows=lambda: words)


@pytest.mark.parametrize(
    ("sizes", "added", "gone", "first"),
    [
        ((1000,), 1, (), 1),
        ((1000, 1), 1, (), 1),  # 1 is less than twice 1
        ((1000, 2), 1, (), 2),
        ((1000, 2, 1), 1, (), 1),  # 1 and 1 are 2, and 2 is less than twice that
        ((1000,), 101, (), 0),  # more than a tenth
        ((1000, 60, 30), 11, (), 0),
        ((1000, 10), 0, range(1000, 1002), 2),
        ((1000, 10), 0, range(1000, 1003), 1),  # three of ten are more than a fifth
        ((1000,), 0, range(201), 0),
    ],
)
def test_by_hand(sizes, added, gone, first):
    changes = Changes(added, 0, len(gone), sum(sizes) - len(gone), sum(sizes))
    assert growth.first_written(current(*sizes), np.array(gone, dtype=np.int64), changes, 0) == first


def test_there_are_never_more_segments_than_may_be():
    sizes = (10_000, 128, 64, 32, 16, 8, 4, 2)
    changes = Changes(1, 0, 0, sum(sizes), sum(sizes))
    first = growth.first_written(current(*sizes), np.empty(0, dtype=np.int64), changes, 0)
    assert first < growth.MAX_SEGMENTS == len(sizes)


def test_small_archives_and_word_indexes_full_of_old_readings_are_written_anew():
    changes = Changes(1, 0, 0, 1000, 1000)
    none = np.empty(0, dtype=np.int64)
    assert growth.first_written(current(1000), none, changes, 2000) == 0
    assert growth.first_written(current(1000, words=np.zeros(1250, dtype=np.int32)), none, changes, 0) == 1
    assert growth.first_written(current(1000, words=np.zeros(1251, dtype=np.int32)), none, changes, 0) == 0


def test_word_rows_by_hand():
    # Four rows, of which 1 is dead; rows 2 and 3 move to 3 and 4 where two were added before them.
    rows = growth.word_rows(None, 3, np.array([4, 5]), 8, 4)
    assert rows.tolist() == [0, 1, 2, -1, 3, 4, 5, 6]
    again = growth.word_rows(rows, 3, np.array([3, 6]), 9, 3)
    assert again.tolist() == [0, 1, 2, -1, 3, -1, -1, 4, 5]
