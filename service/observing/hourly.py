"""Hourly counts, kept for some days in one SQLite file, without delaying requests.

A thread of its own writes them, so that a slow or full disk delays nobody. Rows that cannot be stored are counted and
dropped. Several processes may write at once. The subclasses decide what is counted: `query_log`, `clicks.log`.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

logger = logging.getLogger(__name__)

HOUR, DAY = 3600, 24 * 3600
HourlyRow = tuple[int | str, ...]

EVERY_SECONDS = 2.0
"""Seconds between two writings."""
_PATIENCE = 2.0
"""Seconds that a writer waits for another process's lock."""


class HourlyLog(ABC):
    """The log of one process. Its table has a column `hour`, seconds since 1970 by full hours.

    :param path: The file, created with the first row.
    :param days: How long rows are kept.
    :param megabytes: The most size of the file; the oldest rows are deleted first.
    :param dropped: Called with the number of rows that could not be stored.
    """

    what: ClassVar[str]
    """The name of the counted things, for messages."""
    table: ClassVar[str]
    schema: ClassVar[str]
    upsert: ClassVar[str]
    """The statement that adds a row of `totals`."""
    thin: ClassVar[str]
    """The statement that deletes the less frequent half, if a single hour is too large."""
    most_waiting: ClassVar[int] = 1000
    """The most rows that may wait to be written; further ones are dropped."""

    def __init__(self, path: Path, days: int, megabytes: int, dropped: Callable[[int], None]) -> None:
        self._path = path
        self._days = days
        self._bytes = megabytes * 2**20
        self._dropped = dropped
        self._waiting: queue.SimpleQueue[HourlyRow] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None
        self._stopped = threading.Event()
        self._failing = False

    version: ClassVar[int] = 0
    """The version of the file's form. A file of another version is emptied."""

    @abstractmethod
    def totals(self, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return the waiting rows, added up, in the form of `upsert`."""

    def rows(self, database: sqlite3.Connection, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return the waiting rows to be stored, in the form of `upsert`.

        :param database: The log's database, within a transaction.
        """
        return self.totals(waiting)

    def put(self, row: HourlyRow) -> None:
        """Queue a row for writing. Takes some microseconds and never fails."""
        if self._waiting.qsize() >= self.most_waiting:
            self._dropped(1)
            return
        self._waiting.put(row)
        if self._writer is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_on, name=f"log of {self.what}", daemon=True)
                self._writer.start()
                atexit.register(self.stop)

    def stop(self) -> None:
        """Write the waiting rows and stop."""
        self._stopped.set()
        if self._writer is not None:
            self._writer.join(_PATIENCE + 1)

    def _write_on(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopped.wait(EVERY_SECONDS)
            self.write()

    def write(self) -> None:
        """Write the waiting rows. If that fails, log it once and drop them."""
        waiting: list[HourlyRow] = []
        while not self._waiting.empty():
            waiting.append(self._waiting.get_nowait())
        if not waiting:
            return
        try:
            self._keep(waiting)
        except (sqlite3.Error, OSError) as error:  # a full or read-only disk, or a damaged file
            self._dropped(len(waiting))
            if not self._failing:
                logger.error("%s: %s are not kept: %s", self._path, self.what, error)
            self._failing = True
        else:
            self._failing = False

    def _keep(self, waiting: Sequence[HourlyRow]) -> None:
        with suppress(FileExistsError):
            self._path.touch(0o600, exist_ok=False)  # for its owner alone
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)) as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # for a new file
            database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;")
            self._renew(database)
            database.executescript(self.schema)
            with _transaction(database):
                database.executemany(self.upsert, self.rows(database, waiting))
                oldest = int(time.time()) - self._days * DAY
                database.execute(f"DELETE FROM {self.table} WHERE hour < ?", (oldest,))  # noqa: S608
            self._shrink(database)

    def _renew(self, database: sqlite3.Connection) -> None:
        """Empty a log of an earlier form, whose rows were stored by other rules."""
        with _transaction(database):
            found = database.execute("PRAGMA user_version").fetchone()[0]
            if found == self.version:
                return
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self.table,)).fetchone():
                logger.warning("%s: was kept in an earlier form, and is emptied", self._path)
                database.execute(f"DROP TABLE {self.table}")
            database.execute(f"PRAGMA user_version = {self.version}")

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Delete the oldest hours until the file is within its size."""
        while _used(database) > self._bytes:
            with _transaction(database):
                two = f"SELECT DISTINCT hour FROM {self.table} ORDER BY hour LIMIT 2"  # noqa: S608
                hours = database.execute(two).fetchall()
                if len(hours) > 1:
                    database.execute(f"DELETE FROM {self.table} WHERE hour = ?", hours[0])  # noqa: S608
                elif not database.execute(self.thin).rowcount:
                    break  # the rest of the file has bounds of its own
        database.execute("PRAGMA incremental_vacuum").fetchall()


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _used(database: sqlite3.Connection) -> int:
    """Return the number of used bytes of the file."""
    size, pages, free = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))


@contextmanager
def reading(path: Path, missing: str) -> Iterator[sqlite3.Connection]:
    """Yield a log's file, opened read-only.

    :param missing: The message if there is no file.
    :raises FileNotFoundError: if there is no log.
    :raises OSError: if it cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {missing}")
    try:
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=_PATIENCE)) as database:
            yield database
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error
