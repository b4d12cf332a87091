"""The audit log: who did what to what, when, from where, and the outcome. Entries are added, never changed.

Owns `audit.sqlite` and all SQL on it. `audit_chain` owns the chain of entries. Knows nothing of HTTP, nor of how an
action is done.

An entry is written and synced before its action. If it cannot be written, the action is not done, so the log knows of
every change. Its outcome is then `allowed`; if the action fails, a second entry says `failed`. Actions that remove
rights (revoking a key, ending a session) are done before their entry, so that a full disk does not keep a key alive. An
entry holds names, ids, counts and reasons in our own words: no text of articles, queries or drafts, and no secret.
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
    """The audit log of one home, created if there is none. Safe to share between threads; each process opens its own.

    Every method raises `NotRecorded` if the file or the secret cannot be used.

    :param secret: The secret that seals entries; by default a file of the home, created when it is first needed.
    :param addresses: How much of an address is stored.
    :param failed: Called for each entry that could not be written.
    :param clock: Seconds since 1970.
    :raises ValueError: if `addresses` is not one of `AddressDetail`.
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
        :param target: The id of the thing acted on.
        :param outcome: `allowed` before the action, `done` after it, `failed`, or the reason of a refusal.
        :param address: The client's address.
        :param detail: Counts, ids and our own words; see `ids` for many ids.
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
        """Add an entry before the block runs, and another one if the block raises.

        :raises NotRecorded: if the first entry cannot be written; then the block does not run.
        """
        number = self.record(action, actor, target, "allowed", address, **detail)
        try:
            yield number
        except Exception as error:
            with suppress(NotRecorded):  # the first entry exists, and the service's log says why the second is missing
                self.record(action, actor, target, "failed", address, of=number, why=type(error).__name__)
            raise

    def record_after(
        self, action: str, actor: Actor, target: str | None = None, address: str | None = None, **detail: Detail
    ) -> bool:
        """Add an entry of a completed action. Return whether it could be written; if not, log that."""
        try:
            self.record(action, actor, target, "done", address, **detail)
        except NotRecorded:
            return False
        return True

    def refused(
        self, reason: str, actor: Actor = ANYONE, target: str | None = None, address: str | None = None
    ) -> None:
        """Add an entry of a refused request, unless its client was refused too often lately.

        The next entry has the number of omitted ones. If an entry cannot be written, the service's log says so, and the
        request stays refused.

        :param reason: A word or two of ours, such as `wrong key`.
        """
        left_out = self._budget.take(reason, origin(address, "network") or "")
        if left_out is None:
            return
        more: dict[str, Detail] = {"left_out": left_out} if left_out else {}
        with suppress(NotRecorded):
            self.record("request.refused", actor, target, reason, address, **more)

    def entries(self) -> Iterator[AuditEntry]:
        """Yield all entries, oldest first; none if nothing was ever recorded."""
        if not self._path.exists():
            return
        with self._reading() as db:
            for row in db.execute(_ROWS):
                yield read(_row(row))

    def verify(self, head: ChainHead | None = None) -> ChainCheck:
        """Check every entry against the one before it and the log's secret.

        :param head: The last entry at an earlier verification; its presence is checked too.
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
        """Remove the entries older than `days`, and return their number.

        A new entry records their number, the last of them, and its hash; from now on the chain begins there.

        :raises NotRecorded: if the log does not verify, since pruning would hide the tampering.
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
            self._held().db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # removed entries leave all files
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
        """Yield the database in one transaction, and the secret. A crash leaves all changes or none."""
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
        """Return the open file. Reopen it if it was replaced, or if another process opened it."""
        if self._open is not None and self._open.is_at(self._path):
            return self._open
        if self._open is not None and self._open.process == os.getpid():
            self._open.db.close()
        elif self._open is not None:
            self._inherited.append(self._open)  # SQLite forbids closing a connection of the parent process
        secret = self._secret()
        database.make(self._path, _SCHEMA)
        db = self._connect()
        found = self._path.stat()
        self._open = _OpenLog(db, secret, os.getpid(), (found.st_dev, found.st_ino))
        return self._open

    def _connect(self) -> sqlite3.Connection:
        db = database.connect(self._path, _FORMAT)
        db.text_factory = bytes  # a damaged file may not hold valid text
        return db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _refusing(self._path), closing(self._connect()) as db:
            db.execute("BEGIN")  # a consistent state of one moment
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
    """Return an entry as stored. In a damaged file, values of the wrong type count as empty."""
    number, *parts = found
    return ChainRow(number, *(part if isinstance(part, bytes) else b"" for part in parts))


def _given(db: sqlite3.Connection) -> int:
    """Return the highest number ever given to an entry."""
    (number,) = db.execute(_GIVEN).fetchone()
    if not isinstance(number, int):
        raise sqlite3.DatabaseError("database is damaged: the number of the last entry is none")
    return number


def _next(db: sqlite3.Connection) -> tuple[int, bytes]:
    """Return the number of the next entry, and the hash that it follows.

    A number is never given twice, so if the last entries are cut off, a visible gap stays.
    """
    last = db.execute(_LAST).fetchone()
    if last is None:
        return _given(db) + 1, START
    row = _row(last)
    return max(_given(db), row.number) + 1, row.hash


def _last_before(db: sqlite3.Connection, before: datetime) -> ChainRow | None:
    """Return the last entry of the log's beginning in which all entries are older than a time."""
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
