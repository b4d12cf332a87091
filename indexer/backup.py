"""Backup and restore of a home, while it is served and built. A backup is a home itself: whole, or not there.

Owns what is copied, and in which order: databases first, then the snapshot, so that a change is in the one or in the
other or in both. A copy of the snapshot that was taken first could be older than a log that has been emptied since.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from indexer import cache, private, progress
from indexer.errors import SnapshotError
from indexer.layout import CURRENT_FILE
from indexer.snapshot import Home, share_directory, verify

_TRIES = 5
"""How often a snapshot is begun to be copied that is pruned meanwhile."""

_PASSING = (CURRENT_FILE, "lock", progress.FILE, progress.LOCK, cache.FILE)
"""What is written by its own rules, or needed by nobody else."""


def backup(home: Home, target: Path) -> str | None:
    """Copy a home's databases, files and current snapshot, and return that snapshot's id, None where it has none.

    A snapshot's files never change, so they are shared by hard link where the target is on the same disk.

    :param target: A directory that is not there yet.
    :raises SnapshotError: if the home is none, the target is there, or what was copied does not verify.
    """
    if not home.path.is_dir():
        raise SnapshotError(f"{home.path}: expected a home")
    with _whole(target) as partial:
        for path in _databases(home.path):
            _copy_database(path, partial / path.name)
        for path in _files(home.path):
            shutil.copy2(path, partial / path.name)
        return _copy_current(home, Home(partial))


def restore(source: Path, home: Home) -> str | None:
    """Copy a backup into a home that holds nothing yet, and return the id of its snapshot.

    Nothing is shared: what becomes of the home later is no harm to the backup. No service may run on the home.

    :raises SnapshotError: if the backup does not verify, or the home is not empty.
    """
    kept = Home(source)
    name = kept.current()
    databases = _databases(source)
    if name is None and not databases:
        raise SnapshotError(f"{source}: neither a snapshot nor a database: expected a backup")
    if home.current() is not None or home.ids() or _databases(home.path):
        raise SnapshotError(f"{home.path}: is in use: expected an empty home; move it away first")
    for path in databases:
        _check_database(path)
    if name is not None:
        verify(kept.directory(name))
    with home.lock(), home.partial() as partial:
        for path in [*databases, *_files(source)]:
            shutil.copy2(path, partial / path.name)
            (partial / path.name).replace(home.path / path.name)
        if name is not None:
            copied = partial / name
            shutil.copytree(kept.directory(name), copied)
            verify(copied)
            copied.rename(home.snapshots / name)
        os.sync()
        if name is not None:
            home.point_to(name)
    return name


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a directory beside the target that takes its place once it is whole, and is gone if it is not."""
    if target.exists():
        raise SnapshotError(f"{target}: is there already: expected a directory to be made")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(mode=0o700)
    try:
        yield partial
        private.close_below(partial)
        os.sync()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _databases(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*.sqlite") if path.is_file() and path.name not in _PASSING)


def _files(directory: Path) -> list[Path]:
    """Return the other files that are a home's own: rules, say."""
    found = (path for path in directory.iterdir() if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if path.name not in _PASSING and not _passes(path.name))


def _passes(name: str) -> bool:
    return ".sqlite" in name or name.startswith((".", "rejects-")) or name.endswith((".new", ".tmp"))


def _copy_database(path: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whoever writes to it meanwhile."""
    target.touch(path.stat().st_mode & 0o777)
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    except sqlite3.Error as error:
        raise SnapshotError(f"{path}: cannot be copied: {error}") from error
    _check_database(target)


def _check_database(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise SnapshotError(f"{path}: damaged: {found}")


def _copy_current(home: Home, target: Home) -> str | None:
    target.snapshots.mkdir()
    for left in reversed(range(_TRIES)):
        name = home.current()
        if name is None:
            return None
        try:
            share_directory(home.directory(name), target.snapshots / name)
        except (FileNotFoundError, SnapshotError):  # pruned meanwhile
            shutil.rmtree(target.snapshots / name, ignore_errors=True)
            if not left:
                raise
            continue
        verify(target.snapshots / name)
        target.point_to(name)
        return name
    return None
