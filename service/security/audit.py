"""The audit log: who did what, on what, when, from where, and what came of it. Entries are added, never changed.

Owns `audit.sqlite`, the actions that there are, and what of an address is kept; all SQL over them. What ties entries
together is `audit_chain`'s. Knows nothing of HTTP, nor of how any action is done.

An entry is written and synced before what it tells of is done, and that is not done where it cannot be written: so
nothing is changed that the log does not know. Its outcome is then `allowed`; a second entry says `failed` where nothing
came of it. What takes rights away (a key revoked, a session ended) is done first, so that a full disk does not keep a
key alive. An entry holds names, ids, counts and reasons in words of ours: no text of articles, queries or drafts, and
no secret.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args

from service.errors import NotReady, NotRecorded
from service.files import database
from service.security import audit_chain
from service.security.audit_addresses import AddressDetail, origin
from service.security.audit_chain import PRUNED, START, ChainCheck, ChainHead, ChainRow
from service.security.audit_entries import ANYONE, Actor, AuditEntry, Detail, read, said, written
from service.security.refusal_budget import RefusalBudget
from service.security.sessions import secret_of

logger = logging.getLogger(__name__)

FILE = "audit.sqlite"
SECRET_FILE = "audit.key"  # noqa: S105

_FORMAT = 1
_KEEPS = (
    "CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END"
)
_SCHEMA = f"""
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, hash BLOB NOT NULL, mac BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_are_as_written BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
{_KEEPS};
PRAGMA user_version = {_FORMAT};
"""
_LAST = "SELECT number, content, hash, mac FROM entries ORDER BY number DESC LIMIT 1"
_GIVEN = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'"
_ROWS = "SELECT number, content, hash, mac FROM entries ORDER BY number"
_CHECKPOINT = """
SELECT number, content, hash, mac FROM entries WHERE content LIKE ? ORDER BY number DESC LIMIT 1
"""


class AuditLog:
    """The audit log of one home, made where there is none. Safe to share between threads; each process opens its own.

    Every method raises `NotRecorded` where the file, or the secret, cannot be used.

    :param secret: What entries are sealed with; a file of the home by default, made when it is first needed.
    :param addresses: How much of an address is kept.
    :param failed: Called for each entry that could not be written.
    :param clock: Seconds since 1970.
    """

    def __init__(
        self,
        home: Path,
        secret: str | None = None,
        addresses: AddressDetail = "network",
        failed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if addresses not in get_args(AddressDetail):
            raise ValueError(f"addresses: {addresses!r}: expected one of {', '.join(get_args(AddressDetail))}")
        self._home, self._path, self._given = home, home / FILE, secret
        self._addresses = addresses
        self._failed = failed
        self._clock = clock
        self._lock = threading.Lock()
        self._open: _OpenLog | None = None
        self._inherited: list[_OpenLog] = []
        self._budget = RefusalBudget()

    def record(
        self,
        action: str,
        actor: Actor,
        target: str | None = None,
        outcome: str = "allowed",
        address: str | None = None,
        **detail: Detail,
    ) -> int:
        """Add an entry, synced to disk before this returns, and return its number.

        :param action: One of `ACTIONS`.
        :param target: The id of what it is done to.
        :param outcome: `allowed` before it is done, `done` after it, `failed`, or why it was refused.
        :param address: Of whom the request comes from.
        :param detail: Counts, ids and words of ours; see `ids` for many.
        :raises ValueError: if there is no such action.
        :raises NotRecorded: if it cannot be written.
        """
        told = said(action, actor, target, outcome, origin(address, self._addresses), detail)
        with self._writing() as (db, secret):
            return self._append(db, secret, told)

    @contextmanager
    def recording(
        self, action: str, actor: Actor, target: str | None = None, address: str | None = None, **detail: Detail
    ) -> Iterator[int]:
        """Add an entry before what is done within, and another one if that raises.

        :raises NotRecorded: if the first cannot be written; nothing is done then.
        """
        number = self.record(action, actor, target, "allowed", address, **detail)
        try:
            yield number
        except Exception as error:
            with suppress(NotRecorded):  # the first tells of it, and the log of the service why the second is missing
                self.record(action, actor, target, "failed", address, of=number, why=type(error).__name__)
            raise

    def record_after(
        self, action: str, actor: Actor, target: str | None = None, address: str | None = None, **detail: Detail
    ) -> bool:
        """Add an entry of what is done already, and return whether it could be written; the log says so if not."""
        try:
            self.record(action, actor, target, "done", address, **detail)
        except NotRecorded:
            return False
        return True

    def refused(
        self, reason: str, actor: Actor = ANYONE, target: str | None = None, address: str | None = None
    ) -> None:
        """Add an entry of a request that was refused, unless its client was refused too often just now.

        The next entry says how many were left out. One that cannot be written is told in the service's log: what was
        refused stays refused.

        :param reason: In a word or two of ours, such as `wrong key`.
        """
        left_out = self._budget.take(reason, origin(address, "network") or "")
        if left_out is None:
            return
        more: dict[str, Detail] = {"left_out": left_out} if left_out else {}
        with suppress(NotRecorded):
            self.record("request.refused", actor, target, reason, address, **more)

    def entries(self) -> Iterator[AuditEntry]:
        """Yield all entries, the first one first; none where nothing was ever recorded."""
        if not self._path.exists():
            return
        with self._reading() as db:
            for row in db.execute(_ROWS):
                yield read(_row(row))

    def verify(self, head: ChainHead | None = None) -> ChainCheck:
        """Check every entry against the one before it and the log's secret.

        :param head: What `verify` said was the last entry once; that it is still there is checked too.
        """
        try:
            secret = self._secret(make=False)
        except NotRecorded as error:
            told: tuple[str, ...] = (f"the log's secret cannot be had: {error.detail}",)
            return _told(self._verify(None, head), told) if self._path.exists() else _nothing(head)
        if not self._path.exists():
            gone = () if self._given is not None else (f"{SECRET_FILE} is there, but {FILE}, which it sealed, is gone",)
            return _told(_nothing(head), gone)
        return self._verify(secret, head)

    def _verify(self, secret: bytes | None, head: ChainHead | None) -> ChainCheck:
        try:
            with self._reading() as db:
                return _check(db, secret, head)
        except NotRecorded as error:
            return ChainCheck(0, None, (error.detail,))

    def prune(self, days: int, actor: Actor) -> int:
        """Remove the entries that are older than so many days, and return how many.

        A last entry says how many there were, up to which, and its hash, so that the chain begins there from now on.

        :raises NotRecorded: if the log does not verify: pruning would hide what was done to it.
        """
        if not self._path.exists():
            return 0
        before = datetime.fromtimestamp(self._clock(), UTC) - timedelta(days=days)
        with self._writing() as (db, secret):
            if problems := _check(db, secret, None).problems:
                raise NotRecorded(f"nothing was removed: the log does not verify: {problems[0]}")
            old = _last_before(db, before)
            if old is None:
                return 0
            removed = db.execute("SELECT count(*) FROM entries WHERE number <= ?", (old.number,)).fetchone()[0]
            detail: dict[str, Detail] = {"removed": removed, "up_to": old.number, "hash": old.hash.hex()}
            self._append(db, secret, said(PRUNED, actor, None, "done", None, detail))
            db.execute("PRAGMA secure_delete = ON")
            db.execute("DROP TRIGGER entries_stay")
            db.execute("DELETE FROM entries WHERE number <= ?", (old.number,))
            db.execute(_KEEPS)
        with self._lock, _refusing(self._path):
            self._held().db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what was removed is in no file any more
        return int(removed)

    def _append(self, db: sqlite3.Connection, secret: bytes, told: dict[str, Any]) -> int:
        number, before = _next(db)
        content = written(number, datetime.fromtimestamp(self._clock(), UTC), told)
        entry_hash = audit_chain.link(before, content)
        row = (number, content.decode(), entry_hash, audit_chain.seal(secret, entry_hash))
        db.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
        return number

    def _secret(self, make: bool = True) -> bytes:
        if not make and self._given is None and not (self._home / SECRET_FILE).exists():
            raise NotRecorded(f"{SECRET_FILE} is not there")
        try:
            return secret_of(self._home, self._given, SECRET_FILE)
        except NotReady as error:
            raise NotRecorded(error.detail) from None

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, bytes]]:
        """Yield the file in one transaction, and the secret; a crash leaves all of it or nothing."""
        try:
            with self._lock, _refusing(self._path):
                held = self._held()
                held.db.execute("BEGIN IMMEDIATE")
                try:
                    yield held.db, held.secret
                except BaseException:
                    held.db.execute("ROLLBACK")
                    raise
                held.db.execute("COMMIT")
        except NotRecorded:
            self._failed()
            raise

    def _held(self) -> _OpenLog:
        """Return the open file: the one that is there, which may have been put in its place, and this process's own."""
        if self._open is not None and self._open.is_at(self._path):
            return self._open
        if self._open is not None and self._open.process == os.getpid():
            self._open.db.close()
        elif self._open is not None:
            self._inherited.append(self._open)  # SQLite forbids to close what a parent opened
        secret = self._secret()
        database.make(self._path, _SCHEMA)
        db = self._connect()
        found = self._path.stat()
        self._open = _OpenLog(db, secret, os.getpid(), (found.st_dev, found.st_ino))
        return self._open

    def _connect(self) -> sqlite3.Connection:
        db = database.connect(self._path, _FORMAT)
        db.text_factory = bytes  # of a damaged file it may be no text
        return db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _refusing(self._path), closing(self._connect()) as db:
            db.execute("BEGIN")  # all of it as it is at one moment
            yield db


class _OpenLog(NamedTuple):
    db: sqlite3.Connection
    secret: bytes
    process: int
    file: tuple[int, int]

    def is_at(self, path: Path) -> bool:
        try:
            found = path.stat()
        except OSError:
            return False
        return self.process == os.getpid() and self.file == (found.st_dev, found.st_ino)


def _check(db: sqlite3.Connection, secret: bytes | None, head: ChainHead | None) -> ChainCheck:
    checkpoint = db.execute(_CHECKPOINT, (f'%"action":"{PRUNED}"%',)).fetchone()
    rows = (_row(row) for row in db.execute(_ROWS))
    return audit_chain.check(rows, secret, _given(db), _row(checkpoint) if checkpoint else None, head)


def _row(found: Sequence[Any]) -> ChainRow:
    """Return an entry as it is stored; of a damaged file, parts may be of another kind, which counts as nothing."""
    number, *parts = found
    return ChainRow(number, *(part if isinstance(part, bytes) else b"" for part in parts))


def _given(db: sqlite3.Connection) -> int:
    """Return the last number that was ever given to an entry."""
    (number,) = db.execute(_GIVEN).fetchone()
    if not isinstance(number, int):
        raise sqlite3.DatabaseError("database is damaged: the number of the last entry is none")
    return number


def _next(db: sqlite3.Connection) -> tuple[int, bytes]:
    """Return the number that the next entry has, and the hash that it follows.

    A number is never given twice: where the last entries were cut off, the gap stays for all to see.
    """
    last = db.execute(_LAST).fetchone()
    if last is None:
        return _given(db) + 1, START
    row = _row(last)
    return max(_given(db), row.number) + 1, row.hash


def _last_before(db: sqlite3.Connection, before: datetime) -> ChainRow | None:
    """Return the last of the entries at the log's beginning that are all older than a time."""
    found = None
    for stored in db.execute(_ROWS):
        row = _row(stored)
        if read(row).at >= before:
            break
        found = row
    return found


def _nothing(head: ChainHead | None) -> ChainCheck:
    return audit_chain.check((), None, 0, None, head)


def _told(found: ChainCheck, problems: tuple[str, ...]) -> ChainCheck:
    return ChainCheck(found.entries, found.head, problems + found.problems)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        with database.telling_of_damage():
            yield
    except (sqlite3.Error, OSError) as error:
        logger.error("%s: cannot be used: %s", path, error)
        raise NotRecorded("the audit log cannot be used; the service's log says why") from None
