"""The newsroom's page on one query: how it was understood, and its dense, lexical and fused lists.

Owns the page's parameters. Knows nothing of Flask or of the page's text.
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
    """The page's form: a search without pages, with a number of hits for each list."""

    limit: Annotated[int, Field(ge=1, le=DEPTH)] = 10


@dataclass(frozen=True)
class QueryView:
    """The content of the page on one query.

    :param depth: The depth to which each list was searched for hits of the others.
    """

    query: Query
    words: list[WordReading]
    phrases: list[str]
    numbers: list[str]
    found: SideBySide
    depth: int = DEPTH


def view(searcher: Searcher, asked: QueryPageParams) -> QueryView:
    """Return the page's content for a query.

    :raises NotReady: if there is nothing to search in.
    """
    found = side_by_side(searcher, asked, asked.limit)
    query = found.answer.query
    assert query is not None  # a search always has its query
    words = readings(query, searcher.archive.frequency)
    return QueryView(query, words, phrases(query), numbers(query), found)
