"""Counts queries that too few callers have typed, by irreversible marks, until enough callers have.

A mark is an HMAC of the query. Its key is in a file beside the log, readable by its owner alone, and is deleted after
`KEY_DAYS` with all counts made with it. For each caller and each day of a query, two bytes of an HMAC that is bound to
the query are stored: enough to distinguish five callers, too little to show who they were or what else they typed. No
text and no address is written. Without a key, short texts could be found by trying. Somebody with both files can still
try, so the key is deleted in time and stays out of backups.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

KEY_FILE = ".queries.key"
"""Begins with a dot, so that backups leave it out."""
KEY_DAYS = 30
ENOUGH = 5
"""The number of callers, or of days, after which a query may be stored."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS rare (mark BLOB PRIMARY KEY, asked INTEGER NOT NULL, empty INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS typed (
    mark BLOB NOT NULL, kind INTEGER NOT NULL, sign BLOB NOT NULL, PRIMARY KEY (mark, kind, sign)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted_by (key_id BLOB NOT NULL);
"""

_KEY_BYTES, _MARK_BYTES, _SIGN_BYTES = 32, 12, 2
_CALLER, _DAY = 0, 1
_DAY_SECONDS = 24 * 3600
_ROW_BYTES = 200
"""About how many bytes of the file a rare query takes, with its signatures."""


class QueryTyping(NamedTuple):
    """One typing of a query.

    :param seconds: The time, in seconds since 1970.
    :param caller: The caller, as identified for limits.
    """

    seconds: int
    caller: str
    hits: int


class ReleasedCounts(NamedTuple):
    """The counts of a query from before it could be stored.

    :param asked: How often it was typed.
    :param empty: How often it had no hit.
    """

    asked: int
    empty: int


class RareQueries:
    """The rare queries in an open database, within a transaction.

    :param path: The key's file, created if there is none.
    :param now: Seconds since 1970.
    :param most_bytes: About how many bytes of the file these queries may take; if there are too many, half are
        forgotten.
    """

    def __init__(self, database: sqlite3.Connection, path: Path, now: int, most_bytes: int) -> None:
        self._database = database
        self._key = _key(path, now)
        held = database.execute("SELECT key_id FROM counted_by").fetchall()
        if held != [(self._digest("id", _MARK_BYTES),)]:  # of another key, or of none: counting cannot continue
            self._forget()
        if database.execute("SELECT count(*) FROM rare").fetchone()[0] > most_bytes // _ROW_BYTES:
            for table in ("rare", "typed"):  # any half: marks are evenly distributed
                database.execute(f"DELETE FROM {table} WHERE mark < x'80'")  # noqa: S608

    def add(self, query: str, typings: Iterable[QueryTyping]) -> ReleasedCounts | None:
        """Count typings of a query. Once it may be stored, return all its counts and forget them."""
        mark = self._digest(f"query {query}", _MARK_BYTES)
        times = list(typings)
        empty = sum(not one.hits for one in times)
        self._database.execute(
            "INSERT INTO rare VALUES (?, ?, ?) ON CONFLICT (mark) DO UPDATE SET "
            "asked = asked + excluded.asked, empty = empty + excluded.empty",
            (mark, len(times), empty),
        )
        callers = {self._sign(mark, f"caller {one.caller}") for one in times}
        days = {self._sign(mark, f"day {one.seconds // _DAY_SECONDS}") for one in times}
        signs = [(mark, kind, sign) for kind, found in ((_CALLER, callers), (_DAY, days)) for sign in found]
        self._database.executemany("INSERT OR IGNORE INTO typed VALUES (?, ?, ?)", signs)
        counts = self._database.execute("SELECT count(*) FROM typed WHERE mark = ? GROUP BY kind", (mark,)).fetchall()
        if max(count for (count,) in counts) < ENOUGH:
            return None
        counted = self._database.execute("SELECT asked, empty FROM rare WHERE mark = ?", (mark,)).fetchone()
        for table in ("rare", "typed"):
            self._database.execute(f"DELETE FROM {table} WHERE mark = ?", (mark,))  # noqa: S608
        return ReleasedCounts(*counted)

    def _forget(self) -> None:
        for table in ("rare", "typed", "counted_by"):
            self._database.execute(f"DELETE FROM {table}")  # noqa: S608
        self._database.execute("INSERT INTO counted_by VALUES (?)", (self._digest("id", _MARK_BYTES),))

    def _sign(self, mark: bytes, what: str) -> bytes:
        return self._digest(f"{mark.hex()} {what}", _SIGN_BYTES)

    def _digest(self, what: str, length: int) -> bytes:
        return hmac.digest(self._key, what.encode(errors="surrogatepass"), hashlib.sha256)[:length]


def _key(path: Path, now: int) -> bytes:
    """Return the current key, which replaces the one of earlier days. The log's writer creates it.

    Writers of a log take turns, since each locks its database meanwhile.

    :raises OSError: if it can be neither read nor made.
    """
    period = str(now // (KEY_DAYS * _DAY_SECONDS))
    try:
        made, _, text = path.read_text(encoding="ascii").partition(" ")
        key = bytes.fromhex(text)
        if made == period and len(key) == _KEY_BYTES:
            return key
    except (FileNotFoundError, ValueError):
        pass
    key = secrets.token_bytes(_KEY_BYTES)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    beside.unlink(missing_ok=True)
    beside.touch(0o600, exist_ok=False)  # readable by its owner alone
    beside.write_text(f"{period} {key.hex()}", encoding="ascii")
    beside.replace(path)
    return key
