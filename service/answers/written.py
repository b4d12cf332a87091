"""From hits to answers, in the form of the models of `answers`. Knows nothing of how hits are found or answers sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from operator import attrgetter
from time import perf_counter
from typing import Any

from pydantic_core import to_json

from indexer.articles.summaries import Summary
from service.answers.shapes import MAX_FACET, BatchHitOut, BatchListOut, FateOut, NumbersOut, RelatedList
from service.errors import NotFound, Overloaded, TimedOut, TooMany
from service.hits import Answer, Fate, Hit, Numbers, Reason
from service.query.understanding import Query
from service.ranking.presets import is_fallback
from service.schemas import BatchLine, BatchParams, RelatedBody, Seed
from service.searcher import Searcher
from service.wording import strings

SlotContext = Callable[[], AbstractContextManager[None]]

_TOLD = {"filtered out", "blocked"}
"""The public reasons for a missing pin. They do not reveal that an article is under embargo or was taken down."""

_article_fields = attrgetter(*Summary._fields)
_SHOWN = (*Summary._fields, "score", "relevance", "similarity")


def head(searcher: Searcher, answer: Answer, started: float) -> dict[str, Any]:
    """Return the first fields of every list.

    :param started: `perf_counter` when the request came.
    """
    return {
        "snapshot": searcher.archive.id,
        "took_ms": round((perf_counter() - started) * 1000, 3),
        "total": answer.total,
        "total_relation": "gte" if answer.more else "eq",
        "degraded": answer.degraded,
    }


def fields(hit: Hit) -> dict[str, Any]:
    """Return the fields of every hit, without its reasons."""
    values = (*_article_fields(hit.article), hit.score, hit.relevance, hit.similarity)
    return dict(zip(_SHOWN, values, strict=True))


def sentence(reason: Reason) -> str:
    """Return a reason as a sentence; for a fallback, its name, by which a CMS recognises it."""
    return reason.code if is_fallback(reason.code) else strings.language(None).reason(*reason)


def found(hit: Hit, highlights: dict[str, str]) -> dict[str, Any]:
    """Return one hit of a search (`answers.shapes.SearchHitOut`)."""
    codes = [reason.code for reason in hit.reasons]
    return fields(hit) | {"reasons": codes, "copies": hit.copies, "highlights": highlights}


def search_json(
    searcher: Searcher, answer: Answer, query: Query | None, hits: list[dict[str, Any]], started: float
) -> bytes:
    """Return the answer of search as JSON (`answers.shapes.SearchList`)."""
    return to_json(
        {
            **head(searcher, answer, started),
            "hits": hits,
            "strong": answer.strong,
            "query": None if query is None else _understood(query, answer.relaxed),
            "facets": {
                field: [{"value": value, "count": count} for value, count in counts[:MAX_FACET]]
                for field, counts in answer.facets.items()
            },
        }
    )


def _understood(query: Query, relaxed: tuple[str, ...]) -> dict[str, Any]:
    return {
        "text": query.typed,
        "restored": query.restored,
        "corrected": query.corrected,
        "did_you_mean": query.did_you_mean,
        "expansions": [{"kind": one.kind, "typed": one.typed, "also": one.also} for one in query.expansions],
        "relaxed": relaxed,
    }


def related_list(searcher: Searcher, answer: Answer, started: float) -> RelatedList:
    """Return the answer of related."""
    return RelatedList.model_validate(_related_fields(searcher, answer, started))


def related_json(searcher: Searcher, answer: Answer, started: float, token: str | None = None) -> bytes:
    """Return the answer of related as JSON, equal to that of `related_list`.

    Its values were validated before or made here, so they are not validated again. This takes a fifth of the time.

    :param token: The token of the list, if clicks are counted (`service.clicks.lists`).
    """
    listed = _related_fields(searcher, answer, started)
    return to_json(listed if token is None else {**listed, "list": token})


def _related_fields(searcher: Searcher, answer: Answer, started: float) -> dict[str, Any]:
    return {
        **head(searcher, answer, started),
        "hits": [_related(hit) for hit in answer.hits],
        "missing_pins": [missing._asdict() for missing in answer.missing if missing.reason in _TOLD],
        "already_published": [{"id": a.id, "title": a.title, "url": a.url} for a in answer.published],
        "explained": _fate(answer.fate),
    }


def _related(hit: Hit) -> dict[str, Any]:
    reasons = [sentence(reason) for reason in hit.reasons]
    return fields(hit) | {"reasons": reasons, "copies": hit.copies, "explanation": _numbers(hit.numbers)}


def _numbers(numbers: Numbers | None) -> NumbersOut | None:
    return None if numbers is None else NumbersOut(**asdict(numbers))


def _fate(fate: Fate | None) -> FateOut | None:
    if fate is None:
        return None
    return FateOut(step=fate.step, detail=fate.detail, explanation=_numbers(fate.numbers))


def batch(
    searcher: Searcher, lines: Iterable[BatchLine], params: BatchParams, place: SlotContext = nullcontext
) -> Iterator[bytes]:
    """Yield the list of each article as a line of JSON, in order: its id, and hits or an error.

    :param place: Returns the context in which a line is computed.
    """
    return map(batch_line, batch_lists(searcher, lines, params, place))


def batch_line(listed: BatchListOut) -> bytes:
    """Return a list as a line of JSON."""
    return listed.model_dump_json(exclude_none=True).encode() + b"\n"


def batch_lists(
    searcher: Searcher, lines: Iterable[BatchLine], params: BatchParams, place: SlotContext = nullcontext
) -> Iterator[BatchListOut]:
    """Yield the list of each article, in order: its id, and hits or an error (`batch`)."""
    asked = {"filters": params.fields(), **params.options()}
    for line in lines:
        body = RelatedBody(seed=Seed(ids=[line.id]), exclude_ids=line.exclude_ids, **asked)
        try:
            with place():
                answer = searcher.related(body)
        except (Overloaded, TimedOut, TooMany) as error:
            listed = BatchListOut(id=line.id, error=error.detail)
        except NotFound as error:
            listed = BatchListOut(id=line.id, error=NotFound("id", error.errors[0].value).detail)
        else:
            hits = [_brief(hit) for hit in answer.hits]
            listed = BatchListOut(id=line.id, hits=hits, explained=_fate(answer.fate))
        yield listed


def _brief(hit: Hit) -> BatchHitOut:
    return BatchHitOut(
        id=hit.article.id,
        score=hit.score,
        relevance=hit.relevance,
        similarity=hit.similarity,
        reasons=[sentence(reason) for reason in hit.reasons],
        explanation=_numbers(hit.numbers),
    )
