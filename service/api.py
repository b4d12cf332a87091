"""The JSON blueprint: each view parses, calls, and writes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache, partial, wraps
from time import perf_counter
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote

from flask import Blueprint, Response, abort, g, render_template, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from indexer.articles.article import shown
from indexer.sources.following import condition
from service import schemas, state
from service.answers import api_docs, openapi, written
from service.answers.shapes import SuggestionList, SuggestionOut
from service.answers.validity import Validity
from service.errors import BadRequest, FieldError, Forbidden, NotFound, NotReady, PackedBody, ServiceError, Unauthorized
from service.hits import Hit
from service.observing.metrics import CONTENT_TYPE, metrics, text_of_sources
from service.passages.highlights import Highlights
from service.passages.snippets import MarkTargets
from service.schemas import RelatedBody, Seed
from service.searcher import Searcher
from service.security import access, local
from service.security.keys import KeyStore, Scope
from service.serving import cost, deadline
from service.serving.admission import CALLER
from service.serving.budget import Caller
from service.serving.framing import RequestHead
from service.state import ListCounter
from service.wording import strings
from service.wording.docs import DocsWords
from service.writes import writing
from service.writes.guard import KeyGuard

blueprint = Blueprint("api", __name__)

P = ParamSpec("P")
View = TypeVar("View")

MAX_BATCH = 8_000_000
"""Bytes of a batch's body."""

MAX_BULK = cost.LARGEST_BODY
"""Bytes of a body that brings many changes."""

_ANY = Seed(ids=[""])
_SHORT = 256
"""Bytes of a query string that may be remembered."""


def needs(scope: Scope) -> Callable[[Callable[P, View]], Callable[P, View]]:
    """Return a decorator that lets a view be called with a key of a scope alone, which it finds in `g.key`.

    It is decided before the body is read.
    """

    def decorate(view: Callable[P, View]) -> Callable[P, View]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> View:
            with _recording_refusals():
                g.key = access.authorised(state.keys(), scope, request.headers.get, state.settings().cors_origins)
                access.check_address(g.key, request.remote_addr)
            return view(*args, **kwargs)

        return guarded

    return decorate


@contextmanager
def _recording_refusals() -> Iterator[None]:
    """Tell the audit log of a key that is refused, or of a request without one that needs one."""
    try:
        yield
    except (Unauthorized, Forbidden) as error:
        state.audit().refused(error.reason, target=error.key_id, address=request.remote_addr)
        raise


def _refuse_key() -> None:
    """Say what is wrong with the key of a request that needs none, whatever its scope.

    :raises Unauthorized: if it does not count.
    :raises Forbidden: if it does not count from here.
    """
    with _recording_refusals():
        with suppress(Forbidden):  # any scope will do
            access.authorised(state.keys(), "read", request.headers.get, state.settings().cors_origins)
        key = access.presented(state.keys(), request.headers.get)
        if key is not None:
            access.check_address(key, request.remote_addr)


def guard() -> KeyGuard:
    """Return what says what the key of this request may write."""
    return KeyGuard(state.keys(), g.key, state.audit(), request.remote_addr)


@blueprint.get("/api/v1/search")
def search() -> Response:
    """Search by meaning and words."""
    started = perf_counter()
    params = schemas.parse_params(schemas.SearchParams, request.args.to_dict(flat=False))
    searcher = state.live().searcher()
    answer = searcher.search(params)
    state.note(params, answer)
    deadline.check("snippets")
    hits = [_found(hit, answer.wanted) for hit in answer.hits]
    return _json(written.search_json(searcher, answer, answer.query, hits, started))


@blueprint.get("/api/v1/suggest")
def suggest() -> Response:
    """Suggest what a reader may be about to type."""
    params = schemas.parse_params(schemas.SuggestParams, request.args.to_dict(flat=False))
    found = state.live().searcher().suggest(params.q, params.limit)
    return _sent(SuggestionList(suggestions=[SuggestionOut.model_validate(asdict(one)) for one in found]))


@blueprint.get("/api/v1/articles/<string:article_id>")
def article(article_id: str) -> Response:
    """Return one article as its archive line."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    found = state.visible(state.live().searcher().article(article_id))
    return state.as_json(found.line())


@blueprint.put("/api/v1/articles/<string:article_id>")
@needs("ingest")
def put_article(article_id: str) -> Response:
    """Write one article: durable before the answer, served seconds later."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    done = writing.put(state.live(), article_id, received(), guard())
    response = state.as_json({"applied": done.applied})
    response.status_code = 201 if done.new and done.applied else 200
    return response


@blueprint.delete("/api/v1/articles/<string:article_id>")
@needs("ingest")
def delete_article(article_id: str) -> Response:
    """Have one article gone from every answer before this one."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    writing.delete(state.live(), article_id, guard())
    return Response(status=204)


@blueprint.post("/api/v1/articles:bulk")
@needs("ingest")
def write_articles() -> Response:
    """Write many changes, one a line; the answer has a line for each."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    request.max_content_length = MAX_BULK
    lines = b"".join(writing.bulk(state.live(), received(), guard()))
    return Response(lines, mimetype="application/x-ndjson")


@blueprint.get("/api/v1/articles/<string:article_id>/related")
def related_by_id(article_id: str) -> Response:
    """Return the related articles of a published one."""
    started = perf_counter()
    query = request.query_string
    wanted = _wanted(query) if len(query) <= _SHORT else _wanted.__wrapped__(query)
    return _cached(wanted.model_copy(update={"seed": Seed(ids=[article_id])}), started, {"seed.ids.0": "id"})


@lru_cache(maxsize=256)
def _wanted(query: bytes) -> RelatedBody:
    """Return the list that the request at hand wants, under any seed.

    :param query: Its query string, on which alone the list depends; blocks of a newspaper's pages have a few.
    """
    return _body(_ANY, schemas.parse_params(schemas.RelatedParams, request.args.to_dict(flat=False)))


@blueprint.get("/api/v1/related")
def related_by_url() -> Response:
    """Return the related articles of the one that answers to a URL."""
    started = perf_counter()
    params = schemas.parse_params(schemas.RelatedByUrlParams, request.args.to_dict(flat=False))
    return _cached(_body(Seed(urls=[params.url]), params), started, {"seed.urls.0": "url"})


@blueprint.post("/api/v1/related")
def related() -> Response:
    """Return the related articles of several seeds or of an unsaved draft."""
    started = perf_counter()
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    body = schemas.parse_body(RelatedBody, received())
    response = _json(_related(state.live().searcher(), body, started, {}))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/api/v1/related:batch")
def related_batch() -> Response:
    """Return a list for each line of JSON, `{"id": …}`, as a line of JSON, while they are being made."""
    params = schemas.parse_params(schemas.BatchParams, request.args.to_dict(flat=False))
    caller: Caller = request.environ[CALLER]
    if "Authorization" in request.headers and not caller.keyed:
        _refuse_key()
    request.max_content_length = MAX_BATCH if caller.keyed else None
    lines = schemas.parse_lines(received())
    admitted = state.admission()
    if not admitted.batches.begin(caller):
        raise NotReady("another batch is being answered")
    try:
        place = partial(admitted.line, caller)
        answered = written.batch(state.live().searcher(), lines, params, place)
        response = Response(answered, mimetype="application/x-ndjson")
    except BaseException:
        admitted.batches.end(caller)
        raise
    response.call_on_close(partial(admitted.batches.end, caller))
    response.headers["Cache-Control"] = "no-store"
    return response


def allowed_body(store: KeyStore, origins: Collection[str], head: RequestHead) -> int:
    """Return how many bytes of a body may be sent with a request to one of the endpoints that take many lines."""
    with suppress(ServiceError):  # its view says why

        def header(name: str) -> str | None:
            return head.headers.get(name.lower())

        if unquote(head.path) == "/api/v1/articles:bulk":
            access.authorised(store, "ingest", header, origins)
            return MAX_BULK
        if access.presented(store, header) is not None:
            return MAX_BATCH
    return 0


def received() -> bytes:
    """Return the request's body, whether or not its length was announced; its media type does not matter.

    :raises PackedBody: if it is packed.
    :raises BadRequest: if it breaks off.
    """
    if (packed := request.headers.get("Content-Encoding", "").strip()).lower() not in {"", "identity"}:
        raise PackedBody(shown(packed))
    try:
        body = request.get_data(cache=False)
        request.stream.read(1)  # of a body without a length, 413 is raised only where one reads beyond the limit
    except HTTPException:
        raise
    except Exception as error:  # each server has its own for a chunk that is none
        fault = FieldError("body", type(error).__name__, "expected a whole body, its chunks as announced")
        raise BadRequest([fault]) from None
    if len(body) < (announced := request.content_length or 0):  # a server may end it where the connection does
        raise BadRequest([FieldError("body", f"{len(body)} bytes", f"expected {announced}, as Content-Length says")])
    return body


def _body(seed: Seed, params: schemas.RelatedParams) -> RelatedBody:
    return RelatedBody(seed=seed, exclude_ids=params.exclude_ids, filters=params.fields(), **params.options())


def _cached(body: RelatedBody, started: float, fields: dict[str, str]) -> Response:
    """Return a list that caches may keep for a while, or 304 where the one that was asked about still stands."""
    searcher, counted = state.live().searcher(), state.clicks()
    kept = Validity.of(searcher, body, state.settings().cache_seconds)
    tag = kept.tag(f"{counted.depends()} {request.full_path}" if counted else request.full_path)
    asks = "If-None-Match" in request.headers  # reading it where it is not takes longer
    if asks and tag in request.if_none_match.as_set(include_weak=True):  # `*` is no list that anyone holds
        response = Response(status=304)
    else:
        response = _json(_related(searcher, kept.body, started, fields, counted))
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = f"public, max-age={kept.seconds}"
    return response


def _related(
    searcher: Searcher, body: RelatedBody, started: float, fields: dict[str, str], counted: ListCounter | None = None
) -> bytes:
    try:
        answer, token = counted.related(searcher, body) if counted else (searcher.related(body), None)
    except NotFound as error:
        fault = error.errors[0]
        raise NotFound(fields.get(fault.field, fault.field), fault.value) from None
    state.count_related(answer.hits)
    return written.related_json(searcher, answer, started, token)


def _found(hit: Hit, marked: MarkTargets) -> dict[str, Any]:
    parts = Highlights(state.visible(hit.article), marked)
    return written.found(hit, {"title": str(parts.title), "text": str(parts.text)})


def _sent(answer: BaseModel) -> Response:
    return _json(answer.model_dump_json().encode())


def _json(content: bytes) -> Response:
    return Response(content, mimetype="application/json")


@blueprint.get("/metrics")
def prometheus() -> Response:
    """Tell Prometheus what all workers have counted, if it may know."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    allowed = state.settings().metrics
    if allowed == "off":
        abort(404)
    if allowed == "loopback":
        protocol = request.environ.get("SERVER_PROTOCOL")
        reason = local.refusal(request.method, local.peer_of(request.environ), protocol, request.headers.get)
        if reason is not None:
            raise Forbidden([reason])
    text = metrics().text(state.live().ingestion()) + text_of_sources(condition(state.settings().home))
    return Response(text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    return state.as_json({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether a snapshot and the encoder answer."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    reason = "the service is stopping" if state.admission().stopping else state.live().not_ready()
    if reason is not None:
        raise NotReady(reason)
    searcher = state.live().searcher()
    archive = searcher.archive
    return state.as_json(
        {
            "status": "ready",
            "snapshot": archive.id,
            "articles": int(searcher.public().sum()),  # how many are under embargo is nobody's business
            "encoder": f"{archive.manifest.encoder.name}, {state.live().encoder().identity.precision}",
            "problem": state.live().problem,
            "degraded": state.live().degraded,
        }
    )


@blueprint.get("/api/v1/openapi.json")
def openapi_document() -> Response:
    """Return the OpenAPI document."""
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    return state.as_json(openapi.document(state.extras()))


@blueprint.get("/api/docs")
def docs() -> str:
    """Show the OpenAPI document to a person."""
    said = state.settings()
    # Never the host of the request: a cache would hand commands on that send somebody's key to it.
    curl = partial(api_docs.curl, said.public_url or f"http://localhost:{said.port or 8000}")
    words = DocsWords.in_language(strings.language(request.args.get("lang")).code)
    document, groups = openapi.document(state.extras()), api_docs.groups(state.extras())
    return render_template("docs.html", w=words, document=document, groups=groups, curl=curl)
