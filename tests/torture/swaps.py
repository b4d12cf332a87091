"""Publications and rollbacks while readers ask: none fails, none mixes, every worker follows, memory stays."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from indexer.snapshot.home import Home
from indexer.snapshot.verification import verify
from tests.conftest import wait_for
from tests.torture.generations import generation
from tests.torture.nursery import Job, Nursery
from tests.torture.serving import Answered, Load, Serving, memory

ARTICLES = 60
FOLLOWED = 2.0
"""Seconds in which every worker follows a publication."""

PATHS = (
    f"/api/v1/search?q={quote('đời thứ')}&limit=100",
    "/api/v1/articles/bai-0/related?limit=50",
    f"/api/v1/search?q={quote('gom lung')}&mode=lexical&limit=100",
    "/api/v1/articles/bai-7",
    f"/api/v1/search?q={quote('thợ cả')}&mode=dense&ranking=similarity&limit=100",
    f"/api/v1/related?url={quote('https://bao.example/5.html')}",
)


class Published(NamedTuple):
    """A publication or rollback, from when it was begun to when it was known to be done, by `time.monotonic`.

    Somewhere in between, the snapshot became current; beside other work it takes seconds until the process that
    published it has ended.
    """

    begun: float
    done: float
    name: str


_NEVER = Published(float("inf"), float("inf"), "")


@dataclass
class Found:
    """What was seen in a run.

    :param follow: Seconds from each publication until the last worker had mapped it.
    :param private: Bytes that the workers had for themselves after each, together.
    """

    swaps: int = 0
    answers: int = 0
    failed: list[str] = field(default_factory=list)
    mixed: list[Answered] = field(default_factory=list)
    late: list[Answered] = field(default_factory=list)
    follow: list[float] = field(default_factory=list)
    private: list[int] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        megabytes = [size / 2**20 for size in self.private]
        third = max(1, len(megabytes) // 3)
        return (
            f"{self.swaps} publications and rollbacks, {self.answers} answers: {len(self.failed)} failed, "
            f"{len(self.mixed)} mixed, {len(self.late)} of another snapshot after {FOLLOWED:g} s; all workers followed "
            f"after {max(self.follow):.2f} s at most; slowest answer {self.slowest:.2f} s; private memory of all "
            f"workers at most {max(megabytes[:third]):.0f} MB in the first third, "
            f"{max(megabytes[-third:]):.0f} in the last"
        )


def _publish(nursery: Nursery, service: Serving, number: int) -> str:
    source = service.directory / "articles.jsonl"
    lines = generation(number, ARTICLES)
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    job = Job(str(service.home), str(source), {"keep": 4})
    assert nursery.run(job) == 0
    name = Home(service.home).current()
    assert name is not None
    return name


def run(directory: Path, rounds: int, seed: int) -> Found:
    """Publish and roll back so many times under load, and say what was seen.

    :param directory: An empty one, for the home and the log.
    """
    rng, found, nursery = random.Random(seed), Found(), Nursery()
    service = Serving(directory)
    published: list[Published] = []
    try:
        numbers = {_publish(nursery, service, 0): 0}
        wait_for(service.ready, 60)
        with Load(service.port, PATHS) as load:
            for number in range(1, rounds + 1):
                begun = time.monotonic()
                if number % 3:
                    name = _publish(nursery, service, number)
                    numbers[name] = number
                else:
                    home = Home(service.home)
                    name = home.rollback(rng.choice([one for one in home.ids() if one != home.current()]))
                published.append(Published(begun, time.monotonic(), name))
                found.follow.append(_followed(service, name))
                time.sleep(rng.uniform(0, 1))
                found.private.append(sum(memory(pid).private for pid in service.running()))
            workers = service.workers()
        assert len(workers) == 2, f"a worker had to be started again: {workers}"
        _judge(found, load, numbers, published)
    finally:
        nursery.close()
        service.stop()
    return found


def _followed(service: Serving, name: str) -> float:
    started = time.monotonic()
    wait_for(lambda: all(service.serves(pid, name) for pid in service.running()), 20)
    return time.monotonic() - started


def _judge(found: Found, load: Load, numbers: dict[str, int], published: list[Published]) -> None:
    found.swaps, found.answers, found.failed = len(published), len(load.answers), load.failed
    found.slowest = max(load.seconds)
    for answer in load.answers:
        expected = {numbers.get(answer.snapshot, -1)} if answer.snapshot else answer.generations
        if answer.generations != expected or len(expected) != 1:
            found.mixed.append(answer)
        for one, following in pairwise([*published, _NEVER]):
            early = answer.snapshot == following.name and answer.ended > following.begun
            followed = one.done + FOLLOWED < answer.started < following.done
            if followed and answer.snapshot not in (None, one.name) and not early:
                found.late.append(answer)


@dataclass
class Killed:
    """What was seen of a service that was killed while it swapped."""

    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    back: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        slowest = f"{max(self.back):.1f} s" if self.back else "-"
        return (
            f"{self.kills} kills of a service that swaps: {len(self.wrong)} wrong; ready again after {slowest} at most"
        )


def kill(directory: Path, rounds: int, seed: int) -> Killed:
    """Kill the service, a worker and all of it in turn, at random after a publication; see that it comes back right."""
    rng, found, nursery = random.Random(seed), Killed(), Nursery()
    service = Serving(directory)
    try:
        with closing(nursery):
            _publish(nursery, service, 0)
            wait_for(service.ready, 60)
            for number in range(1, rounds + 1):
                name = _publish(nursery, service, number)
                time.sleep(rng.uniform(0, 0.7))
                started = time.monotonic()
                if number % 2:
                    os.kill(rng.choice(service.running()), signal.SIGKILL)
                else:
                    service.kill()
                    service = Serving(directory)
                found.kills += 1
                try:
                    wait_for(lambda s=service, n=name: s.ready() and all(s.serves(p, n) for p in s.running()), 60)
                    found.back.append(time.monotonic() - started)
                    _check(service, name, number)
                except AssertionError as error:
                    found.wrong.append(f"kill {number}: {error}")
    finally:
        service.stop()
    return found


def _check(service: Serving, name: str, number: int) -> None:
    verify(Home(service.home).directory(name))
    with Load(service.port, PATHS) as load:
        wait_for(lambda: len(load.answers) + len(load.failed) >= 30, 30)
    assert not load.failed, load.failed[:3]
    for answer in load.answers:
        assert answer.snapshot in (None, name), answer
        assert answer.generations == {number}, answer
