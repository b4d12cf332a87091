"""The files below a folder, in sorted order.

Knows nothing of the files' content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from indexer.sources.reading import BadLine


def walk(folder: Path, wanted: Callable[[Path], bool] = lambda path: True) -> Iterator[Path | BadLine]:
    """Yield the files below a folder, sorted by the parts of their paths, without hidden ones.

    A link is followed only if its target lies below the folder as well. A link that leads out gives a bad line;
    otherwise anyone who may write there could publish any file of the machine. A folder is visited once, even if
    several links lead to it. A folder that cannot be read gives a bad line.

    :param wanted: Whether a file would be read. Links to unwanted files are ignored silently.
    :raises OSError: if the folder itself cannot be read.
    """
    root = Path(os.path.realpath(folder))
    met: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
            if path != folder and path.is_symlink() and (target := _outside(path, root)):
                if path.is_dir() or wanted(path):
                    reason = f"expected a link that stays in {str(folder)!r}, found one to {target!r}: not followed"
                    yield BadLine(1, path.name, reason, file=str(path), incomplete=True)
                continue
            if not path.is_dir():
                yield path
                continue
            status = path.stat()
            if (status.st_dev, status.st_ino) not in met:
                met.add((status.st_dev, status.st_ino))
                seen = (below for below in path.iterdir() if not below.name.startswith("."))
                pending += sorted(seen, key=lambda below: below.name, reverse=True)
        except OSError as error:
            if path == folder:
                raise
            yield BadLine(
                1, path.name, f"expected a folder that can be read: {error.strerror}", file=str(path), incomplete=True
            )


def _outside(path: Path, root: Path) -> str:
    """Return a link's target if it does not lie below a folder, else an empty string.

    A hidden folder does not count as below, since its files are left out anyway.
    """
    target = Path(os.path.realpath(path))
    inside = target.is_relative_to(root)
    hidden = inside and any(part.startswith(".") for part in target.relative_to(root).parts)
    return "" if inside and not hidden else str(target)
