"""Who is let in to work now, who waits, and who is told to come back: WSGI around the application.

Knows requests by method and path alone, and nothing of Flask or of what is asked. The server has more threads than may
work at once, so that there is always one to turn a request away, or to say that the process lives.
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
    """Answers those who are turned away."""

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        ...

    def raw(self, path: str, query: str, accept: str, keeps: bool) -> bytes:
        """Return the same answer as it is sent, saying that the connection ends unless it is kept."""
        ...

    def late(self) -> bytes:
        """Return what is sent where the body of a request came too slowly."""
        ...


SPARE = 16
"""Threads beside those that work and those that wait: they turn away, read bodies, write answers."""

WATCHING = ("/healthz", "/readyz", "/metrics")
"""What is asked by those who watch over the service, and always answered."""
_FREE = (*WATCHING, "/static/", "/newsroom/sign-in/")
"""How addresses begin of what takes no place; signing in through a provider waits for that, in places of its own."""
_UNPRICED = (*WATCHING, "/static/")
OVER = "lienquan.over_budget"
"""Where a request's environment has the `TooMany` that says that its caller's budget is spent."""
CALLER = "lienquan.caller"
"""Where it has the `Caller`."""
_OWN = (":batch", ":bulk")
"""How addresses end of what lasts long by its nature, and is let in by what answers it."""


_REMEMBERED = 1000
"""Callers of whom a gate remembers when they came in last."""


class _Waiter:
    """One who waits at a gate.

    :ivar refused: Whether another was given the place in the queue.
    """

    def __init__(self, ticket: int) -> None:
        self.ticket = ticket
        self.turn = threading.Event()
        self.refused = False


class Gate:
    """Lets so many in at once; so many more may wait, and the others are turned away.

    A place that becomes free is handed to the caller who has the fewest inside and came in least lately, and of its
    requests to the one that has waited longest: nobody slips in before, nor waits behind all that another asks for.
    Where the queue is full, the caller who has the most in it gives a place in it to one who has fewer.

    :param working: How many are in at once, at least 1.
    :param waiting: How many may wait.
    :param longest: For how long, in seconds.
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
        self._last: dict[str, int] = {}  # the ticket with which a caller came in last

    @property
    def full(self) -> bool:
        """Return whether nobody more may wait."""
        return self._queued >= self.waiting and len(self._since) >= self.working

    def closed_to(self, caller: str) -> bool:
        """Return whether a caller would be turned away."""
        with self._lock:
            return self.full and self._displaced(caller) is None

    @property
    def inside(self) -> int:
        """Return how many are in."""
        return len(self._since)

    @property
    def queued(self) -> int:
        """Return how many wait."""
        return self._queued

    def oldest(self) -> float:
        """Return for how many seconds the one has been in that came first of those that are; 0 where there is none."""
        with self._lock:
            return time.monotonic() - min(self._since.values()) if self._since else 0.0

    @contextmanager
    def passed(self, caller: str = "", longest: float | None = None) -> Iterator[bool]:
        """Hold a place while the context lasts, after waiting for it where need be; yield whether there is one.

        :param caller: Who asks.
        :param longest: For how long to wait, in seconds, where that is not as for all.
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
            if waiter.ticket in self._since:  # perhaps handed over at the last moment
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
        """Return who gives a place in the full queue to a caller, None where nobody has more than the caller would."""
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
    """The application behind a gate, each request within its time and its caller's budget.

    Heavy requests have a gate of their own, with half as many places: however many there are, readers have theirs.

    :param app: Answers whoever is let in.
    :param busy: Answers whoever is not.
    :ivar stopping: Whether the process has been told to stop.
    :ivar heavy: The gate of heavy requests.
    :ivar batches: Those that are answered now.
    :param seconds: For how long a request may take, its wait at the gate included.
    :param usual: Bytes of a body that anybody may send.
    :param larger: Returns how many this request may send, of one that would send more; it may take a moment.
    :param budgets: Of the callers.
    :param hops: How many proxies say for whom they ask.
    :param key_of: Returns the id of the key that a request with an `Authorization` has, None where that is none that
        counts.
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
        """Return for how many seconds the one has been in that came first of those that are."""
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
        """Hold a place for a line of a batch, which its caller pays for, within the time of a request.

        :raises TooMany: if too little is left of the caller's budget.
        :raises Overloaded: if there is no place.
        """
        self.charge(caller, cost.LINE)
        with deadline.within(self._seconds), self.heavy.passed(caller.name) as admitted, beside.spare(False):
            if not admitted:
                raise Overloaded
            yield

    def most(self, head: RequestHead) -> int:
        """Return how many bytes of a body are received."""
        return self.usual if self._larger is None or not unquote(head.path).endswith(_OWN) else self._larger(head)

    @staticmethod
    def watches(path: str) -> bool:
        """Return whether an address is asked for by those who watch over the service."""
        return path in WATCHING

    def turned_away(self, head: RequestHead, keeps: bool) -> tuple[bytes, bool] | None:
        """Return what is answered to a request that cannot even wait, before a thread is spent on it.

        :param head: Of a request without a body, after which nothing has arrived.
        :param keeps: Whether its connection may be kept.
        :return: The answer, and whether the connection is kept; None for all but plain requests by GET: those go
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
        """Return what is answered where a body came too slowly."""
        return self._busy.late()

    def refusal(self) -> bytes:
        """Return what is answered on a connection that cannot be held, whatever it may ask."""
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
        """Read a body that is not too long; what is wrong with it is found by who reads it after this."""
        body = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH") or "0"
        announced = int(length) if length.isdecimal() else 0
        if announced > self.usual or not (announced or environ.get("wsgi.input_terminated")):
            return
        try:
            environ["wsgi.input"] = io.BytesIO(body.read(announced or self.usual + 1))
        except Exception as error:  # each server has its own for a body that breaks off
            environ["wsgi.input"] = _BrokenBody(error)


def _size(environ: Environ) -> int:
    """Return the bytes of a body: as announced, or as received where nothing was."""
    length, body = environ.get("CONTENT_LENGTH") or "", environ.get("wsgi.input")
    if length.isdecimal():
        return min(int(length), cost.LARGEST_BODY)
    return len(body.getbuffer()) if isinstance(body, io.BytesIO) else 0


def _free(method: str, path: str) -> bool:
    """Return whether a request needs no place."""
    return method in ("PUT", "DELETE") or path.startswith(_FREE) or path.endswith(_OWN)


class _BrokenBody(io.RawIOBase):
    """A body that broke off, for whoever reads it to find out."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        """Return that it may be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raise what happened."""
        raise self._error
