"""Whether a change of the code changed any answer: a fixed list of requests, recorded before and compared after.

`python -m benchmarks.answers record FILE`, then, in the changed checkout, `python -m benchmarks.answers compare FILE`.
Ids, scores, relevance, reasons, order and totals are compared exactly. The clock stands still, so freshness does, too.
Other machines may give other vectors in the last bits; record and compare on one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.quality import searcher
from benchmarks.readers import FILES
from service.errors import BadRequest
from service.hits import Answer
from service.schemas import RelatedBody, SearchParams, Seed
from service.searcher import Searcher

NOW = datetime(2026, 11, 1, tzinfo=UTC)
_WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"mode": "dense"},
    {"mode": "lexical"},
    {"sort": "newest", "limit": 50},
    {"ranking": "similarity"},
    {"offset": 10},
)
"""Parameters of searches, taken in turn for all queries but the readers', which are also asked with none."""
_PRESETS = ("same-section-newest", "inline-teasers", "headlines")
_VIMS_EVERY = 10


def recorded(given: Searcher, ids: list[str], queries: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield what is asked and what it is answered with, for JSON."""
    for at, query in enumerate(queries):
        for way in ({}, _WAYS[at % len(_WAYS)]):
            yield _asked("search", query, way), _search(given, query, way)
        for length in (2, 5):
            yield _asked("suggest", query[:length]), [str(one) for one in given.suggest(query[:length], 8, NOW)]
    for at, one in enumerate(ids):
        preset = _PRESETS[at % len(_PRESETS)]
        for body in ({}, {"preset": preset}, {"ranking": "similarity", "limit": 20}):
            yield _asked("related", one, body), _related(given, Seed(ids=[one]), body)
    for first, second in zip(ids[::5], ids[1::5], strict=False):
        yield _asked("related", [first, second]), _related(given, Seed(ids=[first, second]), {})
    for one in ids[::3]:
        article = given.article(one, NOW)
        for fields in ({"title": article.title}, {"title": article.title, "lead": article.lead, "body": article.body}):
            seed = Seed.model_validate({"article": fields})
            yield _asked("draft", one, sorted(fields)), _related(given, seed, {})


def _asked(kind: str, *what: Any) -> str:
    return json.dumps([kind, *what], ensure_ascii=False)


def _search(given: Searcher, query: str, way: dict[str, Any]) -> Any:
    try:
        return _plain(given.search(SearchParams.model_validate({"q": query, **way}), NOW))
    except BadRequest as error:
        return str(error)


def _related(given: Searcher, seed: Seed, body: dict[str, Any]) -> Any:
    return _plain(given.related(RelatedBody.model_validate({"seed": seed, **body}), NOW))


def _plain(answer: Answer) -> Any:
    """Return what an answer says, but for what names the snapshot, as JSON gives it back."""
    said = {
        "hits": [
            [hit.article.id, hit.score, hit.relevance, hit.similarity, [list(reason) for reason in hit.reasons]]
            for hit in answer.hits
        ],
        "total": [answer.total, answer.more, answer.strong],
        "facets": dict(answer.facets),
        "told": [answer.relaxed, answer.degraded, [repr(pin) for pin in answer.missing]],
    }
    return json.loads(json.dumps(said))


def sets(directory: Path) -> Iterator[tuple[str, Searcher, list[str], list[str]]]:
    """Yield each archive by name, with the ids and queries that are asked of it: the sample, then `vims`."""
    lines = _lines("articles.jsonl")
    queries = [str(line["text"]) for line in (*_lines("readers.jsonl"), *_lines("queries.jsonl"))]
    sample = searcher(directory / "sample", FILES / "articles.jsonl")
    public = sample.public(NOW)
    yield (
        "sample",
        sample,
        [line["id"] for line in lines if sample.archive.find(line["id"], public) is not None],
        queries,
    )
    if common.DATA.is_dir():
        articles = list(common.articles("vims"))
        source = common.write_archive(directory / "vims.jsonl", articles)
        given = articles[::_VIMS_EVERY]
        yield "vims", searcher(directory / "vims", source), [one.id for one in given], [one.title for one in given]


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FILES / name).read_text(encoding="utf-8").splitlines()]


def different(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Return what is answered otherwise now, or is asked on one side alone."""
    nothing = object()
    return [asked for asked in sorted({*now, *before}) if now.get(asked, nothing) != before.get(asked, nothing)]


def main(arguments: list[str]) -> int:
    """Record, or compare and return 1 where an answer differs."""
    if len(arguments) != 2 or arguments[0] not in ("record", "compare"):
        raise SystemExit("answers: expected `record FILE` or `compare FILE`")
    path = Path(arguments[1])
    with common.scratch() as directory:
        now = {name: dict(recorded(given, ids, queries)) for name, given, ids, queries in sets(directory)}
    if arguments[0] == "record":
        path.write_text(json.dumps(now, ensure_ascii=False), encoding="utf-8")
        print("; ".join(f"{name}: {len(answers)} answers recorded" for name, answers in now.items()))
        return 0
    before = json.loads(path.read_text(encoding="utf-8"))
    wrong = {name: different(now.get(name, {}), before.get(name, {})) for name in sorted(now | before)}
    for name, asked in wrong.items():
        print(f"{name}: {len(now.get(name, {}))} answers, different: {len(asked)}", *asked[:20], sep="\n  ")
    return int(any(wrong.values()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
