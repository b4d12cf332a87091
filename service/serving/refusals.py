"""The snapshots that a process refuses to serve, with reasons. After a temporary error, one is tried again later."""

from __future__ import annotations

import time
from collections.abc import Callable

from indexer.errors import SnapshotUnreadable
from service.observing.metrics import metrics

RETRY = 30.0
"""Seconds after which a snapshot that the system could not read is tried again."""


class Refusals:
    """Snapshots by name, with the reason.

    :param clock: Seconds that never go backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reasons: dict[str, str] = {}
        self._again: dict[str, float] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._reasons

    def add(self, name: str, error: Exception) -> None:
        """Refuse a snapshot. If the error may be temporary, it is tried again later."""
        if name not in self._reasons:
            metrics().refused()
        self._reasons[name] = str(error)
        if isinstance(error, SnapshotUnreadable):
            self._again[name] = self._clock() + RETRY

    def reason(self, name: str) -> str | None:
        """Return why a snapshot is refused, None if it is not."""
        return self._reasons.get(name)

    def forgive(self) -> None:
        """Allow snapshots again whose waiting time is over."""
        for name in [name for name, at in self._again.items() if at <= self._clock()]:
            del self._again[name]
            self._reasons.pop(name, None)
