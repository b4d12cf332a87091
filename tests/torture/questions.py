"""A fixed set of requests of every kind, and an answer in a form in which two can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

_NOW = "now=2023-11-15T00:00:00%2B07:00"
_Q = [quote(q) for q in ("gốm lũng đời thứ", "che suoi bai 11", '"đỏ lửa" -ngô', "lua tho ca", "tre5 mây")]

GETS = (
    *(f"/api/v1/search?q={q}&mode={mode}" for q in _Q for mode in ("hybrid", "lexical", "dense")),
    f"/api/v1/search?q={_Q[0]}&section={quote('Nghề')}&tag={quote('gốm')}",
    f"/api/v1/search?q={_Q[1]}&source={quote('Báo Chợ')}&author={quote('Tác giả 1')}&sort=newest",
    f"/api/v1/search?q={_Q[3]}&published_from=2023-10-03&published_to=2023-10-20&limit=50&ranking=similarity",
    *(f"/api/v1/suggest?q={quote(q)}" for q in ("gốm l", "bai 1", "tre")),
    *(f"/api/v1/articles/bai-{at}/related?{_NOW}&limit=20" for at in (0, 7, 23, 31)),
    f"/api/v1/articles/bai-3/related?{_NOW}&explain=true&section={quote('Chợ')}",
    f"/api/v1/related?url={quote('https://bao.example/5.html')}&{_NOW}",
    *(f"/api/v1/articles/{name}" for name in ("bai-0", "bai-17", "cu-30", "bai-39")),
    "/search?q=" + _Q[0],
    "/articles/bai-7",
    "/",
)
POSTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/v1/related", {"seed": {"ids": ["bai-2", "bai-9"], "negative_ids": ["bai-4"]}, "now": "2023-11-15"}),
    ("/api/v1/related", {"seed": {"article": {"title": "gốm lũng", "lead": "thợ cả kể rằng"}}, "now": "2023-11-15"}),
)
_CHANGING = re.compile(r'"took_ms": ?[0-9.]+')


def asked(client: FlaskClient) -> Iterator[tuple[str, int, str]]:
    """Yield path, status and comparable text of the answer to every question."""
    for path in GETS:
        response = client.get(path)
        yield path, response.status_code, _CHANGING.sub("", response.get_data(as_text=True))
    for path, body in POSTS:
        response = client.post(path, json=body)
        yield f"{path} {json.dumps(body)}", response.status_code, _CHANGING.sub("", response.get_data(as_text=True))
