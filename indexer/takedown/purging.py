"""Removes the text of an article that was taken down, store by store, and reports what each store held.

Owns the stores of this floor: snapshots, live and unfinished ones, the journal, the memory of sources, rejected lines,
vectors kept for an interrupted build. A new snapshot is written without the article and without anything learnt from
it. All other snapshots are deleted, even those without the article, so that none has to be trusted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from indexer.articles.article import Article, validate
from indexer.building import cache, rejects
from indexer.building.build import BuildOptions, build
from indexer.building.ingest import live_home
from indexer.changes import journal
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import Manifest
from indexer.sources import following, memory
from indexer.takedown import takedown
from indexer.takedown.traces import Traces
from indexer.text.views import text_key
from models.encoder import Encoder

WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.2


class StoreCount(NamedTuple):
    """What one store held of an article; all of it was removed.

    :param records: The number of lines, rows or files.
    :param bytes: Their total size.
    :param what: The action taken, in words.
    """

    store: str
    records: int
    bytes: int
    what: str = "removed"


def purge(
    home: Home, traces: Traces, encoder: Callable[[], Encoder], wait: float = WAIT_SECONDS
) -> tuple[list[StoreCount], list[str]]:
    """Remove the text of an article that was taken down from all files of these stores.

    Snapshots come last, so that a purge that was killed still finds the text when it starts again.

    :param wait: How many seconds to wait for another build, and for the process that ingests.
    :return: What each store held, and the snapshots that were deleted.
    :raises BuildRefused: if another process keeps its lock. What was removed until then stays removed.
    :raises IndexerError: if a store cannot be read.
    """
    before = _around(home, traces)
    snapshots, deleted = _snapshots(home, traces, encoder, wait)
    counted = [*before, *snapshots, _live(home, traces, wait), _scrubbed(home, traces, wait)]
    again = {count.store: count for count in _around(home, traces)}  # a running build may have written more
    return [_added(count, again.get(count.store)) for count in counted], deleted


def _added(one: StoreCount, other: StoreCount | None) -> StoreCount:
    if other is None:
        return one
    return one._replace(records=one.records + other.records, bytes=one.bytes + other.bytes)


def _around(home: Home, traces: Traces) -> list[StoreCount]:
    """Purge the stores other than snapshots."""
    path = home.path

    def is_its(place: str, fields: Mapping[str, Any]) -> bool:
        return traces.is_named(place) or traces.is_named_by(fields)

    return [
        StoreCount("rejected lines", *rejects.purge(path, traces.is_in)),
        StoreCount("what sources gave", *memory.purge(path, is_its)),
        StoreCount("state of sources", *following.forget_problems(path, traces.is_quoted_in)),
        _vectors(path, traces),
    ]


def _vectors(home: Path, traces: Traces) -> StoreCount:
    articles = [found for version in traces.versions if isinstance(found := validate(version), Article)]
    keys = [text_key(article.views) for article in articles]
    return StoreCount("vectors of an interrupted build", *cache.forget(home, keys))


def _snapshots(
    home: Home, traces: Traces, encoder: Callable[[], Encoder], wait: float
) -> tuple[list[StoreCount], list[str]]:
    """Write a new snapshot, and delete all others and unfinished builds."""
    held = takedown.holders(home, traces.id)
    left = len(home.unfinished())
    if home.current() is not None:
        build(home, [], encoder, BuildOptions(whole=False, afresh=True, keep=len(home.ids()) + 1, wait=wait))
    with home.lock(wait):
        home.sweep()
        current = home.current()
        doomed = [name for name in home.ids() if name != current]
        for name in doomed:
            shutil.rmtree(home.snapshots / name)
    what = "written anew without it; all older ones deleted"
    return [
        StoreCount("snapshots", len(held), len(held) * traces.size(), what),
        StoreCount("unfinished snapshots", left, 0, "deleted"),
    ], doomed


def _live(home: Home, traces: Traces, wait: float) -> StoreCount:
    """Delete the live snapshots of earlier publications, and unfinished ones.

    A process that ingests does so itself once it sees the new publication.
    """
    live, until = live_home(home), time.monotonic() + wait
    held = len(takedown.holders(live, traces.id))
    unfinished = set(live.unfinished())

    def is_stale(manifest: Manifest) -> bool:
        return manifest.base != home.current()

    while live.unwanted(is_stale) or unfinished.intersection(live.unfinished()):
        try:
            with live.lock():
                live.discard(is_stale)
                live.sweep()
        except BuildRefused:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_SECONDS)
    return StoreCount("live snapshots", held, held * traces.size(), "deleted")


def _scrubbed(home: Home, traces: Traces, wait: float) -> StoreCount:
    """Rewrite the journal without its free pages. The takedown has replaced the line by a tombstone already."""
    size = sum(path.stat().st_size for path in home.path.glob(f"{journal.FILE}*"))
    with closing(Journal(home.path)) as opened:
        opened.scrub(wait)
    return StoreCount("journal", 1, size, "the line was replaced by a tombstone, and the file written anew")
