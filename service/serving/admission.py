"""Who is let in to work now, who waits, and who is told to come back: WSGI around the application.

Knows requests by method and path alone, and nothing of Flask or of what is asked. The server has more threads than may
work at once, so that there is always one to turn a request away, or to say that the process lives.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import unquote

from service.serving import beside, deadline
from service.serving.framing import Head

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


class Busy(Protocol):
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
_OWN = (":batch", ":bulk")
"""How addresses end of what lasts long by its nature, and is let in by what answers it."""


class Gate:
    """Lets so many in at once; so many more may wait, in the order in which they came, and the others are turned away.

    A place that becomes free is handed to whoever has waited longest, so that nobody slips in before.

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
        self._queue: deque[tuple[int, threading.Event]] = deque()
        self._tickets = 0

    @property
    def full(self) -> bool:
        """Return whether nobody more may wait."""
        return len(self._queue) >= self.waiting and len(self._since) >= self.working

    @property
    def inside(self) -> int:
        """Return how many are in."""
        return len(self._since)

    @property
    def queued(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    @property
    def alone(self) -> bool:
        """Return whether not more than one is in, and nobody waits."""
        return len(self._since) <= 1 and not self._queue

    def oldest(self) -> float:
        """Return for how many seconds the one has been in that came first of those that are; 0 where there is none."""
        with self._lock:
            return time.monotonic() - min(self._since.values()) if self._since else 0.0

    @contextmanager
    def passed(self) -> Iterator[bool]:
        """Hold a place while the context lasts, after waiting for it where need be; yield whether there is one."""
        ticket = self._enter()
        try:
            yield ticket is not None
        finally:
            if ticket is not None:
                self._leave(ticket)

    def _enter(self) -> int | None:
        with self._lock:
            self._tickets += 1
            ticket = self._tickets
            if len(self._since) < self.working:
                self._since[ticket] = time.monotonic()
                return ticket
            if len(self._queue) >= self.waiting:
                self.refused += 1
                return None
            waiter = (ticket, threading.Event())
            self._queue.append(waiter)
        if waiter[1].wait(self.longest):
            return ticket
        with self._lock:
            if ticket in self._since:  # handed over at the last moment
                return ticket
            self._queue.remove(waiter)
            self.refused += 1
            return None

    def _leave(self, ticket: int) -> None:
        with self._lock:
            del self._since[ticket]
            if self._queue:
                following, turn = self._queue.popleft()
                self._since[following] = time.monotonic()
                turn.set()


class Admission:
    """The application behind a gate, each request within its time.

    :param app: Answers whoever is let in.
    :param busy: Answers whoever is not.
    :ivar stopping: Whether the process has been told to stop.
    :param seconds: For how long a request may take, its wait at the gate included.
    :param usual: Bytes of a body that anybody may send.
    :param larger: Returns how many this request may send, of one that would send more; it may take a moment.
    """

    def __init__(
        self, app: Wsgi, gate: Gate, busy: Busy, seconds: float, usual: int, larger: Callable[[Head], int] | None = None
    ) -> None:
        self._app = app
        self.gate = gate
        self._busy = busy
        self._seconds = seconds
        self.usual = usual
        self._larger = larger
        self.stopping = False

    def most(self, head: Head) -> int:
        """Return how many bytes of a body are received."""
        return self.usual if self._larger is None or not unquote(head.path).endswith(_OWN) else self._larger(head)

    @staticmethod
    def watches(path: str) -> bool:
        """Return whether an address is asked for by those who watch over the service."""
        return path in WATCHING

    def turned_away(self, head: Head, keeps: bool) -> tuple[bytes, bool] | None:
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
        path = environ.get("PATH_INFO", "")
        if _free(environ["REQUEST_METHOD"], path):
            return self._app(environ, start_response)
        with deadline.within(self._seconds):
            if environ["REQUEST_METHOD"] == "POST":
                self._receive(environ)
            with self.gate.passed() as admitted, beside.spare(self.gate.alone):
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
            environ["wsgi.input"] = _Broken(error)


def _free(method: str, path: str) -> bool:
    """Return whether a request needs no place."""
    return method in ("PUT", "DELETE") or path.startswith(_FREE) or path.endswith(_OWN)


class _Broken(io.RawIOBase):
    """A body that broke off, for whoever reads it to find out."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        """Return that it may be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raise what happened."""
        raise self._error
