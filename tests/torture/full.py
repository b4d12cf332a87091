"""Builds on a disk that is full at some point, and under a limit on the size of files.

Neither a half-written snapshot may become current nor the process be killed, and it must be said what is wrong.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.torture.kills import SCENARIOS, Rounds, Scenario
from tests.torture.nursery import Nursery

DISK = 64 * 2**20
_TOLD = ("No space left", "File too large", "is the disk full?")


@dataclass
class Found:
    """What became of the builds of a run."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ended = ", ".join(f"{name} {outcome} {n}" for (name, outcome), n in sorted(self.outcomes.items()))
        return f"{sum(self.outcomes.values())} builds without room: {ended}"


@contextmanager
def small_disk(directory: Path) -> Iterator[Path | None]:
    """Yield a directory on a disk of its own of DISK bytes, in memory; None where this user may not mount one."""
    target = directory / "disk"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(target)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield target if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(target)], check=True)


@contextmanager
def room(disk: Path, size: int) -> Iterator[None]:
    """Leave so many bytes of a disk free, and give back the rest at the end."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_bsize - size))
    try:
        yield
    finally:
        ballast.unlink()


def run(directory: Path, rounds: int, seed: int, scenarios: Sequence[Scenario] = SCENARIOS) -> Found:
    """Build so often with too little room, half of it on a full disk where one can be made, and say what became of it.

    :param directory: An empty one, for the homes.
    """
    rng, found, nursery = random.Random(seed), Found(), Nursery()
    with closing(nursery), small_disk(directory) as disk:
        limited = [Rounds(one, directory, nursery) for one in scenarios]
        full = [] if disk is None else [Rounds(one, disk, nursery) for one in scenarios]
        for number in range(rounds):
            at = number // 2 % len(scenarios)
            on_disk = number % 2 == 1 and disk is not None
            tried = full[at] if on_disk else limited[at]
            name = f"{scenarios[at].name} on a {'full disk' if on_disk else 'limit'}"
            try:
                found.outcomes[name, _build(tried, nursery, directory, rng, disk if on_disk else None)] += 1
            except Exception as error:
                found.outcomes[name, "wrong"] += 1
                found.wrong.append(f"{name}: {error!r}")
    return found


def _build(tried: Rounds, nursery: Nursery, directory: Path, rng: random.Random, disk: Path | None) -> str:
    tried.reset()
    said = directory / "said"
    said.unlink(missing_ok=True)
    job = replace(tried.job, said=str(said))
    if disk is None:
        status = nursery.run(replace(job, largest=rng.randrange(4_096, 300_000)))
    else:
        with room(disk, rng.randrange(4_096, 1_500_000)):
            status = nursery.run(job)
    assert status in (0, 1), f"ended with {status}"
    text = said.read_text()
    if status:
        assert any(words in text for words in _TOLD), f"said {text!r}"
        assert tried.check() == "old", "failed, and yet published"
        assert not list(tried.home.snapshots.glob(".*")), "left something"
        assert not (tried.home.path / "CURRENT.new").exists(), "left something"
    else:
        assert tried.check() == "new", "was through, and yet published nothing"
    tried.check_next()
    return "failed and said so" if status else "had room"
