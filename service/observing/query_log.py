"""The log of readers' queries, without anything personal: folded queries by the hour, with counts and hits.

A query is stored once five callers have typed it, or it was typed on five days. Until then nothing readable of it is
written (`rare`). There is no address, no id, no exact time. As a second protection, a query is never stored if it looks
like an e-mail address, a telephone or ID number or a number plate, or is long enough to be somebody's text.
"""

from __future__ import annotations

import re
import sqlite3
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from indexer.text.folding import fold
from service.observing.hourly import DAY, HOUR, HourlyLog, HourlyRow, reading
from service.observing.rare import KEY_FILE, SCHEMA, QueryTyping, RareQueries

FILE = "queries.sqlite"
MAX_QUERY = 120
"""The most characters of a query; longer ones are pasted texts."""

_FORM = 2
"""The version of the file. The first version held queries that only one reader had typed."""

_PERSONAL = re.compile(
    r"\S ?@ ?\S"  # an e-mail address
    r"|\b(at|a cong)[\])]? ?(gmail|yahoo|hotmail|outlook|icloud)\b"  # an e-mail address that is spelt out
    r"|(?:\d[ .\-()]{0,2}){8,}\d"  # nine digits or more: a telephone, an ID card, an account
    r"|\b[a-z] ?\d{7,8}\b"  # a passport
    r"|\b\d\d[ .\-]?[a-z]{1,2}\d?[ .\-]{0,3}\d{3}[ .]?\d{1,2}\b"  # a number plate
)


class QueryCounts(NamedTuple):
    """The counts of one query over some days.

    :param asked: How often it was asked.
    :param empty: How often it had no hit.
    :param hits: Its last number of hits.
    """

    query: str
    asked: int
    empty: int
    hits: int


def kept_as(query: str) -> str | None:
    """Return the form in which a query is stored, None if it must not be stored."""
    plain = fold(" ".join(unicodedata.normalize("NFKC", query).split()))
    return None if not plain or len(plain) > MAX_QUERY or _PERSONAL.search(plain) else plain


class QueryLog(HourlyLog):
    """The log of one process."""

    what = "queries"
    table = "queries"
    version = _FORM
    schema = (
        SCHEMA
        + """
CREATE TABLE IF NOT EXISTS queries (
    hour INTEGER NOT NULL, query TEXT NOT NULL, asked INTEGER NOT NULL, empty INTEGER NOT NULL, hits INTEGER NOT NULL,
    PRIMARY KEY (hour, query)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_query ON queries (query);
"""
    )
    upsert = (
        "INSERT INTO queries VALUES (?, ?, ?, ?, ?) ON CONFLICT (hour, query) DO UPDATE SET "
        "asked = asked + excluded.asked, empty = empty + excluded.empty, hits = excluded.hits"
    )
    thin = (
        "DELETE FROM queries WHERE query IN (SELECT query FROM queries ORDER BY asked "
        "LIMIT (SELECT count(*) / 2 + 1 FROM queries))"
    )

    def note(self, query: str, hits: int, caller: str) -> None:
        """Count a query; it is stored once enough callers have typed it. Takes some microseconds and never fails.

        :param caller: The caller, as identified for limits (`addresses.client`).
        """
        plain = kept_as(query)
        if plain is not None:
            self.put((int(time.time()), plain, hits, caller))

    def rows(self, database: sqlite3.Connection, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return the rows to be stored, and count the other queries by marks.

        :raises OSError: if the key of the marks can be neither read nor made.
        """
        typed: dict[str, list[QueryTyping]] = defaultdict(list)
        for seconds, query, hits, caller in waiting:
            typed[str(query)].append(QueryTyping(int(seconds), str(caller), int(hits)))
        rare = RareQueries(database, self._path.with_name(KEY_FILE), int(time.time()), self._bytes // 4)
        found: list[HourlyRow] = []
        for query, typings in typed.items():
            if database.execute("SELECT 1 FROM queries WHERE query = ? LIMIT 1", (query,)).fetchone():
                found += self.totals([(one.seconds, query, one.hits, one.caller) for one in typings])
                continue
            released = rare.add(query, typings)
            if released is not None:  # earlier counts are added to this hour
                last = typings[-1]
                found.append((last.seconds // HOUR * HOUR, query, *released, last.hits))
        return found

    def totals(self, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return hour, query, the count, the count without hits, and the last number of hits."""
        hourly = [(int(seconds) // HOUR * HOUR, query, hits) for seconds, query, hits, _ in waiting]
        asked = Counter((hour, query) for hour, query, _ in hourly)
        empty = Counter((hour, query) for hour, query, hits in hourly if not hits)
        last = {(hour, query): hits for hour, query, hits in hourly}
        return [(*key, asked[key], empty[key], last[key]) for key in asked]


def read(path: Path, days: int) -> list[QueryCounts]:
    """Return the queries of the last days that enough readers asked, the most frequent first.

    :raises OSError: if there is no log, or it cannot be read, or it was stored by other rules.
    """
    with reading(path, "no query has been kept: is the setting query_log on?") as database:
        form = database.execute("PRAGMA user_version").fetchone()[0]
        if form != _FORM:
            raise OSError(f"{path}: form {form}: expected {_FORM}; the service empties it at its next query")
        rows = database.execute(  # with max(hour), SQLite returns the hits of that hour's row
            "SELECT query, sum(asked), sum(empty), hits, max(hour) FROM queries WHERE hour >= ? "
            "GROUP BY query ORDER BY sum(asked) DESC, query",
            (int(time.time()) - days * DAY,),
        )
        return [QueryCounts(query, asked, empty, hits) for query, asked, empty, hits, _ in rows]
