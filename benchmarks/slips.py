"""How search bears one slip of spelling: made by rule from what the sample archive has, with and without correction.

Each title and tag is asked as it is, in pieces of six words at most, and with one syllable as it is often miswritten
(`search.confusions`). What is right is asked too, and must be left alone: titles, tags and names of the archive, and,
where the judged data is there, titles and tags of other papers, most of whose words the archive has never met.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.quality import encoder, searcher
from indexer.text.syllables import spelt, stream
from service.query.confusions import SELDOM, confusions
from service.query.misspellings import Misspelling, Speller
from service.schemas import SearchParams
from service.searcher import Searcher

_FIRST = 3
_PIECE = 6
_OTHERS = 3000


def pieces(text: str) -> Iterator[list[str]]:
    """Yield the words of a text in lower case, two to six at a time."""
    words = [spelt(word) for word in stream(text) if word]
    for start in range(0, len(words), _PIECE):
        if len(piece := words[start : start + _PIECE]) > 1:
            yield piece


def miswritten(words: list[str], random: Random) -> list[str] | None:
    """Return the words with one syllable miswritten, None where none can be."""
    choices = [(at, one.syllable) for at, word in enumerate(words) for one in confusions(word) if one.cost <= SELDOM]
    if not choices:
        return None
    places = sorted({at for at, _ in choices})
    place = random.choice(places)
    wrong = random.choice([syllable for at, syllable in choices if at == place])
    return [*words[:place], wrong, *words[place + 1 :]]


@contextmanager
def uncorrected() -> Iterator[None]:
    """Have nothing held to be misspelt."""
    found = Speller.find

    def nothing(*_: object, **__: object) -> list[Misspelling]:
        return []

    Speller.find = nothing  # type: ignore[method-assign]
    try:
        yield
    finally:
        Speller.find = found  # type: ignore[method-assign]


def first(found: Searcher, query: str) -> list[str]:
    """Return the ids of the first hits."""
    return [hit.article.id for hit in found.search(SearchParams(q=query, limit=_FIRST)).hits]


def kept(found: Searcher, asked: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Return how much of what right queries find stays when they are miswritten.

    :param asked: Each right query and the same with a slip.
    """
    shares, best = [], []
    for right, wrong in asked:
        before, after = first(found, right), first(found, wrong)
        if before:
            shares.append(len(set(before) & set(after)) / len(before))
            best.append(before[0] in after)
    return {"kept": float(np.mean(shares)), "best kept": float(np.mean(best)), "queries": len(shares)}


def changed(found: Searcher, queries: list[str]) -> dict[str, float]:
    """Return how many right queries are corrected or asked after, and what it takes to understand one, in ms."""
    understand = found.understanding.understand
    started = perf_counter()
    read = [understand(query) for query in queries]
    seconds = perf_counter() - started
    return {
        "corrected": sum(one.corrected is not None for one in read),
        "asked after": sum(one.did_you_mean is not None for one in read),
        "queries": len(queries),
        "ms": 1000 * seconds / max(len(queries), 1),
    }


def _right(found: Searcher, lines: list[dict[str, Any]]) -> dict[str, list[str]]:
    names = [name.text for name in found.archive.knowledge.names]
    sets = {
        "own titles": [line["title"] for line in lines],
        "own tags": sorted({tag for line in lines for tag in line.get("tags", ())}),
        "own names": names,
        "own names in lower case": [name.lower() for name in names],
    }
    if common.DATA.is_dir():
        articles = common.articles("vietnews", _OTHERS)
        with gzip.open(common.DATA / "vims" / "queries.jsonl.gz", "rt", encoding="utf-8") as queries:
            sets["other papers' tags"] = [json.loads(line)["text"] for line in queries]
        sets["other papers' titles"] = [article.title for article in articles]
        sets["their beginnings, two to four words"] = [
            " ".join(article.title.split()[: 2 + at % 3]).lower() for at, article in enumerate(articles)
        ]
    return sets


def main() -> None:
    """Run and save."""
    archive = Path(str(resources.files("indexer") / "sample" / "articles.jsonl"))
    lines = [json.loads(line) for line in archive.read_text(encoding="utf-8").splitlines()]
    random = Random(common.SEED)
    texts = sorted({text for line in lines for text in (line["title"], *line.get("tags", ()))})
    asked = []
    for words in (piece for text in texts for piece in pieces(text)):
        if (wrong := miswritten(words, random)) is not None:
            asked.append((" ".join(words), " ".join(wrong)))
    with common.scratch() as directory:
        found = searcher(directory, archive)
        corrected = kept(found, asked)
        with uncorrected():
            as_typed = kept(found, asked)
        right = {name: changed(found, queries) for name, queries in _right(found, lines).items()}
    rows = {"corrected": corrected, "as typed": as_typed}
    common.save("slips", {"rows": rows, "right": right, "encoder": encoder().identity.precision})


if __name__ == "__main__":
    main()
