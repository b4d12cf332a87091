"""The keys that let in who may write, change rules or use the newsroom's pages: a store of them beside the snapshots.

Owns their form, their hashes and when each was used last. Knows nothing of HTTP, nor of what a scope opens.

A key's secret is 256 random bits, so its SHA-256 can be neither reversed nor guessed; a slow hash protects secrets that
people choose, and would only make every write slower. Nothing is remembered between uses: the file is asked each time,
so that a key that was revoked opens nothing any more, in any process.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from indexer.article import shown
from service.errors import NotReady
from service.files import database

logger = logging.getLogger(__name__)

FILE = "keys.sqlite"

Scope = Literal["ingest", "rules", "newsroom"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

LONGEST_NAME = 100
USE_SECONDS = 60
"""For so long after a use is written, no other is."""

_FORMAT = 1
_SCHEMA = f"""
CREATE TABLE keys (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER, revoked INTEGER
) STRICT;
CREATE TABLE ended (session TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
PRAGMA user_version = {_FORMAT};
"""
_TEXT = re.compile(r"lq_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ONE = "SELECT hash, id, name, scopes, created, last_used, revoked FROM keys WHERE id = ?"
_ALL = "SELECT hash, id, name, scopes, created, last_used, revoked FROM keys ORDER BY created, rowid"
_OF_SESSION = """
SELECT hash, id, name, scopes, created, last_used, revoked FROM keys
WHERE id = ? AND NOT EXISTS (SELECT 1 FROM ended WHERE session = ?)
"""
_NOBODY = hashlib.sha256(b"").digest()


@dataclass(frozen=True)
class Key:
    """What is known of a key; its secret is not.

    :param id: The part of it that may be shown.
    :param created: Seconds since 1970, as the other times; None where it never was.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: int
    last_used: int | None = None
    revoked: int | None = None


class KeyStore:
    """The keys of one home. Safe to share between threads and processes; nothing is written before the first key.

    Every method raises `NotReady` where the file cannot be read: nobody is let in then.

    :param home: Where snapshots live; made where it is not there, once a key is.
    :param clock: Seconds since 1970.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / FILE
        self._clock = clock

    def create(self, name: str, scopes: Iterable[Scope]) -> tuple[Key, str]:
        """Make a key and return it and its text, which is kept nowhere.

        :raises ValueError: if the name cannot be shown, or no scope or an unknown one is given.
        """
        wanted = set(scopes)
        if not wanted or not wanted <= set(SCOPES):
            raise ValueError(f"scope: {shown(sorted(wanted))}: expected one or more of {', '.join(SCOPES)}")
        name = " ".join(name.split())
        if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"name: {shown(name)}: expected 1 to {LONGEST_NAME} characters that can be shown")
        key = Key(secrets.token_hex(6), name, tuple(s for s in SCOPES if s in wanted), int(self._clock()))
        secret = secrets.token_urlsafe(32)
        with self._refusing():
            database.make(self._path, _SCHEMA)
        with self._opened() as db:
            row = (key.id, _digest(secret), key.name, " ".join(key.scopes), key.created)
            db.execute("INSERT INTO keys (id, hash, name, scopes, created) VALUES (?, ?, ?, ?, ?)", row)
        return key, f"lq_{key.id}_{secret}"

    def all(self) -> list[Key]:
        """Return every key, revoked ones too, in the order in which they were made."""
        return [key for _, key in self._asked(_ALL)]

    def ever(self, scope: Scope) -> bool:
        """Return whether a key of this scope was ever made, be it revoked by now."""
        return any(scope in key.scopes for key in self.all())

    def revoke(self, key_id: str) -> Key:
        """Revoke a key, from now on and for good; one that was revoked before stays as it was.

        :raises ValueError: if there is no key of that id.
        """
        found = self._by_id(key_id)
        if found is None:
            raise ValueError(f"id: {shown(key_id)}: expected the id of a key (`lienquan keys list`)")
        with self._opened() as db:
            db.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (int(self._clock()), key_id))
        return self._by_id(key_id) or found

    def find(self, text: str) -> Key | None:
        """Return the key of this text, revoked or not, None where there is none; in constant time.

        A use of one that is not revoked is written down.
        """
        parts = _TEXT.fullmatch(text)
        if parts is None:
            return None
        kept, key = next(iter(self._asked(_ONE, parts[1])), (_NOBODY, None))
        return self._used(key) if hmac.compare_digest(_digest(parts[2]), kept) else None

    def of_session(self, key_id: str, session: str) -> Key | None:
        """Return the key that somebody signed in with, None where there is none, or the session was ended."""
        return self._used(next((key for _, key in self._asked(_OF_SESSION, key_id, session)), None))

    def end(self, session: str, until: float) -> None:
        """End a session, in every process.

        :param until: When it would have ended by itself; what is past that is forgotten.
        """
        with self._opened() as db:
            db.execute("DELETE FROM ended WHERE until < ?", (int(self._clock()),))
            db.execute("INSERT OR IGNORE INTO ended VALUES (?, ?)", (session, int(until)))

    def _by_id(self, key_id: str) -> Key | None:
        return next((key for _, key in self._asked(_ONE, key_id)), None)

    def _asked(self, sql: str, *values: str) -> list[tuple[bytes, Key]]:
        """Return the hashes of keys, and the keys."""
        if not self._path.exists():
            return []
        with self._opened() as db:
            return [(row[0], _key(*row[1:])) for row in db.execute(sql, values)]

    def _used(self, key: Key | None) -> Key | None:
        """Write down that a key is used now, unless that was done a moment ago; failing that, let it be used."""
        now = int(self._clock())
        if key is None or key.revoked is not None or abs(now - (key.last_used or 0)) < USE_SECONDS:
            return key
        try:
            with self._opened() as db:
                db.execute("UPDATE keys SET last_used = ? WHERE id = ?", (now, key.id))
        except NotReady:
            logger.warning("the last use of key %s could not be written", key.id)
        return key

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one statement or two: one that was put in its place, from a backup say, counts at once."""
        with self._refusing(), database.opened(self._path, _FORMAT) as db:
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


def _key(key_id: str, name: str, scopes: str, *times: int) -> Key:
    return Key(key_id, name, tuple(s for s in SCOPES if s in scopes.split()), *times)
