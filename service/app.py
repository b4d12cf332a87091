"""The Flask application: puts settings, live snapshot and blueprints together; errors and headers for all of them."""

from __future__ import annotations

import logging

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from indexer.article import shown
from models import catalogue, sentence_transformer
from models.encoder import Encoder
from service import api, pages
from service.errors import FieldError, ServiceError
from service.live import Live
from service.options import Options
from service.settings import Settings

logger = logging.getLogger(__name__)

MAX_BODY = 200_000
HEAD_START = 0.2
"""Seconds in which a worker that has just started answers for what needs no encoder (`Live`)."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def load_encoder(settings: Settings) -> Encoder:
    """Return the encoder that the settings name.

    :raises ModelError: if it cannot be had.
    """
    card = catalogue.find(settings.model, settings.query_prompt, settings.document_prompt, settings.max_tokens)
    return sentence_transformer.load(card, settings.backend, settings.threads)


def create_app(settings: Settings | None = None, live: Live | None = None) -> Flask:
    """Return the application.

    :param settings: From the environment by default.
    :param live: A started holder of the current snapshot; one for the settings' home by default.
    """
    settings = settings or Settings()
    app = Flask(__name__)
    app.config["SETTINGS"] = settings
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["lienquan"] = live or _start(settings)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    app.after_request(_headers)
    return app


def _start(settings: Settings) -> Live:
    options = Options.of(settings)
    return Live(settings.home, lambda: load_encoder(settings), settings.poll_seconds, options, HEAD_START).start()


def _headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _service_error(error: ServiceError) -> Response:
    response = _problem(error.status, error.title, error.detail, error.errors)
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _http_error(error: HTTPException) -> Response:
    """Answer what Flask refuses by itself; each names the part of the request that is wrong."""
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


def _problem(status: int, title: str, detail: str, errors: list[FieldError]) -> Response:
    if _wants_page():
        page = render_template("error.html", status=status, detail=detail, errors=errors)
        return Response(page, status, mimetype="text/html")
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [fault.as_json() for fault in errors],
    }
    response = api.as_json(body)
    response.headers["Cache-Control"] = "no-store"  # what is not there now may be in a moment
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def _wants_page() -> bool:
    machine = ("/api/", "/healthz", "/readyz", "/metrics")
    return not request.path.startswith(machine) and request.accept_mimetypes.accept_html
