"""Articles on disk: one SQLite file for each segment, from row to article and from id, alias or URL to row.

Owns the schema and all SQL on it. A written store never changes; it is opened as immutable.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from indexer.articles.article import Article
from indexer.articles.columns import micros
from indexer.articles.prepared import PreparedArticle
from indexer.errors import BuildRefused
from indexer.text.addresses import url_key
from indexer.text.views import text_key

FILE = "articles.sqlite"
Unreadable = sqlite3.Error
"""The errors of a store whose file is damaged or not a database."""

_BATCH = 500
_TIMES = ("published_at", "updated_at", "unpublish_at")

_SCHEMA = """
CREATE TABLE articles (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, fingerprint BLOB NOT NULL,
    origin TEXT NOT NULL, key BLOB NOT NULL, updated INTEGER, fullness INTEGER NOT NULL
);
CREATE TABLE names (kind TEXT NOT NULL, name TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (kind, name, row))
    WITHOUT ROWID;
CREATE TABLE texts (key BLOB PRIMARY KEY, vector INTEGER NOT NULL) WITHOUT ROWID;
"""


class StoredArticle(NamedTuple):
    """An article as the store keeps it.

    :param line: Its archive line as JSON.
    :param fingerprint: 16 bytes that change whenever anything of the line does.
    :param origin: Who brought it, and so may replace or remove it: `source`, `api`, or `told` with a site that does not
        own it.
    :param key: `text.text_key` of its encoded views.
    :param updated: `updated_at` in microseconds since 1970, None if absent.
    :param fullness: `PreparedArticle.fullness`.
    """

    id: str
    line: str
    fingerprint: bytes
    origin: str
    key: bytes
    updated: int | None
    fullness: int

    @classmethod
    def of(cls, prepared: PreparedArticle, origin: str) -> StoredArticle:
        """Return an article in the form that the store keeps."""
        article = prepared.article
        line = json.dumps(article.line(), ensure_ascii=False, separators=(",", ":"))
        updated = None if article.updated_at is None else micros(article.updated_at)
        fingerprint = hashlib.sha256(line.encode()).digest()[:16]
        return cls(article.id, line, fingerprint, origin, text_key(prepared.views), updated, prepared.fullness)

    def article(self) -> Article:
        """Return the article."""
        return load_article(self.line)


_ABSENT = Article.model_construct(id="", title="").__dict__
"""The value of fields that lines of earlier versions lack."""

_NOTHING_ELSE = {"__pydantic_extra__": None, "__pydantic_private__": None}


def load_article(line: str) -> Article:
    """Return the article of a stored line. It was validated before it was stored, so it is not validated again.

    The object is made as unpickling would make it; `model_construct` takes three times as long.
    """
    fields = _ABSENT | json.loads(line)
    for name in _TIMES:
        if fields[name] is not None:
            fields[name] = datetime.fromisoformat(fields[name])
    article = Article.__new__(Article)
    article.__setstate__({**_NOTHING_ELSE, "__dict__": fields, "__pydantic_fields_set__": set(fields)})
    return article


@contextmanager
def disk_errors_told() -> Iterator[None]:
    """Turn SQLite's errors about the disk, which is mostly full, into a refusal in words.

    :raises BuildRefused: instead of SQLite's own errors.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise BuildRefused(f"SQLite cannot write: {error}; is the disk full?") from error


def write_store(
    path: Path, articles: Iterable[tuple[StoredArticle, PreparedArticle]], texts: Iterable[tuple[bytes, int]]
) -> int:
    """Write a store of articles and return their number. Rows count from 0 in the given order.

    :param articles: Each as it is kept, and prepared.
    :param texts: For each vector the key of its encoded text, and its row.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + _SCHEMA)
        count = 0
        for row, (stored, prepared) in enumerate(articles):
            database.execute(
                "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (row, *stored),
            )
            database.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", _names(row, prepared.article))
            count += 1
        database.executemany("INSERT INTO texts VALUES (?, ?)", texts)
        database.execute("COMMIT")
    return count


def _names(row: int, article: Article) -> Iterator[tuple[str, str, int]]:
    for alias in article.aliases:
        yield ("url", url_key(alias), row) if "/" in alias else ("id", alias, row)
    if article.url:
        yield "url", url_key(article.url), row


class Store:
    """A written store, opened read-only. Safe to use from several threads.

    Its one connection is opened at once, so the store can be read even after its snapshot is pruned.
    """

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._close = weakref.finalize(self, self._database.close)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _fetch(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._lock:
            try:
                return self._database.execute(statement, values).fetchall()
            except UnicodeEncodeError:  # a lone surrogate; no stored text has one
                return []

    def count(self) -> int:
        """Return the number of articles, deleted ones included."""
        return int(str(self._fetch("SELECT count(*) FROM articles")[0][0]))

    def ids(self) -> list[str]:
        """Return the id of each row, in row order."""
        return [str(found) for (found,) in self._fetch("SELECT id FROM articles ORDER BY row")]

    def articles(self, rows: Sequence[int]) -> list[Article]:
        """Return the articles of these rows, in the given order."""
        return [load_article(line) for line in self.lines(rows)]

    def lines(self, rows: Sequence[int]) -> list[str]:
        """Return the archive lines of these rows as stored, in the given order."""
        lines: dict[int, str] = {}
        for start in range(0, len(rows), _BATCH):
            some = [int(row) for row in rows[start : start + _BATCH]]
            marks = ",".join("?" * len(some))
            found = self._fetch(f"SELECT row, line FROM articles WHERE row IN ({marks})", some)  # noqa: S608
            lines.update((int(str(row)), str(line)) for row, line in found)
        return [lines[int(row)] for row in rows]

    def row_of(self, article_id: str) -> int | None:
        """Return the row of an id, or None."""
        found = self._fetch("SELECT row FROM articles WHERE id = ?", (article_id,))
        return int(str(found[0][0])) if found else None

    def state_of(self, article_id: str) -> tuple[int, int | None, bytes] | None:
        """Return row, `updated` and `fingerprint` of an id (`StoredArticle`), or None."""
        found = self._fetch("SELECT row, updated, fingerprint FROM articles WHERE id = ?", (article_id,))
        return found[0] if found else None  # type: ignore[return-value]

    def rows_named(self, kind: str, name: str) -> list[int]:
        """Return the rows with an alias (kind `id`) or an address in the form of `text.url_key` (kind `url`)."""
        found = self._fetch("SELECT row FROM names WHERE kind = ? AND name = ? ORDER BY row", (kind, name))
        return [int(str(row)) for (row,) in found]
