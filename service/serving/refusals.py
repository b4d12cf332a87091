"""Which snapshots a process will not serve, and why; what may have passed is tried again after a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from indexer.errors import SnapshotUnreadable
from service.observing.metrics import metrics

RETRY = 30.0
"""Seconds after which a snapshot is tried again that the system did not let be read."""


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
        """Refuse a snapshot; one that could only not be read just now is tried again later."""
        if name not in self._reasons:
            metrics().refused()
        self._reasons[name] = str(error)
        if isinstance(error, SnapshotUnreadable):
            self._again[name] = self._clock() + RETRY

    def reason(self, name: str) -> str | None:
        """Return why a snapshot is refused, None where it is not."""
        return self._reasons.get(name)

    def forgive(self) -> None:
        """Let those be tried again whose time has come."""
        for name in [name for name, at in self._again.items() if at <= self._clock()]:
            del self._again[name]
            self._reasons.pop(name, None)
