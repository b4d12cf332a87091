"""Exports an archive in forms that other programs read: archive lines, vectors, related lists.

Owns the content and the order of each file. Articles are sorted by id, so two exports of one archive are equal for any
segments. A file is written under another name, and renamed once it is complete. Holds some hundred articles in memory
at a time. Knows nothing of the command line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from indexer.articles.summaries import Summary
from indexer.files import arrays
from indexer.files.arrays import Rows
from service.answers import written
from service.answers.shapes import BatchListOut
from service.files.whole import beside, whole
from service.schemas import BatchLine, RelatedParams
from service.searcher import Searcher

Show = Callable[[str, int, int | None], None]
"""Called with the stage, the amount done, and the total."""

COLUMNS = (
    *("id", "title", "position", "related_id", "related_title", "related_url"),
    *("score", "relevance", "reasons"),
)
"""The columns of the table of related lists; `position` counts from 1, `reasons` are separated by `; `."""

_AT_ONCE = 512
_REMEMBERED = 1 << 15
"""The most titles and addresses kept while a table is written: some tens of megabytes."""
_RISKY = frozenset("=+-@\t\r\n＝＋－＠'")
"""Characters that must not begin a cell: those of formulas (OWASP, CSV Injection), and the apostrophe itself."""


def chosen(searcher: Searcher, public: bool) -> Rows:
    """Return the rows to export, in the order of their ids, (n,) int64.

    :param public: Whether only articles that are public now are exported; otherwise also those under embargo. Deleted
        ones never are.
    """
    return searcher.archive.by_id(searcher.public() if public else searcher.archive.there())


def write_articles(searcher: Searcher, rows: Rows, path: Path, show: Show) -> int:
    """Write archive lines, which `index` reads, and return their number.

    :param rows: (n,) int64.
    :raises OSError: if writing fails; then there is no file.
    """
    with whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for start in _starts(rows, "articles", show):
            file.writelines(line + "\n" for line in searcher.archive.lines(rows[start : start + _AT_ONCE]))
    return len(rows)


def ids_path(path: Path) -> Path:
    """Return the path of the ids that belong to a file of vectors."""
    return path.with_suffix(".ids.txt")


def write_vectors(searcher: Searcher, rows: Rows, path: Path, show: Show) -> int:
    """Write the raw vectors of articles, (n, dim) float32, and to `ids_path` a line with the article's id for each.

    Articles of one text have equal rows.

    :param rows: (n,) int64.
    :return: The number of vectors, n.
    :raises OSError: if writing fails; then there is no file.
    """
    archive, names = searcher.archive, ids_path(path)
    shape = (len(rows), archive.manifest.encoder.dim)
    with whole(names, path) as partial, beside(names).open("w", encoding="utf-8", newline="\n") as ids:
        raw = arrays.new(partial, np.float32, shape)
        for start in _starts(rows, "vectors", show):
            some = rows[start : start + _AT_ONCE]
            ids.writelines(f"{article.id}\n" for article in archive.summaries(some))
            raw[start : start + len(some)] = archive.vectors_of(some)
        raw.flush()
    return shape[0]


def all_lists(
    searcher: Searcher, params: RelatedParams, rows: Rows | None = None
) -> tuple[Iterator[BatchListOut], int]:
    """Return the related lists of public articles, with all ages relative to one moment, and their number.

    :param rows: (n,) int64 rows of the seeds; by default all public ones in the archive's order.
    """
    clock = datetime.now(UTC)
    seeds = np.flatnonzero(searcher.public(clock)) if rows is None else rows

    def asked() -> Iterator[BatchLine]:
        for start in range(0, len(seeds), _AT_ONCE):
            for article in searcher.archive.summaries(seeds[start : start + _AT_ONCE]):
                yield BatchLine(id=article.id, exclude_ids=params.exclude_ids)

    aged = params.model_copy(update={"now": params.now or clock})
    return written.batch_lists(searcher, asked(), aged), len(seeds)


def write_related(searcher: Searcher, params: RelatedParams, path: Path, show: Show) -> int:
    """Write the related lists of all public articles, and return their number.

    The file is a table (`COLUMNS`) if its name ends in .csv, else JSON Lines like the answer of `related:batch`.

    :raises OSError: if writing fails; then there is no file.
    """
    lists, count = all_lists(searcher, params, chosen(searcher, public=True))
    table = _Table(searcher) if path.suffix.lower() == ".csv" else None
    show("related", 0, count)
    with whole(path) as partial, partial.open("wb") as file:
        if table is not None:
            file.write(table.head())
        for done, listed in enumerate(lists, 1):
            file.write(written.batch_line(listed) if table is None else table.rows(listed))
            show("related", done, count)
    return count


def defused(cell: str) -> str:
    """Return a cell that a spreadsheet takes for text: an apostrophe goes before the possible start of a formula.

    A cell that begins with an apostrophe gets another one, so that removing the first always restores the cell.
    """
    return f"'{cell}" if cell and cell[0] in _RISKY else cell


class _Table:
    """Lists as lines of CSV (RFC 4180), with the byte order mark by which spreadsheets recognise UTF-8."""

    def __init__(self, searcher: Searcher) -> None:
        archive, public = searcher.archive, searcher.public()

        @lru_cache(maxsize=_REMEMBERED)
        def told(article_id: str) -> Summary | None:
            row = archive.find(article_id, public)
            return None if row is None else archive.summaries([row])[0]

        self._told = told

    def head(self) -> bytes:
        """Return the names of the columns."""
        return b"\xef\xbb\xbf" + _line(COLUMNS)

    def rows(self, listed: BatchListOut) -> bytes:
        """Return a line for each article of a list."""
        seed = self._told(listed.id)
        lines = b""
        for position, hit in enumerate(listed.hits or (), 1):
            found = self._told(hit.id)
            lines += _line(
                (
                    *(listed.id, seed.title if seed else "", str(position)),
                    *(hit.id, found.title if found else "", (found.url if found else None) or ""),
                    *(f"{hit.score:.6f}", f"{hit.relevance:.6f}", "; ".join(hit.reasons)),
                )
            )
        return lines


def _line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(map(defused, cells))
    return text.getvalue().encode()


def _starts(rows: Rows, stage: str, show: Show) -> Iterator[int]:
    """Yield the start of each portion of (n,) rows, and report progress."""
    show(stage, 0, len(rows))
    for start in range(0, len(rows), _AT_ONCE):
        yield start
        show(stage, min(start + _AT_ONCE, len(rows)), len(rows))


def purge(path: Path, is_its: Callable[[object], bool]) -> int | None:
    """Remove an article from an exported file, and return the number of removed lines.

    :param is_its: Returns whether a JSON value, or a row's cells as a list, belongs to the article.
    :return: None for a file of another kind, which is left unchanged.
    :raises OSError: if it cannot be read or written; then it is unchanged.
    """
    if path.suffix == ".npy":
        return _purge_vectors(path, is_its)
    if path.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        return None
    table = path.suffix.lower() == ".csv"
    coding = "utf-8-sig" if table else "utf-8"
    with path.open(encoding=coding, newline="") as file:
        rows: list[Any] = list(csv.reader(file)) if table else list(file)
    kept = [row for row in rows if not is_its(row if table else _value(row))]
    if len(kept) < len(rows):
        with whole(path) as partial, partial.open("w", encoding=coding, newline="") as file:
            if table:
                csv.writer(file).writerows(kept)
            else:
                file.writelines(kept)
    return len(rows) - len(kept)


def _value(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _purge_vectors(path: Path, is_its: Callable[[object], bool]) -> int:
    names = ids_path(path)
    ids = names.read_text(encoding="utf-8").splitlines()
    kept = [at for at, one in enumerate(ids) if not is_its({"id": one})]
    if len(kept) < len(ids):
        vectors = np.array(arrays.mapped(path))[kept]
        with whole(names, path) as partial:
            beside(names).write_text("".join(f"{ids[at]}\n" for at in kept), encoding="utf-8")
            with partial.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)
    return len(ids) - len(kept)
