"""SIGKILL at random moments, and before every kind of step on the disk; then all that must hold of the home.

A `Scenario` says what runs and what may be there afterwards; what writes otherwise than by a build adds its own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from indexer.archive import Archive
from indexer.building import cache
from indexer.files import progress
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from tests.torture.generations import Line, generation, line, publish
from tests.torture.nursery import Job, Nursery

State = dict[str, str]
"""The title of every article by its id."""


@dataclass(frozen=True)
class Scenario:
    """A home as it is before, a build, and what it makes of it.

    :param before: Brings the home to where it starts from.
    :param lines: What is indexed.
    :param options: Of `BuildOptions`.
    """

    name: str
    before: Callable[[Path], object]
    lines: Sequence[Line]
    options: dict[str, object]


def _grown(home: Path) -> None:
    publish(home, generation(1, 60))
    publish(home, [line(at, 1) for at in range(60, 64)], whole=False, added_to=0)


SCENARIOS = (
    Scenario("first", lambda home: home.mkdir(), generation(2, 50), {}),
    Scenario("whole", lambda home: publish(home, generation(1, 50)), generation(2, 55), {"keep": 1}),
    Scenario(
        "remove",
        lambda home: publish(home, generation(1, 60)),
        generation(1, 57),
        {"added_to": 0, "keep": 1},
    ),
    Scenario("add", _grown, [line(at, 2) for at in (3, 62, 64, 65)], {"whole": False, "added_to": 0, "keep": 1}),
    Scenario("rewrite", _grown, [line(70, 2)], {"whole": False, "rewrite": True, "keep": 2}),
)


@dataclass
class Found:
    """What became of the kills of a run."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ended = ", ".join(f"{name} {outcome} {n}" for (name, outcome), n in sorted(self.outcomes.items()))
        return f"{sum(self.outcomes.values())} kills: {ended}"


def state(home: Home) -> State:
    """Return what the current snapshot holds, every byte of it verified; nothing on an empty home."""
    name = home.current()
    if name is None:
        return {}
    verify(home.directory(name))
    with closing(Archive(Snapshot(home.directory(name)))) as archive:
        rows = archive.public(2**62)[0].nonzero()[0]
        return {article.id: article.title for article in archive.articles(rows)}


class Rounds:
    """The rounds of one scenario, each from the same beginning."""

    def __init__(self, scenario: Scenario, directory: Path, nursery: Nursery) -> None:
        self._nursery = nursery
        self.home = Home(directory / scenario.name)
        source = directory / f"{scenario.name}-new.jsonl"
        source.write_text("".join(json.dumps(one) + "\n" for one in scenario.lines), encoding="utf-8")
        said = directory / "said"
        self._keep = scenario.options.get("keep", 5)
        self.job = Job(str(self.home.path), str(source), {"allow_shrink": True, **scenario.options})
        self._prepare = lambda: scenario.before(self.home.path)
        self.reset()
        self.old = state(self.home)
        started = time.monotonic()
        status = nursery.run(replace(self.job, said=str(said)))
        assert status == 0, f"{scenario.name}: fails when it is left alone: {said.read_text()}"
        self.seconds, self.steps = time.monotonic() - started, int(said.read_text())
        self.new = state(self.home)
        assert self.old != self.new

    def reset(self) -> None:
        """Bring the home to its beginning, by a build of its own where it is there."""
        shutil.rmtree(self.home.path, ignore_errors=True)
        self._prepare()

    def kill(self, after: float | None, at: int = 0) -> str:
        """Kill a build after some seconds, or before a step; say what was current then.

        :raises AssertionError: where something does not hold.
        """
        self.reset()
        child = self._nursery.start(replace(self.job, kill_at=at))
        if after is not None:
            time.sleep(after)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = self._nursery.wait()
        assert status in (0, -signal.SIGKILL), f"ended with {status}"
        outcome = self.check()
        self.check_next(published=outcome == "new")
        return outcome if status else "was through"

    def check_next(self, published: bool = False) -> None:
        """Check that the next build makes what this one would have made, and leaves nothing else.

        :param published: Whether this one did, and so leaves the next nothing to do. Then the vectors that were kept in
            case it was interrupted may lie there still: they go with the next publication.
        """
        assert self._nursery.run(self.job) == 0, "the next build fails"
        assert state(self.home) == self.new, "the next build makes something else"
        self.check_nothing_left({cache.FILE} if published else set())

    def check(self) -> str:
        """Check that nobody holds the home and that it has the old articles or the new, and return which."""
        with self.home.lock():
            pass
        found = state(self.home)
        assert found in (self.old, self.new), "neither the old articles nor the new"
        return "new" if found == self.new else "old"

    def check_nothing_left(self, allowed: set[str]) -> None:
        """Check that nothing lies in the home but whole snapshots and what is allowed."""
        names = {path.name for path in self.home.path.iterdir()} - {progress.FILE, progress.LOCK} - allowed
        assert names == {"CURRENT", "lock", "snapshots"}, f"left: {names}"
        ids = self.home.ids()
        there = sorted(path.name for path in self.home.snapshots.iterdir())
        assert there == ids, f"left: {there}"
        for name in ids:
            verify(self.home.directory(name))


def run(directory: Path, rounds: int, seed: int, scenarios: Sequence[Scenario] = SCENARIOS) -> Found:
    """Kill builds so many times, the scenarios in turn, by the clock and before steps, and say what became of it.

    :param directory: An empty one, for the homes.
    """
    rng, found, nursery = random.Random(seed), Found(), Nursery()
    with closing(nursery):
        playing = [(one.name, Rounds(one, directory, nursery)) for one in scenarios]
        for number in range(rounds):
            name, scenario = playing[number % len(playing)]
            timed = number // len(playing) % 2 == 0
            moment = rng.uniform(0, 1.1 * scenario.seconds) if timed else None
            step = 0 if timed else rng.randint(1, scenario.steps)
            try:
                found.outcomes[name, scenario.kill(moment, step)] += 1
            except Exception as error:
                found.outcomes[name, "wrong"] += 1
                found.wrong.append(f"{name}, killed after {moment} s, before step {step}: {error!r}")
    return found
