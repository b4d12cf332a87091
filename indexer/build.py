"""The build: sources to a published snapshot, in the order of the offline flow.

Owns what is read, kept, encoded and refused. What a source says, which reading wins, what files hold and how a
snapshot is published are each another module's.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer import calibration, growth, knowledge, lexical, store, vectors
from indexer.archive import Archive
from indexer.article import Article, Problem, shown, validate
from indexer.cache import VectorCache
from indexer.calibration import Calibration, draw_background
from indexer.embedding import embed
from indexer.errors import BuildRefused, SnapshotError, ValidationFailed
from indexer.knowledge import KnowledgeWriter
from indexer.lexical import LexicalWriter
from indexer.segment import SegmentWriter
from indexer.snapshot import Home, Manifest, SegmentEntry, Snapshot, share_directory, share_file
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from indexer.staging import Changes, Held, Staging
from indexer.text import ENCODED
from indexer.vectors import Rows
from models.encoder import Encoder, Vectors

logger = logging.getLogger(__name__)

MAX_SHRINK = 0.2
WHOLE = 2_000
"""An archive of up to so many articles is written anew whenever it changes: that takes seconds, and all is learnt."""

_CHUNK = 64
_SHOWN_PROBLEMS = 20
_WORD_ROWS = "word_rows.npy"

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much is done, and of how much where that is known."""


@dataclass
class BuildReport:
    """What a build did.

    :param lines: Readings met in the sources, bad ones included.
    :param rejected: Readings that were not articles.
    :param repeated: Readings that met another of their id in the same run.
    :param encoded: Distinct texts that went through the encoder; the rest had vectors already.
    :param snapshot: The id of the snapshot that was published, None where nothing had changed.
    :param incomplete: Where a source could not be read to its end.
    :param problems: The first faults found; all of them are in the rejects file.
    """

    lines: int = 0
    rejected: int = 0
    repeated: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    articles: int = 0
    encoded: int = 0
    reused: int = 0
    snapshot: str | None = None
    pruned: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problems_by_field: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    incomplete: list[str] = field(default_factory=list)

    def take(self, changes: Changes) -> None:
        """Take over the numbers of what changed."""
        self.articles, self.added, self.updated = changes.articles, changes.added, changes.updated
        self.removed, self.unchanged = changes.removed, changes.unchanged


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    :param whole: Whether the sources are the whole archive or only add to it.
    :param strict: Whether to stop at the first bad line.
    :param allow_shrink: Whether the archive may lose more than MAX_SHRINK of its articles.
    :param keep: How many snapshots to keep.
    :param rewrite: Whether to write everything anew where anything has changed or was added before.
    :param added_to: An archive of fewer articles is always written anew.
    :param source: What is said of every source.
    """

    whole: bool = True
    strict: bool = False
    allow_shrink: bool = False
    keep: int = 5
    rewrite: bool = False
    added_to: int = WHOLE
    source: SourceOptions = field(default_factory=SourceOptions)


def build(
    home: Home,
    sources: Sequence[str],
    encoder: Callable[[], Encoder],
    options: BuildOptions = BuildOptions(),
    progress: Progress = lambda stage, done, total: None,
) -> BuildReport:
    """Build a snapshot from the sources and publish it, unless nothing has changed.

    :param encoder: Called once there is an archive to compare or encode; loading a model takes seconds.
    :raises SourceError: if a source cannot be read.
    :raises ValidationFailed: if `strict` met a bad line.
    :raises BuildRefused: if another build holds the home, or too much would be lost.
    :raises SnapshotError: if the current snapshot is damaged.
    """
    with home.lock(), home.partial() as directory:
        current = _open_current(home)
        with closing(Staging(directory / "staging.sqlite")) as staging:
            report = _read(home, staging, sources, options, progress)
            changes = staging.compare(_held(current), options.whole)
            report.take(changes)
            _guard(changes, options, report)
            _Build(home, directory, staging, current, encoder(), progress, report).run(changes, options)
        if current is not None:
            current.close()
        if report.snapshot is not None:
            report.pruned = home.prune(options.keep)
    return report


def _open_current(home: Home) -> Snapshot | None:
    name = home.current()
    if name is None:
        return None
    try:
        return Snapshot(home.directory(name))
    except SnapshotError as error:
        raise SnapshotError(
            f"{error}; roll back with `lienquan snapshots rollback ID`, or build in a new home"
        ) from error


def _held(current: Snapshot | None) -> list[Held]:
    if current is None:
        return []
    return [
        Held(current.directory / segment.name / store.FILE, segment.alive, segment.index.count)
        for segment in current.segments
    ]


def _guard(changes: Changes, options: BuildOptions, report: BuildReport) -> None:
    if report.articles == 0 and changes.current == 0:
        raise BuildRefused(f"{report.lines} lines read, {report.rejected} rejected: no article to index")
    if report.incomplete and changes.removed and not options.allow_shrink:
        raise BuildRefused(
            f"{report.incomplete[0]}: could not be read whole, and {changes.removed} articles that are indexed are in "
            "no source: expected whole sources; mend it, or --add what could be read, or --allow-shrink"
        )
    if changes.removed > MAX_SHRINK * changes.current and not options.allow_shrink:
        raise BuildRefused(
            f"the sources would remove {changes.removed} of {changes.current} articles: expected at most "
            f"{MAX_SHRINK:.0%}; is a source incomplete? If not, --allow-shrink"
        )


def _read(
    home: Home, staging: Staging, sources: Sequence[str], options: BuildOptions, progress: Progress
) -> BuildReport:
    report = BuildReport()
    rejects = _Rejects(home.path / f"rejects-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.jsonl")
    with closing(rejects):
        for source in sources:
            for reading in read_source(source, options.source):
                report.lines += 1
                article, problems = _judge(reading.file or source, reading)
                if article is not None:
                    derived = isinstance(reading, Reading) and reading.derived
                    report.repeated += staging.add(article, "source", derived)
                else:
                    if options.strict:
                        raise ValidationFailed(str(problems[0]))
                    _reject(report, rejects, staging, reading, problems)
                if report.lines % 1000 == 0:
                    progress("reading", report.lines, None)
    progress("reading", report.lines, report.lines)
    report.rejects = rejects.path if report.rejected else None
    return report


def _judge(source: str, reading: Reading | BadLine) -> tuple[Article | None, list[Problem]]:
    if isinstance(reading, BadLine):
        return None, [Problem(source, reading.line, "", shown(reading.raw), reading.reason)]
    found = validate(reading.fields)
    if isinstance(found, Article):
        return found, []
    return None, [Problem(source, reading.line, *fault) for fault in found]


def _reject(
    report: BuildReport, rejects: _Rejects, staging: Staging, reading: Reading | BadLine, problems: list[Problem]
) -> None:
    report.rejected += 1
    if isinstance(reading, BadLine) and reading.incomplete:
        report.incomplete.append(f"{problems[0].source}:{reading.line}")
    report.problems += problems[: max(0, _SHOWN_PROBLEMS - len(report.problems))]
    report.problems_by_field.update(problem.field or "(line)" for problem in problems)
    rejects.write(reading, problems)
    article_id = reading.fields.get("id") if isinstance(reading, Reading) else None
    if isinstance(article_id, str) and all(problem.field != "id" for problem in problems):
        staging.reject(article_id)


class _Rejects:
    """The file of bad lines, made when there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None

    def write(self, reading: Reading | BadLine, problems: list[Problem]) -> None:
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        faults = [{"field": p.field, "value": p.value, "reason": p.reason} for p in problems]
        raw = reading.raw if isinstance(reading, BadLine) else reading.fields
        line = {"source": problems[0].source, "line": reading.line, "problems": faults, "raw": raw}
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Build:
    """The second half of a build: from the archive to be to a published snapshot."""

    def __init__(
        self,
        home: Home,
        directory: Path,
        staging: Staging,
        current: Snapshot | None,
        encoder: Encoder,
        progress: Progress,
        report: BuildReport,
    ) -> None:
        self._home = home
        self._directory = directory
        self._staging = staging
        self._current = current
        self._encoder = encoder
        self._progress = progress
        self._report = report

    def run(self, changes: Changes, options: BuildOptions) -> None:
        """Publish what the changes ask for: nothing, tombstones, an added segment, or everything anew."""
        reusable = self._reusable()
        added_to = reusable is not None and len(reusable.segments) > 1
        if reusable is not None and not changes and not (options.rewrite and added_to):
            return
        gone = self._staging.gone(options.whole)
        first = 0
        if reusable is not None and not options.rewrite:
            first = growth.first_written(reusable, gone, changes, options.added_to)
        if reusable is None or first == 0:
            self._staging.gather(gone, 0)
            self._publish_anew(reusable)
        else:
            self._publish_added(reusable, gone, first)

    def _reusable(self) -> Snapshot | None:
        """Return the current snapshot if its vectors are exactly those that this build would make."""
        current = self._current
        if current is None:
            return None
        manifest = current.manifest
        same = manifest.encoder == self._encoder.identity and manifest.encoded == ENCODED
        return current if same else None

    def _publish_anew(self, reusable: Snapshot | None) -> None:
        """Publish one segment of all articles, and all that is learnt from them."""
        articles, texts = self._staging.count()
        now = datetime.now(UTC)
        words = LexicalWriter(self._directory / lexical.DIRECTORY)
        learnt = KnowledgeWriter(now)
        cache = self._cache()
        with closing(cache):
            entry = self._write(
                "segment-0", reusable, cache, partial(SegmentWriter, now=now, words=words, learnt=learnt)
            )
            words.close()
            learnt.write(self._directory / knowledge.DIRECTORY, self._directory / entry.name)
            raw = self._directory / entry.name / vectors.RAW_FILE
            drawn = self._background(reusable, raw, articles, texts)
            self._publish([entry], drawn)
        cache.discard()

    def _publish_added(self, current: Snapshot, gone: Rows, first: int) -> None:
        """Publish the first of the current segments as they are, less what is gone, and the rest in one that is new."""
        kept = self._staging.gather(gone, first)
        base, directory = Archive(current, first), self._directory
        for name in (
            lexical.DIRECTORY,
            knowledge.DIRECTORY,
            *(entry.name for entry in current.manifest.segments[:first]),
        ):
            share_directory(current.directory / name, directory / name)
        share_file(current.directory / calibration.FILE, directory / calibration.FILE)
        entries = self._buried(current, gone, first)
        rows = current.word_rows()
        if self._staging.count()[0]:
            now, words = datetime.now(UTC), LexicalWriter(directory / lexical.DIRECTORY)
            cache = self._cache()
            writer = partial(SegmentWriter, now=now, words=words, earlier=base)
            with closing(cache):
                entries.append(self._write(f"segment-{first}", current, cache, writer, len(kept)))
                words.close()
                rows = growth.word_rows(rows, base.count, kept, words.count, entries[-1].articles)
                self._publish(entries, current.manifest.calibration, rows)
            cache.discard()
        else:
            rows = None if rows is None else growth.word_rows(rows, base.count, kept, len(rows), 0)
            self._publish(entries, current.manifest.calibration, rows)

    def _buried(self, current: Snapshot, gone: Rows, first: int) -> list[SegmentEntry]:
        """Return the first segments with what is gone of them as tombstones."""
        entries, start = [], 0
        for entry, segment in zip(current.manifest.segments[:first], current.segments, strict=False):
            here = gone[(gone >= start) & (gone < start + segment.count)] - start
            dead = np.union1d(np.flatnonzero(~segment.alive), here).astype(np.int64)
            start += segment.count
            if len(dead):
                name = f"tombstones-{entry.name}.npy"
                np.save(self._directory / name, dead, allow_pickle=False)
                entry = entry.model_copy(update={"tombstones": name, "deleted": len(dead)})
            entries.append(entry)
        return entries

    def _cache(self) -> VectorCache:
        return VectorCache(self._home.path, self._encoder.identity, ENCODED)

    def _write(
        self,
        name: str,
        reusable: Snapshot | None,
        cache: VectorCache,
        writer: Callable[[Path], SegmentWriter],
        known: int = 0,
    ) -> SegmentEntry:
        """Write a segment of what is staged.

        :param known: How many of the first articles the words have already.
        """
        articles, texts = self._staging.count()
        target = self._directory / name
        target.mkdir()
        chunks = self._vectors(reusable, cache, texts)
        vectors.write_vectors(target / vectors.RAW_FILE, texts, self._encoder.identity.dim, chunks)
        self._progress("indexing", 0, articles)
        built = writer(target).write(self._staging.articles(), self._staging.texts(), known)
        self._progress("indexing", articles, articles)
        return SegmentEntry(name=name, articles=articles, vectors=texts, index=built.kind, recall=built.recall)

    def _publish(
        self, entries: list[SegmentEntry], drawn: Calibration, word_rows: NDArray[np.int32] | None = None
    ) -> None:
        self._staging.close()
        for path in self._directory.glob("staging.sqlite*"):
            path.unlink()
        if word_rows is not None:
            np.save(self._directory / _WORD_ROWS, word_rows, allow_pickle=False)
        manifest = {
            "parent": self._current.id if self._current else None,
            "encoder": self._encoder.identity,
            "encoded": ENCODED,
            "transform": "none",
            "calibration": drawn,
            "segments": entries,
            "word_rows": None if word_rows is None else _WORD_ROWS,
        }
        self._report.snapshot = self._home.publish(self._directory, manifest, self._current)

    def _vectors(self, reusable: Snapshot | None, cache: VectorCache, texts: int) -> Iterator[tuple[Rows, Vectors]]:
        """Yield the vector of every distinct text: the current snapshot's, an interrupted build's, or a new one."""
        known = np.zeros(texts, dtype=np.bool_)
        if reusable is not None:
            pairs = np.fromiter(self._staging.known_vectors(), dtype=np.dtype((np.int64, 2)))
            known[pairs[:, 0]] = True
            held = Archive(reusable)
            for start in range(0, len(pairs), 4096):
                rows, old = pairs[start : start + 4096].T
                yield rows, held.reconstruct(old)
        self._report.reused = int(known.sum())
        missing = np.flatnonzero(~known)
        self._progress("encoding", 0, len(missing))
        for start in range(0, len(missing), _CHUNK):
            rows = missing[start : start + _CHUNK]
            yield rows, self._encode(rows, cache)
            self._progress("encoding", start + len(rows), len(missing))

    def _encode(self, rows: Rows, cache: VectorCache) -> Vectors:
        found = self._staging.articles_of(rows.tolist())
        cached = [cache.get(key) for key, _ in found]
        new = [at for at, vector in enumerate(cached) if vector is None]
        if new:
            fresh = embed(self._encoder, [found[at][1].views for at in new])
            cache.put([found[at][0] for at in new], fresh)
            for at, vector in zip(new, fresh, strict=True):
                cached[at] = vector
        self._report.encoded += len(new)
        self._report.reused += len(found) - len(new)
        return np.stack([vector for vector in cached if vector is not None])

    def _background(self, reusable: Snapshot | None, raw: Path, articles: int, texts: int) -> Calibration:
        """Write the background: the current one while the archive is of about the size that it was drawn at."""
        target = self._directory / calibration.FILE
        if reusable is not None:
            drawn = reusable.manifest.calibration
            if drawn.articles / 2 <= articles <= drawn.articles * 2:
                share_file(reusable.directory / calibration.FILE, target)
                return drawn
        rows = np.unique(np.linspace(0, texts - 1, min(texts, calibration.SAMPLE)).astype(np.int64))
        sample = np.load(raw, mmap_mode="r", allow_pickle=False)[rows if texts else []]
        background, drawn = draw_background(np.array(sample), articles, self._encoder)
        np.save(target, background, allow_pickle=False)
        return drawn


def describe(manifest: Manifest) -> dict[str, Any]:
    """Return what `snapshots list` shows of a manifest."""
    encoder = manifest.encoder
    return {
        "created_at": manifest.created_at,
        "parent": manifest.parent,
        "articles": manifest.articles,
        "vectors": sum(entry.vectors for entry in manifest.segments),
        "encoder": f"{encoder.name}@{encoder.revision} {encoder.precision}",
        "bytes": sum(file.size for file in manifest.files.values()),
    }
