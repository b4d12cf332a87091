"""The HTML blueprint: each view parses, calls, and renders; what a page says is in `strings`, how in `templates`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from indexer import text
from indexer.columns import micros
from service import api, schemas, strings
from service.schemas import MAX_WINDOW, RelatedBody, SearchParams, Seed
from service.searcher import Answer
from service.strings import Strings

blueprint = Blueprint("pages", __name__)

_RELATED = 6
_DESCRIPTION_CHARS = 160
_DEFAULTS = {name: field.default for name, field in SearchParams.model_fields.items()}
_VALUES = ("section", "source", "author", "tag")
_BOUNDS = ("published_from", "published_to")


@dataclass(frozen=True)
class Link:
    """A link of a page.

    :param label: What it is called where the text alone does not say it.
    """

    text: str
    href: str
    label: str = ""


@blueprint.get("/")
def home() -> str:
    """Show the search box and how many articles there are to find."""
    public, _ = api.live().searcher().archive.public(micros(datetime.now(UTC)))
    return render_template("home.html", count=int(np.count_nonzero(public)))


@blueprint.get("/search")
def search() -> ResponseReturnValue:
    """Show the articles that a query means; without a query, go home."""
    given = _filled_in(request.args.lists())
    if "q" not in given:
        return redirect(link("pages.home"), 303)
    params = schemas.parse_params(SearchParams, given, ignore_unknown=True)
    answer = api.live().searcher().search(params)
    return render_template(
        "search.html",
        params=params,
        answer=answer,
        sorts=[(sort, _again(params, sort=sort)) for sort in ("relevance", "newest")],
        sections=_sections(params, answer),
        filters=_filters(params),
        unfiltered=_again(params, **dict.fromkeys((*_VALUES, *_BOUNDS))),
        pager=_pager(params, answer),
        kept=_fields(params, without=("q",)),
        kept_but_dates=_fields(params, without=_BOUNDS),
    )


@blueprint.get("/articles/<string:article_id>")
def article(article_id: str) -> ResponseReturnValue:
    """Show one article and what is related to it; an old id leads to the article's own."""
    searcher = api.live().searcher()
    found = api.visible(searcher.article(article_id))
    if found.id != article_id:
        return redirect(link("pages.article", article_id=found.id), 301)
    related = searcher.related(RelatedBody(seed=Seed(ids=[found.id]), limit=_RELATED))
    return render_template(
        "article.html",
        article=found,
        paragraphs=[line for line in (found.plain_body or "").split("\n") if line],
        description=shortened(found.lead or found.plain_body or found.title),
        original=web_address(found.url),
        related=related.hits,
    )


@blueprint.app_context_processor
def context() -> dict[str, Any]:
    """Return what every template needs, the error page's too, whatever was asked for."""
    words = _words()
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    # An address of the query alone stays on this page, whether or not it is one of ours.
    here = {code: "?" + urlencode([*given, *_lang(code)], errors="replace") for code in ("vi", "en")}
    return {
        "t": words,
        "link": link,
        "lang": _lang(words.code),
        "here": here,
        "level": strings.level,
        "max_query": schemas.MAX_QUERY,
    }


def link(endpoint: str, **values: Any) -> str:
    """Return the address of a page in the language of this one."""
    return url_for(endpoint, **dict(_lang(_words().code)) | values)


def web_address(url: str | None) -> Link | None:
    """Return a link to another site, named by its host; None for anything but a plain http or https address."""
    plain = text.web_address(url)
    return None if plain is None else Link(urlsplit(plain).hostname or plain, plain)


def shortened(text: str, limit: int = _DESCRIPTION_CHARS) -> str:
    """Return the text on one line, cut between words where it is longer than the limit."""
    line = " ".join(text.split())
    return line if len(line) <= limit else (line[:limit].rsplit(" ", 1)[0]).rstrip(" ,.;:") + "…"


def _words() -> Strings:
    return strings.language(request.args.get("lang"))


def _lang(code: str) -> list[tuple[str, str]]:
    """Return the parameter that names a language, none for the default one."""
    return [] if code == strings.VI.code else [("lang", code)]


def _filled_in(given: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    """Return the parameters less the blank values: what a form sends for a field that was left alone."""
    filled = {name: [value for value in values if text.clean(value)] for name, values in given}
    return {name: values for name, values in filled.items() if values}


def _values(params: SearchParams, **changes: Any) -> dict[str, Any]:
    """Return the parameters of the same search but for the changes, from its first page; defaults are left out."""
    values = params.model_dump(mode="json", exclude={"offset"}) | changes
    return {name: value for name, value in values.items() if value and value != _DEFAULTS[name]}


def _again(params: SearchParams, **changes: Any) -> str:
    """Return the address of the same search but for the changes, from its first page."""
    return link("pages.search", **_values(params, **changes))


def _fields(params: SearchParams, without: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return the hidden fields with which a form carries the rest of the search on."""
    values = _values(params, **dict.fromkeys(without))
    return [
        (name, one) for name, value in values.items() for one in (value if isinstance(value, list) else [value])
    ] + _lang(_words().code)


def _filters(params: SearchParams) -> list[Link]:
    """Return the filters at work, each with the address without it."""
    words = _words()
    found = []
    for name in _VALUES:
        chosen: list[str] = getattr(params, name)
        found += [(name, value, [other for other in chosen if other != value]) for value in dict.fromkeys(chosen)]
    found += [(name, words.bound(value), []) for name in _BOUNDS if (value := getattr(params, name)) is not None]
    return [
        Link(
            f"{words.filters[name]}: {value}",
            _again(params, **{name: rest}),
            words.remove_filter.format(name=words.filters[name], value=value),
        )
        for name, value, rest in found
    ]


def _sections(params: SearchParams, answer: Answer) -> list[Link]:
    """Return the sections of these hits as filters, where none is chosen and there is a choice."""
    names = dict.fromkeys(hit.article.section for hit in answer.hits if hit.article.section)
    if params.section or len(names) < 2:
        return []
    return [Link(name, _again(params, section=[name])) for name in names]


def _pager(params: SearchParams, answer: Answer) -> dict[str, str]:
    """Return the addresses of the previous and the next page, where there are any within reach."""
    before, after = max(0, min(params.offset, answer.total) - params.limit), params.offset + params.limit
    pages = {}
    if params.offset:
        pages["previous"] = _again(params, offset=before)
    if after < answer.total and after + params.limit <= MAX_WINDOW:
        pages["next"] = _again(params, offset=after)
    return pages
