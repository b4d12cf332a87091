"""Topics: a section, tag, author or source, with the address of its page and of its feed.

Owns which topics have a page and how they are asked for. Knows nothing of Flask, nor of how a page looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.text.folding import clean, match_key
from service.hits import Answer
from service.schemas import MAX_QUERY, SearchParams

KINDS: Mapping[str, str] = {"sections": "section", "tags": "tag", "authors": "author", "sources": "source"}
"""The first part of a topic's address, and the filter that it stands for."""

FOLDERS: Mapping[str, str] = {field: kind for kind, field in KINDS.items()}

DEFAULT_LIMIT: int = SearchParams.model_fields["limit"].default

PAGE = 20
"""How many articles a page of a topic shows."""

IN_FEED = 50
"""How many articles a feed has."""

MAX_PAGE = 1_000_000

_NO_NAMES = (".", "..")
"""Values that browsers take out of a path, escaped or not."""


@dataclass(frozen=True)
class Topic:
    """What articles have in common.

    :param field: The filter.
    :param value: As it is written in the address.
    """

    field: str
    value: str

    def params(self, page: int = 1, limit: int = PAGE) -> SearchParams:
        """Return the search for its articles, newest first.

        :param page: Counted from 1. It may lie beyond what a search may page to: nothing is ranked for it.
        """
        params = SearchParams.model_validate({self.field: [self.value], "limit": limit})
        return params.model_copy(update={"offset": (page - 1) * limit})

    def spelt(self, answer: Answer) -> str:
        """Return its value as the archive spells it."""
        key = match_key(self.value)
        return next((value for value, _ in answer.facets[self.field] if match_key(value) == key), self.value)


def topic(field: str, value: str) -> Topic | None:
    """Return the topic of a value, None where it can have no page: it is too long, or no name in a path."""
    named = " ".join(clean(value).split())
    return Topic(field, named) if named and len(named) <= MAX_QUERY and named not in _NO_NAMES else None


def page_number(given: str | None) -> int:
    """Return the number of a page, 1 for what is none."""
    if given is None or not (given.isascii() and given.isdigit()) or len(given) > len(str(MAX_PAGE)):
        return 1
    return min(max(1, int(given)), MAX_PAGE)
