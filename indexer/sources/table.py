"""Tables with a header line, CSV and TSV, with an article in each row.

Owns which column is which field. `indexer.sources.rows` reads encodings and cells; `indexer.articles.article` validates
fields.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.articles.article import FIELDS
from indexer.errors import SourceError
from indexer.sources import rows
from indexer.sources.reading import BadLine, Reading, SourceOptions
from indexer.sources.stream import Stream
from indexer.text import addresses, folding
from indexer.text.folding import normalised

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""Ending of a file -> its usual delimiter."""

_CANDIDATES = ",;\t|"
_LISTS = frozenset({"tags", "aliases"})
_BETWEEN_ITEMS = re.compile("[;|]")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def read(stream: Stream, options: SourceOptions, promised: str) -> Iterator[Reading | BadLine]:
    """Yield a reading for each row below the header; skip blank rows.

    :param promised: The delimiter, unless the header uses another one.
    :raises SourceError: if there is no header, names no title, or lacks a column that the options name.
    """
    found = rows.read(stream, options.encoding, lambda line: _delimiter(line, options.columns, promised))
    header = next(found, None)
    if isinstance(header, BadLine) and stream.damage:
        yield header
        return
    if not isinstance(header, rows.TableRow):
        raise SourceError(f"header line: {header.reason if header else 'expected names of columns, found nothing'}")
    columns = _columns([normalised("NFC", cell).strip() for cell in header.cells], options.columns)
    for row in found:
        yield row if isinstance(row, BadLine) else columns.reading(row)


def _key(header: str) -> str:
    """Return the form in which headers are compared."""
    return _BETWEEN_WORDS.sub("", normalised("NFC", header).casefold())


_FIELD_OF = {_key(name): name for name in FIELDS}


def _delimiter(line: str, given: Mapping[str, str], promised: str) -> str:
    """Return the delimiter with the most known names in a header; in a tie the promised one, then the most cells."""
    known = {*_FIELD_OF, *map(_key, given.values())}

    def rank(delimiter: str) -> tuple[int, bool, int]:
        cells = [_key(cell.strip().strip('"')) for cell in line.split(delimiter)]
        return len(known.intersection(cells)), delimiter == promised and len(cells) > 1, len(cells)

    best: str = max([promised, *_CANDIDATES], key=rank)
    return best


@dataclass(frozen=True)
class _Columns:
    """The columns of a table.

    :param fields: Field of the archive line -> column.
    :param others: Name of any other field -> column.
    :param count: The number of columns.
    """

    fields: Mapping[str, int]
    others: Mapping[str, int]
    count: int

    def reading(self, row: rows.TableRow) -> Reading | BadLine:
        """Return the reading of a row; empty cells are left out."""
        if len(row.cells) != self.count:
            return BadLine(row.line, row.raw, f"expected {self.count} cells, found {len(row.cells)}")
        given: dict[str, Any] = {name: row.cells[at] for name, at in self.others.items() if row.cells[at].strip()}
        for name, at in self.fields.items():
            cell = row.cells[at].strip()
            if cell:
                given[name] = _items(cell) if name in _LISTS else cell
        derived = None if "id" in self.fields else _derived_id(given)
        return Reading(row.line, {"id": derived, **given} if derived else given, derived=derived is not None)


def _items(cell: str) -> list[str]:
    return [item.strip() for item in _BETWEEN_ITEMS.split(cell) if item.strip()]


def _derived_id(given: Mapping[str, Any]) -> str | None:
    if url := given.get("url"):
        return addresses.derived_id("u", addresses.url_key(url))
    return addresses.derived_id("t", folding.fold(folding.clean(given["title"]))) if "title" in given else None


def _columns(headers: Sequence[str], given: Mapping[str, str]) -> _Columns:
    """Assign columns to fields: first by the options, then by their names.

    :raises SourceError: if a column is missing, or two columns could be one field.
    """
    fields = {field: _column(headers, field, name) for field, name in given.items()}
    for at, header in enumerate(headers):
        field = _FIELD_OF.get(_key(header))
        if field is None or field in given or at in fields.values():
            continue
        if field in fields:
            raise SourceError(f"header line: {headers[fields[field]]!r} and {header!r} are both {field}: expected one")
        fields[field] = at
    if "title" not in fields:
        raise SourceError(f"header line: no column is the title: map it to one of {_listed(headers)}")
    others: dict[str, int] = {}
    times: Counter[str] = Counter(FIELDS)  # another column with the name of a field needs a new name
    for at, header in enumerate(headers):
        if header and at not in fields.values():
            times[header] += 1
            others[header if times[header] == 1 else f"{header} ({times[header]})"] = at
    return _Columns(fields, others, len(headers))


def _column(headers: Sequence[str], field: str, name: str) -> int:
    exact = [at for at, header in enumerate(headers) if header == normalised("NFC", name).strip()]
    found = exact or [at for at, header in enumerate(headers) if _key(header) == _key(name)]
    if len(found) == 1:
        return found[0]
    fault = "no column" if not found else "more than one column"
    raise SourceError(f"header line: {field}={name}: {fault} of this name: expected one of {_listed(headers)}")


def _listed(headers: Sequence[str]) -> str:
    return ", ".join(repr(header) for header in headers if header)
