"""The store of keys for writing, for changing rules and for the newsroom's pages, beside the snapshots.

Owns the keys' form, their hashes and the time of their last use. Knows nothing of HTTP, nor of what a scope allows.

A key's secret is 256 random bits, so its SHA-256 can be neither reversed nor guessed. A slow hash protects secrets that
people choose, and would only slow down writes here. Nothing is cached: each use reads the file, so a revoked key stops
working in all processes.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from indexer.articles.article import shown
from service.errors import NotReady
from service.files import database
from service.security.bounds import UNBOUND, Bounds

logger = logging.getLogger(__name__)

FILE = "keys.sqlite"

Scope = Literal["ingest", "reset", "rules", "newsroom", "read"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

LONGEST_NAME = 100
USE_SECONDS = 60
"""Seconds after a stored use in which no other use is stored."""

DAY = 86_400
_HOUR = 3_600
_FORMAT = 2
_SCHEMA = f"""
CREATE TABLE keys (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER, revoked INTEGER, expires INTEGER,
    bounds TEXT NOT NULL DEFAULT '{UNBOUND.stored()}', follows TEXT
) STRICT;
CREATE TABLE ended (session TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
CREATE TABLE deletes (key TEXT NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (key, hour)) STRICT;
PRAGMA user_version = {_FORMAT};
"""
_UPGRADES = {
    1: (
        "ALTER TABLE keys ADD COLUMN expires INTEGER",
        f"ALTER TABLE keys ADD COLUMN bounds TEXT NOT NULL DEFAULT '{UNBOUND.stored()}'",
        "ALTER TABLE keys ADD COLUMN follows TEXT",
        "CREATE TABLE deletes "
        "(key TEXT NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (key, hour)) STRICT",
    )
}
"""Upgrades of files of earlier formats; earlier keys keep all their rights."""

_TEXT = re.compile(r"lq_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_COLUMNS = "SELECT hash, id, name, scopes, created, last_used, revoked, expires, bounds, follows FROM keys"
_ONE = f"{_COLUMNS} WHERE id = ?"
_ALL = f"{_COLUMNS} ORDER BY created, rowid"
_OF_SESSION = f"{_COLUMNS} WHERE id = ? AND NOT EXISTS (SELECT 1 FROM ended WHERE session = ?)"  # noqa: S608
_FOLLOWER = "SELECT id FROM keys WHERE follows = ?"
_NOBODY = hashlib.sha256(b"").digest()


@dataclass(frozen=True)
class Key:
    """A key, without its secret.

    :param id: The public part of it.
    :param created: Seconds since 1970, as are the other times; None for a time that has not happened.
    :param expires: When it ends; None if it never does by itself.
    :param bounds: Its bounds.
    :param follows: The id of the key that it replaces, None if there is none.
    :param expired: Whether it had ended when it was read.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: int
    last_used: int | None = None
    revoked: int | None = None
    expires: int | None = None
    bounds: Bounds = UNBOUND
    follows: str | None = None
    expired: bool = False

    @property
    def counts(self) -> bool:
        """Return whether it is still valid."""
        return self.revoked is None and not self.expired


class KeyStore:
    """The keys of one home. Safe to share between threads and processes; nothing is written before the first key.

    Every method raises `NotReady` if the file cannot be read; then nobody is let in.

    :param home: The directory of snapshots, created with the first key if it is missing.
    :param clock: Seconds since 1970.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / FILE
        self._clock = clock

    def create(
        self, name: str, scopes: Iterable[Scope], expires: int | None = None, bounds: Bounds = UNBOUND
    ) -> tuple[Key, str]:
        """Make a key. Return it and its text, which is not stored.

        :param expires: Seconds since 1970.
        :raises ValueError: if the name cannot be shown, no scope or an unknown one is given, or reset without ingest,
            it has ended already, or it is bound to articles and opens more than writing them.
        """
        key = self.draft(name, scopes, expires, bounds)
        return key, self.put(key)

    def put(self, key: Key) -> str:
        """Store a draft of a key and return its text, which is not stored."""
        secret = secrets.token_urlsafe(32)
        with self._refusing():
            database.make(self._path, _SCHEMA)
        with self._opened() as db:
            _insert(db, key, secret)
        return f"lq_{key.id}_{secret}"

    def draft(
        self,
        name: str,
        scopes: Iterable[Scope],
        expires: int | None = None,
        bounds: Bounds = UNBOUND,
        follows: str | None = None,
    ) -> Key:
        """Return the key that `create` would make. It is not valid before it is `put`.

        :param follows: The id of the key that it replaces.
        :raises ValueError: like `create`.
        """
        wanted, now = set(scopes), int(self._clock())
        if not wanted or not wanted <= set(SCOPES):
            raise ValueError(f"scope: {shown(sorted(wanted))}: expected one or more of {', '.join(SCOPES)}")
        name = " ".join(name.split())
        if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"name: {shown(name)}: expected 1 to {LONGEST_NAME} characters that can be shown")
        if "reset" in wanted and "ingest" not in wanted:
            raise ValueError("scope: reset: expected ingest beside it, for it says how articles are written")
        if expires is not None and expires <= now:
            raise ValueError(f"expires: {_iso(expires)}: expected a time that lies ahead")
        if bounds.bound_articles() and ("ingest" not in wanted or wanted & {"rules", "newsroom"}):
            expected = "expected scope ingest, and neither rules nor newsroom, which no section or source bounds"
            raise ValueError(f"scope: {', '.join(sorted(wanted))}: {expected}")
        ordered = tuple(s for s in SCOPES if s in wanted)
        return Key(secrets.token_hex(6), name, ordered, now, expires=expires, bounds=bounds, follows=follows)

    def rotate(self, key_id: str, overlap: int, expires: int | None = None) -> tuple[Key, str, Key]:
        """Make a key with the same rights, and let the old one end after an overlap in which both are valid.

        :param overlap: The overlap in seconds.
        :param expires: When the new key ends; by default its life is as long as the old one's.
        :return: The new key, its text, and the old key.
        :raises ValueError: if there is no key of that id, it is no longer valid, or it was replaced already.
        """
        secret, now = secrets.token_urlsafe(32), int(self._clock())
        self._there(key_id)
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                _, before = self._row(db.execute(_ONE, (key_id,)).fetchone())
                if not before.counts:
                    state = "revoked" if before.revoked is not None else "ended"
                    raise ValueError(f"id: {shown(key_id)}: expected a key that is not {state}")
                if (follower := db.execute(_FOLLOWER, (key_id,)).fetchone()) is not None:
                    raise ValueError(f"id: {shown(key_id)}: expected the key that follows it, {follower[0]}")
                if expires is None and before.expires is not None:
                    expires = now + max(1, before.expires - before.created)
                key = self.draft(before.name, before.scopes, expires, before.bounds, key_id)
                _insert(db, key, secret)
                ends = min(now + overlap, before.expires or now + overlap)
                db.execute("UPDATE keys SET expires = ? WHERE id = ?", (ends, key_id))
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise
        return key, f"lq_{key.id}_{secret}", self._there(key_id)

    def all(self) -> list[Key]:
        """Return all keys, revoked ones too, in the order of creation."""
        return [key for _, key in self._asked(_ALL)]

    def ever(self, scope: Scope) -> bool:
        """Return whether a key of this scope was ever made, even if it was revoked or has ended."""
        return any(scope in key.scopes for key in self.all())

    def revoke(self, key_id: str) -> Key:
        """Revoke a key for good. A key that was revoked before stays unchanged.

        :raises ValueError: if there is no key of that id.
        """
        found = self._there(key_id)
        with self._opened() as db:
            db.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (int(self._clock()), key_id))
        return self.get(key_id) or found

    def get(self, key_id: str) -> Key | None:
        """Return the key of an id, revoked or not, None if there is none. This does not count as a use."""
        return next((key for _, key in self._asked(_ONE, key_id)), None)

    def _there(self, key_id: str) -> Key:
        found = self.get(key_id)
        if found is None:
            raise ValueError(f"id: {shown(key_id)}: expected the id of a key (`lienquan keys list`)")
        return found

    def take_deletes(self, key: Key, wanted: int) -> int:
        """Count deletes of a key, and return how many of the wanted ones it may still make.

        The count covers all processes and the last 24 hours, to the hour.
        """
        if key.bounds.deletes is None or not wanted:
            return wanted
        hour = int(self._clock()) // _HOUR
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM deletes WHERE hour <= ?", (hour - DAY // _HOUR,))
            (used,) = db.execute("SELECT coalesce(sum(count), 0) FROM deletes WHERE key = ?", (key.id,)).fetchone()
            granted = max(0, min(wanted, key.bounds.deletes - used))
            add = "INSERT INTO deletes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
            db.execute(add, (key.id, hour, granted))
            db.execute("COMMIT")
        return int(granted)

    def find(self, text: str) -> Key | None:
        """Return the key of this text, revoked or not, None if there is none; in constant time.

        A use of a key that is not revoked is stored.
        """
        parts = _TEXT.fullmatch(text)
        if parts is None:
            return None
        kept, key = next(iter(self._asked(_ONE, parts[1])), (_NOBODY, None))
        return self._used(key) if hmac.compare_digest(_digest(parts[2]), kept) else None

    def of_session(self, key_id: str, session: str) -> Key | None:
        """Return the key of a sign-in, None if there is none or the session was ended."""
        return self._used(next((key for _, key in self._asked(_OF_SESSION, key_id, session)), None))

    def end(self, session: str, until: float) -> None:
        """End a session in every process.

        :param until: When it would end by itself; after that it is forgotten.
        """
        with self._opened() as db:
            db.execute("DELETE FROM ended WHERE until < ?", (int(self._clock()),))
            db.execute("INSERT OR IGNORE INTO ended VALUES (?, ?)", (session, int(until)))

    def _asked(self, sql: str, *values: str) -> list[tuple[bytes, Key]]:
        """Return the hashes of keys, and the keys."""
        if not self._path.exists():
            return []
        with self._opened() as db:
            return [self._row(row) for row in db.execute(sql, values)]

    def _row(self, row: Sequence[Any]) -> tuple[bytes, Key]:
        kept, key_id, name, scopes, *times, bounds, follows = row
        opened = tuple(s for s in SCOPES if s in scopes.split())
        created, used, revoked, expires = times
        expired = expires is not None and self._clock() >= expires
        try:
            reach = Bounds.read(bounds)
        except ValueError as error:
            raise sqlite3.DatabaseError(str(error)) from None
        return kept, Key(key_id, name, opened, created, used, revoked, expires, reach, follows, expired)

    def _used(self, key: Key | None) -> Key | None:
        """Store that a key is used now, unless a recent use is stored. If storing fails, the key is still accepted."""
        now = int(self._clock())
        if key is None or not key.counts or abs(now - (key.last_used or 0)) < USE_SECONDS:
            return key
        try:
            with self._opened() as db:
                db.execute("UPDATE keys SET last_used = ? WHERE id = ?", (now, key.id))
        except NotReady:
            logger.warning("the last use of key %s could not be written", key.id)
        return key

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a few statements. If it was replaced, as by a backup, the new one is used at once."""
        with self._refusing(), database.opened(self._path, _FORMAT, _UPGRADES) as db:
            yield db

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            logger.error("%s: cannot be used: %s", self._path, error)
            raise NotReady("the store of keys cannot be used; the log says why") from None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _insert(db: sqlite3.Connection, key: Key, secret: str) -> None:
    names = "id, hash, name, scopes, created, expires, bounds, follows"
    scopes, bounds = " ".join(key.scopes), key.bounds.stored()
    row = (key.id, _digest(secret), key.name, scopes, key.created, key.expires, bounds, key.follows)
    db.execute(f"INSERT INTO keys ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
