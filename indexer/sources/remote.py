"""A source that is asked over the network: memory brought up to date, then everything that is remembered.

What is yielded is the whole of the source, whatever of it was asked for this time; so an archive that is built from it
neither loses what a feed shows no more nor what could not be had just now. Where an allowance is given, the source is
asked by a child that can be ended (`indexer.limits.confined`): what the child committed to the memory stays.
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
    """Yield what is wrong with a source, then the readings of all that it has given and not taken back.

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
    """Return a reading with what its source adds to it; a database is the operator's own and no teller."""
    teller = "" if kind_of(source).own else source.source_key
    return replace(reading, fields={**source.defaults, **reading.fields}, teller=teller)


@contextmanager
def _remembering(options: SourceOptions) -> Iterator[SourceOptions]:
    """Yield the options with a memory on disk for the moment, where a child needs one and there is none."""
    if options.memory is not None or options.allowance is None:
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="lienquan-sources-") as made:
        yield replace(options, memory=Path(made))


def _refreshed(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; a reading that was ended is one more thing that is wrong with it."""
    try:
        yield from refresh(source, options)
    except WorkEnded as error:
        with open_memory(options.memory, source.source_key) as memory:
            yield BadLine(1, "", f"{error}; what it had given is kept", incomplete=not memory.complete)


def refresh(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    """Bring the memory of a source up to date; yield what is wrong with it.

    :raises SourceError: if its settings do not fit it, or the memory is damaged.
    :raises WorkEnded: if it took more than is allowed, or crashed.
    """
    if options.allowance is None:
        yield from _here(source, options)
        return
    # A database is the newsroom's own and may be large: what is read of it in all may take any time.
    allowance = replace(options.allowance, total=None) if kind_of(source).own else options.allowance
    with closing(ConfinedChild(allowance)) as child:
        yield from child.run(_here, source, replace(options, allowance=None))


def _here(source: RememberedSource, options: SourceOptions) -> Iterator[BadLine]:
    with open_memory(options.memory, source.source_key) as memory:
        yield from update(source, memory, options)


def remembered(source: RememberedSource, home: Path) -> tuple[int, bool]:
    """Return how many articles of a source are remembered, and whether pages were left for another run."""
    with open_memory(home, source.source_key) as memory:
        return memory.articles(), bool(memory.state.get("left"))
