"""Daily series in the news of three papers: what is found, how much of a judged sample is right, and how long it takes.

The sample was drawn from all that was found, at most three of a series, and judged by reading; rules were made on the
rest. `judged_lost` counts what of it is no longer found: then precision speaks of fewer, and a new sample is due.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks import common
from indexer.articles.article import Article, validate
from indexer.relations.series import Series, SeriesWriter

ROUNDS = 5
JUDGED = common.ROOT / "tests" / "data" / "series_judged.tsv"


def articles() -> list[Article]:
    """Return the items of `rss` in the order of the file."""
    found = []
    with gzip.open(common.DATA / "rss" / "items.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            article = validate(json.loads(line))
            assert isinstance(article, Article), article
            found.append(article)
    return found


def judged(path: Path = JUDGED) -> dict[str, bool]:
    """Return by id whether a reader held an item to be an instalment of a regular series."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return {article: label == "1" for article, label in rows}


def detect(given: list[Article]) -> Series:
    """Return the series among articles."""
    writer = SeriesWriter()
    for article in given:
        writer.add(article.title, article.source, article.published_at)
    return writer.found()


def main() -> None:
    """Run, print and save."""
    given = articles()
    seconds = []
    for _ in range(ROUNDS):
        started = perf_counter()
        series = detect(given)
        seconds.append(perf_counter() - started)
    found = {given[row].id for row in np.flatnonzero(series.codes >= 0)}
    labels = [label for article, label in judged().items() if article in found]
    counts = np.bincount(series.codes[series.codes >= 0], minlength=len(series.patterns))
    result = {
        "articles": len(given),
        "found": len(found),
        "share": len(found) / len(given),
        "series": len(series.patterns),
        "kinds": len(series.kinds[1]),
        "judged": len(labels),
        "judged_lost": len(judged()) - len(labels),
        "precision": sum(labels) / len(labels),
        "seconds": median(seconds),
        "largest": [
            {"head": p.head, "kind": p.kind, "source": p.source, "named": p.named, "items": int(n)}
            for p, n in zip(series.patterns, counts, strict=True)
        ],
    }
    print(json.dumps(result, indent=1, ensure_ascii=False))
    common.save("series", result)


if __name__ == "__main__":
    main()
