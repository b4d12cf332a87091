"""Interleaves two rankings as one list, so that clicks show which ranking is preferred. Pure.

Source: F. Radlinski, M. Kurup, T. Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008, team
draft (algorithm 2); compared with others by O. Chapelle, T. Joachims, F. Radlinski, Y. Yue, "Large-scale validation and
analysis of interleaved search evaluation", TOIS 30 (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal, TypeVar

Item = TypeVar("Item", bound=Hashable)
Team = Literal["a", "b", ""]


def team_draft(
    first: Sequence[Item], second: Sequence[Item], length: int, coin: Callable[[int], bool]
) -> list[tuple[Item, Team]]:
    """Return one list of two rankings, each item with the team that chose it.

    The rankings choose like captains of teams: in every round each takes its best item that is still free, and a coin
    decides who begins. Once one has no item left, the rest of the list belongs to no team.

    :param first: The ranking of team `a`, without repeated items.
    :param second: The ranking of team `b`, likewise.
    :param length: The most items of the list.
    :param coin: Returns whether `a` begins the round of this number, from 0.
    """
    taken: dict[Item, Team] = {}
    left = {"a": first, "b": second}
    rounds = 0
    while len(taken) < length:
        order: tuple[Literal["a", "b"], ...] = ("a", "b") if coin(rounds) else ("b", "a")
        rounds += 1
        for team in order:
            best = {side: next((item for item in left[side] if item not in taken), None) for side in ("a", "b")}
            chosen = best[team]
            if len(taken) == length:
                break
            if chosen is None or None in best.values():
                return _filled(taken, [*first, *second], length)
            taken[chosen] = team
    return [*taken.items()]


def _filled(taken: dict[Item, Team], rest: Sequence[Item], length: int) -> list[tuple[Item, Team]]:
    for item in rest:
        if len(taken) == length:
            break
        taken.setdefault(item, "")
    return [*taken.items()]
