"""The JSON blueprint: each view parses, calls, and writes out."""

from __future__ import annotations

from dataclasses import asdict
from time import perf_counter
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from indexer.article import Article
from service import openapi, schemas
from service.answers import (
    MAX_FACET,
    Count,
    ExpansionOut,
    Facets,
    HighlightsOut,
    HitList,
    HitOut,
    QueryOut,
    SearchHitOut,
    SearchList,
    SuggestionList,
    SuggestionOut,
)
from service.errors import BadRequest, FieldError, NotFound, NotReady
from service.highlights import highlights
from service.live import Live
from service.query import Query
from service.schemas import RelatedBody, Seed
from service.searcher import Answer, Hit, Searcher
from service.settings import Settings

blueprint = Blueprint("api", __name__)


def live() -> Live:
    """Return the process's holder of the current snapshot."""
    return cast(Live, current_app.extensions["lienquan"])


def settings() -> Settings:
    """Return the service's settings."""
    return cast(Settings, current_app.config["SETTINGS"])


def as_json(value: Any) -> Response:
    """Return a value as a JSON response, letters as they are."""
    return Response(current_app.json.dumps(value), mimetype="application/json")


def visible(article: Article) -> Article:
    """Return the article as readers may see it: without its text where that is for subscribers.

    What a source sent beside the known fields goes too: it may be the text under another name.
    """
    hidden: dict[str, Any] = {"body": None, "body_html": None, "extra": {}}
    return article if settings().expose_body else article.model_copy(update=hidden)


@blueprint.get("/api/v1/search")
def search() -> Response:
    """Search by meaning and words."""
    started = perf_counter()
    params = schemas.parse_params(schemas.SearchParams, request.args.to_dict(flat=False))
    searcher = live().searcher()
    answer = searcher.search(params)
    query = understood(answer)
    hits = [_found(hit, query) for hit in answer.hits]
    expansions = [ExpansionOut.model_validate(asdict(expansion)) for expansion in query.expansions]
    counts = {
        field: [Count(value=value, count=count) for value, count in found[:MAX_FACET]]
        for field, found in answer.facets.items()
    }
    listed = SearchList(
        **_head(searcher, answer, started),
        hits=hits,
        query=QueryOut.model_validate(
            {"text": query.typed, "restored": query.restored, "expansions": expansions, "relaxed": answer.relaxed}
        ),
        facets=Facets(**counts),
    )
    return _written(listed)


def understood(answer: Answer) -> Query:
    """Return how the search that was answered was understood."""
    if answer.query is None:
        raise ValueError("query: None: expected the answer of a search")
    return answer.query


@blueprint.get("/api/v1/suggest")
def suggest() -> Response:
    """Suggest what a reader may be about to type."""
    params = schemas.parse_params(schemas.SuggestParams, request.args.to_dict(flat=False))
    found = live().searcher().suggest(params.q, params.limit)
    return _written(SuggestionList(suggestions=[SuggestionOut.model_validate(asdict(one)) for one in found]))


@blueprint.get("/api/v1/articles/<string:article_id>")
def article(article_id: str) -> Response:
    """Return one article as its archive line."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    found = visible(live().searcher().article(article_id))
    return as_json(found.line())


@blueprint.get("/api/v1/articles/<string:article_id>/related")
def related_by_id(article_id: str) -> Response:
    """Return the related articles of a published one."""
    started = perf_counter()
    params = schemas.parse_params(schemas.RelatedParams, request.args.to_dict(flat=False))
    return _related(_body(Seed(ids=[article_id]), params), started, {"seed.ids.0": "id"})


@blueprint.get("/api/v1/related")
def related_by_url() -> Response:
    """Return the related articles of the one that answers to a URL."""
    started = perf_counter()
    params = schemas.parse_params(schemas.RelatedByUrlParams, request.args.to_dict(flat=False))
    return _related(_body(Seed(urls=[params.url]), params), started, {"seed.urls.0": "url"})


@blueprint.post("/api/v1/related")
def related() -> Response:
    """Return the related articles of several seeds or of an unsaved draft."""
    started = perf_counter()
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    body = schemas.parse_body(RelatedBody, _received())
    response = _related(body, started, {})
    response.headers["Cache-Control"] = "no-store"
    return response


def _received() -> bytes:
    """Return the request's body, whether or not its length was announced.

    :raises BadRequest: if it breaks off.
    """
    try:
        body = request.get_data(cache=False)
        request.stream.read(1)  # of a body without a length, 413 is raised only where one reads beyond the limit
    except HTTPException:
        raise
    except Exception as error:  # each server has its own for a chunk that is none
        fault = FieldError("body", type(error).__name__, "expected a whole body, its chunks as announced")
        raise BadRequest([fault]) from None
    return body


def _body(seed: Seed, params: schemas.RelatedParams) -> RelatedBody:
    filters = schemas.FilterFields(**{name: getattr(params, name) for name in schemas.FilterFields.model_fields})
    return RelatedBody(
        seed=seed, exclude_ids=params.exclude_ids, limit=params.limit, filters=filters, ranking=params.ranking
    )


def _related(body: RelatedBody, started: float, fields: dict[str, str]) -> Response:
    searcher = live().searcher()
    try:
        answer = searcher.related(body)
    except NotFound as error:
        fault = error.errors[0]
        raise NotFound(fields.get(fault.field, fault.field), fault.value) from None
    return _hits(searcher, answer, started)


def _hits(searcher: Searcher, answer: Answer, started: float) -> Response:
    hits = [HitOut(**_fields(hit)) for hit in answer.hits]
    return _written(HitList(**_head(searcher, answer, started), hits=hits))


def _head(searcher: Searcher, answer: Answer, started: float) -> dict[str, Any]:
    return {
        "snapshot": searcher.archive.id,
        "took_ms": round((perf_counter() - started) * 1000, 3),
        "total": answer.total,
        "total_relation": "gte" if answer.more else "eq",
    }


def _fields(hit: Hit) -> dict[str, Any]:
    shown = {name: getattr(hit.article, name) for name in _SHOWN}
    return shown | {name: getattr(hit, name) for name in ("score", "relevance", "similarity", "reasons")}


def _found(hit: Hit, query: Query) -> SearchHitOut:
    parts = highlights(visible(hit.article), query.wanted)
    return SearchHitOut(
        **_fields(hit), copies=hit.copies, highlights=HighlightsOut(title=str(parts.title), text=str(parts.text))
    )


def _written(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), mimetype="application/json")


_SHOWN = ("id", "title", "url", "lead", "section", "author", "source", "published_at", "image_url")


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    return as_json({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether a snapshot and the encoder answer."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    reason = live().not_ready()
    if reason is not None:
        raise NotReady(reason)
    archive = live().searcher().archive
    return as_json(
        {
            "status": "ready",
            "snapshot": archive.id,
            "articles": archive.manifest.articles,
            "encoder": f"{archive.manifest.encoder.name}, {live().encoder().identity.precision}",
            "problem": live().problem,
        }
    )


@blueprint.get("/api/v1/openapi.json")
def openapi_document() -> Response:
    """Return the OpenAPI document."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    return as_json(openapi.document())


@blueprint.get("/api/docs")
def docs() -> str:
    """Show the OpenAPI document to a person."""
    return render_template("docs.html", document=openapi.document())
