"""Articles that have a position of their own in a list: which pin gets which, and the list with all of them in place.

Pure functions; they know nothing of rules, dates or scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from service.ranking.fusion import Rows


class Pin(NamedTuple):
    """An article that has its position in a list.

    :param rule: The rule's id.
    :param position: From 1; no two pins of a list share one.
    """

    rule: str
    row: int
    position: int


def settle(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """Return one pin a row and a position, by position.

    :param pins: Of those for one row or one position the first counts. Whoever loses its position takes the next that
        no pin asked for.
    """
    rows: set[int] = set()
    taken: dict[int, Pin] = {}
    late = []
    for pin in pins:
        if pin.row in rows:
            continue
        rows.add(pin.row)
        if pin.position in taken:
            late.append(pin)
        else:
            taken[pin.position] = pin
    free: dict[int, int] = {}  # from each position asked for, where to look on
    for pin in sorted(late, key=lambda pin: pin.position):
        position = free.get(pin.position, pin.position)
        while position in taken:
            position += 1
        taken[position] = pin._replace(position=position)
        free[pin.position] = position + 1
    return tuple(taken[position] for position in sorted(taken))


def place(rows: Rows, pins: Sequence[Pin], limit: int) -> Rows:
    """Return a list of rows, best first, in which every pin stands at its position; no row is there twice.

    A pin beyond the list's end stands at its end. A shorter list is the start of a longer one.

    :param rows: (n,) int64, distinct, best first; pinned rows may be among them.
    :param pins: By position, one a row and a position (`settle`).
    :param limit: How many rows at most.
    :return: (m,) int64.
    """
    if not pins:
        return rows[:limit]
    pinned = np.array([pin.row for pin in pins], dtype=np.int64)
    others = rows[~np.isin(rows, pinned)]
    length = len(others) + len(pinned)
    wanted = np.array([pin.position - 1 for pin in pins], dtype=np.int64)
    places = np.minimum(wanted, length - len(pins) + np.arange(len(pins)))
    placed = np.empty(length, dtype=np.int64)
    free = np.ones(length, dtype=np.bool_)
    free[places] = False
    placed[places], placed[free] = pinned, others
    return placed[:limit]
