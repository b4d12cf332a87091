"""Limits the batches answered at once: one for each caller, and a few in all.

A client that reads its answer slowly holds only its own place.
"""

from __future__ import annotations

import threading

from service.serving.budget import Caller

ALTOGETHER, WITHOUT_KEY = 12, 8
"""The most batches of a process at once, and the most of callers without a key; each uses a thread."""


class Batches:
    """The callers whose batches this process is answering."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: set[Caller] = set()

    def begin(self, caller: Caller) -> bool:
        """Return whether a caller's batch may be answered now. If so, call `end` afterwards."""
        with self._lock:
            if caller in self._answered or len(self._answered) >= ALTOGETHER:
                return False
            if not caller.keyed and sum(not one.keyed for one in self._answered) >= WITHOUT_KEY:
                return False
            self._answered.add(caller)
            return True

    def end(self, caller: Caller) -> None:
        """Record that a caller's batch has ended, complete or not."""
        with self._lock:
            self._answered.discard(caller)
