"""A small database in a file of its own. Every process that needs it may create, open and write it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from indexer.files import private
from service.files.whole import put_once

Upgrades = Mapping[int, Sequence[str]]
"""Version -> statements that upgrade a file of this version to the next."""

NO_UPGRADES: Upgrades = {}


def make(path: Path, schema: str) -> None:
    """Create the file if there is none: complete, readable by its owner alone, and only once if several processes try.

    :param schema: Statements that make the tables and set `user_version`.
    :raises OSError: if it cannot be written.
    :raises sqlite3.Error: if SQLite fails.
    """
    if path.exists():
        return
    private.make_home(path.parent)
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as directory:
        beside = Path(directory) / path.name
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(_connect(beside)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(schema)
        put_once(beside, path)


@contextmanager
def opened(path: Path, version: int, upgrades: Upgrades = NO_UPGRADES) -> Iterator[sqlite3.Connection]:
    """Open the file for a few statements. A file put in its place meanwhile, such as from a backup, is used at once.

    :param version: The `user_version` that it must have.
    :param upgrades: Upgrades of files of earlier versions.
    :raises sqlite3.Error: if it is missing, of another version, not a database, or locked for too long.
    """
    with closing(connect(path, version, upgrades)) as db, telling_of_damage():
        yield db


@contextmanager
def telling_of_damage() -> Iterator[None]:
    """Turn Python's error for a message of SQLite with bytes of a damaged file into SQLite's own error.

    :raises sqlite3.DatabaseError: instead of Python's error.
    """
    try:
        yield
    except UnicodeDecodeError:
        raise sqlite3.DatabaseError("database is damaged: its names are not UTF-8") from None


def connect(path: Path, version: int, upgrades: Upgrades = NO_UPGRADES) -> sqlite3.Connection:
    """Return an open connection. The caller keeps it, and lets one thread at a time use it.

    :param version: The `user_version` that the file must have.
    :param upgrades: Upgrades of files of earlier versions, made at once by the first process.
    :raises sqlite3.DatabaseError: if it is of another version.
    :raises sqlite3.Error: if it is missing, not a database, or locked for too long.
    """
    db = _connect(path)
    try:
        with telling_of_damage():
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found in upgrades:
                found = _upgrade(db, upgrades)
            if found != version:
                raise sqlite3.DatabaseError(f"format {found}: expected {version}")
            db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def _upgrade(db: sqlite3.Connection, upgrades: Upgrades) -> int:
    """Upgrade a file to the latest version, in one transaction, and return that version."""
    db.execute("PRAGMA synchronous = FULL")
    db.execute("BEGIN IMMEDIATE")
    try:
        (found,) = db.execute("PRAGMA user_version").fetchone()  # another process may have upgraded it already
        while found in upgrades:
            for statement in upgrades[found]:
                db.execute(statement)
            found += 1
            db.execute(f"PRAGMA user_version = {found:d}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return int(found)


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(uri, timeout=5, isolation_level=None, uri=True, check_same_thread=False)


RowTest = Callable[[str, str], bool]
"""Returns whether to delete a row, given the name of a column and its text."""


def forget(path: Path, belongs: RowTest) -> tuple[int, int]:
    """Delete rows of any table, and overwrite them on disk.

    :return: The number of rows, and of their bytes of text; 0 if there is no such file.
    :raises OSError: if it is not a database, or locked for too long.
    """
    if not path.exists():
        return 0, 0
    count = size = 0
    with _told(path), closing(_connect(path)) as db:
        db.execute("PRAGMA secure_delete = ON")
        for table, columns, row in list(_belonging(db, belongs)):
            where = " AND ".join(f'"{name}" IS ?' for name in columns)
            count += db.execute(f'DELETE FROM "{table}" WHERE {where}', row).rowcount  # noqa: S608
            size += sum(len(value.encode()) for value in row if isinstance(value, str))
        if count:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count, size


def mentions(path: Path, belongs: RowTest) -> bool:
    """Return whether any row of a file passes the test. Reads only.

    :raises OSError: if it is not a database.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    with _told(path), closing(sqlite3.connect(uri, uri=True)) as db:
        return next(_belonging(db, belongs), None) is not None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        with telling_of_damage():
            yield
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error


def _belonging(db: sqlite3.Connection, belongs: RowTest) -> Iterator[tuple[str, list[str], tuple[Any, ...]]]:
    """Yield table, columns and values of every row with a text that passes the test."""
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    for (table,) in tables:
        found = db.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        columns = [name for name, *_ in found.description]
        for row in found:
            if any(isinstance(value, str) and belongs(name, value) for name, value in zip(columns, row, strict=True)):
                yield table, columns, row
