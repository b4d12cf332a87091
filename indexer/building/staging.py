"""The archive to be: what sources brought and what the current snapshot keeps, gathered on disk.

Owns the rules which reading of an id wins. A SQLite file, so that memory stays flat however many articles come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from indexer.articles import store
from indexer.articles.article import AHEAD, Article
from indexer.articles.columns import micros
from indexer.articles.prepared import PreparedArticle
from indexer.articles.store import StoredArticle
from indexer.changes.changes import NEVER
from indexer.files.arrays import Mask, Rows

_SCHEMA = """
CREATE TABLE staged (
    id TEXT PRIMARY KEY, line TEXT NOT NULL, fingerprint BLOB NOT NULL, origin TEXT NOT NULL, key BLOB NOT NULL,
    updated INTEGER, fullness INTEGER NOT NULL, body TEXT, derived INTEGER NOT NULL, place INTEGER NOT NULL
);
CREATE TABLE others (
    id TEXT, line TEXT NOT NULL, fingerprint BLOB NOT NULL, origin TEXT, key BLOB NOT NULL, updated INTEGER,
    fullness INTEGER NOT NULL, body TEXT, derived INTEGER NOT NULL, PRIMARY KEY (id, origin)
);
CREATE TABLE rejected (id TEXT PRIMARY KEY);
CREATE TABLE withdrawn (id TEXT PRIMARY KEY, updated INTEGER NOT NULL, pending INTEGER NOT NULL);
CREATE TABLE forced (id TEXT PRIMARY KEY);
CREATE TABLE current (
    id TEXT PRIMARY KEY, row INTEGER NOT NULL, fingerprint BLOB NOT NULL, origin TEXT NOT NULL, updated INTEGER,
    fullness INTEGER NOT NULL
);
CREATE TABLE dead (row INTEGER PRIMARY KEY);
CREATE TABLE vectors (row INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
"""
_NEW = 1 << 40
_COLUMNS = "id, line, fingerprint, origin, key, updated, fullness"
_SAME = "current.fingerprint = staged.fingerprint AND current.origin = staged.origin"
_TOLD = "({0}.origin >= 'told ' AND {0}.origin < 'told!')"
"""Whether an article lies on the host of no source, so that whoever told it first keeps it (`sources.ownership`)."""
_STAGED_TOLD, _CURRENT_TOLD, _EXCLUDED_TOLD = (_TOLD.format(table) for table in ("staged", "current", "excluded"))
_WEAKER = f"({_STAGED_TOLD} AND current.origin <> staged.origin)"
"""Whether a staged article is told by a site that does not own it, and the current one by somebody else."""
_STRONGER = f"({_CURRENT_TOLD} AND NOT {_STAGED_TOLD})"
_TAKEN_OVER = ", ".join(
    f"{name} = excluded.{name}"
    for name in ("line", "fingerprint", "origin", "key", "updated", "fullness", "body", "derived")
)
_REPLACES = (
    f"CASE WHEN {_EXCLUDED_TOLD} AND excluded.origin <> staged.origin THEN 0 "
    f"WHEN {_STAGED_TOLD} AND NOT {_EXCLUDED_TOLD} THEN 1 "
    "ELSE NOT excluded.derived OR excluded.fullness > staged.fullness END"
)
"""Whether another reading of an id within a run takes the place of the first."""
_KEPT = "(current.origin = 'api' OR current.id IN (SELECT id FROM rejected))"
"""What stays of the current snapshot though no source brings it, where the sources are the whole archive."""
_WITHDRAWN = (
    "EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.id = current.id AND pending "
    "AND (withdrawn.updated < 0 OR current.updated IS NULL OR current.updated <= withdrawn.updated "
    "OR withdrawn.id IN (SELECT id FROM forced)))"
)
"""What the API deleted since the current snapshot was made."""


@dataclass(frozen=True)
class Changes:
    """How the archive to be differs from the current one, in articles.

    :param removed: What no source brings any more.
    :param deleted: What the API deleted.
    """

    added: int
    updated: int
    removed: int
    unchanged: int
    current: int
    deleted: int = 0

    @property
    def articles(self) -> int:
        """Return how many articles the archive is to have."""
        return self.current + self.added - self.removed - self.deleted

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed or self.deleted)


class SegmentContents(NamedTuple):
    """What the current snapshot holds in one of its segments.

    :param store: The file of its articles.
    :param alive: (articles,) bool.
    :param texts: How many texts it has.
    """

    store: Path
    alive: Mask
    texts: int


class Staging:
    """The archive to be. Call `add` and `reject`, `put` and `withdraw`, then `compare` once, then `gather`, then read.

    Rows of the current snapshot are counted through its segments.
    """

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.absolute()))}"  # as a URI, so that `compare` may attach some
        self._database = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA + "BEGIN;")
        self._place = _NEW
        self._segments: list[tuple[str, int, int]] = []  # name of the attached file, first row, first text

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, article: Article, origin: str, derived: bool) -> bool:
        """Stage an article; say whether it took the place of an earlier reading of its id, or gave way to it.

        The last reading wins; where the ids are derived, the fuller. But whoever owns an article wins over those that
        only tell of it, and of these the first.

        :param origin: As `sources.ownership` says it.
        """
        prepared = PreparedArticle.of(article)
        stored, body = StoredArticle.of(prepared, origin), _parsed(prepared)
        before = self._database.execute("SELECT origin FROM staged WHERE id = ?", (article.id,)).fetchone()
        self._place += 1
        if before is not None and origin != before[0]:  # whoever told it in earlier runs may be another one
            self._database.execute(
                f"INSERT INTO others ({_COLUMNS}, body, derived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
                f"ON CONFLICT (id, origin) DO UPDATE SET {_TAKEN_OVER} "
                "WHERE NOT excluded.derived OR excluded.fullness > others.fullness",
                (*stored, body, int(derived)),
            )
        self._database.execute(
            f"INSERT INTO staged ({_COLUMNS}, body, derived, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
            f"ON CONFLICT (id) DO UPDATE SET {_TAKEN_OVER} WHERE {_REPLACES}",
            (*stored, body, int(derived), self._place),
        )
        return before is not None

    def put(self, article: Article, updated: int, whole: bool) -> None:
        """Stage what the API wrote, after what sources bring; a source's reading stands against it only if it is newer.

        :param updated: When it was, in microseconds since 1970.
        :param whole: As `compare` has it: what is added without a time is taken to be of now.
        """
        self._place += 1
        stands = "staged.updated > excluded.updated"
        if not whole:
            stands = f"staged.updated IS NULL OR {stands}"
        stands = f"NOT {_STAGED_TOLD} AND ({stands})"
        prepared = PreparedArticle.of(article)
        stored = StoredArticle.of(prepared, "api")._replace(updated=updated)
        self._database.execute(
            f"INSERT INTO staged ({_COLUMNS}, body, derived, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?) "  # noqa: S608
            f"ON CONFLICT (id) DO UPDATE SET {_TAKEN_OVER} WHERE NOT coalesce({stands}, 0)",
            (*stored, _parsed(prepared), self._place),
        )

    def withdraw(self, article_id: str, updated: int, pending: bool) -> None:
        """Stage what the API deleted; a source brings it back only by a reading that is newer.

        What is added without a time is taken to be of now; only a takedown stands against it.

        :param updated: When it was, in microseconds since 1970; below 0 where any reading may bring it back.
        :param pending: Whether the current snapshot does not know of it yet.
        """
        self._database.execute("INSERT INTO withdrawn VALUES (?, ?, ?)", (article_id, updated, pending))

    def force(self, article_id: str) -> None:
        """Have what the API did to an article count, whatever time the current snapshot has of it."""
        self._database.execute("INSERT OR IGNORE INTO forced VALUES (?)", (article_id,))

    def reject(self, article_id: str) -> None:
        """Remember the id of a line that was rejected: what is stored of it stays."""
        self._database.execute("INSERT OR IGNORE INTO rejected VALUES (?)", (article_id,))

    def compare(self, current: Sequence[SegmentContents], whole: bool, now: datetime | None = None) -> Changes:
        """Settle which readings stand against the current snapshot's, and say what has changed.

        :param current: The current segments, none on an empty home.
        :param whole: Whether the sources are the whole archive, so that what they no longer bring is removed, or
            only add to it.
        :param now: The clock's time by default. A stored time too far ahead of it counts for nothing, else no reading
            would replace the stored one.
        """
        latest = micros((now or datetime.now(UTC)) + AHEAD)
        self._database.execute("COMMIT")
        self._attach(current)
        run = self._database.execute
        run("BEGIN")
        named = "1" if whole else "(id IN (SELECT id FROM staged) OR id IN (SELECT id FROM withdrawn WHERE pending))"
        for name, first, _ in self._segments:
            run(
                "INSERT INTO current SELECT id, row + ?, fingerprint, origin, iif(updated > ?, 0, updated), fullness "  # noqa: S608
                f"FROM {name}.articles WHERE row + ? NOT IN (SELECT row FROM dead) AND {named}",
                (first, latest, first),
            )
        self._keep_first_tellers()
        older = "staged.updated <= withdrawn.updated"
        if whole:
            older = f"(staged.updated IS NULL OR {older})"
        run(
            "DELETE FROM staged WHERE origin <> 'api' AND EXISTS (SELECT 1 FROM withdrawn "  # noqa: S608
            "WHERE withdrawn.id = staged.id AND withdrawn.updated >= 0 "
            f"AND (withdrawn.updated = ? OR {_STAGED_TOLD} OR {older}))",
            (NEVER,),
        )
        # The stored article stands against a staged one that is older, or that is less of it under a derived id.
        stands = "current.updated > staged.updated OR (staged.derived AND current.fullness > staged.fullness)"
        stands = f"NOT {_STRONGER} AND ({stands})"
        if whole:
            stands = f"(current.origin = 'api' OR staged.origin = 'api') AND ({stands})"
            # What the API wrote stands against a source that does not say that it is newer, or does not own it.
            newer = f"staged.updated IS NOT NULL AND staged.updated > current.updated AND NOT {_STAGED_TOLD}"
            stands += f" OR (current.origin = 'api' AND staged.origin <> 'api' AND NOT ({newer}))"
        else:
            stands = f"{_WEAKER} OR ({stands})"
        forced = "staged.origin = 'api' AND staged.id IN (SELECT id FROM forced)"
        stands = f"({stands}) AND NOT ({forced})"
        run(f"DELETE FROM staged WHERE EXISTS (SELECT 1 FROM current WHERE current.id = staged.id AND ({stands}))")  # noqa: S608
        run("COMMIT")
        return self._changes(sum(int(held.alive.sum()) for held in current), whole)

    def _keep_first_tellers(self) -> None:
        """Of what several sites tell and none owns, stage what the one says that told it in earlier runs."""
        taken = _TAKEN_OVER.replace("excluded.", "others.")
        self._database.execute(
            f"UPDATE staged SET {taken} FROM others JOIN current ON current.id = others.id "  # noqa: S608
            f"AND current.origin = others.origin WHERE staged.id = others.id AND {_STAGED_TOLD} AND {_CURRENT_TOLD}"
        )

    def _attach(self, current: Sequence[SegmentContents]) -> None:
        first = text = 0
        for number, held in enumerate(current):
            name, path = f"segment{number}", quote(str(held.store.absolute()))
            self._database.execute(f"ATTACH ? AS {name}", (f"file:{path}?mode=ro&immutable=1",))
            dead = np.flatnonzero(~held.alive) + first
            self._database.executemany("INSERT INTO dead VALUES (?)", ((int(row),) for row in dead))
            self._segments.append((name, first, text))
            first, text = first + len(held.alive), text + held.texts

    def _changes(self, current: int, whole: bool) -> Changes:
        def count(query: str) -> int:
            return int(self._database.execute(f"SELECT count(*) FROM {query}").fetchone()[0])  # noqa: S608

        both = "staged JOIN current ON current.id = staged.id"
        staged, matched = count("staged"), count(both)
        updated = matched - count(f"{both} WHERE {_SAME}")
        left = "id NOT IN (SELECT id FROM staged)"
        deleted = count(f"current WHERE {left} AND {_WITHDRAWN}")
        removed = count(f"current WHERE {left} AND NOT {_KEPT} AND NOT {_WITHDRAWN}") if whole else 0
        return Changes(staged - matched, updated, removed, current - updated - removed - deleted, current, deleted)

    def gone(self, whole: bool) -> Rows:
        """Return the current rows that are removed or that another reading takes the place of, (n,) int64, sorted."""
        left = f"(NOT {_KEPT} OR {_WITHDRAWN})" if whole else _WITHDRAWN
        rows = self._database.execute(
            "SELECT row FROM current LEFT JOIN staged ON staged.id = current.id "  # noqa: S608
            f"WHERE CASE WHEN staged.id IS NULL THEN {left} ELSE NOT ({_SAME}) END ORDER BY row"
        )
        return np.array([row for (row,) in rows], dtype=np.int64)

    def gather(self, gone: Rows, first: int) -> Rows:
        """Bring together what is to be written: what has changed, and what stays of the current segments from one on.

        :param gone: As `gone` says.
        :param first: The first segment that is written anew; what those before it hold stays where it is.
        :return: The rows of what stays, (n,) int64, in the order in which it comes; first, unless all is written anew.
        """
        run = self._database.execute
        run("BEGIN")
        self._database.executemany("INSERT OR IGNORE INTO dead VALUES (?)", ((int(row),) for row in gone))
        start = self._segments[first][1] if first < len(self._segments) else _NEW
        run(
            "DELETE FROM staged WHERE EXISTS (SELECT 1 FROM current WHERE current.id = staged.id "  # noqa: S608
            f"AND current.row < ? AND {_SAME})",
            (start,),
        )
        moved = "1" if first == 0 else _SAME  # written anew, an article keeps its place; else what is new comes last
        run(f"UPDATE staged SET place = current.row FROM current WHERE current.id = staged.id AND {moved}")  # noqa: S608
        for name, row, _ in self._segments[first:]:
            run(
                f"INSERT INTO staged ({_COLUMNS}, derived, place) SELECT {_COLUMNS}, 0, row + ? FROM {name}.articles "  # noqa: S608
                "WHERE row + ? NOT IN (SELECT row FROM dead) AND id NOT IN (SELECT id FROM staged)",
                (row, row),
            )
        run("CREATE INDEX staged_key ON staged (key)")
        run("INSERT OR IGNORE INTO vectors (key) SELECT key FROM staged ORDER BY place")
        run("COMMIT")
        kept = run("SELECT place FROM staged WHERE place < ? ORDER BY place", (_NEW,))
        return np.array([place for (place,) in kept], dtype=np.int64)

    def count(self) -> tuple[int, int]:
        """Return how many articles and how many distinct texts there are."""
        articles, texts = self._database.execute(
            "SELECT (SELECT count(*) FROM staged), (SELECT count(*) FROM vectors)"
        ).fetchone()
        return articles, texts

    def articles(self) -> Iterator[tuple[StoredArticle, PreparedArticle, int]]:
        """Yield every article as it is stored, prepared, and the row of its vector, in the order of the rows to be."""
        rows = self._database.execute(
            f"SELECT {', '.join('staged.' + c for c in _COLUMNS.split(', '))}, body, vectors.row - 1 "  # noqa: S608
            "FROM staged JOIN vectors ON vectors.key = staged.key ORDER BY place"
        )
        for *columns, body, vector in rows:
            stored = StoredArticle(*columns)
            yield stored, _prepared(stored.line, body), vector

    def texts(self) -> Iterator[tuple[bytes, int]]:
        """Yield the key of every distinct text with the row of its vector."""
        yield from self._database.execute("SELECT key, row - 1 FROM vectors ORDER BY row")

    def known_vectors(self) -> Iterator[tuple[int, int]]:
        """Yield the new vector rows that the current snapshot has a vector for, each with its text there."""
        for name, _, text in self._segments:
            yield from self._database.execute(
                f"SELECT vectors.row - 1, {name}.texts.vector + ? FROM vectors "  # noqa: S608
                f"JOIN {name}.texts ON {name}.texts.key = vectors.key ORDER BY vectors.row",
                (text,),
            )

    def articles_of(self, rows: Sequence[int]) -> list[tuple[bytes, PreparedArticle]]:
        """Return for each of these vector rows the key and one article that has it, prepared."""
        found = []
        for row in rows:
            key, line, body = self._database.execute(
                "SELECT vectors.key, staged.line, staged.body FROM vectors JOIN staged ON staged.key = vectors.key "
                "WHERE vectors.row = ? LIMIT 1",
                (row + 1,),
            ).fetchone()
            found.append((key, _prepared(line, body)))
        return found


def _parsed(prepared: PreparedArticle) -> str | None:
    """Return the body as it was parsed from HTML, empty if the HTML holds no text; None if the line has it anyway."""
    return None if prepared.article.body or not prepared.article.body_html else prepared.body or ""


def _prepared(line: str, body: str | None) -> PreparedArticle:
    """Return the article of a line, prepared.

    :param body: As `_parsed` says; None, too, of what the current snapshot holds, which is parsed now.
    """
    article = store.load_article(line)
    return PreparedArticle.of(article) if body is None else PreparedArticle(article, body or None)
