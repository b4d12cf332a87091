"""How sure a rate, a difference of rates and a count of wins are. Pure functions on numbers, by scipy's statistics."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.stats import binomtest


class Rate(NamedTuple):
    """A share with its interval of 95 %; of nothing it may be anything."""

    rate: float | None
    low: float
    high: float


def wilson(successes: int, trials: int) -> Rate:
    """Return a share and its score interval (scipy's `wilson`).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927);
    recommended by L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion" (2001).

    :raises ValueError: if there are fewer trials than successes.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes: {successes} of {trials}: expected 0 to {trials}")
    if not trials:
        return Rate(None, 0.0, 1.0)
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return Rate(successes / trials, float(interval.low), float(interval.high))


def difference(first: Rate, second: Rate) -> Rate:
    """Return by how much the second share is greater, -1 to 1, with its interval.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10: from the Wilson intervals of the two.
    """
    if first.rate is None or second.rate is None:
        return Rate(None, -1.0, 1.0)
    more = second.rate - first.rate
    below = math.hypot(second.rate - second.low, first.high - first.rate)
    above = math.hypot(second.high - second.rate, first.rate - first.low)
    return Rate(more, max(-1.0, more - below), min(1.0, more + above))


def sign_test(wins: int, losses: int) -> float:
    """Return how likely a count at least as uneven is where both sides are as good, two-sided and exact; ties left out.

    Source: the binomial distribution; as a test, J. Arbuthnot (1710), W. J. Dixon and A. M. Mood (1946).
    """
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
