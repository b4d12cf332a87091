"""Lienquan beside what a newsroom could install instead: the same articles, the same model, the same threads.

Indexing: all sides that encode index the same articles, in interleaved rounds. Search: about 22,000 articles, which the
peers are given Lienquan's vectors of, since time is short; queries each side encodes its own way. Every
side runs in a process of its own (`peer_process`), the peers in the environment that benchmarks/requirements.txt
describes; one that cannot be had is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import mean, median
from time import sleep
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from benchmarks import common
from benchmarks.peer_process import Missing, Side
from indexer import metrics
from indexer.archive import Archive
from indexer.articles.article import Article, validate
from indexer.metrics import Qrels
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models import bundled, catalogue
from models.cpu import available_threads

SIDES: dict[str, tuple[str, ...]] = {
    "lienquan": ("benchmarks.peer_lienquan:Lienquan",),
    "lienquan-served": ("benchmarks.peer_lienquan:Lienquan", "relevance"),
    "txtai": ("benchmarks.peer_txtai:Txtai",),
    "txtai-bb25": ("benchmarks.peer_txtai:Txtai", "bb25"),
    "lancedb": ("benchmarks.peer_lancedb:LanceDb",),
    "card": ("benchmarks.peer_card:Card",),
    "bm25s": ("benchmarks.peer_bm25s:Bm25s",),
}
OWN = ("lienquan", "lienquan-served")
"""Two ways of asking one archive of Lienquan's."""
SERVED = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""What the service sets for itself beside the threads that all sides have (`service.serve.share_cores`)."""
ENCODING = ("lienquan", "txtai", "card")
"""Those that encode archives: the others are given vectors, or have none."""
ARTICLES, ROUNDS = 300, 3
TIMED, WARM_UP = 1000, 50
BLOCK = 25
"""Questions that a side is asked in a row. A newsroom runs one engine: asked one by one in turn, each would find the
processor's caches full of six others' data. What that costs is told by the first of each block."""
KINDS = ("unaccented", "typo")
_STEP = 3
_LIMIT = 512
_PAUSE = 0.005
"""Seconds before a block of questions, in which the threads of the side that answered last stop spinning."""

Queries = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Task:
    """What is measured on.

    :param indexed: Articles to encode and index, with their related judgements.
    :param searched: The archive to search, its queries, the first ones for warming up, and their judgements.
    :param retyped: The same queries in other ways of typing.
    """

    data: str
    indexed: Sequence[Article]
    related: Qrels
    searched: Sequence[Article]
    queries: Queries
    qrels: Qrels
    retyped: Mapping[str, Queries]


def news() -> Task:
    """Return the judged data: `vims`, and titles of `rss` as queries for items whose own title is withheld."""
    from benchmarks.near_duplicates import rss
    from benchmarks.search import retyped

    indexed = common.articles("vims", ARTICLES)
    names = {article.id for article in indexed}
    related = {
        query: {name: grade for name, grade in grades.items() if name in names}
        for query, grades in common.related_qrels("vims").items()
        if query in names
    }
    items = rss()
    asked = [item for item in items if item.lead and len(item.title.split()) >= 4]
    order = np.random.default_rng(common.SEED).permutation(len(asked))[: WARM_UP + TIMED]
    queries = [(asked[at].id, asked[at].title) for at in order]
    return Task(
        data="rss",
        indexed=indexed,
        related={query: grades for query, grades in related.items() if grades},
        searched=[untitled(item) for item in items],
        queries=queries,
        qrels={name: {name: 1.0} for name, _ in queries},
        retyped={kind: retyped(kind, list(queries[WARM_UP::_STEP])) for kind in KINDS},
    )


def untitled(item: Article) -> Article:
    """Return an item without its own title, and without the address that repeats it."""
    found = validate(item.line() | {"title": f"Bài {item.id[-6:]}", "url": None})
    assert isinstance(found, Article), found
    return found


def sample() -> Task:
    """Return the sample archive, which is all there is without the judged data."""
    files = Path(str(resources.files("indexer") / "sample"))
    found = [validate(json.loads(line)) for line in (files / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
    articles = [article for article in found if isinstance(article, Article)]
    names = {article.id for article in articles}
    related, qrels = (metrics.read_qrels(files / f"{name}.qrels.tsv") for name in ("related", "queries"))
    queries = metrics.read_queries(files / "queries.jsonl")
    return Task(
        data="sample",
        indexed=articles,
        related={query: grades for query, grades in related.items() if query in names},
        searched=articles,
        queries=[(name, text) for name, text in queries.items() if name in qrels],
        qrels=qrels,
        retyped={},
    )


def text_of(article: Article) -> str:
    """Return what the peers are given of an article: title, lead and the whole body, a line each."""
    return "\n".join(part for part in (article.title, article.lead, article.plain_body) if part)


def write(directory: Path, name: str, given: Sequence[Article]) -> dict[bool, Path]:
    """Write articles as Lienquan (True) and as its peers (False) read them."""
    texts = directory / f"{name}-texts.jsonl"
    with texts.open("w", encoding="utf-8") as out:
        for article in given:
            out.write(json.dumps({"id": article.id, "text": text_of(article)}, ensure_ascii=False) + "\n")
    return {True: common.write_archive(directory / f"{name}.jsonl", given), False: texts}


@contextmanager
def started(names: Sequence[str]) -> Iterator[dict[str, Side]]:
    """Yield the sides that can be had here, each in a process that has its model loaded."""
    model = bundled.ensure(catalogue.models_home() / f"multilingual-e5-small-{bundled.REVISION}")
    sides: dict[str, Side] = {}
    try:
        for name in names:
            python = Path(sys.executable) if name in OWN else common.BENCH_PYTHON
            try:
                sides[name] = Side(python, SIDES[name], model, available_threads(), SERVED if name in OWN else {})
            except Missing as reason:
                print(f"{name}: left out: {reason}", flush=True)
        yield sides
    finally:
        for side in sides.values():
            side.close()


def tokens(texts: Sequence[str]) -> int:
    """Return how many tokens the model sees of texts, prompt and special tokens included, each cut at the limit."""
    model = bundled.ensure(catalogue.models_home() / f"multilingual-e5-small-{bundled.REVISION}")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return sum(min(len(tokenizer.encode("passage: " + text).ids), _LIMIT) for text in texts)


def indexing(task: Task, directory: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure the sides that encode: the whole way from a file of articles to an index on disk, and what it finds."""
    archive = write(directory, "indexed", task.indexed)
    few = write(directory, "few", task.indexed[:8])
    rows: dict[str, dict[str, Any]] = {}
    with started(ENCODING) as sides:
        for name, side in sides.items():
            side.ask("index", few[name == "lienquan"], directory / f"few-{name}")
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for at in range(rounds):
            for name, side in sides.items():
                home = directory / f"indexed-{name}-{at}"
                seconds[name].append(side.ask("index", archive[name == "lienquan"], home).seconds)
        for name, side in sides.items():
            side.ask("open", directory / f"indexed-{name}-0")
            rows[name] = {
                "seconds": seconds[name],
                "articles_per_second": len(task.indexed) / median(seconds[name]),
                "ndcg": near_ndcg(side, task),
            }
    given = tokens([text_of(article) for article in task.indexed])
    views = tokens([view for article in task.indexed for view in article.views])
    for name, row in rows.items():
        row["tokens_per_second"] = given / median(row["seconds"])
        row["encoded_per_second"] = (views if name == "lienquan" else given) / median(row["seconds"])
    return {"articles": len(task.indexed), "tokens": given, "encoded": views, "rounds": rounds, "sides": rows}


def near_ndcg(side: Side, task: Task) -> float:
    """Return nDCG@10 of related articles."""
    of = {article.id: {"id": article.id, "text": text_of(article)} for article in task.indexed}
    return mean(metrics.ndcg(side.ask("near", of[query]).result, task.related[query], 10) for query in task.related)


def searching(task: Task, directory: Path) -> dict[str, Any]:
    """Measure search: every side builds in one process and answers in a fresh one, block by block in turn."""
    archive = write(directory, "searched", task.searched)
    homes = {name: directory / (OWN[0] if name in OWN else name) for name in SIDES}
    with started(["lienquan"]) as sides:
        building = dict.fromkeys(OWN, sides["lienquan"].ask("index", archive[True], homes["lienquan"]).seconds)
    vectors = raw_vectors(homes["lienquan"], task.searched, directory / "vectors.npy")
    for name in [name for name in SIDES if name not in OWN]:
        with started([name]) as sides:
            for side in sides.values():
                building[name] = side.ask("take", archive[False], vectors, homes[name]).seconds
    with started(list(building)) as sides:
        for name, side in sides.items():
            side.ask("open", homes[name])
        rows = timed(sides, task)
        for name, side in sides.items():
            for kind, queries in task.retyped.items():
                rows[name]["ndcg"][kind] = mean(
                    judged(side.ask("search", text).result, at, task) for at, text in queries
                )
            rows[name] |= {"memory_mb": side.memory(), "disk_mb": size(homes[name]), "build_s": building[name]}
        packages = {package: release for side in sides.values() for package, release in side.packages.items()}
    return {"articles": len(task.searched), "queries": len(task.queries), "sides": rows, "packages": packages}


def raw_vectors(home: Path, given: Sequence[Article], path: Path) -> Path:
    """Write the vectors of a built archive in the order of the given articles, (n, dim) float32."""
    place = Home(home)
    current = place.current()
    assert current is not None
    archive = Archive(Snapshot(place.directory(current)))
    rows = np.arange(archive.count)
    at = {article.id: row for row, article in zip(rows, archive.articles(rows), strict=True)}
    np.save(path, archive.vectors_of(np.array([at[article.id] for article in given])))
    archive.close()
    return path


def timed(sides: Mapping[str, Side], task: Task) -> dict[str, dict[str, Any]]:
    """Ask every side each query once, in blocks, and return times and nDCG@10 after the warm-up.

    Sides take turns at going first.
    """
    names = list(sides)
    first: dict[str, list[float]] = {name: [] for name in names}
    whole: dict[str, list[float]] = {name: [] for name in names}
    rest: dict[str, list[float]] = {name: [] for name in names}
    found: dict[str, list[float]] = {name: [] for name in names}
    warm_up = min(WARM_UP, len(task.queries) // 4)
    for block, start in enumerate(range(0, len(task.queries), BLOCK)):
        for turn in range(len(names)):
            name = names[(block + turn) % len(names)]
            sleep(_PAUSE)
            for number, (query, text) in enumerate(task.queries[start : start + BLOCK], start):
                answered = sides[name].ask("search", text)
                if number >= warm_up:
                    ids, encoding = answered.result
                    whole[name].append(answered.seconds * 1000)
                    rest[name].append((answered.seconds - encoding) * 1000)
                    found[name].append(metrics.ndcg(ids, task.qrels[query], 10))
                    if number == start:
                        first[name].append(answered.seconds * 1000)
    return {
        name: {
            **percentiles("", whole[name]),
            **percentiles("first_", first[name]),
            **percentiles("without_encoding_", rest[name]),
            "ndcg": {"plain": mean(found[name])},
        }
        for name in names
    }


def percentiles(label: str, times: Sequence[float]) -> dict[str, float]:
    """Return p50 and p95."""
    p50, p95 = np.percentile(times, [50, 95])
    return {f"{label}p50_ms": float(p50), f"{label}p95_ms": float(p95)}


def judged(result: Any, query: str, task: Task) -> float:
    """Return nDCG@10 of an answer."""
    return metrics.ndcg(result[0], task.qrels[query], 10)


def size(home: Path) -> float:
    """Return what a directory takes on disk in MB."""
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Run and save."""
    task = news() if common.DATA.is_dir() else sample()
    with common.scratch() as directory:
        result = {"indexing": indexing(task, directory), "search": searching(task, directory)}
    common.save("peers", {"data": task.data, "threads": available_threads(), **result})


if __name__ == "__main__":
    main()
