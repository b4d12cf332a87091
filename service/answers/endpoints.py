"""Every operation of the API, for the OpenAPI document and the documentation's page. Knows nothing of Flask.

The examples refer to the sample archive; a test sends them to a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pkgutil import resolve_name
from typing import Any, Literal

from pydantic import BaseModel

from indexer.articles.article import Article
from service import schemas
from service.answers import shapes
from service.extras import EXTRAS, Extra
from service.security.keys import Scope

TAGS = {
    "Search": "What readers search for, and what they may be about to type.",
    "Related": "What belongs under an article: one that is published, several, or a draft.",
    "Articles": "Articles as they are kept: read by anyone, written with a key of scope `ingest`.",
    "Operation": "For those who run the service. No limit counts these requests.",
    "Documents": "This document, for programs and for people.",
}
JSON, LINES = "application/json", "application/x-ndjson"


@dataclass(frozen=True)
class Example:
    """One request that anybody may try.

    :param query: Its parameters.
    :param article_id: The id in its path, if there is one.
    :param body: Its body; for JSON Lines, a list with a value for each line.
    :param status: The status of the answer with the sample archive.
    """

    summary: str
    query: Mapping[str, str] = field(default_factory=dict)
    article_id: str | None = None
    body: Any = None
    status: int = 200


@dataclass(frozen=True)
class Endpoint:
    """One operation.

    :param params: Its parameters; None if any are accepted.
    :param media: The media type of the answer.
    :param body_media: The media type of the body, if there is one.
    :param by_id: Whether an article's id is in the path.
    :param cached: True if the answer has an ETag and may be cached, False if it must not be, None if it has no such
        header.
    :param scope: The scope of the key that it needs, None if it needs none.
    :param success: The statuses of success and their meanings; 204 has no content.
    :param statuses: Its other statuses, beside those of every operation.
    """

    method: Literal["get", "put", "post", "delete"]
    path: str
    tag: str
    summary: str
    description: str = ""
    params: type[BaseModel] | None = schemas.NoParams
    body: type[BaseModel] | None = None
    body_media: str = JSON
    answer: type[BaseModel] | None = None
    media: str = JSON
    by_id: bool = False
    cached: bool | None = None
    scope: Scope | None = None
    success: Mapping[int, str] = field(default_factory=lambda: {200: "The answer"})
    statuses: tuple[int, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def name(self) -> str:
        """Return its name for programs."""
        return self.method + re.sub("[^a-z0-9]+", "_", self.path).rstrip("_")


_ID = "muoi-mot-thang-khong-cam-the-luong"
_URL = f"https://tapchi.example/doi-song/{_ID}.html"
_DRAFT = {"title": "Công nhân khu trọ kêu giá điện", "body": "Chủ trọ thu 4.000 đồng một số điện."}
_ARTICLE = {
    "id": "b1",
    "title": "Công nhân Trạch Vân nhận hỗ trợ",
    "body": "Công đoàn trao tiền cho từng người.",
    "section": "Đời sống",
    "tags": ["hỗ trợ"],
    "published_at": "2025-08-16T09:00:00+07:00",
}
_LIST = "The list, the best first"

ENDPOINTS = (
    Endpoint(
        "get",
        "/api/v1/search",
        "Search",
        "Search by meaning and words",
        "Diacritics need not be typed: they are restored, and `query` in the answer says how the question was read. "
        "A slip of spelling is searched for as it was meant as well (`corrected`); `literal=true` takes it as typed. "
        "A query and its filters fix one result set: `total` is its size, `sort` reorders it, `offset` walks it. "
        "`facets` counts sections, sources, authors and tags: each count is the total with that value chosen. "
        "`strong` says how many hits are strong matches. Without `q`, all that passes the filters, newest first.",
        schemas.SearchParams,
        answer=shapes.SearchList,
        success={200: _LIST},
        examples=(
            Example("Typed without diacritics", {"q": "cham luong", "limit": "3"}),
            Example("In a section, the newest first", {"q": "công nhân", "section": "Đời sống", "sort": "newest"}),
        ),
    ),
    Endpoint(
        "get",
        "/api/v1/suggest",
        "Search",
        "What a reader may be about to type",
        "Titles, names, tags, sections and abbreviations that start so, the likeliest first. Where none does: those "
        "that start as it may have been meant, misspelt, in the keys of Telex or VNI, or in English.",
        schemas.SuggestParams,
        answer=shapes.SuggestionList,
        success={200: "The suggestions, the likeliest first"},
        examples=(Example("While somebody types", {"q": "cong n", "limit": "5"}),),
    ),
    Endpoint(
        "get",
        "/api/v1/articles/{id}",
        "Articles",
        "One article, as its archive line",
        "Every key is there, null where nothing is known. An article that is not public is not there: one under "
        "embargo, one whose time is over, one that was taken down.",
        answer=Article,
        by_id=True,
        success={200: "The article"},
        statuses=(404,),
        examples=(Example("An article of the sample archive", article_id=_ID),),
    ),
    Endpoint(
        "put",
        "/api/v1/articles/{id}",
        "Articles",
        "Write one article",
        "It is durable before the answer, and served within seconds. Of two readings of an id the later `updated_at` "
        "counts, else the time of receipt, so that sending something twice changes nothing. A time of more than a day "
        "ahead is refused. A key may be bound to sections and sources: then the article has to be of them before and "
        "after. The body's media type does not matter.",
        body=schemas.ArchiveLine,
        answer=shapes.WrittenOut,
        by_id=True,
        scope="ingest",
        success={200: "It was there already; `applied` is false where what is stored is newer", 201: "It is new"},
        statuses=(404, 409, 422),
        examples=(Example("Published, or changed", article_id="b1", body=_ARTICLE, status=201),),
    ),
    Endpoint(
        "delete",
        "/api/v1/articles/{id}",
        "Articles",
        "Have one article gone from every answer",
        "Before this one returns, in every process, whether or not it was there. A key may delete or hide so many "
        "articles in 24 hours, by default 100; then it gets a 429.",
        by_id=True,
        scope="ingest",
        success={204: "It is gone"},
        statuses=(404,),
        examples=(Example("Unpublished", article_id="b1", status=204),),
    ),
    Endpoint(
        "post",
        "/api/v1/articles:bulk",
        "Articles",
        "Write many changes",
        "JSON Lines in, a line of JSON out for each, in their order. A line that is not as expected says so with a "
        "status of its own, and holds up no other. At most 32 MB.",
        body=schemas.BulkLine,
        body_media=LINES,
        answer=shapes.BulkLineOut,
        media=LINES,
        scope="ingest",
        success={200: "What became of each line; it may be that none was as expected"},
        examples=(
            Example(
                "One written, one deleted",
                body=[
                    {"op": "put", "article": {"id": "b2", "title": "Chợ Tết ở khu trọ"}},
                    {"op": "delete", "id": "b1"},
                ],
            ),
        ),
    ),
    Endpoint(
        "get",
        "/api/v1/articles/{id}/related",
        "Related",
        "Related articles of a published one",
        "The list under an article. Nothing is encoded for it, so it takes milliseconds; keep it for as long as "
        "`Cache-Control` says, and ask again with `If-None-Match`.",
        schemas.RelatedParams,
        answer=shapes.CountedList,
        by_id=True,
        cached=True,
        success={200: _LIST},
        statuses=(404,),
        examples=(
            Example("The list under a story", {"limit": "3"}, _ID),
            Example("Why each is in it", {"limit": "2", "explain": "true"}, _ID),
        ),
    ),
    Endpoint(
        "get",
        "/api/v1/related",
        "Related",
        "Related articles of the one that answers to an address",
        "The same list, where only the address is known.",
        schemas.RelatedByUrlParams,
        answer=shapes.CountedList,
        cached=True,
        success={200: _LIST},
        statuses=(404,),
        examples=(Example("By address", {"url": _URL, "limit": "3"}),),
    ),
    Endpoint(
        "post",
        "/api/v1/related",
        "Related",
        "Related articles of several seeds or of an unsaved draft",
        "A draft is neither logged nor kept, and no cache may keep the answer. The body's media type does not matter.",
        body=schemas.RelatedBody,
        answer=shapes.RelatedList,
        cached=False,
        success={200: _LIST},
        statuses=(404,),
        examples=(
            Example("For a draft", body={"seed": {"article": _DRAFT}, "limit": 3}),
            Example("More like one, in a section", body={"seed": {"ids": [_ID]}, "filters": {"section": ["Đời sống"]}}),
        ),
    ),
    Endpoint(
        "post",
        "/api/v1/related:batch",
        "Related",
        "Related articles of many published ones",
        "JSON Lines of ids in, a line of JSON out for each, in their order, while they are being made; an article "
        "that is not there has an `error`, and so has a line for which no place or too little of the budget is left. "
        "One batch at a time for each caller. At most 200 kB, with a key of any scope 8 MB.",
        schemas.BatchParams,
        schemas.BatchLine,
        LINES,
        shapes.BatchListOut,
        LINES,
        cached=False,
        success={200: "A list for each line"},
        statuses=(401,),
        examples=(Example("Two at once", {"limit": "3"}, body=[{"id": _ID}, {"id": "khong-co"}]),),
    ),
    Endpoint(
        "get",
        "/healthz",
        "Operation",
        "Whether the process lives",
        answer=shapes.Health,
        success={200: "It lives"},
        examples=(Example("As a load balancer asks"),),
    ),
    Endpoint(
        "get",
        "/readyz",
        "Operation",
        "Whether a snapshot and the encoder answer",
        "`problem` and `degraded` say what is wrong though it answers.",
        answer=shapes.Readiness,
        success={200: "They answer"},
        statuses=(503,),
        examples=(Example("Before requests are sent here"),),
    ),
    Endpoint(
        "get",
        "/metrics",
        "Operation",
        "What all workers have counted, for Prometheus",
        "Told on the machine itself alone, to all, or to nobody (404), by the setting `metrics`.",
        media="text/plain",
        cached=False,
        success={200: "Prometheus's text format"},
        statuses=(403, 404),
        examples=(Example("As Prometheus asks"),),
    ),
    Endpoint(
        "get",
        "/api/v1/openapi.json",
        "Documents",
        "This document",
        answer=shapes.OpenApi,
        success={200: "An OpenAPI 3.1 document"},
        examples=(Example("For a program"),),
    ),
    Endpoint(
        "get",
        "/api/docs",
        "Documents",
        "This document, as a page",
        "It loads nothing from elsewhere. `lang=en` has it in English; like every page, it lets other parameters pass.",
        None,
        media="text/html",
        success={200: "The page"},
        examples=(Example("For a person", {"lang": "en"}),),
    ),
)
"""The operations that every service has; those of a tag stand together."""


@cache
def endpoints_of(extras: tuple[Extra, ...] = EXTRAS) -> tuple[Endpoint, ...]:
    """Return the operations of a service with these optional parts; those of a part come last of their tag."""
    found = [*ENDPOINTS, *(one for extra in extras if extra.endpoints for one in resolve_name(extra.endpoints))]
    tags = list(dict.fromkeys(one.tag for one in found))
    return tuple(sorted(found, key=lambda one: tags.index(one.tag)))
