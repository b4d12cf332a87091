"""The archive as a whole: its map, and what there is to act on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from indexer.articles.article import shown
from indexer.text import folding
from service import schemas, state
from service.errors import Changed, FieldError
from service.overview import finding_page
from service.overview.mapped import Overviews
from service.pages.shared import Views, language, link, newsroom_page
from service.schemas import SearchParams
from service.wording.map import MapWords

views = Views()

_HELD = "lienquan_overviews"

LIT = 60
"""How many hits of a search are lit on the map."""


@views.setup
def _hold(app: Flask) -> None:
    app.extensions[_HELD] = Overviews()


def _overviews() -> Overviews:
    """Return what is known of the archive as a whole."""
    return cast(Overviews, current_app.extensions[_HELD])


@views.get("/newsroom/map")
def archive_map() -> Response:
    """Show the archive as a map, what a search finds on it, and what there is to act on."""
    searcher, q = state.live().searcher(), folding.clean(request.args.get("q", ""))
    overview = _overviews().of(searcher)
    found = None if not q else searcher.search(schemas.parse_params(SearchParams, {"q": [q], "limit": [str(LIT)]}))
    return newsroom_page(
        "map.html",
        w=MapWords.in_language(language().code),
        overview=overview,
        q=q,
        found=found,
        rows=[] if found is None else [searcher.archive.row_of(hit.article.id) for hit in found.hits],
        kinds_found=[
            finding_page.page(overview.archive, overview.findings, kind, 1, each=3) for kind in finding_page.KINDS
        ],
    )


@views.get("/newsroom/map/points")
def map_points() -> Response:
    """Return the points of the map; their address changes with them."""
    overview = _overviews().of(state.live().searcher())
    if not overview.mapped:
        raise NotFound()
    keeps = request.args.get("v") == overview.version
    headers = {"Cache-Control": "private, max-age=86400, immutable" if keeps else "no-store"}
    return Response(overview.points, content_type="application/octet-stream", headers=headers)


@views.get("/newsroom/map/articles")
def map_articles() -> ResponseReturnValue:
    """Return what is told of the articles of some rows of the map.

    :raises Changed: if another map is served by now.
    """
    overview = _overviews().of(state.live().searcher())
    rows = [int(row) for row in request.args.getlist("row") if row.isdecimal() and len(row) < 10]
    if (version := request.args.get("v", "")) != overview.version:
        raise Changed(FieldError("v", shown(version), f"expected {overview.version}, the map that is served"))
    told = [
        {
            "row": row,
            "title": one.title,
            "section": one.section,
            "when": one.published_at and language().ago(one.published_at, datetime.now(UTC)),
            "href": link("pages.article", article_id=one.id),
        }
        for row, one in overview.articles(rows)
    ]
    return state.as_json({"articles": told})


@views.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>")
def map_findings(kind: finding_page.FindingKind) -> Response:
    """Show a list of what there is to act on, a page of it."""
    overview, given = _overviews().of(state.live().searcher()), request.args.get("page", "1")
    number = int(given) if given.isdecimal() and len(given) < 9 else 1
    return newsroom_page(
        "findings.html",
        w=MapWords.in_language(language().code),
        found=overview.findings,
        page=finding_page.page(overview.archive, overview.findings, kind, number),
    )


@views.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>.csv")
def map_findings_csv(kind: finding_page.FindingKind) -> Response:
    """Return all of such a list as a table to download."""
    overview = _overviews().of(state.live().searcher())
    lines = finding_page.table(overview.archive, overview.findings, kind)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)
