"""Feeds: RSS, Atom and JSON Feed → entries.

Owns the layout of feeds. Knows nothing of the web: bytes come in.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import feedparser
from feedparser.encodings import convert_to_utf8

from indexer.limits.time_limit import OutOfTime, processor_seconds
from indexer.sources import page_dates
from indexer.sources.html_document import is_written_encoding
from indexer.text import addresses, folding
from indexer.text.markup import html_to_text

_MIN_FULL_WORDS = 60
"""A `content` of fewer words than this counts as a teaser."""

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)

_SECONDS = 4.0
"""Seconds of processor time for the first megabyte of a feed; ordinary feeds take two at most."""
_SECONDS_A_MB = 8.0
"""Seconds for each megabyte beyond the first."""

_FIRST_TAG = re.compile(rb"<\w")

_LONG_BASE = re.compile(rb"(\bbase\s*+=\s*+)(?:\"[^\"]{2048}[^\"]*+\"?|'[^']{2048}[^']*+'?)", re.IGNORECASE)
"""An `xml:base` that is not an address; feedparser would copy it for each tag."""

_LONGEST_DECLARATION = 1024
"""The most bytes of `<?xml … ?>`; feedparser takes quadratic time for a longer one."""

_DECLARED = re.compile(rb"\bencoding\s*+=\s*+[\"']([^\"']*+)")
_CHARSET = re.compile(r"\bcharset\s*+=\s*+[\"']?([^\"';\s]++)", re.IGNORECASE)
_WIDE = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
    b"\x4c\x6f\xa7\x94": "cp037",
}
"""The starts of feeds in UTF-32, UTF-16 and EBCDIC; longer starts come first."""

_END_TAG = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_END = 2048
"""Bytes at a feed's end that are searched for its last tag and the comments after it."""
_GMT = re.compile(r"(?:GMT|UTC)\s*([+-])(\d{1,2})\s*\Z")
_BEHIND_MAIL = re.compile(r"\A\S*\s*\(([^()]+)\)?\Z")
"""A name after the rest that feedparser leaves of a mail address."""

_IMAGE = re.compile(r"<img\b[^<>]*+", re.IGNORECASE)
_ADDRESS = re.compile(r"src\s*+=\s*+[\"']?(https?://[^\"'\s>]+)", re.IGNORECASE)
_SHOWN = 1000


class NotFeed(ValueError):
    """The bytes are not a feed; the message says what was expected."""


@dataclass(frozen=True)
class FeedEntry:
    """One entry of a feed.

    :param key: Its identity in the feed: its GUID, else its address, else its title.
    :param fields: Fields of the archive line.
    :param full: Whether it holds the whole article.
    :param cut: Whether the feed ends within it.
    """

    key: str
    fields: dict[str, Any] = field(repr=False)
    full: bool = False
    cut: bool = False

    @property
    def url(self) -> str:
        """Return the address of its page, or an empty string."""
        return str(self.fields.get("url", ""))


def looks_like_json_feed(data: bytes) -> bool:
    """Return whether bytes, if they are a feed at all, are a JSON Feed."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def parse(data: bytes, content_type: str = "", url: str = "") -> list[FeedEntry]:
    """Return the entries of a feed, in its order, without those that have no title.

    :param url: The feed's address, for relative addresses.
    :raises NotFeed: if the bytes are not a feed, declare entities of their own, or take too long to read.
    """
    if not data.strip():
        raise NotFeed("expected a feed, found nothing")
    seconds = _SECONDS + _SECONDS_A_MB * max(0.0, len(data) / 1e6 - 1)
    try:
        with processor_seconds(seconds):
            return list(_json_entries(data) if looks_like_json_feed(data) else _xml_entries(data, content_type, url))
    except OutOfTime:
        raise NotFeed(f"expected a feed that is read in {seconds:.0f} s of processor time") from None


def _xml_entries(data: bytes, content_type: str, url: str) -> Iterator[FeedEntry]:
    try:
        data = _plain_start(data, content_type)
        headers = {"content-type": "application/xml; charset=utf-8", **({"content-location": url} if url else {})}
        parsed = feedparser.parse(io.BytesIO(data), response_headers=headers)
    except NotFeed:
        raise
    except Exception as error:  # its parsers raise anything for a broken feed
        raise NotFeed(f"expected a feed that can be parsed: {type(error).__name__}: {error}") from None
    if not parsed.version:
        raise NotFeed(f"expected a feed, found {_shown(data)}")
    cut = not _is_whole(data.replace(b"\x00", b"")[-_END:])
    entries = parsed.entries
    if cut and not entries:
        raise NotFeed("expected a feed to its end, found it cut before its first entry")
    for number, entry in enumerate(entries, start=1):
        fields, full = _fields(entry)
        if fields.get("title"):
            yield _entry(str(entry.get("id") or ""), fields, full, cut and number == len(entries))


def _plain_start(data: bytes, content_type: str) -> bytes:
    """Return a feed in UTF-8: an XML declaration, then its first tag and everything after it.

    Comments, a DOCTYPE and blanks before the first tag are dropped, since feedparser takes quadratic time for them.

    :raises NotFeed: if it declares entities of its own, or has no tag.
    """
    wide = next((codec for start, codec in _WIDE.items() if data.startswith(start)), None)
    if wide:
        data = data.decode(wide, "replace").encode()
    has_mark = data.startswith(codecs.BOM_UTF8)
    data = data.removeprefix(codecs.BOM_UTF8)
    declaration = _declaration(data) if not wide and not has_mark else b""
    charset = _CHARSET.search(content_type)
    if wide or (charset and not is_written_encoding(charset[1])):
        content_type = ""
    headers = {"content-type": content_type or "application/xml"}
    data = convert_to_utf8(headers, declaration + b"\n" + _without_declaration(data), {})
    if _ENTITY.search(data.replace(b"\x00", b"")):
        raise NotFeed("expected a feed without entities of its own")
    first = _FIRST_TAG.search(data)
    if first is None:
        raise NotFeed(f"expected a feed, found {_shown(data)}")
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + _LONG_BASE.sub(rb'\1""', data[first.start() :])


def _declaration(data: bytes) -> bytes:
    """Return the XML declaration; empty if there is none, or if no feed is written in its encoding."""
    end = data.find(b"?>", 0, _LONGEST_DECLARATION) if data.startswith(b"<?xml") else -1
    declaration = data[: end + 2] if end > 0 else b""
    found = _DECLARED.search(declaration)
    return b"" if found and not is_written_encoding(found[1].decode("latin-1")) else declaration


def _without_declaration(data: bytes) -> bytes:
    return data[data.find(b">") + 1 :] if data.startswith(b"<?") else data


def _shown(data: bytes) -> str:
    return repr(data.removeprefix(b"<?xml version='1.0' encoding='utf-8'?>").lstrip()[:60].decode("utf-8", "replace"))


def _is_whole(end: bytes) -> bool:
    """Return whether a feed ends with the end tag of its root; comments and blanks may follow."""
    end = end.rstrip()
    while end.endswith(b"-->") and b"<!--" in end:
        end = end[: end.rindex(b"<!--")].rstrip()
    return _END_TAG.fullmatch(end, max(0, end.rfind(b"</"))) is not None


def _fields(entry: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    contents = [str(content.get("value", "")) for content in entry.get("content", [])]
    content = max(contents, key=len, default="")
    summary = str(entry.get("summary") or "")
    plain = html_to_text(content)
    full = len(plain.split()) >= _MIN_FULL_WORDS
    lead = html_to_text(summary)
    if full and folding.fold(plain).startswith(folding.fold(lead).rstrip(" .…[]")[:200]):
        lead = ""  # feeds without a real summary repeat the start of the text there
    terms = [str(tag.get("term") or "").strip() for tag in entry.get("tags", [])]
    names = [_BEHIND_MAIL.sub(r"\1", str(author.get("name") or "").strip()) for author in entry.get("authors", [])]
    found = {
        "title": html_to_text(str(entry.get("title") or "")).replace("\n", " "),
        "lead": lead or ("" if full else plain),
        "body_html": content if full else "",
        "url": str(entry.get("link") or ""),
        "section": next(iter(filter(None, terms)), ""),
        "tags": list(filter(None, terms))[1:],
        "author": ", ".join(dict.fromkeys(filter(None, names))),
        "published_at": _time(entry, "published"),
        "updated_at": _time(entry, "updated"),
        "image_url": _picture(entry, content or summary),
    }
    return {name: value for name, value in found.items() if value}, full


def _time(entry: Mapping[str, Any], name: str) -> str | None:
    """Return a time with its offset, or without one if the feed gives none; then it is Vietnam's."""
    if name not in entry:
        return None  # feedparser would return `published` for `updated`
    written = _GMT.sub(lambda zone: f"{zone[1]}{int(zone[2]):02}00", str(entry.get(name) or ""))
    found, parsed = page_dates.to_iso(written), entry.get(f"{name}_parsed")
    if found is None and parsed:
        with suppress(ValueError, OverflowError):
            return datetime.fromtimestamp(timegm(parsed), UTC).isoformat()
    return found


def _picture(entry: Mapping[str, Any], markup: str) -> str:
    offered = [*entry.get("media_content", []), *entry.get("media_thumbnail", [])]
    offered += [link for link in entry.get("links", []) if link.get("rel") == "enclosure"]
    for one in offered:
        kind = str(one.get("type") or one.get("medium") or "image")
        address = str(one.get("url") or one.get("href") or "")
        if kind.startswith("image") and addresses.web_address(address):
            return address
    found = next(filter(None, (_ADDRESS.search(tag) for tag in _IMAGE.findall(markup))), None)
    return found[1].replace("&amp;", "&") if found else ""


def _entry(guid: str, fields: dict[str, Any], full: bool, cut: bool = False) -> FeedEntry:
    address = fields.get("url", "")
    if address and addresses.web_address(address) is None:
        del fields["url"]
        address = ""
    made = derived_id(address, guid, fields["title"])
    return FeedEntry(guid or address or fields["title"], {"id": made, **fields}, full, cut)


def derived_id(address: str, guid: str, title: str) -> str:
    """Return the id of an article derived from its address, else its GUID, else its title."""
    if address:
        return addresses.derived_id("u", addresses.url_key(address))
    return addresses.derived_id("g", guid) if guid else addresses.derived_id("t", folding.fold(title))


def _json_entries(data: bytes) -> Iterator[FeedEntry]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotFeed(f"expected a feed: {str(error)[:_SHOWN]}") from None
    version = content.get("version") if isinstance(content, dict) else None
    if not isinstance(version, str) or "jsonfeed.org/version" not in version:
        raise NotFeed(f"expected a JSON Feed, found version {version!r}")
    items = content.get("items")
    if not isinstance(items, list):
        raise NotFeed("expected a JSON Feed with items")
    for item in items:
        fields, full = _json_fields(item) if isinstance(item, dict) else ({}, False)
        if fields.get("title"):
            yield _entry(_string(item.get("id")), fields, full)


def _string(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _json_fields(item: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    markup, plain = _string(item.get("content_html")), _string(item.get("content_text"))
    full = len((plain or html_to_text(markup)).split()) >= _MIN_FULL_WORDS
    listed = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [_string(one.get("name")) for one in listed or [] if isinstance(one, dict)]
    tags = [_string(tag) for tag in item["tags"]] if isinstance(item.get("tags"), list) else []
    found = {
        "title": folding.clean(_string(item.get("title"))).replace("\n", " "),
        "lead": folding.clean(_string(item.get("summary"))) or ("" if full else plain or html_to_text(markup)),
        "body": plain if full and not markup else "",
        "body_html": markup if full else "",
        "url": _string(item.get("url")) or _string(item.get("external_url")),
        "section": next(iter(filter(None, tags)), ""),
        "tags": list(filter(None, tags))[1:],
        "author": ", ".join(dict.fromkeys(filter(None, names))),
        "published_at": _string(item.get("date_published")),
        "updated_at": _string(item.get("date_modified")),
        "image_url": _string(item.get("image")) or _string(item.get("banner_image")),
    }
    return {name: value for name, value in found.items() if value}, full
