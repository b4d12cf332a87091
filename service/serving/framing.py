"""Finds the end of a request in the bytes of a connection, so that no work begins before it is complete.

Knows only HTTP/1.1's framing. It reports no errors: a malformed request simply ends here, and the server's parser,
which reads the same bytes afterwards, reports the error. Only that parser decides where the next request begins.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

MAX_LINE = 8192
"""The most bytes of a request line, of a chunk's line, and of a header that the parser may accept."""
MAX_HEAD = 100 * MAX_LINE + MAX_LINE
"""The most bytes of a head that the parser may accept."""
_CHUNK_BYTES = 16
"""The least average size of a body's chunks, since each chunk takes time to read."""
_END = b"\r\n\r\n"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LENGTH = re.compile(r"[0-9]{1,15}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r]*)?\r\n")


class FrameProgress(Enum):
    """How much of a request has arrived."""

    HEAD = auto()
    """Not even its head."""
    BODY = auto()
    """Its head, but not all of its body."""
    LARGER = auto()
    """Its head; the body is larger than usual, and continues once `Frame.allow` sets its limit."""
    WHOLE = auto()
    """All of it."""
    ENDED = auto()
    """Nothing more will be read: it is malformed, or too large."""


class RequestHead(NamedTuple):
    """The first lines of a request.

    :param path: As sent, percent-encoded.
    :param headers: Names in lower case; for a repeated header the last value.
    """

    method: str
    path: str
    query: str
    version: str
    headers: dict[str, str]


class Frame:
    """One request as its bytes arrive.

    :param usual: The most bytes of a body from anybody.
    :ivar head: None until it has arrived.
    :ivar announced: The size of the body by its head; None if the head gives no size or there is no body.
    """

    def __init__(self, usual: int) -> None:
        self._most = usual
        self._larger = False
        self._start = bytearray()
        self._missing = 0
        self._chunks: _Chunks | None = None
        self.head: RequestHead | None = None
        self.announced: int | None = None
        self.progress = FrameProgress.HEAD

    def feed(self, data: bytes) -> FrameProgress:
        """Add received bytes and return the progress."""
        if self.head is not None:
            return self._body(data)
        searched = max(0, len(self._start) - len(_END) + 1)
        self._start += data
        end = self._start.find(_END, searched)
        if end < 0:
            line = len(self._start) > MAX_LINE and self._start.find(b"\r\n", 0, MAX_LINE + 2) < 0
            return self._become(FrameProgress.ENDED if line or len(self._start) > MAX_HEAD else FrameProgress.HEAD)
        rest, head = bytes(self._start[end + len(_END) :]), self._start[:end].decode("latin-1")
        self._start.clear()
        return self._body(rest) if self._opened(head) else self._become(FrameProgress.ENDED)

    def allow(self, most: int) -> FrameProgress:
        """Set the most bytes of the body, and return the progress."""
        self._most, self._larger = most, True
        return self._become(self._bounded())

    @property
    def alone(self) -> bool:
        """Return whether it is complete, has no body, and nothing has arrived after it."""
        return (
            self.progress is FrameProgress.WHOLE and self.announced is None and not self._missing and not self._chunks
        )

    @property
    def expects(self) -> bool:
        """Return whether the client waits for `100 Continue`."""
        head = self.head
        return head is not None and head.version == "HTTP/1.1" and head.headers.get("expect") == "100-continue"

    def _become(self, progress: FrameProgress) -> FrameProgress:
        self.progress = progress
        return progress

    def _opened(self, text: str) -> bool:
        """Parse the head and return whether it clearly defines the body."""
        first, *lines = text.split("\r\n")
        words = first.split(" ")
        headers: dict[str, str] = {}
        framing = 0
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not _NAME.fullmatch(name):
                return False
            name = name.lower()
            framing += name in ("content-length", "transfer-encoding")
            headers[name] = value.strip(" \t")
        if len(words) != 3 or framing > 1:
            return False
        path, _, query = words[1].partition("?")
        self.head = RequestHead(words[0], path, query, words[2], headers)
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if coding is not None:
            self._chunks = _Chunks()
            return coding.lower() == "chunked" and words[2] == "HTTP/1.1"
        if length is not None:
            if not _LENGTH.fullmatch(length):
                return False
            self.announced = self._missing = int(length)
        return True

    def _body(self, data: bytes) -> FrameProgress:
        if self._chunks is None:
            self._missing -= len(data)
        elif not self._chunks.feed(data):
            return self._become(FrameProgress.ENDED)
        return self._become(self._bounded())

    def _bounded(self) -> FrameProgress:
        chunks = self._chunks
        size = (self.announced or 0) if chunks is None else chunks.size
        if size > self._most:
            return FrameProgress.ENDED if self._larger else FrameProgress.LARGER
        if chunks is None:
            return FrameProgress.WHOLE if self._missing <= 0 else FrameProgress.BODY
        if chunks.count > self._most // _CHUNK_BYTES + _CHUNK_BYTES:
            return FrameProgress.ENDED
        return FrameProgress.WHOLE if chunks.ended else FrameProgress.BODY


class _Chunks:
    """Skips a chunked body, in linear time.

    :ivar size: Bytes of the body so far.
    :ivar ended: Whether its end was seen; what follows belongs to the next request.
    """

    def __init__(self) -> None:
        self.size = 0
        self.count = 0
        self.ended = False
        self._skip = 0
        self._line = b""
        self._trailers: int | None = None

    def feed(self, data: bytes) -> bool:
        """Add received bytes and return whether they are valid so far."""
        at = 0
        while at < len(data) and not self.ended:
            if self._skip:
                step = min(self._skip, len(data) - at)
                self.size += min(step, max(0, self._skip - 2))  # a line ends after it
                at, self._skip = at + step, self._skip - step
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            if len(self._line) > MAX_LINE:
                return False
            if not end:
                return True
            at = end
            if not self._read(self._line):
                return False
            self._line = b""
        return True

    def _read(self, line: bytes) -> bool:
        if self._trailers is not None:
            self._trailers += len(line)
            self.ended = line == b"\r\n"
            return self._trailers <= MAX_HEAD
        found = _SIZE.fullmatch(line)
        if found is None:
            return False
        size = int(found[1], 16)
        self.count += 1
        if size:
            self._skip = size + 2
        else:
            self._trailers = 0
        return True
