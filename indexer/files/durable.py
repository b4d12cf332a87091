"""Files that are replaced whole, and files that survive a loss of power."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the system write a file or a directory to the disk.

    :raises OSError: if it cannot.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: str | bytes, durable: bool = True) -> None:
    """Put a file in the place of one, or where there is none. Atomic: before or after, never between.

    It is written beside its place, at its name with `.new`; two processes must not replace one file at once.

    :param content: A string is written as UTF-8.
    :param durable: Whether it must survive a loss of power.
    :raises OSError: if it cannot be written; then the file is what it was.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        if durable:
            sync(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if durable:
        sync(path.parent)
