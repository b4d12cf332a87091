"""Many requests of every kind, none like the one before, while articles come and go: does memory stay where it is?

A CMS writes by the API all the time, and now and then the whole archive is indexed. What counts is what the workers,
and the process that ingests, have for themselves; mapped files and what the fork left shared are told beside it.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple
from urllib.parse import quote

from indexer.text.folding import fold
from service.security.keys import KeyStore
from tests.conftest import wait_for
from tests.torture.generations import PLACES, SAID, WARES, generation
from tests.torture.ledger import Ledger, Writer, version_of
from tests.torture.serving import Serving, memory, request

ARTICLES = 1_500
THREADS = 4
WARM_UP = 1.0
"""How many requests pass before those that count, for each of them: until each worker has met the longest texts and the
most hits, and what it remembers of words, queries and candidates is as much as it ever may be."""

_SAMPLE_S = 1.0
"""How often memory is read: what ingests holds a tenth more while it encodes than between, so a few readings say
nothing."""

_SHOWN = 10
_PUBLICATIONS = 20
_WRITTEN = [f"moi-{at}" for at in range(ARTICLES, ARTICLES + 40)]
_WRITE_S = 0.25
"""Seconds from one change to the next: what fills up with live snapshots shows after thousands of them."""
_SEEN_S = 60.0
_WORDS = [*PLACES, *WARES, *SAID.split(), *"đời thứ bài Nghề Chợ nghi dinh 123 UBND".split()]

Request = tuple[str, str, dict[str, object] | None]
"""Kind, path and body."""


class Sample(NamedTuple):
    """What all workers held together after so many requests, and the process that ingests, in bytes."""

    requests: int
    private: int
    shared: int
    ingesting: int = 0


@dataclass
class Found:
    """What was seen in a run.

    :ivar logged: What the service's log has of warnings and errors: what failed is seldom seen again.
    """

    samples: list[Sample] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth(self) -> float:
        """Return by how much the workers' private memory grew after the warm-up.

        It is that of the straight line that is nearest to all readings (least squares), its end against its start.
        """
        return self._growth([sample.private for sample in self._warm])

    @property
    def ingesting_growth(self) -> float:
        """Return the same of the process that ingests."""
        return self._growth([sample.ingesting for sample in self._warm])

    @property
    def _warm(self) -> list[Sample]:
        before = self.samples[-1].requests * WARM_UP / (1 + WARM_UP)
        return [sample for sample in self.samples if sample.requests >= before]

    def _growth(self, held: list[int]) -> float:
        found = [(at, size) for at, size in enumerate(held) if size]  # none is held by a process that is only starting
        if len(found) < 2:
            return 0.0
        slope, first = linear_regression(*zip(*found, strict=True))
        return slope * len(held) / first

    def __str__(self) -> str:
        shown = self.samples[:: max(1, len(self.samples) // _SHOWN)]
        course = ", ".join(
            f"{s.private / 2**20:.0f}+{s.shared / 2**20:.0f}+{s.ingesting / 2**20:.0f}"
            for s in (*shown, self.samples[-1])
        )
        total = sum(self.kinds.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        written = ", ".join(f"{count} {kind}" for kind, count in sorted(self.written.items()))
        return (
            f"{total} requests in {self.seconds:.0f} s ({kinds}) beside writing ({written}), {len(self.failed)} "
            f"failed; MB private and shared of all workers, and private of the process that ingests, in turn: "
            f"{course}; after the warm-up, workers {self.growth:+.1%}, the process that ingests "
            f"{self.ingesting_growth:+.1%}"
        )


def requests(rng: random.Random, articles: int) -> Iterator[Request]:
    """Yield requests without end."""
    while True:
        kind = rng.choices(("search", "related", "suggest", "page", "article", "draft", "odd"), (8, 5, 3, 3, 2, 2, 1))[
            0
        ]
        words = " ".join(rng.choices(_WORDS, k=rng.randint(1, 9)))
        typed = quote(rng.choice((words, fold(words), words + str(rng.randrange(10**6)))))
        at = rng.randrange(articles)
        if kind == "search":
            more = rng.choice(
                ("", "&mode=lexical", "&sort=newest", f"&section={quote('Chợ')}", "&limit=100", "&offset=50")
            )
            yield kind, f"/api/v1/search?q={typed}{more}", None
        elif kind == "related":
            more = rng.choice(("", "?limit=50", "?explain=true", f"?tag={quote('gốm')}"))
            yield kind, f"/api/v1/articles/bai-{at}/related{more}", None
        elif kind == "suggest":
            yield kind, f"/api/v1/suggest?q={quote(words[: rng.randint(1, 20)])}", None
        elif kind == "page":
            yield kind, rng.choice((f"/search?q={typed}", f"/articles/bai-{at}", "/")), None
        elif kind == "article":
            yield kind, f"/api/v1/articles/bai-{at}", None
        elif kind == "draft":
            body = " ".join(rng.choices(_WORDS, k=rng.randint(5, 400)))
            yield kind, "/api/v1/related", {"seed": {"article": {"title": words, "body": body}}}
        else:
            yield kind, f"/api/v1/articles/khong-co-{rng.random()}/related", None


def run(directory: Path, rounds: int, seed: int, model: str = "hashing") -> Found:
    """Ask so many requests, and those of the warm-up, of a service of two workers that is published to now and then.

    :param directory: An empty one, for the home and the log.
    """
    found, service, rounds = Found(), Serving(directory, model=model), int(rounds * (1 + WARM_UP))
    try:
        service.index(generation(0, ARTICLES))
        wait_for(service.ready, 300)
        _, key = KeyStore(service.home).create("CMS", ["ingest"])
        ledger = Ledger()
        writer = Writer(service.port, key, ledger, _WRITTEN, seed, _WRITE_S)
        started, lock = time.monotonic(), threading.Lock()
        threads = [
            threading.Thread(target=_ask, args=(service.port, random.Random(seed + at), rounds // THREADS, found, lock))
            for at in range(THREADS)
        ]
        for thread in (*threads, writer):
            thread.start()
        published, sampled, log = 0, started, _Log(service.log)
        while any(thread.is_alive() for thread in threads):
            done = sum(found.kinds.values())
            if time.monotonic() >= sampled:
                found.samples.append(_sample(service, done, log))
                sampled += _SAMPLE_S
            if done >= (published + 1) * rounds / _PUBLICATIONS:
                published += 1
                service.index(generation(0, ARTICLES - published % 7))
            time.sleep(0.05)
        found.seconds = time.monotonic() - started
        writer.stop()
        found.written = ledger.acknowledged
        found.failed += [*writer.wrong, *_lost(service.port, ledger)]
        assert len(service.workers()) == 2, "a worker had to be started again"
    finally:
        service.stop()
        found.logged = _logged(service.log)
    return found


def _logged(log: Path) -> list[str]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return [f"{line['time']} {line['message']}" for line in lines if line["level"] not in ("DEBUG", "INFO")]


class _Log:
    """Follows a service's log, which becomes 100 MB long, for the process that ingests."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._ingesting = path, 0, 0

    def ingesting(self) -> int:
        """Return the process that ingests now, 0 before there is one."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        for pid in re.findall(rb"process (\d+) ingests", new):
            self._ingesting = int(pid)
        return self._ingesting


def _sample(service: Serving, done: int, log: _Log) -> Sample:
    held = [memory(pid) for pid in service.running()]
    ingesting, private = log.ingesting(), 0
    with suppress(OSError):  # it ended just now: another one follows
        private = memory(ingesting).private if ingesting else 0
    return Sample(done, sum(m.private for m in held), sum(m.shared for m in held), private)


def _lost(port: int, ledger: Ledger) -> list[str]:
    """Return what is not answered as it was last written, a while after all of it was acknowledged."""

    def wrong() -> list[str]:
        found = []
        for name, may in ledger.may().items():
            status, content = request(port, f"/api/v1/articles/{name}")
            version = version_of(json.loads(content)) if status == 200 else None
            if version not in may:
                found.append(f"{name} is of version {version}, written was {may}")
        return found

    until = time.monotonic() + _SEEN_S
    while (found := wrong()) and time.monotonic() < until:
        time.sleep(0.2)  # a worker may be a moment behind the other
    return found


def _ask(port: int, rng: random.Random, rounds: int, found: Found, lock: threading.Lock) -> None:
    for (kind, path, body), _ in zip(requests(rng, ARTICLES - 7), range(rounds), strict=False):
        status, content = 0, b""
        with suppress(OSError, HTTPException):
            status, content = request(port, path, None if body is None else json.dumps(body).encode())
        with lock:
            found.kinds[kind] += 1
            if status != (404 if kind == "odd" else 200):
                found.failed.append(f"{path}: {status}: {content[:200]!r}")
