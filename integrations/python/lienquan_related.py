"""Related articles of Lienquan in a page that Python makes. One file, Python 3.9 or newer, the standard library only.

    from lienquan_related import hits, html
    page += html(hits("https://lienquan.bao.example", "a-17"), fallback=own_list)

Nothing here raises, and nothing takes longer than it may: where the service is late, down or odd there are no hits, and
for ten seconds nobody asks it again.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from html import escape
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

SECONDS = 0.3
REST = 10.0
_MOST_BYTES = 1_000_000

_resting: dict[str, float] = {}
"""Server -> until when it is not asked, by the monotonic clock; of this process."""


def hits(server: str, article: str, limit: int = 6, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Return the related articles of a published one: what the service says of each, those that can be linked.

    :param article: Its id; its address will do if it starts with http.
    :param seconds: For the whole answer.
    """
    now = time.monotonic()
    if now < _resting.get(server, 0):
        return []
    if server in _resting:
        _resting[server] = now + REST  # one asks whether it is back, the others go on without
    by_address = re.match("https?://", article, re.IGNORECASE)
    path = "related?url={}&limit={}" if by_address else "articles/{}/related?limit={}"
    status, body = _get(f"{server.rstrip('/')}/api/v1/{path.format(quote(article, safe=''), limit)}", seconds)
    found = _hits(body) if status == 200 else None
    if found is None and status != 404:
        _resting[server] = time.monotonic() + REST
        return []
    _resting.pop(server, None)
    return [hit for hit in found or [] if _can_be_shown(hit)][:limit]


def html(found: list[dict[str, Any]], fallback: str = "", heading: str = "Bài liên quan") -> str:
    """Return hits as HTML, or the fallback where there are none; only the fallback is taken as HTML."""
    if not found:
        return fallback
    items = "".join(_item(hit) for hit in found)
    said = _escape(heading)
    return f'<section class="lienquan" aria-label="{said}"><h2>{said}</h2><ul>{items}</ul></section>'


def _item(hit: dict[str, Any]) -> str:
    section = hit.get("section")
    told = f" <span>{_escape(section)}</span>" if section and isinstance(section, str) else ""
    return f'<li><a href="{_escape(hit["url"])}">{_escape(hit["title"])}</a>{told}</li>'


def _escape(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())  # JSON may hold halves of letters


def _hits(body: bytes) -> list[Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = answer.get("hits") if isinstance(answer, dict) else None
    return found if isinstance(found, list) else None


def _can_be_shown(hit: Any) -> bool:
    if not isinstance(hit, dict):
        return False
    title, url = hit.get("title"), hit.get("url")
    if not isinstance(title, str) or not isinstance(url, str):
        return False
    return bool(title.strip() and re.fullmatch(r"https?://\S+", url, re.IGNORECASE))


def _get(url: str, seconds: float) -> tuple[int, bytes]:
    """Return status and body of an answer, status 0 where there is none that is whole and in time.

    In a thread that is left behind when the time is up: neither the look-up of a name nor a peer that sends a byte now
    and then is bounded by a timeout of sockets. What it waits for is hung up.
    """
    asking = _Asking(url, seconds)
    asking.start()
    asking.join(seconds)
    return asking.answer if not asking.is_alive() else asking.give_up()


class _Asking(threading.Thread):
    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(daemon=True)
        self.answer = (0, b"")
        self._url, self._seconds = url, seconds
        self._socket: socket.socket | None = None
        self._late = False

    def run(self) -> None:
        with contextlib.suppress(OSError, HTTPException, ValueError):
            parts = urlsplit(self._url)
            kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
            connection = kind(parts.netloc, timeout=self._seconds)
            with contextlib.closing(connection):
                connection.connect()
                self._socket = connection.sock
                if self._late:
                    return
                connection.request("GET", f"{parts.path}?{parts.query}", headers={"Accept": "application/json"})
                response = connection.getresponse()
                body = response.read(_MOST_BYTES)
                whole = response.isclosed()  # it ends itself with its last byte
                self.answer = (response.status, body) if whole else (0, b"")

    def give_up(self) -> tuple[int, bytes]:
        self._late = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        return 0, b""
