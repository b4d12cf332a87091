"""The API's changes brought into what is served, seconds after they were written: live snapshots.

A live snapshot lies in `HOME/live` and is one like any other: the files of the published one under it, shared, and what
was changed since. It may be lost: it can be made again from that one and the journal. Owns in what portions changes are
taken and when all should be published. Knows nothing of processes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from indexer.articles.store import disk_errors_told
from indexer.building import growth
from indexer.building.assembly import Assembly
from indexer.building.build import BuildOptions, build, held, stage_changes
from indexer.building.cache import VectorCache
from indexer.building.staging import Staging
from indexer.changes.changes import Change
from indexer.changes.journal import Journal
from indexer.errors import IndexerError, SnapshotError
from indexer.files import private
from indexer.files.durable import replace_file
from indexer.files.layout import LIVE
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import Manifest, read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.text.views import ENCODED
from models.encoder import Encoder
from models.errors import ModelError

logger = logging.getLogger(__name__)

PORTION, BEHIND = 64, 32
"""How many changes are taken at once, so that the first of many are seen before the last are encoded; and of those that
wait behind, so that what is put meanwhile waits for no more."""

MERGE = 1_000
"""How many articles may be added or deleted before all is published."""

TRYING = "trying.json"
"""Names in the live home which changes are being brought in: still there, whoever did so ended on it."""

SEEN = "seen.json"
"""Names in the live home the last change that was looked at and changed nothing, and in which snapshot."""

KEPT = 3
"""How many live snapshots stay on disk: a process may be opening the one before the last."""


def live_home(home: Home) -> Home:
    """Return where the live snapshots of a home lie."""
    return Home(home.path / LIVE)


def newest(home: Home) -> Home | None:
    """Return where the snapshot lies that is to be served, None where nothing is published.

    :return: The home itself, or `live_home` where that holds one of what is published now.
    :raises SnapshotError: if what names them is damaged.
    """
    published = home.current()
    if published is None:
        return None
    live = live_home(home)
    try:
        name = live.current()
        if name is not None and read_manifest(live.directory(name)).base == published:
            return live
    except SnapshotError as error:  # it is made again
        logger.warning("a live snapshot is passed over: %s", error)
    return home


@dataclass(frozen=True)
class Ingestion:
    """How far what the API wrote has come.

    :param waiting: How many changes are durable and not served yet.
    :param since: When the first of them was received.
    :param unpublished: How many are in no published snapshot; those among them that are served are in the live one.
    :param running: Whether a process ingests just now.
    """

    waiting: int
    since: datetime | None
    unpublished: int
    running: bool


def ingestion(home: Home) -> Ingestion:
    """Return how far what the API wrote has come in a home; nothing is made where nothing is.

    :raises IndexerError: if the journal or a snapshot's manifest is damaged.
    """
    running = live_home(home).is_locked()
    journal = Journal.of(home.path)
    if journal is None:
        return Ingestion(0, None, 0, running)
    with closing(journal):
        waiting = journal.waiting(_held_changes(home, newest(home)))
        unpublished = journal.waiting(_held_changes(home, home)).changes
    since = None if waiting.oldest is None else datetime.fromtimestamp(waiting.oldest / 1_000_000, UTC)
    return Ingestion(waiting.changes, since, unpublished, running)


def _held_changes(home: Home, place: Home | None) -> int:
    """Return the last change that the current snapshot holds."""
    name = place.current() if place else None
    return held_changes(home, name, read_manifest(place.directory(name))) if place and name else 0


def held_changes(home: Home, name: str, manifest: Manifest) -> int:
    """Return the last change that a snapshot holds, those that change nothing in it among them."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # none, or cut short
        seen = json.loads((live_home(home).path / SEEN).read_bytes())
        if seen["snapshot"] == name:
            return max(manifest.changes, int(seen["changes"]))
    return manifest.changes


class Ingester:
    """Brings the live snapshot of a home up to its journal. One a home; the caller holds `live_home(home).lock()`.

    :param encoder: Called where a text has to be encoded for the first time.
    """

    def __init__(self, home: Home, encoder: Callable[[], Encoder]) -> None:
        self._home, self._live, self._encoder = home, live_home(home), encoder
        self._journal = Journal(home.path)
        self._base: Snapshot | None = None
        self._current: Snapshot | None = None
        self._applied = 0
        self._most = PORTION
        self._singly = 0
        self._learn_of_the_last()

    def step(self) -> str | None:
        """Bring up to PORTION changes into a new live snapshot and return its id; None where there is nothing to do.

        Where nothing is published yet, they are. A change that raises is found by halving, and set aside; one that
        ends the process, by the next one, which takes one at a time.

        :raises SnapshotError: if the published snapshot cannot be opened, or was made with another encoder.
        :raises IndexerError, ModelError, OSError: if nothing can be brought in now, whatever it is.
        """
        published = self._home.current()
        if published is not None and (self._base is None or self._base.id != published):
            self._start_from(published)
        while changes := self._next(published):
            try:
                with self._trying(changes):
                    name = self._publish(len(changes)) if published is None else self._apply(changes)
            except (IndexerError, ModelError, OSError, MemoryError):
                raise
            except Exception as error:
                self._most = max(1, len(changes) // 2)
                if len(changes) == 1:
                    self._set_aside(changes[0], error)
            else:
                self._journal.forgive(changes[-1].seq)
                self._most = min(PORTION, 2 * self._most)
                return name
        return None

    def _next(self, published: str | None) -> list[Change]:
        """Return the changes to take now: what came first, else what waits behind, else one that failed before."""
        most = 1 if self._singly else min(self._most, PORTION)
        found = self._journal.take(self._applied, most, min(BEHIND, most)) or self._journal.take_again(self._applied)
        if published is None and all(change.line is None for change in found):  # deletes alone make no snapshot
            found = self._journal.take(0)
            return found if any(change.line is not None for change in found) else []
        return found

    @contextmanager
    def _trying(self, changes: Sequence[Change]) -> Iterator[None]:
        note = self._live.path / TRYING
        note.parent.mkdir(private.DIRECTORY, parents=True, exist_ok=True)
        told = {"seq": changes[0].seq, "changes": len(changes), "singly": self._singly}
        note.write_text(json.dumps(told), encoding="utf-8")
        try:
            yield
        except MemoryError:  # ends the process, and it may be the text's fault: the next one finds out
            raise
        except BaseException:
            note.unlink(missing_ok=True)
            raise
        note.unlink(missing_ok=True)
        self._singly = max(0, self._singly - len(changes))

    def _learn_of_the_last(self) -> None:
        """Set aside what the process before this one ended on, or take its changes one by one to find out."""
        note = self._live.path / TRYING
        with suppress(OSError, ValueError, KeyError):  # none, or cut short
            tried = json.loads(note.read_text(encoding="utf-8"))
            self._singly = max(tried["changes"], tried["singly"])
            alone = tried["changes"] == 1 and tried["singly"] > 0  # else it may have been ended for another reason
            for change in self._journal.take(tried["seq"] - 1, 1, 0) if alone else []:
                if change.seq == tried["seq"]:  # else it was written anew
                    self._set_aside(change, RuntimeError("the process that was at it ended"))
            note.unlink()

    def _set_aside(self, change: Change, error: Exception) -> None:
        self._put_aside(change, f"{type(error).__name__}: {error}", error)

    def _put_aside(self, change: Change, fault: str, error: Exception | None = None) -> None:
        aside = self._journal.set_aside(change, fault)
        if aside is not None:
            until = f"set aside until {aside.again}: {fault[:200]}"
            logger.error("article %r cannot be ingested, try %d: %s", change.id, aside.tries, until, exc_info=error)

    def _publish(self, most: int) -> str | None:
        """Publish the first snapshot."""
        options = BuildOptions(whole=False, merging=True, most=most)
        return build(self._home, [], self._encoder, options).snapshot

    def merge_wanted(self) -> bool:
        """Return whether all changes should be published, since much has changed. To be asked after `step`."""
        if self._base is None:
            return False
        return self.changed >= min(MERGE, max(1, growth.GROWTH * self._base.manifest.articles))

    @property
    def changed(self) -> int:
        """Return how many articles differ between what is published and what is live."""
        base, current = self._base, self._current
        if base is None or current is None:
            return 0
        own = len(base.segments)
        gone = sum(
            int(then.alive.sum() - now.alive.sum()) for then, now in zip(base.segments, current.segments, strict=False)
        )
        return gone + sum(int(segment.alive.sum()) for segment in current.segments[own:])

    def _start_from(self, published: str) -> None:
        self._base = self._current = Snapshot(self._home.directory(published), self._base)
        try:
            name = self._live.current()
            if name is not None and read_manifest(self._live.directory(name)).base == published:
                self._current = Snapshot(self._live.directory(name), self._base)
        except SnapshotError as error:
            logger.warning("a live snapshot is made again: %s", error)
        self._applied = held_changes(self._home, self._current.id, self._current.manifest)
        self._live.discard(lambda manifest: manifest.base != published)

    def _apply(self, taken: Sequence[Change]) -> str | None:
        base, current = self._base, self._current
        assert base is not None
        assert current is not None
        name = None
        with (
            disk_errors_told(),
            self._live.partial() as directory,
            closing(Staging(directory / "staging.sqlite")) as staging,
        ):
            up_to = stage_changes(taken, staging, self._applied, False, self._put_aside)
            changes = staging.compare(held(current), whole=False)
            if changes:
                encoder = self._encoder()
                with closing(VectorCache(self._home.path, encoder.identity, ENCODED)) as cache:
                    assembly = Assembly(self._live, directory, staging, current, encoder, cache, up_to, base.id)
                    if assembly.reusable() is None:
                        raise SnapshotError(
                            f"snapshot {base.id}: made with {base.manifest.encoder}, not with {encoder.identity}"
                        )
                    gone = staging.gone(whole=False)
                    alive = [int(segment.alive.sum()) for segment in current.segments]
                    new = changes.added + changes.updated
                    first = growth.first_merged(alive, new, len(alive), len(base.segments))
                    name = assembly.publish_added(current, gone, first)
        self._applied = up_to
        if name is None:
            note = json.dumps({"snapshot": current.id, "changes": up_to})
            replace_file(self._live.path / SEEN, note, durable=False)
        else:
            self._current = Snapshot(self._live.directory(name), current)
            self._live.prune(KEPT)
        return name
