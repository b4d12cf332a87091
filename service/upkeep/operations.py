"""What operators see of a service: snapshots, the build that runs, what the API wrote, encoder, latency, sources.

Gathers and decides; changes nothing but which snapshot is current, where that is asked for. Knows nothing of Flask, nor
of the words for it.
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
    """A snapshot as it is listed.

    :param recall: Of its index against exact search, the least of its segments; None where it cannot be read.
    :param served: Whether this worker answers from it, or from a live one over it.
    :param problem: Why it cannot be used, or nothing.
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
    """What this worker answers from.

    :param base: The published snapshot: itself, or the one under a live one.
    """

    id: str
    base: str
    created: datetime
    articles: int


@dataclass(frozen=True)
class EncoderHealth:
    """How the encoder is.

    :param problem: What is wrong with it, None where it answers.
    :param seconds: That it took to answer just now.
    """

    name: str
    problem: str | None
    seconds: float


@dataclass(frozen=True)
class Operations:
    """All of it, as it is now.

    :param served: None where nothing is served yet.
    :param problem: What is wrong with the snapshot that is published, None where it is the one served.
    :param ingesting: Whether a process brings changes in.
    :param merged: The last merge that ended.
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
        """Return the builds that ended last, the newest first."""
        return self.builds.finished[: -SHOWN_BUILDS - 1 : -1]


def operations(home: Home, live: Live, latency: RecentLatency) -> Operations:
    """Return how everything is now."""
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
    """Return all snapshots, the newest first; those that cannot be read among them.

    :param served: Which of them this worker answers from.
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
    except IndexerError:  # which `broken` tells of
        return ()


def roll_back(home: Home, wanted: str, seen: str, who: str) -> str:
    """Make a snapshot current again, as `lienquan snapshots rollback` does, and return its id.

    :param seen: Which one was current when that was asked for.
    :param who: Asks for it, for the log.
    :raises SnapshotError: if another one is current by now, there is none of that id, or it does not verify.
    :raises BuildRefused: if a build holds the home.
    """
    current = home.current()
    if current != seen:
        raise SnapshotError(f"current snapshot: {current}: expected {seen}; another one was published meanwhile")
    name = home.rollback(wanted)
    logger.warning("%s rolled the archive back from snapshot %s to %s", who, seen, name)
    return name
