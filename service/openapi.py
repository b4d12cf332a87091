"""The OpenAPI document, made from the pydantic models that requests are parsed with. Knows nothing of Flask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from indexer.article import Article
from service import answers, schemas
from service.keys import Scope

_REFERENCE = "#/components/schemas/{model}"
_JSON, _LINES = "application/json", "application/x-ndjson"

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "description": "The ETag of the list that is held; 304 where it still stands"},
}
_HEADERS = {
    "ETag": {"description": "Weak; another whenever the list may be another", "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "For how many seconds the list may be kept without asking",
        "schema": {"type": "string"},
    },
}


_KEYS = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key of the scope named, by `lienquan keys create`"}
}


@dataclass(frozen=True)
class Endpoint:
    """One operation, as the document describes it.

    :param by_id: Whether an article's id stands in the path.
    :param cached: Whether the answer has an ETag and may be kept.
    :param lines: Whether body and answer are JSON Lines, each line of the model named.
    :param scope: Of the key that it needs, None where anyone may ask.
    :param success: With which statuses it may succeed; 204 has no content.
    """

    method: str
    path: str
    summary: str
    params: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    by_id: bool = False
    cached: bool = False
    lines: bool = False
    statuses: tuple[int, ...] = (400,)
    scope: Scope | None = None
    success: tuple[int, ...] = (200,)


ENDPOINTS = (
    Endpoint(
        "get",
        "/api/v1/search",
        "Search by meaning and words",
        schemas.SearchParams,
        answer=answers.SearchList,
        statuses=(400, 503),
    ),
    Endpoint(
        "get",
        "/api/v1/suggest",
        "What a reader may be about to type",
        schemas.SuggestParams,
        answer=answers.SuggestionList,
        statuses=(400, 503),
    ),
    Endpoint(
        "get",
        "/api/v1/articles/{id}",
        "One article, as its archive line",
        schemas.NoParams,
        answer=Article,
        by_id=True,
        statuses=(400, 404, 503),
    ),
    Endpoint(
        "put",
        "/api/v1/articles/{id}",
        "Write one article: durable before the answer, served within seconds; 201 where it is new",
        schemas.NoParams,
        schemas.ArchiveLine,
        answers.WrittenOut,
        by_id=True,
        statuses=(400, 409, 413, 422, 503),
        scope="ingest",
        success=(200, 201),
    ),
    Endpoint(
        "delete",
        "/api/v1/articles/{id}",
        "Have one article gone from every answer before this one, whether or not it is there",
        schemas.NoParams,
        by_id=True,
        statuses=(400, 503),
        scope="ingest",
        success=(204,),
    ),
    Endpoint(
        "post",
        "/api/v1/articles:bulk",
        "Write many changes: JSON Lines in, a line of JSON for each out, in their order",
        schemas.NoParams,
        schemas.BulkLine,
        answers.BulkLineOut,
        lines=True,
        statuses=(400, 413, 503),
        scope="ingest",
    ),
    Endpoint(
        "get",
        "/api/v1/articles/{id}/related",
        "Related articles of a published one",
        schemas.RelatedParams,
        answer=answers.CountedList,
        by_id=True,
        cached=True,
        statuses=(400, 404, 503),
    ),
    Endpoint(
        "get",
        "/api/v1/related",
        "Related articles of the one that answers to a URL",
        schemas.RelatedByUrlParams,
        answer=answers.CountedList,
        cached=True,
        statuses=(400, 404, 503),
    ),
    Endpoint(
        "post",
        "/api/v1/related",
        "Related articles of several seeds or of an unsaved draft",
        schemas.NoParams,
        schemas.RelatedBody,
        answers.RelatedList,
        statuses=(400, 404, 413, 503),
    ),
    Endpoint(
        "post",
        "/api/v1/related:batch",
        "Related articles of many published ones: JSON Lines in, JSON Lines out",
        schemas.BatchParams,
        schemas.BatchLine,
        answers.BatchListOut,
        lines=True,
        statuses=(400, 413, 503),
    ),
    Endpoint(
        "post",
        "/api/v1/clicks",
        "Tell what of related lists was shown and clicked; any content type, so that sendBeacon needs no preflight. "
        "404 unless the setting clicks is on",
        schemas.NoParams,
        schemas.ClicksBody,
        statuses=(400, 403, 404, 413),
        success=(204,),
    ),
    Endpoint("get", "/healthz", "The process lives", schemas.NoParams),
    Endpoint("get", "/readyz", "A snapshot and the encoder answer", schemas.NoParams, statuses=(400, 503)),
)


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    models = {endpoint.body for endpoint in ENDPOINTS} | {endpoint.answer for endpoint in ENDPOINTS}
    named: list[type[BaseModel]] = sorted((m for m in models if m), key=lambda model: model.__name__)
    _, bodies = models_json_schema([(m, "validation") for m in named], ref_template=_REFERENCE)
    _, problem = models_json_schema([(answers.Problem, "serialization")], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lienquan",
            "version": version("lienquan"),
            "summary": "Semantic search and related news for Vietnamese newspapers",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": {**bodies["$defs"], **problem["$defs"]}, "securitySchemes": _KEYS},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters = [_parameter(*item) for item in _schema_of(endpoint.params)] if endpoint.params else []
    if endpoint.by_id:
        schema = {"type": "string", "minLength": 1, "maxLength": 128}
        parameters.insert(0, {"name": "id", "in": "path", "required": True, "schema": schema})
    if endpoint.cached:
        parameters.append(_IF_NONE_MATCH)
    media = _LINES if endpoint.lines else _JSON
    name = endpoint.path.replace("/", "_").replace(":", "_").replace("{", "").replace("}", "")
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method}{name}",
        "parameters": parameters,
        "responses": {str(status): _success(endpoint, status, media) for status in endpoint.success},
    }
    if endpoint.cached:
        operation["responses"]["200"]["headers"] = _HEADERS
        operation["responses"]["304"] = {"description": "The list that is held still stands", "headers": _HEADERS}
    if endpoint.scope is not None:
        operation["security"] = [{"key": [endpoint.scope]}]
    limited = [429] if endpoint.path.startswith("/api/") else []  # whether one is, is a setting
    for status in sorted({*endpoint.statuses, *([401, 403] if endpoint.scope else []), *limited}):
        content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
        operation["responses"][str(status)] = {"description": "Problem document", "content": content}
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.body, media)}
    return operation


def _success(endpoint: Endpoint, status: int, media: str) -> dict[str, Any]:
    described = {200: "OK", 201: "Created", 204: "No content"}[status]
    content = {} if status == 204 else {"content": _content(endpoint.answer, media)}
    return {"description": described, **content}


def _content(model: type[BaseModel] | None, media: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=model.__name__)} if model else {"type": "object"}
    return {media: {"schema": schema}}


def _schema_of(model: type[BaseModel]) -> list[tuple[str, dict[str, Any], bool]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [(name, field, name in required) for name, field in schema.get("properties", {}).items()]


def _parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    described = {key: value for key, value in schema.items() if key != "title"}
    parameter = {"name": name, "in": "query", "required": required, "schema": described}
    return parameter | ({"style": "form", "explode": True} if schema.get("type") == "array" else {})
