"""The duration of requests in the last minutes: the metrics' current counts minus earlier ones.

Owns the groups of requests, and how long earlier counts are kept. Knows nothing of how durations are shown.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from service.observing.metrics import Counts

WINDOW_SECONDS = 300.0
EVERY_SECONDS = 15.0

KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "search": (("api.search", ""), ("pages.search", "")),
    "suggest": (("api.suggest", ""),),
    "related": tuple((f"api.{view}", "") for view in ("related", "related_by_id", "related_by_url")),
    "article": (("api.article", ""), ("pages.article", "")),
    "write": tuple((f"api.{view}", "") for view in ("put_article", "delete_article", "write_articles")),
    "encoding": (("api.search", "encoding"), ("pages.search", "encoding"), ("api.related", "encoding")),
}
"""The groups: endpoints, and one of their stages."""


@dataclass(frozen=True)
class Latency:
    """The durations of one group of requests.

    :param p50: Seconds within which half of them were answered, as precise as the histogram's buckets.
    """

    kind: str
    count: int
    p50: float
    p95: float


class Latencies(NamedTuple):
    """The durations of all groups.

    :param seconds: The length of the time up to now that they cover; None for the time since the service started.
    """

    seconds: float | None
    kinds: tuple[Latency, ...]


class RecentLatency:
    """Records the counts now and then, so that the last minutes can be separated from all before.

    :param durations: Returns the counts of all workers, like `Metrics.durations`.
    """

    def __init__(
        self,
        durations: Callable[[], Mapping[tuple[str, str], Counts]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._durations, self._clock = durations, clock
        self._noted: deque[tuple[float, dict[str, Counts]]] = deque()
        self._lock = threading.Lock()

    def start(self) -> RecentLatency:
        """Record the counts every EVERY_SECONDS, in a thread of its own, while the process lives."""
        threading.Thread(target=self._follow, name="latency", daemon=True).start()
        return self

    def _follow(self) -> None:
        while True:
            self.note()
            time.sleep(EVERY_SECONDS)

    def note(self) -> None:
        """Record the current counts."""
        now, found = self._clock(), self._counted()
        with self._lock:
            self._noted.append((now, found))
            while len(self._noted) > 1 and self._noted[1][0] <= now - WINDOW_SECONDS:
                self._noted.popleft()

    def recent(self) -> Latencies:
        """Return the durations since the record of WINDOW_SECONDS ago, or since the first record."""
        now, found = self._clock(), self._counted()
        with self._lock:
            then, before = self._noted[0] if self._noted else (None, {})
        kinds = []
        for kind, counts in found.items():
            since = {bound: count - before.get(kind, {}).get(bound, 0.0) for bound, count in counts.items()}
            total = max(since.values(), default=0.0)
            if total > 0:
                kinds.append(Latency(kind, round(total), quantile(since, 0.5), quantile(since, 0.95)))
        return Latencies(None if then is None else now - then, tuple(kinds))

    def _counted(self) -> dict[str, Counts]:
        durations = self._durations()
        found: dict[str, Counts] = {}
        for kind, of in KINDS.items():
            counts = found.setdefault(kind, {})
            for one in of:
                for bound, count in durations.get(one, {}).items():
                    counts[bound] = counts.get(bound, 0.0) + count
        return found


def quantile(counts: Counts, share: float) -> float:
    """Return the seconds within which a share of requests was answered, interpolated within a bucket.

    A request beyond the last bound counts as that bound.

    :param counts: The counts of at least one request.
    """
    wanted = share * max(counts.values())
    below, from_ = 0.0, 0.0
    for bound in sorted(counts):
        if counts[bound] >= wanted:
            if bound == float("inf"):
                return from_
            within = counts[bound] - below
            return from_ + (bound - from_) * ((wanted - below) / within if within else 1.0)
        below, from_ = counts[bound], bound
    return from_
