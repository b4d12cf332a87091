"""An XML file: an export of WordPress or a saved feed; the start of the file decides."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from indexer.errors import SourceError
from indexer.sources.reading import BadLine, Reading
from indexer.sources.wxr import StreamOpener, looks_like_wxr
from indexer.sources.wxr import read as read_export

_SNIFFED = 2**14
_MAX_FEED = 32 * 2**20
_FEED = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf)[\s>]", re.IGNORECASE)


def is_source(opened: StreamOpener) -> bool:
    """Return whether a file is an export or a feed, by its start; False if it cannot be read."""
    try:
        start = _start(opened)
    except OSError:
        return False
    return looks_like_wxr(start) or _FEED.search(start.replace(b"\x00", b"")) is not None


def read(opened: StreamOpener) -> Iterator[Reading | BadLine]:
    """Yield the readings of an export or a feed.

    :raises SourceError: if the file is neither.
    """
    if looks_like_wxr(_start(opened)):
        yield from read_export(opened)
        return
    with opened() as stream:
        data = io.BufferedReader(stream).read(_MAX_FEED + 1)
        damage = stream.damage
    if len(data) > _MAX_FEED:
        raise SourceError(f"expected a feed of at most {_MAX_FEED // 2**20} MiB, or a WordPress export")
    if damage and not data:
        yield BadLine(1, "", damage, incomplete=True)
    else:
        yield from _entries(data, damage)


def _entries(data: bytes, damage: str | None) -> Iterator[Reading | BadLine]:
    from indexer.sources import feed  # its library takes a moment to import

    try:
        entries = feed.parse(data)
    except feed.NotFeed as error:
        raise SourceError(f"{error}; or a WordPress export") from None
    for number, entry in enumerate(entries, start=1):
        if entry.cut:
            reason = damage or "expected a feed to its end, found it cut: the last entry is left out"
            yield BadLine(number, entry.key, reason, incomplete=True)
        else:
            yield Reading(number, entry.fields, derived=True)


def _start(opened: StreamOpener) -> bytes:
    with opened() as stream:
        return io.BufferedReader(stream, _SNIFFED).read(_SNIFFED)
