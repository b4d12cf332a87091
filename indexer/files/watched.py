"""Were the files of a directory written to since? What is mapped changes under its reader's hands.

Published files are never written to; a disk, a careless hand or a tool that restores them in place may do it.
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
    """The files of a directory as they are now: sizes, and when they were last written to.

    What comes or goes later is no matter: whoever has a file open or mapped keeps it.
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
        """Return whether a file was written to since this was last asked.

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
