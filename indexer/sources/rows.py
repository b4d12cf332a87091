"""From the bytes of a table to its rows: the encoding, the lines, the cells.

Knows nothing of articles. A row that cannot be read costs only that row. After a quote that is never closed, reading
goes on at the line after the quote's line, so no other row is lost.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import charset_normalizer

from indexer.errors import SourceError
from indexer.sources.reading import BadLine
from indexer.sources.stream import MAX_LINE, Stream

_PREFIX = 2**18
"""Bytes of a table that are examined to detect its encoding."""

MAX_ROW_LINES = 10_000
"""The most lines of a row. Beyond that, a quote was not closed."""

TOO_LONG = f"expected a row of at most {MAX_ROW_LINES} lines and {MAX_LINE // 2**20} MiB: is a quote not closed?"

_READ_AGAIN = 8
"""How many times the text read so far may be read again, in total, after rows were given up."""
_READ_AGAIN_AT_FIRST = 2**22
"""The least number of characters that may be read again, however short the table is."""
_LINE_COST = 32
"""The cost of a line beside its characters, in characters."""
_SHOWN = 1000
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LEGACY = ("cp1258", "cp1252")  # the first wins a tie: they differ in letters that only Vietnamese has
_WIDE = ("utf_16_le", "utf_16_be")
_ESCAPED = re.compile(r"[\udc80-\udcff]")


@dataclass(frozen=True)
class TableRow:
    """A row: its cells, the number of its first line, from 1, and the text there."""

    line: int
    cells: list[str]
    raw: str = field(repr=False)


def read(stream: Stream, encoding: str | None, delimiter_of: Callable[[str], str]) -> Iterator[TableRow | BadLine]:
    """Yield the rows that are not blank, and a bad line for each faulty one.

    :param encoding: Detected if None.
    :param delimiter_of: Returns the delimiter, given the first line.
    :raises SourceError: if the encoding cannot be detected.
    """
    head = io.BufferedReader(stream).read(_PREFIX)
    encoding = encoding or _found_encoding(head)
    rest = iter(lambda: stream.read(2**16) or b"", b"")
    whole = io.BufferedReader(Stream(chain([head], rest)))
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    errors = "surrogateescape" if is_utf8 else "replace"
    lines = _Lines(io.TextIOWrapper(whole, encoding, errors, newline=""))
    for row in _rows(stream, lines, delimiter_of(lines.first())):
        yield row if isinstance(row, BadLine) else _checked(row, encoding if not is_utf8 else None)


def _rows(stream: Stream, lines: _Lines, delimiter: str) -> Iterator[TableRow | BadLine]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    cells = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            row = next(cells)
        except StopIteration:
            break
        except _TooLongError:
            yield lines.fail(TOO_LONG)
            continue
        except csv.Error as error:
            if stream.damage and lines.ended:
                yield lines.bad(stream.damage)
                return
            if delimiter == "\t" and lines.rewind():  # in TSV a quote may be an ordinary character
                yield lines.row(lines.taken[0].text.rstrip("\r\n").split("\t"))
            else:
                yield lines.fail(f"expected cells, quoted where they hold quotes or line ends: {error}")
            continue
        if stream.damage and not lines.taken[-1].text.endswith(("\n", "\r")):
            yield lines.bad(stream.damage)
            return
        if any(cell.strip() for cell in row):
            yield lines.row(row)
    if stream.damage:
        yield BadLine(lines.number + 1, "", stream.damage, incomplete=True)


def _checked(row: TableRow, encoding: str | None) -> TableRow | BadLine:
    """Return the row, or a bad line if its characters are damaged.

    :param encoding: None for UTF-8.
    """
    if "\0" in row.raw:
        return BadLine(row.line, row.raw, "expected text, found NUL; if the table is in UTF-16, name that encoding")
    if encoding is None and (stray := _ESCAPED.search(row.raw)):
        raw = row.raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return BadLine(row.line, raw, f"expected UTF-8, found byte {ord(stray[0]) - 0xDC00:#04x}")
    if encoding is not None and "\N{REPLACEMENT CHARACTER}" in row.raw:
        return BadLine(row.line, row.raw, f"expected {encoding}, found bytes that it has no character for")
    return row


def _found_encoding(head: bytes) -> str:
    """Detect the encoding of a table from its beginning.

    :raises SourceError: if it is not one of the expected encodings.
    """
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    wide = head.count(b"\0") > len(head) // 8
    decoded = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    stray = decoded.count("\N{REPLACEMENT CHARACTER}")
    letters = sum(not character.isascii() for character in decoded) - stray
    if not wide and stray <= letters:  # as in a UTF-8 file with a few damaged bytes
        return "utf-8"
    candidates = _WIDE if wide else _LEGACY
    found = list(charset_normalizer.from_bytes(head, cp_isolation=list(candidates)))
    if not found:
        raise SourceError("expected text in UTF-8, UTF-16, windows-1258 or windows-1252: name its encoding")
    return min(found, key=lambda match: (match.chaos, -match.coherence, candidates.index(match.encoding))).encoding


class _TooLongError(Exception):
    """A row is longer than MAX_LINE or has more lines than MAX_ROW_LINES."""


@dataclass(frozen=True, slots=True)
class _CsvLine:
    number: int
    text: str
    whole: bool = True


class _Lines:
    """The lines of a table for the CSV reader. Lines can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._back: deque[_CsvLine] = deque()
        self._size = 0
        self._may_give_back = _READ_AGAIN_AT_FIRST
        self.taken: list[_CsvLine] = []
        self.number = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read()
        self.taken.append(line)
        self._size += len(line.text)
        if not line.whole or self._size > MAX_LINE + 1 or len(self.taken) > MAX_ROW_LINES:
            raise _TooLongError
        return line.text

    def _read(self) -> _CsvLine:
        text = self._text.readline(MAX_LINE + 1)
        self.ended = not text
        if not text:
            raise StopIteration
        self.number += 1
        self._may_give_back += _READ_AGAIN * (len(text) + _LINE_COST)
        if self.number == 1:
            text = text.removeprefix("\ufeff")
        if len(text) <= MAX_LINE or text[MAX_LINE:] in {"\n", "\r"}:
            return _CsvLine(self.number, text)
        part = text
        while part and not part.endswith(("\n", "\r")):
            part = self._text.readline(2**16)
        return _CsvLine(self.number, text[:_SHOWN], whole=False)

    def first(self) -> str:
        """Return the first line without taking it; empty if there is none."""
        try:
            self._back.append(self._read())
        except StopIteration:
            return ""
        return self._back[0].text

    def begin(self) -> None:
        """Begin a row."""
        self.taken = []
        self._size = 0

    def rewind(self) -> bool:
        """Give back all lines of the row but its first. Return whether this was done, since rereading is limited."""
        given = self.taken[1:]
        size = sum(len(line.text) + _LINE_COST for line in given)
        if size > self._may_give_back:
            return False
        self._may_give_back -= size
        self._back.extendleft(reversed(given))
        self.taken = self.taken[:1]
        return True

    def fail(self, reason: str) -> BadLine:
        """Return the row's first line as a bad line, and give back the others."""
        last = self.taken[-1].number
        return self.bad(reason if self.rewind() else f"{reason}; passed over up to line {last}")

    def row(self, cells: list[str]) -> TableRow:
        """Return the lines taken so far as a row."""
        return TableRow(self.taken[0].number, cells, "".join(line.text for line in self.taken))

    def bad(self, reason: str) -> BadLine:
        """Return the row's first line as a bad line."""
        return BadLine(self.taken[0].number, self.taken[0].text[:_SHOWN].rstrip("\r\n"), reason)
