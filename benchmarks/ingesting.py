"""How soon an article that is put is found, and what that costs those who search meanwhile.

Searches leave at a fixed rate (`benchmarks.overload`), in phases by turns: with one PUT every two seconds, and without.
In both, four times a second each, the article that was put last is looked for by its title, and its related list is
asked for, on new connections, so that every worker is met; it counts as visible from when all questions find it. What
is put is encoded by the real model. Beside the 22,198 items of `rss` the archive of 100,000 of `benchmarks.grown` is
used, whose vectors are drawn.

`python -m benchmarks.ingesting [--home DIR] [--rate N]` measures one home alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import common, generated, grown, overload, serving
from indexer.building.ingest import live_home
from indexer.index.vectors import RAW_FILE
from indexer.snapshot.home import Home
from indexer.snapshot.sharing import share_file
from service.security.keys import KeyStore

GROWN = 100_000
RATE = 20.0
EVERY_S, PHASE_S, PHASES = 2.0, 30.0, 4
"""Seconds between two PUTs, of a phase, and how many phases there are of each kind."""

LOOK_S = 0.25
REST_S = 4.0
"""Seconds after a phase until the next one counts: what was put last is being taken in."""

WARM_S = 5.0
QUERIES = 20_000


class Look(NamedTuple):
    """One question whether an article is visible.

    :param article: Which of those that were put.
    :param seconds: From the PUT's answer to when the question was asked.
    """

    article: int
    seconds: float
    seen: bool


class Cms(threading.Thread):
    """Puts articles while it may, and looks for the last one all the time."""

    def __init__(self, port: int, key: str, lines: Iterator[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._port, self._key, self._lines = port, key, lines
        self._stop_asked = threading.Event()
        self.puts = False
        self.took_ms: list[float] = []
        self.looks: dict[str, list[Look]] = {"search": [], "related": []}

    def stop(self) -> None:
        """Have it stop, and wait until it has."""
        self._stop_asked.set()
        self.join()

    def run(self) -> None:
        """Put one so that there is one to look for, then go on."""
        line, put, number = self._put(), time.perf_counter(), 0
        due, at = put + EVERY_S, 0
        while not self._stop_asked.is_set():
            now = time.perf_counter()
            if self.puts and now >= due:
                line, number, due = self._put(), number + 1, now + EVERY_S
                put = time.perf_counter()
            kind = ("search", "related")[at % 2]
            at += 1
            asked = time.perf_counter()
            seen = self._sees(kind, line)
            if seen is not None:
                self.looks[kind].append(Look(number, asked - put, seen))
            time.sleep(max(0.0, LOOK_S / 2 - (time.perf_counter() - asked)))

    def _put(self) -> dict[str, Any]:
        line, started = next(self._lines), time.perf_counter()
        status, answer = self._ask(f"/api/v1/articles/{line['id']}", json.dumps(line).encode())
        if status != 201:
            raise ValueError(f"PUT: {status} {answer[:200]!r}: expected 201")
        self.took_ms.append(1000 * (time.perf_counter() - started))
        return line

    def _sees(self, kind: str, line: dict[str, Any]) -> bool | None:
        """Return whether the article is visible; None where there is no answer, for want of room."""
        related = kind == "related"
        status, answer = self._ask(
            f"/api/v1/articles/{line['id']}/related" if related else serving.searching(line["title"])
        )
        if status == 503:
            return None
        return status == 200 and (related or line["id"] in [hit["id"] for hit in json.loads(answer)["hits"]])

    def _ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self._key}"} if body else {}
            connection.request("PUT" if body else "GET", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def visible(looks: Sequence[Look]) -> list[float]:
    """Return after how many seconds each article was found by every question, at the latest.

    That is when the first question after the last vain one was asked; an article that no question found is left to
    count as the time of the last one.
    """
    found: dict[int, float] = {}
    for article in dict.fromkeys(look.article for look in looks):
        own = [look for look in looks if look.article == article]
        vain = max((at for at, look in enumerate(own) if not look.seen), default=-1)
        found[article] = own[min(vain + 1, len(own) - 1)].seconds
    return list(found.values())


def times(shots: Sequence[overload.Shot]) -> dict[str, float]:
    """Return p50 and p95 of searches in milliseconds, and how many were not answered by 200; these count as well."""
    p50, p95 = np.percentile([1000 * shot.took for shot in shots], [50, 95])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "failed": sum(shot.status != 200 for shot in shots)}


def _phase(load: overload.Load, paths: Iterator[str], rate: float, seconds: float) -> list[overload.Shot]:
    start = time.perf_counter()
    return load.run((start + at / rate, next(paths)) for at in range(int(rate * seconds)))


def articles() -> Iterator[dict[str, Any]]:
    """Yield archive lines of real articles that no archive here has, without a date and told apart by their titles."""
    for number, one in enumerate(common.articles("vietnews")[-2000:]):
        line = {name: value for name, value in one.line().items() if name in ("lead", "body", "section")}
        yield {**line, "id": f"put-{number}", "title": f"{one.title} ({number})"}


def measured(home: Path, rate: float, phases: int = PHASES) -> dict[str, Any]:
    """Return what ingestion takes and costs in a home, of which a copy is served."""
    with common.scratch() as directory:
        place = copied(home, directory / "home")
        archive, busy = serving.opened(place), os.getloadavg()[0]
        queries = cycle(map(serving.searching, serving.queries(archive, QUERIES)))
        _, key = KeyStore(place).create("benchmark", ["ingest"])
        with serving.server(serving.serving(place, serving.WORKERS), "/readyz") as server:
            load, cms = overload.Load(server.port), Cms(server.port, key, articles())
            cms.start()
            _phase(load, queries, rate, WARM_S)
            shots: dict[bool, list[list[overload.Shot]]] = {False: [], True: []}
            used = {False: 0.0, True: 0.0}
            for number in range(2 * phases):
                cms.puts = bool(number % 2)
                before = server.cpu_ms()
                shots[cms.puts].append(_phase(load, queries, rate, PHASE_S))
                used[cms.puts] += server.cpu_ms() - before
                cms.puts = False
                _phase(load, queries, rate, REST_S)
            cms.stop()
            load.close()
        with live_home(Home(place)).lock(wait=30):  # the process that ingests has ended too
            pass
    about = {"articles": archive.count, "rate": rate, "workers": serving.WORKERS, "load_before": busy}
    return {**about, **_told(cms, shots, used)}


def _told(cms: Cms, shots: dict[bool, list[list[overload.Shot]]], used: dict[bool, float]) -> dict[str, Any]:
    without, during = (times([shot for phase in shots[puts] for shot in phase]) for puts in (False, True))
    pairs = [times(b)["p95_ms"] / times(a)["p95_ms"] for a, b in zip(shots[False], shots[True], strict=True)]
    seen = {}
    for kind, looks in cms.looks.items():
        later = visible([look for look in looks if look.article])
        p50, p95, most = np.percentile(later, [50, 95, 100])
        seen[kind] = {"p50_s": float(p50), "p95_s": float(p95), "most_s": float(most), "articles": len(later)}
    puts = np.percentile(cms.took_ms, [50, 95])
    return {
        "puts": len(cms.took_ms),
        "put_ms": {"p50_ms": float(puts[0]), "p95_ms": float(puts[1])},
        "visible": seen,
        "searches": {"without": without, "with": during},
        "p95_growth": during["p95_ms"] / without["p95_ms"] - 1,
        "p95_growth_by_pair": [pair - 1 for pair in pairs],
        "cpu_ms_per_put": (used[True] - used[False]) / max(1, len(cms.took_ms) - 1),
    }


def copied(home: Path, target: Path) -> Path:
    """Return a home of the same snapshots, whose files are shared: they never change."""
    target.mkdir()
    shutil.copytree(home / "snapshots", target / "snapshots", copy_function=_share)
    shutil.copy(home / "CURRENT", target / "CURRENT")
    return target


def _share(source: str, target: str) -> None:
    share_file(Path(source), Path(target))


def grown_home(homes: Path) -> Path:
    """Return the home of the archive whose vectors are drawn, built where it is not there yet."""
    place = homes / f"grown-{GROWN}"
    if not (place / "home" / "CURRENT").exists():
        real = Home(serving.built(homes))
        fitted = generated.fit(np.load(real.directory(real.current() or "") / "segment-0" / RAW_FILE))
        place.mkdir(exist_ok=True)
        generated.write(fitted, GROWN, place / "drawn.npy", seed=GROWN)
        grown.write_articles(place / "archive.jsonl", 0, GROWN)
        grown.in_process("built", place, "archive.jsonl")
    return place / "home"


def main() -> None:
    """Run and save."""
    with common.homes() as homes:
        rows = [measured(home, RATE) for home in (serving.built(homes), grown_home(homes))]
    common.save("ingesting", {"rows": rows})


def _save_one(row: dict[str, Any]) -> None:
    """Put one row into the saved result, in the place of an earlier one of as many articles."""
    path = common.RESULTS / "ingesting.json"
    known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    rows = [one for one in known if one["articles"] != row["articles"]] + [row]
    common.save("ingesting", {"rows": sorted(rows, key=lambda one: int(one["articles"]))})


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--phases", type=int, default=PHASES)
    given = parser.parse_args()
    if given.home is None:
        main()
    else:
        row = measured(given.home, given.rate, given.phases)
        print(json.dumps(row, indent=1))
        _save_one(row)


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    _main()
