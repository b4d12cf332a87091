"""The write-ahead log of what the API writes: durable before it is answered, and what the archive is brought up to.

Owns `changes.sqlite`, one row an article: the line that it is to be, or that it is gone. Knows nothing of snapshots but
up to which change one holds, nor of HTTP.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from indexer.article import Article
from indexer.columns import micros
from indexer.errors import JournalError

FILE = "changes.sqlite"

NEVER = (1 << 63) - 1
"""Stands for a time that does not come."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, line TEXT, updated INTEGER NOT NULL,
    received INTEGER NOT NULL, published INTEGER NOT NULL, unpublish INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS takedowns (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
    at TEXT NOT NULL, snapshots TEXT NOT NULL, lists TEXT NOT NULL, lifted_at TEXT, lifted_by TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS takedowns_in_force ON takedowns (id) WHERE lifted_at IS NULL;
"""
_WAIT_SECONDS = 10.0


class Put(NamedTuple):
    """An article that is to be as it is here."""

    article: Article


class Delete(NamedTuple):
    """An article that is to be gone.

    :param updated: When it was deleted, in microseconds since 1970; None where the time of receipt counts.
    """

    id: str
    updated: int | None = None


class Known(NamedTuple):
    """What a snapshot holds of an article.

    :param updated: In microseconds since 1970, None where it does not say.
    :param fingerprint: As `store.Stored` has it.
    """

    updated: int | None
    fingerprint: bytes


class Outcome(NamedTuple):
    """What became of one change.

    :param existed: Whether there was an article of that id.
    :param applied: False where what is stored is newer.
    :param taken_down: Whether the article was taken down, so that it may not come back.
    """

    existed: bool
    applied: bool
    taken_down: bool = False


class Change(NamedTuple):
    """One row of the journal: what an article is to be.

    :param line: The archive line as JSON, None where the article is gone.
    :param updated: In microseconds since 1970: `updated_at`, else the time of receipt; of a takedown NEVER.
    """

    seq: int
    id: str
    line: str | None
    updated: int


class Withdrawal(NamedTuple):
    """Between which times an article may be seen, whatever a snapshot says that does not hold the change yet.

    :param published: The first microsecond since 1970; NEVER where it is gone.
    :param unpublish: The first at which it may no longer be seen.
    """

    id: str
    published: int
    unpublish: int


class Takedown(NamedTuple):
    """The record of a takedown.

    :param snapshots: Which snapshots held the article.
    :param lists: Where it stood: `related:ID` under which articles, `rule:ID` by which rules.
    """

    id: str
    who: str
    why: str
    at: str
    snapshots: tuple[str, ...]
    lists: tuple[str, ...]
    lifted_at: str | None = None
    lifted_by: str | None = None


class Journal:
    """The journal of a home, made where there is none. Safe to use from several threads and processes.

    :raises JournalError: if the file cannot be opened, or holds something else; so do all methods.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._lock = threading.Lock()
        with _told(self.path):
            home.mkdir(parents=True, exist_ok=True)
            self._database = self._connect()
            self._database.executescript(_SCHEMA)
            # Asked of a connection that never writes, `data_version` tells of every commit, this process's as well.
            self._watching = self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        return database

    @staticmethod
    def of(home: Path) -> Journal | None:
        """Return the journal of a home, None where nothing was ever written by the API."""
        return Journal(home) if (home / FILE).exists() else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()
            self._watching.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _told(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._lock, _told(self.path):
            return self._database.execute(statement, values).fetchall()

    def version(self) -> int:
        """Return a number that is another one after each commit, by whatever process; costs some microseconds."""
        with self._lock, _told(self.path):
            (found,) = self._watching.execute("PRAGMA data_version").fetchone()
        return int(found)

    def last(self) -> int:
        """Return the number of the last change, 0 where there never was one."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
        return int(str(rows[0][0])) if rows else 0

    def write(
        self,
        changes: Sequence[Put | Delete],
        held: Callable[[str], Known | None] = lambda article_id: None,
        up_to: int = 0,
        now: datetime | None = None,
    ) -> list[Outcome]:
        """Write changes, all of them or none, synced to disk before this returns.

        A put that is older than what is stored is not applied; without `updated_at` the time of receipt counts. A
        delete without a time always is.

        :param held: Returns what the snapshot that is served holds of an id.
        :param up_to: The last change that this snapshot holds.
        :param now: The time of receipt, the clock's by default.
        """
        with self._writing() as database:
            self._number_after(database, up_to)
            received = self._received(database, now)
            return [self._write_one(database, change, held, up_to, received) for change in changes]

    @staticmethod
    def _number_after(database: sqlite3.Connection, up_to: int) -> None:
        """Have the next change be numbered above one that a snapshot holds, where the file is older than that, or new.

        Else it would be taken for one that the snapshot holds.
        """
        found = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
        if found is None:
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', ?)", (up_to,))
        elif found[0] < up_to:
            database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'", (up_to,))

    @staticmethod
    def _received(database: sqlite3.Connection, now: datetime | None) -> int:
        """Return the time of receipt in microseconds since 1970; it does not go back where the clock does."""
        last = database.execute("SELECT received FROM changes ORDER BY seq DESC LIMIT 1").fetchone()
        return max(micros(now or datetime.now(UTC)), last[0] if last else 0)

    def _write_one(
        self,
        database: sqlite3.Connection,
        change: Put | Delete,
        held: Callable[[str], Known | None],
        up_to: int,
        received: int,
    ) -> Outcome:
        article_id = change.article.id if isinstance(change, Put) else change.id
        row = database.execute("SELECT seq, line, updated FROM changes WHERE id = ?", (article_id,)).fetchone()
        known = None if row is not None and row[0] > up_to else held(article_id)
        existed = row[1] is not None if row is not None and row[0] > up_to else known is not None
        times = [row[2] if row else None, known.updated if known else None]
        stored = max((time for time in times if time is not None), default=None)
        if stored == NEVER:
            return Outcome(existed, isinstance(change, Delete), taken_down=True)
        if isinstance(change, Delete):
            if change.updated is not None and stored is not None and change.updated < stored:
                return Outcome(existed, applied=False)
            updated = max(received, stored or received) if change.updated is None else change.updated
            self._insert(database, article_id, None, updated, received, (NEVER, NEVER))
            return Outcome(existed, applied=True)
        article = change.article
        updated = received if article.updated_at is None else micros(article.updated_at)
        if stored is not None and updated < stored:
            return Outcome(existed, applied=False)
        line = json.dumps(article.line(), ensure_ascii=False, separators=(",", ":"))
        published = -NEVER if article.published_at is None else micros(article.published_at)
        unpublish = NEVER if article.unpublish_at is None else micros(article.unpublish_at)
        if row is None or row[1:] != (line, updated):  # the same again is no change
            self._insert(database, article_id, line, updated, received, (published, unpublish))
        return Outcome(existed, applied=True)

    @staticmethod
    def _insert(
        database: sqlite3.Connection,
        article_id: str,
        line: str | None,
        updated: int,
        received: int,
        seen: tuple[int, int],
    ) -> None:
        database.execute(
            "INSERT OR REPLACE INTO changes (id, line, updated, received, published, unpublish) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (article_id, line, updated, received, *seen),
        )

    def pending(self, after: int, most: int = -1) -> list[Change]:
        """Return the changes after one, in their order.

        :param most: How many at most; all by default.
        """
        rows = self._rows(
            "SELECT seq, id, line, updated FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", (after, most)
        )
        return [Change(*row) for row in rows]  # type: ignore[arg-type]

    def waiting(self, after: int) -> tuple[int, datetime | None]:
        """Return how many changes come after one, and when the first of them was received."""
        ((count, first),) = self._rows("SELECT count(*), min(received) FROM changes WHERE seq > ?", (after,))
        since = None if first is None else datetime.fromtimestamp(int(str(first)) / 1_000_000, UTC)
        return int(str(count)), since

    def tombstones(self, up_to: int) -> list[Change]:
        """Return which articles are gone by changes up to one, so that no source brings them back."""
        rows = self._rows("SELECT seq, id, line, updated FROM changes WHERE line IS NULL AND seq <= ?", (up_to,))
        return [Change(*row) for row in rows]  # type: ignore[arg-type]

    def withdrawals(self, after: int, now: int) -> list[Withdrawal]:
        """Return what the changes after one may keep from being seen.

        :param now: In microseconds since 1970; an article that may be seen from then on for ever is not among them.
        """
        rows = self._rows(
            "SELECT id, published, unpublish FROM changes WHERE seq > ? AND (published > ? OR unpublish < ?)",
            (after, now, NEVER),
        )
        return [Withdrawal(*row) for row in rows]  # type: ignore[arg-type]

    def trim(self, up_to: int) -> None:
        """Forget the lines of changes up to one, which every snapshot that is kept holds; what is gone stays known."""
        with self._writing() as database:
            database.execute("DELETE FROM changes WHERE line IS NOT NULL AND seq <= ?", (up_to,))

    def take_down(
        self, article_id: str, who: str, why: str, snapshots: Sequence[str], lists: Sequence[str], up_to: int = 0
    ) -> Takedown:
        """Remove an article, and keep its id from coming back until that is lifted.

        :param up_to: The last change that any snapshot holds.

        :raises JournalError: if it is taken down already.
        """
        made = Takedown(article_id, who, why, _stamp(), tuple(snapshots), tuple(lists))
        with self._writing() as database:
            self._refuse_second(database, article_id)
            database.execute(
                "INSERT INTO takedowns (id, who, why, at, snapshots, lists) VALUES (?, ?, ?, ?, ?, ?)",
                (article_id, who, why, made.at, json.dumps(snapshots), json.dumps(lists)),
            )
            self._number_after(database, up_to)
            received = self._received(database, None)
            self._insert(database, article_id, None, NEVER, received, (NEVER, NEVER))
        return made

    @staticmethod
    def _refuse_second(database: sqlite3.Connection, article_id: str) -> None:
        found = database.execute(
            "SELECT at FROM takedowns WHERE id = ? AND lifted_at IS NULL", (article_id,)
        ).fetchone()
        if found is not None:
            raise JournalError(f"id: {article_id!r}: taken down already, at {found[0]}")

    def lift(self, article_id: str, who: str) -> None:
        """Let the article of a takedown come back; it does so when it is next written, by the API or a source.

        :raises JournalError: if it is not taken down.
        """
        with self._writing() as database:
            lifted = database.execute(
                "UPDATE takedowns SET lifted_at = ?, lifted_by = ? WHERE id = ? AND lifted_at IS NULL",
                (_stamp(), who, article_id),
            )
            if not lifted.rowcount:
                raise JournalError(f"id: {article_id!r}: expected an article that is taken down")
            database.execute("UPDATE changes SET updated = -1 WHERE id = ? AND line IS NULL", (article_id,))

    def scrub(self) -> None:
        """Overwrite on disk what was forgotten or replaced, so that no line is left in the files."""
        with self._lock, _told(self.path):
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def takedowns(self) -> list[Takedown]:
        """Return all takedowns that there ever were, in their order."""
        columns = "id, who, why, at, snapshots, lists, lifted_at, lifted_by"
        rows = self._rows(f"SELECT {columns} FROM takedowns ORDER BY number")  # noqa: S608
        return [
            Takedown(*map(str, row[:4]), *(tuple(json.loads(str(held))) for held in row[4:6]), *row[6:])  # type: ignore[arg-type]
            for row in rows
        ]


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite or the system refuse into an error that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
