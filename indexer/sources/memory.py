"""Remembers what remote sources have given, so that a run asks only for new content and may be killed anywhere.

Owns one SQLite file of a home. A row is a place of a source (a URL, a number), with a mark of its version and the
fields of its article, or no fields if there is no article. Rows and the reading position are committed together, so a
killed run goes on from there without loss or repetition.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.changes.barred import is_barred, name_mark
from indexer.changes.journal import Journal, scrub, scrub_once
from indexer.errors import SourceError
from indexer.files import private
from indexer.limits.confined import step
from indexer.sources.reading import Reading

FILE = "sources.sqlite"
MAX_SHRINK = 0.2
"""The share of a source's articles that may disappear at once. More looks like a fault of the source."""

LEFT = "left"
"""The part name of places that are no longer listed but still exist."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS states (source TEXT PRIMARY KEY, state TEXT NOT NULL, changes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, fields TEXT,
    derived INTEGER NOT NULL, part TEXT NOT NULL, run INTEGER NOT NULL, UNIQUE (source, key)
);
CREATE INDEX IF NOT EXISTS rows_part ON rows (source, part);
"""

_HIDDEN = "taken-down:"
"""The prefix of the place of an article that was taken down. A hash replaces its address."""

BarredMarks = Callable[[], frozenset[bytes]]
"""Returns the marks of all articles that are taken down now (`indexer.changes.barred`)."""


@dataclass(frozen=True)
class MemoryRow:
    """A row of the memory.

    :param version: The version that the source states. If it changes, the place is read again.
    :param article: Whether an article was read there.
    """

    version: str
    article: bool


class Memory:
    """The memory of one source.

    :ivar state: The reading position; saved by `commit`.
    """

    def __init__(self, database: sqlite3.Connection, source: str, barring: BarredMarks = frozenset) -> None:
        self._database = database
        self._source = source
        self._barring = barring
        found = database.execute("SELECT state, changes FROM states WHERE source = ?", (source,)).fetchone()
        self.state: dict[str, Any] = json.loads(found[0]) if found else {}
        self._changes: int = found[1] if found else 0

    @property
    def run(self) -> int:
        """Return the number of the current run through the whole source."""
        return int(self.state.get("run", 0))

    @property
    def complete(self) -> bool:
        """Return whether the source was ever read to its end."""
        return bool(self.state.get("complete"))

    def begin(self) -> None:
        """Begin a run through the whole source, or resume an interrupted one."""
        if not self.state.get("running"):
            self.state.update(run=self.run + 1, running=True)

    def end(self) -> None:
        """Record that the run reached the source's end."""
        self.state.update(running=False, complete=True)

    def known(self, key: str) -> MemoryRow | None:
        """Return the row of a place, None if it is unknown."""
        row = self._database.execute(
            "SELECT version, fields IS NOT NULL FROM rows WHERE source = ? AND key IN (?, ?)",
            (self._source, key, hidden(self._source, key)),
        ).fetchone()
        return None if row is None else MemoryRow(row[0], bool(row[1]))

    def _place(self, key: str, fields: Mapping[str, Any] | None) -> tuple[str, bool]:
        """Return the place under which to keep a reading, and whether its article was taken down."""
        barred = self._barring()
        if not barred or not (is_barred(fields or {}, barred) or name_mark(key) in barred):
            return key, False
        return hidden(self._source, key) if _tells(key) else key, True

    def put(
        self, key: str, version: str, fields: Mapping[str, Any] | None, derived: bool = False, part: str = ""
    ) -> None:
        """Store a place's article and mark it as met. If it was taken down, store only that it exists."""
        place, barred = self._place(key, fields)
        self._forget_twin(key, place)
        key, fields = place, None if barred else fields
        line = None if fields is None else json.dumps(fields, ensure_ascii=True)
        before = self._database.execute(
            "SELECT fields FROM rows WHERE source = ? AND key = ?", (self._source, key)
        ).fetchone()
        self._changes += (before[0] if before else None) != line
        self._database.execute(
            "INSERT INTO rows (source, key, version, fields, derived, part, run) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (source, key) DO UPDATE SET version = excluded.version, fields = excluded.fields, "
            "derived = excluded.derived, part = excluded.part, run = excluded.run",
            (self._source, key, version, line, int(derived), part, self.run),
        )

    def _forget_twin(self, key: str, place: str) -> None:
        """Forget the row of a place under its other name, plain or hashed."""
        other = hidden(self._source, key) if place == key else key
        gone = self._database.execute(
            "DELETE FROM rows WHERE source = ? AND key = ? AND key <> ?", (self._source, other, place)
        )
        self._changes += gone.rowcount

    def meet(self, key: str, part: str = "") -> None:
        """Mark an unchanged place as met by this run."""
        self._database.execute(
            "UPDATE rows SET run = ?, part = ? WHERE source = ? AND key IN (?, ?)",
            (self.run, part, self._source, key, hidden(self._source, key)),
        )

    def meet_part(self, part: str) -> None:
        """Mark all places of a part as met by this run."""
        self._database.execute("UPDATE rows SET run = ? WHERE source = ? AND part = ?", (self.run, self._source, part))

    def forget(self, keys: Iterable[str]) -> None:
        """Forget these places."""
        found = self._database.executemany(
            "DELETE FROM rows WHERE source = ? AND key = ?", ((self._source, key) for key in keys)
        )
        self._changes += max(found.rowcount, 0)

    def unmet(self) -> list[str]:
        """Return the places that this run did not meet, without those known to be no longer listed."""
        rows = self._database.execute(
            "SELECT key FROM rows WHERE source = ? AND run < ? AND part <> ? AND key NOT LIKE ? ORDER BY number",
            (self._source, self.run, LEFT, f"{_HIDDEN}%"),
        )
        return [key for (key,) in rows]

    def places(self) -> set[str]:
        """Return all places but the hashed ones of articles that were taken down."""
        query = "SELECT key FROM rows WHERE source = ? AND key NOT LIKE ?"
        return {key for (key,) in self._database.execute(query, (self._source, f"{_HIDDEN}%"))}

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM rows WHERE source = ?", (self._source,)).fetchone()[0])

    def articles(self) -> int:
        """Return the number of places with an article."""
        query = "SELECT count(*) FROM rows WHERE source = ? AND fields IS NOT NULL"
        return int(self._database.execute(query, (self._source,)).fetchone()[0])

    def commit(self) -> None:
        """Save rows and state, together."""
        self._database.execute(
            "INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (self._source, json.dumps(self.state), self._changes)
        )
        self._database.commit()
        step()

    def drop(self, gone: list[str], shrink: bool) -> str:
        """Forget the places that a source no longer has, unless there are too many, which looks like a fault.

        :param shrink: Whether any number is allowed.
        :return: Why nothing was forgotten, or an empty string.
        """
        if len(gone) > MAX_SHRINK * len(self) and not shrink and len(gone) > 1:
            return (
                f"expected at least {1 - MAX_SHRINK:.0%} of the {len(self)} articles that it had, found "
                f"{len(self) - len(gone)}: all are kept; if they are gone, --allow-shrink"
            )
        self.forget(gone)
        return ""

    def readings(self) -> Iterator[Reading]:
        """Yield every article, in the order of first meeting."""
        rows = self._database.execute(
            "SELECT number, fields, derived FROM rows WHERE source = ? AND fields IS NOT NULL ORDER BY number",
            (self._source,),
        )
        for number, fields, derived in rows:
            yield Reading(number, json.loads(fields), bool(derived))


@contextmanager
def open_memory(home: Path | None, source: str) -> Iterator[Memory]:
    """Open the memory of a source: in a home, or without one in main memory.

    Takedowns made while it is open count at once.

    :raises SourceError: if the file is damaged.
    """
    with _open(home) as database, closing(_Marks(home)) as marks:
        yield Memory(database, source, marks.current)


class _Marks:
    """The marks of a home's takedowns, read again only after the journal has changed."""

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._journal: Journal | None = None
        self._read: tuple[int, frozenset[bytes]] = (-1, frozenset())

    def current(self) -> frozenset[bytes]:
        if self._journal is None and self._home is not None:
            self._journal = Journal.of(self._home)
        if self._journal is not None and self._read[0] != (version := self._journal.version()):
            self._read = version, self._journal.barred()
        return self._read[1]

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


def hidden(source: str, key: str) -> str:
    """Return the name of a place whose article is taken down: a hash."""
    return _HIDDEN + hashlib.sha256(f"{source}\0{key}".encode("utf-8", "replace")).hexdigest()


def _tells(key: str) -> bool:
    """Return whether a place's name may reveal something of the article: all but numbers and WordPress's `posts 12`."""
    kind, _, number = key.rpartition(" ")
    return not number.isdigit() or kind not in ("", "posts", "pages")


def remembered_articles(home: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the fields of every article that the sources of a home gave.

    :raises SourceError: if the file is damaged.
    """
    if (home / FILE).exists():
        with _open(home) as database:
            for key, fields in database.execute("SELECT key, fields FROM rows WHERE fields IS NOT NULL"):
                yield key, json.loads(fields)


def purge(home: Path, is_its: Callable[[str, Mapping[str, Any]], bool]) -> tuple[int, int]:
    """Forget an article that sources gave, and overwrite it on disk. Its row stays; an address becomes a hash.

    :param is_its: Returns whether a place and its fields belong to the article.
    :return: The number of rows, and of bytes of text.
    :raises SourceError: if the file is damaged, or another process reads it for too long.
    """
    if not (home / FILE).exists():
        return 0, 0
    count = size = 0
    with _open(home) as database:
        rows = database.execute("SELECT number, source, key, fields FROM rows WHERE key NOT LIKE ?", (f"{_HIDDEN}%",))
        found = [
            (number, source, hidden(source, key) if _tells(key) else key, len(fields or ""))
            for number, source, key, fields in rows
            if is_its(key, json.loads(fields) if fields else {})
        ]
        for number, source, place, length in found:
            count, size = count + 1, size + length
            database.execute("UPDATE rows SET key = ?, fields = NULL WHERE number = ?", (place, number))
            database.execute("UPDATE states SET changes = changes + 1 WHERE source = ?", (source,))
        database.commit()
        database.isolation_level = None
        scrub(database)
    return count, size


def unhide(home: Path) -> None:
    """Make sources read hidden pages again, since a takedown was lifted."""
    if (home / FILE).exists():
        with _open(home) as database:
            database.execute("DELETE FROM rows WHERE key LIKE ?", (f"{_HIDDEN}%",))
            database.commit()


@contextmanager
def _open(home: Path | None) -> Iterator[sqlite3.Connection]:
    path = ":memory:" if home is None else str(home / FILE)
    try:
        if home is not None:
            private.make_file(home / FILE)
        database = sqlite3.connect(path, timeout=30)
        try:
            if home is not None:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute("PRAGMA secure_delete = ON")  # content that a source withdraws is overwritten
            database.executescript(_SCHEMA)
            database.commit()
            scrub_once(database)
            yield database
        finally:
            database.close()
    except sqlite3.DatabaseError as error:
        raise SourceError(
            f"{path}: {error}: expected what sources gave before; without this file all is read anew"
        ) from error


def changes(home: Path) -> int:
    """Return a number that grows with every article that a home's sources add, change or remove."""
    with _open(home) as database:
        return int(database.execute("SELECT coalesce(sum(changes), 0) FROM states").fetchone()[0])
