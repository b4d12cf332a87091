"""The newsroom's door: who is let in, signing in and out, its first page."""

from __future__ import annotations

import time
from urllib.parse import quote, urlencode

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from service import state
from service.errors import ServiceError, SignedOut, StaleForm, TooMany, WrongKey
from service.pages.shared import CSRF, blueprint, lang_fields, language, link, newsroom_page
from service.security import gate, local
from service.security.access import SAFE
from service.security.audit_entries import Actor
from service.security.gate import BrowserRequest
from service.security.people import Person
from service.security.sessions import Session
from service.wording.sign_on import SignOnWords

COOKIE = "lienquan_newsroom"

_COOKIE_PATH = "/newsroom"

_FOR_ALL = {
    *("pages.sign_in", "pages.signing_in"),
    *("pages.go_to_provider", "pages.come_from_provider", "pages.end_elsewhere"),
}
"""What of the newsroom's is there for whoever is not signed in."""

_KEPT_WHEN = {
    SignedOut: {"pages.draft"},
    StaleForm: {"pages.draft", "pages.save_rule"},
}
"""What is answered by its own page where its form is refused, beside what parts add (`state.kept_forms`)."""


@blueprint.before_request
def guard() -> None:
    """Let nobody have a page of the newsroom's who may not, before anything of the request is read."""
    if request.url_rule is None or not request.url_rule.rule.startswith("/newsroom/"):
        return
    if not state.settings().newsroom:
        raise NotFound()
    if request.endpoint in _FOR_ALL:
        return
    try:
        g.visitor = state.gate().visitor(asked())
        if request.method not in SAFE:
            state.gate().check_form(g.visitor, request.form.get(CSRF, ""))
    except (SignedOut, StaleForm) as error:
        if request.endpoint not in _KEPT_WHEN[type(error)] | state.kept_forms():
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
    """Show the ways to sign in that there are; whoever need not goes on."""
    try:
        state.gate().visitor(asked())
    except SignedOut:
        return _sign_in_page()
    return onward(request.values.get("next"))


@blueprint.post("/newsroom/sign-in")
def signing_in() -> ResponseReturnValue:
    """Sign in with a key. It is in no address and in no log."""
    form = request.form
    try:
        session = state.gate().sign_in(asked(), form.get("key", ""), form.get(CSRF, ""))
    except (StaleForm, WrongKey, TooMany) as error:
        if not isinstance(error, StaleForm):
            state.audit().refused("wrong key", address=request.remote_addr)
        if isinstance(error, TooMany):
            raise
        return _sign_in_page(error)
    key = state.keys().get(session.key_id)
    actor = Actor(f"key:{session.key_id}") if key is None else Actor.of_key(key)
    state.audit().record("session.begun", actor, address=request.remote_addr)
    return remembered(onward(request.values.get("next")), session)


@blueprint.post("/newsroom/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    state.gate().sign_out(g.visitor)
    if g.visitor.who is not None:
        state.audit().record_after("session.ended", Actor.of(g.visitor.who), address=request.remote_addr)
    left = {"left": "provider"} if isinstance(g.visitor.who, Person) else {}
    response = make_response(redirect(link("pages.sign_in", **left), 303))
    response.delete_cookie(COOKIE, path=_COOKIE_PATH, httponly=True, samesite="Lax")
    return response


def asked() -> BrowserRequest:
    """Return what of the request decides who is let in."""
    peer, protocol = local.peer_of(request.environ), request.environ.get("SERVER_PROTOCOL")
    return BrowserRequest(
        request.method, request.remote_addr, peer, protocol, request.headers.get, request.cookies.get(COOKIE)
    )


def onward(wanted: str | None) -> Response:
    """Return the way to the page that was wanted before signing in, to the first one where it is none of these."""
    wanted = gate.inside(wanted) or url_for("pages.newsroom_home")
    lang = lang_fields(language().code)
    return make_response(redirect(wanted + ("?" + urlencode(lang) if lang else ""), 303))


def _sign_in_page(error: ServiceError | None = None) -> Response:
    visitor, sign_on = state.gate().beginning(asked()), state.sign_on()
    left = sign_on is not None and request.args.get("left") == "provider"
    page = render_template(
        "sign_in.html",
        csrf=state.gate().token(visitor),
        next=gate.inside(request.values.get("next")) or "",
        error=error,
        stale=isinstance(error, StaleForm),
        w=SignOnWords.in_language(language().code),
        takes_keys=sign_on is None or state.gate().takes_keys(),
        provider=None if sign_on is None else sign_on.name,
        refused=request.args.get("refused"),
        left=left,
        leave=sign_on.sign_out_url() if sign_on is not None and left else None,
    )
    response = Response(page, 200 if error is None else error.status)
    return response if visitor.session is None else remembered(response, visitor.session)


def remembered(response: Response, session: Session) -> Response:
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
    return newsroom_page("newsroom_home.html")
