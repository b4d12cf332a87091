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


def put_once(beside: Path, path: Path) -> None:
    """Give a file that was written beside it its name, unless another process was quicker: then that one's stays.

    Made by root, it belongs to whom the directory belongs to, so that the service can read it.
    """
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(beside, owner.st_uid, owner.st_gid)
    descriptor = os.open(beside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):
        path.hardlink_to(beside)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
