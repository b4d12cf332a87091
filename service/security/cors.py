"""The CORS headers: which other sites' pages may read this service's answers in a browser.

These pages read only public answers: without cookies or keys. The only thing that they may write is clicks.
Knows nothing of Flask.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from service.security.access import Header

MAX_AGE = 600
"""Seconds for which a browser need not ask again."""

_READ = re.compile(r"/api/v1/(search|suggest|openapi\.json|related|clicks|articles/[^/]+(/related)?)")
_ASKED = {"/api/v1/related", "/api/v1/clicks"}
"""Of these, what is asked with a body too."""

_ORIGIN = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")


def origin(value: str) -> str:
    """Return an origin in the form of browsers.

    :raises ValueError: if it is invalid.
    """
    found = value.strip().lower().removesuffix("/")
    if not _ORIGIN.fullmatch(found):
        raise ValueError(f"{value!r}: expected an origin such as https://bao.example, without a path or *")
    scheme, _, host = found.partition("://")
    return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}"


def headers(path: str, method: str, header: Header, origins: Collection[str]) -> Mapping[str, str]:
    """Return the CORS headers of an answer.

    `Vary` is in every answer, even to a request without an Origin, since caches give one answer to all.

    :param path: The request's path.
    :param origins: The sites that may read.
    """
    if not origins or not _READ.fullmatch(path):
        return {}
    found = {"Vary": "Origin"}
    asking = header("Origin")
    if asking is None or asking.lower() not in origins:
        return found
    found["Access-Control-Allow-Origin"] = asking
    if method == "OPTIONS" and header("Access-Control-Request-Method") is not None:
        found["Access-Control-Allow-Methods"] = "GET, POST" if path in _ASKED else "GET"
        found["Access-Control-Allow-Headers"] = "Content-Type, If-None-Match"
        found["Access-Control-Max-Age"] = str(MAX_AGE)
    else:
        found["Access-Control-Expose-Headers"] = "ETag, Retry-After"
    return found
