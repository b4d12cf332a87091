"""Files that take their names once they are whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(*paths: Path) -> Iterator[Path]:
    """Yield a path beside the last one given, whose file takes its name once it is whole and synced, or not at all.

    Of several paths, the others are written at `beside(path)` by whoever calls, and take their names before it: where
    the last one stands, what belongs to it stands too.
    """
    last = paths[-1]
    try:
        yield beside(last)
        for path in paths:
            with beside(path).open("rb") as file:
                os.fsync(file.fileno())
        if len(paths) > 1:
            last.unlink(missing_ok=True)
        for path in paths:
            beside(path).replace(path)
    finally:
        for path in paths:
            with suppress(OSError):
                beside(path).unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Return where a file is written before it is whole: in the same directory, under a name of this process's."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")
