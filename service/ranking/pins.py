"""Pinned articles: assigns positions to pins, and puts the pins in place in a list.

Pure functions. Know nothing of rules, dates or scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from service.ranking.fusion import Rows


class Pin(NamedTuple):
    """An article with a fixed position in a list.

    :param rule: The rule's id.
    :param position: From 1; no two pins of a list share one.
    """

    rule: str
    row: int
    position: int


def settle(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """Return at most one pin for each row and each position, in the order of positions.

    :param pins: The first pin for a row or a position wins. A pin that loses its position takes the next one that no
        pin asked for.
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
    free: dict[int, int] = {}  # requested position -> where to continue the search
    for pin in sorted(late, key=lambda pin: pin.position):
        position = free.get(pin.position, pin.position)
        while position in taken:
            position += 1
        taken[position] = pin._replace(position=position)
        free[pin.position] = position + 1
    return tuple(taken[position] for position in sorted(taken))


def place(rows: Rows, pins: Sequence[Pin], limit: int) -> Rows:
    """Return a list of rows, best first, with every pin at its position and no row twice.

    A pin beyond the list's end goes to its end. A list with a smaller limit is the start of a longer one.

    :param rows: (n,) int64, distinct, best first; pinned rows may be among them.
    :param pins: In the order of positions, as `settle` returns them.
    :param limit: The most rows.
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
