"""Decides which requests work now, wait, or are turned away: WSGI around the application.

Knows only the method and path of requests, and nothing of Flask. The server has more threads than may work at once, so
that one is always free to turn a request away or to answer health checks.
"""

from __future__ import annotations

import io
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol
from urllib.parse import unquote

from service.errors import FieldError, Overloaded, TooMany
from service.security import addresses
from service.serving import beside, cost, deadline
from service.serving.batching import Batches
from service.serving.budget import Budgets, Caller
from service.serving.framing import RequestHead

Environ = dict[str, Any]
WsgiApplication = Callable[[Environ, Any], Iterable[bytes]]


class BusyResponder(Protocol):
    """Answers requests that are turned away."""

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        ...

    def raw(self, path: str, query: str, accept: str, keeps: bool) -> bytes:
        """Return the same answer as bytes, with `Connection: close` unless the connection is kept."""
        ...

    def late(self) -> bytes:
        """Return the answer to a request whose body came too slowly, as bytes."""
        ...


SPARE = 16
"""Threads beyond those that work or wait; they turn requests away, read bodies, write answers."""

WATCHING = ("/healthz", "/readyz", "/metrics")
"""Paths for monitoring, which are always answered."""
_FREE = (*WATCHING, "/static/", "/newsroom/sign-in/")
"""Prefixes of paths that need no place at the gate. Sign-in through a provider waits for the provider, and has places
of its own."""
_UNPRICED = (*WATCHING, "/static/")
OVER = "lienquan.over_budget"
"""The key in a request's environment of the `TooMany` error, if the caller's budget is spent."""
CALLER = "lienquan.caller"
"""The key in a request's environment of the `Caller`."""
_OWN = (":batch", ":bulk")
"""Suffixes of paths whose requests last long. The gate lets them through; the code that answers them limits them."""


_REMEMBERED = 1000
"""The most callers whose last entry a gate remembers."""


class _Waiter:
    """A request that waits at a gate.

    :ivar refused: Whether its place in the queue was given to another.
    """

    def __init__(self, ticket: int) -> None:
        self.ticket = ticket
        self.turn = threading.Event()
        self.refused = False


class Gate:
    """Lets a number of requests in at once. A number of others may wait, and the rest are turned away.

    A free place goes to the caller with the fewest requests inside; among equals, to the one whose last entry is the
    oldest. Of that caller's requests, the one that has waited longest gets it. So nobody jumps the queue, and nobody
    waits behind all requests of another caller. If the queue is full, the caller with the most requests in it loses the
    place of its newest one to a caller with at least two fewer.

    :param working: The most requests inside at once, at least 1.
    :param waiting: The most requests that wait.
    :param longest: The longest wait, in seconds.
    :raises ValueError: if `working` is below 1, or `waiting` below 0.
    """

    def __init__(self, working: int, waiting: int, longest: float) -> None:
        if working < 1 or waiting < 0:
            raise ValueError(f"working, waiting: {working}, {waiting}: expected at least 1 and 0")
        self.working = working
        self.waiting = waiting
        self.longest = longest
        self.refused = 0
        self._lock = threading.Lock()
        self._since: dict[int, float] = {}
        self._callers: dict[int, str] = {}
        self._queues: dict[str, deque[_Waiter]] = {}
        self._queued = 0
        self._tickets = 0
        self._last: dict[str, int] = {}  # the ticket of a caller's last entry

    @property
    def full(self) -> bool:
        """Return whether no further request may wait."""
        return self._queued >= self.waiting and len(self._since) >= self.working

    def closed_to(self, caller: str) -> bool:
        """Return whether a caller would be turned away."""
        with self._lock:
            return self.full and self._displaced(caller) is None

    @property
    def inside(self) -> int:
        """Return the number of requests inside."""
        return len(self._since)

    @property
    def queued(self) -> int:
        """Return the number of waiting requests."""
        return self._queued

    def oldest(self) -> float:
        """Return how many seconds the oldest request inside has been there; 0 if there is none."""
        with self._lock:
            return time.monotonic() - min(self._since.values()) if self._since else 0.0

    @contextmanager
    def passed(self, caller: str = "", longest: float | None = None) -> Iterator[bool]:
        """Wait for a place if necessary, and hold it while the context lasts. Yield whether there is one.

        :param caller: The caller's name.
        :param longest: The longest wait, in seconds; the gate's own by default.
        """
        ticket = self._enter(caller, self.longest if longest is None else longest)
        try:
            yield ticket is not None
        finally:
            if ticket is not None:
                self._leave(ticket)

    def _enter(self, caller: str, longest: float) -> int | None:
        with self._lock:
            self._tickets += 1
            waiter = _Waiter(self._tickets)
            if len(self._since) < self.working:
                self._let_in(waiter, caller)
                return waiter.ticket
            if self._queued >= self.waiting and not self._displace(caller):
                self.refused += 1
                return None
            self._queues.setdefault(caller, deque()).append(waiter)
            self._queued += 1
        called = waiter.turn.wait(longest)
        with self._lock:
            if waiter.ticket in self._since:  # perhaps let in at the last moment
                return waiter.ticket
            if not called and not waiter.refused:
                self._take_out(caller, waiter)
            self.refused += 1
            return None

    def _let_in(self, waiter: _Waiter, caller: str) -> None:
        self._since[waiter.ticket] = time.monotonic()
        self._callers[waiter.ticket] = caller
        if len(self._last) > _REMEMBERED:
            self._last = {one: ticket for one, ticket in self._last.items() if one in self._queues}
        self._last[caller] = waiter.ticket

    def _take_out(self, caller: str, waiter: _Waiter) -> None:
        queue = self._queues[caller]
        queue.remove(waiter)
        self._queued -= 1
        if not queue:
            del self._queues[caller]

    def _displaced(self, caller: str) -> str | None:
        """Return the caller that loses a place in the full queue to this one, None if nobody has two more there."""
        most = max(self._queues, key=lambda one: len(self._queues[one]), default=None)
        own = len(self._queues.get(caller, ()))
        return most if most is not None and len(self._queues[most]) > own + 1 else None

    def _displace(self, caller: str) -> bool:
        most = self._displaced(caller)
        if most is None:
            return False
        last = self._queues[most][-1]
        self._take_out(most, last)
        last.refused = True
        last.turn.set()
        return True

    def _leave(self, ticket: int) -> None:
        with self._lock:
            del self._since[ticket], self._callers[ticket]
            if not self._queues:
                return
            inside = Counter(self._callers.values())
            caller = min(self._queues, key=lambda one: (inside[one], self._last.get(one, 0)))
            waiter = self._queues[caller][0]
            self._take_out(caller, waiter)
            self._let_in(waiter, caller)
            waiter.turn.set()


class Admission:
    """The application behind a gate. Each request has a time limit and uses its caller's budget.

    Heavy requests have a gate of their own with half as many places, so that light ones always have places left.

    :param app: Answers requests that are let in.
    :param busy: Answers requests that are turned away.
    :ivar stopping: Whether the process has been told to stop.
    :ivar heavy: The gate of heavy requests.
    :ivar batches: The batches that are being answered.
    :param seconds: The most seconds of a request, its wait at the gate included.
    :param usual: The most bytes of a body from anybody.
    :param larger: Returns the most bytes for a request with a larger body; may take a moment.
    :param budgets: The budgets of callers.
    :param hops: The number of trusted proxies that forward requests.
    :param key_of: Returns the id of a request's key from `Authorization`, None if it is invalid.
    """

    def __init__(
        self,
        app: WsgiApplication,
        gate: Gate,
        busy: BusyResponder,
        seconds: float,
        usual: int,
        larger: Callable[[RequestHead], int] | None = None,
        budgets: Budgets | None = None,
        hops: int = 0,
        key_of: Callable[[Environ], str | None] | None = None,
    ) -> None:
        self._app = app
        self.gate = gate
        self.heavy = Gate(max(1, gate.working // 2), gate.waiting, seconds)
        self._busy = busy
        self._seconds = seconds
        self.usual = usual
        self._larger = larger
        self._budgets = budgets or Budgets()
        self._key_of = key_of
        self.batches = Batches()
        self._hops = hops
        self.stopping = False

    def oldest(self) -> float:
        """Return how many seconds the oldest request inside has been there."""
        return max(self.gate.oldest(), self.heavy.oldest())

    @property
    def _alone(self) -> bool:
        return self.gate.inside + self.heavy.inside <= 1 and not self.gate.queued

    def closed_to(self, peer: str, head: RequestHead) -> bool:
        """Return whether a request would be turned away at the gate of light ones.

        :param peer: The address at the other end of its connection.
        """
        return self.gate.full and self.gate.closed_to(
            addresses.client(addresses.forwarded(peer, head.headers.get("x-forwarded-for"), self._hops))
        )

    def charge(self, caller: Caller, units: int) -> None:
        """Take units from a caller's budget.

        :raises TooMany: if too few are left; then none is taken.
        """
        seconds = self._budgets.spend(caller, units)
        if seconds is not None:
            budget = self._budgets.of(caller)
            expected = (
                f"expected at most {budget.described} of {'a key' if caller.keyed else 'an address'}" if budget else ""
            )
            raise TooMany(FieldError("cost", f"{units} units", expected), seconds)

    def _caller(self, environ: Environ) -> Caller:
        if "HTTP_AUTHORIZATION" in environ and self._key_of is not None:
            key = self._key_of(environ)
            if key is not None:
                return Caller(key, True)
        return Caller(addresses.client(environ.get("REMOTE_ADDR")))

    @contextmanager
    def line(self, caller: Caller) -> Iterator[None]:
        """Hold a place for a line of a batch, within the time of a request, and charge its caller.

        :raises TooMany: if too little is left of the caller's budget.
        :raises Overloaded: if there is no place.
        """
        self.charge(caller, cost.LINE)
        with deadline.within(self._seconds), self.heavy.passed(caller.name) as admitted, beside.spare(False):
            if not admitted:
                raise Overloaded
            yield

    def most(self, head: RequestHead) -> int:
        """Return the most bytes of a body that are received."""
        return self.usual if self._larger is None or not unquote(head.path).endswith(_OWN) else self._larger(head)

    @staticmethod
    def watches(path: str) -> bool:
        """Return whether a path is for monitoring."""
        return path in WATCHING

    def turned_away(self, head: RequestHead, keeps: bool) -> tuple[bytes, bool] | None:
        """Return the answer to a request that cannot even wait, without using a thread.

        :param head: The head of a request without a body, after which nothing has arrived.
        :param keeps: Whether its connection may be kept.
        :return: The answer, and whether the connection is kept. None for anything but plain GET requests; these go
            through the gate.
        """
        if (head.method, head.version) != ("GET", "HTTP/1.1") or not head.path.startswith("/"):
            return None
        if _free("GET", head.path):
            return None
        self.gate.refused += 1
        keeps = keeps and head.headers.get("connection", "").lower() != "close"
        return self._busy.raw(head.path, head.query, head.headers.get("accept", "").lower(), keeps), keeps

    def too_late(self) -> bytes:
        """Return the answer to a request whose body came too slowly."""
        return self._busy.late()

    def refusal(self) -> bytes:
        """Return the answer on a connection that cannot be held, for any request."""
        self.gate.refused += 1
        return self._busy.raw("/api/", "", "", False)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path.startswith(_UNPRICED):
            return self._app(environ, start_response)
        free = _free(method, path)
        with nullcontext() if free else deadline.within(self._seconds):
            if method == "POST" and not free:
                self._receive(environ)
            caller = environ[CALLER] = self._caller(environ)
            units = cost.price(method, path, environ.get("QUERY_STRING", ""), _size(environ))
            try:
                self.charge(caller, units)
            except TooMany as error:
                environ[OVER] = error
            if free or OVER in environ:
                return self._app(environ, start_response)
            gate = self.heavy if units >= cost.HEAVY else self.gate
            with gate.passed(caller.name) as admitted, beside.spare(self._alone):
                return (self._app if admitted else self._busy)(environ, start_response)

    def _receive(self, environ: Environ) -> None:
        """Read a body that is not too long. Errors are raised later, when the application reads it."""
        body = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH") or "0"
        announced = int(length) if length.isdecimal() else 0
        if announced > self.usual or not (announced or environ.get("wsgi.input_terminated")):
            return
        try:
            environ["wsgi.input"] = io.BytesIO(body.read(announced or self.usual + 1))
        except Exception as error:  # each server has its own error for an incomplete body
            environ["wsgi.input"] = _BrokenBody(error)


def _size(environ: Environ) -> int:
    """Return the size of a body: as announced, or as received if nothing was announced."""
    length, body = environ.get("CONTENT_LENGTH") or "", environ.get("wsgi.input")
    if length.isdecimal():
        return min(int(length), cost.LARGEST_BODY)
    return len(body.getbuffer()) if isinstance(body, io.BytesIO) else 0


def _free(method: str, path: str) -> bool:
    """Return whether a request needs no place at the gate."""
    return method in ("PUT", "DELETE") or path.startswith(_FREE) or path.endswith(_OWN)


class _BrokenBody(io.RawIOBase):
    """An incomplete body, which raises its error when it is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        """Return True: it may be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raise the error."""
        raise self._error
