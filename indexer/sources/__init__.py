"""The sources of articles: one module for each format, each a generator of readings.

A source only reads fields. `indexer.articles.article` validates them, and the build decides between two readings of one
id. This module finds the module that reads a source by the source's name, and walks folders. If an allowance is given,
a child process that can be ended parses pages and XML.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import SourceError, WorkEnded
from indexer.limits.confined import ConfinedChild, failure
from indexer.sources import json_lines
from indexer.sources.folder import walk
from indexer.sources.formats import FORMATS
from indexer.sources.reading import BadLine, Reading, SourceOptions
from indexer.sources.stream import COMPRESSIONS, standard_input

if TYPE_CHECKING:
    from indexer.sources.described import AnySource

__all__ = ["BadLine", "Reading", "SourceOptions", "listed", "read_source"]

_LIST = ".toml"
_KNOWN = (*FORMATS, _LIST)
_NOTHING_SAID = SourceOptions()


def read_source(spec: str, options: SourceOptions = _NOTHING_SAID) -> Iterator[Reading | BadLine]:
    """Yield the readings of a source, in its order, with one line in memory at a time if the format allows.

    If reading takes too long or too much memory, or crashes, a bad line ends it. Readings before it count.

    :param spec: `-` for JSON Lines on standard input, a folder of files, or a file; its ending names the format:
        `.jsonl` or `.ndjson` JSON Lines, `.csv` or `.tsv` a table, `.xml` an export of WordPress or a feed, each also
        with `.gz` or `.zst` after it; `.txt` the text of a page, `.html` or `.htm` a page; `.toml` a file that lists
        sources. Or an address: `https://…` of a feed or a sitemap, `wordpress+https://…` of a site with WordPress.
    :raises SourceError: if there is no such source, it cannot be read, or its ending is of no known format.
    """
    try:
        yield from _read(spec, options)
        return
    except WorkEnded as error:
        ended = str(error)
    except SourceError as error:
        raise SourceError(f"source: {spec!r}: {error}") from error
    except (OSError, UnicodeError) as error:
        raise SourceError(f"source: {spec!r}: {_said(error)}") from error
    except Exception as error:  # a reader of untrusted data may raise anything
        ended = failure(error)
    yield BadLine(1, "", ended, incomplete=True)


def _read(spec: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    path = Path(spec)
    if "\0" in spec:
        raise SourceError("expected a path, found NUL in it")
    if spec == "-":
        with standard_input() as stream:
            yield from json_lines.read(stream)
    elif _is_address(spec):
        yield from _read_address(spec, options)
    elif path.is_dir():
        yield from _read_folder(path, options)
    elif _format(path) is None:
        raise SourceError(f"expected a folder, or a file ending in {', '.join(_KNOWN)}")
    elif path.suffix.lower() == _LIST:
        yield from _read_list(path, options)
    else:
        with _child(options) as child:
            yield from _read_file(path, options, child)


def _format(path: Path) -> tuple[str, str] | None:
    """Return the ending that names the format, and that of the compression or an empty string; None if unknown."""
    packed = path.suffix.lower()
    if packed in COMPRESSIONS:
        ending = path.with_suffix("").suffix.lower()
        return (ending, packed) if ending in FORMATS and FORMATS[ending].packed else None
    return (packed, "") if packed in _KNOWN else None


@contextmanager
def _child(options: SourceOptions) -> Iterator[ConfinedChild | None]:
    """Yield the child that parses files, None if this process does. Each file has the whole allowance."""
    if options.allowance is None:
        yield None
        return
    with closing(ConfinedChild(replace(options.allowance, total=None))) as child:
        yield child


def _read_file(path: Path, options: SourceOptions, child: ConfinedChild | None) -> Iterator[Reading | BadLine]:
    """Yield the readings of a file of a known format. This process reads formats with a simple reader."""
    ending, _ = _format(path) or ("", "")
    if child is None or FORMATS[ending].simple:
        yield from _parsed(path, options)
    else:
        yield from child.run(_parsed, path, replace(options, allowance=None))


def _parsed(path: Path, options: SourceOptions) -> Iterator[Reading | BadLine]:
    ending, compression = _format(path) or ("", "")
    yield from FORMATS[ending].read(path, compression, options)


def listed(spec: str) -> list[tuple[str, AnySource]]:
    """Return the sources that a name stands for, each with its own name: those of a list, else the source itself.

    :raises SourceError: if the list or the address is invalid.
    """
    from indexer.sources import described, registry  # their libraries take a while to import

    try:
        if registry.is_address(spec):
            return [(spec, registry.at_address(spec))]
        if Path(spec).suffix.lower() == _LIST:
            return [(f"{spec} {place}", source) for place, source in registry.load(Path(spec))]
    except SourceError as error:
        raise SourceError(f"source: {spec!r}: {error}") from error
    except (OSError, UnicodeError) as error:
        raise SourceError(f"source: {spec!r}: {_said(error)}") from error
    return [(spec, described.FileSource(path=spec))]


def _is_address(spec: str) -> bool:
    if "://" not in spec:
        return False
    from indexer.sources import registry  # its libraries take a while to import

    return registry.is_address(spec)


def _read_address(spec: str, options: SourceOptions) -> Iterator[Reading | BadLine]:
    from indexer.sources import registry, remote  # their libraries take a while to import

    yield from remote.read(registry.at_address(spec), options)


def _read_list(path: Path, options: SourceOptions) -> Iterator[Reading | BadLine]:
    """Yield the readings of every source in a list. A source that cannot be read gives a bad line; the rest goes on."""
    from indexer.sources import described, registry, remote

    for place, source in registry.load(path):
        name = f"{path} {place}"
        try:
            if isinstance(source, described.FileSource):
                for found in read_source(source.path, options):
                    given = replace(found, file=found.file or source.path)
                    if isinstance(given, Reading):
                        given = replace(given, fields={**source.defaults, **given.fields})
                    yield given
            else:
                for found in remote.read(source, options):
                    yield replace(found, file=name)
        except SourceError as error:
            wrong = str(error)
        except Exception as error:  # a reader of untrusted data may raise anything
            wrong = failure(error)
        else:
            continue
        yield BadLine(1, "", wrong, file=name, incomplete=True)


def _read_folder(folder: Path, options: SourceOptions) -> Iterator[Reading | BadLine]:
    """Yield the readings of every file below. A file that cannot be read gives a bad line; the rest goes on."""
    none = True
    with _child(options) as child:
        for path in walk(folder, lambda path: _format(path) is not None):
            if isinstance(path, BadLine):
                yield path
            elif _is_read_in_folders(path):
                none = False
                yield from _read_below(path, options, child)
    if none:
        raise SourceError(f"expected a file ending in {', '.join(_KNOWN)} in this folder, found none")


def _read_below(path: Path, options: SourceOptions, child: ConfinedChild | None) -> Iterator[Reading | BadLine]:
    """Yield the readings of a file of a folder. Any error gives a bad line."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("expected a file")
        for found in _read_file(path, options, child):
            yield replace(found, file=str(path))
        return
    except (SourceError, OSError, UnicodeError) as error:
        wrong = _said(error)
    except Exception as error:  # a reader of untrusted data may raise anything
        wrong = failure(error)
    yield BadLine(1, path.name, wrong, file=str(path), incomplete=True)


def _is_read_in_folders(path: Path) -> bool:
    """Return whether a file in a folder is a source. Other XML is not; lists of sources must be named directly."""
    found = _format(path)
    if found is None or found[0] == _LIST:
        return False
    return FORMATS[found[0]].is_source(path, found[1])


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
