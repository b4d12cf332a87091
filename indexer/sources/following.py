"""Follows sources over time: what they have given since the last build, and the state of each.

Owns one file of a home, `sync.json`, which shows operators what was asked when and what is wrong. Knows nothing of how
a source is fetched or a snapshot is built; callers report the result of a build.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.errors import BuildRefused, IndexerError, SourceError, WorkEnded
from indexer.files import private
from indexer.files.durable import replace_file
from indexer.sources import SourceOptions, listed
from indexer.sources.described import AnySource, FileSource
from indexer.sources.folder import walk
from indexer.sources.memory import changes
from indexer.sources.registry import kind_of

logger = logging.getLogger(__name__)

FILE = "sync.json"
_LOCK = "sync.lock"
_PURGED = "a page of an article that was purged since"
_PAGES = 300
"""Pages of a site that are read before their articles are published."""
_SHARE = 0.5
"""The part of its time in a round after which a source begins no further page. The next round goes on."""
_LATE = timedelta(hours=1)
"""The allowed delay beyond three times the interval, since a slow site takes a while to read."""


class SourceState(BaseModel):
    """The state of a source.

    :param articles: The number of remembered articles; None for files, which are read anew, or if unknown.
    :param problem: What is wrong with it, or empty.
    :param problems: The number of problems.
    :param since: When it began to have problems; None while it has none.
    :param succeeded: When it last had no problem.
    :param failures: How many times it had a problem, of all the times that it was asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    articles: int | None = None
    problem: str = ""
    problems: int = 0
    since: datetime | None = None
    succeeded: datetime | None = None
    failures: int = 0


class SyncState(BaseModel):
    """The state of all sources.

    :param every: Seconds from one round to the next; 0 if something else starts each round, such as cron.
    :param asked: When they were last asked.
    :param built: When the archive was last found or made up to date with them.
    :param problem: Why the archive is not up to date, or empty.
    :param mark: The `FollowedSources.mark` of the last build.
    :param stalls: How many rounds in a row were ended because they made no progress.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: float = 0
    asked: datetime | None = None
    built: datetime | None = None
    snapshot: str | None = None
    problem: str = ""
    mark: str = ""
    stalls: int = 0
    sources: list[SourceState] = []


def read_state(home: Path) -> SyncState:
    """Return the stored state of a home, an empty one if its sources were never followed."""
    try:
        return SyncState.model_validate_json((home / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return SyncState()


def is_followed(home: Path) -> bool:
    """Return whether a process follows the sources of a home now."""
    try:
        with (home / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@dataclass(frozen=True)
class Condition:
    """The condition of a home's sources, as `status`, the metrics, `doctor` and the newsroom's page show it.

    :param running: Whether a process follows them now.
    :param late: Whether the next round is long overdue.
    """

    state: SyncState
    running: bool
    late: bool

    @property
    def followed(self) -> bool:
        """Return whether they are followed, or ever were."""
        return self.running or self.state.asked is not None

    @property
    def stopped(self) -> bool:
        """Return whether a process should follow them, and none does."""
        return self.state.every > 0 and not self.running

    @property
    def failing(self) -> tuple[SourceState, ...]:
        """Return the sources that have a problem."""
        return tuple(source for source in self.state.sources if source.problem)

    @property
    def well(self) -> bool:
        """Return whether nothing is wrong; also True if nothing was ever followed."""
        return not (self.stopped or self.late or self.failing or self.state.problem)


def condition(home: Path, now: datetime | None = None) -> Condition:
    """Return the condition of a home's sources. Reads two small files.

    :param now: The clock's time by default.
    """
    state, running = read_state(home), is_followed(home)
    allowed = timedelta(seconds=3 * state.every) + _LATE
    late = state.every > 0 and state.asked is not None and (now or datetime.now(UTC)) - state.asked > allowed
    return Condition(state, running, late)


@contextmanager
def following(home: Path) -> Iterator[None]:
    """Lock the sources of a home for this process. The system releases the lock when the process ends, however it ends.

    :raises BuildRefused: if another process follows them.
    """
    private.make_home(home)
    with (home / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildRefused(f"{home}: another process follows its sources") from None
        yield


def forget_problems(home: Path, is_its: Callable[[str], bool]) -> tuple[int, int]:
    """Remove the problems that name or quote a purged article.

    :param is_its: Returns whether a problem names or quotes the article.
    :return: The number of problems removed, and of their characters.
    """
    state = read_state(home)
    found = [source.problem for source in state.sources if source.problem and is_its(source.problem)]
    if found:
        kept = [
            source.model_copy(update={"problem": _PURGED}) if source.problem in found else source
            for source in state.sources
        ]
        _write_state(home, state.model_copy(update={"sources": kept}))
    return len(found), sum(map(len, found))


def _write_state(home: Path, state: SyncState) -> None:
    replace_file(home / FILE, state.model_dump_json(indent=1) + "\n", durable=False)


def note_stall(home: Path, seconds: float) -> None:
    """Record that a stalled round was ended. Call this once its process is gone."""
    before = read_state(home)
    problem = f"a round did not get on for {seconds:g} s and was broken off"
    logger.error("%s: %s", home, problem)
    _write_state(home, before.model_copy(update={"stalls": before.stalls + 1, "problem": problem}))


class FollowedSources:
    """The sources of a home, which are asked repeatedly.

    :param specs: Names of sources, as for `index`.
    :param options: Its memory is the home.
    """

    def __init__(self, home: Path, specs: Sequence[str], options: SourceOptions, every: float = 0) -> None:
        self._home = home
        self._specs = specs
        self._options = replace(options, memory=home)
        self.state = read_state(home).model_copy(update={"every": every})

    def ask(self, between: Callable[[], None] = lambda: None) -> bool:
        """Ask every source once. Return whether any source has more for the next round.

        Sources that had a problem in the last round come last, so that the others do not wait for them. Problems are
        not raised; they are recorded in the state.

        :param between: Called before the first source that had a problem, if other sources came before it.
        """
        before = {source.name: source for source in self.state.sources}
        now, more, waits = datetime.now(UTC), False, True
        found: dict[int, SourceState] = {}
        asked = list(enumerate(self._named()))
        asked.sort(key=lambda one: _failed(before.get(one[1][0])))
        for place, (name, source) in asked:
            known = before.get(name)
            if waits and found and _failed(known):
                waits = False
                between()
            state, left = self._one(name, source)
            found[place] = _with_history(state, known, now)
            more = more or left
        self._write(sources=[found[place] for place in sorted(found)], asked=now)
        return more

    def _named(self) -> Iterator[tuple[str, AnySource | str]]:
        """Yield each source with its name, or the problem of a name that cannot be resolved."""
        for spec in self._specs:
            try:
                yield from listed(spec)
            except IndexerError as error:
                yield spec, str(error)

    def _one(self, name: str, source: AnySource | str) -> tuple[SourceState, bool]:
        """Ask a source. Return its state, and whether it has more."""
        from indexer.sources.remote import refresh, remembered  # its libraries take a while to import

        if isinstance(source, str):
            return SourceState(name=name, problem=source, problems=1), False
        if isinstance(source, FileSource):
            there = Path(source.path).exists()
            problem = "" if there else f"{source.path!r}: expected a file or folder, found none"
            return SourceState(name=name, problem=problem, problems=int(not there)), False
        problem, problems, articles, left, ended = "", 0, None, False, False
        try:
            for bad in refresh(source, self._options_of(source)):
                problem = problem or (f"{bad.raw}: {bad.reason}" if bad.raw else bad.reason)
                problems += 1
        except WorkEnded as error:  # more serious than the problems found before
            problem, problems, ended = f"{error}; what it had given is kept", problems + 1, True
        except IndexerError as error:
            problem, problems = problem or str(error), problems + 1
        try:
            articles, left = remembered(source, self._home)
        except IndexerError as error:
            problem, problems = problem or str(error), problems + 1
        return SourceState(name=name, articles=articles, problem=problem, problems=problems), left and not ended

    def _options_of(self, source: AnySource) -> SourceOptions:
        """Return the limits of a source in one round, so that the others get their turn."""
        options, allowance, kind = self._options, self._options.allowance, kind_of(source)
        if kind.paged:
            options = replace(options, most_pages=_PAGES)
        if allowance is not None and not kind.own:
            options = replace(options, most_seconds=allowance.stall * _SHARE)
            options = replace(options, allowance=replace(allowance, total=allowance.stall))
        return options

    def went_through(self) -> None:
        """Record that a round came to its own end, so that stalls no longer follow each other."""
        if self.state.stalls:
            self._write(stalls=0)

    def took(self, mark: str, snapshot: str | None) -> None:
        """Record that a build succeeded.

        :param mark: The `mark` before it began.
        :param snapshot: The snapshot that it published, None if nothing had changed.
        """
        kept = snapshot or self.state.snapshot
        self._write(mark=mark, built=datetime.now(UTC), snapshot=kept, problem="")

    def stands(self, problem: str = "") -> None:
        """Record why the archive is not up to date with the sources, or that it is."""
        if problem != self.state.problem:
            self._write(problem=problem)

    def mark(self) -> str:
        """Return a mark of all that the sources have now. `state.mark` is the mark of the last build."""
        parts: list[Any] = [changes(self._home), list(self._specs)]
        for spec in self._specs:
            try:
                sources = listed(spec)
            except SourceError as error:
                parts.append(str(error))
                continue
            for name, source in sources:
                parts.append(source.model_dump_json())
                if isinstance(source, FileSource):
                    parts.append((name, _files(Path(source.path))))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def build_options(self) -> SourceOptions:
        """Return the options of a build, which uses the memory and asks no source again."""
        return replace(self._options, ask=False)

    def _write(self, **values: Any) -> None:
        self.state = self.state.model_copy(update=values)
        _write_state(self._home, self.state)


def _failed(source: SourceState | None) -> bool:
    return source is not None and bool(source.problem)


def _with_history(state: SourceState, before: SourceState | None, now: datetime) -> SourceState:
    """Return a source's state, with its history added."""
    before = before or SourceState(name=state.name)
    if not state.problem:
        return state.model_copy(update={"succeeded": now, "failures": before.failures})
    began = before.since if before.problem else None
    kept = {"since": began or now, "succeeded": before.succeeded, "failures": before.failures + 1}
    return state.model_copy(update=kept)


def _files(path: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of change of a file, or of all files of a folder, without links that lead out."""
    found = []
    for file in _below(path):
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_size, status.st_mtime_ns))
    return found


def _below(path: Path) -> Iterator[Path]:
    try:
        yield from (file for file in walk(path) if isinstance(file, Path))
    except OSError:  # it cannot be read; the reader reports it
        yield path
