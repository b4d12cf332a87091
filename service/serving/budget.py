"""How much work each caller may ask for, in units of `cost`. Knows nothing of requests.

A window of fixed length, as for rate limits: a number for each caller, kept in the process or in what workers share.
"""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

logger = logging.getLogger(__name__)

_NAME = "units"


class Caller(NamedTuple):
    """Who asks.

    :param name: The id of a key, or an address.
    :param keyed: Whether it is a key.
    """

    name: str
    keyed: bool = False


class Budget:
    """The units that each caller may spend in a time.

    :param rate: Units for each time, such as `120000/minute`.
    :param storage: Where they are counted (`limits.storage`); while that does not answer, in this process.
    """

    def __init__(self, rate: str, storage: str) -> None:
        self._item: RateLimitItem = parse(rate)
        self._shared = FixedWindowRateLimiter(storage_from_string(storage))
        self._own = FixedWindowRateLimiter(MemoryStorage())

    @property
    def described(self) -> str:
        """Return the budget in words."""
        return f"{self._item.amount} units per {self._item.multiples} {self._item.GRANULARITY.name}"

    def spend(self, caller: str, units: int) -> int | None:
        """Take units from a caller's budget; return None, or where too few are left, after how many seconds to retry.

        Nothing is taken where too few are left.
        """
        try:
            return self._spend(self._shared, caller, units)
        except Exception as error:  # each storage has its own
            logger.warning("budgets are counted by each process alone: %s", type(error).__name__)
            return self._spend(self._own, caller, units)

    def _spend(self, limiter: FixedWindowRateLimiter, caller: str, units: int) -> int | None:
        if units <= 0 or (limiter.test(self._item, _NAME, caller, cost=units) and self._hit(limiter, caller, units)):
            return None
        reset = limiter.get_window_stats(self._item, _NAME, caller).reset_time
        return max(1, int(reset - time.time()) + 1)

    def _hit(self, limiter: FixedWindowRateLimiter, caller: str, units: int) -> bool:
        return limiter.hit(self._item, _NAME, caller, cost=units)


class Budgets:
    """The budgets of addresses and of keys.

    :param address: Of each address that asks without a key; None where it may ask for as much as it likes.
    :param key: Of each key, wherever it is used.
    """

    def __init__(self, address: Budget | None = None, key: Budget | None = None) -> None:
        self._address = address
        self._key = key

    def of(self, caller: Caller) -> Budget | None:
        """Return a caller's budget, None where there is no limit."""
        return self._key if caller.keyed else self._address

    def spend(self, caller: Caller, units: int) -> int | None:
        """Take units from a caller's budget (`Budget.spend`)."""
        budget = self.of(caller)
        return None if budget is None else budget.spend(f"key {caller.name}" if caller.keyed else caller.name, units)
