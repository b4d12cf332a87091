"""The files below a folder, in sorted order.

Knows nothing of what files hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from indexer.sources.reading import BadLine


def walk(folder: Path, wanted: Callable[[Path], bool] = lambda path: True) -> Iterator[Path | BadLine]:
    """Yield what is below a folder and no folder itself, sorted by the parts of its path, hidden ones left out.

    A link is followed only if what it leads to lies below the folder as well; one that leads out is a bad line, for
    whoever may write there could else have any file of the machine published. A folder that was met already, on
    whatever way, is passed over. One that cannot be read is a bad line.

    :param wanted: Whether a file would be read; a link to one that would not be is not worth telling of.
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
    """Return what a link leads to if that does not lie below a folder, else nothing.

    A hidden folder does not count as below: what lies there is left out when it is met by its own name.
    """
    target = Path(os.path.realpath(path))
    inside = target.is_relative_to(root)
    hidden = inside and any(part.startswith(".") for part in target.relative_to(root).parts)
    return "" if inside and not hidden else str(target)
