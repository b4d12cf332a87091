"""Intervals and tests held against published and hand-worked values, and their laws."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clicks.intervals import Rate, difference, sign_test, wilson

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


class TestWilson:
    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"),
        [  # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ],
    )
    def test_published_values(self, successes, trials, low, high):
        found = wilson(successes, trials)
        assert found.rate == successes / trials
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)

    def test_of_nothing_it_may_be_anything(self):
        assert wilson(0, 0) == Rate(None, 0.0, 1.0)

    @pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 3)])
    def test_what_cannot_be(self, successes, trials):
        with pytest.raises(ValueError, match=f"{successes} of {trials}"):
            wilson(successes, trials)

    @given(counts)
    def test_it_holds_the_rate_and_mirrors(self, count):
        successes, trials = count
        found, mirrored = wilson(successes, trials), wilson(trials - successes, trials)
        assert 0 <= found.low <= found.rate <= found.high <= 1
        assert mirrored.low == pytest.approx(1 - found.high, abs=1e-12)
        assert (
            found.high - found.low > wilson(10 * successes, 10 * trials).high - wilson(10 * successes, 10 * trials).low
        )


class TestDifference:
    @pytest.mark.parametrize(
        ("second", "first", "low", "high"),
        [  # Newcombe (1998), "Interval estimation for the difference", table II, method 10
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ],
    )
    def test_published_values(self, second, first, low, high):
        found = difference(wilson(*first), wilson(*second))
        assert found.rate == pytest.approx(second[0] / second[1] - first[0] / first[1])
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)

    def test_of_nothing(self):
        assert difference(wilson(0, 0), wilson(1, 2)) == Rate(None, -1.0, 1.0)

    @given(counts, counts)
    def test_it_turns_round_with_its_sides(self, first, second):
        one, other = wilson(*first), wilson(*second)
        there, back = difference(one, other), difference(other, one)
        assert -1 <= there.low <= there.rate <= there.high <= 1
        assert (there.rate, there.low, there.high) == pytest.approx((-back.rate, -back.high, -back.low))


class TestSignTest:
    @pytest.mark.parametrize(
        ("wins", "losses", "p"),
        [
            (0, 0, 1),
            (1, 0, 1),
            (3, 3, 1),
            (5, 0, 2 / 32),
            (0, 5, 2 / 32),
            (8, 2, 2 * 56 / 1024),
            (6, 4, 2 * 386 / 1024),
        ],
    )
    def test_by_hand(self, wins, losses, p):
        assert sign_test(wins, losses) == pytest.approx(p)

    @given(st.integers(0, 300), st.integers(0, 300))
    def test_against_exact_fractions(self, wins, losses):
        total = wins + losses
        tail = sum(math.comb(total, k) for k in range(min(wins, losses) + 1))
        exact = min(Fraction(1), Fraction(2 * tail, 2**total))
        assert sign_test(wins, losses) == pytest.approx(float(exact), rel=1e-9)
        assert sign_test(wins, losses) == sign_test(losses, wins)

    def test_of_very_many(self):
        assert sign_test(500_000, 502_000) == pytest.approx(0.0458, abs=5e-4)  # z = 1.997 by the normal distribution
        assert sign_test(100_000, 200_000) == 0.0
