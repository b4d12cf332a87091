"""SIGKILL while the API writes, a process ingests, and commands work on the home; then a new service is asked.

Each round kills one of: the process that ingests, the merge that it started, a worker, gunicorn's own process, all of
them at once, or a command that runs beside them (by the clock, or before a step on the disk). Whatever was acknowledged
must be there afterwards, and nothing that was deleted or taken down, ever.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from click.testing import CliRunner

from indexer.building.ingest import newest
from indexer.errors import SnapshotError
from indexer.snapshot.home import Home
from indexer.snapshot.verification import verify
from indexer.takedown.takedown import holders
from service.cli import main
from service.security.keys import KeyStore
from tests.conftest import wait_for
from tests.torture.ledger import ANY, Ledger, Version, Writer, article, send, version_of
from tests.torture.nursery import Job, Nursery
from tests.torture.serving import Serving, request

SOURCED, WRITERS, EACH = 40, 3, 14
SECONDS = 0.9
"""For how long at most a victim lives on while all is written."""

SETTLED = 60.0
"""Seconds in which all that was acknowledged must be served; a process that ended again and again is waited for."""

FOLLOWED = 10.0
"""Seconds in which every worker has what one of them has; on a machine that is busy with other things."""

_MERGE_SHOWS = 6.0


class Scene(NamedTuple):
    """What runs beside the writing, and who is killed."""

    beside: str
    victim: str


SCENES = (
    Scene("nothing", "ingesting"),
    Scene("merge", "command"),
    Scene("nothing", "worker"),
    Scene("index", "command"),
    Scene("nothing", "parent"),
    Scene("takedown", "command"),
    Scene("nothing", "merging"),
    Scene("rollback", "command"),
    Scene("nothing", "all"),
    Scene("purge", "command"),
    Scene("index", "ingesting"),
    Scene("rollback", "ingesting"),
    Scene("merge", "all"),
    Scene("takedown", "worker"),
    Scene("index", "parent"),
    Scene("rollback", "all"),
    Scene("purge", "ingesting"),
    Scene("index", "all"),
)


@dataclass
class Found:
    """What became of the kills of a run."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    read: int = 0

    def __str__(self) -> str:
        kills = ", ".join(f"{victim} beside {beside} {n}" for (beside, victim), n in sorted(self.outcomes.items()))
        changes = ", ".join(f"{n} {kind}" for kind, n in sorted(self.acknowledged.items()))
        return (
            f"{sum(self.outcomes.values())} kills while the API writes ({kills}); acknowledged: {changes}; "
            f"{self.read} answers read meanwhile; {len(self.wrong)} wrong"
        )


class Reader(threading.Thread):
    """Reads while all is written: no article of two versions, none that was deleted before the question."""

    PATHS = (
        f"/api/v1/search?q={quote('đời thứ')}&limit=100&mode=lexical&ranking=similarity",
        f"/api/v1/search?q={quote('gom lung')}&limit=100",
        "/api/v1/articles/nguon-39/related?limit=50&ranking=similarity",
    )

    def __init__(self, port: int, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self._port, self._ledger = port, ledger
        self._stop_asked = threading.Event()
        self.wrong: list[str] = []
        self.read = 0

    def stop(self) -> None:
        """Have it stop, and wait until it has."""
        self._stop_asked.set()
        self.join()

    def run(self) -> None:
        """Read."""
        while not self._stop_asked.is_set():
            path, gone = self.PATHS[self.read % len(self.PATHS)], self._ledger.gone()
            try:
                status, content = request(self._port, path)
                hits = json.loads(content)["hits"] if status == 200 else []
            except (OSError, HTTPException, ValueError):  # the process was killed
                time.sleep(0.02)
                continue
            still = {name for name, _ in gone & self._ledger.gone()}
            self.wrong += [f"{path}: {hit['id']} was deleted" for hit in hits if hit["id"] in still]
            for hit in hits:
                try:
                    version_of(hit)
                except ValueError as error:
                    self.wrong.append(f"{path}: {error}")
            self.read += 1
            time.sleep(0.02)


class Stage:
    """A home that is served and written to, over all rounds."""

    def __init__(self, directory: Path, nursery: Nursery, seed: int) -> None:
        self._directory, self._nursery, self._rng = directory, nursery, random.Random(seed)
        self.home = Home(directory / "home")
        self.ledger = Ledger([f"nguon-{at}" for at in range(SOURCED)])
        self._sourced = [self.ledger.version()]
        self._taken: list[str] = []
        self._runs: dict[str, tuple[float, int]] = {}
        self.read = 0
        assert self._run("index") == 0
        _, self.key = KeyStore(self.home.path).create("CMS", ["ingest"])
        self.service = self._serve()

    def _serve(self) -> Serving:
        service = Serving(self._directory)
        wait_for(service.ready, 60)
        return service

    def restart(self) -> None:
        """Kill all that there is and start the service anew."""
        doomed = self._family()
        _kill(doomed)
        wait_for(lambda: not any(alive(pid) for pid in doomed))
        self.service.process.wait()
        self.service = self._serve()

    def close(self) -> None:
        """End everything."""
        _kill(self._family())
        self.service.process.wait()

    def _family(self) -> list[int]:
        return [self.service.process.pid, *descendants(self.service.process.pid)]

    def _job(self, beside: str) -> Job:
        """Return a command, with what it needs made ready and put down in the ledger."""
        home = str(self.home.path)
        if beside == "index":
            source = self._directory / "source.jsonl"
            self._sourced.append(self.ledger.version())
            lines = [article(f"nguon-{at}", self._sourced[-1]) for at in range(SOURCED)]
            source.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
            return Job(home, command=("index", str(source), "--keep", self._rng.choice("125")))
        if beside in ("takedown", "purge"):
            name = f"don-{len(self._taken)}"
            self._taken.append(name)
            put = {name: self.ledger.version()}
            self.ledger.begin(put)
            if (fault := send(self.service.port, self.key, put)) is not None:
                raise AssertionError(fault)
            self.ledger.end(put)
            self.ledger.begin({name: None})
            more = ("--purge",) if beside == "purge" else ()
            return Job(home, command=("articles", "takedown", name, "--why", "đơn", "--who", "Lan", *more))
        if beside == "rollback":
            return Job(home, command=("snapshots", "rollback"))
        return Job(home, command=("merge", "--keep", self._rng.choice("25")))

    def _run(self, beside: str) -> int:
        return self._nursery.run(self._job(beside))

    def round(self, scene: Scene, number: int) -> list[str]:
        """Write, kill, and return what does not hold afterwards.

        :param number: Which round it is: in every other pass through the scenes, what survived is asked as well.
        """
        names = [[f"nguon-{n}" for n in range(at, 30, WRITERS)] for at in range(WRITERS)]
        own = [[f"w{at}-{n}" for n in range(EACH)] for at in range(WRITERS)]
        port, seed = self.service.port, self._rng.random()
        writers = [
            Writer(port, self.key, self.ledger, names[at][:3] + own[at], hash((seed, at))) for at in range(WRITERS)
        ]
        reader = Reader(port, self.ledger)
        for one in (*writers, reader):
            one.start()
        wrong = []
        try:
            self._kill(scene)
            time.sleep(self._rng.uniform(0, SECONDS))
        except AssertionError as error:
            wrong.append(f"{error}")
        finally:
            for one in (*writers, reader):
                one.stop()
        self.read += reader.read
        wrong += [fault for one in (*writers, reader) for fault in one.wrong]
        if number // len(SCENES) % 2 and scene.victim not in ("parent", "all"):
            wrong += [f"before the restart: {fault}" for fault in self._check(self.service)]
        self.restart()
        wrong += self._check(self.service)
        return wrong + list(self._check_files())

    def _kill(self, scene: Scene) -> None:
        """Have the victim be killed at a random moment."""
        if scene.victim == "command":
            self._kill_command(scene.beside)
            return
        job = None if scene.beside == "nothing" else self._job(scene.beside)
        if job is not None:
            self._nursery.start(job)
        if scene.victim == "merging":
            with suppress(AssertionError):  # it rested after the last one; then the process that ingests is killed
                wait_for(lambda: bool(self._victims("merging")), _MERGE_SHOWS)
        time.sleep(self._rng.uniform(0, SECONDS))
        _kill(self._victims(scene.victim) or self._victims("ingesting"))
        if job is not None:
            self._done(scene.beside, self._nursery.wait())

    def _kill_command(self, beside: str) -> None:
        """Kill a command, in turns by the clock and before a step; measure it first where that is not done yet."""
        if beside not in self._runs:
            said, begun = self._directory / "said", time.monotonic()
            job = self._job(beside)
            status = self._nursery.run(Job(job.home, command=job.command, said=str(said)))
            self._done(beside, status)
            self._runs[beside] = time.monotonic() - begun, int(said.read_text()) if status == 0 else 50
        seconds, steps = self._runs[beside]
        job, at = self._job(beside), 0
        if self._rng.random() < 0.6:
            at = self._rng.randint(1, steps)
        child = self._nursery.start(Job(job.home, command=job.command, kill_at=at))
        if not at:
            time.sleep(self._rng.uniform(0, 1.1 * seconds))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._done(beside, self._nursery.wait())

    def _done(self, beside: str, status: int) -> None:
        """Put down what a command that ended has acknowledged; it may fail where another one holds the home."""
        assert status in (0, 1, -signal.SIGKILL), f"{beside}: ended with {status}"
        if status == 0 and beside in ("takedown", "purge"):
            self.ledger.end({self._taken[-1]: None})
            self.ledger.acknowledged["taken down"] += 1
        if status == 0 and beside == "purge":
            left = holders(self.home, self._taken[-1])
            assert not left, f"{self._taken[-1]}: purged, but in {left}"

    def _victims(self, name: str) -> list[int]:
        family = descendants(self.service.process.pid)
        if name == "all":
            return self._family()
        if name == "parent":
            return [self.service.process.pid]
        if name == "worker":
            return [self._rng.choice(running)] if (running := self.service.running()) else []
        if name == "merging":
            return [pid for pid in family if "\0merge\0" in _command_line(pid)]
        ingested = re.findall(r"process (\d+) ingests", self.service.log.read_text())
        return [pid for pid in family if str(pid) == (ingested or [None])[-1]]

    def _allowed(self, may: frozenset[Version]) -> frozenset[Version]:
        return may | frozenset(self._sourced) if ANY in may else may

    def _check(self, service: Serving) -> Iterator[str]:
        """Yield what is wrong with what a service answers: at once for what is gone, in time for what was put."""
        may = self.ledger.may()
        gone = {name for name, versions in may.items() if versions == {None}}
        yield from (f"{name} was deleted, and is there" for name in gone if self._served(service, name) is not None)
        left = dict(may)
        until = time.monotonic() + SETTLED
        while left and time.monotonic() < until:
            now = {name: self._served(service, name) for name in left}
            left = {name: left[name] for name, version in now.items() if version not in self._allowed(left[name])}
            time.sleep(0.1 if left else 0)
        yield from (f"{name} is of {self._served(service, name)}, may be of {set(left[name])}" for name in left)
        until = time.monotonic() + FOLLOWED
        while (late := list(self._late(service, may, gone))) and time.monotonic() < until:
            time.sleep(0.1)  # a worker that was not asked yet may follow later than others
        yield from late
        yield from self._check_commands(may)

    @staticmethod
    def _served(service: Serving, name: str) -> Version:
        status, content = request(service.port, f"/api/v1/articles/{name}")
        assert status in (200, 404), f"{name}: {status}: {content[:200]!r}"
        return version_of(json.loads(content)) if status == 200 else None

    def _late(self, service: Serving, may: dict[str, frozenset[Version]], gone: set[str]) -> Iterator[str]:
        """Yield what searches and related lists do not have yet, or still have."""
        seen: dict[str, int] = {}
        for offset in (0, 100):
            path = f"/api/v1/search?q={quote('đời thứ')}&limit=100&offset={offset}&mode=lexical&ranking=similarity"
            status, content = request(service.port, path)
            assert status == 200, content[:300]
            seen |= {hit["id"]: version_of(hit) for hit in json.loads(content)["hits"]}
        for name, versions in may.items():
            if seen.get(name) not in self._allowed(versions):
                yield f"search: {name} is of {seen.get(name)}, may be of {set(versions)}"
        for name in self._rng.sample(sorted(seen), min(8, len(seen))):
            status, content = request(service.port, f"/api/v1/articles/{name}/related?limit=50&ranking=similarity")
            hits = json.loads(content).get("hits", []) if status == 200 else []
            if len(hits) < min(20, len(seen) - 1):
                yield f"related to {name}: {status}, {len(hits)} hits of {len(seen)} articles"
            yield from (f"related to {name}: {hit['id']}, which was deleted" for hit in hits if hit["id"] in gone)
            for hit in hits:
                if version_of(hit) not in self._allowed(may.get(hit["id"], frozenset())):
                    yield f"related to {name}: {hit['id']} of another version"

    def _check_commands(self, may: dict[str, frozenset[Version]]) -> Iterator[str]:
        """Yield what `lienquan` finds otherwise."""
        must = sorted(name for name, versions in may.items() if None not in versions)
        gone = sorted(name for name, versions in may.items() if versions == {None})
        for name, expected in [(name, 0) for name in self._rng.sample(must, 3)] + [
            (name, 1) for name in self._rng.sample(gone, min(2, len(gone)))
        ]:
            command = ["related", name, "--home", str(self.home.path), "--json"]
            done = CliRunner().invoke(main, command, env={"LIENQUAN_MODEL": "hashing"})
            if done.exit_code != expected:
                yield f"lienquan related {name}: {done.exit_code}, expected {expected}: {done.output[-300:]}"

    def _check_files(self) -> Iterator[str]:
        """Yield what is wrong on the disk: snapshots that do not verify, a record that is not there."""
        for home in {self.home, newest(self.home) or self.home}:
            try:
                verify(home.directory(home.current() or ""))
            except SnapshotError as error:
                if home is self.home or home.path.exists():
                    yield f"{error}"
        for name in self._taken:
            if self.ledger.may()[name] == {None}:
                status, _ = request(
                    self.service.port,
                    f"/api/v1/articles/{name}",
                    json.dumps(article(name, 1)).encode(),
                    "PUT",
                    self.key,
                )
                if status != 409:
                    yield f"{name} was taken down, and a PUT of it is answered {status}"


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those they did."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def alive(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def run(
    directory: Path,
    rounds: int,
    seed: int,
    scenes: Sequence[Scene] = SCENES,
    told: Callable[[str], None] = lambda line: None,
) -> Found:
    """Kill so many times, the scenes in turn, and say what became of it.

    :param directory: An empty one, for the home.
    :param told: Takes a line on each round.
    """
    found, nursery = Found(), Nursery()
    with closing(nursery), closing(Stage(directory, nursery, seed)) as stage:
        for number in range(rounds):
            scene = scenes[number % len(scenes)]
            try:
                wrong = stage.round(scene, number)
            except AssertionError as error:
                wrong = [f"{error}"]
                stage.restart()
            found.outcomes[scene] += 1
            found.wrong += [f"round {number} of seed {seed}, {scene}: {fault}" for fault in wrong]
            told(f"{number} {scene}: {wrong}")
        found.acknowledged, found.read = stage.ledger.acknowledged, stage.read
    return found
