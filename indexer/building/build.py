"""The build: sources to a published snapshot, in the order of the offline flow.

Owns what is read, kept, encoded and refused. What a source says, which reading wins, what files hold and how a
snapshot is published are each another module's.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.articles import store
from indexer.articles.article import Article, LineProblem, shown, validate, without_time_ahead
from indexer.building import growth
from indexer.building.assembly import Assembly
from indexer.building.cache import VectorCache
from indexer.building.rejects import RejectsFile
from indexer.building.staging import Changes, SegmentContents, Staging
from indexer.building.trial import TrialPreparation
from indexer.changes.barred import is_barred, names_barred
from indexer.changes.changes import Change
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused, SnapshotError, ValidationFailed
from indexer.files.progress import Progress, telling
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import Manifest, read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from indexer.sources.ownership import Ownership
from indexer.text.views import ENCODED
from models.encoder import Encoder

logger = logging.getLogger(__name__)

MAX_SHRINK = 0.2
WHOLE = 2_000
"""An archive of up to so many articles is written anew whenever it changes: that takes seconds, and all is learnt."""

_SHOWN_PROBLEMS = 20


@dataclass
class BuildReport:
    """What a build did.

    :param lines: Readings met in the sources, bad ones included.
    :param rejected: Readings that were not articles.
    :param repeated: Readings that met another of their id in the same run.
    :param encoded: Distinct texts that went through the encoder; the rest had vectors already.
    :param snapshot: The id of the snapshot that was published, None where nothing had changed.
    :param barred: Readings of articles that are taken down, passed over.
    :param foreign: Articles that a source told of and another source of the run owns.
    :param ahead: Articles whose `updated_at` lay too far ahead and was left out.
    :param incomplete: Where a source could not be read to its end.
    :param problems: The first faults found. The rejects file has all of those for which a line was rejected.
    """

    lines: int = 0
    rejected: int = 0
    barred: int = 0
    repeated: int = 0
    foreign: int = 0
    ahead: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    articles: int = 0
    encoded: int = 0
    reused: int = 0
    snapshot: str | None = None
    pruned: list[str] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)
    problems_by_field: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    incomplete: list[str] = field(default_factory=list)

    def take(self, changes: Changes) -> None:
        """Take over the numbers of what changed."""
        self.articles, self.added, self.updated = changes.articles, changes.added, changes.updated
        self.removed, self.unchanged = changes.removed + changes.deleted, changes.unchanged


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    :param whole: Whether the sources are the whole archive or only add to it.
    :param strict: Whether to stop at the first bad line.
    :param allow_shrink: Whether the archive may lose more than MAX_SHRINK of its articles.
    :param keep: How many snapshots to keep.
    :param rewrite: Whether to write everything anew where anything has changed or was added before.
    :param afresh: Whether to write everything anew even where nothing has changed, and keep nothing that was drawn from
        articles that may be gone since.
    :param added_to: An archive of fewer articles is always written anew.
    :param wait: For how many seconds to wait for another build (`Home.lock`).
    :param merging: Whether this is a merge, for which others wait.
    :param most: How many of the API's changes to take at most; all by default.
    :param behind: Whether to take those too that wait behind the others (`journal`).
    :param source: What is said of every source.
    """

    whole: bool = True
    strict: bool = False
    allow_shrink: bool = False
    keep: int = 5
    rewrite: bool = False
    afresh: bool = False
    added_to: int = WHOLE
    wait: float = 0.0
    merging: bool = False
    most: int = -1
    behind: bool = True
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
    :raises BuildRefused: if another build holds the home, too much would be lost, or SQLite cannot write.
    :raises SnapshotError: if the current snapshot is damaged.
    """
    journal = Journal.of(home.path)
    with (
        home.lock(options.wait, options.merging),
        telling(home.path, progress, options.merging) as told,
        home.partial() as directory,
        store.disk_errors_told(),
        closing(journal) if journal else nullcontext(),
    ):
        current = open_published(home)
        with closing(Staging(directory / "staging.sqlite")) as staging:
            barred = journal.barred() if journal else frozenset()
            report = _read(home, staging, sources, options, told, barred)
            up_to = _take_changes(journal, staging, current, options) if journal else 0
            changes = staging.compare(held(current), options.whole)
            report.take(changes)
            _guard(changes, options, report, emptied=current is not None and not sources)
            cache = VectorCache(home.path, (made := encoder()).identity, ENCODED)
            with closing(cache):
                assembly = Assembly(home, directory, staging, current, made, cache, up_to, progress=told)
                report.snapshot = _publish(assembly, staging, changes, options)
            report.encoded, report.reused = assembly.encoded, assembly.reused
        if current is not None:
            current.close()
        if report.snapshot is not None:
            report.pruned = home.prune(options.keep)
            _tidy(home, journal, cache, up_to)
        told.ended(report.snapshot, report.articles, report.encoded)
    return report


def _publish(assembly: Assembly, staging: Staging, changes: Changes, options: BuildOptions) -> str | None:
    """Publish what the changes ask for: nothing, tombstones, an added segment, or everything anew."""
    reusable = assembly.reusable()
    anew = options.afresh or (options.rewrite and reusable is not None and _gains(reusable))
    if reusable is not None and not changes and not anew:
        return None
    gone = staging.gone(options.whole)
    if reusable is not None and not options.rewrite and not options.afresh:
        first = growth.first_written(reusable, gone, changes, options.added_to)
        if first > 0:
            return assembly.publish_added(reusable, gone, first)
    staging.gather(gone, 0)
    return assembly.publish_anew(reusable, options.afresh)


def _gains(current: Snapshot) -> bool:
    """Return whether anything is gained by writing all anew: what was added becomes one, what is missing is made."""
    dead = current.manifest.word_rows is not None or any(not segment.alive.all() for segment in current.segments)
    return dead or len(current.segments) > 1 or any(segment.positions is None for segment in current.segments)


def _tidy(home: Home, journal: Journal | None, cache: VectorCache, up_to: int) -> None:
    """Forget what is published: the API's lines that every snapshot holds, and the vectors of a build."""
    if journal is None:
        cache.discard()
        return
    held = []
    for name in home.ids():
        with suppress(SnapshotError):  # one that cannot be read is served to nobody
            held.append(read_manifest(home.directory(name)).changes)
    journal.trim(min(held, default=up_to))
    if journal.last() <= up_to:
        cache.discard()


def _take_changes(journal: Journal, staging: Staging, current: Snapshot | None, options: BuildOptions) -> int:
    """Stage all that the API changed, what it deleted long ago too, so that no source brings it back."""
    after = 0 if current is None else current.manifest.changes
    for tombstone in journal.tombstones(after):
        staging.withdraw(tombstone.id, tombstone.updated, pending=False)
    taken = journal.take(after, options.most, -1 if options.behind else 0)

    def set_aside(change: Change, fault: str) -> None:
        logger.error("article %r is set aside: %s", change.id, fault)
        journal.set_aside(change, fault)

    return stage_changes(taken, staging, after, options.whole, set_aside)


def stage_changes(
    changes: Sequence[Change], staging: Staging, after: int, whole: bool, set_aside: Callable[[Change, str], None]
) -> int:
    """Stage what the API changed since the current snapshot was made, and return the last change that is staged.

    What is deleted comes first, so that it waits for no article. An article that cannot be prepared within its time is
    set aside, and the others are staged.

    :param after: The last change that the current snapshot holds.
    :param whole: Whether the sources are the whole archive (`BuildOptions`).
    :param set_aside: Is told such an article, and why.
    """
    for change in changes:
        if change.forced:
            staging.force(change.id)
        if change.line is None:
            staging.withdraw(change.id, change.updated, pending=True)
    with closing(TrialPreparation()) as trial:
        for change in changes:
            if change.line is None:
                continue
            if fault := trial.fault_of_line(change.line):
                set_aside(change, fault)
            else:
                staging.put(store.load_article(change.line), change.updated, whole)
    return changes[-1].seq if changes else after


def open_published(home: Home) -> Snapshot | None:
    """Return the current snapshot, None on an empty home.

    :raises SnapshotError: if it is damaged, with what to do.
    """
    name = home.current()
    if name is None:
        return None
    try:
        return Snapshot(home.directory(name))
    except SnapshotError as error:
        raise SnapshotError(
            f"{error}; roll back with `lienquan snapshots rollback ID`, or build in a new home"
        ) from error


def held(current: Snapshot | None) -> list[SegmentContents]:
    """Return what the segments of a snapshot hold, none where there is no snapshot."""
    if current is None:
        return []
    return [
        SegmentContents(current.directory / segment.name / store.FILE, segment.alive, segment.index.count)
        for segment in current.segments
    ]


def _guard(changes: Changes, options: BuildOptions, report: BuildReport, emptied: bool) -> None:
    """Refuse what would lose too much.

    :param emptied: Whether an archive without articles is none that should have some: the API may have deleted all.
    """
    if report.articles == 0 and changes.current == 0 and not emptied:
        first = f"; {report.problems[0]}" if report.problems else ""
        raise BuildRefused(f"{report.lines} lines read, {report.rejected} rejected: no article to index{first}")
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
    home: Home,
    staging: Staging,
    sources: Sequence[str],
    options: BuildOptions,
    progress: Progress,
    barred: frozenset[bytes],
) -> BuildReport:
    report, ownership = BuildReport(), Ownership.of(sources)
    rejects = RejectsFile(home.path)
    with closing(rejects), closing(TrialPreparation()) as trial:
        for source in sources:
            for reading in read_source(source, options.source):
                report.lines += 1
                if barred and _is_barred(reading, barred):  # not even among what was rejected, where its text would lie
                    report.barred += 1
                    continue
                article, problems = _judge(reading.file or source, reading, trial)
                if problems and options.strict:
                    raise ValidationFailed(str(problems[0]))
                _note(report, problems)
                if article is not None and isinstance(reading, Reading):
                    report.ahead += bool(problems)
                    report.repeated += _stage(staging, ownership, reading, article)
                else:
                    _reject(report, rejects, staging, reading, problems)
                if report.lines % 1000 == 0:
                    progress("reading", report.lines, None)
    progress("reading", report.lines, report.lines)
    report.foreign = ownership.left.total()
    for teller, left in ownership.left.items():
        logger.info("%s: %d articles are left to the sources that own their hosts", teller, left)
    report.rejects = rejects.path if report.rejected else None
    return report


def _stage(staging: Staging, ownership: Ownership, reading: Reading, article: Article) -> bool:
    """Stage an article as its source's standing asks for; say whether another reading of its id was staged."""
    origin = ownership.origin(reading, article)
    return origin is not None and staging.add(ownership.own_names(reading, article), origin, reading.derived)


def _is_barred(reading: Reading | BadLine, barred: frozenset[bytes]) -> bool:
    if isinstance(reading, BadLine):
        return names_barred(reading.raw, barred)
    return is_barred(reading.fields, barred)


def _judge(
    source: str, reading: Reading | BadLine, trial: TrialPreparation
) -> tuple[Article | None, list[LineProblem]]:
    if isinstance(reading, BadLine):
        return None, [LineProblem(source, reading.line, "", shown(reading.raw), reading.reason)]
    if fault := trial.fault(reading.fields):
        logger.error("%s:%d: %s", source, reading.line, fault)
        return None, [LineProblem(source, reading.line, "", shown(reading.fields.get("title")), fault)]
    found = validate(reading.fields)
    if isinstance(found, Article):
        article, faults = without_time_ahead(found, datetime.now(UTC))
        return article, [LineProblem(source, reading.line, *fault) for fault in faults]
    return None, [LineProblem(source, reading.line, *fault) for fault in found]


def _note(report: BuildReport, problems: list[LineProblem]) -> None:
    report.problems += problems[: max(0, _SHOWN_PROBLEMS - len(report.problems))]
    report.problems_by_field.update(problem.field or "(line)" for problem in problems)


def _reject(
    report: BuildReport, rejects: RejectsFile, staging: Staging, reading: Reading | BadLine, problems: list[LineProblem]
) -> None:
    report.rejected += 1
    if isinstance(reading, BadLine) and reading.incomplete:
        report.incomplete.append(f"{problems[0].source}:{reading.line}")
    rejects.write(reading, problems)
    article_id = reading.fields.get("id") if isinstance(reading, Reading) else None
    if isinstance(article_id, str) and all(problem.field != "id" for problem in problems):
        staging.reject(article_id)


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
