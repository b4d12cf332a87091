"""Limits the recorded refusals of one client. Otherwise anyone without a key could fill the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PER_MINUTE = 10
"""The most refusals that a process records in a minute for one reason and one client."""

_CLIENTS = 1000
_SECONDS = 60.0


class RefusalBudget:
    """Counts refusals by reason and client. Safe to share between threads; its memory is bounded.

    :param clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], tuple[float, int]] = {}
        self._left_out = 0

    def take(self, reason: str, client: str) -> int | None:
        """Return None if a refusal must be left out, else the number left out since the last recorded one."""
        now = self._clock()
        with self._lock:
            if len(self._counted) >= _CLIENTS:
                self._counted = {who: met for who, met in self._counted.items() if now - met[0] < _SECONDS}
            begun, count = self._counted.get((reason, client), (now, 0))
            if now - begun >= _SECONDS:
                begun, count = now, 0
            if count >= PER_MINUTE or len(self._counted) >= _CLIENTS:
                self._left_out += 1
                return None
            self._counted[reason, client] = (begun, count + 1)
            left_out, self._left_out = self._left_out, 0
            return left_out
