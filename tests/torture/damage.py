"""Bytes flipped and files cut short, in every file of a snapshot, as a service meets them.

Each case runs in a process of its own kind (`tests.torture.damaged`), which may crash; a case is
  swap    the damaged snapshot is published while a good one is served
  start   the service starts on the damaged snapshot
  opened  a file is damaged that is being served
and must end in: refused, named, and the good one answers; or harmless: the answers are those of the undamaged one.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from indexer.snapshot.home import Home
from tests.torture.generations import generation, line, publish

WAYS = ("swap", "start", "opened")
KINDS = ("first byte", "header", "middle", "last byte", "anywhere", "emptied", "cut in half", "cut by one")
CURRENT = "CURRENT"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """One damage.

    :param file: Within the current snapshot, or CURRENT.
    :param at: The byte that is flipped, or how many bytes are left.
    :param bit: The bit of it, None where the file is cut.
    """

    file: str
    kind: str
    at: int
    bit: int | None
    way: str

    def damaged(self, content: bytes) -> bytes:
        """Return the content with the damage done."""
        if self.bit is None:
            return content[: self.at]
        return content[: self.at] + bytes([content[self.at] ^ 1 << self.bit]) + content[self.at + 1 :]


@dataclass
class Found:
    """What became of the cases of a run.

    :param outcomes: How many ended how, by way.
    :param wrong: The cases that ended otherwise than they must.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[dict[str, Any]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        ended = ", ".join(f"{way} {outcome} {n}" for (way, outcome), n in sorted(self.outcomes.items()))
        total = sum(self.outcomes.values())
        return f"{total} damages to {len(self.files)} files: {ended}"


def homes(directory: Path) -> dict[str, Path]:
    """Write the homes that are damaged, one of a snapshot of one segment, one of several; no two files are linked."""
    one, several = directory / "one-linked", directory / "several-linked"
    publish(one, generation(1, 40))
    publish(one, generation(2, 40))
    publish(several, generation(1, 80))
    changed = [line(at, 2) for at in (5, 9, 80, 81, 82)]
    kept = [line(at, 1) for at in range(2, 80) if at not in (5, 9)]
    publish(several, [*kept, *changed], added_to=0)
    publish(several, [line(at, 3) for at in (3, 84)], added_to=0, whole=False)
    found = {}
    for made in (one, several):
        target = made.with_name(made.name.removesuffix("-linked"))
        shutil.copytree(made, target)  # a link is copied as a file of its own
        found[target.name] = target
    return found


def cases(home: Path, rng: random.Random, ways: Sequence[str] = WAYS) -> Iterator[Case]:
    """Yield a case of every kind for every file, the ways in turn."""
    place = Home(home)
    current = place.current()
    assert current is not None
    directory = place.directory(current)
    files = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    for number, file in enumerate((*files, CURRENT)):
        size = (home / CURRENT if file == CURRENT else directory / file).stat().st_size
        for turn, kind in enumerate(KINDS, number):  # so that each kind meets another way at the next file
            usable = [way for way in ways if file != CURRENT or way in {"swap", "start"}]
            if not size or not usable:
                continue
            yield _case(file, kind, size, rng, usable[turn % len(usable)])


def _case(file: str, kind: str, size: int, rng: random.Random, way: str) -> Case:
    at = {
        "first byte": 0,
        "header": rng.randrange(min(size, 128)),
        "middle": size // 2,
        "last byte": size - 1,
        "anywhere": rng.randrange(size),
        "emptied": 0,
        "cut in half": size // 2,
        "cut by one": size - 1,
    }[kind]
    return Case(file, kind, at, None if kind in KINDS[5:] else rng.randrange(8), way)


class _Child:
    """The process that meets the damages of one home; started again where it crashes."""

    def __init__(self, home: Path) -> None:
        self._home, self._place = home, Home(home)
        self._whole = home.with_name(home.name + "-whole")
        shutil.copytree(home, self._whole)
        self._process: subprocess.Popen[str] | None = None

    def meet(self, case: Case) -> dict[str, Any]:
        """Return what became of a case."""
        if self._process is None:
            command = [sys.executable, "-m", "tests.torture.damaged", str(self._home)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(case)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer:
            return json.loads(answer)
        status = self._process.wait()
        self._process = None
        self._mend(case)
        return {"outcome": f"crashed with {status}"}

    def _mend(self, case: Case) -> None:
        """Put back what the process that crashed could not."""
        directory = self._home if case.file == CURRENT else self._place.directory(self._place.ids()[-1])
        whole = self._whole if case.file == CURRENT else self._whole / directory.relative_to(self._home)
        shutil.copyfile(whole / case.file, directory / case.file)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def run(directory: Path, rounds: int | None, seed: int, ways: Sequence[str] = WAYS) -> Found:
    """Damage so many files, all in every way by default, and say what became of it.

    :param directory: An empty one, for the homes.
    """
    rng, found = random.Random(seed), Found()
    for home in homes(directory).values():
        chosen = list(cases(home, rng, ways))
        if rounds is not None:
            chosen = rng.sample(chosen, min(rounds // 2, len(chosen)))
        child = _Child(home)
        for case in chosen:
            met = child.meet(case)
            found.outcomes[case.way, met["outcome"]] += 1
            found.files.add(f"{home.name}/{case.file}")
            if met["outcome"] not in {"refused", "harmless"}:
                found.wrong.append({"home": home.name, **asdict(case), **met})
        child.close()
    return found
