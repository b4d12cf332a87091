"""After an article was removed, nothing of it in any answer: every endpoint of every worker, from the moment on.

Removed by DELETE, by a bulk, by a PUT that is no longer or not yet to be seen, by a takedown; while it is published,
or in a live snapshot alone. Each article has a word of its own in title, lead, text and tags; who finds it, sees it.
Every probe must have seen articles before their removal, or it proves nothing.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from prometheus_client.mmap_dict import MmapedDict

from service.observing.metrics import DIRECTORY_VARIABLE
from service.security.keys import KeyStore
from tests.conftest import wait_for
from tests.service.test_serve import COMMAND
from tests.torture.generations import Line, generation, line
from tests.torture.nursery import Job, Nursery
from tests.torture.serving import Serving, request

ARTICLES = 80
WAYS = ("delete", "unpublish", "takedown", "bulk", "embargo")
TIMES = 2
"""How often each probe is asked after each removal, by threads at once."""

THREADS = 8
SEEN_S = 30.0
LOOKS = 20
"""How often all is asked again in the end, at most, until each worker has answered on each endpoint."""

_PAST, _AHEAD = "2001-02-03T04:05:06+07:00", "2101-02-03T04:05:06+07:00"

Sees = Callable[[int, bytes, str], bool]
Counts = dict[int, Counter[str]]
"""Of each worker, by endpoint."""


class Probe(NamedTuple):
    """One way to come by an article.

    :param sees: Whether an answer of this status and content shows the article of this word.
    """

    name: str
    path: str
    sees: Sees
    body: bytes | None = None


def _shows(status: int, content: bytes, word: str) -> bool:
    return word in content.decode()


def _answers(status: int, content: bytes, word: str) -> bool:
    return status == 200


def _counts(status: int, content: bytes, word: str) -> bool:
    return bool(json.loads(content)["total"])


def _says_so(status: int, content: bytes, word: str) -> bool:
    """Of a batch: whether the line under the article's own id is a list."""
    return "hits" in json.loads(content.splitlines()[0])


class Doomed(NamedTuple):
    """An article that is to be removed, and one that is like it and stays.

    :param word: That no other article has.
    """

    id: str
    word: str
    at: int

    @property
    def near(self) -> str:
        """Return the id of the article that stays."""
        return f"bai-{self.at}"

    def line(self) -> Line:
        """Return it as an archive line, today's: its list and its search are led by the newest."""
        made = line(self.at, 1)
        texts = {name: f"{made[name]} {self.word}" for name in ("title", "lead", "body")}
        named = {"id": self.id, "url": f"https://bao.example/{self.id}.html", "aliases": [f"cu-{self.id}"]}
        tags = {"tags": [f"thẻ {self.word}"], "published_at": "2024-05-06T07:08:09+07:00"}
        return made | texts | named | tags

    def _named(self, status: int, content: bytes, word: str) -> bool:
        """Return whether an answer has its id, where it shows no texts."""
        return f'"{self.id}"' in content.decode()

    def probes(self) -> list[Probe]:
        """Return all the ways to come by it."""
        ware, place = line(self.at, 1)["title"].split()[:2]
        query = quote(f"{ware} {place}")
        search, near = f"/api/v1/search?q={query}&limit=100", f"/api/v1/articles/{self.near}/related"
        own, tag = f"/api/v1/articles/{self.id}", quote(f"thẻ {self.word}")
        url, alias = quote(f"https://bao.example/{self.id}.html"), f"/api/v1/articles/cu-{self.id}"
        draft = {key: self.line()[key] for key in ("title", "lead", "body")}
        draft = {key: text.replace(self.word, "") for key, text in draft.items()}
        return [
            Probe("search", search, _shows),
            Probe("search, exact", f"{search}&ranking=similarity", _shows),
            Probe("search, lexical", f"{search}&mode=lexical&ranking=similarity", _shows),
            Probe("search, dense", f"{search}&mode=dense&ranking=similarity", _shows),
            Probe("search, newest", f"{search}&sort=newest", _shows),
            Probe("search, total", f"{search}&tag={tag}&ranking=similarity", _counts),
            Probe("suggest", f"/api/v1/suggest?q={query}&limit=20", _shows),
            Probe("article", own, _answers),
            Probe("article by alias", alias, _answers),
            Probe("related to it", f"{own}/related", _answers),
            Probe("related to its URL", f"/api/v1/related?url={url}", _answers),
            Probe("related", f"{near}?limit=50", _shows),
            Probe("related, exact", f"{near}?limit=50&ranking=similarity", _shows),
            Probe("related, explained", f"{near}?limit=50&explain=true&explain_id={self.id}", _shows),
            Probe(
                "related by URL", f"/api/v1/related?url={quote(f'https://bao.example/{self.at}.html')}&limit=50", _shows
            ),
            _posted("related to seeds", {"seed": {"ids": [self.near, "bai-3"]}, "limit": 50}, _shows),
            _posted("related to it as a seed", {"seed": {"ids": [self.near, self.id]}}, _answers),
            _posted("related to it as a URL", {"seed": {"urls": [f"https://bao.example/{self.id}.html"]}}, _answers),
            _posted("related less like it", {"seed": {"ids": [self.near], "negative_ids": [self.id]}}, _answers),
            _posted("related to a draft", {"seed": {"article": draft}, "limit": 50}, _shows),
            Probe("batch", "/api/v1/related:batch?limit=50", self._named, json.dumps({"id": self.near}).encode()),
            Probe("batch of it", "/api/v1/related:batch", _says_so, json.dumps({"id": self.id}).encode()),
            Probe("page of a search", f"/search?q={query}", _shows),
            Probe("page of a search, newest", f"/search?q={query}&sort=newest", _shows),
            Probe("its page", f"/articles/{self.id}", _answers),
            Probe("page of an article", f"/articles/{self.near}", _shows),
            Probe("front page", "/", _shows),
            Probe("editors' search", f"/newsroom/articles?q={query}", _shows),
            Probe("editors' block of it", f"/newsroom/articles/{self.id}", _answers),
            Probe("editors' block", f"/newsroom/articles/{self.near}", _shows),
        ]


def _posted(name: str, body: object, sees: Sees) -> Probe:
    return Probe(name, "/api/v1/related", sees, json.dumps(body).encode())


WRITES = {"api.put_article", "api.delete_article", "api.write_articles"}
"""Views that remove, not those that are asked afterwards."""

BLIND = {"front page"}
"""Probes that show no article to begin with, and so may prove nothing."""


@dataclass
class Found:
    """What was seen in a run.

    :param before: How often each probe saw an article before its removal.
    :param by_worker: How many of the checks each worker answered, by endpoint.
    """

    checks: int = 0
    removals: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    by_worker: dict[int, Counter[str]] = field(default_factory=dict)
    sightings: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    soonest: float = float("inf")

    def __str__(self) -> str:
        ways = ", ".join(f"{n} by {way}" for way, n in sorted(self.removals.items()))
        workers = "; ".join(
            f"one answered {sum(counts.values())} on {len(counts)} endpoints" for counts in self.by_worker.values()
        )
        return (
            f"{self.checks} checks after {sum(self.removals.values())} removals ({ways}): {len(self.sightings)} "
            f"sightings, {len(self.wrong)} wrong; the first check {1000 * self.soonest:.1f} ms after; of the workers "
            f"{workers}"
        )


class _Desk:
    """The service under test, and how articles come and go."""

    def __init__(self, directory: Path, nursery: Nursery, doomed: Sequence[Doomed], published: int) -> None:
        self.nursery, self.metrics = nursery, directory / "metrics"
        rules = directory / "rules.jsonl"
        pins = [{"kind": "pin", "article": one.id, "position": 1, "for": {"ids": [one.near]}} for one in doomed]
        rules.write_text("".join(json.dumps(pin) + "\n" for pin in pins), encoding="utf-8")
        self.metrics.mkdir()
        counted = ("env", f"{DIRECTORY_VARIABLE}={self.metrics}", *COMMAND, "serve")
        self.service = Serving(directory, counted, rules=rules, open_newsroom=True)
        self.home = self.service.home
        self.service.index([*generation(1, ARTICLES), *(one.line() for one in doomed[:published])])
        _, self.key = KeyStore(self.home).create("CMS", ["ingest"])
        wait_for(self.service.ready, 60)

    def write(self, method: str, path: str, body: object = None) -> None:
        content = None if body is None else json.dumps(body).encode()
        status, answer = request(self.service.port, path, content, method, self.key)
        assert status in (200, 201, 204), f"{method} {path}: {status}: {answer[:300]!r}"

    def put(self, line: Line) -> None:
        self.write("PUT", f"/api/v1/articles/{line['id']}", line)

    def remove(self, one: Doomed, way: str) -> None:
        if way == "delete":
            self.write("DELETE", f"/api/v1/articles/{one.id}")
        elif way == "bulk":
            self.write("POST", "/api/v1/articles:bulk", {"op": "delete", "id": one.id})
        elif way == "unpublish":
            self.put(one.line() | {"unpublish_at": _PAST})
        elif way == "embargo":
            self.put(one.line() | {"published_at": _AHEAD})
        else:
            command = ("articles", "takedown", one.id, "--why", "đơn", "--who", "Lan")
            assert self.nursery.run(Job(str(self.home), command=command)) == 0

    def answered(self) -> dict[int, Counter[str]]:
        """Return how many requests each worker has answered so far, by endpoint."""
        found = {}
        for path in self.metrics.glob("counter_*.db"):
            counts: Counter[str] = Counter()
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):
                family, _, labels, _ = json.loads(key)
                if family == "lienquan_requests":
                    counts[labels["endpoint"]] += int(value)
            found[int(path.stem.split("_")[1])] = counts
        return found


def run(directory: Path, rounds: int, seed: int) -> Found:
    """Make so many checks, after as many removals as that takes, and say what was seen.

    :param directory: An empty one, for the home and the log.
    """
    rng, found, nursery = random.Random(seed), Found(), Nursery()
    each = TIMES * len(Doomed("", "", 0).probes())
    doomed = [Doomed(f"doom-{at}", f"mahieu{at}z", rng.randrange(ARTICLES)) for at in range(-(-rounds // each))]
    with closing(nursery), ThreadPoolExecutor(THREADS) as pool:
        desk = _Desk(directory, nursery, doomed, published=len(doomed) // 2)
        try:
            for number, one in enumerate(doomed):
                _remove(desk, one, WAYS[number % len(WAYS)], pool, found, rng)
            _look_again(desk, doomed, pool, found)
        finally:
            desk.service.stop()
    blind = {probe.name for probe in doomed[0].probes() if not found.before[probe.name]} - BLIND
    if blind:
        found.wrong.append(f"saw no article before its removal either: {sorted(blind)}")
    for pid, missing in _unasked(found).items():
        if missing:
            found.wrong.append(f"worker {pid} was never asked after a removal: {sorted(missing)}")
    return found


def _note(found: Found, before: Counts, after: Counts) -> None:
    """Add what each worker answered in between."""
    for pid, counts in after.items():
        found.by_worker[pid] = found.by_worker.get(pid, Counter()) + (counts - before.get(pid, Counter()))


def _unasked(found: Found) -> dict[int, set[str]]:
    """Return for each worker the endpoints that only others answered after a removal."""
    endpoints = set().union(*found.by_worker.values()) - WRITES
    return {pid: endpoints - set(counts) for pid, counts in found.by_worker.items()}


def _remove(desk: _Desk, one: Doomed, way: str, pool: ThreadPoolExecutor, found: Found, rng: random.Random) -> None:
    port, probes = desk.service.port, one.probes()
    if request(port, f"/api/v1/articles/{one.id}")[0] == 404:
        desk.put(one.line())
        wait_for(lambda: _everywhere(port, one, pool), SEEN_S)
    for probe, (seen, _) in zip(probes, pool.map(lambda probe: _asked(port, probe, one), probes), strict=True):
        found.before[probe.name] += seen
    before = desk.answered()
    many = probes * TIMES
    rng.shuffle(many)
    desk.remove(one, way)
    removed = time.monotonic()
    _check(port, one, many, pool, found, f"{time.monotonic() - removed:.3f} s after {way}")
    found.removals[way] += 1
    _note(found, before, desk.answered())
    if len(desk.service.workers()) != 2:
        raise AssertionError("a worker had to be started again")


def _everywhere(port: int, one: Doomed, pool: ThreadPoolExecutor) -> bool:
    """Return whether an article is answered by whoever is asked; many at once, so that every worker is."""
    path = f"/api/v1/articles/{one.id}"
    return {status for status, _ in pool.map(lambda _: request(port, path), range(4 * THREADS))} == {200}


_lock = threading.Lock()


def _check(port: int, one: Doomed, probes: Sequence[Probe], pool: ThreadPoolExecutor, found: Found, when: str) -> None:
    removed = time.monotonic()

    def ask(probe: Probe) -> tuple[bool, str | None]:
        with _lock:
            found.soonest = min(found.soonest, time.monotonic() - removed)
        return _asked(port, probe, one)

    for probe, (seen, fault) in zip(probes, pool.map(ask, probes), strict=True):
        found.checks += 1
        if seen:
            found.sightings.append(f"{one.id} by {probe.name}, {when}: {probe.path}")
        if fault is not None:
            found.wrong.append(fault)


def _look_again(desk: _Desk, doomed: Sequence[Doomed], pool: ThreadPoolExecutor, found: Found) -> None:
    """Check once more, when snapshots were made since, that nothing has come back; these checks are not counted."""
    checks = found.checks
    for one in doomed:
        _check(desk.service.port, one, one.probes(), pool, found, "in the end")
    for _ in range(LOOKS):
        if not any(_unasked(found).values()):
            break
        before = desk.answered()
        _check(desk.service.port, doomed[0], doomed[0].probes(), pool, found, "in the end")
        _note(found, before, desk.answered())
    found.checks = checks


def _asked(port: int, probe: Probe, one: Doomed) -> tuple[bool, str | None]:
    """Return whether a probe sees an article, and what is wrong with the answer otherwise."""
    status, content = request(port, probe.path, probe.body)
    while status == 503 and b"batch" in content:  # one at a time
        time.sleep(0.01)
        status, content = request(port, probe.path, probe.body)
    if status not in (200, 404):
        return False, f"{probe.name}: {probe.path}: {status}: {content[:200]!r}"
    return probe.sees(status, content, one.word), None
