"""The HTML blueprint: each view parses, calls, and renders; what a page says is in `strings`, how in `templates`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from indexer import text
from indexer.article import Article
from indexer.summaries import Summary
from service import api, newsroom, schemas, strings
from service.errors import ServiceError
from service.highlights import highlights
from service.hits import Answer
from service.schemas import RelatedBody, SearchParams, Seed
from service.search_page import BOUNDS, Link, SearchLinks
from service.strings import Strings

blueprint = Blueprint("pages", __name__)

_RELATED = 6
_DESCRIPTION_CHARS = 160

WITH_SCRIPT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The policy of pages that have a script; all others run none."""


@blueprint.get("/")
def home() -> str:
    """Show the search box and how many articles there are to find."""
    return render_template("home.html", count=int(np.count_nonzero(api.live().searcher().public())))


@blueprint.get("/search")
def search() -> ResponseReturnValue:
    """Show the articles that a query means or names; without a query, go home."""
    given = _filled_in(request.args.lists())
    if "q" not in given:
        return redirect(link("pages.home"), 303)
    params = schemas.parse_params(SearchParams, given, ignore_unknown=True)
    answer = api.live().searcher().search(params)
    query = api.understood(answer)
    links = SearchLinks(params, _words(), partial(link, "pages.search"))
    lang = _lang(_words().code)
    return render_template(
        "search.html",
        params=params,
        answer=answer,
        hits=[(hit, highlights(api.visible(hit.article), query.wanted)) for hit in answer.hits],
        understood=links.understood(query, answer.relaxed),
        sorts=links.sorts(),
        facets=links.facets(answer),
        filters=links.filters(),
        unfiltered=links.unfiltered(),
        pager=links.pager(answer.total),
        kept=links.fields(without=("q", "literal")) + lang,
        kept_but_dates=links.fields(without=BOUNDS) + lang,
    )


@blueprint.get("/articles/<string:article_id>")
def article(article_id: str) -> ResponseReturnValue:
    """Show one article and what is related to it; an old id leads to the article's own."""
    searcher = api.live().searcher()
    found = api.visible(searcher.article(article_id))
    if found.id != article_id:
        return redirect(link("pages.article", article_id=found.id), 301)
    # Around an old article stands what belongs to its own time.
    related = searcher.related(RelatedBody(seed=Seed(ids=[found.id]), limit=_RELATED, reference="seed"))
    return render_template(
        "article.html",
        article=found,
        paragraphs=[line for line in (found.plain_body or "").split("\n") if line],
        description=shortened(found.lead or found.plain_body or found.title),
        original=web_address(found.url),
        related=related.hits,
    )


@blueprint.get("/newsroom/draft")
def draft_form() -> Response:
    """Show the form that a draft is pasted into."""
    _for_the_newsroom()
    return _draft_page(newsroom.filled_in({}))


@blueprint.post("/newsroom/draft")
def draft() -> Response:
    """Show the form as it was sent, and what would be linked. The draft is in no address and in no log."""
    _for_the_newsroom()
    given = request.form.to_dict(flat=False)
    filled = newsroom.filled_in(given)
    try:
        answer = api.live().searcher().related(newsroom.parse(given))
    except ServiceError as error:
        return _draft_page(filled, error=error)
    return _draft_page(filled, answer)


def _for_the_newsroom() -> None:
    """Let nobody in but a browser on this machine; the form is not read before.

    :raises Forbidden: saying why.
    """
    reason = newsroom.refusal(
        request.method, request.remote_addr, request.environ.get("SERVER_PROTOCOL"), request.headers.get
    )
    if reason is not None:
        raise Forbidden(reason)


def _draft_page(filled: dict[str, str], answer: Answer | None = None, error: ServiceError | None = None) -> Response:
    words, searcher = _words(), api.live().searcher()
    counted = searcher.archive.facets(np.flatnonzero(searcher.public())).get("section", [])
    names = {name for name, _ in counted} | {filled["section"]} - {""}
    links = [] if answer is None else [_to_copy(hit.article) for hit in answer.hits]
    page = render_template(
        "draft.html",
        filled=filled,
        sections=[("", words.no_section), *((name, name) for name in sorted(names, key=text.match_key))],
        answer=answer,
        error=error,
        empty=error is not None and newsroom.EMPTY in error.errors,
        html=newsroom.as_html(links),
        markdown=newsroom.as_markdown(links),
    )
    response = Response(page, 200 if error is None else error.status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


def _to_copy(article: Article | Summary) -> Link:
    """Return the link that an editor would put into an article, to the newspaper's own page where it has one."""
    return Link(article.title, text.web_address(article.url) or url_for("pages.article", article_id=article.id))


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
