"""gunicorn's threaded worker, whose loop receives requests and sends answers, refuses, and stops in order.

A thread has a request once all of it is there, and has done with it once the answer is made: whoever sends or reads
slowly holds a connection and nothing else. Health and readiness have threads of their own. Knows bytes and sockets; who
is turned away, and by what, is up to `admission`.
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
"""Seconds within which the head of a request that has begun must have come."""
BODY_S = 60.0
"""Seconds within which its body must have come, and so many more for each `_BODY_RATE` bytes that it announces."""
_BODY_RATE = 100_000
_PARTING_S = 2.0
"""Seconds for which a client may take to close a connection that ends; closed at once, its answer might be lost."""
_BEAT_S = 1.0
_LOOK_S = 0.25
"""How often the loop looks whose time is up."""
KEPT = 500
"""Connections that are kept while nothing is asked on them; with more, answers say that theirs ends."""
HELD = 64 << 20
"""Bytes in memory of requests that are not there in full; with more, whoever began first is told to come back."""
_USUAL = 200_000
"""Bytes of a body where the application does not say how large one may be."""
_WATCHERS = 2
"""Threads that answer health, readiness and metrics alone."""
_AT_ONCE = 64
"""Connections accepted in a row, where all that is said to them is that the service is full."""
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker whose application may have an `admission` among its extensions.

    It never stops accepting: what it cannot hold it refuses, for in the kernel's queue nobody would be told anything.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most: int = self.cfg.worker_connections
        self.worker_connections = sys.maxsize  # as many as these, and gunicorn would accept no more
        self.max_keepalived = min(self._most - self.cfg.threads, KEPT)
        self._room = self.cfg.threads - SPARE
        self._handed = 0
        self._held = 0
        self._looked = 0.0
        self._leaving: deque[Connection] = deque()
        self._coming: dict[Connection, None] = {}  # whose request is not here in full, in the order in which they came
        self._sending: dict[Connection, bool] = {}  # whose answer is not sent in full: whether they are kept afterwards
        self._watchers = ThreadPoolExecutor(_WATCHERS, "watch")

    def load_wsgi(self) -> None:
        """Load the application, and say meanwhile that this worker lives: files of many GB are hashed first."""
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
        """Accept a connection; where nobody more may wait, all that have come."""
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
        """Return whether nobody more may wait; those in a thread count, since they are not at the gate at once."""
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
        """Take in what has arrived."""
        if conn not in self._coming:  # let go while this was still to be done
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
        """Have the loop call when something happens on a connection, until it is told otherwise."""
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
        """Go on with a connection that is not registered: all is there, or it has to be asked how much may come."""
        admission = self._admission()
        if conn.frame.progress is not FrameProgress.LARGER:
            self._dispatch(conn)
        elif admission is None:
            self._allow(conn, None)
        else:  # a key may have to be looked up
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
        """Go on with a connection on which nothing more comes: what is missing is told by whoever reads it."""
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
        """Take a connection from those whose request is still to come."""
        del self._coming[conn]
        self._held -= conn.received.held

    def _dispatch(self, conn: Connection) -> None:
        """Hand a connection with a request to a thread, or turn it away here, in a fifth of the time."""
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
        elif admission is not None and self._handed >= self._most:  # whatever it is, it would wait without end
            self._answer(conn, admission.refusal(), False)
        else:
            self._handed += 1
            self._hand(conn, self.tpool)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read, or that failed; gunicorn would log who sent what."""
        unreadable.refuse(client, exc)

    def _hand(self, conn: Connection, threads: ThreadPoolExecutor) -> None:
        given = threads.submit(self.handle, conn)
        given.add_done_callback(lambda found: self.method_queue.defer(self._take_back, conn, found, threads))

    def _take_back(self, conn: Connection, found: Future[bool], threads: ThreadPoolExecutor) -> None:
        """Take a connection back from a thread, and send what is left of its answer."""
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
        """Go on after an answer that was sent."""
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
        """Take up a kept connection that says something, unless it was let go while this was still to be done."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def _drop(self, conn: Connection) -> None:
        """Let a connection go in the middle of its answer."""
        del self._sending[conn]
        self._unwatch(conn)
        self._let_go(conn)

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer a request, in a thread."""
        if not conn.whole:  # where the next one begins is not known
            req.force_close()
        return bool(super().handle_request(req, conn.answering()))

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        return keepalive and conn.whole and bool(conn.parser.finish_body())

    def _part(self, conn: Connection) -> None:
        """Say that nothing more comes, and wait for the client to close; gunicorn's loop would do so for 2 s each."""
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
        except OSError:  # not reset alone: a client that is out of reach is told of here, too
            more = b""
        if not more:
            self._leaving.remove(conn)
            self._unwatch(conn)
            self._let_go(conn)

    def _let_go(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End what has waited for too long: for a request, for a client that reads, or for one that closes."""
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
        wsgi = getattr(self, "wsgi", None)  # told to stop while it loads, the worker has none
        found = getattr(wsgi, "extensions", {}).get("admission")
        return found if isinstance(found, Admission) else None

    def _turn_out(self) -> None:
        """Let go of whoever has kept the loop waiting for longest, be it for a request or for its answer to be read."""
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
        """Send an answer that fits into a socket's buffer, and keep the connection where that was asked."""
        try:
            with suppress(BlockingIOError):  # nothing more has arrived
                if not keep:
                    conn.sock.recv(_PIECE)  # closed with something unread, it would be reset, and the answer lost
            sent = conn.sock.send(answer, socket.MSG_DONTWAIT)
        except OSError:
            sent = 0
        if sent < len(answer) or not keep or not self.alive:
            self._let_go(conn)
        else:
            conn.received.close()
            self._keep(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop: what has come is answered, readiness is gone."""
        admission = self._admission()
        if admission is not None:
            admission.stopping = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; one that stops takes those that wait, and from then on they are refused.

        gunicorn closes its listeners last, so that clients would connect meanwhile and never be answered.
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
            ):  # nobody waits for those that never say a word
                conn.until = min(conn.until, until)
        for listener in self.sockets:
            while _has_waiting(listener):
                self.accept(listener)
            listener.close()


def _has_waiting(listener: Any) -> bool:
    """Return whether a connection waits to be accepted; never of a listener that is closed."""
    if listener.sock is None:
        return False
    waiting = select.poll()  # select() knows no more than 1,024 open files
    waiting.register(listener, select.POLLIN)
    return bool(waiting.poll(0))
