"""How long requests took in the last minutes: what the metrics counted, less what they had counted before.

Owns which requests are told together, and for how long what was counted is kept. Knows nothing of how it is shown.
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
"""What is told together: endpoints, and a stage of theirs."""


@dataclass(frozen=True)
class Latency:
    """How long requests of a kind took.

    :param p50: Seconds within which half of them were answered, as far as the histogram's buckets tell.
    """

    kind: str
    count: int
    p50: float
    p95: float


class Latencies(NamedTuple):
    """How long requests took.

    :param seconds: In how many seconds until now they were; None since the service started.
    """

    seconds: float | None
    kinds: tuple[Latency, ...]


class RecentLatency:
    """Takes note of what has been counted, now and then, so that the last minutes can be told from all before.

    :param durations: As `Metrics.durations`, over all workers.
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
        """Note every EVERY_SECONDS, in a thread of its own, for as long as the process lives."""
        threading.Thread(target=self._follow, name="latency", daemon=True).start()
        return self

    def _follow(self) -> None:
        while True:
            self.note()
            time.sleep(EVERY_SECONDS)

    def note(self) -> None:
        """Take note of what has been counted until now."""
        now, found = self._clock(), self._counted()
        with self._lock:
            self._noted.append((now, found))
            while len(self._noted) > 1 and self._noted[1][0] <= now - WINDOW_SECONDS:
                self._noted.popleft()

    def recent(self) -> Latencies:
        """Return how long requests took since what was noted WINDOW_SECONDS ago, or first."""
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
    """Return the seconds within which a share of requests was answered, taken as spread evenly within a bucket.

    What took longer than the last bound counts as that.

    :param counts: At least one request in it.
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
