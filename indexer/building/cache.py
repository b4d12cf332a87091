"""Vectors encoded for a snapshot that is not published yet, kept so that an interrupted build loses none."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import astuple
from pathlib import Path

import numpy as np

from indexer.files import private
from models.encoder import EncoderIdentity, Vectors

FILE = "encoding.sqlite"

logger = logging.getLogger(__name__)


class VectorCache:
    """Vectors by key on disk, for one encoder and one way of making texts."""

    def __init__(self, home: Path, identity: EncoderIdentity, encoded: str) -> None:
        self._path = home / FILE
        self._space = hashlib.sha256(repr((astuple(identity), encoded)).encode()).hexdigest()
        self._dim = identity.dim
        try:
            self._database = _opened(self._path)
        except sqlite3.DatabaseError as error:  # it only saves work: a damaged one must not stop every build
            logger.warning("%s: %s: starting afresh", self._path, error)
            self._delete()
            self._database = _opened(self._path)

    def get(self, key: bytes) -> Vectors | None:
        """Return the vector of a key, (dim,) float32, or None."""
        row = self._database.execute(
            "SELECT vector FROM vectors WHERE space = ? AND key = ?", (self._space, key)
        ).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32, count=self._dim)

    def put(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep the vectors of these keys, durably before it returns."""
        rows = [(self._space, key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True)]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file, keeping what it holds; an empty one is deleted."""
        with suppress(sqlite3.Error):  # closed already, or not to be read: kept
            if self._database.execute("SELECT 1 FROM vectors LIMIT 1").fetchone() is None:
                self.discard()
        self._database.close()

    def discard(self) -> None:
        """Close and delete the file: its vectors are published."""
        self._database.close()
        self._delete()

    def _delete(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._path.with_name(FILE + end).unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    private.make_file(path)
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute(
            "CREATE TABLE IF NOT EXISTS vectors (space TEXT, key BLOB, vector BLOB, PRIMARY KEY (space, key))"
        )
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def forget(home: Path, keys: Sequence[bytes]) -> tuple[int, int]:
    """Delete the vectors of these keys, of whatever encoder, and overwrite them; a damaged file is deleted.

    :return: How many there were, and of how many bytes.
    """
    path, count, size = home / FILE, 0, 0
    if not path.exists():
        return 0, 0
    try:
        database = _opened(path)
    except sqlite3.DatabaseError:
        size = path.stat().st_size
        for end in ("", "-wal", "-shm"):
            path.with_name(FILE + end).unlink(missing_ok=True)
        return 1, size
    with closing(database), database:
        for key in keys:
            for (vector,) in database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchall():
                count, size = count + 1, size + len(vector)
            database.execute("DELETE FROM vectors WHERE key = ?", (key,))
    return count, size
