"""What readers search for, without anything personal: folded queries by the hour, how often, with how many hits.

No address, no id, no exact time; nothing that looks like an e-mail address, a telephone or an ID number, and nothing so
long that it may be somebody's text.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from indexer.text import fold
from service.observing.hourly import DAY, HOUR, HourlyLog, Row, reading

FILE = "queries.sqlite"
MAX_QUERY = 120
"""Characters; longer ones are pasted texts."""

_PERSONAL = re.compile(
    r"\S@\S"  # an e-mail address
    r"|(?:\d[ .\-()]{0,2}){8,}\d"  # nine digits or more: a telephone, an ID card, an account
    r"|\b[a-z]\d{7,8}\b"  # a passport
)


class Asked(NamedTuple):
    """What the log says of one query over some days.

    :param asked: How often it was asked.
    :param empty: How often there was no hit.
    :param hits: How many there were last.
    """

    query: str
    asked: int
    empty: int
    hits: int


def kept_as(query: str) -> str | None:
    """Return the form in which a query is kept, None where it must not be."""
    plain = fold(" ".join(query.split()))
    return None if not plain or len(plain) > MAX_QUERY or _PERSONAL.search(plain) else plain


class QueryLog(HourlyLog):
    """The log of one process."""

    what = "queries"
    table = "queries"
    schema = """
CREATE TABLE IF NOT EXISTS queries (
    hour INTEGER NOT NULL, query TEXT NOT NULL, asked INTEGER NOT NULL, empty INTEGER NOT NULL, hits INTEGER NOT NULL,
    PRIMARY KEY (hour, query)
) WITHOUT ROWID;
"""
    upsert = (
        "INSERT INTO queries VALUES (?, ?, ?, ?, ?) ON CONFLICT (hour, query) DO UPDATE SET "
        "asked = asked + excluded.asked, empty = empty + excluded.empty, hits = excluded.hits"
    )
    thin = (
        "DELETE FROM queries WHERE query IN (SELECT query FROM queries ORDER BY asked "
        "LIMIT (SELECT count(*) / 2 + 1 FROM queries))"
    )

    def note(self, query: str, hits: int) -> None:
        """Have a query kept, in time; takes some microseconds and never fails."""
        plain = kept_as(query)
        if plain is not None:
            self.put((int(time.time()) // HOUR * HOUR, plain, hits))

    def totals(self, waiting: Sequence[Row]) -> list[Row]:
        """Return hour, query, how often it was asked, how often in vain, and how many hits there were last."""
        asked = Counter((hour, query) for hour, query, _ in waiting)
        empty = Counter((hour, query) for hour, query, hits in waiting if not hits)
        last = {(hour, query): hits for hour, query, hits in waiting}
        return [(*key, asked[key], empty[key], last[key]) for key in asked]


def read(path: Path, days: int) -> list[Asked]:
    """Return what was asked in the last days, what was asked most first.

    :raises OSError: if there is no log, or none that can be read.
    """
    with reading(path, "no query has been kept: is the setting query_log on?") as database:
        rows = database.execute(  # beside max(hour), SQLite takes the hits of that hour's row
            "SELECT query, sum(asked), sum(empty), hits, max(hour) FROM queries WHERE hour >= ? "
            "GROUP BY query ORDER BY sum(asked) DESC, query",
            (int(time.time()) - days * DAY,),
        )
        return [Asked(query, asked, empty, hits) for query, asked, empty, hits, _ in rows]
