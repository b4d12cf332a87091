"""Editors' pages on queries: how one is understood, what each list finds, judging that."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from service import schemas, state
from service.judging import judgements, query_page, sittings
from service.judging.judgements import JudgementStore
from service.pages.shared import CSRF, Views, filled_in, language, link, newsroom_page, visitor_name
from service.wording.judging import JudgingWords
from service.wording.query import QueryWords

views = Views()


@views.get("/newsroom/query")
def query() -> Response:
    """Show how a query is understood, and what meaning, words and both find."""
    given = filled_in(request.args.lists())
    asked = schemas.parse_params(query_page.QueryPageParams, given, ignore_unknown=True) if "q" in given else None
    view = None if asked is None else query_page.view(state.live().searcher(), asked)
    return newsroom_page("query.html", w=QueryWords.in_language(language().code), asked=asked, view=view)


@views.get("/newsroom/judge")
def judge() -> ResponseReturnValue:
    """Show what the lists of a query bring, or those under an article, to be judged without knowing which did."""
    given = filled_in(request.args.lists())
    if not given.keys() & {"q", "article"}:
        return redirect(link("pages.judged"), 303)
    subject = schemas.parse_params(sittings.Subject, given, ignore_unknown=True)
    since = subject.since or time.time()
    sitting = sittings.sitting(state.live().searcher(), _judgements(), subject, visitor_name(), since)
    words = JudgingWords.in_language(language().code)
    return newsroom_page("judge.html", w=words, subject=subject, since=since, sitting=sitting)


@views.post("/newsroom/judge")
def judge_one() -> ResponseReturnValue:
    """Write a judgement down, or take the last one back."""
    form = filled_in((name, values) for name, values in request.form.lists() if name not in (CSRF, "at"))
    given = schemas.parse_params(sittings.GivenGrade, form)
    sittings.take(state.live().searcher(), _judgements(), given, visitor_name())
    at = request.form.get("at", "")
    anchor = {"_anchor": f"place-{int(at) + 1}"} if at.isdecimal() and len(at) < 4 else {}
    return redirect(link("pages.judge", **given.subject(), **anchor), 303)


@views.get("/newsroom/judgements")
def judged() -> Response:
    """Show the judged queries, and how good each list of theirs is."""
    asked = schemas.parse_params(sittings.Listing, filled_in(request.args.lists()), ignore_unknown=True)
    found = sittings.overview(state.live().searcher(), _judgements(), asked.what, asked.offset)
    words = JudgingWords.in_language(language().code)
    return newsroom_page("judgements.html", w=words, asked=asked, found=found, page=sittings.PAGE, moment=_moment)


@views.get("/newsroom/judgements/<string:name>")
def judgements_file(name: str) -> Response:
    """Download the judgements in a form that `lienquan evaluate` reads, or everybody's by themselves."""
    asked = schemas.parse_params(sittings.Listing, filled_in(request.args.lists()), ignore_unknown=True)
    content = judgements.as_file(name, asked.what, _judgements().of(asked.what), asked.by)
    if content is None:
        raise NotFound
    kind = "text/tab-separated-values" if name.endswith(".tsv") else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{asked.what}-{name}"'}
    return Response(content, headers=headers, content_type=f"{kind}; charset=utf-8")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _judgements() -> JudgementStore:
    return JudgementStore(state.settings().home)
