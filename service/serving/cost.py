"""What a request costs, told by its first lines and the size of its body before any work begins.

A unit is about a millisecond of one core, as measured with 6,000 and 22,000 articles; where a request of one kind may
cost more than another, it is the dearer. Knows addresses and sizes, nothing of what is asked.
"""

from __future__ import annotations

HEAVY = 50
"""Units from which on a request goes the way of heavy ones."""
LINE = 1
"""Units of a line of a batch."""

LARGEST_BODY = 32_000_000
"""Bytes of the largest body that is taken; a longer one is refused before it is read, and costs no more than this."""

_SEARCHING = ("/api/v1/search", "/search")
_BROWSING = ("/sections/", "/tags/", "/authors/", "/sources/", "/feeds/")
_WRITING = ("PUT", "DELETE")
_SMALL = ("/api/v1/articles:bulk", "/api/v1/related:batch", "/api/v1/clicks")
"""Where a body takes little more than to be read; lines of the second are charged for one by one (`LINE`)."""
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
    """Return the units of parameters: of their length, and of their number, for each may be an id to be looked up."""
    return len(query) // 256 + query.count("&") // 16


def _of_body(size: int) -> int:
    """Return the units of a body: of a draft by its text, of seeds by their number, which the size bounds.

    The first 2 kB, where each 20 bytes may name another seed, are dearer than the rest of an article; what is longer
    than articles are, 32 kB, is dearer again, for nobody needs it.
    """
    return min(size, 2000) // 50 + max(0, min(size, 32_000) - 2000) // 500 + max(0, size - 32_000) // 200
