"""The OpenAPI document: the operations of `endpoints`, with schemas from the models that parse requests.

Knows nothing of Flask. `REFUSALS` holds all answers other than results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from indexer.articles.article import ID_SCHEMA
from service.answers import shapes
from service.answers.endpoints import LINES, TAGS, Endpoint, endpoints_of
from service.extras import EXTRAS, Extra

Schema = dict[str, Any]

PROBLEM = "application/problem+json"
_INTRODUCTION = """\
Search and related articles for a newspaper's archive. JSON in, JSON out, in UTF-8.

- What is refused is told by a problem document (RFC 9457), whose `errors` name each parameter or field, what was
  received and what was expected. An unknown parameter or field is a 400.
- Every GET may be asked as HEAD. Another method is answered with 405, whose `Allow` names those that there are.
- An article under embargo, or one that was unpublished or taken down, is in no answer, as if there were none.
- Writing needs a key, sent as `Authorization: Bearer KEY`; `lienquan keys create` makes one.
- Any answer beyond those described, such as a 500, is a fault of the service.
- Answers carry `X-Request-Id`, by which the log finds the request. One that was sent is kept.
- Scores are higher for what is better. Times are ISO 8601; in answers they have Vietnam's offset, +07:00.
- Ids in paths are percent-encoded. A request line has at most 8,190 bytes.
"""


@dataclass(frozen=True)
class Refusal:
    """An answer instead of a result.

    :param headers: Its headers; True for those that it always has.
    :param example: An example of a fault.
    """

    name: str
    description: str
    headers: dict[str, bool]
    example: tuple[str, str, str] | None
    title: str
    page: bool = False


_SEEN = {"X-Request-Id": True, "Cache-Control": True}
_AUTH = ("Authorization", "nothing", "expected Bearer and a key of scope ingest")
REFUSALS = {
    400: Refusal(
        "BadRequest",
        "A parameter or field is unknown, missing, or not as expected",
        _SEEN,
        ("limit", "'0'", "expected to be greater than or equal to 1"),
        "Bad request",
    ),
    401: Refusal("Unauthorized", "No key that counts", _SEEN | {"WWW-Authenticate": True}, _AUTH, "Unauthorized"),
    403: Refusal(
        "Forbidden",
        "Not with this key, or not from there: another site's page sent it, or another machine",
        _SEEN | {"WWW-Authenticate": False},
        ("Authorization", "key 0123456789ab of scope rules", _AUTH[2]),
        "Forbidden",
    ),
    404: Refusal(
        "NotFound",
        "Nothing public is there",
        _SEEN,
        ("id", "khong-co", "expected the id of a public article"),
        "Not found",
    ),
    405: Refusal(
        "MethodNotAllowed",
        "The address is asked with a method that it does not have",
        _SEEN | {"Allow": True},
        ("method", "PATCH", "expected one of GET, HEAD, OPTIONS"),
        "Method Not Allowed",
    ),
    409: Refusal(
        "TakenDown",
        "The article was taken down, and may not come back until that is lifted",
        _SEEN,
        ("id", "'b1'", "expected an article that was not taken down"),
        "Taken down",
    ),
    413: Refusal(
        "TooLarge",
        "The body is longer than 200 kB; a bulk may have 32 MB, a batch with a key 8 MB",
        _SEEN,
        ("body", "200001 bytes", "expected at most 200000 bytes"),
        "Request Entity Too Large",
    ),
    414: Refusal(
        "LineTooLong",
        "The request line is longer than 8,190 bytes; the server in front of the service says so by itself, in HTML",
        {},
        None,
        "Request-URI Too Long",
        page=True,
    ),
    415: Refusal(
        "PackedBody",
        "The body has a Content-Encoding; nothing here unpacks one. Its media type does not matter",
        _SEEN | {"Accept-Encoding": True},
        ("Content-Encoding", "'gzip'", "expected a body as it is, not packed"),
        "Unsupported media type",
    ),
    422: Refusal(
        "Unprocessable",
        "The body has another id than the address",
        _SEEN,
        ("id", "'b2'", "expected the id of the address, 'b1'"),
        "Unprocessable",
    ),
    429: Refusal(
        "TooMany",
        "More work than the budget of an address or a key allows, more requests than one address may send, or more "
        "deletes than the key may make in a day",
        _SEEN | {"Retry-After": True},
        ("requests", "one more", "expected at most 10 per 1 minute"),
        "Too many requests",
    ),
    503: Refusal(
        "Unavailable",
        "No snapshot or no encoder yet, more requests than can be answered in time, or a change that cannot be made "
        "durable; nothing was done. Whoever is turned away at once gets no X-Request-Id",
        {"X-Request-Id": False, "Cache-Control": True, "Retry-After": False},
        None,
        "Not ready",
    ),
}
HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-Id": ("Names the request in the service's log", {"type": "string"}),
    "ETag": ("Weak; another whenever the list may be another", {"type": "string"}),
    "Cache-Control": ("For how many seconds the answer may be kept, or `no-store`", {"type": "string"}),
    "Retry-After": ("After how many seconds to ask again", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": ("By RFC 6750: what is wrong with the key", {"type": "string"}),
    "Allow": ("The methods that there are", {"type": "string"}),
    "Accept-Encoding": ("`identity`", {"const": "identity"}),
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the list that is held; 304 where it still stands",
    "schema": {"type": "string"},
}
_AFTER = {"id": "$request.path.id"}
_LINKS = {
    ("put", "/api/v1/articles/{id}"): (
        ("get_api_v1_articles_id", "get_api_v1_articles_id_related", "delete_api_v1_articles_id"),
        _AFTER,
    ),
    ("delete", "/api/v1/articles/{id}"): (("get_api_v1_articles_id",), _AFTER),
    ("get", "/api/v1/search"): (("get_api_v1_articles_id_related",), {"id": "$response.body#/hits/0/id"}),
}
"""The operations that may follow an answer: a written or found article is read, related, deleted."""
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key, made by `lienquan keys create NAME --scope ingest`. Scopes: `ingest` writes articles, "
    "`rules` and `newsroom` open the editors' pages. It is sent with writes alone, and refused where another site's "
    "page sends it.",
}


@cache
def document(extras: tuple[Extra, ...] = EXTRAS) -> Schema:
    """Return the OpenAPI 3.1 document of a service with these optional parts."""
    endpoints = endpoints_of(extras)
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(shapes.Problem, "serialization")]
    for one in endpoints:
        models += [(one.body, "validation")] if one.body else []
        models += [(one.answer, "serialization")] if one.answer else []
    _, schemas = models_json_schema(list(dict.fromkeys(models)), ref_template="#/components/schemas/{model}")
    paths: dict[str, Schema] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lienquan",
            "version": version("lienquan"),
            "summary": "Semantic search and related news for Vietnamese newspapers",
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The service that this document comes from"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas["$defs"].items())),
            "responses": {one.name: _refusal(status, one) for status, one in REFUSALS.items()},
            "headers": {name: {"description": words, "schema": of} for name, (words, of) in HEADERS.items()},
            "securitySchemes": {"key": _KEY},
        },
    }


def _operation(one: Endpoint) -> Schema:
    operation: Schema = {
        "tags": [one.tag],
        "summary": one.summary,
        **({"description": one.description} if one.description else {}),
        "operationId": one.name,
        "parameters": _parameters(one),
    }
    if one.body is not None:
        operation["requestBody"] = _body(one, one.body)
    operation["responses"] = {str(status): _success(one, status) for status in one.success}
    if one.cached:
        operation["responses"]["304"] = {
            "description": "The list that is held still stands",
            "headers": _headers({"X-Request-Id": True, "ETag": True, "Cache-Control": True}),
        }
    for status in refusals(one):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{REFUSALS[status].name}"}
    if one.scope is not None:
        operation["security"] = [{"key": [one.scope]}]
    return operation


def refusals(one: Endpoint) -> list[int]:
    """Return the statuses of an operation's refusals, in order."""
    found = {405, 414, *one.statuses}
    found |= {400} if one.params else set()
    found |= {400, 413, 415} if one.body else set()
    found |= {401, 403} if one.scope else set()
    found |= {429, 503} if one.path.startswith("/api/") else set()
    return sorted(found)


def _parameters(one: Endpoint) -> list[Schema]:
    example = next((example.article_id for example in one.examples if example.article_id), None)
    path = {"name": "id", "in": "path", "required": True, "description": "The publisher's own, percent-encoded"}
    found: list[Schema] = [path | {"schema": ID_SCHEMA, "example": example}] if one.by_id else []
    schema: Schema = {"properties": {"lang": {"type": "string"}}}
    if one.params is not None:
        schema = one.params.model_json_schema()
    required = schema.get("required", [])
    found += [_parameter(name, of, name in required) for name, of in schema.get("properties", {}).items()]
    return found + ([_IF_NONE_MATCH] if one.cached else [])


def _parameter(name: str, schema: Schema, required: bool) -> Schema:
    """Return a parameter of the query string, which cannot be null."""
    of = {key: value for key, value in schema.items() if key not in {"title", "description", "examples"}}
    if "anyOf" in of:
        kept = [one for one in of.pop("anyOf") if one != {"type": "null"}]
        of |= kept[0] if len(kept) == 1 else {"anyOf": kept}
    if of.get("default", "") is None:
        del of["default"]
    described = {key: schema[key] for key in ("description",) if key in schema}
    if schema.get("examples"):
        described["example"] = schema["examples"][0]
    parameter = {"name": name, "in": "query", "required": required, **described, "schema": of}
    return parameter | ({"style": "form", "explode": True} if of.get("type") == "array" else {})


def _body(one: Endpoint, model: type[BaseModel]) -> Schema:
    """Return the body of a request. For JSON Lines it is optional, since no body equals one without lines."""
    content = _content(one.body_media, model)
    content[one.body_media]["examples"] = {
        f"example{at}": {"summary": example.summary, "value": example.body}
        for at, example in enumerate(one.examples, 1)
    }
    lines = one.body_media == LINES
    return {"required": not lines, "content": content} | ({"description": "A value a line"} if lines else {})


def _success(one: Endpoint, status: int) -> Schema:
    carried = {"X-Request-Id": True} | ({} if one.cached is None else {"Cache-Control": True})
    found: Schema = {
        "description": one.success[status],
        "headers": _headers(carried | ({"ETag": True} if one.cached else {})),
    }
    if (one.method, one.path) in _LINKS:
        names, ids = _LINKS[one.method, one.path]
        found["links"] = {name: {"operationId": name, "parameters": ids} for name in names}
    return found if status == 204 else found | {"content": _content(one.media, one.answer)}


def _refusal(status: int, one: Refusal) -> Schema:
    found: Schema = {"description": one.description, "headers": _headers(one.headers)}
    if one.page:
        return found | {"content": {"text/html": {"schema": {"type": "string"}}}}
    content = _content(PROBLEM, shapes.Problem)
    errors = [dict(zip(("field", "value", "expected"), one.example, strict=True))] if one.example else []
    detail = "; ".join(": ".join(error.values()) for error in errors) or "no snapshot is published yet"
    content[PROBLEM]["example"] = {
        "type": "about:blank",
        "title": one.title,
        "status": status,
        "detail": detail,
        "errors": errors,
    }
    return found | {"content": content}


def _headers(carried: dict[str, bool]) -> Schema:
    """Return the headers of an answer. Required ones are written in place; references cannot be required."""
    return {
        name: {"description": HEADERS[name][0], "required": True, "schema": HEADERS[name][1]}
        if always
        else {"$ref": f"#/components/headers/{name}"}
        for name, always in carried.items()
    }


def _content(media: str, model: type[BaseModel] | None) -> Schema:
    """Return a body's content; for JSON Lines, an array of their values, as in OpenAPI 3.2."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"} if model else {"type": "string"}
    return {media: {"schema": {"type": "array", "items": schema} if media == LINES else schema}}
