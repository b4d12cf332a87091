"""What fills a list up, worked out by hand."""

import numpy as np
import pytest

from service.ranking.diversity import Cap
from service.ranking.fallbacks import fill_up

NEWEST = {"same_section_newest": [5, 6, 7], "newest": [8, 5, 9]}


def filled(names, listed=(), told=(), caps=(), limit=3, groups=None):
    def newest(name):
        return np.array(NEWEST[name], dtype=np.int64)

    def duplicate_groups(rows):
        return np.array([(groups or {}).get(row, row) for row in rows.tolist()], dtype=np.int64)

    listed, told = (np.array(rows, dtype=np.int64) for rows in (listed, told))
    return list(fill_up(names, newest, duplicate_groups, listed, told, caps, limit).items())


BOTH = ("same_section_newest", "newest")


@pytest.mark.parametrize(
    ("names", "listed", "limit", "expected"),
    [
        (BOTH, [1], 3, [(5, "same_section_newest"), (6, "same_section_newest")]),
        (
            BOTH,
            [],
            5,
            [
                (5, "same_section_newest"),
                (6, "same_section_newest"),
                (7, "same_section_newest"),
                (8, "newest"),
                (9, "newest"),
            ],
        ),
        (("newest",), [8], 3, [(5, "newest"), (9, "newest")]),
        (("none", "newest"), [], 3, []),
        (("same_section_newest", "none", "newest"), [], 9, [(n, "same_section_newest") for n in (5, 6, 7)]),
        ((), [], 3, []),
        (BOTH, [1, 2, 3], 3, []),
    ],
)
def test_in_turn_and_no_more_than_fit(names, listed, limit, expected):
    assert filled(names, listed, limit=limit) == expected


def test_what_has_been_told_is_not_told_again():
    assert filled(("newest",), told=[5], limit=9) == [(8, "newest"), (9, "newest")]
    assert filled(("newest",), listed=[1], groups={1: 77, 9: 77}, limit=9) == [(8, "newest"), (5, "newest")]
    assert filled(("newest",), groups={8: 77, 5: 77}, limit=9) == [(8, "newest"), (9, "newest")]


def test_caps_count_what_is_listed_and_what_fills_up():
    values = np.array([0, 4, 0, 0, 0, 4, 3, 4, 3, -1])
    cap = Cap("section", values, 2)
    assert [row for row, _ in filled(BOTH, listed=[1], caps=[cap], limit=9)] == [5, 6, 8, 9]  # 7 is the third of 4
    assert [row for row, _ in filled(BOTH, caps=[Cap("section", values, 1)], limit=9)] == [5, 6, 9]
    none = np.full(10, -1)
    assert [row for row, _ in filled(("newest",), caps=[Cap("author", none, 1)], limit=9)] == [8, 5, 9]
