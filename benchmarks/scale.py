"""The vector stage at 1,000 to 1,000,000 vectors: its time, recall, filters, memory, and what a build takes.

Vectors are drawn by `benchmarks.generated` from those of `rss`; queries are articles that were held back from it, their
titles as readers type them, and questions on other matters. What is timed on one thread runs in a process of its own,
and so does each build, whose peak memory is that process's.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

import numpy as np

from benchmarks import common, generated
from benchmarks.near_duplicates import rss
from benchmarks.quality import encoder, searcher
from indexer.files.arrays import Mask, Rows
from indexer.index.vectors import INDEX_FILE, RAW_FILE, FaissIndex, Sizes, build_index
from indexer.snapshot.home import Home
from models.encoder import Vectors

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
QUERIES, FLAT_QUERIES, FILTERED_QUERIES, BATCHED = 400, 20, 40, 2048
SHARES = (0.1, 0.01, 0.001)
ARTICLES, TITLES, QUESTIONS = QUERY_FILES = ("articles", "titles", "questions")
FLAT_FILE = "flat.faiss"
_ALL = 10**9
_WARM = 20
_EQUAL = 1e-6

Found = tuple[Rows, Vectors]
Spent = tuple[float, float]
"""Seconds by the clock, and of processor time."""
Passing = Callable[[np.random.Generator, Vectors, Vectors], Mask]
"""From chance, cosines to the query and cosines to another vector, which rows pass."""


def main() -> None:
    """Run and save."""
    with common.homes() as homes:
        searcher(homes / "rss", common.DATA / "rss/items.jsonl.gz")
        home = Home(homes / "rss")
        current = home.current()
        assert current is not None
        with common.scratch() as directory:
            common.save("scale", measured(home.directory(current) / "segment-0" / RAW_FILE, directory))


def measured(real_path: Path, directory: Path, counts: Sequence[int] = COUNTS) -> dict[str, Any]:
    """Return everything, from an .npy file of real vectors."""
    real = np.load(real_path)
    real = real[np.random.default_rng(common.SEED).permutation(len(real))]
    np.save(directory / f"{ARTICLES}.npy", real[:QUERIES])
    write_words(directory)
    fitted = generated.fit(real[QUERIES:])
    rows = []
    for count in counts:
        place = directory / str(count)
        place.mkdir()
        generated.write(fitted, count, place / RAW_FILE, seed=count)
        rows.append({"vectors": count, **size(place, directory)})
        print(json.dumps(rows[-1]), flush=True)
        for path in place.iterdir():
            path.unlink()
    return {"rows": rows, "generator": generated.compared(real, directory), "real": len(real)}


def write_words(directory: Path) -> None:
    """Encode titles of `rss`, and questions on passages of Wikipedia, as queries are encoded."""
    items = rss()
    titles = [article.title for article in items[:: len(items) // QUERIES]][:QUERIES]
    with gzip.open(common.DATA / "xquad_vi" / "queries.jsonl.gz", "rt", encoding="utf-8") as lines:
        questions = [json.loads(line)["text"] for line in lines][:QUERIES]
    for kind, texts in ((TITLES, titles), (QUESTIONS, questions)):
        vectors = [encoder().encode_queries([text]) for text in texts]
        np.save(directory / f"{kind}.npy", np.concatenate(vectors))


def size(place: Path, queries: Path) -> dict[str, Any]:
    """Return the figures of one size, of the raw vectors at a place."""
    built = apart("build", place)
    return {
        "build": built,
        "disk": {path.name: path.stat().st_size for path in (place / INDEX_FILE, place / RAW_FILE)},
        "stage": apart("stage", place, queries, threads=1),
        "filters": apart("filters", place, queries, threads=1),
        "worker": apart("worker", place, queries, threads=1),
        "neighbours": apart("neighbours", place),
    }


def apart(name: str, *places: Path, threads: int | None = None) -> Any:
    """Return what one of `PARTS` measures in a process of its own."""
    environment = {**os.environ} if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.scale", name, *map(str, places)]
    done = subprocess.run(command, env=environment, cwd=common.ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def build(place: Path) -> dict[str, Any]:
    """Build the index as the product does."""
    started, spent = perf_counter(), process_time()
    built = build_index(place / RAW_FILE, place / INDEX_FILE)
    return {
        **built._asdict(),
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - spent,
        "peak_mib": peak(),
        "breadth": opened(place).ef_search,
    }


def stage(place: Path, queries: Path) -> dict[str, Any]:
    """Time single searches, hold them against brute force, and time Flat and the index in turns."""
    index = opened(place)
    build_index(place / RAW_FILE, place / FLAT_FILE, Sizes(flat=_ALL))
    flat = FaissIndex(place / FLAT_FILE, place / RAW_FILE)
    found: dict[str, Any] = {}
    for kind in QUERY_FILES:
        given = np.load(queries / f"{kind}.npy")
        exact = flat.search(given, 100)
        found[kind] = {k: alone(index, given, k, exact) for k in (10, 100, 1000)}
    turns = [
        [timed(searched, query, 10)[0][0] for searched in (flat, index)]
        for query in np.load(queries / f"{ARTICLES}.npy")[:FLAT_QUERIES]
    ]
    found["flat_p50_ms"], found["beside_flat_p50_ms"] = (1000 * np.median(turns, axis=0)).tolist()
    (place / FLAT_FILE).unlink()
    return found


def alone(index: FaissIndex, queries: Vectors, k: int, exact: list[Found]) -> dict[str, float]:
    """Return the times of queries asked one by one, and their recall against brute force."""
    for query in queries[:_WARM]:
        index.search(query[None], k)
    times, got = zip(*(timed(index, query, k) for query in queries), strict=True)
    recalls = {
        f"recall@{depth}": float(np.mean([reached(mine, best, depth) for mine, best in zip(got, exact, strict=True)]))
        for depth in (10, 100)
        if depth <= k
    }
    return {**percentiles(times), **recalls}


def reached(mine: Found, best: Found, depth: int) -> float:
    """Return the share of the best that was found, by cosines: of vectors that are alike any will do."""
    depth = min(depth, len(best[1]))
    if not depth:  # a thousandth of a thousand may be none
        return 1.0
    return float(np.count_nonzero(mine[1][:depth] >= best[1][depth - 1] - _EQUAL)) / depth


def timed(index: FaissIndex, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Spent, Found]:
    """Return the seconds of one search, and what it found."""
    started, spent = perf_counter(), thread_time()
    (found,) = index.search(query[None], k, allowed)
    return (perf_counter() - started, thread_time() - spent), found


def percentiles(times: Sequence[Spent]) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds, of processor time as well: others may use the machine."""
    (p50, cpu_p50), (p95, cpu_p95) = (1000 * np.percentile(times, [50, 95], axis=0)).tolist()
    return {"p50_ms": p50, "p95_ms": p95, "cpu_p50_ms": cpu_p50, "cpu_p95_ms": cpu_p95}


def filters(place: Path, queries: Path) -> dict[str, Any]:
    """Time searches within rows that a filter passes: by chance, and such as have to do with the query."""
    index, raw = opened(place), np.load(place / RAW_FILE, mmap_mode="r").view(np.ndarray)
    given, random = np.load(queries / f"{ARTICLES}.npy")[:FILTERED_QUERIES], np.random.default_rng(common.SEED)
    found = {}
    for name, passing in FILTERS.items():
        times, shares, complete = [], [], True
        for query in given:
            near, other = raw @ query, raw @ raw[random.integers(len(raw))]
            allowed = passing(random, near, other)
            rows = np.flatnonzero(allowed)
            best = rows[np.argsort(-near[rows])[:10]]
            spent, mine = timed(index, query, 10, allowed)
            times.append(spent)
            shares.append(reached(mine, (best, near[best]), 10))
            complete &= len(mine[0]) == len(best) and bool(allowed[mine[0]].all())
        found[name] = {**percentiles(times), "all_returned": complete, "recall@10": float(np.mean(shares))}
    return found


def chance(share: float) -> Passing:
    """Return a filter that passes a share of the rows by chance."""
    return lambda random, near, _: random.random(len(near)) < share


def farthest(share: float) -> Passing:
    """Return a filter that passes the rows farthest from the query."""
    return lambda _, near, __: near <= np.quantile(near, share)


FILTERS: dict[str, Passing] = {
    **{f"{share:.1%} by chance": chance(share) for share in SHARES},
    **{f"the farthest {share:.1%}": farthest(share) for share in SHARES},
    "all but the nearest 1.0%": farthest(0.99),
    "the nearest 1.0%": lambda _, near, __: near >= np.quantile(near, 0.99),
    "the 1.0% about another vector": lambda _, __, other: other >= np.quantile(other, 0.99),
}


def worker(place: Path, queries: Path) -> dict[str, Any]:
    """Return what memory opening the index and searching it adds to a process, what is mapped and shared apart."""
    given, before = np.load(queries / f"{ARTICLES}.npy"), memory()
    started = perf_counter()
    index = opened(place)
    spent = perf_counter() - started
    for query in given:
        index.search(query[None], 1000)
    return {"open_ms": 1000 * spent, **{kind: memory()[kind] - of for kind, of in before.items()}}


def memory() -> dict[str, float]:
    """Return what this process alone holds, and what it has mapped of files, in MiB (Linux)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size) / 1024 for name, size in (line.removesuffix("kB").split(":") for line in lines)}
    return {"private_mib": sizes["Anonymous"], "mapped_mib": sizes["Rss"] - sizes["Anonymous"]}


def peak() -> float:
    """Return the most that this process held at once, mapped files included, in MiB (Linux).

    Not `ru_maxrss`, which begins with that of the process it was started by.
    """
    (found,) = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found) / 1024


def neighbours(place: Path) -> dict[str, float]:
    """Time batches of 512 texts with 101 neighbours each, as indexing asks for them, on all cores."""
    index = opened(place)
    rows = np.random.default_rng(common.SEED).permutation(index.count)[:BATCHED]
    started = perf_counter()
    for start in range(0, len(rows), 512):
        index.search(index.reconstruct(rows[start : start + 512]), 101)
    each = (perf_counter() - started) / len(rows)
    return {"ms_a_text": 1000 * each, "seconds_for_all": each * index.count}


def opened(place: Path) -> FaissIndex:
    """Open the index of a place."""
    return FaissIndex(place / INDEX_FILE, place / RAW_FILE)


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    part.__name__: part for part in (build, stage, filters, worker, neighbours)
}

if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(PARTS[sys.argv[1]](*map(Path, sys.argv[2:]))))
    else:
        main()
