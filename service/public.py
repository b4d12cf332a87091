"""Which articles of an archive the public may see, as time, embargoes and withdrawals go by.

Owns the masks that every search and every list starts from. Knows nothing of queries.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from typing import NamedTuple

from indexer.archive import Archive
from indexer.articles.columns import Filters, Mask, micros
from indexer.changes.changes import Withdrawal
from indexer.changes.journal import Journal

MOST_FILTERS = 8
"""The most filters whose masks are cached; a mask takes a byte for each article."""

_NO_FILTERS = Filters()


class _Period(NamedTuple):
    """What is public from one moment to another.

    :param since: Its first microsecond since 1970 in UTC.
    :param until: The first microsecond after it, at which the public articles change.
    :param mask: (articles,) bool.
    :param filtered: Filters -> the public articles that pass them, for the last new ones (`MOST_FILTERS`).
    """

    since: int
    mask: Mask
    until: int
    filtered: dict[Filters, Mask]


class PublicArticles:
    """The public articles of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._period: _Period | None = None
        self._lock = threading.Lock()
        self._withdrawals: list[Withdrawal] = []
        self.revision = ""
        """Names what is withdrawn; empty where nothing is."""

    def mask(self, filters: Filters = _NO_FILTERS, now: datetime | None = None) -> Mask:
        """Return which articles are public and pass the filters, (articles,) bool, read-only.

        Without filters it is the same array until the public articles change.

        :param now: The time that embargoes are held against; the clock's by default.
        """
        period = self._at(now)
        if not filters:
            return period.mask
        with self._lock:
            allowed = period.filtered.get(filters)
        if allowed is None:
            passed = self._archive.mask(filters)  # outside the lock, since it reads every article
            allowed = period.mask if passed is None else period.mask & passed
            allowed.setflags(write=False)
            with self._lock:
                while len(period.filtered) >= MOST_FILTERS:
                    del period.filtered[next(iter(period.filtered))]
                period.filtered[filters] = allowed
        return allowed

    def until(self, now: datetime | None = None) -> int:
        """Return when the next article comes or goes, in microseconds since 1970 in UTC."""
        return self._at(now).until

    def _at(self, now: datetime | None) -> _Period:
        moment = micros(now or datetime.now(UTC))
        with self._lock:
            period = self._period
            if period is None or not period.since <= moment < period.until:
                mask, until = self._archive.public(moment)
                mask.setflags(write=False)  # so that the archive may keep what follows from it
                period = self._period = _Period(moment, mask, until, {})
        return period

    def withdraw(self, journal: Journal, now: datetime | None = None) -> None:
        """Hold back from now on what was withdrawn since the snapshot was made."""
        withdrawn = journal.withdrawals(self._archive.manifest.changes, micros(now or datetime.now(UTC)))
        with self._lock:
            if withdrawn == self._withdrawals:  # what is public stays so, and all that was worked out from it
                return
            self._archive.withdraw(withdrawn)
            self._period, self._withdrawals = None, withdrawn
            self.revision = hashlib.sha256(repr(withdrawn).encode()).hexdigest()[:16] if withdrawn else ""
