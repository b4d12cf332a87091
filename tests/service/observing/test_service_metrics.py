"""Prometheus metrics: what is counted, by which labels, over several processes, and who may read them."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer.articles.article import validate
from indexer.building.ingest import Ingester
from indexer.changes.changes import Put
from indexer.snapshot.home import Home
from indexer.sources.following import FILE, Condition, SourceState, SyncState
from models.hashing import HashingEncoder
from service.observing import tracing
from service.observing.metrics import IngestionFigures, Metrics, metrics, text_of_sources

LINES = [
    {"id": f"bai-{at}", "title": f"công nhân ca {at}", "section": "Đời sống", "published_at": f"2023-11-{at + 1:02}"}
    for at in range(8)
]
LOCAL = {"Host": "localhost"}


def samples(text):
    """Return the samples of a scrape by name and labels."""
    text = text.decode() if isinstance(text, bytes) else text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text, name, **labels):
    return samples(text).get((f"lienquan_{name}", tuple(sorted(labels.items()))), 0.0)


def stages_of(text, endpoint):
    """Return the stages that requests of a view had."""
    labels = [dict(labels) for _, labels in samples(text)]
    return {each["stage"] for each in labels if each.get("endpoint") == endpoint and "stage" in each}


class TestCounting:
    def test_requests_by_view_method_and_status(self):
        counted = Metrics()
        counted.served("api.search", "GET", 200, 0.02, {"encoding": 0.003, "writing": 0.0001})
        counted.served("api.search", "GET", 200, 0.2, {})
        counted.served("none", "BREW", 404, 0.001, {})
        text = counted.text()
        assert value(text, "requests_total", endpoint="api.search", method="GET", status="200") == 2
        assert value(text, "requests_total", endpoint="none", method="other", status="404") == 1
        assert b"BREW" not in text
        took = {"endpoint": "api.search"}
        assert value(text, "request_duration_seconds_sum", **took) == pytest.approx(0.22)
        assert value(text, "request_duration_seconds_bucket", le="0.025", **took) == 1
        assert value(text, "request_duration_seconds_bucket", le="0.25", **took) == 2
        assert value(text, "stage_duration_seconds_count", stage="encoding", **took) == 1
        assert value(text, "stage_duration_seconds_bucket", stage="encoding", le="0.0025", **took) == 0
        assert value(text, "stage_duration_seconds_bucket", stage="encoding", le="0.005", **took) == 1

    def test_everything_else(self):
        counted = Metrics()
        for hit in (True, False, True):
            counted.asked(hit)
        counted.filled("newest")
        counted.empty("related")
        counted.serving(1_700_000_000, 12)
        counted.refused()
        counted.problem(True)
        counted.encoder_ready()
        counted.unlogged(3)
        counted.uncounted(2)
        counted.unrecorded()
        text = counted.text()
        assert value(text, "query_vectors_total", result="hit") == 2
        assert value(text, "query_vectors_total", result="miss") == 1
        assert value(text, "fallback_hits_total", fallback="newest") == 1
        assert value(text, "empty_answers_total", list="related") == 1
        named = ("snapshot_timestamp_seconds", "articles", "refused_snapshots_total", "snapshot_problem", "workers")
        assert [value(text, name) for name in named] == [1_700_000_000, 12, 1, 1, 1]
        assert value(text, "encoder_ready") == 1
        assert value(text, "query_log_dropped_total") == 3
        assert value(text, "clicks_dropped_total") == 2
        assert value(text, "audit_failures_total") == 1

    def test_what_waits_to_be_ingested(self):
        text = Metrics().text(IngestionFigures(live=7, waiting=3, oldest=1.5, aside=1, published=1_700_000_000, down=2))
        named = ("live_articles", "waiting_changes", "oldest_waiting_change_seconds", "set_aside_changes")
        assert [value(text, name) for name in named] == [7, 3, 1.5, 1]
        assert value(text, "published_timestamp_seconds") == 1_700_000_000
        assert value(text, "articles_taken_down") == 2


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES)


def test_the_live_part_is_told_as_it_is(client_of):
    """From the journal and the manifests: a change that waits, then one that is served."""
    client = client_of(LINES)
    live = client.application.extensions["lienquan"]
    home, journal = Home(live.journal.path.parent), live.journal
    assert [value(scrape(client), name) for name in ("live_articles", "waiting_changes")] == [0, 0]
    published = value(scrape(client), "published_timestamp_seconds")
    assert published == value(scrape(client), "snapshot_timestamp_seconds")
    journal.write([Put(validate({"id": "b1", "title": "Tin mới"}))], now=datetime.now(UTC) - timedelta(seconds=90))
    journal.take_down("bai-1", "Lan", "đơn", [], [])
    text = scrape(client)
    assert (value(text, "waiting_changes"), value(text, "articles_taken_down")) == (2, 1)
    assert value(text, "oldest_waiting_change_seconds") > 89
    Ingester(home, HashingEncoder).step()
    live.refresh()
    text = scrape(client)
    assert (value(text, "waiting_changes"), value(text, "live_articles")) == (0, 1)
    assert value(text, "oldest_waiting_change_seconds") == 0
    assert value(text, "published_timestamp_seconds") == published <= value(text, "snapshot_timestamp_seconds")


def scrape(client):
    return client.get("/metrics", headers=LOCAL).data


class TestService:
    def test_a_search_is_counted_with_its_stages(self, client):
        before = scrape(client)
        for _ in range(3):
            assert client.get("/api/v1/search?q=ca").status_code == 200
        after = scrape(client)

        def more(name, **labels):
            return value(after, name, **labels) - value(before, name, **labels)

        assert more("requests_total", endpoint="api.search", method="GET", status="200") == 3
        named = {"endpoint": "api.search"}
        counted = stages_of(after, "api.search")  # by other tests of this process too
        stages = {one for one in counted if more("stage_duration_seconds_count", stage=one, **named) == 3}
        assert stages == {"understanding", "encoding", "meaning", "words", "ranking", "reading", "writing"}
        spent = sum(more("stage_duration_seconds_sum", endpoint="api.search", stage=stage) for stage in stages)
        assert 0 < spent <= more("request_duration_seconds_sum", endpoint="api.search")
        assert more("query_vectors_total", result="miss") + more("query_vectors_total", result="hit") == 3
        assert more("query_vectors_total", result="hit") >= 2

    def test_related_articles_and_what_fills_a_list_up(self, client):
        before = scrape(client)
        hits = client.get("/api/v1/articles/bai-0/related?min_relevance=1").json["hits"]
        assert {reason for hit in hits for reason in hit["reasons"]} == {"same_section_newest"}
        assert client.get("/api/v1/articles/bai-0/related?min_relevance=1&fallbacks=none").json["hits"] == []
        after = scrape(client)

        def more(name, **labels):
            return value(after, name, **labels) - value(before, name, **labels)

        assert more("fallback_hits_total", fallback="same_section_newest") == len(hits) > 0
        assert more("empty_answers_total", list="related") == 1
        assert stages_of(after, "api.related_by_id") >= {"candidates", "ranking", "reading", "writing"}

    def test_a_page_and_a_stream(self, client):
        before = scrape(client)
        assert client.get("/articles/bai-1").status_code == 200
        client.post("/api/v1/related:batch", data='{"id": "bai-1"}').close()
        after = scrape(client)
        for endpoint, method in (("pages.article", "GET"), ("api.related_batch", "POST")):
            labels = {"endpoint": endpoint, "method": method, "status": "200"}
            assert value(after, "requests_total", **labels) - value(before, "requests_total", **labels) == 1

    def test_the_snapshot(self, client):
        text = scrape(client)
        assert value(text, "articles") == len(LINES)
        assert value(text, "encoder_ready") == 1
        assert value(text, "snapshot_problem") == 0
        assert value(text, "snapshot_timestamp_seconds") > 1_600_000_000

    def test_nothing_that_was_sent_is_in_a_label(self, client):
        odd = "khongnoidau"
        client.get(f"/{odd}")
        client.get(f"/api/v1/search?q={odd}&{odd}=1", headers={"X-Request-Id": odd, "Referer": odd})
        client.get(f"/api/v1/articles/{odd}")
        client.open("/healthz", method=odd.upper())
        assert odd not in scrape(client).decode().lower()

    def test_every_stage_is_one_of_a_few(self, client):
        text = scrape(client)
        assert {dict(labels).get("stage") for _, labels in samples(text)} - {None} <= set(tracing.STAGES)


class TestWhoMayRead:
    def test_by_default_programs_of_this_machine(self, client):
        answer = client.get("/metrics", headers=LOCAL)
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain; version=")
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("peer", "headers"),
        [
            ("10.0.0.7", {}),
            ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
            ("127.0.0.1", {"Host": "bao.example"}),
        ],
    )
    def test_nobody_else(self, client, peer, headers):
        answer = client.get("/metrics", headers=LOCAL | headers, environ_base={"REMOTE_ADDR": peer})
        assert answer.status_code == 403
        assert b"lienquan_" not in answer.data

    def test_off_is_not_there(self, client_of):
        assert client_of(metrics="off").get("/metrics", headers=LOCAL).status_code == 404

    def test_on_is_for_everyone(self, client_of):
        answer = client_of(metrics="on").get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.7"})
        assert answer.status_code == 200


class TestSources:
    """How it goes with the sources that `sync` follows, as of the home."""

    ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def test_nothing_is_said_where_none_are_followed(self, client):
        assert b"lienquan_sync" not in scrape(client)
        assert text_of_sources(Condition(SyncState(), running=False, late=False)) == b""

    def test_each_source_and_all_of_them(self):
        well = SourceState(name="https://bao.example/rss", articles=12, succeeded=self.ASKED)
        bad = SourceState(name='kho "cũ"', problem="expected status 200, found 500", problems=1, failures=4)
        state = SyncState(every=300, asked=self.ASKED, built=self.ASKED, sources=[well, bad])
        text = text_of_sources(Condition(state, running=True, late=False))
        seconds = self.ASKED.timestamp()
        assert {
            (name.removeprefix("lienquan_"), *dict(labels).values()): count
            for (name, labels), count in samples(text).items()
        } == {
            ("sync_running",): 1,
            ("sync_problem",): 1,
            ("sync_asked_timestamp_seconds",): seconds,
            ("sync_success_timestamp_seconds",): seconds,
            ("source_articles", well.name): 12,
            ("source_success_timestamp_seconds", well.name): seconds,
            ("source_success_timestamp_seconds", bad.name): 0,
            ("source_failures_total", well.name): 0,
            ("source_failures_total", bad.name): 4,
            ("source_problem", well.name): 0,
            ("source_problem", bad.name): 1,
        }

    def test_a_scrape_tells_of_the_home(self, client_of):
        client = client_of(LINES)
        home = client.application.config["SETTINGS"].home
        (home / FILE).write_text(SyncState(asked=self.ASKED).model_dump_json())
        text = scrape(client)
        assert value(text, "sync_asked_timestamp_seconds") == self.ASKED.timestamp()
        assert value(text, "workers") == 1


_WORKERS = """
import json, os, sys
from service.observing.metrics import bury, metrics
made = {}
for requests, articles, ready in ((3, 10, True), (4, 12, False)):
    inner, outer = os.pipe()
    pid = os.fork()
    if pid == 0:
        counted = metrics()
        for _ in range(requests):
            counted.served("api.search", "GET", 200, 0.02, {"encoding": 0.003})
        counted.serving(1_700_000_000 + requests, articles)
        if ready:
            counted.encoder_ready()
        os._exit(0)
    os.waitpid(pid, 0)
    made[requests] = pid
counted = metrics()
print(json.dumps(counted.text().decode()))
bury(made[3])
print(json.dumps(counted.text().decode()))
bury(made[4])
bury(made[4])
print(json.dumps(counted.text().decode()))
print(json.dumps(sorted(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]))))
print(json.dumps(os.getpid()))
"""


def test_several_processes_and_dead_ones(tmp_path):
    """One scrape tells all; what a worker counted outlives it, what it was does not, and its files do not pile up."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", _WORKERS], capture_output=True, text=True, check=True, env=environment)
    both, one, none, files, own = map(json.loads, done.stdout.splitlines())
    for text in (both, one, none):
        assert value(text, "requests_total", endpoint="api.search", method="GET", status="200") == 7
        assert value(text, "request_duration_seconds_bucket", endpoint="api.search", le="0.01") == 0
        assert value(text, "request_duration_seconds_bucket", endpoint="api.search", le="0.025") == 7
        assert value(text, "request_duration_seconds_bucket", endpoint="api.search", le="+Inf") == 7
        assert value(text, "stage_duration_seconds_sum", endpoint="api.search", stage="encoding") == pytest.approx(
            0.021
        )
    assert [value(text, "workers") for text in (both, one, none)] == [3, 2, 1]  # this process is one of them
    dead = [name for name in files if not re.search(rf"_{own}\.db$", name)]
    assert dead == ["counter_0.db", "histogram_0.db", "lock"]


def test_one_process_has_one():
    assert metrics() is metrics()
