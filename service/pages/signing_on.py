"""Signing in to the newsroom's pages through its provider: there, back, and out when the provider says so."""

from __future__ import annotations

import logging

from flask import Response, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from service import state
from service.errors import SignOnRefused
from service.pages.entering import onward, remembered
from service.pages.shared import blueprint, language, link
from service.security import access, gate
from service.security.audit_entries import Actor
from service.security.flows import SECONDS, Flow
from service.security.sign_on import BACK, START, SignOn
from service.wording.catalogue import SOURCE

logger = logging.getLogger(__name__)

COOKIE = "lienquan_sign_on"
"""What a browser holds while it is at the provider."""

PROVIDER = Actor("oidc")
"""Who ends sessions without their browsers."""

_COOKIE_PATH = "/newsroom/sign-in"


@blueprint.get(START)
def go_to_provider() -> ResponseReturnValue:
    """Send a browser to the provider, unless another site has it come here."""
    sign_on = _sign_on()
    wanted = gate.inside(request.args.get("next")) or ""
    if access.foreign(request.headers.get) is not None:
        return redirect(link("pages.sign_in", next=wanted or None), 303)
    lang = language().code
    try:
        url, flow = sign_on.start(wanted, "" if lang == SOURCE else lang)
    except SignOnRefused as error:
        return _refused(error, wanted)
    response = make_response(redirect(url, 303))
    secure = (state.settings().public_url or "").startswith("https://")
    # Lax, for it is another site that sends the browser back.
    response.set_cookie(COOKIE, flow.cookie, SECONDS, path=_COOKIE_PATH, secure=secure, httponly=True, samesite="Lax")
    return response


@blueprint.get(BACK)
def come_from_provider() -> ResponseReturnValue:
    """Let in, with a new session, whoever comes back from the provider as they must."""
    sign_on, cookie = _sign_on(), request.cookies.get(COOKIE)
    _speak(sign_on.flow(cookie))
    try:
        signed_on = sign_on.finish(cookie, request.args.to_dict(flat=False))
    except SignOnRefused as error:
        flow = sign_on.flow(cookie)
        return _refused(error, flow.onward if flow else "")
    person = signed_on.person
    state.audit().record("session.begun", Actor.of_person(person), address=request.remote_addr, role=person.role)
    return _forgotten(remembered(onward(signed_on.flow.onward), signed_on.session))


@blueprint.post("/newsroom/sign-out/elsewhere")
def end_elsewhere() -> ResponseReturnValue:
    """End the sessions of whom the provider has signed out; it tells so itself, without a browser."""
    try:
        ended = _sign_on().end_elsewhere(request.form.get("logout_token", ""))
    except SignOnRefused as error:
        logger.warning("a logout token is refused: %s: %s", error.reason, error.detail)
        state.audit().refused("logout token", address=request.remote_addr)
        return {"error": "invalid_request"}, 400, {"Cache-Control": "no-store"}
    logger.info("the provider signed somebody out: %d sessions ended", ended)
    state.audit().record_after("session.ended", PROVIDER, address=request.remote_addr, sessions=ended)
    return "", 200, {"Cache-Control": "no-store"}


def _sign_on() -> SignOn:
    found = state.sign_on()
    if found is None:
        raise NotFound
    return found


def _speak(flow: Flow | None) -> None:
    """Have the answer be in the language in which somebody set out; the provider does not say it."""
    g.lang = flow.lang if flow else ""


def _refused(error: SignOnRefused, wanted: str) -> Response:
    """Lead back to where one signs in, which says why; the code in this address is kept nowhere."""
    logger.warning("somebody from the provider is not let in: %s: %s", error.reason, error.detail)
    state.audit().refused(f"sign-on: {error.reason}", address=request.remote_addr)
    address = link("pages.sign_in", next=gate.inside(wanted), refused=error.reason)
    return _forgotten(make_response(redirect(address, 303)))


def _forgotten(response: Response) -> Response:
    """Return a response that has the browser forget that it was at the provider."""
    response.delete_cookie(COOKIE, path=_COOKIE_PATH, httponly=True, samesite="Lax")
    return response
