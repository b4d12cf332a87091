"""What the newsroom's page on one query shows: how it was understood, and what meaning, words and both find.

Owns what may be asked of it. Knows nothing of Flask or of words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from service.judging.readings import WordReading, numbers, phrases, readings
from service.judging.side_by_side import DEPTH, SideBySide, side_by_side
from service.query.understanding import Query
from service.schemas import SearchParams
from service.searcher import Searcher


class QueryPageParams(SearchParams):
    """What the page's form asks for: a search without pages, so many hits of each list."""

    limit: Annotated[int, Field(ge=1, le=DEPTH)] = 10


@dataclass(frozen=True)
class QueryView:
    """What the page shows of one query.

    :param depth: So far down each list it was looked for what the others have.
    """

    query: Query
    words: list[WordReading]
    phrases: list[str]
    numbers: list[str]
    found: SideBySide
    depth: int = DEPTH


def view(searcher: Searcher, asked: QueryPageParams) -> QueryView:
    """Return what there is to show of a query.

    :raises NotReady: if there is nothing to search in.
    """
    found = side_by_side(searcher, asked, asked.limit)
    query = found.answer.query
    assert query is not None  # a search says how it was understood
    words = readings(query, searcher.archive.frequency)
    return QueryView(query, words, phrases(query), numbers(query), found)
