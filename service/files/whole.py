"""Files that get their final names only once they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(*paths: Path) -> Iterator[Path]:
    """Yield a temporary path for the last path. Its file is synced and renamed only if the block succeeds.

    If there are several paths, the caller writes the others at `beside(path)`. They are renamed first, so if the last
    file exists, the others do too.
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
    """Return the temporary path of a file: in the same directory, with a name of this process."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def put_once(beside: Path, path: Path) -> None:
    """Rename a temporary file to its final name, unless another process was quicker; then that one's file stays.

    A file made by root gets the directory's owner, so that the service can read it.
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
