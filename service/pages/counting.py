"""Where pages tell which articles of related lists were shown and clicked. Of the API, but of a part of its own."""

from __future__ import annotations

from functools import partial
from typing import cast

from flask import Flask, Response, abort, current_app, request

from service import api, schemas, state
from service.clicks.counting import MAX_BODY, Clicks
from service.clicks.lists import ListSigner
from service.clicks.log import FILE, ClickLog, most_read
from service.clicks.trials import RankingTrial
from service.observing.metrics import metrics
from service.pages.shared import Views
from service.settings import Settings

views = Views(api.blueprint)


@views.setup
def _hold(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    if settings.clicks:
        path, against = settings.home / FILE, settings.trial_against
        log = ClickLog(path, settings.clicks_days, settings.clicks_mb, metrics().uncounted)
        trial = None if settings.trial == "off" or against is None else RankingTrial(settings.trial, against)
        app.extensions[state.CLICKS] = Clicks(ListSigner(app.extensions[state.SIGNING]), log, trial)
        app.extensions[state.MOST_READ] = partial(most_read, path)


@views.post("/api/v1/clicks")
def count_clicks() -> Response:
    """Count what a page tells of its related lists."""
    counted = cast("Clicks | None", current_app.extensions.get(state.CLICKS))
    if counted is None:
        abort(404)
    schemas.parse_params(schemas.NoParams, request.args.to_dict(flat=False))
    request.max_content_length = MAX_BODY
    counted.take(api.received(), request.headers.get, state.settings().cors_origins)
    return Response(status=204, headers={"Cache-Control": "no-store"})
