"""The list that an editor picks from the draft page's suggestions: its articles and their order after each button.

The list is kept only in the form, so it survives changes of the draft but is stored nowhere. Knows nothing of Flask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from indexer.articles.article import Article
from indexer.articles.summaries import Summary
from indexer.text import addresses
from service.newsroom.link_lists import LinkedArticle, lines
from service.searcher import Searcher

PICK, TICK, UP, DOWN, DROP = "pick", "tick", "up", "down", "drop"
"""The form's fields: articles already in the list, in order; newly ticked articles; the buttons of an article."""

MOST = 50

_TOLD = ("id", "lead", "section", "published_at", "image_url")


@dataclass(frozen=True)
class PickLine:
    """An article of the list.

    :param copied: Its line in every format of `link_lists`.
    """

    article: Article | Summary
    copied: dict[str, str]


@dataclass(frozen=True)
class PickList:
    """The list.

    :param gone: Ids without a public article now.
    """

    lines: tuple[PickLine, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def ids(self) -> set[str]:
        """Return the ids of its articles."""
        return {line.article.id for line in self.lines}


def taken(given: dict[str, list[str]]) -> list[str]:
    """Remove the list's fields from a form, and return the ids in their order after the pressed button.

    :param given: Every value of every field; the list's fields are removed from it.
    """
    pressed = {name: given.pop(name, [""])[0] for name in (UP, DOWN, DROP)}
    ids = list(dict.fromkeys([*given.pop(PICK, ()), *given.pop(TICK, ())]))[:MOST]
    if pressed[DROP] in ids:
        ids.remove(pressed[DROP])
    for name, by in ((UP, -1), (DOWN, 1)):
        if pressed[name] in ids:
            at = ids.index(pressed[name])
            ids.insert(max(0, at + by), ids.pop(at))
    return ids


def looked_up(searcher: Searcher, ids: Iterable[str], href: Callable[[Article | Summary], str]) -> PickList:
    """Return the list of some ids."""
    public = searcher.public()
    rows = {name: searcher.archive.find(name, public) for name in ids}
    found = searcher.archive.summaries([row for row in dict.fromkeys(rows.values()) if row is not None])
    return PickList(tuple(line(one, href) for one in found), tuple(name for name, row in rows.items() if row is None))


def line(article: Article | Summary, href: Callable[[Article | Summary], str]) -> PickLine:
    """Return an article's line of the list.

    :param href: Returns its page here, used if the newspaper gives no address.
    """
    fields = {name: getattr(article, name) for name in _TOLD}
    if article.published_at is not None:
        fields["published_at"] = article.published_at.isoformat()
    return PickLine(
        article, lines(LinkedArticle(article.title, addresses.web_address(article.url) or href(article), fields))
    )
