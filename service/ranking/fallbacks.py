"""Fallbacks: named ways to fill a related list that is too short. Knows nothing of relevance or requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from service.ranking.diversity import Cap
from service.ranking.fusion import Rows
from service.ranking.presets import FallbackName

LOOKED_THROUGH = 32
"""The number of newest articles that are searched, as a multiple of the list's length."""


def fill_up(
    names: Sequence[FallbackName],
    newest: Callable[[FallbackName], Rows],
    duplicate_groups: Callable[[Rows], Rows],
    listed: Rows,
    told: Rows,
    caps: Sequence[Cap],
    limit: int,
) -> dict[int, str]:
    """Return the articles that fill a list up, in their order, each with the name of its fallback.

    :param names: The fallbacks in order; `none` ends them.
    :param newest: Returns the articles that a fallback may add, (n,) int64 rows in its order.
    :param duplicate_groups: Returns for (n,) articles the numbers of their groups of near-duplicates, (n,) int64.
    :param listed: The list so far, (n,) int64 rows.
    :param told: Other rows that must not be repeated, such as seeds.
    :param caps: Caps with the values of all articles, (articles,) int32.
    """
    filled: dict[int, str] = {}
    held = [(cap, Counter(cap.values[listed].tolist())) for cap in caps]
    for name in names:
        if name == "none":
            break
        before = np.concatenate([listed, told, np.array([*filled], dtype=np.int64)])
        rows = newest(name)
        groups = duplicate_groups(np.concatenate([before, rows])).tolist()
        taken = set(groups[: len(before)])
        for row, group in zip(rows.tolist(), groups[len(before) :], strict=True):
            if len(listed) + len(filled) == limit:
                return filled
            full = any(cap.values[row] >= 0 and counts[cap.values[row]] >= cap.most for cap, counts in held)
            if full or group in taken:
                continue
            taken.add(group)
            filled[row] = name
            for cap, counts in held:
                counts[cap.values[row]] += 1
    return filled
