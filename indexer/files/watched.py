"""Detects whether files of a directory were written to, since a mapped file changes while it is read.

The program never writes to published files. A disk fault, a careless person or a tool that restores them may.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from indexer.errors import SnapshotError


class _Mark(NamedTuple):
    size: int
    changed: int


class DirectoryState:
    """The files of a directory as they are now: sizes, and the times of the last write.

    Later files and deletions do not matter: a process keeps the files that it has open or mapped.
    """

    def __init__(self, directory: Path) -> None:
        self._marks: dict[str, _Mark] = {}
        for place, _, names in os.walk(directory):
            for name in names:
                path = f"{place}/{name}"
                mark = _mark(path)
                if mark is not None:
                    self._marks[path] = mark

    def written_to(self) -> bool:
        """Return whether a file was written to since the last call.

        :raises SnapshotError: if a file has another size than at first.
        """
        changed = False
        for path, known in self._marks.items():
            mark = _mark(path)
            if mark is None or mark == known:
                continue
            if mark.size != known.size:
                raise SnapshotError(f"{path}: now {mark.size} bytes, {known.size} when it was opened")
            self._marks[path], changed = mark, True
        return changed


def _mark(path: str) -> _Mark | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return _Mark(found.st_size, found.st_mtime_ns)
