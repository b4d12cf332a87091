"""The operators' pages: snapshots and rolling back, the map of the archive, what there is to act on."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from indexer.articles.article import shown
from indexer.errors import IndexerError
from indexer.snapshot.home import Home
from indexer.text import folding
from service import schemas, state
from service.errors import Changed, FieldError
from service.overview import finding_page
from service.pages.shared import blueprint, language, link, needs, newsroom_page
from service.schemas import SearchParams
from service.upkeep import operations
from service.wording import map as map_words
from service.wording import operations as operations_words

LIT = 60
"""How many hits of a search are lit on the map."""


@blueprint.get("/newsroom/index")
def operations_page() -> Response:
    """Show operators how everything is now."""
    found = operations.operations(_home(), state.live(), state.latency())
    rolled = next((row.id for row in found.snapshots if row.id == request.args.get("rolled")), None)
    return newsroom_page(
        "operations.html",
        w=operations_words.WORDS[language().code],
        state=found,
        rolled=rolled,
        may_roll_back=g.visitor.may("ingest"),
    )


@blueprint.get("/newsroom/index/rollback")
def rollback() -> ResponseReturnValue:
    """Ask whether to make an earlier snapshot current again."""
    return _rollback_page(request.args.get("to", ""))


@blueprint.post("/newsroom/index/rollback")
def roll_back() -> ResponseReturnValue:
    """Make an earlier snapshot current again."""
    wanted, seen = request.form.get("to", ""), request.form.get("seen", "")
    needs("ingest")
    who = g.visitor.author or "somebody on this machine"
    try:
        name = operations.roll_back(_home(), wanted, seen, who)
    except IndexerError as error:
        return _rollback_page(wanted, str(error))
    return redirect(link("pages.operations_page", rolled=name), 303)


def _rollback_page(wanted: str, problem: str | None = None) -> ResponseReturnValue:
    needs("ingest")
    rows = {row.id: row for row in operations.snapshots(_home(), None)}
    if wanted not in rows:
        raise NotFound()
    current = next((row for row in rows.values() if row.current), None)
    words = operations_words.WORDS[language().code]
    status = 200 if problem is None else 409
    return newsroom_page("rollback.html", status, w=words, wanted=rows[wanted], current=current, problem=problem)


@blueprint.get("/newsroom/map")
def archive_map() -> Response:
    """Show the archive as a map, what a search finds on it, and what there is to act on."""
    searcher, q = state.live().searcher(), folding.clean(request.args.get("q", ""))
    overview = state.overviews().of(searcher)
    found = None if not q else searcher.search(schemas.parse_params(SearchParams, {"q": [q], "limit": [str(LIT)]}))
    return newsroom_page(
        "map.html",
        w=map_words.WORDS[language().code],
        overview=overview,
        q=q,
        found=found,
        rows=[] if found is None else [searcher.archive.row_of(hit.article.id) for hit in found.hits],
        kinds_found=[
            finding_page.page(overview.archive, overview.findings, kind, 1, each=3) for kind in finding_page.KINDS
        ],
    )


@blueprint.get("/newsroom/map/points")
def map_points() -> Response:
    """Return the points of the map; their address changes with them."""
    overview = state.overviews().of(state.live().searcher())
    if not overview.mapped:
        raise NotFound()
    keeps = request.args.get("v") == overview.version
    headers = {"Cache-Control": "private, max-age=86400, immutable" if keeps else "no-store"}
    return Response(overview.points, content_type="application/octet-stream", headers=headers)


@blueprint.get("/newsroom/map/articles")
def map_articles() -> ResponseReturnValue:
    """Return what is told of the articles of some rows of the map.

    :raises Changed: if another map is served by now.
    """
    overview = state.overviews().of(state.live().searcher())
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


@blueprint.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>")
def map_findings(kind: finding_page.FindingKind) -> Response:
    """Show a list of what there is to act on, a page of it."""
    overview, given = state.overviews().of(state.live().searcher()), request.args.get("page", "1")
    number = int(given) if given.isdecimal() and len(given) < 9 else 1
    return newsroom_page(
        "findings.html",
        w=map_words.WORDS[language().code],
        found=overview.findings,
        page=finding_page.page(overview.archive, overview.findings, kind, number),
    )


@blueprint.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>.csv")
def map_findings_csv(kind: finding_page.FindingKind) -> Response:
    """Return all of such a list as a table to download."""
    overview = state.overviews().of(state.live().searcher())
    lines = finding_page.table(overview.archive, overview.findings, kind)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _home() -> Home:
    return Home(state.settings().home)
