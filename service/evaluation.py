"""Runs judged queries through the searcher and measures the lists. Knows nothing of Flask."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from indexer import metrics
from indexer.articles.article import Article
from indexer.metrics import Qrels
from service.errors import NotFound
from service.hits import Answer
from service.schemas import Draft, RelatedBody, SearchParams, Seed
from service.searcher import Searcher

DEPTH = 50
START = 0.6
"""The share of a body, from its beginning, that a draft contains."""

DraftKind = Literal["title", "start"]

TrecRun = dict[str, list[tuple[str, float]]]
"""Query id -> article ids with their scores, best first."""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    :param measures: Means over the queries that have a relevant article.
    :param unknown: Queries that could not be run: for `related`, ids that the archive does not have.
    """

    measures: dict[str, float]
    run: TrecRun
    unknown: list[str]


def evaluate_search(
    searcher: Searcher, queries: Mapping[str, str], qrels: Qrels, ranking: str, mode: str = "hybrid"
) -> Evaluation:
    """Search for every judged query and measure the lists.

    :raises ValueError: if a judged query has no text.
    """
    missing = sorted(set(qrels) - set(queries))
    if missing:
        raise ValueError(f"queries: {missing[0]!r} and {len(missing) - 1} others judged: expected a text for each")

    def ask(query: str) -> Answer:
        params = SearchParams.model_validate({"q": queries[query], "limit": DEPTH, "ranking": ranking, "mode": mode})
        return searcher.search(params)

    return _evaluate(ask, qrels)


def evaluate_related(searcher: Searcher, qrels: Qrels, ranking: str, draft: DraftKind | None = None) -> Evaluation:
    """Get the related articles of every judged article and measure the lists.

    :param draft: The kind of draft to use instead of the article's id: its title alone, or its title and the start of
        its body. The article itself is left out of its list.
    """

    def ask(query: str) -> Answer:
        body = {"seed": Seed(ids=[query]), "limit": DEPTH, "ranking": ranking}
        if draft is not None:
            article = searcher.article(query)
            body |= {"seed": Seed(article=draft_of(article, draft)), "exclude_ids": [article.id]}
        return searcher.related(RelatedBody.model_validate(body))

    return _evaluate(ask, qrels)


def draft_of(article: Article, kind: DraftKind) -> Draft:
    """Return a draft made from an article; its body is cut between words."""
    if kind == "title":
        return Draft(title=article.title)
    body = article.plain_body or ""
    ends = [word.end() for word in re.finditer(r"\S+", body)][: round(START * len(body.split()))]
    return Draft(title=article.title, body=body[: ends[-1]] if ends else "")


def _evaluate(ask: Callable[[str], Answer], qrels: Qrels) -> Evaluation:
    run: TrecRun = {}
    unknown = []
    for query in qrels:
        try:
            run[query] = [(hit.article.id, hit.score) for hit in ask(query).hits]
        except NotFound:
            unknown.append(query)
    lists = {query: [article for article, _ in ranked] for query, ranked in run.items()}
    return Evaluation(metrics.evaluate(lists, qrels), run, unknown)
