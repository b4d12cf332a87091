"""The Prometheus metrics of a running service; one scrape covers all workers. The one importer of its client.

Labels have only a few values, ours or the operator's, and never text from a reader. With several workers, each counts
in its own files in the directory PROMETHEUS_MULTIPROC_DIR (`serve` makes it). The worker that is scraped adds up all
files.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from indexer.sources.following import Condition

CONTENT_TYPE = CONTENT_TYPE_LATEST
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_PREFIX = "lienquan_"
_TIMED = (f"{_PREFIX}request_duration_seconds", f"{_PREFIX}stage_duration_seconds")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STAGE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_BURIED = "0"
"""Replaces the process id in the names of the files with dead workers' counts."""


Counts = dict[float, float]
"""A histogram: seconds -> the number of requests that took no longer."""


class IngestionFigures(NamedTuple):
    """The progress of the API's changes, read at each scrape, since the process that ingests has no metrics.

    :param live: Articles in live segments, which are not published yet.
    :param waiting: Changes that are not in the served snapshot, without those set aside.
    :param oldest: Seconds that the first of these has waited.
    :param aside: Changes set aside because indexing them failed.
    :param published: When everything was last published, in seconds since 1970.
    :param down: Articles that are taken down.
    """

    live: int = 0
    waiting: int = 0
    oldest: float = 0.0
    aside: int = 0
    published: float = 0.0
    down: int = 0


NOTHING = IngestionFigures()
"""The figures if the API has never written anything."""

_INGESTION = {
    "live_articles": "Articles ingested and not published yet.",
    "waiting_changes": "Changes by the API that are not served yet.",
    "oldest_waiting_change_seconds": "For how long the first of them has waited.",
    "set_aside_changes": "Changes by the API that make indexing fail.",
    "published_timestamp_seconds": "When all changes were last published, by a merge or a build.",
    "articles_taken_down": "Articles that are taken down.",
}
"""The help text of each field of `IngestionFigures`, in their order."""


class _IngestionGauges(Collector):
    """An `IngestionFigures` as gauges."""

    def __init__(self, ingestion: IngestionFigures) -> None:
        self._ingestion = ingestion

    def collect(self) -> Iterator[Metric]:
        for (name, told), value in zip(_INGESTION.items(), self._ingestion, strict=True):
            yield GaugeMetricFamily(_PREFIX + name, told, value=value)


class Metrics:
    """All metrics. Made once in each process, after the fork, else a parent's gauges would mix with its workers'."""

    def __init__(self) -> None:
        disable_created_metrics()  # times of first counting: twice the lines, and unsupported with several workers
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "endpoint", "method", "status")
        self._latency = self._histogram(
            "request_duration_seconds", "From receiving a request to having its answer.", _SECONDS, "endpoint"
        )
        self._stages = self._histogram(
            "stage_duration_seconds", "What a stage of a request took.", _STAGE_SECONDS, "endpoint", "stage"
        )
        self._asked = self._counter("query_vectors", "Queries whose vector was kept (hit) or made (miss).", "result")
        self._fallbacks = self._counter("fallback_hits", "Articles that only fill a related list up.", "fallback")
        self._empty = self._counter("empty_answers", "Lists without an article.", "list")
        self._refused = self._counter("refused_snapshots", "Snapshots that a worker would not serve.")
        self._unlogged = self._counter("query_log_dropped", "Queries that the query log could not keep.")
        self._unrecorded = self._counter("audit_failures", "Entries that the audit log could not keep.")
        self._uncounted = self._counter("clicks_dropped", "Articles shown or clicked that could not be counted.")
        self._problem = self._gauge("snapshot_problem", "1 while what is published is not served.", "livemax")
        self._published = self._gauge("snapshot_timestamp_seconds", "When the snapshot served was made.", "livemin")
        self._articles = self._gauge("articles", "Articles of the snapshot served.", "livemin")
        self._encoder = self._gauge("encoder_ready", "1 once every worker has its encoder.", "livemin")
        self._workers = self._gauge("workers", "Processes that answer.", "livesum")
        self._workers.set(1)
        self._known_requests: dict[tuple[str, str, int], Counter] = {}
        self._known_latencies: dict[str, Histogram] = {}
        self._known_stages: dict[tuple[str, str], Histogram] = {}

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(_PREFIX + name, told, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, told: str, over_workers: Literal["livemin", "livemax", "livesum"]) -> Gauge:
        return Gauge(_PREFIX + name, told, multiprocess_mode=over_workers, registry=self.registry)

    def served(self, endpoint: str, method: str, status: int, seconds: float, stages: Mapping[str, float]) -> None:
        """Count a request.

        :param endpoint: The name of an existing view, or `none`.
        :param stages: Seconds by stage.
        """
        key = (endpoint, method if method in METHODS else "other", status)
        requests = self._known_requests.get(key)
        if requests is None:  # getting a child from the client costs as much as counting
            requests = self._known_requests[key] = self._requests.labels(endpoint, key[1], str(status))
        requests.inc()
        latency = self._known_latencies.get(endpoint)
        if latency is None:
            latency = self._known_latencies[endpoint] = self._latency.labels(endpoint)
        latency.observe(seconds)
        for stage, took in stages.items():
            known = self._known_stages.get((endpoint, stage))
            if known is None:
                known = self._known_stages[endpoint, stage] = self._stages.labels(endpoint, stage)
            known.observe(took)

    def asked(self, hit: bool) -> None:
        """Count a look-up of a query's vector."""
        self._asked.labels("hit" if hit else "miss").inc()

    def filled(self, fallback: str) -> None:
        """Count an article that a fallback added to a related list."""
        self._fallbacks.labels(fallback).inc()

    def empty(self, what: str) -> None:
        """Count an empty list, of `search` or `related`."""
        self._empty.labels(what).inc()

    def serving(self, made: float, articles: int) -> None:
        """Record the snapshot that is served now.

        :param made: When it was made, in seconds since 1970.
        :param articles: Its number of articles.
        """
        self._published.set(made)
        self._articles.set(articles)

    def refused(self) -> None:
        """Count a snapshot that was refused."""
        self._refused.inc()

    def problem(self, there_is_one: bool) -> None:
        """Record whether there is a problem: the published snapshot is not the served one."""
        self._problem.set(int(there_is_one))

    def encoder_ready(self) -> None:
        """Record that the encoder works."""
        self._encoder.set(1)

    def unlogged(self, queries: int) -> None:
        """Count queries that the query log could not store."""
        self._unlogged.inc(queries)

    def unrecorded(self) -> None:
        """Count an entry that the audit log could not store."""
        self._unrecorded.inc()

    def uncounted(self, clicks: int) -> None:
        """Count shown or clicked articles that could not be stored."""
        self._uncounted.inc(clicks)

    def text(self, ingestion: IngestionFigures = NOTHING) -> bytes:
        """Return the metrics of all workers in Prometheus' text format."""
        now = CollectorRegistry()
        now.register(_IngestionGauges(ingestion))
        with self._of_all() as registry:
            return generate_latest(registry) + generate_latest(now)

    def durations(self) -> dict[tuple[str, str], Counts]:
        """Return the histograms of durations of all workers since they started.

        :return: By endpoint and stage (empty for the whole request): seconds -> the number of requests that took no
            longer.
        """
        found: dict[tuple[str, str], Counts] = {}
        with self._of_all() as registry:
            for family in registry.collect():
                if family.name in _TIMED:
                    for sample in family.samples:
                        if sample.name.endswith("_bucket"):
                            of = sample.labels["endpoint"], sample.labels.get("stage", "")
                            found.setdefault(of, {})[float(sample.labels["le"])] = sample.value
        return found

    @contextmanager
    def _of_all(self) -> Iterator[CollectorRegistry]:
        directory = os.environ.get(DIRECTORY_VARIABLE)
        if directory is None:
            yield self.registry
            return
        everything = CollectorRegistry()
        MultiProcessCollector(everything, directory)
        with _locked(Path(directory), fcntl.LOCK_SH):
            yield everything


def text_of_sources(how: Condition) -> bytes:
    """Return the condition of the sources in the same format; empty if none were ever followed.

    The state comes from `sync`, so it is the same in all workers. Labels are the operator's names of the sources.
    """
    if not how.followed:
        return b""
    registry = CollectorRegistry()
    registry.register(_Sources(how))
    return generate_latest(registry)


class _Sources(Collector):
    """The metric families of `text_of_sources`. A time that has not happened is 0."""

    def __init__(self, how: Condition) -> None:
        self._how = how

    def collect(self) -> Iterator[Metric]:
        how, state = self._how, self._how.state
        for name, told, value in (
            ("sync_running", "1 while a process follows the sources.", int(how.running)),
            ("sync_problem", "1 while something is wrong with following them, or with a source.", int(not how.well)),
            ("sync_asked_timestamp_seconds", "When the sources were asked last.", _seconds(state.asked)),
            (
                "sync_success_timestamp_seconds",
                "When the archive was last found or made to be what they gave.",
                _seconds(state.built),
            ),
        ):
            yield GaugeMetricFamily(_PREFIX + name, told, value=value)
        articles, succeeded, failures, problem = (
            GaugeMetricFamily(f"{_PREFIX}source_articles", "Articles remembered of a source.", labels=["source"]),
            GaugeMetricFamily(
                f"{_PREFIX}source_success_timestamp_seconds", "When a source was last well.", labels=["source"]
            ),
            CounterMetricFamily(f"{_PREFIX}source_failures", "Times that something was wrong.", labels=["source"]),
            GaugeMetricFamily(f"{_PREFIX}source_problem", "1 while something is wrong with it.", labels=["source"]),
        )
        for source in state.sources:
            if source.articles is not None:
                articles.add_metric([source.name], source.articles)
            succeeded.add_metric([source.name], _seconds(source.succeeded))
            failures.add_metric([source.name], source.failures)
            problem.add_metric([source.name], int(bool(source.problem)))
        yield from (articles, succeeded, failures, problem)


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()


@cache
def metrics() -> Metrics:
    """Return this process's metrics."""
    return Metrics()


def bury(pid: int) -> None:
    """Add a dead worker's counts to the common files of dead workers, and forget its gauges.

    Otherwise its counts would be lost, or every past worker would leave files to be read at each scrape.
    """
    given = os.environ.get(DIRECTORY_VARIABLE)
    if given is None:
        return
    directory = Path(given)
    with _locked(directory, fcntl.LOCK_EX):  # so that nobody reads the counts twice or not at all
        for kind in ("counter", "histogram"):
            left = directory / f"{kind}_{pid}.db"
            if not left.exists():
                continue
            total = MmapedDict(str(directory / f"{kind}_{_BURIED}.db"))
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(left)):
                total.write_value(key, total.read_value(key)[0] + value, 0.0)
            total.close()
            left.unlink()
        mark_process_dead(pid, str(directory))


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[None]:
    with (directory / "lock").open("a") as file:
        fcntl.flock(file, how)
        yield
