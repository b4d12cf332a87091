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
    score: Annotated[float, Field(description="What the list is ordered by, unless sorted by date")]
    relevance: Annotated[float, Field(ge=0, le=1, description="Calibrated for this archive")]
    similarity: Annotated[
        float | None, Field(description="Cosine, in search to the query as it was read; null where none was compared")
    ]
    reasons: list[str]


class HitList(BaseModel):
    """What the answers of search and related have in common."""

    snapshot: Annotated[str, Field(description="Opaque; changes whenever answers may")]
    took_ms: float
    total: Annotated[int, Field(description="How many hits there are; paging reaches the first 1,000")]
    total_relation: Annotated[Literal["eq", "gte"], Field(description="`gte`: there may be more than were counted")]
    degraded: Annotated[
        Sequence[Literal["encoder", "reranker"]],
        Field(
            description="What did not answer, so that the list is made without it: `encoder`, by words alone; "
            "`reranker`, in the order of the first look"
        ),
    ]
    hits: Sequence[HitOut]


class WrittenOut(BaseModel):
    """What became of a put."""

    applied: Annotated[bool, Field(description="False where what is stored is newer")]


class FaultOut(BaseModel):
    """One fault of a request, or of a line of one."""

    field: Annotated[str, Field(description="The parameter, header or field, dotted within a body")]
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

    cosine: Annotated[float, Field(description="Of the raw vectors, to the seeds")]
    terms: Annotated[float, Field(description="Cosine of the weighted words, to the seeds")]
    spreads: Annotated[float, Field(description="Both fused, in standard deviations above unrelated articles")]
    relevance: float
    freshness: float
    boost: float
    repeated: Annotated[float, Field(description="How much of the hits before it repeats, 0 to 1")]
    rules: Annotated[Sequence[str], Field(description="The editors' rules that moved it")]


class RelatedHitOut(HitOut):
    """One related article; its reasons are sentences, or the name of the fallback that brought it in."""

    copies: Annotated[int, Field(ge=0, description="How many near-duplicates stand behind it")]
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

    step: Annotated[str, Field(description="Where it fell out; `listed` where it did not")]
    detail: str
    explanation: NumbersOut | None = None


class RelatedList(HitList):
    """The answer of related."""

    hits: Sequence[RelatedHitOut]
    missing_pins: Annotated[Sequence[MissingOut], Field(description="Pins of articles that cannot be shown")]
    already_published: Annotated[Sequence[PublishedOut], Field(description="Published readings of the draft")]
    explained: Annotated[FateOut | None, Field(description="With explain_id")]


class CountedList(RelatedList):
    """The answer of related of a published article."""

    token: Annotated[
        str | None,
        Field(alias="list", description="Opaque; only where clicks are counted: names this list at /api/v1/clicks"),
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

    copies: Annotated[int, Field(ge=0, description="How many other articles of the same text stand behind it")]
    highlights: HighlightsOut


class ExpansionOut(BaseModel):
    """What stands in for a part of the query as well."""

    kind: Literal["abbreviation", "renamed", "synonym", "thesaurus", "translation"]
    typed: str
    also: str


class QueryOut(BaseModel):
    """How the query was understood."""

    text: Annotated[str, Field(description="As it was typed, blanks aside")]
    restored: Annotated[str | None, Field(description="As it was read; null where that is as it was typed")]
    corrected: Annotated[
        str | None,
        Field(
            description="The same with what is misspelt put right: searched for as well as what was typed; null where "
            "nothing is"
        ),
    ]
    did_you_mean: Annotated[
        str | None,
        Field(description="What may have been meant, too unsure to be searched for unasked; null where nothing is"),
    ]
    expansions: list[ExpansionOut]
    relaxed: Annotated[
        Sequence[Literal["phrase", "exclusion"]],
        Field(description="What was passed over because nothing would have been left"),
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
        Field(ge=0, description="How many hits are strong matches: by relevance the first so many of all pages"),
    ]
    query: Annotated[QueryOut | None, Field(description="Null where nothing was typed")]
    facets: Facets


class SuggestionOut(BaseModel):
    """What a reader may be about to type."""

    text: str
    kind: Literal["title", "name", "tag", "section", "abbreviation"]
    id: Annotated[str | None, Field(description="The article's, where it is a title")]


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
    articles: Annotated[int, Field(ge=0, description="Those that are public now")]
    encoder: str
    problem: Annotated[str | None, Field(description="Why the newest snapshot is not served, or is not being made")]
    degraded: Annotated[str | None, Field(description="Why the encoder, or the reranker, does not answer")]


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
    errors: Annotated[list[FaultOut], Field(description="Field by field; none where the fault is not the request's")]
