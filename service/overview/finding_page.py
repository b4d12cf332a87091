"""The lists of findings for editors, page by page, and as tables to download.

Knows nothing of Flask, nor of how findings are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from indexer.archive import Archive
from indexer.articles.summaries import Summary
from service.overview.findings import Findings, as_csv, cells

FindingKind = Literal["duplicates", "unlinked", "hubs"]
KINDS: tuple[FindingKind, ...] = get_args(FindingKind)

EACH = 50
"""The number of findings on a page."""

_OTHERS = 20
_COLUMNS = ("id", "title", "section", "source", "published_at", "url")


@dataclass(frozen=True)
class FindingItem:
    """An article on a page.

    :param others: A few of the articles that duplicate it.
    :param count: The number of its duplicates, or of lists that contain it.
    """

    article: Summary
    others: tuple[Summary, ...] = ()
    count: int = 0


@dataclass(frozen=True)
class FindingPage:
    """A page.

    :param number: Its number, from 1.
    :param total: The number of findings on all pages.
    """

    kind: FindingKind
    items: tuple[FindingItem, ...]
    number: int
    total: int

    @property
    def first(self) -> int:
        """Return the position of its first finding among all, from 1."""
        return 1 + EACH * (self.number - 1)

    @property
    def pages(self) -> int:
        """Return the number of pages, at least one."""
        return max(1, -(-self.total // EACH))


def size(found: Findings, kind: FindingKind) -> int:
    """Return the number of findings of a kind."""
    return {"duplicates": len(found.groups), "unlinked": len(found.unlinked), "hubs": len(found.hubs)}[kind]


def page(archive: Archive, found: Findings, kind: FindingKind, number: int, each: int = EACH) -> FindingPage:
    """Return a page, or the last one if there are fewer.

    :param number: From 1.
    """
    total = size(found, kind)
    number = min(max(1, number), max(1, -(-total // each)))
    part = slice((number - 1) * each, number * each)
    return FindingPage(kind, tuple(_items(archive, found, kind, part, _OTHERS)), number, total)


def _items(
    archive: Archive, found: Findings, kind: FindingKind, part: slice, most: int | None
) -> Iterator[FindingItem]:
    """Yield the items of a part of a list.

    :param most: The most duplicates named.
    """
    if kind == "duplicates":
        for group in found.groups[part]:
            others = tuple(archive.summaries(group.others[:most]))
            yield FindingItem(archive.summaries([group.head])[0], others, len(group.others))
    elif kind == "unlinked":
        for article in archive.summaries(found.unlinked[part]):
            yield FindingItem(article)
    else:
        for article, count in zip(archive.summaries(found.hubs[part]), found.links[part].tolist(), strict=True):
            yield FindingItem(article, count=count)


def table(archive: Archive, found: Findings, kind: FindingKind) -> Iterator[str]:
    """Yield a whole list as CSV: groups with a number and their representative; hubs with their number of lists."""
    items = _items(archive, found, kind, slice(None), None)
    if kind == "duplicates":
        lines = (
            [number, "yes" if one is item.article else "no", *cells(one)]
            for number, item in enumerate(items, 1)
            for one in (item.article, *item.others)
        )
        return as_csv(("group", "stands_for_it", *_COLUMNS), lines)
    if kind == "hubs":
        return as_csv(("lists", *_COLUMNS), ([item.count, *cells(item.article)] for item in items))
    return as_csv(_COLUMNS, (cells(item.article) for item in items))
