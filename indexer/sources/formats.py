"""The file formats of sources, and the reader of each, by the ending of a file's name.

One entry of `FORMATS` is all that a further ending needs. Sources that need more than a name are in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from indexer.sources import json_lines, page_text, table, xml_file
from indexer.sources.reading import BadLine, Reading, SourceOptions
from indexer.sources.stream import open_stream


def _always(path: Path, compression: str) -> bool:
    return True


@dataclass(frozen=True)
class FileFormat:
    """The reading of files with one ending.

    :param read: Yields the readings of a file: (path, ending of the compression or empty, options).
    :param packed: Whether it may be compressed (`stream.COMPRESSIONS`).
    :param simple: Whether its reader is simple and fast, and needs no child that can be ended.
    :param is_source: Whether a file in a folder is a source; other files there may have this ending too.
    """

    read: Callable[[Path, str, SourceOptions], Iterator[Reading | BadLine]]
    packed: bool = False
    simple: bool = False
    is_source: Callable[[Path, str], bool] = _always


def _read_lines(path: Path, compression: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    with open_stream(path, compression) as stream:
        yield from json_lines.read(stream)


def _read_table(delimiter: str, path: Path, compression: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    with open_stream(path, compression) as stream:
        yield from table.read(stream, options, delimiter)


def _read_text(path: Path, compression: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    yield from page_text.read(path)


def _read_page(path: Path, compression: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    from indexer.sources import html_page  # its libraries take a second to import

    yield from html_page.read(path, options)


def _read_xml(path: Path, compression: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    yield from xml_file.read(lambda: open_stream(path, compression))


def _is_xml_source(path: Path, compression: str) -> bool:
    return xml_file.is_source(lambda: open_stream(path, compression))


_LINES = FileFormat(_read_lines, packed=True, simple=True)
_PAGE = FileFormat(_read_page)

FORMATS: dict[str, FileFormat] = {
    ".jsonl": _LINES,
    ".ndjson": _LINES,
    **{
        ending: FileFormat(partial(_read_table, delimiter), packed=True, simple=True)
        for ending, delimiter in table.DELIMITERS.items()
    },
    ".txt": FileFormat(_read_text),
    ".html": _PAGE,
    ".htm": _PAGE,
    ".xml": FileFormat(_read_xml, packed=True, is_source=_is_xml_source),
}
"""All formats, by ending; messages name them in this order."""
