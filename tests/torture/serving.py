"""A running `lienquan serve` with two workers, what its processes hold, and readers that never stop asking."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from indexer.building.ingest import newest
from indexer.snapshot.home import Home
from tests.conftest import wait_for
from tests.service.test_serve import Service, ask
from tests.torture.generations import generation_of


class Memory(NamedTuple):
    """Bytes of one process: its own, and the rest (mapped files, pages from before the fork).

    Pages of a mapped file are not its own where no other process has them in memory either: the system may drop them.
    """

    private: int
    shared: int


def memory(pid: int) -> Memory:
    """Return what a process holds in memory now, as Linux counts it.

    :raises OSError: if there is no such process, or no Linux.
    """
    held = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        held[name.rstrip(":")] = int(size) * 1024
    return Memory(held["Private_Dirty"] + held.get("Swap", 0), held["Rss"] - held["Private_Dirty"])


class Serving(Service):
    """The service as `tests.service.test_serve` runs it, and its processes."""

    def running(self) -> list[int]:
        """Return the process ids of the workers that there are now."""
        return [pid for pid in self._children() if pid in self.workers()]

    def _children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ready(self, workers: int = 2) -> bool:
        """Return whether so many workers run, each with the newest snapshot and the encoder, and say so.

        The newest may be live: where little was written since the last publication, no other one follows.
        """
        try:
            place, running = newest(Home(self.home)), self.running()
            name = None if place is None else place.current()
            if name is None or len(running) != workers or not all(self.serves(pid, name) for pid in running):
                return False
            if not set(running) <= self._encoding():
                return False
            return {status for status, _ in ask(self, "/readyz")} == {200}
        except OSError:
            return False

    def serves(self, pid: int, name: str) -> bool:
        """Return whether a worker has mapped a snapshot."""
        return f"/snapshots/{name}/" in Path(f"/proc/{pid}/maps").read_text()

    def _encoding(self) -> set[int]:
        """Return the ids of the processes that said that they have the encoder."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if '"encoder ready' in line]
        return {line["pid"] for line in lines}

    def kill(self) -> None:
        """Kill the whole service at once."""
        doomed = [self.process.pid, *self._children()]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}/maps").exists() for pid in doomed))


class Answered(NamedTuple):
    """One answer.

    :param started: When it was asked, by `time.monotonic`.
    :param ended: When it was there.
    :param snapshot: Which it says it is of, None where it does not.
    :param generations: Those of the articles in it.
    """

    started: float
    ended: float
    path: str
    snapshot: str | None
    generations: frozenset[int]


@dataclass
class Load:
    """Threads that ask one request after another until told to stop.

    :param failed: What was no answer of status 200.
    """

    port: int
    paths: Sequence[str]
    threads: int = 4
    answers: list[Answered] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._running = [threading.Thread(target=self._ask, args=(at,)) for at in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join()

    def _ask(self, at: int) -> None:
        while not self._stop.is_set():
            path = self.paths[at % len(self.paths)]
            at += 1
            started = time.monotonic()
            try:
                status, content = request(self.port, path)
                if status == 200:
                    self.answers.append(_answered(started, path, content))
                else:
                    self.failed.append(f"{path}: {status}: {content[:200]!r}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failed.append(f"{path}: {error!r}")
            self.seconds.append(time.monotonic() - started)
            time.sleep(0.002)


def request(
    port: int, path: str, body: bytes | None = None, method: str | None = None, key: str | None = None
) -> tuple[int, bytes]:
    """Return status and content of the answer to a GET, or to a POST of JSON, on a connection of its own.

    :param method: Another one.
    :param key: What opens the writing of articles.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _answered(started: float, path: str, content: bytes) -> Answered:
    answer: dict[str, Any] = json.loads(content)
    articles = answer.get("hits", [answer])
    found = {generation_of(article[name]) for article in articles for name in ("title", "lead")}
    return Answered(started, time.monotonic(), path, answer.get("snapshot"), frozenset(found))
