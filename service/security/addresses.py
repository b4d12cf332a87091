"""The address of a request's client, normalised from any form that proxies write. Knows nothing of Flask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

UNKNOWN = "unknown"
"""Replaces every text that is not an address; such requests share one limit."""

_LONGEST = 100
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]{2,45})(?:%[^\]]*)?\](?::[0-9]{1,5})?|([0-9.]{7,15}):[0-9]{1,5}")


def parse(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, None if there is none.

    The text may be quoted and have a port, as in `203.0.113.9:5678` and `"[2001:db8::1]:443"`. A zone is left out. An
    IPv4 address that is written as IPv6 is IPv4.
    """
    found = (text or "")[:_LONGEST].strip().strip('"').strip()
    match = _WITH_PORT.fullmatch(found)
    bare = found.partition("%")[0] if match is None else match[1] or match[2]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def client(text: str | None) -> str:
    """Return the name under which a limit counts an address; for IPv6 its /64, since one connection has all of that."""
    address = parse(text)
    if address is None:
        return UNKNOWN
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


def forwarded(peer: str | None, header: str | None, hops: int) -> str | None:
    """Return the client's address of a request, by the rules of werkzeug's ProxyFix.

    :param header: `X-Forwarded-For`.
    :param hops: The number of trusted proxies.
    """
    told = (header or "").split(",")
    return told[-hops] if header and 0 < hops <= len(told) else peer


class AddressMiddleware:
    """A middleware that sets `REMOTE_ADDR` to a bare address without a port, or to `UNKNOWN`."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ["REMOTE_ADDR"] = str(parse(environ.get("REMOTE_ADDR")) or UNKNOWN)
        return self._app(environ, start_response)
