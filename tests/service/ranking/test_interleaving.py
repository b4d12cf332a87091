"""Team draft: lists worked out by hand, and what holds of every one."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ranking.interleaving import team_draft

rankings = st.lists(st.integers(0, 12), unique=True, max_size=10)
flips = st.lists(st.booleans(), min_size=20, max_size=20)


def heads(at):
    return True


def tails(at):
    return False


class TestByHand:
    def test_the_figure_of_the_paper(self):
        """Radlinski et al., figure 4: a takes its first, b its first that is left, and so on."""
        a, b = list("abcdgh"), list("beafgh")
        assert team_draft(a, b, 4, heads) == [("a", "a"), ("b", "b"), ("c", "a"), ("e", "b")]
        assert team_draft(a, b, 4, tails) == [("b", "b"), ("a", "a"), ("e", "b"), ("c", "a")]
        turns = [True, False]
        assert team_draft(a, b, 4, lambda at: turns[at]) == [("a", "a"), ("b", "b"), ("e", "b"), ("c", "a")]

    def test_an_odd_length_ends_in_the_middle_of_a_round(self):
        assert team_draft([1, 2], [3, 4], 3, heads) == [(1, "a"), (3, "b"), (2, "a")]

    def test_what_fills_up_is_of_no_team(self):
        assert team_draft([1], [2, 3, 4], 4, heads) == [(1, "a"), (2, ""), (3, ""), (4, "")]
        assert team_draft([1], [2, 3, 4], 4, tails) == [(2, "b"), (1, "a"), (3, ""), (4, "")]
        assert team_draft([], [2, 3], 4, tails) == [(2, ""), (3, "")]

    @pytest.mark.parametrize("length", [0, 3])
    def test_of_nothing(self, length):
        assert team_draft([], [], length, heads) == []


class TestLaws:
    @given(rankings, rankings, st.integers(0, 12), flips)
    def test_nothing_twice_nothing_lost_and_teams_as_large(self, a, b, length, coins):
        found = team_draft(a, b, length, lambda at: coins[at])
        items = [item for item, _ in found]
        assert len(items) == len(set(items)) == min(length, len({*a, *b}))
        teams = Counter(team for _, team in found)
        assert abs(teams["a"] - teams["b"]) <= 1

    @given(rankings, rankings, st.integers(0, 12), flips)
    def test_each_team_keeps_its_order_and_takes_the_best_that_is_left(self, a, b, length, coins):
        taken = []
        for item, team in team_draft(a, b, length, lambda at: coins[at]):
            if team:
                own = a if team == "a" else b
                assert item == next(one for one in own if one not in taken)
            taken.append(item)

    @given(rankings, st.integers(0, 12), flips)
    def test_two_equal_rankings_are_shown_as_they_are(self, a, length, coins):
        assert [item for item, _ in team_draft(a, a, length, lambda at: coins[at])] == a[:length]

    @given(rankings, rankings, st.integers(0, 12), flips)
    def test_sides_and_coins_turned_round_only_the_teams_change(self, a, b, length, coins):
        there = team_draft(a, b, length, lambda at: coins[at])
        back = team_draft(b, a, length, lambda at: not coins[at])
        turned = {"a": "b", "b": "a", "": ""}
        assert [(item, turned[team]) for item, team in back if team] == [pair for pair in there if pair[1]]

    def test_a_reader_who_clicks_anywhere_prefers_neither(self):
        """Over all coins each position is of either team as often, so a click by chance says nothing."""
        a, b = [1, 2, 3, 4], [3, 1, 5, 2]
        teams = [Counter() for _ in range(4)]
        for coins in product((True, False), repeat=2):
            for at, (_, team) in enumerate(team_draft(a, b, 4, lambda at, coins=coins: coins[at])):
                teams[at][team] += 1
        assert all(count["a"] == count["b"] == 2 for count in teams)
