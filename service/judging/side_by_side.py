"""One query's dense, lexical and fused lists side by side, with each hit's ranks in the others.

Knows nothing of Flask, nor of how hits are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from service.errors import NotReady
from service.hits import Answer, Hit
from service.schemas import SearchParams
from service.searcher import Searcher

Mode = Literal["dense", "lexical", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)

DEPTH = 50
"""The depth to which each list is searched for hits of the others."""


@dataclass(frozen=True)
class RankedHit:
    """A hit in one of the lists.

    :param rank: From 1.
    :param share: Its fused score (`Hit.spreads`) as a share of the list's greatest, 0 to 1.
    :param ranks: Its ranks in the other lists, None if it is not among their first hits.
    :param only: The one retriever, dense or lexical, that found it; None if both or neither did.
    """

    rank: int
    hit: Hit
    share: float
    ranks: Mapping[Mode, int | None]
    only: Mode | None


@dataclass(frozen=True)
class SideBySide:
    """The lists of one query.

    :param answer: The fused answer, which also has the query's reading.
    :param lists: The first hits of each list; a list that cannot be made is missing.
    :param totals: The number of hits of each list, by its name.
    """

    answer: Answer
    lists: Mapping[Mode, Sequence[RankedHit]]
    totals: Mapping[Mode, int]


def side_by_side(searcher: Searcher, params: SearchParams, shown: int) -> SideBySide:
    """Search for a query in the three ways.

    :param params: The search's parameters; mode and page are ignored.
    :param shown: The number of hits to return of each list, at most `DEPTH`.
    :raises NotReady: if there is nothing to search in.
    """
    answers = {mode: answer for mode in MODES if (answer := _answer(searcher, params, mode)) is not None}
    ranks = {
        mode: {hit.article.id: rank for rank, hit in enumerate(answer.hits, 1)} for mode, answer in answers.items()
    }
    lists = {mode: _places(mode, answer.hits, ranks, shown) for mode, answer in answers.items()}
    return SideBySide(answers["hybrid"], lists, {mode: answer.total for mode, answer in answers.items()})


def _answer(searcher: Searcher, params: SearchParams, mode: Mode) -> Answer | None:
    try:
        return searcher.search(params.model_copy(update={"mode": mode, "limit": DEPTH, "offset": 0}))
    except NotReady:
        if mode == "dense":  # the encoder fails; lexical search still works
            return None
        raise


def _places(mode: Mode, hits: Sequence[Hit], ranks: Mapping[Mode, Mapping[str, int]], shown: int) -> list[RankedHit]:
    best = max((hit.spreads or 0.0 for hit in hits), default=0.0)
    found = []
    for rank, hit in enumerate(hits[:shown], 1):
        share = max((hit.spreads or 0.0) / best, 0.0) if best > 0 else 0.0
        others = {other: held.get(hit.article.id) for other, held in ranks.items() if other != mode}
        by = [other for other in MODES[:2] if hit.article.id in ranks.get(other, {})]
        only = by[0] if len(by) == 1 and len(ranks) == len(MODES) else None
        found.append(RankedHit(rank, hit, share, others, only))
    return found
