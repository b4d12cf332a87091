"""An export of WordPress (WXR, `Tools > Export`): its published posts, one at a time, for files of any size.

Owns the elements of the format. A file is read twice: first for the addresses of pictures, since a post may come before
its picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from lxml import etree

from indexer.errors import SourceError
from indexer.sources import wordpress_post
from indexer.sources.reading import BadLine, Reading
from indexer.sources.stream import Stream
from indexer.sources.xml_names import split_name

StreamOpener: TypeAlias = Callable[[], AbstractContextManager[Stream]]
"""Opens the file again."""

_BLANKED = bytes(range(256)).translate(bytes.maketrans(bytes([*range(9), 11, 12, *range(14, 32)]), b" " * 29))
"""Control characters that XML forbids but WordPress exports become blanks. No letter in UTF-8 has these bytes."""

_ROOT = "rss"
_EXPORT = b"wordpress.org/export/"
_SNIFFED = 2**14
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"


def looks_like_wxr(start: bytes) -> bool:
    """Return whether a file is an export, by its first bytes."""
    return _EXPORT in start[:_SNIFFED]


def read(opened: StreamOpener) -> Iterator[Reading | BadLine]:
    """Yield a reading for each post that is published, open and of type `post`.

    :raises SourceError: if the file is not an export.
    """
    pictures = _pictures(opened)
    with opened() as stream:
        yield from _Export(stream, pictures).posts()


class _BlankingStream(io.RawIOBase):
    """A stream with control characters replaced by blanks, for a parser that calls `read`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = io.BufferedReader(stream, 2**16)

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read1(size if size > 0 else 2**16).translate(_BLANKED)


def _events(stream: Stream, tags: tuple[str, ...]) -> etree.iterparse:
    return etree.iterparse(
        _BlankingStream(stream),
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _drop(element: etree._Element) -> None:
    """Free an element, and those before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _values(item: etree._Element) -> dict[str, str]:
    """Return the texts of the children with a single value, by name; two names keep their namespace."""
    found: dict[str, str] = {}
    for child in item:
        if isinstance(child.tag, str):
            namespace, name = split_name(child)
            prefix = {_CONTENT: "content:", _DC: "dc:"}.get(namespace, "")
            if name == "encoded" and not prefix:
                prefix = "excerpt:"
            found.setdefault(prefix + name, child.text or "")
    return found


def _pictures(opened: StreamOpener) -> dict[int, str]:
    """Return the addresses of attachments by their numbers. The second reading reports errors."""
    found: dict[int, str] = {}
    with opened() as stream:
        try:
            for _, item in _events(stream, ("item",)):
                values = _values(item)
                number = values.get("post_id", "").strip()
                if values.get("post_type") == "attachment" and number.isdecimal() and values.get("attachment_url"):
                    found[int(number)] = values["attachment_url"].strip()
                _drop(item)
        except etree.XMLSyntaxError:
            pass
    return found


class _Export:
    """One reading of an export."""

    def __init__(self, stream: Stream, pictures: dict[int, str]) -> None:
        self._stream = stream
        self._pictures = pictures
        self._site = ""
        self._authors: dict[str, str] = {}

    def posts(self) -> Iterator[Reading | BadLine]:
        line = 1
        any_tag = ("item", "{*}author", "{*}base_blog_url", "{*}base_site_url", "{*}wxr_version")
        known = False
        try:
            for _, element in _events(self._stream, any_tag):
                line = element.sourceline or line
                _, name = split_name(element)
                known = known or name == "wxr_version"
                if name == "item":
                    yield from self._item(element, line)
                    _drop(element)
                else:
                    self._head(name, element)
        except etree.XMLSyntaxError as error:
            if not known:
                raise SourceError(f"expected a WordPress export: {error.msg}") from None
            reason = self._stream.damage or f"expected XML to the end of the export: {error.msg}"
            yield BadLine(error.lineno or line, "", reason, incomplete=True)
        if not known:
            raise SourceError("expected a WordPress export, found no wxr_version")

    def _head(self, name: str, element: etree._Element) -> None:
        if name == "base_blog_url" or (name == "base_site_url" and not self._site):
            self._site = (element.text or "").strip()
        elif name == "author" and len(element):
            values = _values(element)
            login = values.get("author_login", "").strip()
            self._authors[login] = values.get("author_display_name", "").strip() or login

    def _item(self, item: etree._Element, line: int) -> Iterator[Reading | BadLine]:
        values = _values(item)
        given = {
            "status": values.get("status", "").strip(),
            "type": values.get("post_type", "").strip(),
            "password": values.get("post_password", "").strip(),
        }
        if not wordpress_post.is_article(given, ("post",)):
            return
        number = values.get("post_id", "").strip()
        if not number.isdecimal():
            yield BadLine(line, number, f"post_id: {number!r}: expected a number")
            return
        yield Reading(line, wordpress_post.fields(self._post(int(number), item, values)))

    def _post(self, number: int, item: etree._Element, values: dict[str, str]) -> wordpress_post.Post:
        categories, tags = _terms(item)
        login = values.get("dc:creator", "").strip()
        thumbnail = _meta(item, "_thumbnail_id")
        return wordpress_post.Post(
            number,
            self._site,
            title=values.get("title", ""),
            content=values.get("content:encoded", ""),
            excerpt=values.get("excerpt:encoded", ""),
            link=values.get("link", "").strip(),
            published=values.get("post_date_gmt", ""),
            modified=values.get("post_modified_gmt", ""),
            author=self._authors.get(login, login),
            categories=categories,
            tags=tags,
            image=self._pictures.get(int(thumbnail), "") if thumbnail.isdecimal() else "",
        )


def _terms(item: etree._Element) -> tuple[list[tuple[str, str]], list[str]]:
    categories, tags = [], []
    for term in item.iterchildren("category"):
        name = (term.text or "").strip()
        if term.get("domain") == "category" and name:
            categories.append((name, term.get("nicename", "")))
        elif term.get("domain") == "post_tag" and name:
            tags.append(name)
    return categories, tags


def _meta(item: etree._Element, wanted: str) -> str:
    for meta in item.iterchildren("{*}postmeta"):
        values: dict[str, Any] = _values(meta)
        if values.get("meta_key") == wanted:
            return str(values.get("meta_value", "")).strip()
    return ""
