"""The values that a source yields, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexer.articles.article import FIELDS
from indexer.limits.confined import Allowance


@dataclass(frozen=True)
class Reading:
    """The fields of one article as a source gives them, not yet validated.

    :param line: Its line in the source, from 1.
    :param fields: Field names of the archive line, and others, with the source's values.
    :param derived: Whether the id was made from other fields, so that a fuller reading of the same id wins.
    :param file: Its file, if the source is a folder.
    :param teller: The key of the site that gives it; empty for the operator's own file or database.
    """

    line: int
    fields: dict[str, Any] = field(repr=False)
    derived: bool = False
    file: str = ""
    teller: str = ""


@dataclass(frozen=True)
class SourceOptions:
    """The options of a source that its files do not contain.

    :param columns: For a table: field of the archive line -> header of its column.
    :param encoding: The encoding of its text; detected by default.
    :param memory: The home with the memory of remote sources; without one everything is asked for again.
    :param allow_private: Whether machines of private networks may be asked.
    :param allow_shrink: Whether a remote source may lose any number of its articles at once.
    :param ask: Whether remote sources are asked; if not, only their memory is used.
    :param most_pages: The most pages, of a site or of rows, that are read from a remote source; all by default.
    :param most_seconds: Seconds after which no further page of a site is begun; the next run goes on there.
    :param allowance: The limits of a child that reads the source; by default this process reads it.
    :raises ValueError: if there is no such field or no such encoding.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    memory: Path | None = None
    allow_private: bool = False
    allow_shrink: bool = False
    ask: bool = True
    most_pages: int | None = None
    most_seconds: float | None = None
    allowance: Allowance | None = None

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in FIELDS:
                raise ValueError(f"{name!r}: expected a field of the archive line: {', '.join(sorted(FIELDS))}")
        if self.encoding is not None:
            try:
                "a".encode(self.encoding)
            except (LookupError, ValueError):
                raise ValueError(f"{self.encoding!r}: expected an encoding such as windows-1258") from None


@dataclass(frozen=True)
class BadLine:
    """A place of a source from which no article can be read.

    :param line: Its line, from 1.
    :param raw: Its content.
    :param reason: What was expected.
    :param file: Its file, if the source is a folder.
    :param incomplete: Whether more than this place is lost, as when a file could not be read to its end.
    """

    line: int
    raw: str = field(repr=False)
    reason: str = ""
    file: str = ""
    incomplete: bool = False
