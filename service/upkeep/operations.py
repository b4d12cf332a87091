"""The operators' view of a service: snapshots, the running build, the API's changes, encoder, latency, sources.

Gathers and decides. Changes nothing, except the current snapshot on request. Knows nothing of Flask, nor of the page's
text.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from indexer.building.ingest import live_home
from indexer.changes.changes import Takedown
from indexer.changes.journal import Journal
from indexer.errors import IndexerError, SnapshotError
from indexer.files.progress import Builds, FinishedBuild, read
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.sources.following import Condition, condition
from service.errors import NotReady
from service.live import Live
from service.observing.latency import Latencies, RecentLatency
from service.observing.metrics import IngestionFigures

logger = logging.getLogger(__name__)

SHOWN_BUILDS = 8


@dataclass(frozen=True)
class SnapshotRow:
    """A snapshot of the list.

    :param recall: The least recall of its segments' indexes against exact search; None if it cannot be read.
    :param served: Whether this worker serves it, or a live one based on it.
    :param problem: Why it cannot be used, or empty.
    """

    id: str
    current: bool
    served: bool
    created: datetime | None = None
    parent: str | None = None
    articles: int = 0
    vectors: int = 0
    bytes: int = 0
    recall: float | None = None
    encoder: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ServedSnapshot:
    """The snapshot that this worker serves.

    :param base: The published snapshot: itself, or the one under a live one.
    """

    id: str
    base: str
    created: datetime
    articles: int


@dataclass(frozen=True)
class EncoderHealth:
    """The health of the encoder.

    :param problem: Its problem, None if it works.
    :param seconds: Seconds of its last test.
    """

    name: str
    problem: str | None
    seconds: float


@dataclass(frozen=True)
class Operations:
    """The current view.

    :param served: None if nothing is served yet.
    :param problem: The problem of the published snapshot, None if it is served.
    :param ingesting: Whether a process ingests changes.
    :param merged: The last completed merge.
    """

    snapshots: tuple[SnapshotRow, ...]
    served: ServedSnapshot | None
    problem: str | None
    builds: Builds
    ingestion: IngestionFigures
    ingesting: bool
    merged: FinishedBuild | None
    encoder: EncoderHealth
    latencies: Latencies
    takedowns: tuple[Takedown, ...]
    sources: Condition

    @property
    def recent_builds(self) -> tuple[FinishedBuild, ...]:
        """Return the last completed builds, the newest first."""
        return self.builds.finished[: -SHOWN_BUILDS - 1 : -1]


def operations(home: Home, live: Live, latency: RecentLatency) -> Operations:
    """Return the current view."""
    served, builds = _served(live), read(home.path)
    merges = [one for one in builds.finished if one.merging]
    return Operations(
        snapshots=snapshots(home, served.base if served else None),
        served=served,
        problem=live.problem,
        builds=builds,
        ingestion=live.ingestion(),
        ingesting=live_home(home).is_locked(),
        merged=merges[-1] if merges else None,
        encoder=_encoder(live),
        latencies=latency.recent(),
        takedowns=_takedowns(home),
        sources=condition(home.path),
    )


def snapshots(home: Home, served: str | None) -> tuple[SnapshotRow, ...]:
    """Return all snapshots, even unreadable ones, the newest first.

    :param served: The id of the snapshot that this worker serves.
    """
    try:
        current = home.current()
    except SnapshotError:
        current = None
    return tuple(_row(home, name, name == current, name == served) for name in reversed(home.ids()))


def _row(home: Home, name: str, current: bool, served: bool) -> SnapshotRow:
    try:
        manifest = read_manifest(home.directory(name))
    except SnapshotError as error:
        return SnapshotRow(name, current, served, problem=str(error))
    encoder = manifest.encoder
    return SnapshotRow(
        name,
        current,
        served,
        created=datetime.fromisoformat(manifest.created_at),
        parent=manifest.parent,
        articles=manifest.articles,
        vectors=sum(entry.vectors for entry in manifest.segments),
        bytes=sum(file.size for file in manifest.files.values()),
        recall=min((entry.recall for entry in manifest.segments), default=None),
        encoder=f"{encoder.name}@{encoder.revision} {encoder.precision}",
    )


def _served(live: Live) -> ServedSnapshot | None:
    try:
        manifest, name = (archive := live.searcher().archive).manifest, archive.id
    except NotReady:
        return None
    created = datetime.fromisoformat(manifest.created_at)
    return ServedSnapshot(name, manifest.base or name, created, manifest.articles)


def _encoder(live: Live) -> EncoderHealth:
    begun = perf_counter()
    problem = live.probe()
    took = perf_counter() - begun
    try:
        identity = live.encoder().identity
    except NotReady:
        return EncoderHealth("", problem, took)
    return EncoderHealth(f"{identity.name}, {identity.precision}", problem, took)


def _takedowns(home: Home) -> tuple[Takedown, ...]:
    try:
        journal = Journal.of(home.path)
        if journal is None:
            return ()
        try:
            return tuple(reversed(journal.takedowns()))
        finally:
            journal.close()
    except IndexerError:  # `broken` reports it
        return ()


def roll_back(home: Home, wanted: str, seen: str, who: str) -> str:
    """Make a snapshot current again, like `lienquan snapshots rollback`, and return its id.

    :param seen: The current snapshot when the operator asked.
    :param who: The operator, for the log.
    :raises SnapshotError: if another one has become current, there is none of that id, or it does not verify.
    :raises BuildRefused: if a build holds the home.
    """
    current = home.current()
    if current != seen:
        raise SnapshotError(f"current snapshot: {current}: expected {seen}; another one was published meanwhile")
    name = home.rollback(wanted)
    logger.warning("%s rolled the archive back from snapshot %s to %s", who, seen, name)
    return name
