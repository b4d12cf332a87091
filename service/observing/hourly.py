"""What is counted by the hour and kept for some days in one SQLite file, without a request ever waiting for it.

Written by a thread of its own, so that neither a slow nor a full disk is felt: what cannot be kept is counted and
forgotten. Several processes may write at once. What is counted is its children's: `query_log`, `clicks.log`.
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

_EVERY = 2.0
"""Seconds between two writings."""
_PATIENCE = 2.0
"""Seconds that a writer waits for another process's."""


class HourlyLog(ABC):
    """The log of one process. Its table has a column `hour`, seconds since 1970 by full hours.

    :param path: The file; made with the first row.
    :param days: For how long rows are kept.
    :param megabytes: How large the file may be; the oldest rows go first.
    :param dropped: Called with how many rows could not be kept.
    """

    what: ClassVar[str]
    """What is kept, for messages."""
    table: ClassVar[str]
    schema: ClassVar[str]
    upsert: ClassVar[str]
    """The statement that adds a row of `totals`."""
    thin: ClassVar[str]
    """The statement that takes away the lesser half where one hour alone is too much."""
    most_waiting: ClassVar[int] = 1000
    """How many rows may wait to be written before they are dropped."""

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
    """Of the file's form; what is of another one is emptied."""

    @abstractmethod
    def totals(self, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return what waits, added up: rows as `upsert` takes them."""

    def rows(self, database: sqlite3.Connection, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return what of that which waits is to be kept: rows as `upsert` takes them.

        :param database: The log's, within a transaction.
        """
        return self.totals(waiting)

    def put(self, row: HourlyRow) -> None:
        """Have a row kept, in time; takes some microseconds and never fails."""
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
        """Write what waits, and no more."""
        self._stopped.set()
        if self._writer is not None:
            self._writer.join(_PATIENCE + 1)

    def _write_on(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopped.wait(_EVERY)
            self.write()

    def write(self) -> None:
        """Write what waits; where that cannot be, say so once and drop it."""
        waiting: list[HourlyRow] = []
        while not self._waiting.empty():
            waiting.append(self._waiting.get_nowait())
        if not waiting:
            return
        try:
            self._keep(waiting)
        except (sqlite3.Error, OSError) as error:  # a full disk, one that cannot be written to, a damaged file
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
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file
            database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;")
            self._renew(database)
            database.executescript(self.schema)
            with _transaction(database):
                database.executemany(self.upsert, self.rows(database, waiting))
                oldest = int(time.time()) - self._days * DAY
                database.execute(f"DELETE FROM {self.table} WHERE hour < ?", (oldest,))  # noqa: S608
            self._shrink(database)

    def _renew(self, database: sqlite3.Connection) -> None:
        """Empty a log of an earlier form: what it holds was kept by other rules."""
        with _transaction(database):
            found = database.execute("PRAGMA user_version").fetchone()[0]
            if found == self.version:
                return
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self.table,)).fetchone():
                logger.warning("%s: was kept in an earlier form, and is emptied", self._path)
                database.execute(f"DROP TABLE {self.table}")
            database.execute(f"PRAGMA user_version = {self.version}")

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Delete the oldest hours until the file is as small as it must be."""
        while _used(database) > self._bytes:
            with _transaction(database):
                two = f"SELECT DISTINCT hour FROM {self.table} ORDER BY hour LIMIT 2"  # noqa: S608
                hours = database.execute(two).fetchall()
                if len(hours) > 1:
                    database.execute(f"DELETE FROM {self.table} WHERE hour = ?", hours[0])  # noqa: S608
                elif not database.execute(self.thin).rowcount:
                    break  # what else is in the file has bounds of its own
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
    """Return how many bytes of the file hold something."""
    size, pages, free = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))


@contextmanager
def reading(path: Path, missing: str) -> Iterator[sqlite3.Connection]:
    """Yield a log's file, opened to be read alone.

    :param missing: What is said where there is none.
    :raises OSError: if there is no log, or none that can be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {missing}")
    try:
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=_PATIENCE)) as database:
            yield database
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error
