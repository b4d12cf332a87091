"""How the sample archive answers what readers type: as served, with no parameter but the query itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.quality import encoder, searcher
from indexer import metrics
from service.schemas import SearchParams
from service.searcher import Searcher

KINDS = {
    "topic": "topic",
    "phrase": "phrase",
    "slip": "slip of spelling",
    "bare": "typed without diacritics",
    "english": "English",
    "name": "name",
    "number": "number or decree",
    "other": "other words than the newspaper's",
    "abbreviation": "abbreviation",
}
HALVES = ("look", "report")
NOTHING = "nothing"
FILES = Path(str(resources.files("indexer") / "sample"))
_FIRST = 3
_PAGE = 100


@dataclass(frozen=True)
class Asked:
    """What came of one query.

    :param right: The grades of its right articles by id, none where the archive has no answer.
    :param first: The ids on the first page.
    :param strong: The ids of its strong matches, at most a hundred.
    :param claimed: How many strong matches the answer says that there are.
    """

    kind: str
    half: str
    right: dict[str, float]
    first: list[str]
    strong: list[str]
    claimed: int

    def succeeds(self, grade: float = 1.0) -> bool:
        """Return whether an article of that grade or better is among the first three."""
        return any(self.right.get(article, 0.0) >= grade for article in self.first[:_FIRST])


def judged(*halves: str) -> list[tuple[dict[str, str], dict[str, float]]]:
    """Return the queries of these halves, each with the grades of its right articles by id."""
    qrels = metrics.read_qrels(FILES / "readers.qrels.tsv")
    queries = [json.loads(line) for line in (FILES / "readers.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(query, qrels.get(query["id"], {})) for query in queries if query["half"] in halves]


def ask(found: Searcher, query: dict[str, str], right: dict[str, float]) -> Asked:
    """Ask for one query as a reader does."""
    answer = found.search(SearchParams(q=query["text"]))
    first = [hit.article.id for hit in answer.hits]
    listed = first
    if answer.strong > len(first):
        listed = [hit.article.id for hit in found.search(SearchParams(q=query["text"], limit=_PAGE)).hits]
    return Asked(query["kind"], query["half"], right, first, listed[: answer.strong], answer.strong)


def share(truths: Iterable[bool]) -> float:
    """Return the share that is true, 0 of none."""
    given = list(truths)
    return sum(given) / len(given) if given else 0.0


def answered(asked: list[Asked]) -> dict[str, float]:
    """Measure queries that have an answer; precision and recall of strong matches are over all of them together."""
    strong = sum(len(one.strong) for one in asked)
    hit = sum(len(set(one.strong) & set(one.right)) for one in asked)
    right = sum(len(one.right) for one in asked)
    return {
        "success@3": share(one.succeeds() for one in asked),
        "answers@3": share(one.succeeds(2.0) for one in asked),
        "empty": float(sum(not one.first for one in asked)),
        "precision": hit / strong if strong else 0.0,
        "recall": hit / right if right else 0.0,
        "queries": float(len(asked)),
    }


def measured(asked: list[Asked]) -> list[dict[str, Any]]:
    """Return a row for each kind and one for all of them, each with both halves."""

    def row(label: str, wanted: Callable[[Asked], bool]) -> dict[str, Any]:
        return {"set": label} | {
            half: answered([one for one in asked if wanted(one) and one.half == half]) for half in HALVES
        }

    rows = [row(label, lambda one, kind=kind: one.kind == kind) for kind, label in KINDS.items()]  # type: ignore[misc]
    return [*rows, row("all", lambda one: one.kind != NOTHING)]


def main() -> None:
    """Run and save."""
    with common.scratch() as directory:
        found = searcher(directory, FILES / "articles.jsonl")
        asked = [ask(found, query, right) for query, right in judged(*HALVES)]
    none = {half: [one.claimed == 0 for one in asked if one.kind == NOTHING and one.half == half] for half in HALVES}
    nothing = {half: {"none_strong": share(told), "queries": len(told)} for half, told in none.items()}
    common.save("readers", {"rows": measured(asked), "nothing": nothing, "encoder": encoder().identity.precision})


if __name__ == "__main__":
    main()
