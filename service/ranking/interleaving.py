"""Two rankings shown as one list, so that a click says which of them it prefers. Pure.

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

    As captains choose their teams: in every round each of the two takes its best item that nobody has taken, and a coin
    says who begins. Once one has none left there is no choice any more, and what fills the list up is of no team.

    :param first: The ranking of team `a`, no item twice.
    :param second: That of team `b`.
    :param length: How long the list is at most.
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
