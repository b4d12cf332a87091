"""Where articles come from: one module a format, each a generator of readings.

A source says what stands where; what an article may hold is `indexer.article`'s to judge, and what becomes of two
readings of one id is the build's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from indexer.errors import SourceError
from indexer.sources import json_lines, page_text
from indexer.sources.reading import BadLine, Reading

__all__ = ["BadLine", "Reading", "read_source"]

_READERS = {
    ".jsonl": json_lines.read,
    ".ndjson": json_lines.read,
    ".txt": page_text.read,
}


def read_source(spec: str) -> Iterator[Reading | BadLine]:
    """Yield the readings of a source, in its order, one line in memory at a time where the format allows.

    :param spec: A path; its ending names the format: `.jsonl` or `.ndjson` JSON Lines, `.txt` the text of a page.
    :raises SourceError: if there is no such file, it cannot be read, or its ending is of no known format.
    """
    path = Path(spec)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"source: {spec!r}: expected a file ending in {', '.join(_READERS)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise SourceError(f"source: {spec!r}: {error.strerror or error}") from error
