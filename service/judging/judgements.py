"""Judgements of lists: who graded which article for which query, and when. A file beside the snapshots.

Owns its SQL, and how the judgements of several people become one grade. Knows nothing of HTTP or of searching.

Nothing is overwritten: a person's last judgement of an article counts, and a withdrawn one is marked.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from indexer.metrics import Qrels
from service.errors import CannotWrite, NotReady
from service.files import database

logger = logging.getLogger(__name__)

FILE = "judgements.sqlite"

JudgementKind = Literal["search", "related"]
"""The kind of list that was judged: the answer to a query, or the related list of an article."""
KINDS: tuple[JudgementKind, ...] = get_args(JudgementKind)

MergeMode = Literal["majority", "latest"]
"""How several people's grades are merged: the commonest (in a tie the latest of these), or the latest."""
MERGINGS: tuple[MergeMode, ...] = get_args(MergeMode)

TOP_GRADE = 3
"""The highest grade; 0 is not relevant."""

_FORMAT = 1
_SCHEMA = f"""
CREATE TABLE judged (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, query TEXT NOT NULL, article TEXT NOT NULL, judge TEXT NOT NULL,
    grade INTEGER NOT NULL, given REAL NOT NULL, undone REAL
) STRICT;
CREATE INDEX by_query ON judged (kind, query);
PRAGMA user_version = {_FORMAT};
"""
_IN_FORCE = """
SELECT query, article, judge, grade, given FROM judged WHERE id IN (
    SELECT max(id) FROM judged
    WHERE kind = ?1 AND (?2 IS NULL OR query = ?2) AND given <= ?3 AND (undone IS NULL OR undone > ?3)
    GROUP BY query, article, judge
) ORDER BY id
"""
_LAST = """
SELECT id, article FROM judged WHERE kind = ? AND query = ? AND judge = ? AND undone IS NULL ORDER BY id DESC LIMIT 1
"""
_GIVE = "INSERT INTO judged (kind, query, article, judge, grade, given) VALUES (?, ?, ?, ?, ?, ?)"
_EVER = 1e12


class Judgement(NamedTuple):
    """One person's grade for one article.

    :param query: The text of a search, or the id of the article whose related list was judged.
    :param given: Seconds since 1970.
    """

    query: str
    article: str
    judge: str
    grade: int
    given: float


class JudgementStore:
    """The judgements of one home. Safe to share between threads and processes. The first judgement creates the file.

    :param home: The directory that holds snapshots.
    :param clock: Seconds since 1970.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / FILE
        self._clock = clock

    def give(self, kind: JudgementKind, query: str, article: str, judge: str, grade: int) -> None:
        """Store a judgement; it is on disk when this returns.

        :raises ValueError: if there is no such grade.
        :raises CannotWrite: if it cannot be written.
        """
        if not 0 <= grade <= TOP_GRADE:
            raise ValueError(f"grade: {grade}: expected 0 to {TOP_GRADE}")
        with self._writing() as db:
            db.execute(_GIVE, (kind, query, article, judge, grade, self._clock()))

    def take_back(self, kind: JudgementKind, query: str, judge: str) -> str | None:
        """Withdraw a person's last judgement on a query, so that their earlier one counts again.

        :return: The article judged, None if there is none left.
        :raises CannotWrite: if it cannot be written.
        """
        if not self._path.exists():
            return None
        with self._writing() as db:
            db.execute("BEGIN IMMEDIATE")
            last = db.execute(_LAST, (kind, query, judge)).fetchone()
            if last is not None:
                db.execute("UPDATE judged SET undone = ? WHERE id = ?", (self._clock(), last[0]))
            db.execute("COMMIT")
        return None if last is None else str(last[1])

    def of(self, kind: JudgementKind, query: str | None = None, until: float = _EVER) -> list[Judgement]:
        """Return each person's last judgement of each article, without withdrawn ones, oldest first.

        :param query: None for all judged queries.
        :param until: Return the state at this time.
        :raises NotReady: if the file cannot be read.
        """
        if not self._path.exists():
            return []
        try:
            with database.opened(self._path, _FORMAT) as db:
                return [Judgement(*row) for row in db.execute(_IN_FORCE, (kind, query, until))]
        except sqlite3.Error as error:
            logger.error("%s: cannot be read: %s", self._path, error)
            raise NotReady("the judgements cannot be read; the log says why") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            database.make(self._path, _SCHEMA)
            with database.opened(self._path, _FORMAT) as db:
                yield db
        except (sqlite3.Error, OSError) as error:
            logger.error("%s: cannot be written: %s", self._path, error)
            raise CannotWrite("the judgement cannot be written; the log says why") from None


def merged(judgements: Iterable[Judgement], by: MergeMode = "majority") -> Qrels:
    """Return one grade for each query and article. The keys are queries themselves, not their `query_id`.

    :param judgements: One for each person and article, oldest first.
    """
    given: dict[str, dict[str, list[int]]] = {}
    for one in judgements:
        given.setdefault(one.query, {}).setdefault(one.article, []).append(one.grade)
    choose = _commonest if by == "majority" else _latest
    return {
        query: {article: float(choose(grades)) for article, grades in held.items()} for query, held in given.items()
    }


def _latest(grades: list[int]) -> int:
    return grades[-1]


def _commonest(grades: list[int]) -> int:
    counts = Counter(grades)
    most = max(counts.values())
    return next(grade for grade in reversed(grades) if counts[grade] == most)


def query_id(kind: JudgementKind, query: str) -> str:
    """Return a query's id in qrels: an article's id, or a text's digest."""
    return query if kind == "related" else "q-" + hashlib.sha256(query.encode()).hexdigest()[:12]


def as_qrels(kind: JudgementKind, qrels: Qrels) -> str:
    """Return merged judgements in the format of `lienquan evaluate --qrels`, tab-separated."""
    rows = [
        f"{query_id(kind, query)}\t{article}\t{grade:g}\n"
        for query, held in qrels.items()
        for article, grade in held.items()
    ]
    return "query-id\tcorpus-id\tscore\n" + "".join(rows)


def as_queries(kind: JudgementKind, qrels: Qrels) -> str:
    """Return the judged queries in the format of `lienquan evaluate --queries`, JSON Lines of id and text."""
    return "".join(_line({"id": query_id(kind, query), "text": query}) for query in qrels)


def as_lines(kind: JudgementKind, judgements: Iterable[Judgement]) -> str:
    """Return all single judgements as JSON Lines: who gave which grade, when."""
    return "".join(_line({"kind": kind, "id": query_id(kind, one.query), **one._asdict()}) for one in judgements)


def as_file(name: str, kind: JudgementKind, held: Sequence[Judgement], by: MergeMode) -> str | None:
    """Return the content of a file to download, None if there is no such file."""
    match name:
        case "qrels.tsv":
            return as_qrels(kind, merged(held, by))
        case "queries.jsonl":
            return as_queries(kind, merged(held, by))
        case "judgements.jsonl":
            return as_lines(kind, held)
    return None


def _line(values: dict[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
