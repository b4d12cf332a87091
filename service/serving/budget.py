"""Budgets: how much work each caller may request, in units of `cost`. Knows nothing of requests.

A fixed window, as for rate limits: a number for each caller, kept in the process or in a storage that workers share.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

logger = logging.getLogger(__name__)

_NAME = "units"


class Caller(NamedTuple):
    """The sender of a request.

    :param name: The id of a key, or an address.
    :param keyed: Whether it is a key.
    """

    name: str
    keyed: bool = False


class Spending:
    """The units that each caller has spent in the current window, counted by this process.

    All callers have the same windows, so nothing has to be removed caller by caller. `MemoryStorage` of `limits` checks
    every caller after every request, which took 4 ms with 100,000 callers.

    :param most: Units that a caller may spend in a window.
    :param seconds: The length of a window.
    :param remembered: The most callers remembered; beyond that, those who spent least are forgotten.
    :param clock: Seconds since 1970.
    """

    def __init__(
        self, most: int, seconds: float, remembered: int = 100_000, clock: Callable[[], float] = time.time
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._remembered = remembered
        self._clock = clock
        self._lock = threading.Lock()
        self._window = 0
        self._spent: dict[str, int] = {}

    def spend(self, caller: str, units: int) -> int | None:
        """Take units, or return the seconds until a retry (`Budget.spend`)."""
        now = self._clock()
        window = int(now // self._seconds)
        with self._lock:
            if window != self._window:
                self._window, self._spent = window, {}
            spent = self._spent.get(caller, 0) + units
            if spent > self._most:
                return max(1, math.ceil((window + 1) * self._seconds - now))
            if caller not in self._spent and len(self._spent) >= self._remembered:
                kept = heapq.nlargest(self._remembered // 2, self._spent.items(), key=lambda one: one[1])
                self._spent = dict(kept)
            self._spent[caller] = spent
            return None


class Budget:
    """The units that each caller may spend in a time.

    :param rate: Units for each time, such as `120000/minute`.
    :param storage: Where they are counted (`limits.storage`): in this process, or in a shared storage. If that does not
        answer, this process counts meanwhile.
    :param clock: Seconds since 1970, for what this process counts.
    """

    def __init__(self, rate: str, storage: str, clock: Callable[[], float] = time.time) -> None:
        self._item: RateLimitItem = parse(rate)
        own = storage.startswith("memory:")
        self._shared = None if own else FixedWindowRateLimiter(storage_from_string(storage))
        self._own = Spending(self._item.amount, self._item.get_expiry(), clock=clock)

    @property
    def described(self) -> str:
        """Return the budget in words."""
        return f"{self._item.amount} units per {self._item.multiples} {self._item.GRANULARITY.name}"

    def spend(self, caller: str, units: int) -> int | None:
        """Take units from a caller's budget and return None.

        If too few are left, take none and return the seconds until a retry.
        """
        if units <= 0:
            return None
        if self._shared is None:
            return self._own.spend(caller, units)
        try:
            return self._spend(self._shared, caller, units)
        except Exception as error:  # each storage has its own errors
            logger.warning("budgets are counted by each process alone: %s", type(error).__name__)
            return self._own.spend(caller, units)

    def _spend(self, limiter: FixedWindowRateLimiter, caller: str, units: int) -> int | None:
        asked = (self._item, _NAME, caller)
        if limiter.test(*asked, cost=units) and limiter.hit(*asked, cost=units):
            return None
        return max(1, int(limiter.get_window_stats(*asked).reset_time - time.time()) + 1)


class Budgets:
    """The budgets of addresses and of keys.

    :param address: The budget of each address without a key; None for no limit.
    :param key: The budget of each key, from any address.
    """

    def __init__(self, address: Budget | None = None, key: Budget | None = None) -> None:
        self._address = address
        self._key = key

    def of(self, caller: Caller) -> Budget | None:
        """Return a caller's budget, None if there is no limit."""
        return self._key if caller.keyed else self._address

    def spend(self, caller: Caller, units: int) -> int | None:
        """Take units from a caller's budget (`Budget.spend`)."""
        budget = self.of(caller)
        return None if budget is None else budget.spend(f"key {caller.name}" if caller.keyed else caller.name, units)
