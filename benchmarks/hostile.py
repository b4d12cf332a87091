"""What others notice of ten hostile clients: searches and related lists of four callers, with and without the attack.

Every client has a loopback address of its own, so that the service takes each for another caller; this is harder for it
than ten connections of one. The ordinary ones ask in turns for a search and a related list, wait for the answer, pause,
and ask again. First they are alone, then ten hostile clients of one kind are beside them, kind after kind, then clients
of all kinds at once, and in the end they are alone again. All of it is one run against one service.

`python -m benchmarks.hostile [--workers N] [--seconds S] [--home DIR]`
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib import resources
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from benchmarks import common, quality, serving
from service.settings import Settings

CALLERS, HOSTILE = 4, 10
LONGEST = 199_000
"""Bytes of a body, a little less than anybody may send."""
_PAUSE_S = 0.02
_PATIENCE_S = 30.0
_SLOW = 6
"""Connections of one client that sends or reads slowly."""
_LARGE = "/api/v1/search?limit=100&q="


class Asked(NamedTuple):
    """A request of an ordinary caller.

    :param took: Seconds until its answer was there, or until it was given up.
    :param status: 0 where there was no answer.
    """

    took: float
    status: int


def told(asked: Sequence[Asked]) -> dict[str, Any]:
    """Return what became of ordinary requests: how many, p50, p99 and the greatest time, and how many had no 200."""
    took = [one.took * 1000 for one in asked]
    p50, p99, greatest = (float(value) for value in np.percentile(took, [50, 99, 100])) if took else (0.0, 0.0, 0.0)
    refused = sum(one.status != 200 for one in asked)
    return {"asked": len(asked), "refused": refused, "p50_ms": p50, "p99_ms": p99, "longest_ms": greatest}


def _article(**fields: str) -> bytes:
    return json.dumps({"seed": {"article": {"title": "Giá lúa", **fields}}}).encode()


def bodies(ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Return address and body of each kind of post.

    :param ids: Of articles that are there, for a batch.
    """
    attributes = " ".join(f"a{at:x}" for at in range(39_520))[: LONGEST - 100]
    line = b"".join(json.dumps({"id": found}).encode() + b"\n" for found in ids)
    batch = (line * (LONGEST // len(line) + 1))[:LONGEST]
    related = "/api/v1/related"
    return {
        "39,520 names of attributes": (related, _article(body_html=f"<p {attributes}>Giá lúa</p>")),
        "a body of `a1` × 94,000": (related, _article(body="a1" * 94_000)),
        "nested `<div>`": (related, _article(body_html="<div>" * 39_000)),
        "`related:batch` of 200 kB": ("/api/v1/related:batch", batch[: batch.rindex(b"\n") + 1]),
    }


class Clients:
    """Clients in threads, each with an address of its own, until they are told to stop.

    :ivar answers: What the hostile ones were answered: how many times each status; 0 where a connection ended.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.answers: Counter[int] = Counter()
        self.asked: list[Asked] = []

    def start(self, work: Callable[[str], None], address: str) -> None:
        """Do something again and again, for an address."""

        def run() -> None:
            while not self._stop.is_set():
                with suppress(OSError, HTTPException):
                    work(address)
                    continue
                self.answers[0] += 1
                self._stop.wait(0.1)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Have them end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _PATIENCE_S)

    def pause(self, seconds: float) -> None:
        """Wait, unless they are told to stop."""
        self._stop.wait(seconds)

    def connect(self, address: str) -> socket.socket:
        """Return a connection from an address."""
        return socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S, (address, 0))

    def ask(self, paths: Iterator[str], address: str) -> None:
        """Ask for one path after the other, as ordinary callers do, on a connection that is kept."""
        connection = HTTPConnection("127.0.0.1", self._port, _PATIENCE_S, (address, 0))
        try:
            while not self._stop.is_set():
                started, status = time.perf_counter(), 0
                path = next(paths, None)
                if path is None:
                    return
                try:
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    status = answer.status
                except (OSError, HTTPException):
                    connection.close()  # it connects again
                self.asked.append(Asked(time.perf_counter() - started, status))
                self.pause(_PAUSE_S)
        finally:
            connection.close()

    def post(self, path: str, body: bytes, address: str) -> None:
        """Post a body and read the answer."""
        connection = HTTPConnection("127.0.0.1", self._port, _PATIENCE_S, (address, 0))
        try:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            while answer.read(1 << 16) and not self._stop.is_set():
                pass
            self.answers[answer.status] += 1
        finally:
            connection.close()

    def send_slowly(self, address: str) -> None:
        """Begin bodies and send a byte of each now and then."""
        head = f"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nContent-Length: {LONGEST}\r\n\r\n{{"
        self._hold(address, head.encode(), b" ")

    def read_nothing(self, request: bytes, address: str) -> None:
        """Ask for long answers and read none of them."""
        self._hold(address, request, b"")

    def _hold(self, address: str, first: bytes, then: bytes) -> None:
        held = []
        try:
            for _ in range(_SLOW):
                held.append(self.connect(address))
                held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                held[-1].sendall(first)
            until = time.monotonic() + 10.0
            while time.monotonic() < until and not self._stop.is_set():
                for connection in held if then else ():
                    connection.sendall(then)
                self.pause(0.2)
        finally:
            for connection in held:
                connection.close()


def kinds(clients: Clients, ids: Sequence[str]) -> dict[str, Callable[[str], None]]:
    """Return what a hostile client of each kind does again and again, for its address."""
    found: dict[str, Callable[[str], None]] = {}
    for name, (path, body) in bodies(ids).items():
        found[name] = lambda address, path=path, body=body: clients.post(path, body, address)  # type: ignore[misc]
    path, body = bodies(ids)["`related:batch` of 200 kB"]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    many = b"".join(f"GET {_LARGE}{word} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for word in ("gia", "lua", "bao") * 6)
    found["the same, the answer not read"] = lambda address: clients.read_nothing(head + body, address)
    found["searches, no answer read"] = lambda address: clients.read_nothing(many, address)
    found["bodies a byte at a time"] = clients.send_slowly
    return found


@contextmanager
def _ordinary(clients: Clients, paths: Sequence[str]) -> Iterator[None]:
    for at in range(CALLERS):
        own = cycle(random.Random(common.SEED + at).sample(paths, len(paths)))
        clients.start(lambda address, own=own: clients.ask(own, address), f"127.0.1.{at + 1}")  # type: ignore[misc]
    try:
        yield
    finally:
        clients.stop()


def phase(port: int, paths: Sequence[str], ids: Sequence[str], attack: Sequence[str], seconds: float) -> dict[str, Any]:
    """Return what ordinary callers met while ten hostile clients were there.

    :param attack: Names of the kinds of which they are, by turns; none for no attack.
    """
    clients = Clients(port)
    with _ordinary(clients, paths):
        works = kinds(clients, ids)
        for at in range(HOSTILE if attack else 0):
            clients.start(works[attack[at % len(attack)]], f"127.0.2.{at + 1}")
        time.sleep(seconds)
        asked, answers = list(clients.asked), dict(clients.answers)
    return {**told(asked), "hostile": answers}


def hostile(port: int, paths: Sequence[str], ids: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """Return what ordinary callers met in each phase, the first and the last without an attack."""
    names = list(kinds(Clients(port), ids))
    phases = {"nobody": [], **{name: [name] for name in names}, "all of these": names, "nobody, afterwards": []}
    phase(port, paths, ids, [], 5.0)  # warm
    return [{"attack": name, **phase(port, paths, ids, attack, seconds)} for name, attack in phases.items()]


def _answered(port: int, paths: Sequence[str]) -> list[str]:
    """Return the paths that are answered by 200 while nobody else asks: not of articles that are still to come."""
    clients = Clients(port)
    found = []
    for path in paths:
        clients.ask(iter([path]), "127.0.1.9")
        if clients.asked[-1].status == 200:
            found.append(path)
    return found


def run(workers: int, seconds: float, home: Path | None) -> None:
    """Run and save.

    :param seconds: Of each phase.
    :param home: One that is there already; else that of the sample archive is built.
    """
    before = os.getloadavg()[0]
    with common.scratch() as directory:
        place = home or directory
        if home is None:
            quality.searcher(place, Path(str(resources.files("indexer") / "sample" / "articles.jsonl")))
        archive = serving.opened(place)
        ids = [article.id for article in archive.articles(np.arange(archive.count))]
        paths = [serving.searching(query) for query in serving.queries(archive, len(ids))]
        paths += [f"/api/v1/articles/{quote(found, safe='')}/related" for found in ids]
        budget = str(Settings.model_fields["cost_budget"].default)
        with serving.server(serving.serving(place, workers), "/readyz", budget) as server:
            rows = hostile(server.port, _answered(server.port, paths), ids, seconds)
    facts = {"articles": archive.count, "workers": workers, "seconds": seconds, "load_before": before}
    common.save("hostile", {**facts, "rows": rows})


def main() -> None:
    """Run with two workers, each kind for fifteen seconds."""
    run(serving.WORKERS, 15.0, None)


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=serving.WORKERS)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--home", type=Path)
    run(**vars(parser.parse_args()))
