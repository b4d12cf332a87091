"""Lists of links to copy into an article, as HTML, Markdown or JSON, in lines that a page joins.

Pure; knows nothing of drafts, pages or how the links were found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote


class LinkedArticle(NamedTuple):
    """A linked article.

    :param href: Its address.
    :param fields: Its further fields in JSON.
    """

    title: str
    href: str
    fields: Mapping[str, Any] = {}


class Format(NamedTuple):
    """The format of a list.

    :param line: Returns an article's line, with its end.
    :param between: The separator of two lines.
    """

    name: str
    opening: str
    between: str
    closing: str
    line: Callable[[LinkedArticle], str]

    def whole(self, lines: Sequence[str]) -> str:
        """Return some lines joined to a list."""
        return self.opening + self.between.join(lines) + self.closing


def _html(linked: LinkedArticle) -> str:
    return f'  <li><a href="{escape(linked.href)}">{escape(_one_line(linked.title))}</a></li>\n'


def _markdown(linked: LinkedArticle) -> str:
    """Return a line of CommonMark that also fits in a table."""
    return f"- [{_MARKED.sub(_BACKSLASHED, _one_line(linked.title))}]({_target(linked.href)})\n"


def _json(linked: LinkedArticle) -> str:
    return "  " + json.dumps({"title": linked.title, "url": linked.href, **linked.fields}, ensure_ascii=False)


FORMATS: Mapping[str, Format] = {
    "html": Format("HTML", "<ul>\n", "", "</ul>\n", _html),
    "markdown": Format("Markdown", "", "", "", _markdown),
    "json": Format("JSON", "[\n", ",\n", "\n]\n", _json),
}


def lines(linked: LinkedArticle) -> dict[str, str]:
    """Return an article's line in every format."""
    return {name: form.line(linked) for name, form in FORMATS.items()}


_MARKED = re.compile(r"[\\`*_\[\]<>|~]|&(?=#?\w+;)")
_BACKSLASHED = r"\\\g<0>"
_UNFIT = re.compile(r"""[\\()<>\[\]|`"\s\x00-\x1f]""")
_ENTITY = re.compile(r"&(?=#?\w+;)")


def _target(href: str) -> str:
    """Return an address as the target of a link: with characters percent-encoded that would end or change it."""
    return _ENTITY.sub("&amp;", _UNFIT.sub(lambda found: quote(found[0]), href))


def _one_line(text: str) -> str:
    return " ".join(text.split())
