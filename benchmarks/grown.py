"""The whole product at 1,000 to 1,000,000 articles: what a build takes, and an addition, a start, a request, a worker.

Articles are put together from sentences of `vietnews`, so that words are as frequent as in news; their vectors are
drawn (`benchmarks.generated`). Queries are real: titles, encoded by the real model, whose time is told apart. Each
build and each addition runs in a process of its own, whose peak memory is that process's; workers are those of `serve`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmarks import common, generated
from benchmarks.quality import encoder, searcher
from benchmarks.serving import workers_of
from indexer.articles.article import VIETNAM
from indexer.building.build import BuildOptions, build
from indexer.index.vectors import RAW_FILE
from indexer.snapshot.home import Home
from models.encoder import EncoderIdentity, Vectors
from models.parity import probe_texts

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
ADDED, REQUESTS, WORKERS = 1000, 500, (1, 3)
SENTENCES = (2, 9)
"""From how few to how many sentences a body has: the median article is of 900 characters."""

_SECTIONS = ("Thời sự", "Pháp luật", "Đời sống", "Kinh tế", "Giáo dục", "Thể thao", "Văn hóa", "Thế giới")
_PORT = 8791


class Drawn:
    """An encoder whose document vectors are drawn, by the number that ends each title; queries go to the real one."""

    def __init__(self, path: Path) -> None:
        self._vectors = np.load(path, mmap_mode="r")
        self.seconds = 0.0

    @property
    def identity(self) -> EncoderIdentity:
        """Return the identity of the real encoder."""
        return encoder().identity

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the real encoder's vectors."""
        return encoder().encode_queries(texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return the drawn vectors; those of probe texts are real."""
        if texts and texts[0] in probe_texts():
            return encoder().encode_documents(texts)
        started = perf_counter()
        rows = [int(text.split("\n", 1)[0].rsplit(" ", 1)[1]) for text in texts]
        found = np.array(self._vectors[rows])
        self.seconds += perf_counter() - started
        return found


def write_articles(path: Path, first: int, count: int) -> None:
    """Write articles as JSON Lines: title, lead and sentences each of another real article, their dates over years."""
    real = common.articles("vietnews")
    sentences = [part for one in real for part in re.split(r"(?<=[.?!])\s+", one.plain_body or "") if len(part) > 40]
    random = np.random.default_rng(first)
    start = datetime(2014, 1, 1, tzinfo=VIETNAM)
    with path.open("w", encoding="utf-8") as out:
        for number in range(first, first + count):
            titled, led = random.integers(0, len(real), 2)
            some = random.integers(0, len(sentences), int(random.integers(*SENTENCES)))
            line = {
                "id": f"bai-{number}",
                "title": f"{real[titled].title} {number}",
                "lead": real[led].lead,
                "body": " ".join(sentences[at] for at in some),
                "section": _SECTIONS[number % len(_SECTIONS)],
                "source": f"Báo {number % 5}",
                "published_at": (start + timedelta(minutes=int(random.integers(0, 6_000_000)))).isoformat(),
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def main() -> None:
    """Run and save."""
    measure(COUNTS)


def measure(counts: Sequence[int]) -> None:
    """Run at these sizes and save."""
    with common.homes() as homes, common.scratch() as directory:
        searcher(homes / "rss", common.DATA / "rss/items.jsonl.gz")
        home = Home(homes / "rss")
        fitted = generated.fit(np.load(home.directory(home.current() or "") / "segment-0" / RAW_FILE))
        rows = []
        for count in counts:
            rows.append({"articles": count, **size(fitted, count, directory / str(count))})
            print(json.dumps(rows[-1]), flush=True)
            shutil.rmtree(directory / str(count))
    common.save("grown", {"rows": rows, "encoder_mb": encoder_memory(), "encoder": encoder().identity.precision})


def size(fitted: generated.Fitted, count: int, place: Path) -> dict[str, Any]:
    """Return what all costs with so many articles."""
    place.mkdir()
    generated.write(fitted, count + ADDED, place / "drawn.npy", seed=count)
    write_articles(place / "archive.jsonl", 0, count)
    write_articles(place / "more.jsonl", count, ADDED)
    home = Home(place / "home")
    built = in_process("built", place, "archive.jsonl")
    current = home.directory(home.current() or "")
    disk = sum(path.stat().st_size for path in current.rglob("*") if path.is_file())
    found = {
        "build_s": built["seconds"],
        "build_peak_mb": built["peak_mb"],
        "bytes_per_article": disk / count,
        "served": in_process("served", place),
        "started": started(place / "home"),
        "workers": {str(workers): private(place / "home", workers) for workers in WORKERS},
    }
    added = in_process("built", place, "more.jsonl", "--add")
    return found | {
        "add_s": added["seconds"],
        "add_peak_mb": added["peak_mb"],
        "segments": added["segments"],
        "served_after": in_process("served", place),
    }


def in_process(name: str, place: Path, *given: str) -> dict[str, Any]:
    """Return what a function of this module prints in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.grown", name, str(place), *given]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=common.ROOT).stdout
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def built(place: Path, source: str, *add: str) -> dict[str, Any]:
    """Build, and return the seconds beside encoding and the peak memory in MB."""
    given = Drawn(place / "drawn.npy")
    assert given.identity
    started = perf_counter()
    report = build(Home(place / "home"), [str(place / source)], lambda: given, BuildOptions(whole=not add))
    seconds = perf_counter() - started - given.seconds
    home = Home(place / "home")
    segments = len(json.loads((home.directory(report.snapshot or "") / "manifest.json").read_text())["segments"])
    return {"seconds": seconds, "peak_mb": peak_mb(), "segments": segments}


def served(place: Path) -> dict[str, Any]:
    """Return p50 and p95 in milliseconds of search less its encoding and of related by id, one thread, each once."""
    from benchmarks.search import Remembering
    from service.options import Options
    from service.schemas import RelatedBody, SearchParams, Seed
    from service.searcher import Searcher
    from service.settings import Settings

    common.one_thread()
    remembering = Remembering()
    opened = searcher(place / "home")
    found = Searcher(opened.archive, lambda: remembering, Options.of(Settings()))
    titles = [article.title for article in common.articles("vietnews", 2 * REQUESTS)]
    times: dict[str, list[float]] = {"search": [], "related": []}
    rows = np.random.default_rng(common.SEED).permutation(found.archive.count)[: 2 * REQUESTS]
    for article, title in zip(found.archive.articles(rows), titles, strict=False):
        remembering.seconds, started = 0.0, perf_counter()
        found.search(SearchParams(q=title))
        times["search"].append(1000 * (perf_counter() - started - remembering.seconds))
        started = perf_counter()
        found.related(RelatedBody(seed=Seed(ids=[article.id])))
        times["related"].append(1000 * (perf_counter() - started))
    return {
        name: dict(zip(("p50_ms", "p95_ms"), np.percentile(taken[50:], [50, 95]).tolist(), strict=True))
        for name, taken in times.items()
    }


def serve(home: Path, workers: int) -> subprocess.Popen[bytes]:
    """Start the service.

    :raises RuntimeError: if another one answers in its place.
    """
    if answered("/healthz"):
        raise RuntimeError(f"port {_PORT}: answers already; expected it to be free")
    command = [sys.executable, "-m", "service.cli", "serve", "--home", str(home), "--port", str(_PORT)]
    command += ["--workers", str(workers)]
    return subprocess.Popen(command, cwd=common.ROOT, stderr=subprocess.DEVNULL, env=common.environment())


def answered(path: str) -> bool:
    """Return whether the service answers an address with success."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}{path}", timeout=60) as response:
            return bool(response.read())
    except (urllib.error.URLError, ConnectionError):
        return False


def wait_for(process: subprocess.Popen[bytes], path: str, pause: float) -> None:
    """Wait until the service answers an address with success.

    :raises RuntimeError: if its process ends before.
    """
    while not answered(path):
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with status {process.returncode}")
        sleep(pause)


def started(home: Path) -> dict[str, float]:
    """Return the seconds from the start of the service to the first related list, and to the first search."""
    began, found = perf_counter(), {}
    process = serve(home, 1)
    try:
        for name, path in (("related", "/api/v1/articles/bai-1/related"), ("search", "/api/v1/search?q=gi%C3%A1")):
            wait_for(process, path, 0.01)
            found[name] = perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    return found


def private(home: Path, workers: int) -> list[float]:
    """Return the private memory of each worker after requests, in MB."""
    process = serve(home, workers)
    titles = [article.title for article in common.articles("vietnews", workers * REQUESTS)]
    try:
        wait_for(process, "/readyz", 0.1)
        for number, title in enumerate(titles):
            answered(f"/api/v1/articles/bai-{number % 1000}/related")
            answered(f"/api/v1/search?q={quote(title)}")
        return [private_mb(worker) for worker in workers_of(process.pid)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def peak_mb() -> float:
    """Return the most memory in MB that this process held; `getrusage` would count what it was forked from."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def private_mb(process: int | str = "self") -> float:
    """Return the memory in MB that a process alone has, and that the system could not read from a file again."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = re.findall(r"^(?:Private_Dirty|Swap):\s+(\d+) kB", lines, re.MULTILINE)
    return sum(map(int, found)) / 1024


def encoder_memory() -> float:
    """Return the private memory in MB that the encoder adds to a process, after a hundred queries."""
    code = (
        "from benchmarks.grown import private_mb; import numpy; before = private_mb();"
        "from benchmarks.quality import encoder; from benchmarks import common;"
        "[encoder().encode_queries([one.title]) for one in common.articles('vietnews', 100)];"
        "print(private_mb() - before)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=common.ROOT)
    return float(out.stdout.splitlines()[-1])


PARTS: dict[str, Callable[..., dict[str, Any]]] = {"built": built, "served": served}
"""What runs in processes of its own."""

if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in PARTS:
        print(json.dumps(PARTS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
    else:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        measure([int(count) for count in sys.argv[1:]] or COUNTS)
