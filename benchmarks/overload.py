"""The service under more requests than it can answer: what of them it answers, how soon, and how soon it is well again.

Open loop: requests leave at a fixed rate, whether or not those before them were answered, and each is timed from the
moment at which it was to leave. First the capacity is measured, by as many connections as there are workers can keep
busy; then half of it (calm), five times as much, and half of it again. Meanwhile `/healthz` is asked four times a
second. The client shares the machine's cores with the service; processor times of the workers stand beside the rates.

`python -m benchmarks.overload [--workers N] [--seconds S] [--home DIR]`
"""

from __future__ import annotations

import argparse
import os
import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from benchmarks import common, serving

TIMES = 5
CALM, CALM_S = 0.5, 10.0
QUERIES = 20_000
_WARM, _MEASURED = 400, 1600
_PATIENCE_S = 20.0
"""How long after the last request its answer is waited for."""
_MOST = 4000
"""Connections at once; a request for which there is none left goes without an answer."""
_HEALTH_S = 0.25


class Shot(NamedTuple):
    """One request.

    :param due: When it was to leave, `perf_counter`.
    :param took: Seconds from then to the end of its answer; of an unanswered one, to when it was given up.
    :param status: 0 where there was no answer.
    """

    due: float
    took: float
    status: int
    path: str


class Outcome(NamedTuple):
    """What became of many requests.

    :param statuses: How many were answered by which status; 0 stands for no answer.
    :param accepted_ms: p50, p95, p99 and the greatest time of those answered by 200.
    :param refused_ms: The same of those answered by 503.
    :param per_second: Answers of 200 a second.
    """

    statuses: dict[int, int]
    accepted_ms: list[float]
    refused_ms: list[float]
    per_second: float

    @classmethod
    def of(cls, shots: Sequence[Shot], seconds: float) -> Outcome:
        """Return what became of them.

        :param seconds: In which they left; what was answered later counts for no rate.
        """
        statuses = Counter(shot.status for shot in shots)
        end = min((shot.due for shot in shots), default=0.0) + seconds
        in_time = sum(shot.status == 200 and shot.due + shot.took <= end for shot in shots)
        return cls(dict(statuses), _times(shots, 200), _times(shots, 503), in_time / seconds)


def _times(shots: Sequence[Shot], status: int) -> list[float]:
    took = [shot.took * 1000 for shot in shots if shot.status == status]
    return [float(value) for value in np.percentile(took, [50, 95, 99, 100])] if took else []


def recovery(shots: Sequence[Shot], usual_ms: float) -> float:
    """Return after how many seconds all is as usual.

    From then on every second's requests are answered by 200, and in the median within what was usual for all but a few.

    :param shots: Those after an overload, the first of which left as it ended.
    :param usual_ms: The 95th percentile before it.
    """
    start = min(shot.due for shot in shots)
    seconds: dict[int, list[Shot]] = {}
    for shot in shots:
        seconds.setdefault(int(shot.due - start), []).append(shot)
    unwell = [
        second
        for second, within in seconds.items()
        if {shot.status for shot in within} != {200} or _times(within, 200)[0] > usual_ms
    ]
    return max(unwell, default=-1) + 1.0


class _Connection:
    """A connection and the request on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(("127.0.0.1", port))
        self.due = 0.0
        self.path = ""
        self.received = b""
        self.kept = False

    def take(self, due: float, path: str) -> None:
        self.due, self.path, self.received = due, path, b""

    def send(self) -> None:
        self.socket.send(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def read(self) -> tuple[int, bool] | None:
        """Return status, and whether the connection lives on, once the answer is there in full.

        :raises OSError: if the connection ends before.
        """
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("closed before the answer")
        self.received += chunk
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return None
        lower = head.lower()
        if len(body) < int(lower.split(b"content-length:")[1].split(b"\r\n")[0]):
            return None
        return int(head.split()[1]), b"connection: close" not in lower


class Load:
    """Requests at a fixed rate over kept-alive connections, as many as it takes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._poll = selectors.DefaultSelector()
        self._free: list[_Connection] = []
        self._asking: set[_Connection] = set()
        self._shots: list[Shot] = []

    def run(self, due: Iterator[tuple[float, str]]) -> list[Shot]:
        """Send every request when it is due and return what became of all.

        :param due: When (`perf_counter`) which path is to be asked for, in order.
        """
        self._shots = []
        following = next(due, None)
        until = time.perf_counter() + _PATIENCE_S
        while following is not None or (self._asking and time.perf_counter() < until):
            while following is not None and following[0] <= time.perf_counter():
                self._ask(*following)
                following = next(due, None)
                until = time.perf_counter() + _PATIENCE_S
            wait = 0.5 if following is None else max(0.0, following[0] - time.perf_counter())
            for key, _ in self._poll.select(wait):
                self._ready(key.data)
        for connection in list(self._asking):
            self._done(connection, 0, False)
        return self._shots

    def close(self) -> None:
        """Close what is open."""
        for connection in self._free:
            connection.socket.close()
        self._poll.close()

    def _ask(self, due: float, path: str) -> None:
        if self._free:
            connection = self._free.pop(random.randrange(len(self._free)))
        elif len(self._asking) < _MOST:
            connection = _Connection(self._port)
        else:
            self._shots.append(Shot(due, 0.0, 0, path))
            return
        self._start(connection, due, path)

    def _start(self, connection: _Connection, due: float, path: str) -> None:
        connection.take(due, path)
        self._asking.add(connection)
        if not connection.kept:
            self._poll.register(connection.socket, selectors.EVENT_WRITE, connection)
            return
        try:
            connection.send()
        except OSError:
            self._again(connection)

    def _ready(self, connection: _Connection) -> None:
        if connection not in self._asking:  # the server ends it
            self._free.remove(connection)
            self._drop(connection)
            return
        try:
            if not connection.kept and self._poll.get_key(connection.socket).events == selectors.EVENT_WRITE:
                connection.send()
                self._poll.modify(connection.socket, selectors.EVENT_READ, connection)
                return
            answer = connection.read()
        except OSError:
            if connection.kept and not connection.received:  # closed while nothing was asked: every client asks again
                self._again(connection)
            else:
                self._done(connection, 0, False)
            return
        if answer is not None:
            self._done(connection, *answer)

    def _again(self, connection: _Connection) -> None:
        self._drop(connection)
        self._start(_Connection(self._port), connection.due, connection.path)

    def _done(self, connection: _Connection, status: int, lives: bool) -> None:
        self._shots.append(Shot(connection.due, time.perf_counter() - connection.due, status, connection.path))
        if lives:
            self._asking.discard(connection)
            connection.kept = True
            self._free.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._poll.unregister(connection.socket)
        self._asking.discard(connection)
        connection.socket.close()


def schedule(paths: Iterator[str], rate: float, seconds: float) -> Iterator[tuple[float, str]]:
    """Yield when to ask for which path, evenly at a rate, with `/healthz` in between."""
    start = time.perf_counter()
    health = start
    for at in range(round(rate * seconds)):
        due = start + at / rate
        while health <= due:
            yield health, "/healthz"
            health += _HEALTH_S
        yield due, next(paths)


def _phase(load: Load, paths: Iterator[str], rate: float, seconds: float) -> tuple[list[Shot], dict[str, Any]]:
    shots = load.run(schedule(paths, rate, seconds))
    asked = [shot for shot in shots if shot.path != "/healthz"]
    health = [shot for shot in shots if shot.path == "/healthz"]
    return asked, {
        "asked_per_second": rate,
        **Outcome.of(asked, seconds)._asdict(),
        "health": Outcome.of(health, seconds)._asdict(),
    }


def overload(server: serving.Server, paths: Sequence[str], seconds: float, connections: int) -> dict[str, Any]:
    """Return the capacity and what became of the calm, the overload, and the calm after it."""
    serving.load(server.port, paths[:_WARM])
    before = server.cpu_ms()
    measured = serving.load(server.port, paths[_WARM:_MEASURED], connections)
    cpu = (server.cpu_ms() - before) / len(measured.times)
    endless, sizes = cycle(paths[_MEASURED:]), [_resident(server)]
    load = Load(server.port)
    calm, calm_told = _phase(load, endless, CALM * measured.rate, CALM_S)
    before, client = server.cpu_ms(), time.process_time()
    _, over_told = _phase(load, endless, TIMES * measured.rate, seconds)
    used, client = server.cpu_ms() - before, time.process_time() - client
    after, after_told = _phase(load, endless, CALM * measured.rate, CALM_S)
    sizes.append(_resident(server))
    load.close()
    return {
        "capacity_per_second": measured.rate,
        "capacity_cpu_ms": cpu,
        "calm": calm_told,
        "overload": over_told,
        "overload_cpu_s": used / 1000,
        "client_cpu_s": client,
        "overload_accepted_per_cpu_s": 1000 * over_told["statuses"].get(200, 0) / used,
        "after": after_told,
        "share_of_capacity": over_told["per_second"] / measured.rate,
        "well_after_s": recovery(after, _times(calm, 200)[1]),
        "megabytes": sizes,
    }


def _resident(server: serving.Server) -> float:
    return sum(map(serving.resident, server.workers())) / 1e6


def run(workers: int, seconds: float, home: Path | None) -> None:
    """Run and save.

    :param seconds: Of the overload.
    :param home: One that is there already; else the archive is built.
    """
    with common.homes() as homes:
        place = home or serving.built(homes)
        archive = serving.opened(place)
        ids = [article.id for article in archive.articles(np.arange(archive.count))]
        random.Random(common.SEED).shuffle(ids)
        kinds = {
            "search": [serving.searching(query) for query in serving.queries(archive, QUERIES)],
            "related": [f"/api/v1/articles/{quote(found, safe='')}/related" for found in ids],
        }
        told: dict[str, Any] = {"articles": archive.count, "workers": workers, "seconds": seconds}
        for kind, paths in kinds.items():
            with serving.server(serving.serving(place, workers), "/readyz") as server:
                told[kind] = overload(server, paths, seconds, 2 * workers)
    common.save("overload", told)


def main() -> None:
    """Run with two workers for a minute each."""
    run(serving.WORKERS, 60.0, None)


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=serving.WORKERS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--home", type=Path)
    run(**vars(parser.parse_args()))
