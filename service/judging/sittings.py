"""Judging lists: judges grade the pooled articles without seeing their lists; then the lists are scored.

Knows nothing of Flask, files or the page's text. Lists are ordered by similarity alone (`ranking=similarity`), as
`lienquan evaluate` measures them, except the related list that readers get.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer import metrics
from indexer.articles.article import Article
from indexer.articles.summaries import Summary
from service.errors import NotFound, NotReady
from service.hits import Hit
from service.judging.judgements import TOP_GRADE, Judgement, JudgementKind, JudgementStore, MergeMode, merged
from service.judging.side_by_side import MODES
from service.schemas import QueryText, RelatedBody, SearchParams, Seed
from service.searcher import Searcher

DEPTH = 10
"""The depth to which each list is judged and nDCG is measured."""

PAGE = 25
"""The number of judged queries measured for one page; each takes three searches."""

LISTS: Mapping[JudgementKind, Sequence[str]] = {"search": MODES, "related": ("similarity", "relevance")}


class Subject(BaseModel):
    """The subject of a sitting: the answer to a query, or an article's related list.

    :param since: When the sitting began, in seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: QueryText | None = None
    article: Annotated[str, Field(max_length=128)] | None = None
    since: Annotated[float, Field(ge=0, le=1e11)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Subject:
        if (self.q is None) == (self.article is None):
            raise ValueError("q: expected a query, or instead of it article, the id of one")
        return self

    @property
    def kind(self) -> JudgementKind:
        """Return the kind of list that is judged."""
        return "search" if self.article is None else "related"

    @property
    def query(self) -> str:
        """Return the query's text, or the article's id."""
        return self.q or self.article or ""


class GivenGrade(Subject):
    """The data of a form: a grade for an article, or the withdrawal of the last one."""

    id: Annotated[str, Field(max_length=128)] = ""
    grade: Annotated[int, Field(ge=0, le=TOP_GRADE)] | None = None
    do: Literal["judge", "undo"] = "judge"

    @model_validator(mode="after")
    def _whole(self) -> GivenGrade:
        judged = self.do == "judge"
        if (self.grade is not None, bool(self.id)) != (judged, judged):
            raise ValueError(f"grade: expected 0 to {TOP_GRADE} and the id of an article, or do=undo and neither")
        return self

    def subject(self) -> dict[str, object]:
        """Return the parameters of the page that the form is on."""
        return {name: value for name in Subject.model_fields if (value := getattr(self, name)) is not None}


class Score(NamedTuple):
    """The score of a list by judgements.

    :param ndcg: nDCG@10, where an article without judgement counts as not relevant; None if no article is known to be
        relevant.
    :param judged: The share of its first ten articles that was judged.
    """

    ndcg: float | None
    judged: float


@dataclass(frozen=True)
class JudgedArticle:
    """An article to be judged, and the judge's own grade."""

    article: Article | Summary
    grade: int | None


@dataclass(frozen=True)
class Sitting:
    """The content of a sitting's page.

    :param seed: The article whose related list is judged.
    :param before: The score of each list when the sitting began.
    :param unlisted: The number of judged articles that are in no list now.
    """

    items: Sequence[JudgedArticle]
    seed: Article | None
    before: Mapping[str, Score]
    now: Mapping[str, Score]
    unlisted: int

    @property
    def done(self) -> int:
        """Return the number of articles that the judge has graded."""
        return sum(item.grade is not None for item in self.items)

    @property
    def next(self) -> int:
        """Return the place, from 1, of the first article without the judge's grade, or of the last article."""
        return next((at for at, item in enumerate(self.items, 1) if item.grade is None), len(self.items))


def take(searcher: Searcher, store: JudgementStore, given: GivenGrade, judge: str) -> None:
    """Store the judgement of a form.

    :raises NotFound: if an article is not a public one.
    :raises CannotWrite: if it cannot be written.
    """
    query = given.query if given.kind == "search" else searcher.article(given.query).id
    if given.grade is None:
        store.take_back(given.kind, query, judge)
    else:
        store.give(given.kind, query, searcher.article(given.id).id, judge, given.grade)


def sitting(searcher: Searcher, store: JudgementStore, subject: Subject, judge: str, since: float) -> Sitting:
    """Return the articles to judge, and the scores of the lists.

    :raises NotFound: if the article is not a public one.
    :raises NotReady: if nothing can be searched, or the judgements cannot be read.
    """
    seed = searcher.article(subject.query) if subject.kind == "related" else None
    query = seed.id if seed else subject.query
    lists = listed(searcher, subject.kind, query)
    held = store.of(subject.kind, query)
    own = {one.article: one.grade for one in held if one.judge == judge}
    pool = pooled(query, lists)
    ids = {name: [hit.article.id for hit in hits] for name, hits in lists.items()}
    return Sitting(
        items=[JudgedArticle(article, own.get(article.id)) for article in pool],
        seed=seed,
        before=scores(ids, store.of(subject.kind, query, since)),
        now=scores(ids, held),
        unlisted=len({one.article for one in held} - {article.id for article in pool}),
    )


def listed(searcher: Searcher, kind: JudgementKind, query: str) -> dict[str, Sequence[Hit]]:
    """Return the first hits of each list. A list that needs the encoder is left out while that fails."""
    found: dict[str, Sequence[Hit]] = {}
    for name in LISTS[kind]:
        try:
            found[name] = _hits(searcher, kind, query, name)
        except NotReady:
            if name != "dense":
                raise
    return found


def _hits(searcher: Searcher, kind: JudgementKind, query: str, name: str) -> Sequence[Hit]:
    if kind == "search":
        asked = {"q": query, "limit": DEPTH, "ranking": "similarity", "mode": name}
        return searcher.search(SearchParams.model_validate(asked)).hits
    body = {"seed": Seed(ids=[query]), "limit": DEPTH, "ranking": name}
    return searcher.related(RelatedBody.model_validate(body)).hits


def pooled(query: str, lists: Mapping[str, Sequence[Hit]]) -> list[Article | Summary]:
    """Return each article of the lists once, in an order that is independent of the lists and always the same."""
    articles = {hit.article.id: hit.article for hits in lists.values() for hit in hits}

    def drawn(article_id: str) -> bytes:
        return hashlib.sha256(f"{query}\0{article_id}".encode()).digest()

    return [articles[article_id] for article_id in sorted(articles, key=drawn)]


def scores(lists: Mapping[str, Sequence[str]], judgements: Sequence[Judgement]) -> dict[str, Score]:
    """Return the score of each list of article ids, by judgements on one query."""
    grades = next(iter(merged(judgements).values()), {})
    known = any(grade > 0 for grade in grades.values())
    return {
        name: Score(
            metrics.ndcg(ranked, grades, DEPTH) if known else None,
            sum(article in grades for article in ranked[:DEPTH]) / max(len(ranked[:DEPTH]), 1),
        )
        for name, ranked in lists.items()
    }


class Listing(BaseModel):
    """A request for judged queries.

    :param by: How several people's grades are merged, in a download.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: JudgementKind = "search"
    by: MergeMode = "majority"
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


@dataclass(frozen=True)
class JudgedQuery:
    """A judged query.

    :param title: The article's title if a related list was judged, else the query itself.
    :param articles: The number of judged articles.
    :param last: The time of the last judgement, in seconds since 1970.
    :param scores: The score of each list; none if the article is no longer public.
    """

    query: str
    title: str
    articles: int
    judges: Sequence[str]
    last: float
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class JudgedOverview:
    """Judged queries, the latest first.

    :param rows: The measured queries of one page.
    :param means: The mean nDCG of each list over the queries with a relevant article.
    :param measured: The number of these queries.
    :param judges: The number of judgements of each person.
    :param total: The number of queries on all pages.
    """

    rows: Sequence[JudgedQuery]
    means: Mapping[str, float]
    measured: int
    judges: Mapping[str, int]
    total: int


def overview(searcher: Searcher, store: JudgementStore, kind: JudgementKind, offset: int = 0) -> JudgedOverview:
    """Return a page of the judged queries, each measured by its current answer.

    :raises NotReady: if nothing can be searched, or the judgements cannot be read.
    """
    held: dict[str, list[Judgement]] = {}
    judges: dict[str, int] = {}
    for one in store.of(kind):
        held.setdefault(one.query, []).append(one)
        judges[one.judge] = judges.get(one.judge, 0) + 1
    latest = sorted(held, key=lambda query: -held[query][-1].given)
    rows = [_row(searcher, kind, query, held[query]) for query in latest[offset : offset + PAGE]]
    known = [row for row in rows if row.scores and all(score.ndcg is not None for score in row.scores.values())]
    means = {
        name: math.fsum(row.scores[name].ndcg or 0.0 for row in known) / len(known)
        for name in LISTS[kind]
        if known and all(name in row.scores for row in known)
    }
    return JudgedOverview(rows, means, len(known), judges, len(latest))


def _row(searcher: Searcher, kind: JudgementKind, query: str, held: Sequence[Judgement]) -> JudgedQuery:
    title, ids = query, dict[str, list[str]]()
    try:
        title = searcher.article(query).title if kind == "related" else query
        ids = {name: [hit.article.id for hit in hits] for name, hits in listed(searcher, kind, query).items()}
    except NotFound:
        pass  # it is no longer public
    judges = list(dict.fromkeys(one.judge for one in held))
    return JudgedQuery(query, title, len({one.article for one in held}), judges, held[-1].given, scores(ids, held))
