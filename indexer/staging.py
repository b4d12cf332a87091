"""The archive to be: what sources brought and what the current snapshot keeps, gathered on disk.

Owns the rules which reading of an id wins. A SQLite file, so that memory stays flat however many articles come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from indexer import store
from indexer.article import Article
from indexer.segment import Segment
from indexer.store import Stored

_SCHEMA = """
CREATE TABLE staged (
    id TEXT PRIMARY KEY, line TEXT NOT NULL, fingerprint BLOB NOT NULL, origin TEXT NOT NULL, key BLOB NOT NULL,
    updated INTEGER, fullness INTEGER NOT NULL, derived INTEGER NOT NULL, place INTEGER NOT NULL
);
CREATE TABLE rejected (id TEXT PRIMARY KEY);
CREATE TABLE dead (row INTEGER PRIMARY KEY);
CREATE TABLE vectors (row INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
"""
# What `merge` compares with where there is no current snapshot: the same tables, empty.
_NOTHING = (
    "CREATE TABLE cur.articles AS SELECT *, 0 AS row FROM staged WHERE 0; "
    "CREATE TABLE cur.texts (key BLOB, vector INTEGER);"
)
_NEW = 1 << 40
_COLUMNS = "id, line, fingerprint, origin, key, updated, fullness"


@dataclass(frozen=True)
class Changes:
    """How the archive to be differs from the current one, in articles."""

    added: int
    updated: int
    removed: int
    unchanged: int
    current: int

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


class Staging:
    """The archive to be. Call `add` and `reject`, then `merge` once, then read."""

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.absolute()))}"  # as a URI, so that `merge` may attach one
        self._database = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA + "BEGIN;")
        self._place = _NEW

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, article: Article, origin: str, derived: bool) -> bool:
        """Stage an article; say whether it took the place of an earlier reading of its id, or gave way to it.

        The last reading wins; where the ids are derived, the fuller.
        """
        stored = Stored.of(article, origin)
        clash = self._database.execute("SELECT 1 FROM staged WHERE id = ?", (article.id,)).fetchone() is not None
        self._place += 1
        self._database.execute(
            f"INSERT INTO staged ({_COLUMNS}, derived, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
            "ON CONFLICT (id) DO UPDATE SET line = excluded.line, fingerprint = excluded.fingerprint, "
            "origin = excluded.origin, key = excluded.key, updated = excluded.updated, "
            "fullness = excluded.fullness, derived = excluded.derived "
            "WHERE NOT excluded.derived OR excluded.fullness > staged.fullness",
            (*stored, int(derived), self._place),
        )
        return clash

    def reject(self, article_id: str) -> None:
        """Remember the id of a line that was rejected: what is stored of it stays."""
        self._database.execute("INSERT OR IGNORE INTO rejected VALUES (?)", (article_id,))

    def merge(self, current: Segment | None, directory: Path | None, whole: bool) -> Changes:
        """Bring over what the current snapshot keeps, and say what has changed.

        :param current: The current segment, None on an empty home.
        :param directory: Where its files are.
        :param whole: Whether the sources are the whole archive, so that what they no longer bring is removed, or
            only add to it.
        """
        self._database.execute("COMMIT")
        self._attach(current, directory)
        run = self._database.execute
        run("BEGIN")
        alive = "cur.articles.row NOT IN (SELECT row FROM dead)"
        # The stored article stands against a staged one that is older, or that is less of it under a derived id.
        stands = "cur.articles.updated > staged.updated OR (staged.derived AND cur.articles.fullness > staged.fullness)"
        if whole:
            stands = f"cur.articles.origin = 'api' AND ({stands})"
        run(
            f"DELETE FROM staged WHERE EXISTS (SELECT 1 FROM cur.articles WHERE cur.articles.id = staged.id "  # noqa: S608
            f"AND {alive} AND ({stands}))"
        )
        kept = "1" if not whole else "origin = 'api' OR id IN (SELECT id FROM rejected)"
        run(
            f"INSERT INTO staged ({_COLUMNS}, derived, place) SELECT {_COLUMNS}, 0, row FROM cur.articles "  # noqa: S608
            f"WHERE {alive} AND ({kept}) AND id NOT IN (SELECT id FROM staged)"
        )
        run(
            f"UPDATE staged SET place = cur.articles.row FROM cur.articles "  # noqa: S608
            f"WHERE cur.articles.id = staged.id AND {alive}"
        )
        changes = self._changes(alive)
        run("CREATE INDEX staged_key ON staged (key)")
        run("INSERT OR IGNORE INTO vectors (key) SELECT key FROM staged ORDER BY place")
        run("COMMIT")
        return changes

    def _attach(self, current: Segment | None, directory: Path | None) -> None:
        if current is None or directory is None:
            self._database.execute("ATTACH ':memory:' AS cur")
            self._database.executescript(_NOTHING)
            return
        path = quote(str((directory / store.FILE).absolute()))
        self._database.execute("ATTACH ? AS cur", (f"file:{path}?mode=ro&immutable=1",))
        dead = np.flatnonzero(~current.alive)
        self._database.executemany("INSERT INTO dead VALUES (?)", ((int(row),) for row in dead))

    def _changes(self, alive: str) -> Changes:
        def count(query: str) -> int:
            return int(self._database.execute(f"SELECT count(*) FROM {query}").fetchone()[0])  # noqa: S608

        current = count(f"cur.articles WHERE {alive}")
        both = "staged JOIN cur.articles ON cur.articles.id = staged.id"
        unchanged = count(
            f"{both} WHERE {alive} AND cur.articles.fingerprint = staged.fingerprint "
            "AND cur.articles.origin = staged.origin"
        )
        matched = count(f"{both} WHERE {alive}")
        return Changes(count("staged") - matched, matched - unchanged, current - matched, unchanged, current)

    def count(self) -> tuple[int, int]:
        """Return how many articles and how many distinct texts there are."""
        articles, texts = self._database.execute(
            "SELECT (SELECT count(*) FROM staged), (SELECT count(*) FROM vectors)"
        ).fetchone()
        return articles, texts

    def articles(self) -> Iterator[tuple[Stored, int]]:
        """Yield every article with the row of its vector, in the order of the rows to be."""
        rows = self._database.execute(
            f"SELECT {', '.join('staged.' + c for c in _COLUMNS.split(', '))}, vectors.row - 1 "  # noqa: S608
            "FROM staged JOIN vectors ON vectors.key = staged.key ORDER BY place"
        )
        for *stored, vector in rows:
            yield Stored(*stored), vector

    def texts(self) -> Iterator[tuple[bytes, int]]:
        """Yield the key of every distinct text with the row of its vector."""
        yield from self._database.execute("SELECT key, row - 1 FROM vectors ORDER BY row")

    def known_vectors(self) -> Iterator[tuple[int, int]]:
        """Yield the new vector rows that the current snapshot has a vector for, each with its row there."""
        yield from self._database.execute(
            "SELECT vectors.row - 1, cur.texts.vector FROM vectors JOIN cur.texts ON cur.texts.key = vectors.key "
            "ORDER BY vectors.row"
        )

    def articles_of(self, rows: Sequence[int]) -> list[tuple[bytes, Article]]:
        """Return for each of these vector rows the key and one article that has it."""
        found = []
        for row in rows:
            key, line = self._database.execute(
                "SELECT vectors.key, staged.line FROM vectors JOIN staged ON staged.key = vectors.key "
                "WHERE vectors.row = ? LIMIT 1",
                (row + 1,),
            ).fetchone()
            found.append((key, store.load_article(line)))
        return found

    def removed_rows(self) -> list[int]:
        """Return the rows of the current segment that are no longer in the archive, dead ones included."""
        rows = self._database.execute(
            "SELECT row FROM cur.articles WHERE id NOT IN (SELECT id FROM staged) ORDER BY row"
        )
        return sorted({row for (row,) in rows} | {row for (row,) in self._database.execute("SELECT row FROM dead")})
