"""The served snapshot: loads it, follows publications, keeps the old one if the new one is bad.

Every file is hashed before it is served, by this process or the server that forked it, and again after it was written
to.

Each process has one `Live`, started after the fork. A request holds one searcher to its end. An article that the API
withdraws is hidden from the next request on, in every process, long before a snapshot knows of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from indexer.archive import Archive
from indexer.building import ingest
from indexer.changes.journal import Journal
from indexer.errors import JournalError, SnapshotError
from indexer.files.hashed import FileDigests
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from models.cross_encoder import Reranker
from models.encoder import Encoder
from models.remembering import QueryVectors
from service.errors import NotReady
from service.observing.metrics import IngestionFigures, metrics
from service.options import Options
from service.searcher import Searcher
from service.serving.held_encoder import HeldEncoder
from service.serving.held_reranker import HeldReranker
from service.serving.refusals import Refusals

logger = logging.getLogger(__name__)

PATIENCE = 1.5
"""Seconds for which a new publication waits until it has all changes that are served now. Without this, an article that
was just written would disappear again."""


class Live:
    """Holds the current searcher and the encoder.

    :param load_encoder: Called in a thread of its own, and again if it fails.
    :param poll_seconds: How often to look for another snapshot.
    :param options: The operator's options of search.
    :param head_start: Seconds for requests that need no encoder before it is loaded: reading a tokenizer holds the
        interpreter's lock for half a second.
    :param load_reranker: Called in a thread of its own, and again if it fails; without it no search is reranked.
    :param hashed: The files that the server hashed before it forked this process; none by default.
    """

    def __init__(
        self,
        home: Path,
        load_encoder: Callable[[], Encoder],
        poll_seconds: float = 0.5,
        options: Options | None = None,
        head_start: float = 0.0,
        hashed: FileDigests | None = None,
        load_reranker: Callable[[], Reranker] | None = None,
    ) -> None:
        self._home = Home(home)
        self._encoder = HeldEncoder(load_encoder)
        self._reranker = None if load_reranker is None else HeldReranker(load_reranker)
        self._poll_seconds = poll_seconds
        self._head_start = head_start
        self._hashed = hashed or FileDigests()
        self._options = options or Options()
        # Outlives searchers: a query's vector is the same in every snapshot.
        self._asked = QueryVectors(noted=metrics().asked)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._searcher: Searcher | None = None
        self._refused = Refusals()
        self._problem: str | None = None
        self._waiting: tuple[str, float] | None = None
        self.journal: Journal | None = None
        self._heeding = threading.Lock()

    def start(self) -> Live:
        """Load the published snapshot, then the encoder and every later snapshot in threads of their own."""
        try:
            self.journal = Journal(self._home.path)
        except JournalError as error:
            logger.warning("%s: nothing can be written by the API", error)
        self.refresh()
        threading.Thread(target=self._load, name="encoder", daemon=True).start()
        if self._reranker is not None:
            threading.Thread(target=self._load_reranker, args=(self._reranker,), name="reranker", daemon=True).start()
        threading.Thread(target=self._follow, name="snapshots", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop following publications."""
        self._stopped.set()

    def searcher(self) -> Searcher:
        """Return the searcher of the current snapshot.

        :raises NotReady: if there is none yet.
        """
        searcher = self._searcher
        if searcher is None:
            raise NotReady(self._problem or "no snapshot is published yet: run `lienquan index`")
        self._heed(searcher)
        return searcher

    def _heed(self, searcher: Searcher) -> None:
        """Make a searcher hide articles withdrawn since its snapshot, if the journal has changed."""
        journal = self.journal
        if journal is None:
            return
        with self._heeding:  # no request uses the searcher before this is done
            try:
                if searcher.heeded != (version := journal.version()):
                    searcher.withdraw(journal)
                    searcher.heeded = version
            except JournalError as error:  # a journal that cannot be read could not be written to either
                logger.error("what was withdrawn cannot be read: %s", error)

    def encoder(self) -> Encoder:
        """Return the encoder.

        :raises NotReady: while it is being loaded, or if it cannot be.
        """
        if not self._encoder.loaded:
            raise NotReady(self._encoder.problem or "the encoder is being loaded")
        return self._encoder

    def not_ready(self) -> str | None:
        """Return why the service is not ready, None if it is.

        If the encoder fails after it has once worked, the service stays ready. Without it, everything except drafts
        and purely dense searches is answered, and `degraded` reports that.
        """
        problem = self.probe()
        try:
            self.searcher()
        except NotReady as error:
            return error.detail
        return None if self._encoder.answered else problem

    def probe(self) -> str | None:
        """Encode a text as a test. Return the encoder's problem, None if it works."""
        return self._encoder.probe()

    @property
    def degraded(self) -> str | None:
        """Return the problem of the encoder, or else of the reranker; None if both work."""
        return self._encoder.problem or (self._reranker.problem if self._reranker is not None else None)

    @property
    def problem(self) -> str | None:
        """Return the problem of the published snapshot, None if it is served."""
        return self._problem

    def ingestion(self) -> IngestionFigures:
        """Return how far the API's changes have been brought in."""
        searcher, journal = self._searcher, self.journal
        told, held = IngestionFigures(), 0
        if searcher is not None:
            manifest = base = searcher.archive.manifest
            held = ingest.held_changes(self._home, searcher.archive.id, manifest)
            with suppress(SnapshotError):  # pruned: this process will follow soon
                base = read_manifest(self._home.directory(manifest.base)) if manifest.base else manifest
            live = sum(int(segment.alive.sum()) for segment in searcher.archive.segments[len(base.segments) :])
            told = told._replace(live=live, published=datetime.fromisoformat(base.created_at).timestamp())
        if journal is not None:
            with suppress(JournalError):  # every write reports it
                found = journal.waiting(held)
                waited = 0.0 if found.oldest is None else max(0.0, time.time() - found.oldest / 1e6)
                told = told._replace(waiting=found.changes, oldest=waited, aside=found.aside, down=found.taken_down)
        return told

    def refresh(self) -> None:
        """Serve the current snapshot if it differs from the served one and is good."""
        with self._lock:
            self._look_after()
            self._refused.forgive()
            try:
                published = self._home.current()
                place = ingest.newest(self._home)
                name = place.current() if place else None
            except SnapshotError as error:
                self._tell(str(error))
                if self._searcher is None:
                    self._fall_back(None)
                return
            if place is not None and name in self._refused and place is not self._home:
                place, name = self._home, published
            held = self._searcher.archive.id if self._searcher else None
            if place is None or name is None or name == held:
                self._waiting = None
                self._set_problem(None)
            else:
                self._follow_to(place, name)

    def _follow_to(self, place: Home, name: str) -> None:
        """Serve a snapshot. If it was refused before or is refused now, keep the served one, if there is one."""
        if name not in self._refused:
            if self._waits(place, name):
                return
            try:
                self._take(place, name)
            except SnapshotError as error:
                self._refuse(name, error)
            except Exception as error:  # memory or file handles: the next attempt may work
                self._tell(f"snapshot {name}: cannot be opened: {type(error).__name__}: {error}")
            else:
                self._waiting = None
                self._set_problem(None)
                return
        self._set_problem(self._refused.reason(name) or self._problem)
        if self._searcher is None:
            self._fall_back(name)

    def _look_after(self) -> None:
        """Check whether served files were written to. If one has another size, stop serving the snapshot."""
        searcher = self._searcher
        if searcher is None:
            return
        try:
            written_to = searcher.archive.snapshot.written_to()
        except SnapshotError as error:
            self._leave(searcher, error)
            return
        if written_to:
            threading.Thread(target=self._verify, args=(searcher,), name="verify", daemon=True).start()

    def _waits(self, place: Home, name: str) -> bool:
        """Return whether to keep the served snapshot for a while, since it has more of the API's changes."""
        if self._searcher is None:
            return False
        try:
            behind = read_manifest(place.directory(name)).changes < self._searcher.archive.manifest.changes
        except SnapshotError:
            return False
        if not behind:
            return False
        if self._waiting is None or self._waiting[0] != name:
            self._waiting = name, time.monotonic()
        return time.monotonic() - self._waiting[1] < PATIENCE

    def _fall_back(self, refused: str | None) -> None:
        """Serve the newest good snapshot before the refused one; if that one is missing, the newest good one of all."""
        try:
            ids = self._home.ids()
        except SnapshotError:  # already reported for the current one
            return
        known = [name for name in ids if refused not in ids or name < str(refused)]
        for name in reversed([name for name in known if name not in self._refused]):
            try:
                self._take(self._home, name)
            except SnapshotError as error:
                self._refused.add(name, error)
            except Exception as error:  # as above
                logger.debug("snapshot %s: cannot be opened: %s", name, error)
            else:
                return

    def _take(self, place: Home, name: str) -> None:
        directory = place.directory(name)
        previous = self._searcher
        archive = Archive(Snapshot(directory, previous.archive.snapshot if previous else None, self._hashed))
        if self._encoder.loaded:
            self._check_encoder(archive, self._encoder)
        searcher = Searcher(archive, self.encoder, self._options, self._asked, previous, self._reranker)
        if previous is not None:
            try:
                searcher.warm()
            except Exception as error:  # any error: requests would get it too
                logger.exception("snapshot %s does not answer", archive.id)
                raise SnapshotError(f"snapshot {archive.id}: does not answer: {error!r}") from error
        self._heed(searcher)
        self._searcher = searcher
        logger.info("serving snapshot %s: %d articles", archive.id, archive.manifest.articles)
        metrics().serving(datetime.fromisoformat(archive.manifest.created_at).timestamp(), archive.manifest.articles)

    @staticmethod
    def _check_encoder(archive: Archive, encoder: Encoder) -> None:
        if not archive.manifest.encoder.compatible(encoder.identity):
            raise SnapshotError(
                f"snapshot {archive.id}: made with {archive.manifest.encoder}, the service has {encoder.identity}"
            )

    def _refuse(self, name: str, error: SnapshotError) -> None:
        self._refused.add(name, error)
        self._tell(str(error))

    def _tell(self, problem: str) -> None:
        """Log a problem of the published snapshot once, and keep it."""
        if self._problem != problem:
            logger.error("%s; %s", problem, "the snapshot before stays" if self._searcher else "nothing to serve")
        self._set_problem(problem)

    def _set_problem(self, problem: str | None) -> None:
        metrics().problem(problem is not None)
        self._problem = problem

    def _verify(self, searcher: Searcher) -> None:
        """Hash served files again that were written to. If one is damaged, go back to a good snapshot."""
        snapshot = searcher.archive.snapshot
        try:
            verify(snapshot.directory, snapshot.hashed)
        except SnapshotError as error:
            if not snapshot.directory.is_dir():  # pruned meanwhile
                return
            with self._lock:
                self._leave(searcher, error)
            self.refresh()

    def _leave(self, searcher: Searcher, error: SnapshotError) -> None:
        """Stop serving a damaged snapshot, and never serve it again."""
        if self._searcher is not searcher:
            self._refused.add(searcher.archive.id, error)
            return
        self._searcher = None
        self._refuse(searcher.archive.id, error)

    def _load(self) -> None:
        if self._searcher is not None:
            self._stopped.wait(self._head_start)
        if not self._encoder.load(self._stopped):
            return
        with self._lock:
            if self._searcher is not None:
                try:
                    self._check_encoder(self._searcher.archive, self._encoder)
                except SnapshotError as error:
                    self._leave(self._searcher, error)
        metrics().encoder_ready()
        logger.info("encoder ready: %s", self._encoder.identity)
        if (searcher := self._searcher) is not None:
            searcher.understanding.understand("zz")  # loads what the first search needs
        with suppress(NotReady):  # requests report its problem
            self._asked.measure(self._encoder)

    def _load_reranker(self, reranker: HeldReranker) -> None:
        self._stopped.wait(self._head_start)
        reranker.load(self._stopped)

    def _follow(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.refresh()
            except Exception:  # the loop that follows publications must outlive a fault in one of them
                logger.exception("cannot look for a new snapshot")
