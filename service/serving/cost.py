"""Estimates a request's cost from its head and the size of its body, before any work begins.

A unit is about a millisecond of one core, measured with 6,000 and 22,000 articles. If requests of one kind differ, the
higher cost counts. Knows only addresses and sizes.
"""

from __future__ import annotations

HEAVY = 50
"""The least units of a heavy request."""
LINE = 1
"""Units of a line of a batch."""

LARGEST_BODY = 32_000_000
"""The largest accepted body, in bytes. A longer one is refused before it is read, and costs no more than this."""

_SEARCHING = ("/api/v1/search", "/search")
_BROWSING = ("/sections/", "/tags/", "/authors/", "/sources/", "/feeds/")
_WRITING = ("PUT", "DELETE")
_SMALL = ("/api/v1/articles:bulk", "/api/v1/related:batch", "/api/v1/clicks")
"""Paths whose body costs little more than reading it. The second path is charged line by line (`LINE`)."""
_READING = ("GET", "HEAD", "OPTIONS")
_SEARCH, _SUGGEST, _RELATED, _PAGE, _WRITE, _BODY = 8, 2, 1, 3, 2, 10


def price(method: str, path: str, query: str, body: int) -> int:
    """Return the units of a request.

    :param path: Decoded.
    :param query: Its query string, not decoded.
    :param body: Bytes of its body.
    """
    if method in _WRITING or path in _SMALL:
        return _WRITE + body // 10_000
    if method not in _READING:
        return _BODY + _of_body(body) + _of_query(query)
    if path in _SEARCHING or path.startswith(_BROWSING):
        return _SEARCH + len(query) // 32
    if path == "/api/v1/suggest":
        return _SUGGEST + len(query) // 32
    return (_RELATED if path.startswith("/api/") else _PAGE) + _of_query(query)


def _of_query(query: str) -> int:
    """Return the units of parameters, by their length and number, since each may be an id to look up."""
    return len(query) // 256 + query.count("&") // 16


def _of_body(size: int) -> int:
    """Return the units of a body. A draft costs by its text, seeds by their number, which the size bounds.

    The first 2 kB cost more than the rest of an article, since each 20 bytes may name another seed. Bytes beyond 32 kB,
    longer than articles, cost more again, since nobody needs them.
    """
    return min(size, 2000) // 50 + max(0, min(size, 32_000) - 2000) // 500 + max(0, size - 32_000) // 200
