"""The store of people who are signed in through the newsroom's provider, with their roles, beside the snapshots.

Owns its SQL, the roles, and the stored data of a person: a hash of the provider's name for them, the name to show, the
role, the end. Nothing is kept beyond the end. Knows nothing of tokens, nor of HTTP.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.errors import NotReady
from service.files import database
from service.security.keys import Scope

logger = logging.getLogger(__name__)

FILE = "people.sqlite"

Role = Literal["editor", "chief"]

Permission = Scope | Literal["pins"]
"""A permission that a page needs: a scope of keys, or pinning and blocking in one article's list, which `rules`
includes."""

PERMISSIONS: Mapping[Role, tuple[Permission, ...]] = {
    "editor": ("newsroom", "pins"),
    "chief": ("newsroom", "pins", "rules", "ingest"),
}

LONGEST_NAME = 100

_FORMAT = 1
_SCHEMA = f"""
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, provider_session TEXT, name TEXT NOT NULL, role TEXT NOT NULL,
    configuration TEXT NOT NULL, until INTEGER NOT NULL
) STRICT;
CREATE INDEX by_subject ON sessions (subject);
CREATE TABLE used (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
PRAGMA user_version = {_FORMAT};
"""
_OF_SESSION = "SELECT subject, name, role FROM sessions WHERE id = ? AND configuration = ? AND until > ?"
_END_ALL = "DELETE FROM sessions WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR provider_session = ?2)"


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in through the provider.

    :param subject: A hash of the provider's name for them. Unlike the readable name, they cannot choose it.
    :param name: The readable name.
    """

    subject: str
    name: str
    role: Role

    @property
    def id(self) -> str:
        """Return the shown part of the hash, as long as a key's id."""
        return self.subject[:12]

    @property
    def scopes(self) -> tuple[Permission, ...]:
        """Return their permissions."""
        return PERMISSIONS[self.role]


class PeopleStore:
    """The sessions of people of one home. Safe to share between threads and processes.

    Every method raises `NotReady` if the file cannot be used; then nobody is let in.

    :param home: The directory of snapshots, created if it is missing.
    :param configuration: A mark of the settings that decide on rights. Sessions begun under another one have ended.
    :param clock: Seconds since 1970.
    """

    def __init__(self, home: Path, configuration: str, clock: Callable[[], float] = time.time) -> None:
        self._path = home / FILE
        self._configuration = configuration
        self._clock = clock

    def begin(self, session: str, person: Person, provider_session: str | None, until: float) -> None:
        """Store a person as signed in by a session."""
        row = (session, person.subject, provider_session, person.name, person.role, self._configuration, int(until))
        with self._opened() as db:
            db.execute("DELETE FROM sessions WHERE until < ?", (int(self._clock()),))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def of_session(self, session: str) -> Person | None:
        """Return the person signed in by a session, None if it was ended or never begun."""
        with self._opened() as db:
            row = db.execute(_OF_SESSION, (session, self._configuration, int(self._clock()))).fetchone()
        return None if row is None else Person(*row)

    def end(self, session: str) -> None:
        """End a session, in every process."""
        with self._opened() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (session,))

    def end_all(self, subject: str | None, provider_session: str | None) -> int:
        """End the sessions of a person, or those of one session at the provider, and return their number."""
        if subject is None and provider_session is None:
            return 0
        with self._opened() as db:
            return db.execute(_END_ALL, (subject, provider_session)).rowcount

    def use(self, name: str, until: float) -> bool:
        """Return whether something is used for the first time, even if several try at once.

        :param until: When it would be refused anyway; after that it is forgotten.
        """
        with self._opened() as db:
            db.execute("DELETE FROM used WHERE until < ?", (int(self._clock()),))
            return db.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (name, int(until))).rowcount == 1

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            database.make(self._path, _SCHEMA)
            with database.opened(self._path, _FORMAT) as db:
                yield db
        except (sqlite3.Error, OSError) as error:
            logger.error("%s: cannot be used: %s", self._path, error)
            raise NotReady("the store of people's sessions cannot be used; the log says why") from None


def hashed(issuer: str, name: str) -> str:
    """Return the stored hash of a provider's name for a person or a session."""
    return hashlib.sha256(f"{issuer}\n{name}".encode()).hexdigest()
