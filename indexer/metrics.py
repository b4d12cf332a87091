"""Measures of ranked lists against judgements, and the file formats of both. Plain functions; higher is better."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from indexer.errors import SourceError

Qrels = dict[str, dict[str, float]]
"""Query id -> article id -> grade; an article not named has grade 0."""

_MAX_GRADE = 100


def dcg(grades: Sequence[float]) -> float:
    """Return the discounted cumulative gain: sum of (2^grade - 1) / log2(rank + 1) (Burges et al., 2005).

    A grade below 0 counts as 0.
    """
    return math.fsum((2.0 ** max(grade, 0.0) - 1.0) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def ndcg(ranked: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    """Return nDCG@k: the gain of the list over that of the best possible list of k; 0 if nothing is relevant."""
    ideal = dcg(sorted(judged.values(), reverse=True)[:k])
    return dcg([judged.get(article, 0.0) for article in ranked[:k]]) / ideal if ideal > 0 else 0.0


def recall(ranked: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    """Return recall@k: the share of the relevant articles (grade above 0) among the first k."""
    relevant = {article for article, grade in judged.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    """Return 1 / rank of the first relevant article among the first k, else 0."""
    ranks = (rank for rank, article in enumerate(ranked[:k], start=1) if judged.get(article, 0.0) > 0)
    return 1.0 / next(ranks, math.inf)


def evaluate(run: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, float]:
    """Return the mean of each measure over the queries that have a relevant article.

    :param run: Query id -> article ids, best first; a judged query without a list counts as 0.
    :raises ValueError: if no query has a relevant article.
    """
    judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    if not judged:
        raise ValueError("qrels: no query with a relevant article: expected at least one score above 0")
    lists = [(run.get(query, ()), grades) for query, grades in judged.items()]
    measures = {
        "ndcg@10": [ndcg(ranked, grades, 10) for ranked, grades in lists],
        "recall@10": [recall(ranked, grades, 10) for ranked, grades in lists],
        "recall@50": [recall(ranked, grades, 50) for ranked, grades in lists],
        "mrr@10": [reciprocal_rank(ranked, grades, 10) for ranked, grades in lists],
    }
    return {name: math.fsum(values) / len(values) for name, values in measures.items()} | {"queries": float(len(lists))}


def _lines(path: Path) -> Iterator[str]:
    try:
        packed = path.suffix == ".gz"
        with gzip.open(path, "rt", encoding="utf-8-sig") if packed else path.open(encoding="utf-8-sig") as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def read_qrels(path: Path) -> Qrels:
    """Read judgements: tab-separated, with a header of query-id, corpus-id, score.

    :raises SourceError: naming the first line that is not of this form.
    """
    expected = ["query-id", "corpus-id", "score"]
    qrels: Qrels = {}
    rows = (line.rstrip("\n").split("\t") for line in _lines(path))
    header = next(rows, [])
    if header != expected:
        raise SourceError(f"{path}:1: {header!r}: expected the header {expected}")
    for number, row in enumerate(rows, start=2):
        if row == [""]:
            continue
        try:
            query, article, score = row
            grade = float(score)
        except ValueError:
            raise SourceError(f"{path}:{number}: {row!r}: expected query-id, corpus-id and a number") from None
        if not abs(grade) <= _MAX_GRADE:
            raise SourceError(f"{path}:{number}: score: {grade}: expected a number up to {_MAX_GRADE}")
        qrels.setdefault(query, {})[article] = grade
    return qrels


def read_queries(path: Path) -> dict[str, str]:
    """Read queries: JSON Lines of objects with `id` and `text`, in their order.

    :raises SourceError: naming the first line that is not of this form.
    """
    queries: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            query = json.loads(line)
            queries[str(query["id"])] = str(query["text"])
        except (ValueError, KeyError, TypeError):
            raise SourceError(f"{path}:{number}: expected a JSON object with id and text") from None
    return queries


def write_run(path: Path, run: Mapping[str, Iterable[tuple[str, float]]], tag: str) -> None:
    """Write ranked lists in TREC's run format: query, Q0, article, rank, score, tag; blanks in ids as %20."""
    with path.open("w", encoding="utf-8") as out:
        for query, ranked in run.items():
            for rank, (article, score) in enumerate(ranked, start=1):
                out.write(f"{_column(query)} Q0 {_column(article)} {rank} {score:.6f} {tag}\n")


def _column(article_id: str) -> str:
    return "".join(quote(c) if c.isspace() else c for c in article_id)
