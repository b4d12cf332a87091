"""Topics: a section, tag, author or source, with the address of its page and of its feed.

Owns which topics have a page, and their addresses. Knows nothing of Flask, nor of the page's layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.text.folding import clean, match_key
from service.hits import Answer
from service.schemas import MAX_QUERY, SearchParams

KINDS: Mapping[str, str] = {"sections": "section", "tags": "tag", "authors": "author", "sources": "source"}
"""The first part of a topic's address -> its filter."""

FOLDERS: Mapping[str, str] = {field: kind for kind, field in KINDS.items()}

DEFAULT_LIMIT: int = SearchParams.model_fields["limit"].default

PAGE = 20
"""The number of articles on a topic's page."""

IN_FEED = 50
"""The number of articles in a feed."""

MAX_PAGE = 1_000_000

_NO_NAMES = (".", "..")
"""Values that browsers remove from a path, escaped or not."""


@dataclass(frozen=True)
class Topic:
    """A topic.

    :param field: The filter.
    :param value: The value in the address.
    """

    field: str
    value: str

    def params(self, page: int = 1, limit: int = PAGE) -> SearchParams:
        """Return the search for its articles, newest first.

        :param page: Counted from 1. It may exceed the last page of a ranked search, since nothing is ranked here.
        """
        params = SearchParams.model_validate({self.field: [self.value], "limit": limit})
        return params.model_copy(update={"offset": (page - 1) * limit})

    def spelt(self, answer: Answer) -> str:
        """Return its value in the archive's spelling."""
        key = match_key(self.value)
        return next((value for value, _ in answer.facets[self.field] if match_key(value) == key), self.value)


def topic(field: str, value: str) -> Topic | None:
    """Return the topic of a value, None if it cannot have a page: it is too long, or not usable in a path."""
    named = " ".join(clean(value).split())
    return Topic(field, named) if named and len(named) <= MAX_QUERY and named not in _NO_NAMES else None


def page_number(given: str | None) -> int:
    """Return the number of a page, 1 for anything invalid."""
    if given is None or not (given.isascii() and given.isdigit()) or len(given) > len(str(MAX_PAGE)):
        return 1
    return min(max(1, int(given)), MAX_PAGE)
