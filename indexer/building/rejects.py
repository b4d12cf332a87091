"""The files of rejected lines: what sources gave that is no article, with what is wrong with each, a line of JSON each.

A build writes one where there is something to write. They are for people, and nothing reads them but a purge.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.articles.article import LineProblem
from indexer.files import private
from indexer.files.durable import replace_file
from indexer.sources.reading import BadLine, Reading

_PATTERN = "rejects-*.jsonl"


class RejectsFile:
    """The file of one build, made with the first line.

    :param home: Where it lies.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / f"rejects-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.jsonl"
        self._file: Any = None

    def write(self, reading: Reading | BadLine, problems: list[LineProblem]) -> None:
        """Write a line."""
        if self._file is None:
            private.make_file(self.path)
            self._file = self.path.open("a", encoding="utf-8")
        faults = [{"field": p.field, "value": p.value, "reason": p.reason} for p in problems]
        raw = reading.raw if isinstance(reading, BadLine) else reading.fields
        line = {"source": problems[0].source, "line": reading.line, "problems": faults, "raw": raw}
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def files(home: Path) -> list[Path]:
    """Return the files of a home, the oldest first."""
    return sorted(home.glob(_PATTERN))


def articles(home: Path) -> Iterator[dict[str, Any]]:
    """Yield the fields of every rejected line that had any."""
    for path in files(home):
        with path.open("rb") as file:
            for line in file:
                raw = _parsed(line).get("raw")
                if isinstance(raw, dict):
                    yield raw


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a line's object; of one that a killed build did not finish, its text."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"raw": line.decode("utf-8", "replace")}


def purge(home: Path, is_its: Callable[[dict[str, Any]], bool]) -> tuple[int, int]:
    """Take lines out of all files; a file that is then empty goes too.

    :param is_its: Says of a line's object whether it is to go.
    :return: How many lines went, and how many bytes.
    """
    count = size = 0
    for path in files(home):
        with path.open("rb") as file:
            lines = file.readlines()
        kept = [line for line in lines if not is_its(_parsed(line))]
        if len(kept) == len(lines):
            continue
        count, size = count + len(lines) - len(kept), size + sum(map(len, lines)) - sum(map(len, kept))
        if kept:
            replace_file(path, b"".join(kept))
        else:
            path.unlink()
    return count, size
