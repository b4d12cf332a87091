"""Readers' pages: home, search, an article, and what robots may read."""

from __future__ import annotations

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service import schemas, state
from service.pages.browsing import search_address
from service.pages.shared import absolute, blueprint, filled_in, lang_fields, language, link, pictures, web_address
from service.passages.highlights import Highlights
from service.reader import article_page, metadata
from service.reader.search_page import BOUNDS, VALUES, SearchLinks
from service.schemas import SearchParams
from service.serving import deadline

_KEPT_FROM_ROBOTS = ("/search", "/newsroom/", "/api/")


@blueprint.get("/")
def home() -> str:
    """Show the search box, searches to try, the newest articles, and what is being read."""
    page = state.front_pages().page(state.live().searcher())
    return render_template(
        "home.html",
        page=page,
        newest=[state.visible(article) for article in page.newest],
        pictured=pictures().any(page.newest),
    )


@blueprint.get("/search")
def search() -> ResponseReturnValue:
    """Show the articles that a query means or names, or that filters pass; without either, go home."""
    given = filled_in(request.args.lists())
    if not given.keys() & {"q", *VALUES, *BOUNDS} and given.get("sort") != ["newest"]:
        return redirect(link("pages.home"), 303)
    params = schemas.parse_params(SearchParams, given, ignore_unknown=True)
    searcher = state.live().searcher()
    answer = searcher.search(params)
    state.note(params, answer)
    deadline.check("snippets")
    marked = answer.wanted
    links = SearchLinks(params, language(), search_address)
    lang = lang_fields(language().code)
    return render_template(
        "search.html",
        params=params,
        answer=answer,
        hits=[(hit, Highlights(state.visible(hit.article), marked)) for hit in answer.hits],
        pictured=pictures().any(hit.article for hit in answer.hits),
        understood=links.understood(answer.query, answer.relaxed),
        divider=links.divider(answer),
        to_try=[] if answer.strong else links.to_try(searcher.suggest),
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
    searcher = state.live().searcher()
    found = state.visible(searcher.article(article_id))
    if found.id != article_id:
        return redirect(link("pages.article", article_id=found.id), 301)
    before, after = article_page.paragraphs(found)
    blocks = article_page.blocks(searcher, found, len(before) + len(after))
    state.count_related(blocks.related)
    original = web_address(found.url)
    here = url_for("pages.article", article_id=found.id)
    address = original.href if original else absolute(here)
    return render_template(
        "article.html",
        article=found,
        before=before,
        after=after,
        blocks=blocks,
        description=article_page.description(found),
        original=original,
        canonical=address or here,
        open_graph=metadata.open_graph(found, address),
        json_ld=metadata.json_ld(found, address),
        pictured=pictures().any(hit.article for hit in blocks.related),
    )


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Tell search engines which pages they may read: those of articles, if any."""
    kept = _KEPT_FROM_ROBOTS if state.settings().robots == "index" else ("/",)
    return Response("User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in kept), mimetype="text/plain")
