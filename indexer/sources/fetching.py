"""From one web address to one answer, within bounds, from public machines only.

Owns the limits of an answer: bytes, unpacked bytes, seconds, redirects. The host's address is looked up once, checked,
and then used for the connection, so the checked machine is the one asked. Knows nothing of the content.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import DecodeError, HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from indexer.sources.addresses import is_public

AGENT = "Lienquan/1 (+https://pypi.org/project/lienquan/)"
_PIECE = 2**16
_REDIRECTS = {301, 302, 303, 307, 308}
_ERROR_BYTES = 2**16


class FetchError(Exception):
    """Nothing could be fetched; the message says what was expected.

    :param passing: Whether the failure may be temporary.
    :param status: The status of the answer, 0 if there was no answer.
    :param wait: Seconds that the server asks to wait, 0 if it does not ask.
    :param slow: Whether it took too long, so that another try would too.
    """

    def __init__(
        self, message: str, passing: bool = False, status: int = 0, wait: float = 0, slow: bool = False
    ) -> None:
        super().__init__(message)
        self.slow = slow
        self.passing = passing
        self.status = status
        self.wait = wait


@dataclass(frozen=True)
class FetchLimits:
    """The limits of an answer.

    :param size: Bytes of a body, as sent and as unpacked.
    :param seconds: From the first connection to the last byte, redirects included.
    :param redirects: The most redirects followed.
    :param private: Whether machines of private networks may be asked, this one included.
    """

    size: int = 32 * 2**20
    seconds: float = 60
    redirects: int = 5
    private: bool = False


@dataclass(frozen=True)
class FetchResponse:
    """The answer to a request.

    :param url: The address after redirects.
    :param headers: Headers with names in lower case.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


_NO_BOUNDS_SAID = FetchLimits()


def fetch(url: str, headers: Mapping[str, str] | None = None, bounds: FetchLimits = _NO_BOUNDS_SAID) -> FetchResponse:
    """Return the answer to a GET, with any status.

    :param headers: Sent in addition to the usual ones; `Authorization` is sent only to the first host.
    :raises FetchError: if there is no complete answer within the bounds.
    """
    sent = {"User-Agent": AGENT, "Accept-Encoding": "gzip", "Accept": "*/*", **(headers or {})}
    until = time.monotonic() + bounds.seconds
    met: set[str] = set()
    for _ in range(bounds.redirects + 1):
        _check(url, sent, bounds)
        if url in met:
            raise FetchError(f"expected an answer, found a loop of redirects at {url}")
        met.add(url)
        answer = _ask(url, sent, bounds, until)
        target = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not target:
            return answer
        following = urljoin(url, target)
        if _origin(following) != _origin(url):
            sent.pop("Authorization", None)
        url = following
    raise FetchError(f"expected at most {bounds.redirects} redirects")


def send(url: str, body: bytes, headers: Mapping[str, str], bounds: FetchLimits = _NO_BOUNDS_SAID) -> FetchResponse:
    """Return the answer to a POST, with any status. A redirect is not followed.

    :param headers: Sent in addition to the usual ones, `Content-Type` among them.
    :raises FetchError: if there is no complete answer within the bounds.
    """
    sent = {"User-Agent": AGENT, "Accept-Encoding": "gzip", "Accept": "*/*", **headers}
    _check(url, sent, bounds)
    return _ask(url, sent, bounds, time.monotonic() + bounds.seconds, body)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def _check(url: str, sent: Mapping[str, str], bounds: FetchLimits) -> None:
    try:
        parts = urlsplit(url)
        port_known = parts.port is None or parts.port > 0
    except ValueError:
        raise FetchError(f"expected an address of the web, found {url[:200]!r}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_known:
        raise FetchError(f"expected an http or https address, found {url[:200]!r}")
    if parts.username is not None or parts.password is not None:
        raise FetchError("expected an address without user and password in it")
    if "Authorization" in sent and parts.scheme != "https" and not bounds.private:
        raise FetchError("expected https, since a password is sent")


class _Watch:
    """Shuts a socket down once the time is up, since a peer that sends one byte a second never times out."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._guard: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @property
    def over(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() >= self._until

    @property
    def left(self) -> float:
        """Return the seconds that are left, always above 0."""
        return max(0.01, self._until - time.monotonic())

    def guard(self, connected: socket.socket) -> None:
        self._guard = connected.dup()
        self._timer = threading.Timer(self.left, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        with suppress(OSError):
            if self._guard is not None:
                self._guard.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._guard is not None:
            self._guard.close()


class _GuardedConnections:
    """A mixin by which a connection class of urllib3 connects under this module's rules."""

    watch: _Watch
    private: bool

    def _new_conn(self) -> socket.socket:
        host, port = str(self._dns_host), int(self.port)  # type: ignore[attr-defined]
        connected = _connect(host, port, self.watch, self.private)
        self.watch.guard(connected)
        return connected


class _Http(_GuardedConnections, HTTPConnection):
    pass


class _Https(_GuardedConnections, HTTPSConnection):
    pass


def _connect(host: str, port: int, watch: _Watch, private: bool) -> socket.socket:
    """Return a socket connected to one of a host's addresses; each address is checked first."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"expected a host that is known, found {host!r}: {error}", passing=True) from None
    allowed = [entry for entry in found if private or is_public(str(entry[4][0]))]
    if not allowed:
        raise FetchError(
            f"expected a public address, found {host!r} at {found[0][4][0]}: it is private; allow private addresses "
            "if that is meant"
        )
    fault: OSError | None = None
    for family, kind, protocol, _, address in allowed:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(min(watch.left, 10))
            made.connect(address)
            made.settimeout(watch.left)
            return made
        except OSError as error:
            made.close()
            fault = error
    raise FetchError(f"expected {host!r} to take a connection: {fault}", passing=True)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextmanager
def _connection(url: str, bounds: FetchLimits, watch: _Watch) -> Iterator[tuple[HTTPConnection, str]]:
    """Yield a connection to a URL's host, and the path to request."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise FetchError(f"expected an address of the web, found {url[:200]!r}") from None
    host = (parts.host or "").strip("[]")
    made: Any
    if parts.scheme == "https":
        made = _Https(host, parts.port or 443, timeout=watch.left, ssl_context=_trusted())
    else:
        made = _Http(host, parts.port or 80, timeout=watch.left)
    made.watch, made.private = watch, bounds.private
    try:
        yield made, parts.request_uri
    finally:
        made.close()
        watch.close()


def _ask(
    url: str, sent: Mapping[str, str], bounds: FetchLimits, until: float, posted: bytes | None = None
) -> FetchResponse:
    """Return the answer to a GET, or to a POST if there is a body."""
    watch = _Watch(until)
    try:
        with _connection(url, bounds, watch) as (connection, target):
            method = "GET" if posted is None else "POST"
            connection.request(method, target, posted, headers=sent, preload_content=False)
            with closing(connection.getresponse()) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                size = bounds.size if response.status < 300 else min(bounds.size, _ERROR_BYTES)
                ended = b"" if response.status in _REDIRECTS else _body(response, size, whole=response.status < 300)
            if watch.over:
                raise TimeoutError
            return FetchResponse(url, response.status, headers, ended)
    except FetchError:
        raise
    except DecodeError:
        raise FetchError("expected a body packed as its header says, found another") from None
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        if watch.over:
            raise FetchError(f"expected a whole answer within {bounds.seconds:g} s", passing=True, slow=True) from None
        raise FetchError(f"expected a whole answer: {_said(error)}", passing=True) from None


def _body(response: BaseHTTPResponse, size: int, whole: bool) -> bytes:
    """Return a body of at most `size` bytes. A longer one is refused, or cut unless `whole`."""
    announced = response.headers.get("content-length", "")
    if whole and announced.isdecimal() and int(announced) > size:
        raise FetchError(f"expected at most {size // 2**20} MiB, found {int(announced)} bytes announced")
    pieces, total = [], 0
    for piece in response.stream(_PIECE, decode_content=True):
        total += len(piece)
        if total > size:
            if whole:
                raise FetchError(f"expected at most {size // 2**20} MiB, found more")
            break
        pieces.append(piece)
    return b"".join(pieces)


def _said(error: Exception) -> str:
    """Return an error's message, without the object representations of urllib3."""
    inner = error.args[-1] if error.args and isinstance(error.args[-1], Exception) else error
    return str(inner) or type(inner).__name__
