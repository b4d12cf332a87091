"""Backup and restore of a home, while it is served and built. A backup is a home itself: whole, or not there.

Owns what is copied, and in which order: databases first, then the snapshot. So every change is in one of them or in
both. In the other order, the snapshot's copy could be older than the trimming of the journal.

A backup lists its files with their SHA-256 (`indexer.files.checksums`); the snapshot's manifest lists the others.
`restore` compares the copies with both before it moves anything into the home.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from indexer.building import cache
from indexer.errors import SnapshotError
from indexer.files import checksums, private, progress
from indexer.files.layout import CURRENT_FILE, MANIFEST_FILE
from indexer.snapshot.home import Home
from indexer.snapshot.sharing import share_directory
from indexer.snapshot.verification import verify

_TRIES = 5
"""How often copying a snapshot is tried, since it may be pruned meanwhile."""

_PASSING = (CURRENT_FILE, "lock", progress.FILE, progress.LOCK, cache.FILE, checksums.FILE)
"""Files that are not copied as plain files: they have their own way of copying, or are of no use elsewhere."""

RESTORING = ".restoring"
"""The file that lists what is being moved into a home. If it is still there, a restore was interrupted."""


class CheckedBackup(NamedTuple):
    """A complete backup.

    :param snapshot: The id of its snapshot, None if it has none.
    :param files: The names of its databases and other files.
    :param listed: Whether they were compared with a list. Backups of earlier releases have no list.
    """

    snapshot: str | None
    files: tuple[str, ...]
    listed: bool


def backup(home: Home, target: Path) -> str | None:
    """Copy a home's databases, files and current snapshot. Return the snapshot's id, None if there is none.

    A snapshot's files never change, so they are hard links if the target is on the same disk.

    :param target: A directory that does not exist yet.
    :raises SnapshotError: if the home is not a home, the target exists, or the copy does not verify.
    """
    if not home.path.is_dir():
        raise SnapshotError(f"{home.path}: expected a home")
    with _whole(target) as partial:
        for path in _databases(home.path):
            _copy_database(path, partial / path.name)
        for path in _files(home.path):
            shutil.copy2(path, partial / path.name)
        name = _copy_current(home, Home(partial))
        checksums.write(partial, _listed(partial, name))
        return name


def check(source: Path) -> CheckedBackup:
    """Read every byte of a backup and compare it with its digests. Nothing is changed.

    :raises SnapshotError: if it is not a backup, or a file in it is missing, damaged, or was changed since.
    """
    kept = Home(source)
    name = kept.current() if source.is_dir() else None
    databases = _databases(source)
    expected = checksums.read(source)
    if name is None and not databases:
        raise SnapshotError(f"{source}: neither a snapshot nor a database: expected a backup")
    for path in databases:
        _refuse_written(path)
    if name is not None:
        verify(kept.directory(name))
    if expected is not None:
        checksums.check(source, _listed(source, name), expected)
    for path in databases:
        _check_database(path)
    files = tuple(path.name for path in [*databases, *_files(source)])
    return CheckedBackup(name, files, expected is not None)


def restore(source: Path, home: Home) -> CheckedBackup:
    """Copy a backup into a home that holds nothing yet, and return what it held.

    The backup is checked before anything is written (`check`). The copy is checked again before it is moved into place.
    The home shares no file with the backup, so later changes to the home cannot harm the backup. No service may run on
    the home.

    :raises SnapshotError: if the backup is not complete, or the home is not empty.
    """
    found = check(source)
    _refuse_used(home, found)
    with home.lock(), home.partial() as partial:
        _undo(home)
        _refuse_used(home, found)
        for name in found.files:
            shutil.copy2(source / name, partial / name)
        if found.snapshot is not None:
            shutil.copytree(Home(source).directory(found.snapshot), partial / found.snapshot)
            verify(partial / found.snapshot)
        _compare(source, partial, found)
        private.close_below(partial)
        os.sync()
        _move(home, partial, found)
    return found


def _compare(source: Path, partial: Path, found: CheckedBackup) -> None:
    """Compare the copies with the backup's list, or with the backup itself if it has no list."""
    listed = checksums.read(source) or {name: checksums.digest(source / name) for name in found.files}
    checksums.check(partial, found.files, {name: listed[name] for name in found.files})


def _move(home: Home, partial: Path, found: CheckedBackup) -> None:
    """Move the copy into its place, all or nothing. The next restore removes what a crash leaves."""
    note = home.path / RESTORING
    note.write_text(json.dumps([found.snapshot, *found.files]), encoding="utf-8")
    os.sync()
    try:
        if found.snapshot is not None:
            (partial / found.snapshot).rename(home.snapshots / found.snapshot)
        for name in found.files:
            (partial / name).rename(home.path / name)
    except BaseException:
        _undo(home)
        raise
    os.sync()
    note.unlink()  # before CURRENT is written: from then on the home may be written to
    if found.snapshot is not None:
        home.point_to(found.snapshot)


def _refuse_used(home: Home, found: CheckedBackup) -> None:
    """Refuse a home that is not empty. What an interrupted restore left there does not count.

    :raises SnapshotError: if the home is not empty.
    """
    if home.current() is None and (home.path / RESTORING).exists():
        return
    if home.current() is not None or home.ids() or _databases(home.path):
        raise SnapshotError(f"{home.path}: is in use: expected an empty home; move it away first")
    for name in found.files:
        if (home.path / name).exists():
            raise SnapshotError(f"{home.path / name}: is there already: expected an empty home; move it away first")


def _undo(home: Home) -> None:
    """Remove what an interrupted restore has moved into a home."""
    note = home.path / RESTORING
    try:
        snapshot, *files = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:  # interrupted while the note was written, so nothing was moved
        snapshot, files = None, []
    if snapshot is not None:
        shutil.rmtree(home.snapshots / snapshot, ignore_errors=True)
    for name in files:
        (home.path / name).unlink(missing_ok=True)
    note.unlink()


def _listed(directory: Path, snapshot: str | None) -> list[str]:
    """Return the files that a backup's list names: all but those that the snapshot's manifest lists."""
    names = [path.name for path in [*_databases(directory), *_files(directory)]]
    if snapshot is None:
        return names
    manifest = Home(directory).directory(snapshot) / MANIFEST_FILE
    return [*names, CURRENT_FILE, manifest.relative_to(directory).as_posix()]


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a directory beside the target. It becomes the target if the block succeeds, and is deleted if not."""
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
    """Return a home's other files, such as rules."""
    found = (path for path in directory.iterdir() if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if path.name not in _PASSING and not _passes(path.name))


def _passes(name: str) -> bool:
    return ".sqlite" in name or name.startswith((".", "rejects-")) or name.endswith((".new", ".tmp"))


def _copy_database(path: Path, target: Path) -> None:
    """Copy a database as it is at one moment, even while others write to it."""
    target.touch(path.stat().st_mode & 0o777)
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    except sqlite3.Error as error:
        raise SnapshotError(f"{path}: cannot be copied: {error}") from error
    _check_database(target)


def _refuse_written(path: Path) -> None:
    """Refuse a backup's database that was written to since: a part of it is in the log beside it."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise SnapshotError(
            f"{log}: the backup was written to since it was made: expected none; make one of it with `lienquan backup`"
        )


def _check_database(path: Path) -> None:
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"  # nothing is written beside it
        with closing(sqlite3.connect(uri, uri=True)) as database:
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
