"""The Flask application: joins settings, live snapshot and blueprints; error answers and headers for all."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from time import perf_counter
from typing import Any, cast
from urllib.parse import parse_qsl

from flask import Flask, Request, Response, current_app, redirect, render_template, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from werkzeug.datastructures import EnvironHeaders, MIMEAccept
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.http import parse_accept_header
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect

from indexer.articles.article import shown
from indexer.files.hashed import FileDigests
from models import catalogue, cross_encoder, sentence_transformer
from models.cpu import available_threads
from models.cross_encoder import Reranker
from models.encoder import Encoder
from service import api, pages, state
from service.errors import FieldError, NoKeyYet, Overloaded, ServiceError, TimedOut, TooMany, TooSlow
from service.extras import EXTRAS, Extra
from service.live import Live
from service.observing import logs, tracing
from service.observing.latency import RecentLatency
from service.observing.metrics import METHODS, metrics
from service.observing.query_log import FILE, QueryLog
from service.options import Options
from service.reader.assets import EMBEDDED, Assets
from service.reader.front_page import FrontPages
from service.security import access, addresses, cors
from service.security.addresses import AddressMiddleware
from service.security.audit import AuditLog
from service.security.flows import Flows
from service.security.gate import Doorkeeper
from service.security.keys import KeyStore
from service.security.people import PeopleStore
from service.security.pictures import Pictures
from service.security.sessions import Sessions, secret_of
from service.security.sign_on import BACK, Roles, SignOn, configuration, host
from service.serving.admission import OVER, WATCHING, Admission, Environ, Gate
from service.serving.budget import Budget, Budgets
from service.settings import Settings, load, oidc_secret
from service.wording import strings
from service.wording.catalogue import LANGUAGES, SOURCE

logger = logging.getLogger(__name__)

MAX_BODY = 200_000
HEAD_START = 0.2
"""Seconds after a worker's start in which it answers only requests that need no encoder (`Live`)."""

_MACHINE = ("/api/", *WATCHING)
"""The prefix of addresses for programs, which get problem documents, not pages."""

_ORIGIN = re.compile(r"^(?:[a-z]+:)?//[^/?#]*/*", re.IGNORECASE)
"""Scheme and host of an address. werkzeug copies them from the request when it redirects to an address with a trailing
slash, and a cache would serve that redirect to others."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOR_EVERYONE = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
"""Headers of a file that any page may load, as a script or a module, with or without `integrity`."""


class _TracingFlask(Flask):
    """Gives each request an id, counts and logs it, and adds the common headers to each answer.

    It overrides methods of Flask instead of using hooks. Flask checks for each hook whether it is a coroutine, which
    takes as long as all of this.

    :ivar of_all: The common headers. An answer's own header of the same name stays.
    """

    of_all: Mapping[str, str] = _HEADERS

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        tracing.begin(environ.get("HTTP_X_REQUEST_ID"))
        try:
            return super().wsgi_app(environ, start_response)
        finally:
            tracing.end()

    def process_response(self, response: Response) -> Response:
        if isinstance(request.routing_exception, RequestRedirect):
            response = cast(
                Response, redirect(_ORIGIN.sub("/", response.location or "/", count=1), response.status_code)
            )
        response, trace = self.protected(super().process_response(response)), tracing.current()
        if trace is None:
            return response
        response.headers["X-Request-Id"] = trace.request_id
        asked = cast(Request, request._get_current_object())  # type: ignore[attr-defined]
        rule, status = asked.url_rule, response.status_code
        method = asked.method if asked.method in METHODS else "other"  # a client may send any name
        view, template = ("none", "none") if rule is None else (rule.endpoint, rule.rule)

        def served() -> None:
            if trace.stages:
                trace.lap("writing")
            seconds = perf_counter() - trace.started
            metrics().served(view, method, status, seconds, trace.stages)
            logs.served(trace.request_id, method, template, status, seconds)

        if response.is_streamed:  # count it after sending
            response.call_on_close(served)
        else:
            served()
        return response

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled exception without the path, which Flask would log and which may hold an id."""
        logger.error("a request failed: %s", getattr(exc_info[0], "__name__", "unknown"), exc_info=exc_info)

    def protected(self, response: Response) -> Response:
        """Return an answer with the common headers added."""
        own = {name.lower() for name, _ in response.headers}
        for name, value in self.of_all.items():
            if name.lower() not in own:
                response.headers.add(name, value)
        return response


def load_encoder(settings: Settings) -> Encoder:
    """Return the encoder that the settings name.

    :raises ModelError: if it cannot be loaded.
    """
    card = catalogue.find(settings.model, settings.query_prompt, settings.document_prompt, settings.max_tokens)
    return sentence_transformer.load(card, settings.backend, settings.threads)


def load_reranker(settings: Settings) -> Reranker:
    """Return the reranker that the settings name.

    :raises ModelError: if none is set, or it cannot be loaded.
    """
    return cross_encoder.load(cross_encoder.find(settings.reranker or ""), settings.backend, settings.threads)


def create_app(
    settings: Settings | None = None,
    live: Live | None = None,
    hashed: FileDigests | None = None,
    extras: Sequence[Extra] = EXTRAS,
) -> Flask:
    """Return the application.

    :param settings: From the environment by default.
    :param live: A started `Live`; by default a new one for the settings' home.
    :param hashed: For a new `Live`: the files that the server hashed before it forked this process.
    :param extras: The optional parts that it has.
    """
    settings = settings or load()
    app = _TracingFlask(__name__, static_folder=None)
    app.of_all = {**_HEADERS, "Content-Security-Policy": _policy(Pictures(settings.picture_hosts))}
    app.config["SETTINGS"] = settings
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["lienquan"] = live or _start(settings, hashed)
    app.extensions["lienquan_latency"] = latency = RecentLatency(metrics().durations)
    if live is None and settings.newsroom:
        latency.start()
    app.extensions["lienquan_audit"] = _audit(settings)
    app.extensions["lienquan_keys"] = keys = KeyStore(settings.home)
    app.extensions["sign_on"] = sign_on = _sign_on(settings)
    people = None if sign_on is None else sign_on.people
    app.extensions["lienquan_gate"] = Doorkeeper(keys, _sessions(settings), opens=settings.open_newsroom, people=people)
    if settings.query_log:
        kept = (settings.query_log_days, settings.query_log_mb)
        app.extensions["query log"] = QueryLog(settings.home / FILE, *kept, metrics().unlogged)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.extensions[state.SIGNING] = _secret(settings)
    _add(app, tuple(extras))
    app.extensions["lienquan_front_pages"] = front = FrontPages(app.extensions.get(state.MOST_READ))
    if live is None:
        front.start(app.extensions["lienquan"])
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    _serve_assets(app)
    if settings.cors_origins:
        app.after_request(_cross_origin)
    app.before_request(_within_budget)
    if settings.rate_limit is not None:
        _limit(app, settings.rate_limit, settings.rate_limit_storage)
    _admit(app, settings)
    app.wsgi_app = AddressMiddleware(app.wsgi_app)  # type: ignore[method-assign]
    if (hops := settings.trusted_hops) > 0:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _add(app: Flask, extras: tuple[Extra, ...]) -> None:
    """Add what parts have that an application can do without."""
    app.extensions[state.EXTRAS] = extras
    app.extensions[state.KEPT_FORMS] = set()
    app.extensions[state.TABS] = [resolve_name(extra.tabs) for extra in extras if extra.tabs]
    for extra in extras:
        resolve_name(extra.views).add_to(app)


def _policy(pictures: Pictures) -> str:
    """Return the content security policy: own scripts, styles and requests, and pictures of the configured hosts."""
    images = " ".join(["'self'", *pictures.sources()])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src {images}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _serve_assets(app: Flask) -> None:
    """Serve the files of `static` at addresses with a version, which `url_for("static", filename=…)` adds."""
    assets = Assets(Path(__file__).parent / "static")

    @app.url_defaults
    def _version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", assets.version)

    @app.get("/static/<version>/<filename>", endpoint="static")
    def _asset(version: str, filename: str) -> Response:
        found = assets.find(filename)
        if found is None:
            raise NotFound
        response = Response(found.content, content_type=found.content_type)
        if found.packed is not None:
            response.headers["Vary"] = "Accept-Encoding"
            if request.accept_encodings["gzip"] > 0:
                response.data = found.packed
                response.headers["Content-Encoding"] = "gzip"
        response.headers["Cache-Control"] = assets.kept(version, filename)
        if filename in EMBEDDED:
            response.headers.update(_FOR_EVERYONE)
        response.set_etag(found.tag, weak=True)
        response.make_conditional(request)
        return response


def _secret(settings: Settings) -> Callable[[], bytes]:
    given = settings.session_secret
    secret = None if given is None else given.get_secret_value()
    return lambda: secret_of(settings.home, secret)


def _sessions(settings: Settings) -> Sessions:
    return Sessions(_secret(settings), int(settings.session_hours * 3600))


def _audit(settings: Settings) -> AuditLog:
    given = settings.audit_secret
    secret = None if given is None else given.get_secret_value()
    return AuditLog(settings.home, secret, settings.audit_addresses, metrics().unrecorded)


def _sign_on(settings: Settings) -> SignOn | None:
    """Return the sign-in through the newsroom's provider, None if no provider is set."""
    issuer, client_id, public = settings.oidc_issuer, settings.oidc_client_id, settings.public_url
    if issuer is None or client_id is None or public is None:
        return None
    from service.security.oidc import Provider, Registration  # imports cryptography, which only this needs

    back = public.rstrip("/") + BACK
    own = Registration(issuer, client_id, oidc_secret(settings), back, settings.oidc_scopes, settings.oidc_acr)
    roles = Roles(settings.oidc_claim, settings.oidc_editors, settings.oidc_chiefs)
    people = PeopleStore(settings.home, configuration(roles, issuer, client_id, settings.oidc_acr))
    flows, sessions = Flows(_secret(settings)), _sessions(settings)
    return SignOn(settings.oidc_name or host(issuer), issuer, Provider(own), roles, flows, people, sessions)


def _limit(app: Flask, rates: str, storage: str) -> None:
    """Limit the number of requests from each address."""
    logging.getLogger("flask-limiter").setLevel(logging.WARNING)  # lower levels log addresses
    limiter = Limiter(
        lambda: addresses.client(request.remote_addr),
        app=app,
        application_limits=[rates],
        application_limits_exempt_when=lambda: request.path in WATCHING,
        storage_uri=storage,
        in_memory_fallback_enabled=True,  # separate counts are better than no answers
    )
    app.register_error_handler(RateLimitExceeded, partial(_limited, limiter))


def _within_budget() -> None:
    """Refuse a request whose cost exceeds its caller's budget."""
    over: TooMany | None = request.environ.get(OVER)
    if over is not None:
        raise over


def _key_of(keys: KeyStore, environ: Environ) -> str | None:
    with suppress(ServiceError):  # views that need a key report a bad key or store
        key = access.presented(keys, EnvironHeaders(environ).get)
        return None if key is None or not key.bounds.admits(environ.get("REMOTE_ADDR")) else key.id
    return None


def _limited(limiter: Limiter, error: RateLimitExceeded) -> Response:
    over = limiter.current_limit
    seconds = 1 if over is None else int(over.reset_at - time.time())
    return _service_error(TooMany(FieldError("requests", "one more", f"expected at most {error.description}"), seconds))


def _admit(app: _TracingFlask, settings: Settings) -> None:
    """Put the gate before the application. It lets in as many requests at once as the process has cores."""
    longest = min(settings.max_wait_seconds, settings.request_seconds)
    gate = Gate(settings.threads or available_threads(), settings.max_waiting, longest)
    keys = app.extensions["lienquan_keys"]
    larger = partial(api.allowed_body, keys, settings.cors_origins)
    wanted = (settings.cost_budget, settings.key_budget)
    budgets = Budgets(*(None if one == "off" else Budget(one, settings.rate_limit_storage) for one in wanted))
    asked = (settings.request_seconds, MAX_BODY, larger, budgets, settings.trusted_hops, partial(_key_of, keys))
    admission = Admission(app.wsgi_app, gate, _BusyResponder(app), *asked)
    app.extensions["admission"] = admission
    app.wsgi_app = admission  # type: ignore[method-assign]


def _start(settings: Settings, hashed: FileDigests | None) -> Live:
    options = Options.of(settings)
    load = partial(load_encoder, settings)
    rerank = partial(load_reranker, settings) if settings.reranker else None
    return Live(settings.home, load, settings.poll_seconds, options, HEAD_START, hashed, rerank).start()


def _cross_origin(response: Response) -> Response:
    origins = current_app.config["SETTINGS"].cors_origins
    for name, value in cors.headers(request.path, request.method, request.headers.get, origins).items():
        response.headers.add(name, value)
    return response


def _service_error(error: ServiceError) -> Response:
    response = _problem(error.status, error.title, error.detail, error.errors, _kind(error))
    response.headers.update(error.headers)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _kind(error: ServiceError) -> str:
    """Return the kind of an error's page with its own text, empty if the status's text suffices."""
    return "busy" if isinstance(error, (Overloaded, TimedOut)) else "no_key" if isinstance(error, NoKeyYet) else ""


class _BusyResponder:
    """Answers requests that are turned away, like `Overloaded`. The answers are prepared, so that they take no time."""

    def __init__(self, app: _TracingFlask) -> None:
        self._made = {kind: self._make(app, *kind) for kind in ((False, SOURCE), *((True, code) for code in LANGUAGES))}
        self._late = _raw(*self._make(app, False, SOURCE, TooSlow()), keeps=False)

    @staticmethod
    def _make(
        app: _TracingFlask, page: bool, lang: str, error: ServiceError | None = None
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        accept = "text/html" if page else "application/json"
        with app.test_request_context(
            "/" if page else "/api/", query_string={"lang": lang}, headers={"Accept": accept}
        ):
            response = app.protected(_service_error(error or Overloaded()))
        return response.status, list(response.headers), response.get_data()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        status, headers, body = self._answer(
            environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", "")
        )
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def raw(self, path: str, query: str, accept: str, keeps: bool) -> bytes:
        """Return the same answer as bytes, with `Connection: close` unless the connection is kept."""
        return _raw(*self._answer(path, query, accept), keeps)

    def late(self) -> bytes:
        """Return the answer to a request whose body came too slowly, as bytes."""
        return self._late

    def _answer(self, path: str, query: str, accept: str) -> tuple[str, list[tuple[str, str]], bytes]:
        page = not path.startswith(_MACHINE) and parse_accept_header(accept, MIMEAccept).accept_html
        lang = strings.language(dict(parse_qsl(query)).get("lang")).code if page else SOURCE
        return self._made[page, lang]


def _raw(status: str, headers: list[tuple[str, str]], body: bytes, keeps: bool) -> bytes:
    """Return an answer as bytes of HTTP."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if not keeps:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _http_error(error: HTTPException) -> Response:
    """Answer a request that Flask itself refuses; name the faulty part of the request."""
    status = error.code or 500
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        fault = FieldError("method", request.method, f"expected one of {allowed}")
    elif isinstance(error, RequestEntityTooLarge):
        length = request.content_length
        fault = FieldError("body", f"{length} bytes", f"expected at most {request.max_content_length} bytes")
    elif status == 404:
        fault = FieldError("path", shown(request.path), "expected an address of this service")
    else:
        fault = FieldError("request", request.method, error.description or error.name)
    response = _problem(status, error.name, f"{fault.field}: {fault.value}: {fault.expected}", [fault])
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    logger.exception("a request failed: %s", type(error).__name__)
    return _problem(500, "Internal error", "the request failed; the log says more", [])


def _problem(status: int, title: str, detail: str, errors: list[FieldError], kind: str = "") -> Response:
    if _wants_page(request):
        page = render_template("error.html", status=status, detail=detail, errors=errors, kind=kind)
        return Response(page, status, {"Cache-Control": "no-store"}, mimetype="text/html")
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [fault.as_json() for fault in errors],
    }
    response = state.as_json(body)
    response.headers["Cache-Control"] = "no-store"  # a missing thing may exist a moment later
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def _wants_page(asked: Request) -> bool:
    return not asked.path.startswith(_MACHINE) and asked.accept_mimetypes.accept_html
