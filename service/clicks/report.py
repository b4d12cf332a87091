"""The results of clicks: rates by position and reason, the better ranking, judgements. Pure over the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from service.clicks.intervals import Rate, difference, sign_test, wilson
from service.clicks.log import ClickCounts, ClickTally


class CountedRate(NamedTuple):
    """A click rate with its counts. A clicked article counts as shown, even if the page did not report that."""

    key: str
    shown: int
    clicked: int
    rate: Rate

    @classmethod
    def of(cls, tally: ClickTally) -> CountedRate:
        """Return the rate of a tally."""
        shown = max(tally.shown, tally.clicked)
        return cls(tally.key, shown, tally.clicked, wilson(tally.clicked, shown))


@dataclass(frozen=True)
class TrialReport:
    """The result of a trial.

    :param unit: The unit that is won or lost: a `list` under one article in one hour, if both rankings are interleaved
        in one list; a `day`, if an article always has the same ranking.
    :param ties: Lists with equally many clicks on both, at least one; days on which both have the same click rate.
    :param share: The share of units won by `b` among those won by either.
    :param p: The probability of a count this uneven if both are equally good (`sign_test`).
    :param preference: The preference for `b`: (wins + ties / 2) / units - 1/2, by Chapelle et al. (2012); None without
        units.
    :param difference: The rate of `b` minus that of `a`; None for interleaved lists, where both share one reader.
    """

    trial: str
    unit: str
    a: CountedRate
    b: CountedRate
    wins_a: int
    wins_b: int
    ties: int
    share: Rate
    p: float
    preference: float | None
    difference: Rate | None


class QrelsLine(NamedTuple):
    """One line of qrels."""

    seed: str
    article: str
    grade: int


def compare(clicks: ClickCounts, trial: str) -> TrialReport:
    """Return the result of a trial."""
    unit = "list" if trial.startswith("interleaved") else "day"
    totals = {"a": [0, 0], "b": [0, 0]}
    wins, ties = {"a": 0, "b": 0}, 0
    for pair in clicks.arms(trial, unit):
        for tally in pair:
            totals[tally.key][0] += tally.shown
            totals[tally.key][1] += tally.clicked
        winner = _winner(*pair, unit)
        if winner:
            wins[winner] += 1
        ties += winner == ""
    a, b = (CountedRate.of(ClickTally(arm, *totals[arm])) for arm in "ab")
    units = wins["a"] + wins["b"] + ties
    return TrialReport(
        trial=trial,
        unit=unit,
        a=a,
        b=b,
        wins_a=wins["a"],
        wins_b=wins["b"],
        ties=ties,
        share=wilson(wins["b"], wins["a"] + wins["b"]),
        p=sign_test(wins["a"], wins["b"]),
        preference=(wins["b"] + ties / 2) / units - 0.5 if units else None,
        difference=difference(a.rate, b.rate) if unit == "day" else None,
    )


def _winner(a: ClickTally, b: ClickTally, unit: str) -> str | None:
    """Return the arm that wins a unit, empty for a tie, None if the unit does not count."""
    if unit == "list":
        first, second = a.clicked, b.clicked
        if not first and not second:
            return None
    else:
        if not a.shown or not b.shown:
            return None
        first, second = a.clicked * b.shown, b.clicked * a.shown
    return "" if first == second else "a" if first > second else "b"


def judgements(clicks: ClickCounts, least_shown: int) -> Iterator[QrelsLine]:
    """Yield qrels: 0 for pairs never clicked, 1 for clicked ones, 2 for those clicked more often than expected.

    Readers look at the first positions most, so a click further down means more. The expected clicks of a pair are the
    rates, over all lists, of the positions where it was shown; see V. Zhang and R. Jones, "Comparing click logs and
    editorial labels for training query rewriting" (2007). A pair that was never shown has no line.

    :param least_shown: How often a pair must have been shown to be judged.
    """
    rates = {int(tally.key): CountedRate.of(tally).rate.rate or 0.0 for tally in clicks.by("position")}
    for (seed, article), rows in groupby(clicks.pairs(), key=lambda row: row[:2]):
        shown = clicked = 0
        expected = 0.0
        for _, _, position, times, clicks_there in rows:
            seen = max(times, clicks_there)
            shown, clicked, expected = shown + seen, clicked + clicks_there, expected + seen * rates[position]
        if shown >= least_shown:
            yield QrelsLine(seed, article, 0 if not clicked else 2 if clicked > expected else 1)
