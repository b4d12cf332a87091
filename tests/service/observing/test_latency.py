"""Latency of the last minutes: differences of cumulative histograms, worked out by hand."""

import pytest

from service.observing.latency import WINDOW_SECONDS, Latency, RecentLatency, quantile
from service.observing.metrics import Metrics

INF = float("inf")


class TestQuantile:
    def test_within_a_bucket_by_its_share(self):
        counts = {0.1: 0.0, 0.2: 10.0, INF: 10.0}
        assert quantile(counts, 0.5) == pytest.approx(0.15)
        assert quantile(counts, 1.0) == pytest.approx(0.2)

    def test_over_several(self):
        counts = {0.1: 50.0, 0.2: 90.0, 0.4: 100.0, INF: 100.0}
        assert quantile(counts, 0.5) == pytest.approx(0.1)
        assert quantile(counts, 0.7) == pytest.approx(0.15)
        assert quantile(counts, 0.95) == pytest.approx(0.3)

    def test_beyond_the_last_bound(self):
        assert quantile({0.1: 1.0, INF: 10.0}, 0.95) == pytest.approx(0.1)


class Counted:
    """Metrics whose counts a test sets."""

    def __init__(self):
        self.now = 0.0
        self.counts = {}
        self.recent = RecentLatency(lambda: self.counts, lambda: self.now)

    def served(self, endpoint, fast, slow, stage=""):
        self.counts[endpoint, stage] = {0.1: float(fast), 0.2: float(fast + slow), INF: float(fast + slow)}


def test_before_anything_is_noted_it_is_since_the_start():
    counted = Counted()
    assert counted.recent.recent() == (None, ())
    counted.served("api.search", 10, 0)
    assert counted.recent.recent() == (None, (Latency("search", 10, pytest.approx(0.05), pytest.approx(0.095)),))


def test_what_came_before_does_not_count():
    counted = Counted()
    counted.served("api.search", 1000, 0)
    counted.recent.note()
    counted.now += 60
    counted.served("api.search", 1000, 20)
    seconds, (found,) = counted.recent.recent()
    assert (seconds, found.count) == (60, 20)
    assert found.p50 == pytest.approx(0.15)


def test_the_window_goes_on():
    counted = Counted()
    for minute in range(20):
        counted.now = 60.0 * minute
        counted.served("api.search", 10 * minute, 0)
        counted.recent.note()
    seconds, (found,) = counted.recent.recent()
    assert (seconds, found.count) == (WINDOW_SECONDS, 50)


def test_endpoints_of_a_kind_are_added_up():
    counted = Counted()
    counted.served("api.search", 10, 0)
    counted.served("pages.search", 0, 10)
    counted.served("api.search", 5, 5, stage="encoding")
    counted.served("api.search", 10, 0)
    _, found = counted.recent.recent()
    assert {one.kind: one.count for one in found} == {"search": 20, "encoding": 10}


def test_of_the_service_own_metrics():
    metrics = Metrics()
    recent = RecentLatency(metrics.durations)
    metrics.served("api.search", "GET", 200, 0.02, {"encoding": 0.003})
    recent.note()
    metrics.served("api.search", "GET", 200, 0.2, {"encoding": 0.003})
    metrics.served("none", "GET", 404, 0.2, {})
    _, found = recent.recent()
    assert {one.kind: one.count for one in found} == {"search": 1, "encoding": 1}
    assert 0.1 < found[0].p50 <= 0.25
