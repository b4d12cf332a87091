"""The trace of a request: its id, its start, the duration of each stage. Knows nothing of HTTP, logs or metrics.

A stage ends at a call of `lap`, and lasts since the end of the stage before it. Each takes one reading of the clock,
and stages never overlap. Outside of a request `lap` does nothing.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from time import perf_counter

STAGES = (
    *("understanding", "encoding", "meaning", "words", "candidates", "ranking", "reranking", "reading", "writing"),
)
"""The stages that `lap` accepts, so that no text from a reader becomes the name of a metric."""

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Trace:
    """The trace of a request that is being answered.

    :param request_id: Its id in the log and in the answer.
    :param stages: Seconds by stage, in their order.
    """

    __slots__ = ("_lapped", "request_id", "stages", "started")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.started = self._lapped = perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """End a stage. The times of a repeated stage are added up."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._lapped
        self._lapped = now


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(given_id: str | None) -> Trace:
    """Begin a request in this thread and return its trace.

    :param given_id: The caller's id of it. If that is not 1 to 64 letters, digits and `._:-`, it gets a new id.
    """
    known = given_id is not None and _SANE.fullmatch(given_id)
    trace = Trace(given_id if known and given_id else secrets.token_hex(8))
    _current.set(trace)
    return trace


def current() -> Trace | None:
    """Return the trace of the request that this thread is answering, None if there is none."""
    return _current.get()


def end() -> None:
    """End the request of this thread."""
    _current.set(None)


def lap(stage: str) -> None:
    """End a stage of the request of this thread, if it is answering one."""
    trace = _current.get()
    if trace is not None:
        trace.lap(stage)
