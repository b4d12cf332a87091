"""The files below a folder, in sorted order.

Knows nothing of what files hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from indexer.sources.reading import BadLine


def walk(folder: Path) -> Iterator[Path | BadLine]:
    """Yield what is below a folder and no folder itself, sorted by the parts of its path, hidden ones left out.

    Links to folders are followed; a folder that was met already, on whatever way, is passed over. One that cannot be
    read is a bad line.

    :raises OSError: if the folder itself cannot be read.
    """
    met: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
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
