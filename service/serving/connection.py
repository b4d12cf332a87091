"""A connection of the worker: its buffers of received bytes and of bytes to be sent.

A client that sends or reads slowly occupies no thread. The worker's loop receives a complete request before a thread
gets it, and sends the rest of an answer that could not be sent at once.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import tempfile
import time
from collections import deque
from contextlib import suppress
from types import SimpleNamespace
from typing import IO, Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import TConn

from service.serving.framing import Frame, FrameProgress

IN_MEMORY = 1 << 18
"""The most bytes of a request in memory; a longer one goes into an unnamed file."""
STALL_S = 10.0
"""Seconds within which a client must read `STALL_BYTES` of its answer, or the rest of it."""
STALL_BYTES = 1 << 14
_HIGH, _LOW = 1 << 18, 1 << 17
"""Unsent bytes of an answer: with more than the first, its thread waits until there are at most the second."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ReceiveBuffer:
    """The received bytes that are not read yet. The parser reads from it as from a socket that ends.

    :ivar held: Bytes in memory.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._memory: deque[bytes] = deque([data] if data else ())
        self._file: IO[bytes] | None = None
        self.held = len(data)

    def append(self, data: bytes) -> None:
        """Add received bytes. Reading must not have begun."""
        if self._file is None:
            self._memory.append(data)
            self.held += len(data)
            if self.held <= IN_MEMORY:
                return
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
            data = b"".join(self._memory)
            self._memory.clear()
            self.held = 0
        self._file.write(data)

    def rewind(self) -> None:
        """Begin reading, since everything has arrived."""
        if self._file is not None:
            self._file.seek(0)

    def recv(self, size: int) -> bytes:
        """Return up to `size` of the next bytes, none at the end."""
        if self._file is not None:
            return self._file.read(size)
        if not self._memory:
            return b""
        first = self._memory.popleft()
        if len(first) > size:
            self._memory.appendleft(first[size:])
            first = first[:size]
        self.held -= len(first)
        return first

    def rest(self) -> bytes:
        """Return the unread bytes, and close."""
        left = b"".join(self._memory) if self._file is None else self._file.read()
        self.close()
        return left

    def close(self) -> None:
        """Forget everything."""
        self._memory.clear()
        self.held = 0
        if self._file is not None:
            self._file.close()


class SendBuffer:
    """The socket on which a thread sends. It does not wait, unless too much of a streamed answer is unsent.

    :ivar left: Bytes that could not be sent yet.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parts: deque[memoryview] = deque()
        self.left = 0

    def sendall(self, data: bytes) -> None:
        """Send, now or later.

        :raises BrokenPipeError: if the client reads nothing for too long.
        """
        if self.left > _HIGH:
            self._wait()
        self._parts.append(memoryview(data))
        self.left += len(data)
        self.flush()

    def send(self, data: bytes) -> int:
        """Ignore the parser's `100 Continue`, since the loop has received the body already."""
        return len(data)

    def shutdown(self, how: int) -> None:
        """Refuse: the loop ends the connection after the unsent bytes.

        :raises OSError: always.
        """
        raise OSError(errno.ENOTCONN, "the loop ends connections")

    def close(self) -> None:
        """Do nothing; the loop closes the connection."""

    def flush(self) -> None:
        """Send what can be sent at once.

        :raises OSError: if the connection is gone.
        """
        with suppress(BlockingIOError):
            while self._parts:
                part = self._parts[0]
                sent = self._sock.send(part, socket.MSG_DONTWAIT) if part else 0
                self.left -= sent
                if sent < len(part):
                    self._parts[0] = part[sent:]
                else:
                    self._parts.popleft()

    def _wait(self) -> None:
        until, poll = time.monotonic() + STALL_S, select.poll()
        poll.register(self._sock, select.POLLOUT)
        while self.left > _LOW:
            remaining = until - time.monotonic()
            if remaining <= 0 or not poll.poll(remaining * 1000):
                raise BrokenPipeError(errno.EPIPE, f"the client took less than {_HIGH - _LOW} bytes in {STALL_S:g} s")
            self.flush()


class Connection(TConn):  # type: ignore[misc]
    """A connection, the request that arrives on it, and the answer that leaves.

    :ivar until: The time (`time.monotonic`) by which the awaited event must happen.
    :ivar since: When the loop began to wait.
    :ivar watched: Whether it is registered with the loop's selector.
    :ivar threshold: The most bytes of its answer that may be unsent at `until`.
    :ivar whole: Whether the request of a thread was received completely, so that another may follow.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.parser: Any = None
        self.data_ready = True  # a thread gets it only with a request
        self.frame = Frame(0)
        self.received = ReceiveBuffer()
        self.out = SendBuffer(self.sock)
        self.whole = False
        self.since = self.until = time.monotonic()
        self.watched = False
        self.threshold = 0
        seconds = struct.pack("ll", int(STALL_S), 0)  # for gunicorn's own answers, which do not use `out`
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)

    @property
    def silent(self) -> bool:
        """Return whether nothing of a request has arrived."""
        return self.frame.progress is FrameProgress.HEAD and not self.received.held

    def begin(self, usual: int) -> bytes:
        """Prepare for the next request, and return its bytes that came with the one before.

        :param usual: The most bytes of a body from anybody.
        """
        left = b"" if self.parser is None else self.parser.unreader.take_buffered()
        left += self.received.rest()
        self.frame, self.received, self.parser = Frame(usual), ReceiveBuffer(left), None
        self.initialized = False
        return left

    def init(self) -> None:
        """Make the parser of the received request; called in the thread that answers it."""
        if not self.initialized:
            self.initialized = True
            self.received.rewind()
            self.parser = get_parser(self.cfg, self.received, self.client)

    def allow_sending(self) -> None:
        """Tell a waiting client to send its body."""
        with suppress(OSError):
            self.sock.send(_CONTINUE, socket.MSG_DONTWAIT)

    def answering(self) -> SimpleNamespace:
        """Return the connection in the form for the code that answers."""
        return SimpleNamespace(sock=self.out, client=self.client, server=self.server)

    def close(self, graceful: bool = False) -> None:
        """Close it."""
        self.received.close()
        super().close(graceful)
