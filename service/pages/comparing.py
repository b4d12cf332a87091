"""The comparison with what a site shows today, under an article's block."""

from __future__ import annotations

from flask import Flask

from service import state
from service.comparison import under_block
from service.pages.shared import Views

views = Views()


@views.setup
def _compare(app: Flask) -> None:
    app.extensions[state.COMPARING] = under_block.compared
