"""Fits the curves of `indexer.index.calibration` to what people judged related.

Lists of ten in archives of several sizes. Related: the judged articles of `vims` and `loose` alone and among 6,000 of
`vietnews`, with bodies and without, by the product's own fused z-scores. Brief: their titles alone, as drafts. Built
archives are kept in LIENQUAN_BENCH_HOMES, if that is set. Queries: titles against articles whose own title is
withheld, and the questions of `xquad_vi` in both languages against its passages, always among articles of `vietnews`;
the one article or passage is the relevant hit. Hits: the queries of readers of the sample archive that may be looked at
(`benchmarks.readers`), as served; relevant is what was judged so.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Collection
from dataclasses import asdict
from itertools import product
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks import common, readers
from benchmarks.quality import encoder, searcher
from indexer import metrics
from indexer.articles.columns import Mask
from indexer.building.embedding import embed
from indexer.files.arrays import Rows
from indexer.index import calibration
from indexer.index.calibration import Background, Curve, JointCurve, draw_background
from indexer.metrics import Qrels
from indexer.text.views import encoded_views
from models.encoder import Vectors
from models.remembering import QueryVectors
from service.related import pool
from service.related.seeds import resolve
from service.schemas import Draft, SearchParams, Seed
from service.search.retrieval import Retrieval, ScoredCandidates
from service.searcher import Searcher

SIZES = (100, 400, 1600, 6400)
CROWD, TITLES, SEEDS = 6400, 1000, 400
_SEED = 7


class Lists:
    """Hits of lists of ten: the archive's size, z-scores above background, and whether they were judged related."""

    def __init__(self) -> None:
        self.sizes: list[float] = []
        self.z_scores: list[float] = []
        self.related: list[bool] = []

    def add(self, queries: dict[str, Vectors], judged: dict[str, Vectors], crowd: Vectors, qrels: Qrels) -> None:
        """Hide judged articles in a crowd, in archives of every size, and list the ten nearest to each query."""
        random = np.random.default_rng(_SEED)
        for size in SIZES:
            asked = [list(queries)[at] for at in random.permutation(len(queries))[: min(SEEDS, size // 5)]]
            wanted = dict.fromkeys(
                article for query in asked for article in (query, *qrels[query]) if article in judged
            )
            ids = list(wanted)[: size // 2]
            others = crowd[random.permutation(len(crowd))[: size - len(ids)]]
            archive = np.concatenate([np.stack([judged[article] for article in ids]), others])
            sample = archive[random.permutation(len(archive))[:1000]]
            background = Background(*draw_background(sample, len(archive), encoder()))
            for query in asked:
                self._list(queries[query], archive, ids, background, qrels[query], query)

    def _list(
        self,
        query: Vectors,
        archive: Vectors,
        ids: list[str],
        background: Background,
        grades: dict[str, float],
        own: str,
    ) -> None:
        scores = archive @ query
        if own in ids:
            scores[ids.index(own)] = -1.0 if own not in grades else scores[ids.index(own)]
        best = np.argsort(-scores)[:10]
        self.z_scores += background.z_scores(query, scores[best]).tolist()
        self.related += [at < len(ids) and ids[at] in grades for at in best]
        self.sizes += [float(len(archive))] * len(best)

    def of_archive(self, found: Searcher, qrels: Qrels, brief: bool) -> None:
        """List the ten most related articles of judged ones in a built archive, of their titles alone where brief."""
        archive, public = found.archive, found.public()
        names = [article.id for article in archive.articles(np.arange(archive.count))]
        rows = {name: row for row, name in enumerate(names)}
        asked = sorted(qrels)
        for at in np.random.default_rng(_SEED).permutation(len(asked))[:SEEDS]:
            row, draft = rows[asked[at]], Draft(title=found.article(asked[at]).title)
            seeds = resolve(archive, encoder, Seed(article=draft) if brief else Seed(ids=[asked[at]]), public)
            allowed = public.copy()
            allowed[row] = False
            candidates = pool.near(archive, seeds, allowed, 10)
            near = pool.measured(archive, seeds, *candidates)
            if brief:
                near = pool.measured(archive, pool.echo(archive, seeds, near), *candidates)
            best = np.argsort(-near.z_scores)[:10]
            self.z_scores += near.z_scores[best].tolist()
            self.related += [names[row] in qrels[asked[at]] for row in near.rows[best]]
            self.sizes += [float(archive.count)] * len(best)

    def fit(self) -> Curve:
        """Return the curve of best likelihood over z-scores and the logarithm of the size, by Newton's method."""
        logs = np.log(np.array(self.sizes) / 1000)
        features = np.stack([np.array(self.z_scores), np.ones_like(logs), logs], axis=1)
        related: NDArray[np.float64] = np.array(self.related, dtype=np.float64)
        weights = likeliest(features, related)
        slope, shift, growth = weights
        return Curve(middle=float(-shift / slope), growth=float(-growth / slope), width=float(1 / slope))

    def errors(self, curve: Curve) -> list[tuple[float, float, int]]:
        """Return for each tenth of relevance its mean, the share judged related, and how many hits there are."""
        middles = curve.middle + curve.growth * np.log(np.array(self.sizes) / 1000)
        relevance = 1 / (1 + np.exp(-(np.array(self.z_scores) - middles) / curve.width))
        related = np.array(self.related)
        tenths = np.minimum((relevance * 10).astype(int), 9)
        rows = [(relevance[tenths == t], related[tenths == t]) for t in range(10)]
        return [(float(r.mean()), float(j.mean()), len(r)) for r, j in rows if len(r)]


def named(vectors: Vectors, ids: list[str]) -> dict[str, Vectors]:
    """Return the vectors by id."""
    return dict(zip(ids, vectors, strict=True))


def related(brief: bool) -> Lists:
    """Gather lists for the related articles' curve, or for that of drafts that say little."""
    lists = Lists()
    with common.homes() as homes:
        homes.mkdir(exist_ok=True)
        for name, crowd, bodies in product(("vims", "loose"), (0, 6000), (True, False)[: 1 if brief else 2]):
            given = [*common.articles(name), *common.articles("vietnews", crowd)]
            label = f"{name}{crowd // 1000 or ''}{'' if bodies else '-heads'}"
            without: dict[str, Any] = {} if bodies else {"body": None, "body_html": None}
            source = homes / f"{label}.jsonl"
            if not source.is_file():
                common.write_archive(source, [article.model_copy(update=without) for article in given])
            lists.of_archive(searcher(homes / label, source), common.related_qrels(name), brief)
    return lists


def queries(crowd: Vectors) -> Lists:
    """Gather lists for the queries' curve."""
    lists = Lists()
    given = common.articles("vietnews", TITLES)
    ids = [article.id for article in given]
    untitled = [encoded_views("", article.lead, article.plain_body) for article in given]
    titles = encoder().encode_queries([article.title for article in given])
    lists.add(named(titles, ids), named(embed(encoder(), untitled), ids), crowd[TITLES:], {i: {i: 1.0} for i in ids})
    with gzip.open(common.DATA / "xquad_vi" / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        passages = [json.loads(line) for line in lines]
    bodies = encoder().encode_documents([passage["body"][:1100] for passage in passages])
    qrels, kept = metrics.read_qrels(common.DATA / "xquad_vi" / "qrels.tsv"), QueryVectors()
    for file in ("queries.jsonl.gz", "queries_en.jsonl.gz"):
        asked = metrics.read_queries(common.DATA / "xquad_vi" / file)
        gloss = "" if file == "queries_en.jsonl.gz" else None
        vectors = named(np.stack([kept.encode(encoder(), text, gloss) for text in asked.values()]), list(asked))
        lists.add(vectors, named(bodies, [passage["id"] for passage in passages]), crowd, qrels)
    return lists


class Hits:
    """What meaning and words say of the hits of searches as they are served, and whether they were judged right."""

    def __init__(self) -> None:
        self._said: list[NDArray[np.float64]] = []
        self._right: list[NDArray[np.float64]] = []

    def add(self, found: Searcher, text: str, right: Collection[str]) -> None:
        """Search, and keep what the joint curve is asked of every article in the result set."""
        asked: list[tuple[NDArray[np.float64], ...]] = []
        rows: list[Rows] = []
        curve, scored = JointCurve.at, Retrieval.found

        def at(self: JointCurve, z_scores: Any, shares: Any, fused: Any, syllables: int) -> NDArray[np.float64]:
            length = np.full(len(z_scores), math.log(min(max(syllables, 1), calibration.LONGEST_FITTED)))
            asked.append((np.ones(len(z_scores)), z_scores, np.minimum(shares, calibration.MOST_SHARE), fused, length))
            return curve(self, z_scores, shares, fused, syllables)

        def keep(self: Retrieval, allowed: Mask) -> ScoredCandidates:
            candidates = scored(self, allowed)
            rows.append(candidates.candidates.rows)
            return candidates

        with patch.object(JointCurve, "at", at), patch.object(Retrieval, "found", keep):
            found.search(SearchParams(q=text))
        ids = [summary.id for summary in found.archive.summaries(rows[0])]
        self._said.append(np.stack(asked[0], axis=1))
        self._right.append(np.array([article in right for article in ids], dtype=np.float64))

    def fit(self) -> JointCurve:
        """Return the curve of best likelihood."""
        return JointCurve(*map(float, likeliest(np.concatenate(self._said), np.concatenate(self._right))))

    @property
    def count(self) -> int:
        """Return how many hits there are."""
        return sum(map(len, self._right))


def hits() -> Hits:
    """Gather the hits of readers' queries."""
    gathered = Hits()
    with common.scratch() as directory:
        found = searcher(directory, readers.FILES / "articles.jsonl")
        for query, right in readers.judged("look"):
            gathered.add(found, query["text"], right)
    return gathered


def likeliest(features: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of (n, m) features that make a logistic model of best likelihood, by Newton's method."""
    weights = np.zeros(features.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ weights))
        hessian = features.T @ (features * (chance * (1 - chance))[:, None])
        weights += np.linalg.solve(hessian, features.T @ (true - chance))
    return weights


def main() -> None:
    """Run and save."""
    given = common.articles("vietnews", CROWD)
    crowd = embed(encoder(), [article.views for article in given])
    result: dict[str, Any] = {}
    for name, lists in (("related", related(False)), ("brief", related(True)), ("queries", queries(crowd))):
        curve = lists.fit()
        assert math.isfinite(curve.width)
        result[name] = {**asdict(curve), "hits": len(lists.related), "reliability": lists.errors(curve)}
    joint = hits()
    result["hits"] = {**asdict(joint.fit()), "hits": joint.count}
    common.save("calibrate", result)


if __name__ == "__main__":
    main()
