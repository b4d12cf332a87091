"""The serving process: related by id in process, and both kinds of list over HTTP beside an empty Flask view.

The empty view runs under the same gunicorn configuration as the service, both at once, and the same client asks both in
turns: one process with a few kept-alive connections, each of which sends its next request when the last is answered.
The client's own work counts on both sides alike; on two cores it competes with the workers. Every article is a seed
once, and every query is new, so nothing is answered from memory.

`python -m benchmarks.serving memory [QUERIES]` measures by itself how one worker's memory grows.
"""

from __future__ import annotations

import os
import random
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from benchmarks import common, quality
from benchmarks.related import timing
from indexer.archive import Archive
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.text import folding
from service.options import Options
from service.searcher import Searcher
from service.settings import Settings

WORKERS, CONNECTIONS = 2, 8
ROUNDS, RELATED, SEARCHES = 8, 1500, 300
WARM = 600
VARIED = 100_000
_READY_S = 120


class Server(NamedTuple):
    """A gunicorn that runs.

    :param pid: Of its master.
    """

    port: int
    pid: int

    def workers(self) -> list[int]:
        """Return the ids of the worker processes."""
        return workers_of(self.pid)

    def cpu_ms(self) -> float:
        """Return the processor time that the workers have used so far, in milliseconds."""
        ticks = 0
        for worker in self.workers():
            fields = Path(f"/proc/{worker}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def workers_of(server: int) -> list[int]:
    """Return the ids of a server's workers; what ingests is a child of it, too, but has a session of its own."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children if os.getsid(int(child)) == os.getsid(server)]


class Load(NamedTuple):
    """What one load came to.

    :param rate: Requests a second.
    :param times: Milliseconds of each request.
    """

    rate: float
    times: list[float]


def load(port: int, paths: Sequence[str], connections: int = CONNECTIONS) -> Load:
    """Ask for each path once, over connections that are kept alive, and return what came of it.

    :raises ValueError: at the first answer that is not 200.
    """
    waiting, left, times = selectors.DefaultSelector(), iter(paths), []

    def send(connection: socket.socket) -> None:
        path = next(left, None)
        if path is None:
            waiting.unregister(connection)
            connection.close()
            return
        waiting.modify(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    started = time.perf_counter()
    for _ in range(min(connections, len(paths))):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(connection, selectors.EVENT_READ)
        send(connection)
    while waiting.get_map():
        for key, _ in waiting.select():
            asking, state = key.fileobj, key.data
            assert isinstance(asking, socket.socket)
            received = asking.recv(1 << 18)
            if not received:
                raise ValueError("answer: the connection was closed: expected it to be kept alive")
            state[1] += received
            if _whole(state[1]):
                times.append((time.perf_counter() - state[0]) * 1000)
                send(asking)
    return Load(len(times) / (time.perf_counter() - started), times)


def _whole(received: bytes) -> bool:
    """Return whether an answer is there in full; its length is always announced."""
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"answer: {head[:80]!r}: expected HTTP/1.1 200")
    length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
    return len(body) >= int(length)


@contextmanager
def server(command: Sequence[str], ready: str, budget: str = common.AMPLE) -> Iterator[Server]:
    """Run a server on a port that the system chooses and yield it once it answers.

    :param ready: The path that answers 200 from then on.
    :param budget: What one address may ask for.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [*command, "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=common.environment(budget)) as process:
        try:
            until = time.monotonic() + _READY_S
            while not _answers(port, ready):
                if time.monotonic() > until or process.poll() is not None:
                    raise RuntimeError(f"{' '.join(command)}: not ready within {_READY_S} s")
                time.sleep(0.2)
            yield Server(port, process.pid)
        finally:
            process.terminate()


def _answers(port: int, path: str) -> bool:
    try:
        load(port, [path] * 4 * WORKERS)
    except (OSError, ValueError):
        return False
    return True


def empty(port: int) -> None:
    """Serve an empty Flask view as the service is served."""
    from service.serve import run, share_cores

    share_cores(WORKERS)

    def application() -> Any:
        from flask import Flask, Response

        app = Flask(__name__)
        app.add_url_rule("/empty/<string:any_id>", "empty", lambda any_id: Response("{}", mimetype="application/json"))
        return app

    run(application, "127.0.0.1", port, WORKERS)


def compared(service: Server, beside: Server, paths: Sequence[str], count: int) -> dict[str, Any]:
    """Ask the service and the empty view in turns, `count` paths a round, and return rates and times.

    Processor time is that of the workers alone; beside other work on the machine it says more than the rates.
    """
    nothing = [f"/empty/{at}" for at in range(len(paths))]
    load(service.port, paths[:WARM])
    load(beside.port, nothing[:WARM])
    rates, times, empty_times = [], [], []
    used = empty_used = 0.0
    for start in range(WARM, len(paths), count):
        before, empty_before = service.cpu_ms(), beside.cpu_ms()
        base = load(beside.port, nothing[start : start + count])
        asked = load(service.port, paths[start : start + count])
        used, empty_used = used + service.cpu_ms() - before, empty_used + beside.cpu_ms() - empty_before
        rates.append((asked.rate, base.rate))
        times += asked.times
        empty_times += base.times
    share = float(np.median([asked / base for asked, base in rates]))
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "requests": len(times),
        "per_second": float(np.median([asked for asked, _ in rates])),
        "empty_per_second": float(np.median([base for _, base in rates])),
        "share": share,
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "empty_p50_ms": float(np.median(empty_times)),
        "cpu_ms": used / len(times),
        "empty_cpu_ms": empty_used / len(times),
    }


def queries(archive: Archive, count: int) -> list[str]:
    """Return so many queries as readers may type them: titles, parts of titles, without diacritics; all differ."""
    chance = random.Random(common.SEED)
    titles = [article.title for article in archive.articles(np.arange(archive.count))]
    found: dict[str, None] = {}
    while len(found) < count:
        words = chance.choice(titles).split()
        length = len(words) if chance.random() < 0.3 else chance.randint(1, min(8, len(words)))
        start = chance.randint(0, len(words) - length)
        query = " ".join(words[start : start + length])
        found[(folding.fold(query) if chance.random() < 0.4 else query)[:500]] = None
    return list(found)


def searching(query: str) -> str:
    """Return the path of a search."""
    return f"/api/v1/search?q={quote(query)}"


def resident(pid: int) -> int:
    """Return the anonymous memory of a process, in bytes: what is its own, without files that it maps."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024


def serving(home: Path, count: int) -> list[str]:
    """Return the command that serves a home with so many workers."""
    options = ["--home", str(home), "--host", "127.0.0.1", "--workers", str(count)]
    return [sys.executable, "-m", "service.cli", "serve", *options]


def memory(home: Path, archive: Archive, count: int = VARIED) -> dict[str, Any]:
    """Return how one worker's memory grows over varied searches and lists, after a tenth of them as a warm-up."""
    ids = [article.id for article in archive.articles(np.arange(archive.count))]
    paths = [searching(query) for query in queries(archive, count + count // 10)]
    paths[1::4] = [f"/api/v1/articles/{quote(ids[at % len(ids)], safe='')}/related" for at in range(len(paths[1::4]))]
    with server(serving(home, 1), "/readyz") as one:
        load(one.port, paths[: count // 10])
        (worker,) = one.workers()
        sizes = [resident(worker)]
        for part in np.array_split(np.arange(count // 10, len(paths)), 10):
            load(one.port, [paths[at] for at in part])
            sizes.append(resident(worker))
    megabytes = [size / 1e6 for size in sizes]
    return {"queries": count, "megabytes": megabytes, "growth": megabytes[-1] / megabytes[0] - 1}


def built(homes: Path) -> Path:
    """Return the home of the archive that is served, built where it is not there yet."""
    quality.searcher(homes / "rss", common.DATA / "rss/items.jsonl.gz")
    return homes / "rss"


def opened(home: Path) -> Archive:
    """Return the archive of a home."""
    name = Home(home).current()
    assert name is not None
    return Archive(Snapshot(Home(home).directory(name)))


def main() -> None:
    """Run and save."""
    common.one_thread()
    with common.homes() as homes:
        home = built(homes)
        archive = opened(home)
        in_process = timing(Searcher(archive, quality.encoder, Options.of(Settings())))
        ids = [article.id for article in archive.articles(np.arange(archive.count))]
        random.Random(common.SEED).shuffle(ids)
        related = [f"/api/v1/articles/{quote(found, safe='')}/related" for found in ids[: WARM + ROUNDS * RELATED]]
        searches = [searching(query) for query in queries(archive, WARM + ROUNDS * SEARCHES)]
        beside = [sys.executable, "-m", "benchmarks.serving", "empty"]
        with server(serving(home, WORKERS), "/readyz") as service, server(beside, "/empty/ready") as other:
            result = {
                "articles": archive.count,
                "workers": WORKERS,
                "connections": CONNECTIONS,
                "in_process": in_process,
                "related": compared(service, other, related, RELATED),
                "search": compared(service, other, searches, SEARCHES),
            }
    common.save("serving", result)


def _main() -> None:
    asked = sys.argv[1:]
    if asked[:1] == ["empty"]:
        empty(int(asked[-1]))
    elif asked[:1] == ["memory"]:
        with common.homes() as homes:
            home = built(homes)
            common.save("memory", memory(home, opened(home), int(asked[1]) if asked[1:] else VARIED))
    else:
        main()


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    _main()
