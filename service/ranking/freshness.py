"""Freshness: what an article's age makes of its score. Pure functions on arrays; the moment is handed in.

Freshness multiplies a score, it is never added to it: nothing unrelated comes up for being new.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.articles.columns import ABSENT
from service.ranking.fusion import Rows, Scores

_DAY = 24 * 3600 * 1_000_000


@dataclass(frozen=True)
class FreshnessCurve:
    """How freshness falls with age: not at all within `offset`, then by half of what it has to lose each `half_life`.

    :param half_life: In days.
    :param offset: In days.
    :param floor: What is left of the score of the oldest, 0 to 1.
    """

    half_life: float
    offset: float
    floor: float

    def at(self, ages: Scores) -> Scores:
        """Return the freshness of (n,) ages in days, (n,) from `floor` to 1."""
        fallen = np.exp2(-np.maximum(ages - self.offset, 0.0) / self.half_life)
        return self.floor + (1.0 - self.floor) * fallen


FADINGS: dict[str, FreshnessCurve | None] = {
    "breaking": FreshnessCurve(half_life=1.0, offset=0.25, floor=0.05),
    "standard": FreshnessCurve(half_life=21.0, offset=2.0, floor=0.35),
    "evergreen": FreshnessCurve(half_life=730.0, offset=60.0, floor=0.7),
    "none": None,
}
"""Under a running story; under ordinary news, where a good match of last year stands below a fair one of last week;
under advice and portraits; not at all."""


def freshness(published: Rows, reference: int, fading: FreshnessCurve | None, both_ways: bool = False) -> Scores:
    """Return what the scores of (n,) articles are multiplied by, (n,) from 0 to 1.

    :param published: (n,) int64 microseconds since 1970; one without a date (ABSENT) keeps its score.
    :param reference: The moment that ages are counted to, in the same unit.
    :param fading: None where age does not count.
    :param both_ways: Whether what is later than the reference has an age as well, or is as fresh as can be.
    """
    fresh = np.ones(len(published))
    dated = published != ABSENT
    if fading is None or not dated.any():
        return fresh
    ages = (reference - published[dated]) / _DAY
    fresh[dated] = fading.at(np.abs(ages) if both_ways else np.maximum(ages, 0.0))
    return fresh
