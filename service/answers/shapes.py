"""The answers, as pydantic models from which the OpenAPI document is made. Knows nothing of how they are found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

MAX_FACET = 20

_Html = Annotated[str, Field(description="Escaped HTML; its only element is `mark`")]
_Counts = Annotated[list["Count"], Field(max_length=MAX_FACET)]


class HitOut(BaseModel):
    """One article of an answer."""

    id: str
    title: str
    url: str | None
    lead: str | None
    section: str | None
    author: str | None
    source: str | None
    published_at: datetime | None
    image_url: str | None
    score: Annotated[
        float, Field(description="What the list is ordered by, unless it is sorted by date; higher is better")
    ]
    relevance: Annotated[float, Field(ge=0, le=1, description="The calibrated probability that the hit is relevant")]
    similarity: Annotated[
        float | None,
        Field(description="Cosine to the query as it was read, or to the seeds; null if no vectors were compared"),
    ]
    reasons: list[str]


class HitList(BaseModel):
    """What the answers of search and related have in common."""

    snapshot: Annotated[str, Field(description="Opaque; it changes whenever answers may change")]
    took_ms: float
    total: Annotated[int, Field(description="The number of hits on all pages; paging reaches the first 1,000")]
    total_relation: Annotated[
        Literal["eq", "gte"], Field(description="`eq`: total is exact; `gte`: there may be more hits")
    ]
    degraded: Annotated[
        Sequence[Literal["encoder", "reranker"]],
        Field(
            description="The parts that failed: without the `encoder` the search is by words alone; without the "
            "`reranker` hits keep their order before reranking"
        ),
    ]
    hits: Sequence[HitOut]


class WrittenOut(BaseModel):
    """What became of a put."""

    applied: Annotated[bool, Field(description="False if the stored article is newer")]


class FaultOut(BaseModel):
    """One fault of a request, or of a line of one."""

    field: Annotated[str, Field(description="The parameter, header or field; within a body a dotted path")]
    value: Annotated[str, Field(description="What was received, shortened")]
    expected: str


class BulkLineOut(BaseModel):
    """What became of one line of a bulk, as its own request would have been answered."""

    op: Literal["put", "delete"] | None
    id: str | None
    status: Literal[200, 201, 204, 400, 403, 409, 429]
    applied: bool
    errors: list[FaultOut] = []


class NumbersOut(BaseModel):
    """Every number behind a related hit; `score` is relevance × freshness × boost.

    Of near-duplicates, spreads and relevance are those of the nearest, cosine and terms those of the one shown.
    """

    cosine: Annotated[float, Field(description="The cosine of the raw vectors to the seeds")]
    terms: Annotated[float, Field(description="The cosine of the term vectors to the seeds")]
    spreads: Annotated[
        float, Field(description="Both fused as a z-score: standard deviations above unrelated articles")
    ]
    relevance: float
    freshness: float
    boost: float
    repeated: Annotated[float, Field(description="How similar it is to the hits before it, 0 to 1")]
    rules: Annotated[Sequence[str], Field(description="The editors' rules that changed its score or place")]


class RelatedHitOut(HitOut):
    """One related article; its reasons are sentences, or the name of the fallback that brought it in."""

    copies: Annotated[int, Field(ge=0, description="The number of its near-duplicates that are not shown")]
    explanation: Annotated[NumbersOut | None, Field(description="With explain=true")]


class MissingOut(BaseModel):
    """A pin that is not shown."""

    rule: str
    article: str
    reason: Literal["no such article", "not public", "filtered out", "blocked"]


class PublishedOut(BaseModel):
    """An article that is a published reading of the draft."""

    id: str
    title: str
    url: str | None


class FateOut(BaseModel):
    """What became of the article named by explain_id."""

    step: Annotated[str, Field(description="The step at which it left the list; `listed` if it did not")]
    detail: str
    explanation: NumbersOut | None = None


class RelatedList(HitList):
    """The answer of related."""

    hits: Sequence[RelatedHitOut]
    missing_pins: Annotated[Sequence[MissingOut], Field(description="Pinned articles that cannot be shown")]
    already_published: Annotated[
        Sequence[PublishedOut], Field(description="Published articles that are probably the draft itself")
    ]
    explained: Annotated[FateOut | None, Field(description="With explain_id")]


class CountedList(RelatedList):
    """The answer of related of a published article."""

    token: Annotated[
        str | None,
        Field(
            alias="list", description="Opaque; there only if clicks are counted: it names this list at /api/v1/clicks"
        ),
    ] = None


class BatchHitOut(BaseModel):
    """One related article in a batch's answer; its title and address are with whoever asks."""

    id: str
    score: float
    relevance: float
    similarity: float | None = None
    reasons: list[str]
    explanation: Annotated[NumbersOut | None, Field(description="With explain=true")] = None


class BatchListOut(BaseModel):
    """One line of a batch's answer: the list of an article, or why there is none."""

    id: str
    hits: Sequence[BatchHitOut] | None = None
    error: str | None = None
    explained: Annotated[FateOut | None, Field(description="With explain_id")] = None


class HighlightsOut(BaseModel):
    """The title and a passage of an article, what was looked for marked."""

    title: _Html
    text: _Html


class SearchHitOut(HitOut):
    """One article that a search found."""

    copies: Annotated[int, Field(ge=0, description="The number of articles of the same text that are not shown")]
    highlights: HighlightsOut


class ExpansionOut(BaseModel):
    """What stands in for a part of the query as well."""

    kind: Literal["abbreviation", "renamed", "synonym", "thesaurus", "translation"]
    typed: str
    also: str


class QueryOut(BaseModel):
    """How the query was understood."""

    text: Annotated[str, Field(description="The query as typed, without needless blanks")]
    restored: Annotated[
        str | None, Field(description="The query as read, with diacritics restored; null if nothing was restored")
    ]
    corrected: Annotated[
        str | None,
        Field(
            description="The query with misspellings corrected, which is searched for beside what was typed; null if "
            "nothing was corrected"
        ),
    ]
    did_you_mean: Annotated[
        str | None,
        Field(description="A correction too uncertain to be searched for without asking; null if there is none"),
    ]
    expansions: list[ExpansionOut]
    relaxed: Annotated[
        Sequence[Literal["phrase", "exclusion"]],
        Field(description="The parts of the query that were ignored because they left no hit"),
    ]


class Count(BaseModel):
    """How many hits there would be with a value: the total of the search that is filtered by it."""

    value: str
    count: int


class Facets(BaseModel):
    """How many hits there would be with each value, the commonest first, in place of those chosen of the same field."""

    section: _Counts
    source: _Counts
    author: _Counts
    tag: _Counts


class SearchList(HitList):
    """The answer of search."""

    hits: Sequence[SearchHitOut]
    strong: Annotated[
        int,
        Field(ge=0, description="The number of strong matches on all pages; they are the first hits by relevance"),
    ]
    query: Annotated[QueryOut | None, Field(description="Null if nothing was typed")]
    facets: Facets


class SuggestionOut(BaseModel):
    """What a reader may be about to type."""

    text: str
    kind: Literal["title", "name", "tag", "section", "abbreviation"]
    id: Annotated[str | None, Field(description="The id of the article whose title the suggestion is")]


class SuggestionList(BaseModel):
    """The answer of suggest, likeliest first."""

    suggestions: list[SuggestionOut]


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """The service answers, and how well."""

    status: Literal["ready"]
    snapshot: str
    articles: Annotated[int, Field(ge=0, description="The number of articles that are public now")]
    encoder: str
    problem: Annotated[
        str | None, Field(description="Why the newest snapshot is not served, or why none is being built")
    ]
    degraded: Annotated[str | None, Field(description="Why the encoder or the reranker does not answer")]


class OpenApi(BaseModel):
    """An OpenAPI document."""

    openapi: Literal["3.1.0"]
    info: dict[str, Any]
    paths: dict[str, Any]


class Problem(BaseModel):
    """What is answered instead of a result, by RFC 9457."""

    type: Annotated[Literal["about:blank"], Field(description="The status says all of it")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="One sentence for whoever made the request")]
    errors: Annotated[
        list[FaultOut], Field(description="One entry for each wrong field; empty if the fault is not the request's")
    ]
