"""Which pin gets which position, and lists with pins in place."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ranking.pins import Pin, place, settle

rows = st.integers(0, 12)
asked = st.lists(st.builds(Pin, st.just("r"), rows, st.integers(1, 8)), max_size=8)
lists = st.lists(rows, unique=True, max_size=12)


def pins(*pairs):
    return [Pin(f"r{at}", row, position) for at, (row, position) in enumerate(pairs)]


def where(found):
    return [(pin.row, pin.position) for pin in found]


class TestSettle:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ([], []),
            ([(7, 3), (8, 1)], [(8, 1), (7, 3)]),
            ([(7, 1), (8, 1)], [(7, 1), (8, 2)]),
            ([(7, 1), (8, 1), (9, 1)], [(7, 1), (8, 2), (9, 3)]),
            ([(7, 1), (8, 1), (9, 2)], [(7, 1), (9, 2), (8, 3)]),  # the second position is another's own
            ([(7, 2), (8, 2), (9, 1), (6, 1)], [(9, 1), (7, 2), (6, 3), (8, 4)]),  # late ones by position
            ([(7, 4), (7, 1)], [(7, 4)]),
            ([(7, 1), (7, 2), (8, 2)], [(7, 1), (8, 2)]),  # what is not there takes nobody's place
        ],
    )
    def test_by_hand(self, asked, expected):
        assert where(settle(pins(*asked))) == expected

    @given(asked)
    def test_one_a_row_and_a_position_and_whoever_asked_first_keeps_it(self, asked):
        settled = settle(asked)
        assert {pin.row for pin in settled} == {pin.row for pin in asked}
        assert len({pin.row for pin in settled}) == len(settled)
        assert [pin.position for pin in settled] == sorted({pin.position for pin in settled})
        first_of_row = list({pin.row: pin for pin in reversed(asked)}.values())[::-1]
        claims = {pin.position: pin for pin in reversed([pin for pin in asked if pin in first_of_row])}
        kept = {pin.position: pin.row for pin in settled}
        assert all(kept[position] == pin.row for position, pin in claims.items())

    @given(asked)
    def test_nobody_moves_up_and_no_gap_is_passed_over(self, asked):
        wanted = {}
        for pin in asked:
            wanted.setdefault(pin.row, pin.position)
        settled = {pin.row: pin.position for pin in settle(asked)}
        for row, position in settled.items():
            assert set(range(wanted[row], position)) <= set(settled.values()) - {position}


class TestPlace:
    @pytest.mark.parametrize(
        ("found", "asked", "limit", "expected"),
        [
            ([], [], 3, []),
            ([1, 2, 3], [], 2, [1, 2]),
            ([1, 2, 3], [(9, 1)], 3, [9, 1, 2]),
            ([1, 2, 3], [(9, 2)], 3, [1, 9, 2]),
            ([1, 2, 3], [(3, 1)], 3, [3, 1, 2]),  # among the candidates already
            ([1, 2, 3], [(1, 3)], 3, [2, 3, 1]),  # a pin may also hold back
            ([1, 2, 3], [(8, 1), (9, 3)], 6, [8, 1, 9, 2, 3]),
            ([1, 2], [(9, 7)], 6, [1, 2, 9]),  # beyond the end
            ([1], [(8, 5), (9, 7)], 6, [1, 8, 9]),
            ([], [(8, 5), (9, 7)], 6, [8, 9]),
            ([1, 2, 3], [(9, 3)], 2, [1, 2]),  # beyond what is asked for
            ([1, 2, 3], [(9, 1)], 0, []),
        ],
    )
    def test_by_hand(self, found, asked, limit, expected):
        placed = place(np.array(found, dtype=np.int64), pins(*asked), limit)
        assert placed.dtype == np.int64
        assert placed.tolist() == expected

    @given(lists, asked, st.integers(0, 20))
    def test_pins_keep_their_position_and_the_others_their_order(self, found, asked, limit):
        settled = settle(asked)
        placed = place(np.array(found, dtype=np.int64), settled, limit).tolist()
        pinned = {pin.row for pin in settled}
        everything = set(found) | pinned
        assert len(placed) == min(limit, len(everything))
        assert max(Counter(placed).values(), default=1) == 1
        assert set(placed) <= everything
        others = [row for row in found if row not in pinned]
        assert [row for row in placed if row not in pinned] == others[: sum(row not in pinned for row in placed)]
        for pin in settled:
            if pin.position <= min(limit, len(others) + sum(p.position < pin.position for p in settled)):
                assert placed[pin.position - 1] == pin.row

    @given(lists, asked, st.integers(0, 20), st.integers(0, 20))
    def test_a_shorter_list_is_the_start_of_a_longer_one(self, found, asked, one, other):
        settled, found = settle(asked), np.array(found, dtype=np.int64)
        short, long = sorted((one, other))
        assert place(found, settled, short).tolist() == place(found, settled, long).tolist()[:short]
