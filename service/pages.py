"""The HTML blueprint: each view parses, calls, and renders; what a page says is in `strings`, how in `templates`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from indexer import text
from indexer.article import Article, shown
from indexer.errors import IndexerError
from indexer.snapshot import Home
from indexer.summaries import Summary
from service import (
    api,
    article_page,
    block,
    block_page,
    block_words,
    deadline,
    draft_words,
    finding_page,
    gate,
    judgements,
    judging,
    judging_words,
    link_lists,
    map_words,
    metadata,
    newsroom,
    newsroom_words,
    operations,
    operations_words,
    picks,
    query_page,
    query_words,
    rule_form,
    schemas,
    strings,
    vocabulary_page,
    vocabulary_words,
)
from service.errors import BadRequest, FieldError, Forbidden, ServiceError, SignedOut, StaleForm, WrongKey
from service.gate import Asked, Visitor
from service.highlights import highlights
from service.hits import Answer
from service.judgements import JudgementStore
from service.keys import Scope
from service.pictures import Pictures
from service.rule_file import Author
from service.rule_form import RuleForm
from service.schemas import SearchParams
from service.search_page import BOUNDS, Link, SearchLinks
from service.searcher import Searcher
from service.sessions import Session
from service.strings import Strings

blueprint = Blueprint("pages", __name__)

LIT = 60
"""How many hits of a search are lit on the map."""

CSRF = "csrf"
"""The field in which the newsroom's forms carry what no other site can know."""

COOKIE = "lienquan_newsroom"
_COOKIE_PATH = "/newsroom"
_FOR_ALL = {"pages.sign_in", "pages.signing_in"}
"""What of the newsroom's is there for whoever is not signed in."""

_KEPT_WHEN = {
    SignedOut: {"pages.draft", "pages.change_synonyms"},
    StaleForm: {"pages.draft", "pages.save_rule", "pages.change_synonyms"},
}
"""What is answered by its own page where its form is refused."""

_KEPT_FROM_ROBOTS = ("/search", "/newsroom/", "/api/")


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
    searcher = api.live().searcher()
    answer = searcher.search(params)
    api.note(params, answer)
    query = api.understood(answer)
    deadline.check("snippets")
    links = SearchLinks(params, _words(), partial(link, "pages.search"))
    lang = _lang(_words().code)
    return render_template(
        "search.html",
        params=params,
        answer=answer,
        hits=[(hit, highlights(api.visible(hit.article), query.wanted)) for hit in answer.hits],
        pictured=_pictures().any(hit.article for hit in answer.hits),
        understood=links.understood(query, answer.relaxed),
        to_try=[] if answer.total else links.to_try(searcher.suggest),
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
    before, after = article_page.paragraphs(found)
    blocks = article_page.blocks(searcher, found, len(before) + len(after))
    api.count_related(blocks.related)
    original = web_address(found.url)
    address = original.href if original else _absolute(url_for("pages.article", article_id=found.id))
    return render_template(
        "article.html",
        article=found,
        before=before,
        after=after,
        blocks=blocks,
        description=article_page.description(found),
        original=original,
        canonical=address,
        open_graph=metadata.open_graph(found, address),
        json_ld=metadata.json_ld(found, address),
        pictured=_pictures().any(hit.article for hit in blocks.related),
    )


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Tell search engines which pages they may read: those of articles, if any."""
    kept = _KEPT_FROM_ROBOTS if api.settings().robots == "index" else ("/",)
    return Response("User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in kept), mimetype="text/plain")


@blueprint.before_request
def guard() -> None:
    """Let nobody have a page of the newsroom's who may not, before anything of the request is read."""
    if request.url_rule is None or not request.url_rule.rule.startswith("/newsroom/"):
        return
    if not api.settings().newsroom:
        raise NotFound()
    if request.endpoint in _FOR_ALL:
        return
    try:
        g.visitor = api.gate().visitor(_asked())
        if request.method not in newsroom.SAFE:
            api.gate().check_form(g.visitor, request.form.get(CSRF, ""))
    except (SignedOut, StaleForm) as error:
        if request.endpoint not in _KEPT_WHEN[type(error)]:
            raise
        g.refused = error  # what was typed stays on its page, to be sent again


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Have nothing of the newsroom's kept by browsers and proxies."""
    if request.path.startswith("/newsroom/"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@blueprint.errorhandler(SignedOut)
@blueprint.errorhandler(StaleForm)
def not_let_in(error: ServiceError) -> ResponseReturnValue:
    """Lead to where one signs in."""
    return redirect(link("pages.sign_in", next=gate.inside(quote(request.path))), 303)


@blueprint.get("/newsroom/sign-in")
def sign_in() -> ResponseReturnValue:
    """Show the form to sign in with a key; whoever need not goes on."""
    try:
        api.gate().visitor(_asked())
    except SignedOut:
        return _sign_in_page()
    return _onward()


@blueprint.post("/newsroom/sign-in")
def signing_in() -> ResponseReturnValue:
    """Sign in with a key. It is in no address and in no log."""
    form = request.form
    try:
        session = api.gate().sign_in(_asked(), form.get("key", ""), form.get(CSRF, ""))
    except (StaleForm, WrongKey) as error:
        return _sign_in_page(error)
    return _remembered(_onward(), session)


@blueprint.post("/newsroom/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    api.gate().sign_out(g.visitor)
    response = make_response(redirect(link("pages.sign_in"), 303))
    response.delete_cookie(COOKIE, path=_COOKIE_PATH, httponly=True, samesite="Lax")
    return response


def _asked() -> Asked:
    protocol = request.environ.get("SERVER_PROTOCOL")
    return Asked(request.method, request.remote_addr, protocol, request.headers.get, request.cookies.get(COOKIE))


def _onward() -> Response:
    """Return the way to the page that was wanted before signing in."""
    wanted = gate.inside(request.values.get("next")) or url_for("pages.newsroom_home")
    lang = _lang(_words().code)
    return make_response(redirect(wanted + ("?" + urlencode(lang) if lang else ""), 303))


def _sign_in_page(error: ServiceError | None = None) -> Response:
    visitor = api.gate().beginning(_asked())
    onward, stale = gate.inside(request.values.get("next")) or "", isinstance(error, StaleForm)
    page = render_template("sign_in.html", csrf=api.gate().token(visitor), next=onward, error=error, stale=stale)
    response = Response(page, 200 if error is None else error.status)
    return response if visitor.session is None else _remembered(response, visitor.session)


def _remembered(response: Response, session: Session) -> Response:
    """Return a response that has the browser keep the cookie of a session, for the newsroom's pages alone."""
    # A proxy that takes off TLS may not say so; the browser does, of a form.
    secure = request.is_secure or request.headers.get("Origin", "").startswith("https://")
    seconds = int(session.until - time.time())
    response.set_cookie(
        COOKIE, session.cookie, seconds, path=_COOKIE_PATH, secure=secure, httponly=True, samesite="Lax"
    )
    return response


@blueprint.get("/newsroom/")
def newsroom_home() -> Response:
    """Show what there is for the newsroom."""
    return _newsroom_page("newsroom_home.html")


@blueprint.get("/newsroom/draft")
def draft_form() -> Response:
    """Show the form that a draft is pasted into."""
    return _draft_page(newsroom.filled_in({}), [])


@blueprint.post("/newsroom/draft")
def draft() -> Response:
    """Show the form as it was sent, and what would be linked. The draft is in no address and in no log."""
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    picked = picks.taken(given)
    filled = newsroom.filled_in(given)
    if "refused" in g:
        return _draft_page(filled, picked, error=g.refused)
    try:
        answer = api.live().searcher().related(newsroom.parse(given))
    except ServiceError as error:
        return _draft_page(filled, picked, error=error)
    return _draft_page(filled, picked, answer)


def _draft_page(
    filled: dict[str, str], picked: list[str], answer: Answer | None = None, error: ServiceError | None = None
) -> Response:
    words, searcher = _words(), api.live().searcher()
    counted = searcher.archive.facets(np.flatnonzero(searcher.public())).get("section", [])
    names = {name for name, _ in counted} | {filled["section"]} - {""}
    return _newsroom_page(
        "draft.html",
        200 if error is None else error.status,
        filled=filled,
        sections=[("", words.no_section), *((name, name) for name in sorted(names, key=text.match_key))],
        answer=answer,
        lines=[] if answer is None else [picks.line(hit.article, _own_page) for hit in answer.hits],
        picked=picks.looked_up(searcher, picked, _own_page),
        formats=link_lists.FORMATS,
        error=error,
        signed_out=isinstance(error, SignedOut),
        stale=isinstance(error, StaleForm),
        empty=error is not None and newsroom.EMPTY in error.errors,
        w=draft_words.WORDS[words.code],
    )


@blueprint.get("/newsroom/index")
def operations_page() -> Response:
    """Show operators how everything is now."""
    state = operations.operations(_home(), api.live(), api.latency())
    rolled = next((row.id for row in state.snapshots if row.id == request.args.get("rolled")), None)
    return _newsroom_page(
        "operations.html",
        w=operations_words.WORDS[_words().code],
        state=state,
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
    _needs("ingest")
    who = g.visitor.key.name if g.visitor.key else "somebody on this machine"
    try:
        name = operations.roll_back(_home(), wanted, seen, who)
    except IndexerError as error:
        return _rollback_page(wanted, str(error))
    return redirect(link("pages.operations_page", rolled=name), 303)


def _rollback_page(wanted: str, problem: str | None = None) -> ResponseReturnValue:
    _needs("ingest")
    rows = {row.id: row for row in operations.snapshots(_home(), None)}
    if wanted not in rows:
        raise NotFound()
    current = next((row for row in rows.values() if row.current), None)
    words = operations_words.WORDS[_words().code]
    status = 200 if problem is None else 409
    return _newsroom_page("rollback.html", status, w=words, wanted=rows[wanted], current=current, problem=problem)


@blueprint.get("/newsroom/map")
def archive_map() -> Response:
    """Show the archive as a map, what a search finds on it, and what there is to act on."""
    searcher, q = api.live().searcher(), text.clean(request.args.get("q", ""))
    overview = api.overviews().of(searcher)
    found = None if not q else searcher.search(schemas.parse_params(SearchParams, {"q": [q], "limit": [str(LIT)]}))
    return _newsroom_page(
        "map.html",
        w=map_words.WORDS[_words().code],
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
    overview = api.overviews().of(api.live().searcher())
    if not overview.mapped:
        raise NotFound()
    keeps = request.args.get("v") == overview.version
    headers = {"Cache-Control": "private, max-age=86400, immutable" if keeps else "no-store"}
    return Response(overview.points, content_type="application/octet-stream", headers=headers)


@blueprint.get("/newsroom/map/articles")
def map_articles() -> ResponseReturnValue:
    """Return what is told of the articles of some rows of the map; 409 where it is another one by now."""
    overview = api.overviews().of(api.live().searcher())
    rows = [int(row) for row in request.args.getlist("row") if row.isdecimal() and len(row) < 10]
    if request.args.get("v") != overview.version:
        return api.as_json({"version": overview.version}), 409
    told = [
        {
            "row": row,
            "title": one.title,
            "section": one.section,
            "when": one.published_at and _words().ago(one.published_at, datetime.now(UTC)),
            "href": link("pages.article", article_id=one.id),
        }
        for row, one in overview.articles(rows)
    ]
    return api.as_json({"articles": told})


@blueprint.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>")
def map_findings(kind: finding_page.Kind) -> Response:
    """Show a list of what there is to act on, a page of it."""
    overview, given = api.overviews().of(api.live().searcher()), request.args.get("page", "1")
    number = int(given) if given.isdecimal() and len(given) < 9 else 1
    return _newsroom_page(
        "findings.html",
        w=map_words.WORDS[_words().code],
        found=overview.findings,
        page=finding_page.page(overview.archive, overview.findings, kind, number),
    )


@blueprint.get("/newsroom/map/<any(duplicates, unlinked, hubs):kind>.csv")
def map_findings_csv(kind: finding_page.Kind) -> Response:
    """Return all of such a list as a table to download."""
    overview = api.overviews().of(api.live().searcher())
    lines = finding_page.table(overview.archive, overview.findings, kind)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _needs(scope: Scope) -> None:
    """Let go on whoever's key is of a scope.

    :raises Forbidden: if it is not, naming the scope.
    """
    if not g.visitor.may(scope):
        raise Forbidden([FieldError("key", shown(g.visitor.key.name), f"expected one of scope {scope}")])


def _home() -> Home:
    return Home(api.settings().home)


def _own_page(article: Article | Summary) -> str:
    return url_for("pages.article", article_id=article.id)


@blueprint.get("/newsroom/articles")
def articles() -> ResponseReturnValue:
    """Find an article by its title, id or URL, to see its block."""
    typed = text.clean(request.args.get("q", ""))
    found = block.find(api.live().searcher(), typed)
    if found.article is not None:
        return redirect(link("pages.article_block", article_id=found.article.id), 303)
    return _newsroom_page("articles.html", typed=typed, hits=found.hits, w=_block_words())


@blueprint.get("/newsroom/articles/<string:article_id>")
def article_block(article_id: str) -> ResponseReturnValue:
    """Show an article's block with what the rules do to it, or what a change of them would do. Nothing is changed."""
    given = request.args.to_dict(flat=False)
    given.pop("lang", None)
    searcher = api.live().searcher()
    under = searcher.article(article_id)
    if under.id != article_id:
        return redirect(link("pages.article_block", article_id=under.id), 303)
    if "do" in given:
        return _change_page(searcher, under, rule_form.parse(given))
    params = schemas.parse_params(block_page.BlockParams, given)
    found = block.block(searcher, under, params.preset)
    about = [effect.rule for effect in found.effects]
    entries = block_page.history(api.settings().rules, about, under)
    pair = block_page.compared(searcher, under, params.when)
    return _block_page(
        "block.html",
        under,
        params.preset,
        block_page.titles(searcher, about),
        found=found,
        saved=any(entry.id == params.saved for entry in entries[:1]),
        when=params.when,
        entries=entries,
        **block_page.comparing(_words(), pair),
    )


@blueprint.post("/newsroom/articles/<string:article_id>")
def save_rule(article_id: str) -> ResponseReturnValue:
    """Change the rules as it was shown, and show the block as it is then."""
    path = api.settings().rules
    if path is None or not g.visitor.may("rules"):
        raise Forbidden([FieldError("key", "this visitor", "expected a key of scope rules, and a file of rules")])
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    form, searcher, w = rule_form.parse(given), api.live().searcher(), _block_words()
    under = searcher.article(article_id)
    if "refused" in g:
        return _change_page(searcher, under, form, _words().form_stale, status=403)
    if form.seen != searcher.rules().rules.revision:
        return _change_page(searcher, under, form, w.rules_changed, status=409)
    try:
        change = rule_form.change(searcher, form, under)
        rule_form.save(path, change, Author(block_page.author(g.visitor, w), form.why or None))
    except ServiceError as error:
        return _change_page(searcher, under, form, error=error, status=error.status)
    saved = change if isinstance(change, str) else change.id
    return redirect(link("pages.article_block", article_id=under.id, preset=form.preset, saved=saved), 303)


def _change_page(
    searcher: Searcher,
    under: Article,
    form: RuleForm,
    note: str = "",
    error: ServiceError | None = None,
    status: int = 200,
) -> Response:
    shown = block_page.NO_CHANGE
    if error is None:
        try:
            shown = block_page.changing(searcher, under, form)
        except BadRequest as fault:
            error, status = fault, fault.status
    named = {} if shown.rule is None else block_page.titles(searcher, [shown.rule])
    return _block_page(
        "block_change.html", under, form.preset, named, status, form=form, note=note, error=error, **shown._asdict()
    )


def _block_page(
    template: str, under: Article, preset: str, named: Mapping[str, str], status: int = 200, **values: Any
) -> Response:
    words = _block_words()
    return _newsroom_page(
        template,
        status,
        w=words,
        under=under,
        preset=preset,
        block_path=url_for("pages.article_block", article_id=under.id),
        here_path=url_for("pages.articles"),
        has_file=api.settings().rules is not None,
        can_change=api.settings().rules is not None and g.visitor.may("rules"),
        told=lambda rule: block_page.told(rule, words, named),
        lists_of=lambda rule: block_page.lists_of(rule, words, under),
        **values,
    )


def _block_words() -> block_words.Words:
    return block_words.WORDS[_words().code]


@blueprint.get("/newsroom/query")
def query() -> Response:
    """Show how a query is understood, and what meaning, words and both find."""
    given = _filled_in(request.args.lists())
    asked = schemas.parse_params(query_page.Asked, given, ignore_unknown=True) if "q" in given else None
    view = None if asked is None else query_page.view(api.live().searcher(), asked)
    return _newsroom_page("query.html", w=query_words.WORDS[_words().code], asked=asked, view=view)


@blueprint.get("/newsroom/judge")
def judge() -> ResponseReturnValue:
    """Show what the lists of a query bring, or those under an article, to be judged without knowing which did."""
    given = _filled_in(request.args.lists())
    if not given.keys() & {"q", "article"}:
        return redirect(link("pages.judged"), 303)
    subject = schemas.parse_params(judging.Subject, given, ignore_unknown=True)
    since = subject.since or time.time()
    sitting = judging.sitting(api.live().searcher(), _judgements(), subject, _judge(), since)
    words = judging_words.WORDS[_words().code]
    return _newsroom_page("judge.html", w=words, subject=subject, since=since, sitting=sitting)


@blueprint.post("/newsroom/judge")
def judge_one() -> ResponseReturnValue:
    """Write a judgement down, or take the last one back."""
    form = _filled_in((name, values) for name, values in request.form.lists() if name not in (CSRF, "at"))
    given = schemas.parse_params(judging.Given, form)
    judging.take(api.live().searcher(), _judgements(), given, _judge())
    at = request.form.get("at", "")
    anchor = {"_anchor": f"place-{int(at) + 1}"} if at.isdecimal() and len(at) < 4 else {}
    return redirect(link("pages.judge", **given.subject(), **anchor), 303)


@blueprint.get("/newsroom/judgements")
def judged() -> Response:
    """Show the judged queries, and how good each list of theirs is."""
    asked = schemas.parse_params(judging.Listing, _filled_in(request.args.lists()), ignore_unknown=True)
    found = judging.overview(api.live().searcher(), _judgements(), asked.what, asked.offset)
    words = judging_words.WORDS[_words().code]
    return _newsroom_page("judgements.html", w=words, asked=asked, found=found, page=judging.PAGE, moment=_moment)


@blueprint.get("/newsroom/judgements/<string:name>")
def judgements_file(name: str) -> Response:
    """Download the judgements in a form that `lienquan evaluate` reads, or everybody's by themselves."""
    asked = schemas.parse_params(judging.Listing, _filled_in(request.args.lists()), ignore_unknown=True)
    content = judgements.as_file(name, asked.what, _judgements().of(asked.what), asked.by)
    if content is None:
        raise NotFound
    kind = "text/tab-separated-values" if name.endswith(".tsv") else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{asked.what}-{name}"'}
    return Response(content, headers=headers, content_type=f"{kind}; charset=utf-8")


@blueprint.get("/newsroom/synonyms")
def synonyms() -> Response:
    """Show the newsroom's synonyms, abbreviations and renamed places, and what is known without them."""
    return _vocabulary_page(_filled_in(request.args.lists()))


@blueprint.post("/newsroom/synonyms")
def change_synonyms() -> ResponseReturnValue:
    """Try a change out beside what is found without it, or make it."""
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    if "refused" in g:
        return _vocabulary_page(given, error=g.refused)
    try:
        form = vocabulary_page.parse(given)
        if form.do == "try":
            return _vocabulary_page(given, form)
        vocabulary_page.save(api.settings(), form, g.visitor, _judge())
    except ServiceError as error:
        return _vocabulary_page(given, error=error)
    asked = {"what": form.what, "done": form.do} | ({"q": form.q} if form.q else {})
    return redirect(link("pages.synonyms", **asked), 303)


def _vocabulary_page(
    given: Mapping[str, Sequence[str]], form: vocabulary_page.Form | None = None, error: ServiceError | None = None
) -> Response:
    words = vocabulary_words.WORDS[_words().code]
    if isinstance(error, SignedOut):  # who is not let in sees what they typed, and nothing else
        filled = vocabulary_page.filled_in(given)
        return _newsroom_page("synonyms.html", error.status, w=words, filled=filled, view=None, error=error)
    view = vocabulary_page.view(api.live().searcher(), api.settings(), given, form, error)
    status = 200 if view.error is None else view.error.status
    own = {"filled": view.filled, "error": view.error, "may": g.visitor.may("rules")}
    return _newsroom_page("synonyms.html", status, w=words, view=view, done=given.get("done", [""])[0], **own)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _judgements() -> JudgementStore:
    return JudgementStore(api.settings().home)


def _judge() -> str:
    """Return by whose name judgements are kept."""
    key = g.visitor.key
    return judgements.NOBODY if key is None else key.name


def _newsroom_page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of the newsroom's, with its menu and what its forms must carry."""
    visitor, words = g.get("visitor", Visitor()), newsroom_words.WORDS[_words().code]
    page = render_template(
        template,
        menu=words,
        csrf=api.gate().token(visitor),
        signed_in=visitor.key,
        **{"here_path": request.path} | values,
    )
    return Response(page, status)


@blueprint.app_context_processor
def context() -> dict[str, Any]:
    """Return what every template needs, the error page's too, whatever was asked for."""
    words, settings = _words(), api.settings()
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    # An address of the query alone stays on this page, whether or not it is one of ours.
    here = {code: "?" + urlencode([*given, *_lang(code)], errors="replace") for code in ("vi", "en")}
    return {
        "t": words,
        "link": link,
        "lang": _lang(words.code),
        "here": here,
        "absolute": _absolute,
        "now": datetime.now(UTC),
        "pictures": _pictures(),
        "robots": settings.robots,
        "kinds": json.dumps(words.kinds, ensure_ascii=False),
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


def _absolute(path: str) -> str:
    """Return the whole address of a path, as readers reach it."""
    return (api.settings().public_url or request.host_url).rstrip("/") + path


def _pictures() -> Pictures:
    return Pictures(api.settings().picture_hosts)


def _words() -> Strings:
    return strings.language(request.args.get("lang"))


def _lang(code: str) -> list[tuple[str, str]]:
    """Return the parameter that names a language, none for the default one."""
    return [] if code == strings.VI.code else [("lang", code)]


def _filled_in(given: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    """Return the parameters less the blank values: what a form sends for a field that was left alone."""
    filled = {name: [value for value in values if text.clean(value)] for name, values in given}
    return {name: values for name, values in filled.items() if values}
