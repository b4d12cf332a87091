"""Which articles of related lists were shown and clicked: counts by the hour, without anything personal.

A row counts an article at a position of the list under another article, with the reason and the arm of a trial. There
is no address, cookie or session, and no time but the hour in which the list was made, so nothing distinguishes readers.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from service.observing.hourly import DAY, HourlyLog, HourlyRow, reading

FILE = "clicks.sqlite"

LEAST_CLICKS = 3
"""The least number of clicks in a day of a most read article."""

_COLUMNS = "hour, seed, position, article, reason, trial, arm"


class ListPosition(NamedTuple):
    """An article's position in a list.

    :param hour: When the list was made, in seconds since 1970, a full hour.
    :param seed: The article that the list is under.
    :param position: From 1.
    :param reason: The code of the first reason.
    :param trial: The trial of the list, empty if there is none.
    :param arm: `a` or `b`: the ranking that gave the article, empty if it was not one of them alone.
    """

    hour: int
    seed: str
    position: int
    article: str
    reason: str
    trial: str = ""
    arm: str = ""


class ClickTally(NamedTuple):
    """How often something was shown and clicked.

    :param key: The thing counted.
    """

    key: str
    shown: int
    clicked: int


class ClickLog(HourlyLog):
    """The log of one process."""

    what = "clicks"
    table = "clicks"
    schema = f"""
CREATE TABLE IF NOT EXISTS clicks (
    hour INTEGER NOT NULL, seed TEXT NOT NULL, position INTEGER NOT NULL, article TEXT NOT NULL, reason TEXT NOT NULL,
    trial TEXT NOT NULL, arm TEXT NOT NULL, shown INTEGER NOT NULL, clicked INTEGER NOT NULL,
    PRIMARY KEY ({_COLUMNS})
) WITHOUT ROWID;
"""
    upsert = (
        f"INSERT INTO clicks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ({_COLUMNS}) DO UPDATE SET "  # noqa: S608
        "shown = shown + excluded.shown, clicked = clicked + excluded.clicked"
    )
    thin = (
        "DELETE FROM clicks WHERE seed IN (SELECT seed FROM clicks GROUP BY seed ORDER BY sum(shown) "
        "LIMIT (SELECT count(DISTINCT seed) / 2 + 1 FROM clicks))"
    )
    most_waiting = 20_000

    def note(self, place: ListPosition, clicked: bool) -> None:
        """Record that an article was shown or clicked; it is stored later. Takes some microseconds and never fails."""
        self.put((*place, int(clicked)))

    def totals(self, waiting: Sequence[HourlyRow]) -> list[HourlyRow]:
        """Return each position with the numbers of times it was shown and clicked."""
        counts = Counter(waiting)
        places = dict.fromkeys(row[:-1] for row in waiting)
        return [(*place, counts[*place, 0], counts[*place, 1]) for place in places]


class ClickCounts:
    """The counts of all processes over a time.

    :param path: The file.
    :param since: Seconds since 1970; earlier hours do not count.
    :param until: Seconds since 1970; this and later hours do not count.
    """

    def __init__(self, path: Path, since: float, until: float) -> None:
        self._path, self._bounds = path, (since, until)

    def total(self) -> ClickTally:
        """Return the total.

        :raises OSError: if there is no readable log. All methods raise it too.
        """
        ((shown, clicked),) = self._rows("SELECT coalesce(sum(shown), 0), coalesce(sum(clicked), 0) {}")
        return ClickTally("", shown, clicked)

    def by(self, column: str) -> list[ClickTally]:
        """Return the counts by `position` or `reason`, in their order."""
        rows = self._rows(f"SELECT {column}, sum(shown), sum(clicked) {{}} GROUP BY {column} ORDER BY {column}")
        return [ClickTally(str(key), shown, clicked) for key, shown, clicked in rows]

    def most_clicked(self, limit: int, least: int) -> list[str]:
        """Return the ids of the most clicked articles, most clicked first.

        :param least: The least number of clicks.
        """
        grouped = (
            "SELECT article, sum(clicked) {} GROUP BY article HAVING sum(clicked) >= ? ORDER BY 2 DESC, article LIMIT ?"
        )
        with self._opened() as database:
            return [
                article for article, _ in database.execute(grouped.format(self._where), (*self._bounds, least, limit))
            ]

    def trials(self) -> list[str]:
        """Return the names of all trials."""
        return [str(name) for (name,) in self._rows("SELECT DISTINCT trial {} AND trial <> '' ORDER BY trial")]

    def arms(self, trial: str, unit: str) -> Iterator[tuple[ClickTally, ClickTally]]:
        """Yield for each unit how often the articles of each arm of a trial were shown and clicked.

        :param unit: `list`, the list under one article in one hour, or `day`, a day in Vietnam.
        """
        group = {"list": "hour, seed", "day": "(hour + 25200) / 86400"}[unit]
        sums = ", ".join(f"sum({what} * (arm = '{arm}'))" for arm in "ab" for what in ("shown", "clicked"))
        with self._opened() as database:
            query = f"SELECT {sums} {self._where} AND trial = ? AND arm <> '' GROUP BY {group}"
            for row in database.execute(query, (*self._bounds, trial)):
                yield ClickTally("a", *row[:2]), ClickTally("b", *row[2:])

    def pairs(self) -> Iterator[tuple[str, str, int, int, int]]:
        """Yield seed, article, position, shown and clicked. The positions of a pair follow each other."""
        query = "SELECT seed, article, position, sum(shown), sum(clicked) {} GROUP BY seed, article, position"
        with self._opened() as database:
            yield from database.execute(query.format(self._where), self._bounds)

    _where = "FROM clicks WHERE hour >= ? AND hour < ?"

    def _rows(self, query: str) -> list[tuple[int, ...]]:
        with self._opened() as database:
            found: list[tuple[int, ...]] = database.execute(query.format(self._where), self._bounds).fetchall()
            return found

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with reading(self._path, "no click has been kept: is the setting clicks on?") as database:
            yield database


def most_read(path: Path, now: float, limit: int) -> list[str]:
    """Return the ids of the most clicked articles of the last day, the most clicked first.

    :param path: The file of the log.
    :param now: Seconds since 1970.
    :raises OSError: if there are no clicks yet, or the log is being rebuilt.
    """
    return ClickCounts(path, now - DAY, now + 1).most_clicked(limit, LEAST_CLICKS)
