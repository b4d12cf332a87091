"""Counts over all articles of a run: a row of hashes and flags for each, and what they have in common.

Owns a temporary SQLite database, so that memory stays constant for any number of articles.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import blake2b

from indexer.articles.article import Article
from indexer.articles.looks import FLAGS, LOOKS, Finding, Severity

FIELDS = ("lead", "body", "published_at", "section", "author", "url", "tags")
"""The optional fields whose absence is counted; a body may come from `body_html`."""

MANY_TITLES = 3
BOILERPLATE_SHARE = 0.3
BOILERPLATE_ARTICLES = 10
_EXAMPLES = 3
_SHOWN_TEXT = 80


def cut(text: str, limit: int) -> str:
    """Return a text as one line of at most `limit` characters, with a mark if it was cut."""
    text = text.replace("\n", " ")
    return text if len(text) <= limit else text[:limit] + "…"


def _key(text: str) -> int:
    """Return an 8-byte key of a text, as an integer for SQLite."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;
CREATE TABLE articles (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, readings INTEGER NOT NULL, derived INTEGER NOT NULL,
    first TEXT NOT NULL, place TEXT NOT NULL, fullness INTEGER NOT NULL,
    shown TEXT NOT NULL, title INTEGER NOT NULL, body INTEGER, missing INTEGER NOT NULL, looks INTEGER NOT NULL
);
CREATE TABLE paragraphs (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE TABLE repeated (key INTEGER PRIMARY KEY, shown TEXT NOT NULL);
BEGIN;
"""
_WINS = "(NOT excluded.derived OR excluded.fullness > articles.fullness)"
_WON = ", ".join(
    f"{name} = CASE WHEN {_WINS} THEN excluded.{name} ELSE articles.{name} END"
    for name in ("place", "fullness", "shown", "title", "body", "missing", "looks")
)
_ADD = (
    "INSERT INTO articles (id, readings, derived, first, place, fullness, shown, title, body, missing, looks) "  # noqa: S608
    "VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET readings = readings + 1, "
    f"derived = MIN(derived, excluded.derived), {_WON} RETURNING number, readings"
)


class ReadingTally:
    """A row for each id, from the reading that wins by the rules of `building.staging`, and its paragraphs."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # on disk once it outgrows its cache
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close and delete the database."""
        self._database.close()

    def add(self, place: str, article: Article, body: str | None, looks: int, derived: bool) -> bool:
        """Count an article. Return whether its id had another reading before."""
        missing = sum(
            1 << at for at, name in enumerate(FIELDS) if not (body if name == "body" else vars(article)[name])
        )
        fullness = len(article.title) + len(article.lead or "") + len(body or "")
        keys = (_key(article.title), _key(body) if body else None)
        title = cut(article.title, _SHOWN_TEXT)
        ((number, readings),) = self._database.execute(
            _ADD, (article.id, int(derived), place, place, fullness, title, *keys, missing, looks)
        ).fetchall()
        for paragraph in set((body or "").split("\n")):
            if any(map(str.isalpha, paragraph)):
                self._add_paragraph(number, paragraph)
        return bool(readings > 1)

    def _add_paragraph(self, number: int, paragraph: str) -> None:
        key = _key(paragraph)
        if self._database.execute("SELECT 1 FROM paragraphs WHERE key = ? LIMIT 1", (key,)).fetchone():
            shown_text = cut(paragraph, _SHOWN_TEXT)
            self._database.execute("INSERT OR IGNORE INTO repeated VALUES (?, ?)", (key, shown_text))
        self._database.execute("INSERT OR IGNORE INTO paragraphs VALUES (?, ?)", (key, number))

    def _count(self, query: str, *values: object) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {query}", values).fetchone()[0])  # noqa: S608

    def articles(self) -> int:
        """Return the number of ids."""
        return self._count("articles")

    def missing(self) -> dict[str, int]:
        """Return for each field the number of articles without it."""
        return {name: self._count("articles WHERE missing & ?", 1 << at) for at, name in enumerate(FIELDS)}

    def findings(self) -> Iterator[Finding]:
        """Yield what looks wrong."""
        for look in LOOKS:
            flag = FLAGS[look.kind]
            count = self._count("articles WHERE looks & ?", flag)
            if count:
                yield Finding(look.severity, look.kind, count, look.text, self._examples("looks & ?", flag))
        yield from self._boilerplate()
        yield from self._shared("title", "shared_title", MANY_TITLES, "articles share their title with others")
        yield from self._shared("body", "equal_body", 2, "articles have the body of another id")
        yield from self._duplicates()

    def _examples(self, where: str, *values: object) -> list[str]:
        rows = self._database.execute(
            f"SELECT place, id, shown FROM articles WHERE {where} ORDER BY number LIMIT {_EXAMPLES}",  # noqa: S608
            values,
        )
        return [f"{place}: {article_id}: {title}" for place, article_id, title in rows]

    def _boilerplate(self) -> Iterator[Finding]:
        bodies = self._count("articles WHERE body IS NOT NULL")
        if bodies < BOILERPLATE_ARTICLES:
            return
        rows = self._database.execute(
            "SELECT shown, count(*) AS n FROM paragraphs JOIN repeated USING (key) GROUP BY key HAVING n > ? "
            "ORDER BY n DESC, shown",
            (BOILERPLATE_SHARE * bodies,),
        ).fetchall()
        if rows:
            examples = [f"in {n} of {bodies}: {paragraph}" for paragraph, n in rows[:_EXAMPLES]]
            text = f"paragraphs stand in more than {BOILERPLATE_SHARE:.0%} of the articles"
            yield Finding(Severity.WARNING, "boilerplate", len(rows), text, examples)

    def _shared(self, column: str, kind: str, least: int, text: str) -> Iterator[Finding]:
        """Yield a finding with the number of articles that share a column's value with at least `least` - 1 others."""
        groups = self._database.execute(
            f"SELECT {column}, count(*) AS n FROM articles WHERE {column} IS NOT NULL "  # noqa: S608
            f"GROUP BY {column} HAVING n >= ? ORDER BY n DESC, min(number)",
            (least,),
        ).fetchall()
        if groups:
            examples = []
            for key, n in groups[:_EXAMPLES]:
                found = self._examples(f"{column} = ?", key)
                examples.append(f"{n} times: {found[0]}; {', '.join(e.split(': ', 1)[0] for e in found[1:])}")
            yield Finding(Severity.WARNING, kind, sum(n for _, n in groups), text, examples)

    def _duplicates(self) -> Iterator[Finding]:
        for derived, severity, kind, rule in (
            (0, Severity.WARNING, "duplicate_id", "the last line wins"),
            (1, Severity.NOTE, "repeated_reading", "the fuller reading wins"),
        ):
            where = "articles WHERE readings > 1 AND derived = ?"
            count = self._count(where, derived)
            rows = self._database.execute(
                f"SELECT id, readings, first, place FROM {where} ORDER BY number LIMIT {_EXAMPLES}",  # noqa: S608
                (derived,),
            )
            examples = [f"{i}: {n} readings, the first {first}; {place} wins" for i, n, first, place in rows]
            if count:
                yield Finding(severity, kind, count, f"ids stand on several lines; {rule}", examples)
