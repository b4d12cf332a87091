"""How the sample archive is answered: search by class of query, and related articles. A floor, not proof."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.quality import encoder, searcher
from indexer import metrics
from service import evaluation

CLASSES = {
    "meaning": "meaning without shared words",
    "name": "exact name",
    "decree": "decree or law number",
    "abbreviation": "abbreviation",
    "no-diacritics": "typed without diacritics",
    "typo": "typo",
    "english": "English",
    "question": "question",
}


def main() -> None:
    """Run and save."""
    files = Path(str(resources.files("indexer") / "sample"))
    lines = (files / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    classes = {query["id"]: query["class"] for query in map(json.loads, lines)}
    qrels = metrics.read_qrels(files / "queries.qrels.tsv")
    with common.scratch() as directory:
        found = searcher(directory, files / "articles.jsonl")
        asked = evaluation.evaluate_search(found, metrics.read_queries(files / "queries.jsonl"), qrels, "relevance")
        near = evaluation.evaluate_related(found, metrics.read_qrels(files / "related.qrels.tsv"), "similarity")
    run = {query: [article for article, _ in ranked] for query, ranked in asked.run.items()}
    rows: list[dict[str, Any]] = []
    for name, label in CLASSES.items():
        judged = {query: grades for query, grades in qrels.items() if classes[query] == name}
        rows.append({"set": f"search: {label}", **metrics.evaluate(run, judged)})
    rows += [{"set": "search: all", **asked.measures}, {"set": "related", **near.measures}]
    common.save("sample", {"rows": rows, "encoder": encoder().identity.precision})


if __name__ == "__main__":
    main()
