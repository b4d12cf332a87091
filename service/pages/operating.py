"""The operators' pages: how everything is now, snapshots and rolling back."""

from __future__ import annotations

from flask import Response, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from indexer.errors import IndexerError
from indexer.snapshot.home import Home
from service import state
from service.pages.shared import blueprint, language, link, needs, newsroom_page
from service.upkeep import operations
from service.wording.operations import OperationsWords


@blueprint.get("/newsroom/index")
def operations_page() -> Response:
    """Show operators how everything is now."""
    found = operations.operations(_home(), state.live(), state.latency())
    rolled = next((row.id for row in found.snapshots if row.id == request.args.get("rolled")), None)
    return newsroom_page(
        "operations.html",
        w=OperationsWords.in_language(language().code),
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
    words = OperationsWords.in_language(language().code)
    status = 200 if problem is None else 409
    return newsroom_page("rollback.html", status, w=words, wanted=rows[wanted], current=current, problem=problem)


def _home() -> Home:
    return Home(state.settings().home)
