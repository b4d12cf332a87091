"""An archive out again, in forms that other programs read: archive lines, vectors, related lists.

Owns what stands in each file and in which order: that of the articles' ids, so that two exports of one archive are
equal however it lies in segments. A file is written beside its place and takes it once it is whole. Knows nothing of
the command line, and holds some hundred articles at a time.
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
"""Told the stage, how much of it is done, and of how much."""

COLUMNS = (
    *("id", "title", "position", "related_id", "related_title", "related_url"),
    *("score", "relevance", "reasons"),
)
"""The columns of the table of related lists; `position` counts from 1, `reasons` are parted by `; `."""

_AT_ONCE = 512
_REMEMBERED = 1 << 15
"""How many articles' titles and addresses are kept while a table is written: some tens of megabytes at most."""
_RISKY = frozenset("=+-@\t\r\n＝＋－＠'")
"""What no cell begins with: the first characters of formulas (OWASP, CSV Injection), and the mark itself."""


def chosen(searcher: Searcher, public: bool) -> Rows:
    """Return the rows to export, in the order of their ids, (n,) int64.

    :param public: Only what readers may see now; else what is under embargo too, and nothing that is gone.
    """
    return searcher.archive.by_id(searcher.public() if public else searcher.archive.there())


def write_articles(searcher: Searcher, rows: Rows, path: Path, show: Show) -> int:
    """Write archive lines as `index` takes them, and return how many.

    :param rows: (n,) int64.
    :raises OSError: if not all could be written; then nothing is.
    """
    with whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for start in _starts(rows, "articles", show):
            file.writelines(line + "\n" for line in searcher.archive.lines(rows[start : start + _AT_ONCE]))
    return len(rows)


def ids_path(path: Path) -> Path:
    """Return where the ids lie that belong to a file of vectors."""
    return path.with_suffix(".ids.txt")


def write_vectors(searcher: Searcher, rows: Rows, path: Path, show: Show) -> int:
    """Write the raw vectors of articles, (v, dim) float32, and at `ids_path` the article's id of each, a line each.

    An article that owns several has as many rows, one after the other; articles of one text have equal rows.

    :param rows: (n,) int64.
    :return: v.
    :raises OSError: if not all could be written; then nothing is.
    """
    archive, names = searcher.archive, ids_path(path)
    counts = archive.vector_counts(rows)
    shape = (int(counts.sum()), archive.manifest.encoder.dim)
    ends = np.cumsum(counts)
    with whole(names, path) as partial, beside(names).open("w", encoding="utf-8", newline="\n") as ids:
        raw = arrays.new(partial, np.float32, shape)
        for start in _starts(rows, "vectors", show):
            some = rows[start : start + _AT_ONCE].tolist()
            for at, (row, article) in enumerate(zip(some, archive.summaries(some), strict=True), start):
                ids.write(f"{article.id}\n" * int(counts[at]))
                raw[ends[at] - counts[at] : ends[at]] = archive.vectors(row)
        raw.flush()
    return shape[0]


def all_lists(
    searcher: Searcher, params: RelatedParams, rows: Rows | None = None
) -> tuple[Iterator[BatchListOut], int]:
    """Return the related lists of public articles, their ages counted to one moment, and how many there are.

    :param rows: Of the seeds, (n,) int64; all public ones by default, as they lie in the archive.
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
    """Write the related lists of all public articles, and return how many.

    As a table (`COLUMNS`) where the name ends in .csv, else a line of JSON each, as `related:batch` answers.

    :raises OSError: if not all could be written; then nothing is.
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
    """Return a cell as a spreadsheet takes it for text: an apostrophe before what might begin a formula.

    What begins with an apostrophe gets another, so that taking the first one away always gives back what it was.
    """
    return f"'{cell}" if cell and cell[0] in _RISKY else cell


class _Table:
    """Lists as lines of CSV (RFC 4180), with the byte order mark by which spreadsheets know UTF-8."""

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
    """Yield where each portion of (n,) rows begins, telling how much is done."""
    show(stage, 0, len(rows))
    for start in range(0, len(rows), _AT_ONCE):
        yield start
        show(stage, min(start + _AT_ONCE, len(rows)), len(rows))


def purge(path: Path, is_its: Callable[[object], bool]) -> int | None:
    """Take an article out of a file that was written here, and return how many lines went.

    :param is_its: Says of a value of JSON, or of a row's cells as a list, whether it is of the article.
    :return: None of a file of another kind, which is left as it is.
    :raises OSError: if it cannot be read or written; then it is as it was.
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
