"""What readers search for, without anything personal: folded queries by the hour, how often, with how many hits.

No address, no id, no exact time; nothing that looks like an e-mail address, a telephone or an ID number, and nothing so
long that it may be somebody's text. Kept in SQLite, written by a thread of its own, so that neither a slow nor a full
disk is felt by a request: what cannot be kept is counted and forgotten. Several processes may write at once.
"""

from __future__ import annotations

import atexit
import logging
import queue
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from indexer.text import fold

logger = logging.getLogger(__name__)

FILE = "queries.sqlite"
MAX_QUERY = 120
"""Characters; longer ones are pasted texts."""

_HOUR, _DAY = 3600, 24 * 3600
_WAITING = 1000
"""How many queries may wait to be written before they are dropped."""
_EVERY = 2.0
"""Seconds between two writings."""
_PATIENCE = 2.0
"""Seconds that a writer waits for another process's."""

_PERSONAL = re.compile(
    r"\S@\S"  # an e-mail address
    r"|(?:\d[ .\-()]{0,2}){8,}\d"  # nine digits or more: a telephone, an ID card, an account
    r"|\b[a-z]\d{7,8}\b"  # a passport
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS queries (
    hour INTEGER NOT NULL, query TEXT NOT NULL, asked INTEGER NOT NULL, empty INTEGER NOT NULL, hits INTEGER NOT NULL,
    PRIMARY KEY (hour, query)
) WITHOUT ROWID;
"""


class Asked(NamedTuple):
    """What the log says of one query over some days.

    :param asked: How often it was asked.
    :param empty: How often there was no hit.
    :param hits: How many there were last.
    """

    query: str
    asked: int
    empty: int
    hits: int


def kept_as(query: str) -> str | None:
    """Return the form in which a query is kept, None where it must not be."""
    plain = fold(" ".join(query.split()))
    return None if not plain or len(plain) > MAX_QUERY or _PERSONAL.search(plain) else plain


class QueryLog:
    """The log of one process.

    :param path: The file; made with the first query.
    :param days: For how long queries are kept.
    :param megabytes: How large the file may be; the oldest queries go first.
    :param dropped: Called with how many queries could not be kept.
    """

    def __init__(self, path: Path, days: int, megabytes: int, dropped: Callable[[int], None]) -> None:
        self._path = path
        self._days = days
        self._bytes = megabytes * 2**20
        self._dropped = dropped
        self._waiting: queue.SimpleQueue[tuple[int, str, int]] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None
        self._stopped = threading.Event()
        self._failing = False

    def note(self, query: str, hits: int) -> None:
        """Have a query kept, in time; takes some microseconds and never fails."""
        plain = kept_as(query)
        if plain is None:
            return
        if self._waiting.qsize() >= _WAITING:
            self._dropped(1)
            return
        self._waiting.put((int(time.time()) // _HOUR * _HOUR, plain, hits))
        if self._writer is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_on, name="query log", daemon=True)
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
        asked: Counter[tuple[int, str]] = Counter()
        empty: Counter[tuple[int, str]] = Counter()
        last: dict[tuple[int, str], int] = {}
        while not self._waiting.empty():
            hour, query, hits = self._waiting.get_nowait()
            asked[hour, query] += 1
            empty[hour, query] += not hits
            last[hour, query] = hits
        if not asked:
            return
        try:
            self._keep([(*key, asked[key], empty[key], last[key]) for key in asked])
        except (sqlite3.Error, OSError) as error:  # a full disk, one that cannot be written to, a damaged file
            self._dropped(asked.total())
            if not self._failing:
                logger.error("%s: queries are not kept: %s", self._path, error)
            self._failing = True
        else:
            self._failing = False

    def _keep(self, rows: list[tuple[int, str, int, int, int]]) -> None:
        with suppress(FileExistsError):
            self._path.touch(0o600, exist_ok=False)  # for its owner alone
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)) as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file
            database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;" + _SCHEMA)
            with _transaction(database):
                database.executemany(
                    "INSERT INTO queries VALUES (?, ?, ?, ?, ?) ON CONFLICT (hour, query) DO UPDATE SET "
                    "asked = asked + excluded.asked, empty = empty + excluded.empty, hits = excluded.hits",
                    rows,
                )
                oldest = int(time.time()) - self._days * _DAY
                database.execute("DELETE FROM queries WHERE hour < ?", (oldest,))
            self._shrink(database)

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Delete the oldest hours until the file is as small as it must be."""
        while _used(database) > self._bytes:
            with _transaction(database):
                hours = database.execute("SELECT DISTINCT hour FROM queries ORDER BY hour LIMIT 2").fetchall()
                if len(hours) > 1:
                    database.execute("DELETE FROM queries WHERE hour = ?", hours[0])
                else:  # one hour alone is too much: what was asked least goes
                    database.execute(
                        "DELETE FROM queries WHERE query IN (SELECT query FROM queries ORDER BY asked "
                        "LIMIT (SELECT count(*) / 2 + 1 FROM queries))"
                    )
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


def read(path: Path, days: int) -> list[Asked]:
    """Return what was asked in the last days, what was asked most first.

    :raises OSError: if there is no log, or none that can be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no query has been kept: is the setting query_log on?")
    try:
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=_PATIENCE)) as database:
            rows = database.execute(  # beside max(hour), SQLite takes the hits of that hour's row
                "SELECT query, sum(asked), sum(empty), hits, max(hour) FROM queries WHERE hour >= ? "
                "GROUP BY query ORDER BY sum(asked) DESC, query",
                (int(time.time()) - days * _DAY,),
            )
            return [Asked(query, asked, empty, hits) for query, asked, empty, hits, _ in rows]
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error
