"""How many batches are answered at once: one for each caller, and some altogether.

A client that reads its answer slowly holds the place of its own batch, and nobody else's.
"""

from __future__ import annotations

import threading

from service.serving.budget import Caller

ALTOGETHER, WITHOUT_KEY = 12, 8
"""Batches of a process at once, and how many of them may be of callers without a key; each has a thread."""


class Batches:
    """Who has a batch answered by this process now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: set[Caller] = set()

    def begin(self, caller: Caller) -> bool:
        """Return whether a caller's batch may be answered now; whoever may has to call `end`."""
        with self._lock:
            if caller in self._answered or len(self._answered) >= ALTOGETHER:
                return False
            if not caller.keyed and sum(not one.keyed for one in self._answered) >= WITHOUT_KEY:
                return False
            self._answered.add(caller)
            return True

    def end(self, caller: Caller) -> None:
        """Say that a caller's batch has been answered, or broken off."""
        with self._lock:
            self._answered.discard(caller)
