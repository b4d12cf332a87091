"""Atomic replacement of files, and files that survive a loss of power."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
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


@lru_cache(maxsize=64)
def _name_beside(name: str) -> str:
    """Return the name under which a file is written first; kept, since pathlib interns each part of a new path."""
    return sys.intern(f"{name}.new")


def replace_file(path: Path, content: str | bytes, durable: bool = True) -> None:
    """Write a file, or replace it in one atomic step.

    The content is first written to the name with `.new`, so two processes must not replace one file at once.

    :param content: A string is written as UTF-8.
    :param durable: Whether it must survive a loss of power.
    :raises OSError: if it cannot be written; then the old file stays.
    """
    beside = path.parent / _name_beside(path.name)
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        if durable:
            sync(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if durable:
        sync(path.parent)
