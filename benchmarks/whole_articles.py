"""A served search of whole articles with its passages: in process by parts, and over HTTP.

The 6,000 articles of the known-item set, whole bodies, ten hits. Half of the queries are whole titles, half are three
words of one. Every query is asked once by each way of asking, so nothing is answered from memory.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import common, quality, serving
from benchmarks.search import Remembering, known_item, queries, searching
from indexer.archive import Archive
from service.passages.highlights import Highlights
from service.passages.snippets import NOTHING_WANTED
from service.schemas import SearchParams

WARM, ASKED = 100, 600
RATE_WORKERS = 2


def typed(titles: list[str]) -> list[str]:
    """Return distinct queries: every second title whole, of the others three words from the middle."""
    found = dict[str, None]()
    for number, title in enumerate(titles):
        words = title.split()
        middle = max(len(words) // 2 - 1, 0)
        found[title if number % 2 else " ".join(words[middle : middle + 3])] = None
    return list(found)


def in_process(archive: Archive, given: list[str]) -> dict[str, float]:
    """Return p50 in milliseconds of the parts of a search: encoding, the rest of it, and what its hits show."""
    remembering = Remembering()
    searcher = searching(archive, remembering)
    times = []
    for query in given:
        remembering.seconds, started = 0.0, perf_counter()
        answer = searcher.search(SearchParams(q=query))
        found = perf_counter()
        wanted = NOTHING_WANTED if answer.query is None else answer.query.wanted
        for hit in answer.hits:
            assert not isinstance(hit.article, tuple)  # a search has whole articles, no summaries
            shown = Highlights(hit.article, wanted)
            _ = shown.title, shown.text
        times.append((remembering.seconds, found - started - remembering.seconds, perf_counter() - found))
    parts = np.median(np.array(times[WARM:]), axis=0) * 1000
    return dict(zip(("encoding_ms", "beside_encoding_ms", "passages_ms"), parts.tolist(), strict=True))


def over_http(paths: list[str], command: list[str], connections: int) -> dict[str, float]:
    """Return what one client sees of a server: p50 and p95, requests a second, processor time a request."""
    with serving.server(command, "/readyz") as server:
        serving.load(server.port, paths[:WARM], connections)
        before = server.cpu_ms()
        asked = serving.load(server.port, paths[WARM:], connections)
        cpu = (server.cpu_ms() - before) / len(asked.times)
    p50, p95 = np.percentile(asked.times, [50, 95])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "per_second": asked.rate, "cpu_ms": cpu}


def main() -> None:
    """Run and save."""
    common.one_thread()
    with common.homes() as homes, common.scratch() as directory:
        known_item(directory)
        home, busy = homes / "known", os.getloadavg()[0]
        quality.searcher(home, directory / "archive.jsonl.gz")
        archive = serving.opened(home)
        given = typed([text for _, text in queries(directory / "queries.plain.jsonl.gz")])[: WARM + ASKED]
        paths = [serving.searching(query) for query in given]
        result: dict[str, Any] = {
            "articles": archive.count,
            "load_before": busy,
            "in_process": in_process(archive, given),
            "one": over_http(paths, serving.serving(home, 1), 1),
            "several": over_http(paths, serving.serving(home, RATE_WORKERS), serving.CONNECTIONS),
            "workers": RATE_WORKERS,
            "connections": serving.CONNECTIONS,
        }
    common.save("whole_articles", result)


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    main()
