"""Readers' pages that need no query: the articles of a section, a tag, an author, a source, and their feeds."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Response, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from indexer.articles.article import Article, shown
from service import state
from service.errors import NotFound
from service.hits import Answer
from service.pages.shared import absolute, blueprint, lang_fields, language, link, own_page, pictures, web_address
from service.passages.highlights import Highlights
from service.passages.snippets import NOTHING_WANTED
from service.reader import feeds
from service.reader.search_page import SearchLinks
from service.reader.topics import DEFAULT_LIMIT, FOLDERS, IN_FEED, KINDS, Topic, page_number, topic
from service.searcher import Searcher


class _AnyText(BaseConverter):
    """The rest of a path, strokes and all; in an address everything is escaped that means something there."""

    regex = r"(?s:.+)"
    part_isolating = False

    def to_url(self, value: Any) -> str:
        return quote(str(value), safe="")


@blueprint.record
def _convert(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["anytext"] = _AnyText


def topic_link(field: str, value: str) -> str | None:
    """Return the address of the page of a section, tag, author or source; None where the value can have none."""
    found = topic(field, value)
    return None if found is None else link("pages.topic", kind=FOLDERS[field], value=found.value)


@blueprint.app_context_processor
def _context() -> dict[str, Any]:
    return {"topic_link": topic_link}


def search_address(**values: Any) -> str:
    """Return the address of a search: of one that is for one value alone, the page of that topic."""
    given = {name: value for name, value in values.items() if (name, value) != ("sort", "newest")}
    if len(given) == 1:
        [(field, chosen)] = given.items()
        if field in FOLDERS and len(chosen) == 1 and (found := topic_link(field, chosen[0])):
            return found
    if not given:
        values["sort"] = "newest"
    return link("pages.search", **values)


def _articles(found: Topic | None, searcher: Searcher, **window: int) -> tuple[Topic, Answer]:
    """Return the articles of a topic.

    :raises NotFound: if no public article has it.
    """
    answer = None if found is None else searcher.search(found.params(**window))
    if found is None or answer is None or not answer.total:
        raise NotFound("path", shown(request.path))
    return found, answer


@blueprint.get(f"/<any({', '.join(KINDS)}):kind>/<anytext:value>", merge_slashes=False, endpoint="topic")
def topic_page(kind: str, value: str) -> str:
    """Show the articles of a section, tag, author or source, the newest first."""
    page = page_number(request.args.get("page"))
    found, answer = _articles(topic(KINDS[kind], value), state.live().searcher(), page=page)
    spelt, params = found.spelt(answer), found.params(page)
    links = SearchLinks(found.params(limit=DEFAULT_LIMIT), language(), search_address)
    address = partial(url_for, "pages.topic", kind=kind, value=spelt)
    here = address(page=page) if page > 1 else address()
    numbers = {"previous": page - 1} if page > 1 else {}
    if page * params.limit < answer.total:
        numbers["next"] = page + 1
    lang = lang_fields(language().code)
    return render_template(
        "topic.html",
        field=found.field,
        value=spelt,
        canonical=absolute(here) or here,
        feed=url_for("pages.topic_feed", kind=kind, value=spelt),
        params=params,
        answer=answer,
        hits=[(hit, Highlights(state.visible(hit.article), NOTHING_WANTED)) for hit in answer.hits],
        pictured=pictures().any(hit.article for hit in answer.hits),
        facets=links.facets(answer),
        pager={
            name: link("pages.topic", kind=kind, value=spelt, page=at if at > 1 else None)
            for name, at in numbers.items()
        },
        kept=lang,
        kept_but_dates=links.fields(without=("published_from", "published_to")) + lang,
    )


@blueprint.get(f"/feeds/<any({', '.join(KINDS)}):kind>/<anytext:value>", merge_slashes=False)
def topic_feed(kind: str, value: str) -> Response:
    """Send the newest articles of a section, tag, author or source as a feed."""
    found, answer = _articles(topic(KINDS[kind], value), state.live().searcher(), page=1, limit=IN_FEED)
    spelt = found.spelt(answer)
    words = language()
    name = f"{words.filters[found.field]}: {spelt}"
    page, own = (url_for(endpoint, kind=kind, value=spelt) for endpoint in ("pages.topic", "pages.topic_feed"))
    channel = feeds.Channel(
        title=f"{spelt} – {words.brand}",
        description=name,
        language="vi",
        page=absolute(page) or page,
        own=absolute(own) or own,
    )
    response = Response(feeds.rss(channel, (state.visible(hit.article) for hit in answer.hits), _where_read))
    response.content_type = f"{feeds.MIMETYPE}; charset=utf-8"
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response


def _where_read(article: Article) -> str:
    """Return where an article is read: at its own address where it has one."""
    original, here = web_address(article.url), own_page(article)
    return original.href if original else absolute(here) or here
