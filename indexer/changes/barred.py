"""Marks that keep an article that was taken down from coming back under another id.

A mark is the SHA-256 of a kind and a value: an id, an address or a text. It holds no text. The journal keeps the marks
beside the record of the takedown. Pure functions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from indexer.text.addresses import url_key
from indexer.text.folding import fold
from indexer.text.markup import html_to_text

_WORD = re.compile(r"[^\W_]+")
_FEWEST_WORDS = 8
"""The fewest words of a text that bars others. A shorter one, such as a daily headline, may be that of many
articles."""

_NAMED = re.compile(r'"(id|url)"\s*:\s*"([^"\\]{1,2000})"')


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without diacritics."""
    return _WORD.findall(fold(text))


def mark(kind: str, value: str) -> bytes:
    """Return the 32-byte mark of a value of some kind: `id`, `url` in the form of `url_key`, or a kind of text."""
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "replace")).digest()


def name_marks(fields: Mapping[str, Any]) -> set[bytes]:
    """Return the marks of all names of an article: its id, its address, and its aliases.

    :param fields: The fields of an archive line, as a source gives them; invalid values are ignored.
    """
    aliases = fields.get("aliases")
    names = [fields.get("id"), *(aliases if isinstance(aliases, list) else ())]
    found = {name_mark(name) for name in names if isinstance(name, str) and name}
    url = fields.get("url")
    return found | {mark("url", url_key(url))} if isinstance(url, str) and url else found


def name_mark(name: str) -> bytes:
    """Return the mark of an id, an alias, or an address; ids have no slash."""
    return mark("url", url_key(name)) if "/" in name else mark("id", name)


def title_mark(fields: Mapping[str, Any]) -> bytes | None:
    """Return the mark of a title, None if there is no title. It bars nothing by itself (`is_barred`)."""
    title = fields.get("title")
    return mark("title", " ".join(words_of(title))) if isinstance(title, str) and title else None


def text_marks(fields: Mapping[str, Any]) -> set[bytes]:
    """Return the marks of an article's text: of title and lead, and of title, lead and body.

    There is no mark for a missing lead or body, nor for a text with too few words to be one article's own.
    """
    title, lead, body = (_text(fields.get(name)) for name in ("title", "lead", "body"))
    body = body or html_to_text(_text(fields.get("body_html")))
    found = set()
    for kind, parts in (("head", (title, lead)), ("text", (title, lead, body))):
        words = words_of("\n".join(parts))
        if title and any(parts[1:]) and len(words) >= _FEWEST_WORDS:
            found.add(mark(kind, " ".join(words)))
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def marks_of(fields: Mapping[str, Any]) -> set[bytes]:
    """Return all marks by which one version of an article is recognised."""
    texts = text_marks(fields)
    title = title_mark(fields) if texts else None
    return name_marks(fields) | texts | ({title} if title else set())


def is_barred(fields: Mapping[str, Any], barred: Set[bytes]) -> bool:
    """Return whether an article is one that was taken down, by one of its names or by its text.

    The text is compared only if the title is that of such an article, so that other articles cost little.

    :param barred: The marks of all takedowns that are in force.
    """
    if not barred:
        return False
    if not barred.isdisjoint(name_marks(fields)):
        return True
    return title_mark(fields) in barred and not barred.isdisjoint(text_marks(fields))


def names_barred(raw: str, barred: Set[bytes]) -> bool:
    """Return whether a line that is not valid JSON has a readable `id` or `url` of an article that was taken down."""
    return any(name_mark(value) in barred for _, value in _NAMED.findall(raw)) if barred else False


def without_shared(marks: Iterable[bytes], others: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """Return the marks that no other article has. A shared mark would bar the other article too."""
    kept = set(marks)
    for fields in others:
        kept -= marks_of(fields)
    return kept
