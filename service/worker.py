"""gunicorn's threaded worker, which also turns requests away before it spends a thread on them, and stops in order.

Knows bytes and sockets; who is turned away, and by what, is up to `admission`.
"""

from __future__ import annotations

import select
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from service.admission import Admission

_HEAD = 16384
"""Bytes of a request that are looked at; a longer one goes the usual way."""
SILENT_S = 5.0
"""Seconds for which a new connection may stay silent; it holds no thread meanwhile."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker whose application may have an `admission` among its extensions."""

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection with a request to a thread, or turn it away here, in a fifth of the time."""
        if conn.parser is not None and conn.parser.unreader.buf.getvalue():  # read ahead: what is peeked is not all
            super().enqueue_req(conn)
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
        answer = None if admission is None else admission.turned_away(head)
        if answer is None:
            conn.data_ready = True
            super().enqueue_req(conn)
        else:
            self._answer(conn, len(head), *answer)

    def _admission(self) -> Admission | None:
        found = getattr(self.wsgi, "extensions", {}).get("admission")
        return found if isinstance(found, Admission) else None

    def _wait_for(self, conn: Any) -> None:
        conn.timeout = time.monotonic() + SILENT_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _answer(self, conn: Any, length: int, answer: bytes, keep: bool) -> None:
        """Send an answer that fits into a socket's buffer, and keep the connection where that was asked."""
        try:
            conn.sock.recv(length)
            sent = conn.sock.send(answer)
        except OSError:
            sent = 0
        if sent < len(answer) or not keep or not self.alive:
            self.nr_conns -= 1
            conn.close()
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
        for conn in self.pending_conns:  # nobody waits for those that have never said a word
            conn.timeout = min(conn.timeout, until)
        for listener in self.sockets:
            while listener.sock is not None and select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()
