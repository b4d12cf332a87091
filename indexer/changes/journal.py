"""The write-ahead log of what the API writes: durable before it is answered, and what the archive is brought up to.

Owns `changes.sqlite`, one row an article: the line that it is to be, or that it is gone. Knows nothing of snapshots but
up to which change one holds, nor of HTTP.

Changes are numbered, and a snapshot that holds one holds all of lesser numbers. So what is not to hold up others, most
of a large bulk and what was set aside for a fault, waits with a negative number, beyond every snapshot, and is
numbered as the last one when it is taken.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from indexer.articles.article import AHEAD, Article
from indexer.articles.columns import micros
from indexer.changes.barred import is_barred
from indexer.changes.changes import (
    NEVER,
    Change,
    Delete,
    FailedChange,
    Outcome,
    PendingChange,
    Put,
    SnapshotVersion,
    Takedown,
    WaitingChanges,
    Withdrawal,
    WriteGuard,
)
from indexer.errors import JournalError
from indexer.files import private

FILE = "changes.sqlite"

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
CREATE INDEX IF NOT EXISTS changes_received ON changes (received);
CREATE TABLE IF NOT EXISTS faults (
    id TEXT PRIMARY KEY, error TEXT NOT NULL, tries INTEGER NOT NULL, again INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS barred (mark BLOB NOT NULL, id TEXT NOT NULL, PRIMARY KEY (mark, id)) WITHOUT ROWID;
"""
_WAIT_SECONDS = 10.0
_AGAIN_SECONDS = 0.1
_OVERWRITES = 1
"""The `user_version` of files whose free pages hold nothing."""

RETRY_SECONDS, RETRY_MOST = 10, 3600
"""After how long a change that was set aside is tried again: at first, doubled with each fault, and at most."""

_AHEAD = AHEAD // timedelta(microseconds=1)
_TIME = f"iif(updated > received + {_AHEAD} AND updated < {NEVER}, received, updated)"
"""When a change was. Earlier releases took any time; one too far ahead would keep all later ones out."""

_CHANGE = f"seq, changes.id, line, {_TIME}, forced"

_LONG_AGO = -NEVER

_BEHIND = "(SELECT min(0, coalesce(min(seq), 0)) - 1 FROM changes)"
"""The number of what waits behind all that waits."""

_LONGEST_ERROR = 500
_HELD_SECONDS = 3600


class _ArticleState(NamedTuple):
    """What is known of an article before a change of it.

    :param there: Whether it is there.
    :param newest: The latest time that the journal or the snapshot has of it, NEVER where it is taken down.
    :param counts_from: The time from which on a change counts. Of a deletion that is when it was received, so that the
        id is free again, even where the article that was deleted said a later time.
    :param before: Line and time of the last change, None where there is none.
    :param forced: Whether the last change waits, and counts whatever time the snapshot has.
    :param is_ahead: Whether the snapshot's time lies too far ahead to count.
    :param pending: What is to come of it already, None where the snapshot has its last state.
    """

    there: bool
    newest: int
    counts_from: int
    before: tuple[str | None, int] | None = None
    forced: bool = False
    is_ahead: bool = False
    pending: PendingChange | None = None


class Journal:
    """The journal of a home, made where there is none. Safe to use from several threads and processes.

    :raises JournalError: if the file cannot be opened, or holds something else; so do all methods.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._lock = threading.Lock()
        with _told(self.path):
            private.make_home(home)
            private.make_file(self.path)  # SQLite gives the files beside it the same mode
            self._database = self._connect()
            self._database.executescript(_SCHEMA)
            _add_columns(self._database)
            scrub_once(self._database)
            # Asked of a connection that never writes, `data_version` tells of every commit, this process's as well.
            self._watching = self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")  # what is replaced or deleted is overwritten with zeros
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
        """Return how many changes there ever were, 0 where there never was one; the number of the last that has one."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
        return int(str(rows[0][0])) if rows else 0

    def write(
        self,
        changes: Sequence[Put | Delete],
        held: Callable[[str], SnapshotVersion | None] = lambda article_id: None,
        up_to: int = 0,
        now: datetime | None = None,
        later: bool = False,
        guard: WriteGuard | None = None,
    ) -> list[Outcome]:
        """Write changes, all of them or none, synced to disk before this returns.

        A put that is older than what is stored is not applied; without `updated_at` the time of receipt counts. A
        delete without a time is always applied, and frees the id: what is received later counts. A change that is
        forced is applied, too. A stored time that lies too far ahead (`AHEAD`) counts for nothing.

        :param held: Returns what the snapshot that is served holds of an id.
        :param up_to: The last change that this snapshot holds.
        :param now: The time of receipt, the clock's by default.
        :param later: Whether others that are written afterwards may be served before these.
        :param guard: Says which of them may be made, all by default.
        """
        with self._writing() as database:
            if guard is not None:
                guard.begin(changes)
            self._number_after(database, up_to)
            received = self._received(database, now)
            barred = self._barred(database)
            return [
                Outcome(existed=False, applied=False, taken_down=True)
                if isinstance(change, Put) and barred and is_barred(change.article.line(), barred)
                else self._write_one(database, change, held, up_to, received, later, guard)
                for change in changes
            ]

    def settle(self) -> None:
        """Wait until all that is being written now is written, or refused."""
        with self._writing():
            pass

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
        (last,) = database.execute("SELECT max(received) FROM changes").fetchone()
        return max(micros(now or datetime.now(UTC)), last or 0)

    def _write_one(
        self,
        database: sqlite3.Connection,
        change: Put | Delete,
        held: Callable[[str], SnapshotVersion | None],
        up_to: int,
        received: int,
        later: bool,
        guard: WriteGuard | None,
    ) -> Outcome:
        article_id = change.article.id if isinstance(change, Put) else change.id
        stored = self._stored(database, article_id, held, up_to, received)
        if guard is not None and guard.refuses(change, stored.pending):
            return Outcome(stored.there, applied=False)
        if stored.newest == NEVER:
            return Outcome(stored.there, isinstance(change, Delete), taken_down=True)
        given = change.updated if isinstance(change, Delete) else _updated(change.article)
        if given is None and isinstance(change, Delete):
            updated = max(received, stored.newest)
        else:
            updated = received if given is None else given
            if updated < stored.counts_from and not change.forced:
                return Outcome(stored.there, applied=False)
        line, seen = None, (NEVER, NEVER)
        if isinstance(change, Put):
            line, seen = (
                json.dumps(change.article.line(), ensure_ascii=False, separators=(",", ":")),
                _seen(change.article),
            )
            if not change.forced and stored.before == (line, updated):  # the same again is no change
                return Outcome(stored.there, applied=True)
        forced = change.forced or stored.forced or updated < stored.newest or stored.is_ahead
        self._insert(database, Change(0, article_id, line, updated, forced), received, seen, later)
        return Outcome(stored.there, applied=True)

    @staticmethod
    def _stored(
        database: sqlite3.Connection,
        article_id: str,
        held: Callable[[str], SnapshotVersion | None],
        up_to: int,
        received: int,
    ) -> _ArticleState:
        """Return what is known of an article before a change of it, in the journal and in a snapshot."""
        columns = f"seq, line, {_TIME}, received, forced"
        row = database.execute(f"SELECT {columns} FROM changes WHERE id = ?", (article_id,)).fetchone()  # noqa: S608
        waits = row is not None and (row[0] > up_to or row[0] < 0)
        known = None if waits else held(article_id)
        there = row[1] is not None if waits else known is not None
        in_snapshot = known.updated if known is not None and known.updated is not None else _LONG_AGO
        is_ahead = in_snapshot > received + _AHEAD  # of an earlier release, which took any time
        in_snapshot = _LONG_AGO if is_ahead else in_snapshot
        if row is None:
            return _ArticleState(there, in_snapshot, in_snapshot, is_ahead=is_ahead)
        _, line, updated, at, forced = row
        counts_from = min(updated, at) if line is None and updated != NEVER else updated
        return _ArticleState(
            *(there, max(updated, in_snapshot), max(counts_from, in_snapshot), (line, updated)),
            pending=PendingChange(line) if waits else None,
            forced=waits and bool(forced),
            is_ahead=is_ahead,
        )

    @staticmethod
    def _insert(
        database: sqlite3.Connection,
        change: Change,
        received: int,
        seen: tuple[int, int],
        later: bool = False,
    ) -> None:
        """Write a change, which gets its number now."""
        database.execute("DELETE FROM faults WHERE id = ?", (change.id,))
        database.execute(
            "INSERT OR REPLACE INTO changes (seq, id, line, updated, forced, received, published, unpublish) "  # noqa: S608
            f"VALUES ({_BEHIND if later else 'NULL'}, ?, ?, ?, ?, ?, ?, ?)",
            (*change[1:], received, *seen),
        )
        if later:
            database.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'changes'")

    def take(self, after: int, most: int = -1, behind: int = -1) -> list[Change]:
        """Return the changes after one, in their order, then what waits behind them, which gets its number now.

        What was set aside is not among them.

        :param after: The last change that is held already.
        :param most: How many at most; all by default.
        :param behind: How many at most of those that wait behind; they are taken where nothing else is, or all is.
        """
        ordinary = f"SELECT {_CHANGE} FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        rows = self._rows(ordinary, (max(0, after), most))
        found = [Change(*row) for row in rows]  # type: ignore[arg-type]
        if behind == 0 or (found and most >= 0):
            return found
        statement = (
            f"SELECT {_CHANGE} FROM changes "  # noqa: S608
            "WHERE seq < 0 AND id NOT IN (SELECT id FROM faults) ORDER BY seq DESC LIMIT ?"
        )
        return found + self._number(statement, (behind,), after)

    def take_again(self, after: int, now: datetime | None = None) -> list[Change]:
        """Return one change that was set aside and is due to be tried again, if there is one; it gets a number now.

        :param after: The last change that is held already.
        :param now: The clock's time by default.
        """
        statement = (
            f"SELECT {_CHANGE} FROM changes JOIN faults ON faults.id = changes.id "  # noqa: S608
            "WHERE seq < 0 AND again <= ? ORDER BY again LIMIT 1"
        )
        return self._number(statement, (micros(now or datetime.now(UTC)),), after)

    def _number(self, statement: str, values: Sequence[object], after: int) -> list[Change]:
        """Return what a statement finds of what waits behind, numbered after all others, and after one."""
        if not self._rows(statement, values):  # asked all the time; writing would wait for others
            return []
        with self._writing() as database:
            self._number_after(database, after)
            found = []
            for seq, *rest in database.execute(statement, values).fetchall():
                database.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'changes'")
                (number,) = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
                database.execute("UPDATE changes SET seq = ? WHERE seq = ?", (number, seq))
                found.append(Change(number, *rest))
        return found

    def set_aside(self, change: Change, error: str, now: datetime | None = None) -> FailedChange | None:
        """Have a change wait that cannot be brought into a snapshot, so that it stops no other; longer each time.

        :return: None where the article was written anew meanwhile.
        """
        with self._writing() as database:
            if not database.execute(
                f"UPDATE changes SET seq = {_BEHIND} WHERE seq = ? AND id = ?",  # noqa: S608
                (change.seq, change.id),
            ).rowcount:
                return None
            known = database.execute("SELECT tries FROM faults WHERE id = ?", (change.id,)).fetchone()
            tries = 1 + (known[0] if known else 0)
            wait = min(RETRY_SECONDS << min(tries - 1, 20), RETRY_MOST)
            again = micros(now or datetime.now(UTC)) + 1_000_000 * wait
            row = (change.id, error[:_LONGEST_ERROR], tries, again)
            database.execute("INSERT OR REPLACE INTO faults VALUES (?, ?, ?, ?)", row)
        return _aside(row)

    def aside(self) -> list[FailedChange]:
        """Return what is set aside, and what was and is being tried again."""
        return [_aside(row) for row in self._rows("SELECT id, error, tries, again FROM faults ORDER BY again")]

    def forgive(self, up_to: int) -> None:
        """Forget the faults of changes up to one, which are in a snapshot after all."""
        held = "SELECT id FROM changes WHERE seq BETWEEN 1 AND ?"
        if self._rows("SELECT 1 FROM faults LIMIT 1"):
            with self._writing() as database:
                database.execute(f"DELETE FROM faults WHERE id IN ({held})", (up_to,))  # noqa: S608

    def waiting(self, after: int) -> WaitingChanges:
        """Return what is known of the changes that a snapshot does not hold.

        :param after: The last one that it holds.
        """
        ((changes, oldest),) = self._rows(
            "SELECT count(*), min(received) FROM changes "
            "WHERE (seq > ? OR seq < 0) AND id NOT IN (SELECT id FROM faults)",
            (after,),
        )
        ((aside, down),) = self._rows(
            "SELECT (SELECT count(*) FROM faults), (SELECT count(*) FROM takedowns WHERE lifted_at IS NULL)"
        )
        return WaitingChanges(changes, oldest, aside, down)  # type: ignore[arg-type]

    def tombstones(self, up_to: int) -> list[Change]:
        """Return which articles are gone by changes up to one, so that no source brings them back."""
        gone = f"SELECT {_CHANGE} FROM changes WHERE line IS NULL AND seq BETWEEN 1 AND ?"  # noqa: S608
        rows = self._rows(gone, (up_to,))
        return [Change(*row) for row in rows]  # type: ignore[arg-type]

    def withdrawals(self, after: int, now: int) -> list[Withdrawal]:
        """Return what the changes after one may keep from being seen.

        :param now: In microseconds since 1970; an article that may be seen from then on for ever is not among them.
        """
        rows = self._rows(
            "SELECT id, published, unpublish FROM changes "
            "WHERE (seq > ? OR seq < 0) AND (published > ? OR unpublish < ?)",
            (after, now, NEVER),
        )
        return [Withdrawal(*row) for row in rows]  # type: ignore[arg-type]

    def trim(self, up_to: int, now: datetime | None = None) -> None:
        """Forget the lines of changes up to one, which every snapshot that is kept holds; what is gone stays known.

        What keeps an article from being seen stays for an hour: a process may still serve a snapshot that is deleted.
        """
        moment = micros(now or datetime.now(UTC))
        with self._writing() as database:
            database.execute(
                "DELETE FROM changes WHERE line IS NOT NULL AND seq BETWEEN 1 AND ? "
                "AND (received < ? OR (published <= ? AND unpublish = ?))",
                (up_to, moment - 1_000_000 * _HELD_SECONDS, moment, NEVER),
            )

    def take_down(
        self,
        article_id: str,
        who: str,
        why: str,
        snapshots: Sequence[str],
        lists: Sequence[str],
        up_to: int = 0,
        marks: Collection[bytes] = (),
    ) -> Takedown:
        """Remove an article, and keep it from coming back until that is lifted.

        :param up_to: The last change that any snapshot holds.
        :param marks: What it is known by under another id (`indexer.changes.barred.marks_of`).
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
            self._insert(database, Change(0, article_id, None, NEVER), received, (NEVER, NEVER))
            self._bar(database, article_id, marks)
        return made

    def bar(self, article_id: str, marks: Collection[bytes]) -> None:
        """Add to what an article that is taken down is known by.

        :raises JournalError: if it is not taken down.
        """
        with self._writing() as database:
            if self._in_force(database, article_id) is None:
                raise JournalError(f"id: {article_id!r}: expected an article that is taken down")
            self._bar(database, article_id, marks)

    @staticmethod
    def _bar(database: sqlite3.Connection, article_id: str, marks: Collection[bytes]) -> None:
        rows = ((mark, article_id) for mark in sorted(marks))
        database.executemany("INSERT OR IGNORE INTO barred (mark, id) VALUES (?, ?)", rows)

    @staticmethod
    def _barred(database: sqlite3.Connection) -> frozenset[bytes]:
        return frozenset(mark for (mark,) in database.execute("SELECT mark FROM barred"))

    def barred(self) -> frozenset[bytes]:
        """Return what all articles that are taken down are known by."""
        with self._lock, _told(self.path):
            return self._barred(self._database)

    def barred_by(self, mark: bytes) -> str | None:
        """Return the id of the article that is taken down and known by a mark, None where there is none."""
        rows = self._rows("SELECT id FROM barred WHERE mark = ? LIMIT 1", (mark,))
        return str(rows[0][0]) if rows else None

    def is_taken_down(self, article_id: str) -> bool:
        """Return whether an article is taken down now."""
        with self._lock, _told(self.path):
            return self._in_force(self._database, article_id) is not None

    @staticmethod
    def _in_force(database: sqlite3.Connection, article_id: str) -> str | None:
        """Return when an article was taken down, None where it is not."""
        row = database.execute("SELECT at FROM takedowns WHERE id = ? AND lifted_at IS NULL", (article_id,)).fetchone()
        return None if row is None else str(row[0])

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the archive line of every article that is to be there."""
        for article_id, line in self._rows("SELECT id, line FROM changes WHERE line IS NOT NULL"):
            yield str(article_id), str(line)

    @staticmethod
    def _refuse_second(database: sqlite3.Connection, article_id: str) -> None:
        if (at := Journal._in_force(database, article_id)) is not None:
            raise JournalError(f"id: {article_id!r}: taken down already, at {at}")

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
            database.execute("DELETE FROM barred WHERE id = ?", (article_id,))

    def scrub(self, wait: float = _WAIT_SECONDS) -> None:
        """Overwrite on disk what was forgotten or replaced, so that no line is left in the files.

        :param wait: For how many seconds to wait for others to let go of what they read.
        :raises JournalError: if they do not.
        """
        with self._lock, _told(self.path):
            scrub(self._database, wait)

    def empty_log(self) -> None:
        """Empty the write-ahead log, where old lines lie until they are overwritten; not while others read from it."""
        with self._lock, _told(self.path):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def deleted_before(self, moment: datetime) -> dict[str, int]:
        """Return which articles were deleted before some time and are gone still, each with its time of change.

        What is taken down is not among them: that lasts.
        """
        query = f"SELECT id, {_TIME} FROM changes WHERE line IS NULL AND received < ? AND updated < ?"  # noqa: S608
        return {str(found): int(str(updated)) for found, updated in self._rows(query, (micros(moment), NEVER))}

    def takedowns(self) -> list[Takedown]:
        """Return all takedowns that there ever were, in their order."""
        columns = "id, who, why, at, snapshots, lists, lifted_at, lifted_by"
        rows = self._rows(f"SELECT {columns} FROM takedowns ORDER BY number")  # noqa: S608
        return [
            Takedown(*map(str, row[:4]), *(tuple(json.loads(str(held))) for held in row[4:6]), *row[6:])  # type: ignore[arg-type]
            for row in rows
        ]


def _aside(row: Sequence[object]) -> FailedChange:
    article_id, error, tries, again = row
    moment = datetime.fromtimestamp(int(str(again)) / 1e6, UTC)
    return FailedChange(str(article_id), str(error), int(str(tries)), moment.isoformat(timespec="seconds"))


def _updated(article: Article) -> int | None:
    return None if article.updated_at is None else micros(article.updated_at)


def _seen(article: Article) -> tuple[int, int]:
    """Return from when on and until when an article may be seen, in microseconds since 1970."""
    published = -NEVER if article.published_at is None else micros(article.published_at)
    return published, NEVER if article.unpublish_at is None else micros(article.unpublish_at)


def _add_columns(database: sqlite3.Connection) -> None:
    """Give a file of an earlier release the columns that it lacks."""
    if any(name == "forced" for _, name, *_ in database.execute("PRAGMA table_info(changes)")):
        return
    try:
        database.execute("ALTER TABLE changes ADD COLUMN forced INTEGER NOT NULL DEFAULT 0")
    except sqlite3.OperationalError as error:  # another process was first
        if "duplicate column" not in str(error):
            raise


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def scrub_once(database: sqlite3.Connection) -> None:
    """Write a database anew that is of a release which did not overwrite what it deleted.

    :param database: In autocommit mode.
    """
    if database.execute("PRAGMA user_version").fetchone()[0] < _OVERWRITES:
        database.execute("VACUUM")
        database.execute(f"PRAGMA user_version = {_OVERWRITES}")


def scrub(database: sqlite3.Connection, wait: float = _WAIT_SECONDS) -> None:
    """Write a database anew without its free pages, and empty its write-ahead log.

    :param database: In autocommit mode.
    :raises sqlite3.OperationalError: if others read from it for longer than `wait` seconds.
    """
    until = time.monotonic() + wait
    database.execute("VACUUM")
    while (busy := database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()) and busy[0]:
        if time.monotonic() >= until:
            raise sqlite3.OperationalError("another process reads from it and does not end: try later")
        time.sleep(_AGAIN_SECONDS)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite or the system refuse into an error that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
