"""The progress of a home's build, readable by any process, and the duration of the last builds.

Owns `build.json`, replaced atomically, and a lock that its writer holds while it lives. The lock, not the clock, shows
that a build was killed. Knows nothing of what is built.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.errors import IndexerError
from indexer.files.durable import replace_file

logger = logging.getLogger(__name__)

FILE = "build.json"
LOCK = "build.lock"
KEPT = 20
"""The number of finished builds that are kept."""

_EVERY_SECONDS = 0.5

Progress = Callable[[str, int, int | None], None]
"""Called with the stage, the amount done, and the total if it is known."""

Stage = Literal["reading", "encoding", "indexing", "relating", "mapping", "publishing"]
STAGES: tuple[Stage, ...] = ("reading", "encoding", "indexing", "relating", "mapping", "publishing")
"""The stages of a build, in order."""


class RunningBuild(BaseModel):
    """A build that has not ended.

    :param stage: One of STAGES; empty before the first.
    :param done: The part of the stage that is done, out of `total` if that is known.
    :param rate: The amount done in a second since the stage began, None at its very beginning.
    :param updated: When this was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    merging: bool
    started: datetime
    stage: str = ""
    done: int = 0
    total: int | None = None
    rate: float | None = None
    updated: datetime

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds that the rest of the stage takes at this rate, None if unknown."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


class FinishedBuild(BaseModel):
    """A build that has ended.

    :param outcome: `killed` if it ended without recording an outcome.
    :param stages: Seconds that each stage took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    merging: bool
    started: datetime
    seconds: float
    outcome: Literal["published", "unchanged", "failed", "killed"]
    stages: dict[str, float] = {}
    snapshot: str | None = None
    articles: int = 0
    encoded: int = 0
    problem: str = ""


class Builds(BaseModel):
    """The builds of a home.

    :param finished: The newest last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    running: RunningBuild | None = None
    finished: tuple[FinishedBuild, ...] = ()


def read(home: Path) -> Builds:
    """Return the running build, if there is one, and the ended ones, killed ones included."""
    runs = _is_written(home)  # checked first: a build that ends in between then counts as ended
    found = _read(home)
    return found if runs else _ended(found)


def _read(home: Path) -> Builds:
    try:
        return Builds.model_validate_json((home / FILE).read_bytes())
    except (OSError, ValidationError):  # none yet, or of another version: the next build writes it anew
        return Builds()


def _is_written(home: Path) -> bool:
    """Return whether a process holds the lock."""
    try:
        with (home / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _ended(found: Builds) -> Builds:
    """Return the builds with the running one counted as killed."""
    left = found.running
    if left is None:
        return found
    killed = FinishedBuild(
        merging=left.merging,
        started=left.started,
        seconds=max(0.0, (left.updated - left.started).total_seconds()),
        outcome="killed",
        problem=f"{left.stage}: {left.done}" + ("" if left.total is None else f" of {left.total}"),
    )
    return Builds(finished=(*found.finished, killed)[-KEPT:])


class BuildProgress:
    """The progress of a running build: passes it on, and writes it into the home now and then.

    :param home: An existing home that this process has locked.
    :param progress: Called each time.
    """

    def __init__(self, home: Path, progress: Progress, merging: bool) -> None:
        self._home, self._progress = home, progress
        self._before = _ended(_read(home)).finished
        self._started = datetime.now(UTC)
        self._begun = self._entered = time.monotonic()
        self._written = 0.0
        self._seconds: dict[str, float] = {}
        self._now = RunningBuild(pid=os.getpid(), merging=merging, started=self._started, updated=self._started)
        self._write(self._now)

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Record the progress of a stage."""
        self._progress(stage, done, total)
        now, before = time.monotonic(), self._now
        if stage != before.stage:
            self._leave(now)
        seconds = now - self._entered
        rate = done / seconds if done and seconds > 0 else None
        told = {"stage": stage, "done": done, "total": total, "rate": rate, "updated": datetime.now(UTC)}
        self._now = before.model_copy(update=told)
        if stage != before.stage or done == total or now - self._written >= _EVERY_SECONDS:
            self._write(self._now)
            self._written = now

    def _leave(self, now: float) -> None:
        if self._now.stage:
            self._seconds[self._now.stage] = self._seconds.get(self._now.stage, 0.0) + now - self._entered
        self._entered = now

    def ended(self, snapshot: str | None, articles: int, encoded: int) -> None:
        """Record that it succeeded.

        :param snapshot: The snapshot that it published, None if nothing had changed.
        """
        outcome: Literal["published", "unchanged"] = "published" if snapshot else "unchanged"
        self._end(outcome, snapshot=snapshot, articles=articles, encoded=encoded)

    def failed(self, problem: str) -> None:
        """Record that it failed."""
        self._end("failed", problem=problem)

    def _end(self, outcome: str, **more: object) -> None:
        now = time.monotonic()
        self._leave(now)
        said = {"merging": self._now.merging, "started": self._started, "seconds": now - self._begun}
        last = FinishedBuild.model_validate(said | {"outcome": outcome, "stages": self._seconds} | more)
        self._write(None, last)

    def _write(self, running: RunningBuild | None, last: FinishedBuild | None = None) -> None:
        """Replace the file. Ignore a full disk, since the build itself reports it."""
        finished = self._before if last is None else (*self._before, last)[-KEPT:]
        try:
            told = Builds(running=running, finished=finished).model_dump_json()
            replace_file(self._home / FILE, told, durable=False)
        except OSError as error:
            logger.debug("%s: %s", self._home / FILE, error)


@contextmanager
def telling(home: Path, progress: Progress, merging: bool = False) -> Iterator[BuildProgress]:
    """Yield the progress of a build while it runs. The system releases its lock however the process ends.

    :param home: This process has locked it (`Home.lock`), so that nobody else writes here.
    """
    with (home / LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a reader may hold it for a moment
        told = BuildProgress(home, progress, merging)
        try:
            yield told
        except IndexerError as error:
            told.failed(str(error))
            raise
        except BaseException as error:
            told.failed(type(error).__name__)
            raise
