"""Diversity: which of the candidates make the list. Pure functions on arrays.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): each next one is the best by its score less what it
repeats of those chosen. Caps bound how many of one section, source, author or event there may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.ranking.fusion import Rows, Scores

_ABSENT = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class Cap:
    """A bound on the number of articles with one value in a list.

    :param name: The name of the bounded field.
    :param values: (n,) int32 or int64, the values of the candidates; below 0 for no value, which is not bounded.
    :param most: The most articles with one value.
    """

    name: str
    values: NDArray[np.integer]
    most: int


@dataclass(frozen=True)
class DiverseList:
    """The list, and the reasons for it.

    :param places: (m,) int64 places of the candidates, in the order of the list.
    :param repeated: (m,) float64, how much each one repeats those before it, 0 to 1.
    :param capped: The cap that kept a candidate out, by its place.
    """

    places: NDArray[np.intp]
    repeated: Scores
    capped: dict[int, str]


def choose(scores: Scores, alike: Scores, weight: float, caps: Sequence[Cap], limit: int) -> DiverseList:
    """Return up to `limit` candidates by maximal marginal relevance, under the caps.

    :param scores: (n,) of at least 0, best first.
    :param alike: (n, n) how much each repeats another, 0 to 1.
    :param weight: The lambda of the paper, 0 to 1; at 1 the list is the best by score.
    """
    marginal = weight * scores / max(float(scores.max(initial=0.0)), 1e-12)
    repeated, value = np.zeros(len(scores)), np.empty(len(scores))
    held = [(cap.name, cap.values.tolist(), cap.most) for cap in caps]
    counts: list[dict[int, int]] = [{} for _ in caps]
    places: list[int] = []
    seen: list[float] = []
    capped: dict[int, str] = {}
    for _ in range(len(scores)):
        if len(places) >= limit:
            break
        np.multiply(repeated, weight - 1.0, out=value)
        np.add(value, marginal, out=value)
        at = int(value.argmax())
        marginal[at] = -np.inf  # each candidate is considered once
        full = next((name for (name, of, most), n in zip(held, counts, strict=True) if n.get(of[at], 0) >= most), None)
        if full is not None:
            capped[at] = full
            continue
        for (_, of, _), count in zip(held, counts, strict=True):
            if of[at] >= 0:
                count[of[at]] = count.get(of[at], 0) + 1
        places.append(at)
        seen.append(float(repeated[at]))
        np.maximum(repeated, alike[at], out=repeated)
    return DiverseList(np.array(places, dtype=np.intp), np.array(seen), capped)


def events(alike: Scores, published: Rows, least: float, within: int) -> Rows:
    """Return the event of each of (n,) candidates, (n,) int64: the place of the event's first candidate.

    A candidate belongs to the event of the first one before it that is alike enough and near enough in time.

    :param alike: (n, n) float64, how much each repeats another, 0 to 1.
    :param published: (n,) int64 microseconds; the smallest int64 for none, which is near to every time.
    :param least: The least likeness of two articles on one event.
    :param within: The most microseconds between them.
    """
    found = [*range(len(published))]
    times = published.tolist()
    # Goes row by row, and within a row from the first candidate on. Few pairs are alike.
    for at, other in zip(*[places.tolist() for places in np.nonzero(alike >= least)], strict=True):
        if other < at and found[at] == at and found[other] == other:
            undated = _ABSENT in (times[at], times[other])
            if undated or abs(times[at] - times[other]) <= within:
                found[at] = other
    return np.array(found, dtype=np.int64)
