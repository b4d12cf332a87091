"""The search page beside its hits: filters, facets, pages, and how the query was understood.

Turns a request and its answer into links and text. Knows nothing of Flask: the caller passes the function that makes
addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from indexer.language import lexicon
from indexer.text.folding import match_key
from indexer.text.syllables import spaced
from service.hits import Answer
from service.query.suggest import Suggestion
from service.query.understanding import Expansion, Query
from service.schemas import MAX_QUERY, MAX_WINDOW, SearchParams
from service.wording.strings import Strings

BOUNDS = ("published_from", "published_to")
VALUES = ("section", "source", "author", "tag")

_DEFAULTS = {name: field.default for name, field in SearchParams.model_fields.items()}
_LISTED = ("thesaurus", "translation")
"""The kinds of expansions of which a word may have many."""
_TRIED = 5
_TRIED_WORDS = 8
"""The most words whose beginnings are looked up while the reader waits for the page."""

_SHOWN = 8
"""The number of values that a facet shows at first."""

_MOST_SHOWN = 100

Address = Callable[..., str]
"""Makes the address of a search from its parameters."""


@dataclass(frozen=True)
class PageLink:
    """A link of a page.

    :param label: Its accessible name, if the text alone is not clear.
    """

    text: str
    href: str
    label: str = ""


@dataclass(frozen=True)
class Choice:
    """A value of a facet.

    :param link: Leads to the hits with this value; for a chosen value, to those without the choice.
    :param count: The number of hits of the link; for a chosen value, of hits with this value alone.
    :param also: Leads to the hits with this value or a chosen one, if any is chosen.
    :param all: For a chosen value, leads to all articles with it, without the rest of the search.
    """

    link: PageLink
    count: int
    chosen: bool = False
    also: PageLink | None = None
    all: PageLink | None = None


@dataclass(frozen=True)
class Facet:
    """A field by which hits can be filtered.

    :param more: The rarer values.
    """

    field: str
    name: str
    choices: list[Choice]
    more: list[Choice]


@dataclass(frozen=True)
class UnderstandingNotes:
    """Notes on how the query was understood, if that is worth mentioning.

    :param corrected: The corrected query, which was searched for as well.
    :param did_you_mean: The search that may have been meant.
    :param also: Alternatives for parts of the query that were searched for as well.
    :param relaxed: The ignored parts of the query, as sentences.
    :param literal: The address of the literal search, if anything was restored or had alternatives.
    :param meant: The address of the understood search, if this one is literal.
    """

    restored: str | None
    corrected: str | None
    did_you_mean: PageLink | None
    also: list[str]
    relaxed: list[str]
    literal: str | None
    meant: str | None


@dataclass(frozen=True)
class SearchLinks:
    """The links of the page of one search.

    :param address: Makes addresses in the page's language.
    """

    params: SearchParams
    words: Strings
    address: Address

    def values(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of the same search with changes, from its first page, without defaults."""
        values = self.params.model_dump(mode="json", exclude={"offset"}) | changes
        kept = {name: value for name, value in values.items() if value and value != _DEFAULTS[name]}
        return {name: "true" if value is True else value for name, value in kept.items()}

    def again(self, **changes: Any) -> str:
        """Return the address of the same search with changes, from its first page."""
        return self.address(**self.values(**changes))

    def fields(self, without: tuple[str, ...]) -> list[tuple[str, Any]]:
        """Return the hidden fields by which a form keeps the rest of the search."""
        values = self.values(**dict.fromkeys(without))
        return [
            (name, one) for name, value in values.items() for one in (value if isinstance(value, list) else [value])
        ]

    def sorts(self) -> list[tuple[str, str]]:
        """Return the possible orders, each with its address. Without a query there is only one."""
        if self.params.q is None:
            return []
        return [(sort, self.again(sort=sort)) for sort in ("relevance", "newest")]

    def unfiltered(self) -> str:
        """Return the address of the same search without any filter."""
        return self.again(**dict.fromkeys((*VALUES, *BOUNDS)))

    def filters(self) -> list[PageLink]:
        """Return the active filters, each with the address of the search without it."""
        words = self.words
        found = []
        for name in VALUES:
            chosen: list[str] = getattr(self.params, name)
            found += [(name, value, [other for other in chosen if other != value]) for value in dict.fromkeys(chosen)]
        bounds = [(name, getattr(self.params, name)) for name in BOUNDS]
        found += [(name, words.bound(value), []) for name, value in bounds if value is not None]
        return [
            PageLink(
                f"{words.filters[name]}: {value}",
                self.again(**{name: rest}),
                words.remove_filter.format(name=words.filters[name], value=value),
            )
            for name, value, rest in found
        ]

    def facets(self, answer: Answer) -> list[Facet]:
        """Return the facets that filter the hits. A chosen value comes first; the field's other values stay.

        A value that all hits have is left out, and so is a value too long for a request.
        """
        found = []
        for field in VALUES:
            chosen = {match_key(value) for value in getattr(self.params, field)}
            counts = answer.facets.get(field, [])
            useful = [(value, n) for value, n in counts if len(value) <= MAX_QUERY and (chosen or n < answer.total)]
            if chosen:
                useful.sort(key=lambda one: match_key(one[0]) not in chosen)
            shown = useful[:_MOST_SHOWN]  # an archive may have thousands of values, and each needs two addresses
            choices = [self._choice(field, value, n, match_key(value) in chosen) for value, n in shown]
            if choices:
                name = self.words.filters[field]
                found.append(Facet(field, name, choices[:_SHOWN], choices[_SHOWN:]))
        return found

    def _choice(self, field: str, value: str, count: int, is_chosen: bool) -> Choice:
        chosen: list[str] = getattr(self.params, field)
        if is_chosen:
            rest = [one for one in chosen if match_key(one) != match_key(value)]
            label = self.words.remove_filter.format(name=self.words.filters[field], value=value)
            every = PageLink(self.words.all_of, self.address(**{field: [value]}), f"{self.words.all_of}: {value}")
            narrowed = self.values().keys() - {field, "sort", "limit"} or rest
            link = PageLink(value, self.again(**{field: rest}), label)
            return Choice(link, count, chosen=True, all=every if narrowed else None)
        also = PageLink("+", self.again(**{field: [*chosen, value]}), self.words.add_filter.format(value=value))
        return Choice(PageLink(value, self.again(**{field: [value]})), count, also=also if chosen else None)

    def divider(self, answer: Answer) -> int | None:
        """Return the place on this page of the first hit that is not strong, None if there is no such border."""
        here = answer.strong - self.params.offset
        sorted_so = self.params.q is not None and self.params.sort == "relevance"
        return here if sorted_so and answer.strong and 0 <= here < len(answer.hits) else None

    def to_try(self, suggest: Callable[[str, int], list[Suggestion]]) -> list[PageLink]:
        """Return other searches if this one found nothing: with the same beginning, or with that of its first words.

        :param suggest: Returns suggestions for a typed text, up to a number.
        """
        words = (self.params.q or "").split()[:_TRIED_WORDS]
        for count in range(len(words), 0, -1):
            texts = [one.text for one in suggest(" ".join(words[:count]), _TRIED) if len(one.text) <= MAX_QUERY]
            links = [PageLink(text, self.address(q=text)) for text in texts if text != self.params.q]
            if links:
                return links
        return []

    def pager(self, total: int) -> dict[str, str]:
        """Return the addresses of the previous and the next page, if they exist and are within reach."""
        offset, limit = self.params.offset, self.params.limit
        before, after = max(0, min(offset, total) - limit), offset + limit
        pages = {}
        if offset:
            pages["previous"] = self.again(offset=before)
        if after < total and after + limit <= MAX_WINDOW:
            pages["next"] = self.again(offset=after)
        return pages

    def understood(self, query: Query | None, relaxed: tuple[str, ...]) -> UnderstandingNotes | None:
        """Return notes on how the query was understood, None if there is nothing to note."""
        if query is None:
            return None
        literal, guess = self.params.literal, query.did_you_mean
        read = query.restored is not None or query.corrected is not None or bool(query.expansions)
        if not (literal or read or relaxed or guess):
            return None
        return UnderstandingNotes(
            restored=query.restored,
            corrected=query.corrected,
            did_you_mean=None if guess is None else PageLink(guess, self.again(q=guess)),
            also=_all_also(query.expansions),
            relaxed=[self.words.relaxed[name] for name in relaxed],
            literal=self.again(literal=True) if read else None,
            meant=self.again(literal=False) if literal else None,
        )


def _all_also(expansions: Sequence[Expansion]) -> list[str]:
    """Return all alternatives; of a shipped list, only the usual one."""
    usual = {one.typed: one for one in reversed(expansions) if one.kind in _LISTED}
    shown = [one for one in expansions if usual.get(one.typed, one) is one or one.kind not in _LISTED]
    return list(dict.fromkeys(map(_also, shown)))


def _also(expansion: Expansion) -> str:
    """Return an alternative in its usual spelling."""
    if expansion.kind == "abbreviation" and " " not in expansion.also:
        return expansion.also.upper()
    return _written().get(expansion.also, expansion.also) if expansion.kind == "renamed" else expansion.also


@cache
def _written() -> dict[str, str]:
    return {spaced(name): name for row in lexicon.renamings() for name in (row.old, row.new)}
