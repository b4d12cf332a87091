"""Does a browser on this machine ask, and nobody else? For an open newsroom before its first key, and for `/metrics`.

Knows nothing of Flask, of keys, nor of what the pages show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from indexer.articles.article import shown
from service.errors import FieldError
from service.security.access import SAFE, Header, foreign

_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def refusal(method: str, peer: str | None, protocol: str | None, header: Header) -> FieldError | None:
    """Return why a request may not have what is for this machine alone, None where it may.

    Only a browser on this machine may. The peer's address alone does not tell: behind a proxy on this machine every
    reader has a loopback address, and a site that has its name resolve to 127.0.0.1 (DNS rebinding) makes an editor's
    own browser ask, which the Host header gives away. What another site has the browser send is told by Origin and
    Sec-Fetch-Site.

    :param peer: The address at the other end of the connection, whatever a header says of it (`peer_of`).
    :param protocol: Of the request: no browser speaks HTTP/1.0 any more, proxies do.
    """
    if not _loopback(peer):
        return FieldError("peer", shown(peer), "expected an address of this machine")
    if protocol == "HTTP/1.0":
        return FieldError("protocol", shown(protocol), "expected no proxy in between")
    for name in _PROXIED:
        if (value := header(name)) is not None:
            return FieldError(name, shown(value), "expected no proxy in between")
    host = header("Host") or ""
    if not _LOCAL.fullmatch(host):
        return FieldError("Host", shown(host), "expected localhost, 127.0.0.1 or [::1]")
    return None if method in SAFE else foreign(header)


def peer_of(environ: Mapping[str, Any]) -> str | None:
    """Return the address at the other end of a request's connection.

    Where proxies are trusted, werkzeug's ProxyFix has put what they say of the reader in its place, and keeps it aside.

    :param environ: Of WSGI.
    """
    found = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR")
    return None if found is None else str(found)


def why_not_open(host: str, trusted_hops: int) -> str | None:
    """Return why a newsroom may not be open without a key, None where only this machine can reach the service.

    :param host: What the service listens on.
    :param trusted_hops: How many proxies stand before it.
    """
    if host.lower() != "localhost" and not _loopback(host):
        return f"host is {host!r}: expected a loopback address such as 127.0.0.1"
    return f"trusted_hops is {trusted_hops}: expected 0, no proxy in between" if trusted_hops else None


def _loopback(peer: str | None) -> bool:
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
