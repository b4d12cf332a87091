"""Related articles: how good the lists are, what drafts lose, how long one takes, and what the defaults make of news.

How shared words weigh beside meaning is chosen by five-fold cross-validation over the topics of `loose`: on four folds,
measured on the fifth. Built archives are kept in LIENQUAN_BENCH_HOMES, if that is set.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from benchmarks.quality import encoder, searcher
from indexer import metrics
from indexer.articles.article import VIETNAM
from indexer.metrics import Qrels
from service import evaluation
from service.options import Options
from service.ranking import fusion
from service.ranking.freshness import FADINGS
from service.related import pool
from service.related.seeds import resolve
from service.schemas import Draft, RelatedBody, Seed
from service.searcher import Searcher
from service.settings import Settings

WEIGHTS, SCALES = (2.0, 4.0, 6.0, 8.0, 10.0, 14.0, 20.0), (0.025, 0.05, 0.1, 0.2)
FOLDS = 5
NOW = datetime(2026, 4, 16, tzinfo=VIETNAM)
_DEPTH = 50
_SEEDS = 200

Scores = NDArray[np.float64]


class Found(NamedTuple):
    """What is known of the candidates of one judged article.

    :param ids: (n,) of the candidates.
    :param dense: (n,) z-scores of their cosines above the background.
    :param terms: (n,) cosines of their term vectors.
    """

    ids: list[str]
    dense: Scores
    terms: Scores

    def ndcg(self, grades: dict[str, float], weight: float, scale: float) -> float:
        """Return nDCG@10 of the list that a weight of shared words makes."""
        order = np.argsort(-(self.dense + weight * np.log1p(self.terms / scale)), kind="stable")[:10]
        return metrics.ndcg([self.ids[at] for at in order], grades, 10)


def candidates(found: Searcher, qrels: Qrels) -> dict[str, Found]:
    """Return the candidates of every judged article."""
    archive, public = found.archive, found.public()
    names = [article.id for article in archive.articles(np.arange(archive.count))]
    result = {}
    for query in qrels:
        seeds = resolve(archive, encoder, Seed(ids=[query]), public)
        allowed = public.copy()
        allowed[list(seeds.rows)] = False
        rows, terms, _ = pool.near(archive, seeds, allowed, 10)
        mean, std = seeds.unrelated
        dense = (archive.similarities(seeds.vector, rows).astype(np.float64) - mean) / std
        result[query] = Found([names[row] for row in rows], dense, terms)
    return result


@cache
def clusters(name: str) -> dict[str, str]:
    """Return the topic or event of each article of a set."""
    with gzip.open(common.DATA / name / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        return {line["id"]: str(line["cluster"]) for line in map(json.loads, lines)}


def validated(found: dict[str, Found], qrels: Qrels, topics: dict[str, str]) -> Scores:
    """Return nDCG@10 of every judged article, its weights chosen on the topics of the other folds."""
    queries = list(found)
    table = {
        setting: np.array([found[query].ndcg(qrels[query], *setting) for query in queries])
        for setting in product(WEIGHTS, SCALES)
    }
    names = sorted(set(topics.values()))
    shuffled = np.random.default_rng(common.SEED).permutation(len(names))
    fold = {names[at]: number % FOLDS for number, at in enumerate(shuffled)}
    folds = np.array([fold[topics[query]] for query in queries])
    scores = np.zeros(len(queries))
    for number in range(FOLDS):
        held = folds == number
        best = max(table, key=lambda setting: float(table[setting][~held].mean()))
        scores[held] = table[best][held]
    return scores


def quality(label: str, name: str, found: Searcher) -> dict[str, Any]:
    """Measure one set: meaning alone, shared words alone, both as they are set, both with weights held out."""
    qrels = common.related_qrels(name)
    near = candidates(found, qrels)

    def mean(weight: float, scale: float = fusion.TERMS_SCALE) -> Scores:
        return np.array([near[query].ndcg(qrels[query], weight, scale) for query in near])

    both, dense = mean(fusion.TERMS_WEIGHT), mean(0.0)
    row = {"set": label, "dense": float(dense.mean()), "terms": float(mean(1e9).mean()), "both": float(both.mean())}
    held = validated(near, qrels, clusters(name))
    gain = held - dense
    row |= {"held_out": float(held.mean()), "gain": float(gain.mean()), "interval": common.interval(gain)}
    return row | {"queries": len(both)}


def drafts(found: Searcher, name: str) -> dict[str, float]:
    """Measure drafts: the title alone by what was judged; a changed title with the start of the body by overlap."""
    qrels = common.related_qrels(name)
    titled = evaluation.evaluate_related(found, qrels, "similarity", draft="title").measures["ndcg@10"]
    overlaps = []
    for query in list(qrels)[::3]:
        article = found.article(query)
        body = article.plain_body or ""
        words = article.title.split()
        draft = Draft(title=" ".join([*words[1:], words[0]]), lead=article.lead, body=body[: int(0.6 * len(body))])
        own, of_draft = (
            [hit.article.id for hit in found.related(RelatedBody(seed=seed, exclude_ids=[query], limit=5)).hits]
            for seed in (Seed(ids=[query]), Seed(article=draft))
        )
        overlaps.append(len(set(own) & set(of_draft)) / max(len(own), 1))
    return {"title_ndcg": titled, "overlap": float(np.mean(overlaps))}


def timing(found: Searcher) -> dict[str, float]:
    """Return how long one list takes by id, each id once, and all of them, one thread."""
    ids = [article.id for article in found.archive.articles(np.arange(found.archive.count))]
    order = np.random.default_rng(common.SEED).permutation(len(ids))
    bodies = [RelatedBody(seed=Seed(ids=[ids[at]]), now=NOW) for at in order]
    for body in bodies[-200:]:
        found.related(body)
    times, all_started = [], perf_counter()
    for body in bodies:
        started = perf_counter()
        found.related(body)
        times.append((perf_counter() - started) * 1000)
    p50, p95 = np.percentile(times, [50, 95])
    return {"articles": len(ids), "p50_ms": float(p50), "p95_ms": float(p95), "all_s": perf_counter() - all_started}


def news(found: Searcher) -> Iterator[dict[str, Any]]:
    """Describe the lists that the defaults make of real news, by preset of freshness."""
    rows = np.random.default_rng(common.SEED).permutation(found.archive.count)[:_SEEDS]
    articles = found.archive.articles(rows)
    for preset in FADINGS:
        ages, same, filled, hits = [], [], 0, 0
        for article in articles:
            body = RelatedBody.model_validate({"seed": Seed(ids=[article.id]), "now": NOW, "freshness": preset})
            listed = found.related(body).hits
            same += [any(reason.code == "same_event" for reason in hit.reasons) for hit in listed[:3]]
            filled += sum(hit.reasons[0].code == "same_section_newest" for hit in listed)
            hits += len(listed)
            ages += [(NOW - hit.article.published_at).days for hit in listed if hit.article.published_at]
        yield {
            "freshness": preset,
            "same_event_in_first_three": float(np.mean(same)),
            "mean_age_days": float(np.mean(ages)),
            "filled": filled / max(hits, 1),
        }


def packed(path: Path, articles: Sequence[Any]) -> Path:
    """Write articles once, for `searcher`."""
    return path if path.is_file() else common.write_archive(path, articles)


def main() -> None:
    """Run and save."""
    common.one_thread()
    data, sets = common.DATA, []
    with common.homes() as homes:
        homes.mkdir(exist_ok=True)
        crowd = packed(homes / "vietnews-6000.jsonl", common.articles("vietnews", 6000))
        vims, loose, everything = (data / f"{name}/articles.jsonl.gz" for name in ("vims", "loose", "vietnews"))
        alone = searcher(homes / "vims", vims)
        sets.append(quality("`vims`", "vims", alone))
        sets.append(quality("`vims`, 6,000 others mixed in", "vims", searcher(homes / "vims6", vims, crowd)))
        sets.append(quality("`loose`, 6,000 others mixed in", "loose", searcher(homes / "loose6", loose, crowd)))
        sets.append(quality("`loose`, 20,000 others mixed in", "loose", searcher(homes / "loose20", loose, everything)))
        drafted = drafts(alone, "vims")
        given = searcher(homes / "rss", data / "rss/items.jsonl.gz")
        fresh = Searcher(given.archive, encoder, Options.of(Settings()))
        result = {"rows": sets, "drafts": drafted, "time": timing(fresh), "news": list(news(fresh))}
    common.save("related", result | {"encoder": encoder().identity.precision, "now": NOW.astimezone(UTC).isoformat()})


if __name__ == "__main__":
    main()
