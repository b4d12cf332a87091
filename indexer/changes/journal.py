"""The write-ahead log of the API's changes. A change is durable here before the API answers.

Owns `changes.sqlite`, one row for each article: its new line, or the mark that it is deleted. Of a snapshot it knows
only the last change that the snapshot holds. Knows nothing of HTTP.

Changes are numbered. A snapshot that holds a change holds all changes with lower numbers. Some changes must not hold up
others: most of a large bulk, and changes set aside after a fault. They wait with a negative number, which no snapshot
holds, and get the next number when they are taken.
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
"""The `user_version` of files whose free pages are overwritten."""

RETRY_SECONDS, RETRY_MOST = 10, 3600
"""Seconds before a change set aside is tried again: the first time, doubled with each fault, and the most."""

_AHEAD = AHEAD // timedelta(microseconds=1)
_TIME = f"iif(updated > received + {_AHEAD} AND updated < {NEVER}, received, updated)"
"""The time of a change, in SQL. Earlier releases accepted any time; one too far ahead would block all later changes."""

_CHANGE = f"seq, changes.id, line, {_TIME}, forced"

_LONG_AGO = -NEVER

_BEHIND = "(SELECT min(0, coalesce(min(seq), 0)) - 1 FROM changes)"
"""The number, in SQL, of a change that waits behind all others that wait."""

_LONGEST_ERROR = 500
_HELD_SECONDS = 3600


class _ArticleState(NamedTuple):
    """An article's state before a change.

    :param there: Whether it exists.
    :param newest: Its latest time in the journal or the snapshot, NEVER if it is taken down.
    :param counts_from: The time from which on a change counts. For a deletion this is the time of receipt, so that the
        id is free again even if the deleted article had a later time.
    :param before: Line and time of the last change, None if there is none.
    :param forced: Whether the last change waits and applies regardless of the snapshot's time.
    :param is_ahead: Whether the snapshot's time lies too far ahead to count.
    :param pending: Its newest state in the journal, None if the snapshot has it.
    """

    there: bool
    newest: int
    counts_from: int
    before: tuple[str | None, int] | None = None
    forced: bool = False
    is_ahead: bool = False
    pending: PendingChange | None = None


class Journal:
    """The journal of a home, created if there is none. Safe to use from several threads and processes.

    :raises JournalError: if the file cannot be opened, or is not a journal. All methods raise it too.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._lock = threading.Lock()
        with _told(self.path):
            private.make_home(home)
            private.make_file(self.path)  # SQLite gives its other files the same mode
            self._database = self._connect()
            self._database.executescript(_SCHEMA)
            _add_columns(self._database)
            scrub_once(self._database)
            # On a connection that never writes, `data_version` changes with every commit, even of this process.
            self._watching = self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")  # replaced and deleted content is overwritten with zeros
        return database

    @staticmethod
    def of(home: Path) -> Journal | None:
        """Return the journal of a home, None if the API has never written anything."""
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
        """Return a number that changes with each commit of any process. Takes some microseconds."""
        with self._lock, _told(self.path):
            (found,) = self._watching.execute("PRAGMA data_version").fetchone()
        return int(found)

    def last(self) -> int:
        """Return the highest number reached, 0 if there never was a change. A change written `later` raises it too."""
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
        """Write changes, all or none. They are synced to disk before this returns.

        A put or a timed delete that is older than the stored version is not applied; a put without `updated_at` has the
        time of receipt. A delete without a time is always applied, and frees the id: any change received later counts.
        A forced change is applied whatever its time, but not if `guard` refuses it or the article is taken down. A
        stored time that lies too far ahead (`AHEAD`) is ignored.

        :param held: Returns the version of an id in the served snapshot.
        :param up_to: The last change that this snapshot holds.
        :param now: The time of receipt, the clock's by default.
        :param later: Whether changes written afterwards may be served before these.
        :param guard: Decides which changes may be made; all by default.
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
        """Wait until all writes that run now have ended."""
        with self._writing():
            pass

    @staticmethod
    def _number_after(database: sqlite3.Connection, up_to: int) -> None:
        """Ensure that the next change gets a number above the last one that a snapshot holds.

        The file may be new or older than the snapshot; then the change would seem to be in the snapshot already.
        """
        found = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
        if found is None:
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', ?)", (up_to,))
        elif found[0] < up_to:
            database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'", (up_to,))

    @staticmethod
    def _received(database: sqlite3.Connection, now: datetime | None) -> int:
        """Return the time of receipt in microseconds since 1970. It never goes back, even if the clock does."""
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
            if not change.forced and stored.before == (line, updated):  # an equal version is no change
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
        """Return an article's state before a change, from the journal and a snapshot."""
        columns = f"seq, line, {_TIME}, received, forced"
        row = database.execute(f"SELECT {columns} FROM changes WHERE id = ?", (article_id,)).fetchone()  # noqa: S608
        waits = row is not None and (row[0] > up_to or row[0] < 0)
        known = None if waits else held(article_id)
        there = row[1] is not None if waits else known is not None
        in_snapshot = known.updated if known is not None and known.updated is not None else _LONG_AGO
        is_ahead = in_snapshot > received + _AHEAD  # from an earlier release, which accepted any time
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
        """Write a change; it gets its number now."""
        database.execute("DELETE FROM faults WHERE id = ?", (change.id,))
        database.execute(
            "INSERT OR REPLACE INTO changes (seq, id, line, updated, forced, received, published, unpublish) "  # noqa: S608
            f"VALUES ({_BEHIND if later else 'NULL'}, ?, ?, ?, ?, ?, ?, ?)",
            (*change[1:], received, *seen),
        )
        if later:
            database.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'changes'")

    def take(self, after: int, most: int = -1, behind: int = -1) -> list[Change]:
        """Return the numbered changes after one, in order, then those that wait, which get their numbers now.

        Changes set aside are not among them.

        :param after: The last change that the caller has already.
        :param most: The most numbered changes to return; all by default.
        :param behind: The most waiting changes to return; all by default. With `most` given they are taken only if no
            numbered change is found.
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
        """Return a change that was set aside and is due again, if there is one. It gets a number now.

        :param after: The last change that the caller has already.
        :param now: The clock's time by default.
        """
        statement = (
            f"SELECT {_CHANGE} FROM changes JOIN faults ON faults.id = changes.id "  # noqa: S608
            "WHERE seq < 0 AND again <= ? ORDER BY again LIMIT 1"
        )
        return self._number(statement, (micros(now or datetime.now(UTC)),), after)

    def _number(self, statement: str, values: Sequence[object], after: int) -> list[Change]:
        """Return the waiting changes that a statement finds, with new numbers above all others and above `after`."""
        if not self._rows(statement, values):  # this runs all the time; a write would wait for other writers
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
        """Set a faulty change aside, so that it does not stop others. It waits longer each time.

        :return: None if the article was written again meanwhile.
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
        """Return the changes that are set aside, including those that are being tried again."""
        return [_aside(row) for row in self._rows("SELECT id, error, tries, again FROM faults ORDER BY again")]

    def forgive(self, up_to: int) -> None:
        """Forget the faults of changes up to a number, since a snapshot holds them now."""
        held = "SELECT id FROM changes WHERE seq BETWEEN 1 AND ?"
        if self._rows("SELECT 1 FROM faults LIMIT 1"):
            with self._writing() as database:
                database.execute(f"DELETE FROM faults WHERE id IN ({held})", (up_to,))  # noqa: S608

    def waiting(self, after: int) -> WaitingChanges:
        """Return counts of the changes that a snapshot does not hold.

        :param after: The last change that it holds.
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
        """Return the deletions among changes up to a number, so that no source brings these articles back."""
        gone = f"SELECT {_CHANGE} FROM changes WHERE line IS NULL AND seq BETWEEN 1 AND ?"  # noqa: S608
        rows = self._rows(gone, (up_to,))
        return [Change(*row) for row in rows]  # type: ignore[arg-type]

    def withdrawals(self, after: int, now: int) -> list[Withdrawal]:
        """Return the withdrawals by changes after a number: articles that may not be public.

        :param now: In microseconds since 1970. Articles that are public from now on for ever are left out.
        """
        rows = self._rows(
            "SELECT id, published, unpublish FROM changes "
            "WHERE (seq > ? OR seq < 0) AND (published > ? OR unpublish < ?)",
            (after, now, NEVER),
        )
        return [Withdrawal(*row) for row in rows]  # type: ignore[arg-type]

    def trim(self, up_to: int, now: datetime | None = None) -> None:
        """Forget the lines of changes up to a number that every kept snapshot holds. Deletions stay known.

        A change that withdraws an article stays for an hour, since a process may still serve a deleted snapshot.
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
        """Remove an article, and keep it from coming back until the takedown is lifted.

        :param up_to: The last change that any snapshot holds.
        :param marks: The marks that recognise it under another id (`indexer.changes.barred.marks_of`).
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
        """Add marks to an article that is taken down.

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
        """Return the marks of all articles that are taken down."""
        with self._lock, _told(self.path):
            return self._barred(self._database)

    def barred_by(self, mark: bytes) -> str | None:
        """Return the id of the article that is taken down and has this mark, None if there is none."""
        rows = self._rows("SELECT id FROM barred WHERE mark = ? LIMIT 1", (mark,))
        return str(rows[0][0]) if rows else None

    def is_taken_down(self, article_id: str) -> bool:
        """Return whether an article is taken down now."""
        with self._lock, _told(self.path):
            return self._in_force(self._database, article_id) is not None

    @staticmethod
    def _in_force(database: sqlite3.Connection, article_id: str) -> str | None:
        """Return when an article was taken down, None if it is not."""
        row = database.execute("SELECT at FROM takedowns WHERE id = ? AND lifted_at IS NULL", (article_id,)).fetchone()
        return None if row is None else str(row[0])

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the archive line of every article that the journal has a line of."""
        for article_id, line in self._rows("SELECT id, line FROM changes WHERE line IS NOT NULL"):
            yield str(article_id), str(line)

    @staticmethod
    def _refuse_second(database: sqlite3.Connection, article_id: str) -> None:
        if (at := Journal._in_force(database, article_id)) is not None:
            raise JournalError(f"id: {article_id!r}: taken down already, at {at}")

    def lift(self, article_id: str, who: str) -> None:
        """Lift a takedown. The article comes back when the API or a source next writes it.

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
        """Overwrite forgotten and replaced lines on disk, so that none is left in the files.

        :param wait: How many seconds to wait for other readers to end.
        :raises JournalError: if they do not end.
        """
        with self._lock, _told(self.path):
            scrub(self._database, wait)

    def empty_log(self) -> None:
        """Empty the write-ahead log, which still holds old lines, unless others read from it."""
        with self._lock, _told(self.path):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def deleted_before(self, moment: datetime) -> dict[str, int]:
        """Return the articles that were deleted before a time and are still deleted, each with its time of change.

        Articles that are taken down are not among them, since a takedown lasts.
        """
        query = f"SELECT id, {_TIME} FROM changes WHERE line IS NULL AND received < ? AND updated < ?"  # noqa: S608
        return {str(found): int(str(updated)) for found, updated in self._rows(query, (micros(moment), NEVER))}

    def takedowns(self) -> list[Takedown]:
        """Return all takedowns ever made, in order."""
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
    """Return the start and the end of the time in which an article is public, in microseconds since 1970."""
    published = -NEVER if article.published_at is None else micros(article.published_at)
    return published, NEVER if article.unpublish_at is None else micros(article.unpublish_at)


def _add_columns(database: sqlite3.Connection) -> None:
    """Add the columns that a file of an earlier release lacks."""
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
    """Rewrite a database of an old release that did not overwrite deleted content.

    :param database: In autocommit mode.
    """
    if database.execute("PRAGMA user_version").fetchone()[0] < _OVERWRITES:
        database.execute("VACUUM")
        database.execute(f"PRAGMA user_version = {_OVERWRITES}")


def scrub(database: sqlite3.Connection, wait: float = _WAIT_SECONDS) -> None:
    """Rewrite a database without its free pages, and empty its write-ahead log.

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
    """Turn errors of SQLite or the system into one that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
