"""Summaries: the nine fields of an article that a list shows, stored apart from its much longer text.

Owns the files, which are mapped. A line is a JSON array of the fields in their order. `summary_starts.npy` is (articles
+ 1,) int64: the start of each line and the end of the last one.
"""

from __future__ import annotations

import json
from array import array
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from pydantic_core import from_json

from indexer.articles.prepared import PreparedArticle
from indexer.files import arrays

SUMMARIES, _STARTS = "summaries.jsonl", "summary_starts.npy"


class Summary(NamedTuple):
    """An article in the form that lists show. The fields are those of `Article`."""

    id: str
    title: str
    url: str | None
    lead: str | None
    section: str | None
    author: str | None
    source: str | None
    published_at: datetime | None
    image_url: str | None


_PUBLISHED = Summary._fields.index("published_at")


class SummaryWriter:
    """Writes the summaries of articles added in row order.

    :param directory: Where the files go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] = (directory / SUMMARIES).open("wb")
        self._starts = array("q", [0])

    def add(self, prepared: PreparedArticle) -> None:
        """Add the article of the next row."""
        article = prepared.article
        fields = [getattr(article, name) for name in Summary._fields]
        if article.published_at is not None:
            fields[_PUBLISHED] = article.published_at.isoformat()
        self._file.write(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        self._starts.append(self._file.tell())

    def close(self) -> None:
        """Finish both files."""
        self._file.close()
        arrays.save(self._directory / _STARTS, np.array(self._starts, dtype=np.int64))


class Summaries:
    """The summaries of a segment, mapped from disk.

    :param directory: Where `SummaryWriter` put them.
    :raises ValueError: if the file is not as long as its index says.
    """

    def __init__(self, directory: Path) -> None:
        starts: Any = arrays.mapped(directory / _STARTS)
        self._starts = memoryview(starts)  # its items are plain ints
        path, length = directory / SUMMARIES, self._starts[-1]
        if path.stat().st_size != length:
            raise ValueError(f"{path}: {path.stat().st_size} bytes: expected {length}")
        lines: Any = np.memmap(str(path), dtype=np.uint8, mode="r") if length else b""
        self._lines = memoryview(lines)

    def of(self, row: int) -> Summary:
        """Return the summary of a row."""
        fields = from_json(bytes(self._lines[self._starts[row] : self._starts[row + 1]]), cache_strings="none")
        if fields[_PUBLISHED] is not None:
            fields[_PUBLISHED] = datetime.fromisoformat(fields[_PUBLISHED])
        return Summary._make(fields)
