"""gunicorn's threaded worker, which also turns requests away before it spends a thread on them, and stops in order.

Knows bytes and sockets; who is turned away, and by what, is up to `admission`.
"""

from __future__ import annotations

import select
import selectors
import socket
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service.serving import unreadable
from service.serving.admission import SPARE, Admission

_HEAD = 16384
"""Bytes of a request that are looked at; a longer one goes the usual way."""
SILENT_S = 5.0
"""Seconds for which a new connection may stay silent; it holds no thread meanwhile."""
HEAD_S = 5.0
BODY_S = 60.0
"""Seconds within which a request that has begun must have come, its head or all of it: a thread waits for it."""
_PARTING_S = 2.0
"""Seconds for which a client may take to close a connection that ends; closed at once, its answer might be lost."""
_BEAT_S = 1.0
KEPT = 500
"""Connections that are kept while nothing is asked on them; with more, answers say that theirs ends."""


_AT_ONCE = 64
"""Connections accepted in a row, where all that is said to them is that the service is full."""


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
        self._leaving: deque[Any] = deque()
        self._coming: dict[Any, float] = {}  # connections whose request may not be here whole: until when it must be
        self._heads: dict[Any, Any] = {}  # those of them whose head may not be: the request parsed before it

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
            self.nr_conns += 1
            self.enqueue_req(TConn(self.cfg, client, address, listener.getsockname()))
            if not self._full:
                return

    @property
    def _full(self) -> bool:
        """Return whether nobody more may wait; those in a thread count, since they are not at the gate at once."""
        admission = self._admission()
        return admission is not None and (self._handed >= self._room or admission.gate.full)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection with a request to a thread, or turn it away here, in a fifth of the time."""
        if conn.parser is not None and conn.parser.unreader.buf.getvalue():  # read ahead: what is peeked is not all
            self._hand(conn, b"")
            return
        try:
            conn.sock.setblocking(False)
            head = conn.sock.recv(_HEAD, socket.MSG_PEEK)
        except BlockingIOError:
            self._wait_for(conn)
            return
        except OSError:
            head = b""
        admission = self._admission()
        keeps = len(self.keepalived_conns) < self.max_keepalived
        refused = admission.turned_away(head, keeps) if admission is not None and self._full else None
        if refused is not None:
            self._answer(conn, len(head), *refused)
        elif admission is not None and self._handed >= self._most:  # whatever it is, it would wait without end
            self._answer(conn, len(head), admission.refusal(), False)
        else:
            conn.data_ready = True
            self._hand(conn, head)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read, or that failed; gunicorn would log who sent what."""
        unreadable.refuse(client, exc)

    def _hand(self, conn: Any, head: bytes) -> None:
        self._handed += 1
        patience = _patience(head)
        if patience:
            self._coming[conn] = time.monotonic() + patience
        if b"\r\n\r\n" not in head:
            self._heads[conn] = _parsed(conn)
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Take a connection back from a thread."""
        self._handed -= 1
        self._coming.pop(conn, None)
        self._heads.pop(conn, None)
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._part(conn)
        else:
            super().finish_request(conn, fs)

    def _part(self, conn: Any) -> None:
        """Say that nothing more comes, and wait for the client to close; gunicorn's loop would do so for 2 s each."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._parting, conn))
        except (OSError, ValueError):  # it is closed
            self._let_go(conn)
            return
        conn.timeout = time.monotonic() + _PARTING_S
        self._leaving.append(conn)

    def _parting(self, conn: Any, client: Any) -> None:
        try:
            more = conn.sock.recv(_HEAD)
        except BlockingIOError:
            return
        except OSError:  # not reset alone: a client that is out of reach is told of here, too
            more = b""
        if not more:
            self._leaving.remove(conn)
            self.poller.unregister(client)
            self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close connections that wait for their first request, or for their client to close, for too long.

        Of those whose request comes too slowly nothing more is read: their threads have what is there, and go on.
        """
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, until in self._coming.items() if until <= now]:
            if conn in self._heads and self._heads.pop(conn) is not _parsed(conn):  # its head has come: a body may
                self._coming[conn] += BODY_S - HEAD_S
                continue
            del self._coming[conn]
            with suppress(OSError):  # it is closed
                conn.sock.shutdown(socket.SHUT_RD)
        while self._leaving and self._leaving[0].timeout <= time.monotonic():
            conn = self._leaving.popleft()
            self.poller.unregister(conn.sock)
            self._let_go(conn)

    def _admission(self) -> Admission | None:
        wsgi = getattr(self, "wsgi", None)  # told to stop while it loads, the worker has none
        found = getattr(wsgi, "extensions", {}).get("admission")
        return found if isinstance(found, Admission) else None

    def _wait_for(self, conn: Any) -> None:
        """Wait for a connection to say something; of too many, whichever has been silent for longest goes."""
        admission = self._admission()
        if admission is not None and self.nr_conns > self._most and self.pending_conns:
            silent = self.pending_conns.popleft()
            self.poller.unregister(silent.sock)
            self._answer(silent, _HEAD, admission.refusal(), False)
        conn.timeout = time.monotonic() + SILENT_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Take up a connection that says something, unless it was let go while this was still to be done."""
        if conn in self.pending_conns:
            super().on_pending_socket_readable(conn, client)

    def _answer(self, conn: Any, length: int, answer: bytes, keep: bool) -> None:
        """Send an answer that fits into a socket's buffer, and keep the connection where that was asked."""
        try:
            with suppress(BlockingIOError):  # a connection that has not said anything
                conn.sock.recv(length)  # closed with something unread, it would be reset, and the answer lost
            sent = conn.sock.send(answer)
        except OSError:
            sent = 0
        if sent < len(answer) or not keep or not self.alive:
            self._let_go(conn)
            return
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

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
        for conn in (*self.pending_conns, *self._leaving):  # nobody waits for those that never say a word
            conn.timeout = min(conn.timeout, until)
        for listener in self.sockets:
            while listener.sock is not None and select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()


def _parsed(conn: Any) -> Any:
    """Return the request whose head was parsed last on a connection, None where there is none."""
    return getattr(conn.parser, "mesg", None)


def _patience(head: bytes) -> float:
    """Return for how many seconds to wait for what is missing of a request, none where nothing can be.

    Where the end of its head is not in sight, these are the head's alone; there may be a body after it.
    """
    lines, blank, _ = head.lower().partition(b"\r\n\r\n")
    if not blank:
        return HEAD_S
    return BODY_S if b"\ncontent-length:" in lines or b"\ntransfer-encoding:" in lines else 0.0
