"""Search as readers type it: meaning, words and both; each part taken out; diacritics restored; the time it takes.

Known item: titles as queries against articles whose own title is withheld. Where settings were chosen, they were
chosen on the queries of even number; both halves are reported. Built archives are kept in LIENQUAN_BENCH_HOMES, if
that is set.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from benchmarks.quality import encoder, searcher
from indexer import metrics
from indexer.archive import Archive
from indexer.articles.prepared import PreparedArticle
from indexer.building.embedding import embed
from indexer.index.lexical import TantivyWriter
from indexer.index.lexical_query import ArticleTokens
from indexer.language.knowledge import KnowledgeWriter
from indexer.language.lexicon import phrases
from indexer.language.restoration import Language, LanguageWriter
from indexer.metrics import Qrels
from indexer.text import syllables
from models import languages
from models.encoder import Vectors
from service.options import Options
from service.query import restoration, understanding
from service.query.alternatives import Alternatives
from service.query.known_words import PairsInLanguage
from service.ranking import fusion
from service.schemas import SearchParams
from service.searcher import Searcher
from service.settings import Settings

MODES = ("dense", "lexical", "hybrid")
_STEP = 3
_HELD = 1000

Scores = NDArray[np.float64]


class Remembering:
    """An encoder that remembers queries, so that every way of searching can be tried, and how long it took."""

    def __init__(self) -> None:
        self.identity = encoder().identity
        self.seconds = 0.0
        self._ask = lru_cache(maxsize=None)(lambda text: encoder().encode_queries([text]))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of queries, (n, dim) float32."""
        started = perf_counter()
        found: Vectors = np.concatenate([self._ask(text) for text in texts])
        self.seconds += perf_counter() - started
        return found

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of documents, (n, dim) float32."""
        return encoder().encode_documents(texts)


def searching(archive: Archive, remembering: Remembering) -> Searcher:
    """Return a searcher as it is served that has not been asked anything."""
    return Searcher(archive, lambda: remembering, Options.of(Settings()))


def known_item(directory: Path) -> None:
    """Make the known-item archive and its queries."""
    subprocess.run([sys.executable, str(common.DATA / "known_item.py"), str(directory)], check=True)


def queries(path: Path) -> list[tuple[str, str]]:
    """Return ids and texts of a packed file of queries."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [(line["id"], line["text"]) for line in map(json.loads, lines)]


def retyped(kind: str, given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return queries as a reader types them in a hurry."""
    sys.path.insert(0, str(common.DATA))
    import typed  # type: ignore[import-not-found]

    return [(name, typed.retype(kind, text, name)) for name, text in given]


def measured(
    found: Searcher, given: list[tuple[str, str]], qrels: Qrels, mode: str | None = None, step: int = 1
) -> Scores:
    """Return nDCG@10 of every `step`-th judged query: as it is served, or of a mode of the engine alone."""
    asked = {} if mode is None else {"ranking": "similarity", "mode": mode}
    scores = []
    for name, text in [row for row in given if row[0] in qrels][::step]:
        params = SearchParams.model_validate({"q": text, "limit": 10, **asked})
        scores.append(metrics.ndcg([hit.article.id for hit in found.search(params).hits], qrels[name], 10))
    return np.array(scores)


def row(label: str, found: Searcher, given: list[tuple[str, str]], qrels: Qrels) -> dict[str, Any]:
    """Measure one set of queries in every mode."""
    by_mode = {mode: measured(found, given, qrels, mode) for mode in MODES}
    best = max(MODES[:2], key=lambda mode: float(by_mode[mode].mean()))
    gain = by_mode["hybrid"] - by_mode[best]
    halves = [float(by_mode["hybrid"][half::2].mean()) for half in (0, 1)]
    return {
        "set": label,
        "served": float(measured(found, given, qrels).mean()),
        **{mode: float(scores.mean()) for mode, scores in by_mode.items()},
        "halves": halves,
        "best": best,
        "gain": float(gain.mean()),
        "interval": common.interval(gain),
        "queries": len(gain),
    }


def _without(module: object, name: str, value: Any) -> AbstractContextManager[Any]:
    return patch.object(module, name, value)


@contextmanager
def _all(*parts: AbstractContextManager[Any]) -> Iterator[None]:
    with ExitStack() as entered:
        for part in parts:
            entered.enter_context(part)
        yield


ABLATIONS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "everything": nullcontext,
    "no restoration": lambda: _without(understanding, "restore", _as_typed),
    "English not moved": lambda: _without(languages, "_SHARE", 0.0),
    "no glossary": lambda: _without(understanding, "glosses", lambda words, spellings, taken: []),
    "no repair of slips": lambda: _without(understanding, "restore", _slips_kept),
    "no folded field": lambda: _without(understanding, "_FOLDED_WEIGHT", 1e-9),
    "no title field": lambda: _without(understanding, "_TITLE_WEIGHT", 1e-9),
    "no pairs of syllables": lambda: _all(
        _without(understanding, "tokens", lambda words: [w for w in words if w]),
        _without(understanding, "word_pairs", lambda run: []),
    ),
    "no abbreviations, renamings": lambda: _without(Alternatives, "find", lambda *args: []),
    "no feedback for short queries": lambda: _without(fusion, "FEEDBACK_WEIGHT", 0.0),
    "one weight for all lengths": lambda: _without(fusion, "word_weight", lambda count: fusion.LONG_WEIGHT),
    "words weigh without evidence": lambda: _without(fusion, "evidence", lambda share: 1.0),
    "RRF (k = 60) in place of spreads": lambda: _scaled(_rrf),
    "min-max in place of spreads": lambda: _scaled(_min_max),
}


def _scaled(fuse: Callable[..., Scores]) -> AbstractContextManager[Any]:
    """Fuse on another scale than that of z-scores, on which feedback would be added."""
    return _all(_without(fusion, "fuse", fuse), _without(fusion, "FEEDBACK_WEIGHT", 0.0))


def _as_typed(language: Language, typed: Sequence[str], *args: Any) -> restoration.RestoredQuery:
    foreign = restoration.restore(language, typed, *args).foreign
    return restoration.RestoredQuery(list(typed), list(typed), [False] * len(typed), foreign)


def _slips_kept(
    language: Language,
    typed: Sequence[str],
    fixed: Collection[int],
    choices: object,
    known: PairsInLanguage | None,
) -> restoration.RestoredQuery:
    with _without(restoration, "_slipped", lambda *args: []):
        return restoration.restore(language, typed, fixed, known=known)  # not from the candidates that are remembered


def _rrf(dense: Scores | None, lexical: Scores | None, weight: float) -> Scores:
    ranks = [np.argsort(np.argsort(-part)) for part in (dense, lexical) if part is not None]
    return np.asarray(np.sum([1 / (60.0 + rank) for rank in ranks], axis=0))


def _min_max(dense: Scores | None, lexical: Scores | None, weight: float) -> Scores:
    parts = [part for part in (dense, lexical) if part is not None]
    scaled = [(part - part.min()) / max(float(np.ptp(part)), 1e-9) for part in parts]
    return np.asarray(np.sum(scaled, axis=0))


def restored(directory: Path) -> Iterator[dict[str, Any]]:
    """Measure the share of syllables restored right in 1,000 titles, withheld alone or with their articles."""
    articles = sorted(common.articles("vietnews"), key=lambda article: syllables.folded(article.id[::-1]))
    held, rest = articles[:_HELD], articles[_HELD:]
    for size in (20_000, 2_000, 150):
        for own in (True, False):
            if own and size <= _HELD:
                continue
            others = rest[: size - _HELD if own else size]
            language = _language(directory / f"{size}-{own}", [(held if own else []), others])
            right = total = 0
            for article in held:
                meant = [syllables.spelt(word) for word in syllables.stream(article.title)]
                read = restoration.restore(language, [syllables.folded(word) for word in meant]).words
                right += sum(a == b for a, b in zip(meant, read, strict=True) if a)
                total += sum(map(bool, meant))
            yield {"articles": (_HELD if own else 0) + len(others), "own": own, "right": right / total}


def _language(directory: Path, given: list[Any]) -> Language:
    writer = LanguageWriter()
    for phrase in phrases():
        writer.add(syllables.stream(phrase))
    for number, articles in enumerate(given):
        for article in articles:
            parts = (
                [article.lead, article.plain_body] if number == 0 else [article.title, article.lead, article.plain_body]
            )
            writer.add(syllables.stream("\n".join(part for part in parts if part)))
    writer.write(directory)
    return Language(directory)


def server_time(found: Searcher, remembering: Remembering, given: list[tuple[str, str]]) -> dict[str, float]:
    """Return p50 and p95 of a search less its encoding, in milliseconds, each query once, after a warm-up."""
    times = []
    for _, text in given[:1200]:
        remembering.seconds, started = 0.0, perf_counter()
        found.search(SearchParams(q=text))
        times.append((perf_counter() - started - remembering.seconds) * 1000)
    p50, p95 = np.percentile(times[200:], [50, 95])
    return {"p50_ms": float(p50), "p95_ms": float(p95)}


def index_share(directory: Path) -> float:
    """Return the time that words and language add to indexing an article, of the time that encoding it takes."""
    articles = common.articles("vietnews", 2000)
    started = perf_counter()
    words, learnt = TantivyWriter(directory / "words"), KnowledgeWriter(datetime.now(UTC))
    for number, article in enumerate(articles):
        prepared = PreparedArticle.of(article)
        words.add(prepared, ArticleTokens.of(prepared))
        learnt.add(number, prepared)
    words.close()
    learnt.write(directory / "learnt", directory)
    added = (perf_counter() - started) / len(articles)
    some = [article.views for article in articles[::20]]
    started = perf_counter()
    embed(encoder(), some)
    return added / ((perf_counter() - started) / len(some))


def unrelated(found: Searcher, given: list[tuple[str, str]]) -> float:
    """Return the share of queries that no strong match is found for."""
    return float(np.mean([found.search(SearchParams(q=text)).strong == 0 for _, text in given[::12]]))


KINDS = ("plain", "unaccented", "half", "typo")
Judged = tuple[str, Searcher, list[tuple[str, str]], Qrels]


def judged(homes: Path, directory: Path, remembering: Remembering) -> list[Judged]:
    """Return every set of queries with its archive and its judgements."""

    def opened(name: str, *sources: Path) -> Searcher:
        return searching(searcher(homes / name, *sources).archive, remembering)

    data = common.DATA
    known = opened("known", directory / "archive.jsonl.gz")
    vims = opened("vims", data / "vims/articles.jsonl.gz")
    wiki = opened("xquad", data / "xquad_vi/corpus.jsonl.gz", data / "vietnews/articles.jsonl.gz")
    titles = metrics.read_qrels(directory / "qrels.tsv")
    tags, questions = (metrics.read_qrels(data / name / "qrels.tsv") for name in ("vims", "xquad_vi"))
    typed = queries(data / "vims/queries.jsonl.gz")
    sets = [(f"known item, {kind}", known, queries(directory / f"queries.{kind}.jsonl.gz"), titles) for kind in KINDS]
    sets += [(f"`vims` tags, {kind}", vims, retyped(kind, typed), tags) for kind in KINDS]
    for language, file in (("Vietnamese", "queries"), ("English", "queries_en")):
        sets.append((f"`xquad_vi`, {language}", wiki, queries(data / f"xquad_vi/{file}.jsonl.gz"), questions))
    return sets


def ablated(sets: Sequence[Judged], remembering: Remembering) -> Iterator[dict[str, Any]]:
    """Measure both together with each part taken out, on every third query; nothing is kept from one to the next."""
    for label, taken_out in ABLATIONS.items():
        with taken_out():
            scores = [
                float(measured(searching(found.archive, remembering), given, qrels, "hybrid", _STEP).mean())
                for _, found, given, qrels in sets
            ]
        yield {"part": label, "scores": scores}


def main() -> None:
    """Run and save."""
    common.one_thread()
    remembering = Remembering()
    with common.homes() as homes, common.scratch() as directory:
        share = index_share(directory)  # first: in a process that holds archives Python is slower
        known_item(directory)
        sets = judged(homes, directory, remembering)
        (_, known, titles, _), (_, wiki, asked, _) = sets[0], sets[8]
        time = server_time(wiki, remembering, titles) | {"index_share": share}
        rows = [row(*given) for given in sets]
        chosen = [sets[at] for at in (0, 1, 3, 4, 8, 9)]
        result = {
            "rows": rows,
            "ablations": list(ablated(chosen, remembering)),
            "columns": [label for label, *_ in chosen],
            "restored": list(restored(directory)),
            "time": time,
            "empty": {
                "questions on other matters": unrelated(known, asked),
                "titles that have an article": unrelated(known, titles),
            },
            "articles": 20_240,
            "encoder": encoder().identity.precision,
        }
    common.save("search", result)


if __name__ == "__main__":
    main()
