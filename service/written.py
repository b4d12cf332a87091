"""From hits to the models of `answers`. Knows how an answer looks; not how it is found or sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from time import perf_counter
from typing import Any

from service import strings
from service.answers import (
    BatchHitOut,
    BatchListOut,
    FateOut,
    MissingOut,
    NumbersOut,
    PublishedOut,
    RelatedHitOut,
    RelatedList,
)
from service.errors import NotFound
from service.hits import Answer, Fate, Hit, Numbers, Reason
from service.presets import is_fallback
from service.schemas import BatchLine, BatchParams, RelatedBody, Seed
from service.searcher import Searcher

_TOLD = {"filtered out", "blocked"}
"""Why a pin is missing, as far as anyone may know: not that an article is ahead, or was taken down."""

_SHOWN = ("id", "title", "url", "lead", "section", "author", "source", "published_at", "image_url")


def head(searcher: Searcher, answer: Answer, started: float) -> dict[str, Any]:
    """Return what every list begins with.

    :param started: `perf_counter` when the request came.
    """
    return {
        "snapshot": searcher.archive.id,
        "took_ms": round((perf_counter() - started) * 1000, 3),
        "total": answer.total,
        "total_relation": "gte" if answer.more else "eq",
    }


def fields(hit: Hit) -> dict[str, Any]:
    """Return what every hit has, its reasons aside."""
    shown = {name: getattr(hit.article, name) for name in _SHOWN}
    return shown | {name: getattr(hit, name) for name in ("score", "relevance", "similarity")}


def sentence(reason: Reason) -> str:
    """Return a reason as a person reads it; a fallback goes by its name, for the CMS to tell."""
    return reason.code if is_fallback(reason.code) else strings.VI.reason(*reason)


def related_list(searcher: Searcher, answer: Answer, started: float) -> RelatedList:
    """Return the answer of related."""
    return RelatedList(
        **head(searcher, answer, started),
        hits=[_related(hit) for hit in answer.hits],
        missing_pins=[MissingOut(**missing._asdict()) for missing in answer.missing if missing.reason in _TOLD],
        already_published=[PublishedOut(id=a.id, title=a.title, url=a.url) for a in answer.published],
        explained=_fate(answer.fate),
    )


def _related(hit: Hit) -> RelatedHitOut:
    reasons = [sentence(reason) for reason in hit.reasons]
    return RelatedHitOut(**fields(hit), reasons=reasons, copies=hit.copies, explanation=_numbers(hit.numbers))


def _numbers(numbers: Numbers | None) -> NumbersOut | None:
    return None if numbers is None else NumbersOut(**asdict(numbers))


def _fate(fate: Fate | None) -> FateOut | None:
    if fate is None:
        return None
    return FateOut(step=fate.step, detail=fate.detail, explanation=_numbers(fate.numbers))


def batch(searcher: Searcher, lines: Iterable[BatchLine], params: BatchParams) -> Iterator[bytes]:
    """Yield the list of each article as a line of JSON, in order: its id, and hits or an error."""
    asked = {"filters": params.fields(), **params.options()}
    for line in lines:
        body = RelatedBody(seed=Seed(ids=[line.id]), exclude_ids=line.exclude_ids, **asked)
        try:
            answer = searcher.related(body)
        except NotFound as error:
            listed = BatchListOut(id=line.id, error=NotFound("id", error.errors[0].value).detail)
        else:
            hits = [_brief(hit) for hit in answer.hits]
            listed = BatchListOut(id=line.id, hits=hits, explained=_fate(answer.fate))
        yield listed.model_dump_json(exclude_none=True).encode() + b"\n"


def _brief(hit: Hit) -> BatchHitOut:
    return BatchHitOut(
        id=hit.article.id,
        score=hit.score,
        relevance=hit.relevance,
        similarity=hit.similarity,
        reasons=[sentence(reason) for reason in hit.reasons],
        explanation=_numbers(hit.numbers),
    )
