"""gunicorn's threaded worker, whose loop receives requests and sends answers, refuses, and stops in order.

A thread gets a request once it is complete, and is free once the answer is made. So a client that sends or reads slowly
holds only a connection. Health and readiness have threads of their own. Knows bytes and sockets; `admission` decides
which requests are turned away.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from service.serving import connection, unreadable
from service.serving.admission import SPARE, Admission
from service.serving.connection import Connection
from service.serving.framing import FrameProgress, RequestHead

_PIECE = 1 << 16
"""Bytes that are received at once."""
SILENT_S = 5.0
"""Seconds for which a new connection may stay silent."""
HEAD_S = 5.0
"""Seconds within which the head of a request must arrive once it has begun."""
BODY_S = 60.0
"""Seconds within which its body must arrive, plus one for each `_BODY_RATE` announced bytes."""
_BODY_RATE = 100_000
_PARTING_S = 2.0
"""Seconds that a client may take to close an ending connection. Closed at once, its answer might be lost."""
_BEAT_S = 1.0
_LOOK_S = 0.25
"""Seconds between checks for connections whose time is up."""
KEPT = 500
"""The most idle connections that are kept alive; beyond that, answers close theirs."""
HELD = 64 << 20
"""The most bytes in memory of incomplete requests; beyond that, the request that began first is turned away."""
_USUAL = 200_000
"""The most bytes of a body if the application sets no limit."""
_WATCHERS = 2
"""Threads that answer only health, readiness and metrics."""
_AT_ONCE = 64
"""Connections accepted in a row, only to tell them that the service is full."""
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker whose application may have an `admission` among its extensions.

    It never stops accepting, and refuses what it cannot hold. In the kernel's queue, clients would get no answer.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most: int = self.cfg.worker_connections
        self.worker_connections = sys.maxsize  # at this number gunicorn would stop accepting
        self.max_keepalived = min(self._most - self.cfg.threads, KEPT)
        self._room = self.cfg.threads - SPARE
        self._handed = 0
        self._held = 0
        self._looked = 0.0
        self._leaving: deque[Connection] = deque()
        self._coming: dict[Connection, None] = {}  # with an incomplete request, in the order of arrival
        self._sending: dict[Connection, bool] = {}  # with unsent bytes of an answer -> whether it is kept afterwards
        self._watchers = ThreadPoolExecutor(_WATCHERS, "watch")

    def load_wsgi(self) -> None:
        """Load the application. Meanwhile notify gunicorn that this worker lives, since many GB may be hashed first."""
        loaded = threading.Event()

        def live() -> None:
            while not loaded.wait(_BEAT_S):
                self.notify()

        thread = threading.Thread(target=live, name="loading")
        thread.start()
        try:
            super().load_wsgi()
        finally:
            loaded.set()
            thread.join()

    def accept(self, listener: Any) -> None:
        """Accept a connection, or all waiting ones if the gate is full."""
        for _ in range(_AT_ONCE):
            try:
                client, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._turn_out()
                return
            self.nr_conns += 1
            conn = Connection(self.cfg, client, address, listener.getsockname())
            self.enqueue_req(conn)
            if not self._full:
                return

    @property
    def _full(self) -> bool:
        """Return whether no further request may wait, counting requests in threads that are not at the gate yet."""
        admission = self._admission()
        return admission is not None and (self._handed >= self._room or admission.gate.full)

    def _refuses(self, conn: Connection, admission: Admission, head: RequestHead) -> bool:
        return self._handed >= self._room or admission.closed_to(conn.client[0], head)

    def enqueue_req(self, conn: Connection) -> None:
        """Receive the next request of a connection."""
        admission = self._admission()
        left = conn.begin(_USUAL if admission is None else admission.usual)
        conn.since = time.monotonic()
        conn.until = conn.since + (HEAD_S if left else SILENT_S)
        conn.sock.setblocking(False)
        self._coming[conn] = None
        self._held += len(left)
        if left:
            self._advance(conn, FrameProgress.HEAD, conn.frame.feed(left))
        if conn in self._coming and conn.frame.progress is not FrameProgress.LARGER:
            self._receive(conn, conn.sock)
        if conn in self._coming and self.nr_conns > self._most:
            self._turn_out()

    def _receive(self, conn: Connection, _: Any) -> None:
        """Receive bytes."""
        if conn not in self._coming:  # dropped before this call
            return
        try:
            data = conn.sock.recv(_PIECE)
        except BlockingIOError:
            self._watch(conn, selectors.EVENT_READ, self._receive)
            return
        except OSError:
            data = b""
        if not data:
            self._cut_short(conn)
            return
        silent, before = conn.silent, conn.received.held
        conn.received.append(data)
        self._held += conn.received.held - before
        if silent:
            conn.until = time.monotonic() + HEAD_S
        self._advance(conn, conn.frame.progress, conn.frame.feed(data))
        if self._held > HELD:
            self._turn_out()

    def _advance(self, conn: Connection, before: FrameProgress, now: FrameProgress) -> None:
        if now not in (FrameProgress.HEAD, FrameProgress.BODY):
            self._unwatch(conn)
            self._proceed(conn)
            return
        if now is FrameProgress.BODY and before is not FrameProgress.BODY:
            self._await_body(conn)
        self._watch(conn, selectors.EVENT_READ, self._receive)

    def _watch(self, conn: Connection, events: int, call: Callable[[Connection, Any], None]) -> None:
        """Have the loop call `call` for events on a connection, until it is unwatched."""
        if not conn.watched:
            self.poller.register(conn.sock, events, partial(call, conn))
            conn.watched = True

    def _unwatch(self, conn: Connection) -> None:
        if conn.watched:
            self.poller.unregister(conn.sock)
            conn.watched = False

    def _await_body(self, conn: Connection) -> None:
        conn.until = time.monotonic() + BODY_S + (conn.frame.announced or 0) / _BODY_RATE
        if conn.frame.expects:
            conn.allow_sending()

    def _proceed(self, conn: Connection) -> None:
        """Continue an unregistered connection: its request is complete, or the size of its body must be allowed."""
        admission = self._admission()
        if conn.frame.progress is not FrameProgress.LARGER:
            self._dispatch(conn)
        elif admission is None:
            self._allow(conn, None)
        else:  # this may look up a key
            asked = self.tpool.submit(admission.most, conn.frame.head)
            asked.add_done_callback(lambda found: self.method_queue.defer(self._allow, conn, found))

    def _allow(self, conn: Connection, found: Future[int] | None) -> None:
        if conn not in self._coming:
            return
        wrong = found is None or found.exception() is not None
        if conn.frame.allow(0 if wrong or found is None else found.result()) is not FrameProgress.BODY:
            self._dispatch(conn)
            return
        self._await_body(conn)
        self._watch(conn, selectors.EVENT_READ, self._receive)

    def _cut_short(self, conn: Connection) -> None:
        """Continue a connection that the client has closed for sending. The parser reports what is missing."""
        self._unwatch(conn)
        if conn.silent:
            self._forget(conn)
            self._let_go(conn)
        else:
            self._dispatch(conn)

    def _give_up(self, conn: Connection) -> None:
        """End a connection whose request comes too slowly."""
        self._unwatch(conn)
        self._forget(conn)
        admission = self._admission()
        if admission is None or conn.frame.progress is FrameProgress.HEAD:
            self._part(conn)
        else:
            self._answer(conn, admission.too_late(), False)

    def _forget(self, conn: Connection) -> None:
        """Remove a connection from those with an incomplete request."""
        del self._coming[conn]
        self._held -= conn.received.held

    def _dispatch(self, conn: Connection) -> None:
        """Give a connection with a request to a thread, or turn it away here, which takes a fifth of the time."""
        self._forget(conn)
        conn.whole = conn.frame.progress is FrameProgress.WHOLE
        admission, head = self._admission(), conn.frame.head
        if admission is not None and head is not None and admission.watches(head.path):
            self._hand(conn, self._watchers)
            return
        refused = None
        if admission is not None and head is not None and conn.frame.alone and self._refuses(conn, admission, head):
            refused = admission.turned_away(head, len(self.keepalived_conns) < self.max_keepalived)
        if refused is not None:
            self._answer(conn, *refused)
        elif admission is not None and self._handed >= self._most:  # any request would wait without limit
            self._answer(conn, admission.refusal(), False)
        else:
            self._handed += 1
            self._hand(conn, self.tpool)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is unreadable or failed. gunicorn's own method would log the sender and the content."""
        unreadable.refuse(client, exc)

    def _hand(self, conn: Connection, threads: ThreadPoolExecutor) -> None:
        given = threads.submit(self.handle, conn)
        given.add_done_callback(lambda found: self.method_queue.defer(self._take_back, conn, found, threads))

    def _take_back(self, conn: Connection, found: Future[bool], threads: ThreadPoolExecutor) -> None:
        """Take a connection back from a thread, and send the rest of its answer."""
        self._handed -= threads is self.tpool
        keep = not found.cancelled() and found.exception() is None and bool(found.result())
        if not conn.out.left:
            self._end(conn, keep)
            return
        try:
            conn.sock.setblocking(False)
            self._watch(conn, selectors.EVENT_WRITE, self._send)
        except (OSError, ValueError):  # it is closed
            self._let_go(conn)
            return
        conn.since = time.monotonic()
        self._expect_taken(conn)
        self._sending[conn] = keep

    @staticmethod
    def _expect_taken(conn: Connection) -> None:
        conn.until = time.monotonic() + connection.STALL_S
        conn.threshold = max(0, conn.out.left - connection.STALL_BYTES)

    def _send(self, conn: Connection, _: Any) -> None:
        if conn not in self._sending:
            return
        try:
            conn.out.flush()
        except OSError:
            self._drop(conn)
            return
        if not conn.out.left:
            self._unwatch(conn)
            self._end(conn, self._sending.pop(conn))
        elif conn.out.left <= conn.threshold:
            self._expect_taken(conn)

    def _end(self, conn: Connection, keep: bool) -> None:
        """Continue after an answer was sent."""
        if keep and (conn.parser.unreader.buf.getvalue() or conn.received.held):
            self.enqueue_req(conn)
        elif keep:
            self._keep(conn)
        else:
            self._part(conn)

    def _keep(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """Continue a kept connection on which bytes arrived, unless it was dropped before this call."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def _drop(self, conn: Connection) -> None:
        """Drop a connection in the middle of its answer."""
        del self._sending[conn]
        self._unwatch(conn)
        self._let_go(conn)

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        if not conn.whole:  # the start of the next request is unknown
            req.force_close()
        return bool(super().handle_request(req, conn.answering()))

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        return keepalive and conn.whole and bool(conn.parser.finish_body())

    def _part(self, conn: Connection) -> None:
        """Close for sending, and wait for the client to close; gunicorn's loop would block for 2 s for each."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self._watch(conn, selectors.EVENT_READ, self._parting)
        except (OSError, ValueError):  # it is closed
            self._let_go(conn)
            return
        conn.received.close()
        conn.timeout = time.monotonic() + _PARTING_S
        self._leaving.append(conn)

    def _parting(self, conn: Connection, _: Any) -> None:
        try:
            more = conn.sock.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:  # not only reset: an unreachable client raises here too
            more = b""
        if not more:
            self._leaving.remove(conn)
            self._unwatch(conn)
            self._let_go(conn)

    def _let_go(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End connections that waited too long: for a request, for a client to read, or for it to close."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            for conn in [conn for conn in self._coming if conn.until <= now]:
                if conn.frame.progress is not FrameProgress.LARGER:  # a thread is being asked
                    self._give_up(conn)
            for conn in [conn for conn in self._sending if conn.until <= now]:
                self._drop(conn)
        while self._leaving and self._leaving[0].timeout <= now:
            conn = self._leaving.popleft()
            self._unwatch(conn)
            self._let_go(conn)

    def _admission(self) -> Admission | None:
        wsgi = getattr(self, "wsgi", None)  # a worker that is stopped while it loads has none
        found = getattr(wsgi, "extensions", {}).get("admission")
        return found if isinstance(found, Admission) else None

    def _turn_out(self) -> None:
        """Drop the connection that has kept the loop waiting longest, for its request or for its reading."""
        waiting = [one for one in self._coming if one.frame.progress is not FrameProgress.LARGER][:1]
        oldest = min((*waiting, *list(self._sending)[:1]), key=lambda one: one.since, default=None)
        admission = self._admission()
        if oldest is None:
            return
        if oldest in self._sending:
            self._drop(oldest)
            return
        self._unwatch(oldest)
        self._forget(oldest)
        if admission is None:
            self._let_go(oldest)
        else:
            self._answer(oldest, admission.refusal(), False)

    def _answer(self, conn: Connection, answer: bytes, keep: bool) -> None:
        """Send an answer that fits into a socket's buffer. Keep the connection if `keep`."""
        try:
            with suppress(BlockingIOError):  # nothing more has arrived
                if not keep:
                    conn.sock.recv(_PIECE)  # closing with unread bytes would reset it and lose the answer
            sent = conn.sock.send(answer, socket.MSG_DONTWAIT)
        except OSError:
            sent = 0
        if sent < len(answer) or not keep or not self.alive:
            self._let_go(conn)
        else:
            conn.received.close()
            self._keep(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop: answer what has arrived, and fail readiness checks."""
        admission = self._admission()
        if admission is not None:
            admission.stopping = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not. To stop, accept those that wait, then close the listeners.

        gunicorn closes its listeners last, so clients could connect meanwhile and never be answered.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        until = time.monotonic() + STOP_KEEPALIVE_LINGER
        for conn in self._leaving:
            conn.timeout = min(conn.timeout, until)
        for conn in self._coming:
            if (
                conn.frame.progress is FrameProgress.HEAD and not conn.received.held
            ):  # silent connections are not waited for
                conn.until = min(conn.until, until)
        for listener in self.sockets:
            while _has_waiting(listener):
                self.accept(listener)
            listener.close()


def _has_waiting(listener: Any) -> bool:
    """Return whether a connection waits to be accepted; False for a closed listener."""
    if listener.sock is None:
        return False
    waiting = select.poll()  # select() takes file numbers below 1,024 only
    waiting.register(listener, select.POLLIN)
    return bool(waiting.poll(0))
