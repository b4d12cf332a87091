"""Freshness: the effect of an article's age on its score. Pure functions on arrays; the caller passes the moment.

Freshness multiplies a score and is never added to it, so an unrelated article does not rise because it is new.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.articles.columns import ABSENT
from service.ranking.fusion import Rows, Scores

_DAY = 24 * 3600 * 1_000_000


@dataclass(frozen=True)
class FreshnessCurve:
    """The decay of freshness with age: none within `offset`, then halving towards `floor` in each `half_life`.

    :param half_life: In days.
    :param offset: In days.
    :param floor: The freshness of the oldest articles, 0 to 1.
    """

    half_life: float
    offset: float
    floor: float

    def at(self, ages: Scores) -> Scores:
        """Return the freshness of (n,) ages in days, (n,) float64 from `floor` to 1."""
        fallen = np.exp2(-np.maximum(ages - self.offset, 0.0) / self.half_life)
        return self.floor + (1.0 - self.floor) * fallen


FADINGS: dict[str, FreshnessCurve | None] = {
    "breaking": FreshnessCurve(half_life=1.0, offset=0.25, floor=0.05),
    "standard": FreshnessCurve(half_life=21.0, offset=2.0, floor=0.35),
    "evergreen": FreshnessCurve(half_life=730.0, offset=60.0, floor=0.7),
    "none": None,
}
"""For a running story; for ordinary news, where a good match of last year ranks below a fair one of last week; for
advice and portraits; no decay."""


def freshness(published: Rows, reference: int, fading: FreshnessCurve | None, both_ways: bool = False) -> Scores:
    """Return the factors for the scores of (n,) articles, (n,) float64 from 0 to 1.

    :param published: (n,) int64 microseconds since 1970; an article without a date (ABSENT) keeps its score.
    :param reference: The moment at which the age is 0, in the same unit.
    :param fading: None if age does not count.
    :param both_ways: Whether a later article also has an age; otherwise its freshness is 1.
    """
    fresh = np.ones(len(published))
    dated = published != ABSENT
    if fading is None or not dated.any():
        return fresh
    ages = (reference - published[dated]) / _DAY
    fresh[dated] = fading.at(np.abs(ages) if both_ways else np.maximum(ages, 0.0))
    return fresh
