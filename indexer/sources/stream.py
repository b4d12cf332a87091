"""The bytes of a source, compressed or not.

Owns decompression and the longest line. Knows nothing of formats. A damaged compressed source ends at the damage, and
`Stream.damage` reports it; the bytes before it can be read.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, cast

import zstandard

from indexer.errors import SourceError
from indexer.sources.reading import BadLine

MAX_LINE = 64 * 2**20
"""The longest line or table row that is read; an article is a thousandth of it."""

TOO_LONG = f"expected at most {MAX_LINE // 2**20} MiB on a line"

_BufferedReader: TypeAlias = "io.BufferedReader[Any]"

_READ = 2**16
_READ_ZSTD = 2**10  # zstandard does not limit its output; this much input gives some 40 MB at most
_SHOWN = 1000


class _DamagedError(Exception):
    """Compressed data is damaged; the argument says what was expected."""


class Stream(io.RawIOBase):
    """The decompressed bytes of a source, as a readable stream.

    :param pieces: The bytes, in pieces of any size.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.damage: str | None = None

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer from at most one piece; return 0 at the end, and at damaged data."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return 0
        except _DamagedError as error:
            self.damage = str(error)
            return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def lines(self) -> Iterator[tuple[int, bytes] | BadLine]:
        """Yield each line with its number, from 1, or a bad line instead of it, also for a damaged end."""
        reader = io.BufferedReader(self, _READ)
        number = 0
        while line := reader.readline(MAX_LINE + 1):
            number += 1
            if len(line) - line.endswith(b"\n") > MAX_LINE:
                raw = shown(line)
                while line and not line.endswith(b"\n"):
                    line = reader.readline(_READ)
                yield BadLine(number, raw, TOO_LONG)
            elif self.damage and not line.endswith(b"\n"):
                yield BadLine(number, shown(line), self.damage, incomplete=True)
                return
            else:
                yield number, line
        if self.damage:
            yield BadLine(number + 1, "", self.damage, incomplete=True)


def shown(raw: bytes) -> str:
    """Return the start of a skipped line, for a report."""
    return raw[:_SHOWN].decode("utf-8", "replace")


@contextmanager
def open_stream(path: Path, compression: str = "") -> Iterator[Stream]:
    """Open a file.

    :param compression: A key of COMPRESSIONS, or empty.
    :raises OSError: if it cannot be opened or read.
    """
    with path.open("rb") as file:
        yield Stream(COMPRESSIONS[compression](file) if compression else _pieces(file))


@contextmanager
def standard_input() -> Iterator[Stream]:
    """Open standard input; its first bytes show whether it is compressed.

    :raises SourceError: if there is no standard input.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise SourceError("source: '-': expected something on standard input, which is closed")
    file = cast("_BufferedReader", sys.stdin.buffer)
    head = file.read(4)
    whole: _BufferedReader = io.BufferedReader(Stream(chain([head], _pieces(file))))
    packed = next((unpack for magic, unpack in _MAGIC.items() if magic.match(head)), _pieces)
    yield Stream(packed(whole))


def _pieces(file: _BufferedReader, size: int = _READ) -> Iterator[bytes]:
    return iter(lambda: file.read1(size), b"")


def _gunzip(file: _BufferedReader) -> Iterator[bytes]:
    try:
        if not file.peek(1):
            raise EOFError
        with gzip.GzipFile(fileobj=file) as unpacked:
            while piece := unpacked.read1(_READ):
                yield piece
    except EOFError:
        raise _DamagedError("expected more gzip data: it ends early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _DamagedError(f"expected gzip data: {error}") from None


def _unzstd(file: _BufferedReader) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    try:
        for piece in _pieces(file, _READ_ZSTD):
            while piece:
                if frame.eof:
                    frame = zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(piece)
                piece = frame.unused_data
    except zstandard.ZstdError as error:
        raise _DamagedError(f"expected Zstandard data: {error}") from None
    if not frame.eof:
        raise _DamagedError("expected more Zstandard data: it ends early")


COMPRESSIONS: Mapping[str, Callable[[_BufferedReader], Iterator[bytes]]] = {".gz": _gunzip, ".zst": _unzstd}
"""Ending of a file -> the function that unpacks it."""

_MAGIC = {re.compile(rb"\x1f\x8b"): _gunzip, re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"): _unzstd}
