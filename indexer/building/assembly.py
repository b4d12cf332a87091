"""From a staged archive to a published snapshot: vectors encoded or taken over, segments written or shared.

Owns what goes into a snapshot's directory. What is staged and whether to write all anew are others' questions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.building import growth
from indexer.building.cache import VectorCache
from indexer.building.embedding import embed
from indexer.building.staging import Staging
from indexer.files import arrays
from indexer.files.arrays import Rows
from indexer.files.layout import WORD_INDEX
from indexer.files.progress import Progress
from indexer.index import calibration, registry, vectors
from indexer.index.calibration import Calibration, draw_background
from indexer.language import knowledge
from indexer.language.knowledge import KnowledgeWriter
from indexer.snapshot import archive_map
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import SegmentEntry
from indexer.snapshot.publishing import publish
from indexer.snapshot.segment import IndexedArticle, SegmentWriter
from indexer.snapshot.sharing import share_directory, share_file
from indexer.snapshot.snapshot import Snapshot
from indexer.text.views import ENCODED
from models.encoder import Encoder, Vectors

logger = logging.getLogger(__name__)

_CHUNK = 64
_TOLD = 500
_WORD_ROWS = "word_rows.npy"


@cache
def _segment(number: int) -> str:
    """Return the name of a segment, the same string each time.

    pathlib puts each part of a path into Python's table of interned strings, where a string that is gone leaves its
    place taken until the table is made anew, larger: with the names of thousands of live snapshots, it would be.
    """
    return f"segment-{number}"


@cache
def _tombstones(segment: str) -> str:
    """Return the name of the file of a segment's tombstones, the same string each time."""
    return f"tombstones-{segment}.npy"


class Assembly:
    """Makes one snapshot of what is staged.

    :param home: Where it is published.
    :param directory: Where it is written; the home's own `partial`.
    :param current: The snapshot that files and vectors are taken over from, None where there is none.
    :param cache: Vectors that were encoded and are in no snapshot yet.
    :param up_to: The last of the API's changes that is staged.
    :param base: Of a live snapshot, the published one under it.
    """

    def __init__(
        self,
        home: Home,
        directory: Path,
        staging: Staging,
        current: Snapshot | None,
        encoder: Encoder,
        cache: VectorCache,
        up_to: int = 0,
        base: str | None = None,
        progress: Progress = lambda stage, done, total: None,
    ) -> None:
        self._home, self._directory, self._staging, self._current = home, directory, staging, current
        self._encoder, self._cache, self._up_to, self._base = encoder, cache, up_to, base
        self._progress = progress
        self.encoded = self.reused = 0
        """Distinct texts that went through the encoder; that had vectors already."""

    def reusable(self) -> Snapshot | None:
        """Return the current snapshot if its vectors are exactly those that would be made now."""
        current = self._current
        if current is None:
            return None
        manifest = current.manifest
        same = manifest.encoder == self._encoder.identity and manifest.encoded == ENCODED
        return current if same else None

    def publish_anew(self, reusable: Snapshot | None, afresh: bool = False) -> str:
        """Publish one segment of all articles, and all that is learnt from them; return the snapshot's id.

        :param reusable: As `reusable` says.
        :param afresh: Whether to draw the map and the background anew, too: they may be of articles that are gone.
        """
        articles, texts = self._staging.count()
        now = datetime.now(UTC)
        words = registry.lexical_index().writer(self._directory / WORD_INDEX)
        learnt = KnowledgeWriter(now)
        entry = self._write(_segment(0), reusable, partial(SegmentWriter, now=now, words=words, learnt=learnt))
        drawn_from = reusable if reusable is not None and not afresh and _as_large(reusable, articles) else None
        self._map(entry, drawn_from)
        words.close()
        learnt.write(self._directory / knowledge.DIRECTORY, self._directory / entry.name)
        raw = self._directory / entry.name / vectors.RAW_FILE
        drawn = self._background(drawn_from, raw, articles, texts)
        return self._publish([entry], drawn)

    def publish_added(self, current: Snapshot, gone: Rows, first: int) -> str:
        """Publish the first of the current segments as they are, less what is gone, and the rest in one that is new.

        :param gone: The rows of the current snapshot that are no longer, (n,) int64.
        :param first: How many segments stay.
        :return: The snapshot's id.
        """
        kept = self._staging.gather(gone, first)
        base, directory = Archive(current, first), self._directory
        for name in (
            WORD_INDEX,
            knowledge.DIRECTORY,
            *(entry.name for entry in current.manifest.segments[:first]),
        ):
            share_directory(current.directory / name, directory / name)
        share_file(current.directory / calibration.FILE, directory / calibration.FILE)
        entries = self._buried(current, gone, first)
        rows = current.word_rows()
        if self._staging.count()[0]:
            now, words = datetime.now(UTC), registry.lexical_index().writer(directory / WORD_INDEX)
            writer = partial(SegmentWriter, now=now, words=words, earlier=base)
            entries.append(self._write(_segment(first), current, writer, len(kept)))
            words.close()
            if Archive(current).positions is not None:  # else there is no map to add to
                self._map(entries[-1], current)
            rows = growth.word_rows(rows, base.count, kept, words.count, entries[-1].articles)
        elif rows is not None:
            rows = growth.word_rows(rows, base.count, kept, len(rows), 0)
        return self._publish(entries, current.manifest.calibration, rows)

    def _buried(self, current: Snapshot, gone: Rows, first: int) -> list[SegmentEntry]:
        """Return the first segments with what is gone of them as tombstones."""
        entries, start = [], 0
        for entry, segment in zip(current.manifest.segments[:first], current.segments, strict=False):
            here = gone[(gone >= start) & (gone < start + segment.count)] - start
            dead = np.union1d(np.flatnonzero(~segment.alive), here).astype(np.int64)
            start += segment.count
            if len(dead):
                name = _tombstones(entry.name)
                arrays.save(self._directory / name, dead)
                entry = entry.model_copy(update={"tombstones": name, "deleted": len(dead)})
            entries.append(entry)
        return entries

    def _write(
        self,
        name: str,
        reusable: Snapshot | None,
        writer: Callable[..., SegmentWriter],
        known: int = 0,
    ) -> SegmentEntry:
        """Write a segment of what is staged.

        :param known: How many of the first articles the words have already.
        """
        articles, texts = self._staging.count()
        target = self._directory / name
        target.mkdir()
        chunks = self._vectors(reusable, texts)
        vectors.write_vectors(target / vectors.RAW_FILE, texts, self._encoder.identity.dim, chunks)
        self._progress("indexing", 0, articles)
        gathered = self._counted(self._staging.articles(), articles)
        built = writer(target, progress=self._progress).write(gathered, self._staging.texts(), known)
        return SegmentEntry(name=name, articles=articles, vectors=texts, index=built.kind, recall=built.recall)

    def _map(self, entry: SegmentEntry, reusable: Snapshot | None) -> None:
        """Write the map of a segment: as it is in a snapshot that has one and is about as large, else drawn anew."""
        self._progress("mapping", 0, entry.vectors)
        target = self._directory / entry.name
        raw = arrays.mapped(target / vectors.RAW_FILE)
        held = Archive(reusable) if reusable else None
        if held is None or held.positions is None:
            archive_map.write_anew(target, raw)
        else:
            archive_map.write_added(target, raw, held, self._known())
        self._progress("mapping", entry.vectors, entry.vectors)

    def _known(self) -> Rows:
        """Return the rows of staged texts that have vectors already, and theirs in the current snapshot, (k, 2)."""
        return np.fromiter(self._staging.known_vectors(), dtype=np.dtype((np.int64, 2)))

    def _counted(self, articles: Iterable[IndexedArticle], total: int) -> Iterator[IndexedArticle]:
        for done, article in enumerate(articles, 1):
            yield article
            if done % _TOLD == 0 or done == total:
                self._progress("indexing", done, total)

    def _publish(
        self, entries: list[SegmentEntry], drawn: Calibration, word_rows: NDArray[np.int32] | None = None
    ) -> str:
        self._progress("publishing", 0, None)
        self._staging.close()
        for path in self._directory.glob("staging.sqlite*"):
            path.unlink()
        if word_rows is not None:
            arrays.save(self._directory / _WORD_ROWS, word_rows)
        manifest = {
            "parent": self._base or (self._current.id if self._current else None),
            "base": self._base,
            "changes": self._up_to,
            "encoder": self._encoder.identity,
            "encoded": ENCODED,
            "transform": "none",
            "calibration": drawn,
            "segments": entries,
            "word_rows": None if word_rows is None else _WORD_ROWS,
        }
        return publish(self._home, self._directory, manifest, self._current, durable=self._base is None)

    def _vectors(self, reusable: Snapshot | None, texts: int) -> Iterator[tuple[Rows, Vectors]]:
        """Yield the vector of every distinct text: the current snapshot's, an interrupted build's, or a new one."""
        known = np.zeros(texts, dtype=np.bool_)
        if reusable is not None:
            pairs = self._known()
            known[pairs[:, 0]] = True
            held = Archive(reusable)
            for start in range(0, len(pairs), 4096):
                rows, old = pairs[start : start + 4096].T
                yield rows, held.reconstruct(old)
        self.reused = int(known.sum())
        missing = np.flatnonzero(~known)
        self._progress("encoding", 0, len(missing))
        for start in range(0, len(missing), _CHUNK):
            rows = missing[start : start + _CHUNK]
            yield rows, self._encode(rows)
            self._progress("encoding", start + len(rows), len(missing))

    def _encode(self, rows: Rows) -> Vectors:
        found = self._staging.articles_of(rows.tolist())
        cached = [self._cache.get(key) for key, _ in found]
        new = [at for at, vector in enumerate(cached) if vector is None]
        if new:
            fresh = embed(self._encoder, [found[at][1].views for at in new])
            self._cache.put([found[at][0] for at in new], fresh)
            for at, vector in zip(new, fresh, strict=True):
                cached[at] = vector
        self.encoded += len(new)
        self.reused += len(found) - len(new)
        return np.stack([vector for vector in cached if vector is not None])

    def _background(self, reusable: Snapshot | None, raw: Path, articles: int, texts: int) -> Calibration:
        """Write the background: that of a snapshot, or a new one where there is none to be taken over."""
        target = self._directory / calibration.FILE
        if reusable is not None:
            share_file(reusable.directory / calibration.FILE, target)
            return reusable.manifest.calibration
        rows = np.unique(np.linspace(0, texts - 1, min(texts, calibration.SAMPLE)).astype(np.int64))
        sample = arrays.mapped(raw)[rows if texts else []]
        background, drawn = draw_background(np.array(sample), articles, self._encoder)
        arrays.save(target, background)
        return drawn


def _as_large(current: Snapshot, articles: int) -> bool:
    """Return whether an archive is about as large as when the background, and the map, were last drawn."""
    drawn = current.manifest.calibration.articles
    return drawn / 2 <= articles <= drawn * 2
