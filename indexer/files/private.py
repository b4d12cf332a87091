"""Keeps a home readable by its owner alone under any umask, since it holds texts under embargo.

The commands set the umask of their process (`owner_only`). Code that makes files with text also restricts them itself,
for programs that use this floor without the commands.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from indexer.files.layout import LIVE, SNAPSHOTS

logger = logging.getLogger(__name__)

UMASK, DIRECTORY, FILE = 0o077, 0o700, 0o600


def owner_only() -> int:
    """Restrict all files that this process makes to their owner. Return the umask before."""
    return os.umask(UMASK)


def make_home(path: Path) -> None:
    """Make a home's directory and its parents. Restrict a home that others may read (`close`).

    A directory that holds other things, and is not a home yet, keeps its permissions, since it may be shared.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=DIRECTORY, exist_ok=True)
        return
    if _open_bits(path) and _is_home(path):
        logger.warning("%s: others than its owner could read it: it is closed to them", path)
        close(path)
    if os.geteuid() == 0 and (owner := path.stat().st_uid) != 0:
        logger.warning(
            "%s: is of user %d, and what root writes there that user cannot read: run it as them", path, owner
        )


def _is_home(path: Path) -> bool:
    names = [found.name for found in path.iterdir()]
    return not names or SNAPSHOTS in names or any(name.endswith(".sqlite") for name in names)


def make_file(path: Path) -> None:
    """Make an empty file if there is none, readable by its owner alone."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE))


def close(home: Path) -> None:
    """Restrict a home to its owner: the directory, its files, and its snapshots.

    Files of another owner are reported and left unchanged.
    """
    refused = 0
    for path in (home, *_parts(home)):
        with suppress(FileNotFoundError):
            if not _open_bits(path):
                continue
            try:
                path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~UMASK)
            except PermissionError:
                refused += 1
    if refused:
        logger.error("%s: %d files or directories belong to others and stay readable to them", home, refused)


def _parts(home: Path) -> Iterator[Path]:
    """Yield all paths of a home: the files in its directory, and all of its snapshots, live ones too."""
    for path in home.iterdir():
        if path.is_file() or path.name in (SNAPSHOTS, LIVE):
            yield path
    for name in (SNAPSHOTS, LIVE):
        yield from (home / name).rglob("*")


def close_below(directory: Path) -> None:
    """Restrict a directory that this process has just made, and everything below it, to its owner."""
    for path in (directory, *directory.rglob("*")):
        if _open_bits(path):
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~UMASK)


def exposed(home: Path) -> Iterator[Path]:
    """Yield the paths of a home that others than its owner may read or write; none if they cannot enter it."""
    if not _open_bits(home):
        return
    for path in (home, *_parts(home)):
        with suppress(FileNotFoundError):
            if _open_bits(path):
                yield path


def _open_bits(path: Path) -> int:
    found = path.lstat()
    return 0 if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode) & UMASK
