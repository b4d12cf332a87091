"""The traces of an article to be purged: whether some text belongs to it, names it or quotes it.

Pure: texts in, yes or no out. Kept in memory while a purge runs, and never written to disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from indexer.changes.barred import text_marks, words_of
from indexer.text.addresses import url_key
from indexer.text.markup import html_to_text

_RUN = 8
"""This many consecutive words of the article are a quotation; fewer may be a common phrase."""

_TEXTS = ("title", "lead", "body")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_DEEPEST = 40


class Traces:
    """All that is known of one article.

    :param article_id: Its id.
    """

    def __init__(self, article_id: str) -> None:
        self.id = article_id
        self.ids = {article_id}
        self.urls: set[str] = set()
        self.versions: list[dict[str, Any]] = []
        """Each distinct version as the fields of an archive line."""
        self.own: set[str] = set()
        """Words, without diacritics, that no other article has."""
        self.is_alone_with: Callable[[Sequence[str]], bool] = lambda words: False
        """Returns whether some consecutive words of the article are in no other article."""
        self._pairs: set[tuple[str, str]] = set()
        self._runs: set[int] = set()
        self._whole: set[str] = set()
        self._marks: set[bytes] = set()

    def learn(self, fields: Mapping[str, Any]) -> None:
        """Add a version of the article."""
        version = dict(fields)
        if version in self.versions:
            return
        self.versions.append(version)
        aliases = version.get("aliases")
        for name in (version.get("id"), version.get("url"), *(aliases if isinstance(aliases, list) else ())):
            if isinstance(name, str) and name:
                self.add_name(name)
        self._marks |= text_marks(version)
        for text in self.texts_of(version):
            words = words_of(text)
            self._runs.update(_runs(words))
            self._pairs.update(pairwise(words))
            if 1 < len(words) < _RUN:
                self._whole.add(" ".join(words))

    def add_name(self, name: str) -> None:
        """Add an id, an alias or an address."""
        if "/" in name:
            self.urls.add(url_key(name))
        else:
            self.ids.add(name)

    @staticmethod
    def texts_of(fields: Mapping[str, Any]) -> list[str]:
        """Return the title, lead and body of a version, as far as it has them."""
        found = [value for name in _TEXTS if isinstance(value := fields.get(name), str)]
        markup = fields.get("body_html")
        return [*found, html_to_text(markup)] if isinstance(markup, str) else found

    def is_named_by(self, fields: Mapping[str, Any]) -> bool:
        """Return whether some fields name the article by an id, alias or address, or have its text."""
        article_id, url = fields.get("id"), fields.get("url")
        if isinstance(article_id, str) and article_id in self.ids:
            return True
        if isinstance(url, str) and url_key(url) in self.urls:
            return True
        return bool(self._marks) and not self._marks.isdisjoint(text_marks(fields))

    def is_named(self, name: str) -> bool:
        """Return whether a name is one of the article's."""
        return url_key(name) in self.urls if "/" in name else name in self.ids

    def is_quoted_in(self, text: str) -> bool:
        """Return whether a text names the article, quotes it, or has a word that only this article has."""
        words = words_of(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))
        if " ".join(words) in self._whole or not self.own.isdisjoint(words):
            return True
        return any(run in self._runs for run in _runs(words)) or self.is_named(text.strip())

    def is_asked_for_by(self, query: str) -> bool:
        """Return whether a query names or quotes the article, or consists of consecutive words that only it has."""
        if self.is_quoted_in(query):
            return True
        words = words_of(query)
        return len(words) > 1 and all(pair in self._pairs for pair in pairwise(words)) and self.is_alone_with(words)

    def is_in(self, value: object) -> bool:
        """Return whether a JSON value quotes the article anywhere, or belongs to it."""
        return any(self.is_quoted_in(text) for text in _strings(value))

    def is_listed_in(self, value: object) -> bool:
        """Return whether a line of an export (an object or a row's cells) belongs to the article or names it."""
        if isinstance(value, Mapping):
            hits = value.get("hits")
            listed = hits if isinstance(hits, list) else ()
            return self.is_named_by(value) or any(
                isinstance(hit, Mapping) and hit.get("id") in self.ids for hit in listed
            )
        cells = value if isinstance(value, list) else [value]
        return any(isinstance(cell, str) and self.is_named(cell.removeprefix("'")) for cell in cells)

    def size(self) -> int:
        """Return the size of its largest version as a line, in bytes."""
        return max(
            (len(json.dumps(one, ensure_ascii=False).encode("utf-8", "replace")) for one in self.versions), default=0
        )


def _runs(words: list[str]) -> Iterator[int]:
    return (hash(tuple(words[at : at + _RUN])) for at in range(len(words) - _RUN + 1))


def _strings(value: object) -> Iterator[str]:
    """Yield every string of a JSON value, names of fields included."""
    level: Iterable[object] = [value]
    for _ in range(_DEEPEST):
        below: list[object] = []
        for one in level:
            if isinstance(one, str):
                yield one
            elif isinstance(one, Mapping):
                below += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                below += one
        if not below:
            return
        level = below
    yield json.dumps(list(level))
