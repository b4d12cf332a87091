"""Reads a source over the network: brings its memory up to date, then yields everything remembered.

The whole source is yielded, however little of it was fetched this time. So an archive built from it loses neither
articles that a feed no longer shows nor articles that could not be fetched. If an allowance is given, a child that can
be ended asks the source (`indexer.limits.confined`). What the child committed to the memory stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from indexer.errors import WorkEnded
from indexer.limits.confined import ConfinedChild
from indexer.sources.described import RememberedSource
from indexer.sources.memory import open_memory
from indexer.sources.reading import BadLine, Reading, SourceOptions
from indexer.sources.registry import kind_of, update


def read(source: RememberedSource, options: SourceOptions) -> Iterator[Reading | BadLine]:
    """Yield the problems of a source, then the readings of all that it has given and not withdrawn.

    :raises SourceError: if its settings do not fit it, or the memory is damaged.
    """
    with _remembering(options) as said:
        if said.ask and said.allowance is not None:
            yield from _refreshed(source, said)
        with open_memory(said.memory, source.source_key) as memory:
            if said.ask and said.allowance is None:
                yield from update(source, memory, said)
            elif not said.ask and not memory.complete:
                yield BadLine(1, "", "expected a source that was read to its end once", incomplete=True)
            for reading in memory.readings():
                yield _told(source, reading)


def _told(source: RememberedSource, reading: Reading) -> Reading:
    """Return a reading with its source's defaults and key. A database is the operator's own, so it has no key."""
    teller = "" if kind_of(source).own else source.source_key
    return replace(reading, fields={**source.defaults, **reading.fields}, teller=teller)


@contextmanager
def _remembering(options: SourceOptions) -> Iterator[SourceOptions]:
    """Yield the options, with a temporary memory on disk if a child needs one and there is none."""
    if options.memory is not None or options.allowance is None:
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="lienquan-sources-") as made:
        yield replace(options, memory=Path(made))


def _refreshed(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; yield its problems. Work that was ended is one more problem."""
    try:
        yield from refresh(source, options)
    except WorkEnded as error:
        with open_memory(options.memory, source.source_key) as memory:
            yield BadLine(1, "", f"{error}; what it had given is kept", incomplete=not memory.complete)


def refresh(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; yield its problems.

    :raises SourceError: if its settings do not fit it, or the memory is damaged.
    :raises WorkEnded: if it took more than is allowed, or crashed.
    """
    if options.allowance is None:
        yield from _here(source, options)
        return
    # A database is the newsroom's own and may be large, so its total time is unlimited.
    allowance = replace(options.allowance, total=None) if kind_of(source).own else options.allowance
    with closing(ConfinedChild(allowance)) as child:
        yield from child.run(_here, source, replace(options, allowance=None))


def _here(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    with open_memory(options.memory, source.source_key) as memory:
        yield from update(source, memory, options)


def remembered(source: RememberedSource, home: Path) -> tuple[int, bool]:
    """Return the number of a source's remembered articles, and whether pages were left for another run."""
    with open_memory(home, source.source_key) as memory:
        return memory.articles(), bool(memory.state.get("left"))
