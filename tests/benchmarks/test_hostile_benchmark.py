"""What the benchmark of hostile clients sends, and what it makes of times and statuses."""

import json
import threading

import pytest
from werkzeug.serving import make_server

from benchmarks import report
from benchmarks.hostile import CALLERS, Asked, bodies, phase, told
from service.app import MAX_BODY


@pytest.fixture(scope="module")
def served(client_of):
    server = make_server("127.0.0.1", 0, client_of([{"id": "a", "title": "Giá lúa"}]).application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_told_by_hand():
    asked = [Asked(at / 1000, 200) for at in range(1, 100)] + [Asked(30.0, 0), Asked(0.1, 503)]
    assert told(asked) == {"asked": 101, "refused": 2, "p50_ms": 51.0, "p99_ms": 100.0, "longest_ms": 30_000.0}
    assert told([])["asked"] == 0


@pytest.mark.parametrize("name", bodies(["a", "b"]))
def test_each_body_is_as_long_as_may_be_and_well_formed(name):
    path, body = bodies(["a", "b"])[name]
    assert 0.75 * MAX_BODY < len(body) <= MAX_BODY
    lines = body.splitlines() if path.endswith(":batch") else [body]
    assert all(map(json.loads, lines))


def test_ordinary_callers_are_asked_for_and_counted(served):
    found = phase(served, ["/healthz"], ["a"], [], 0.5)
    assert found["asked"] >= CALLERS
    assert (found["refused"], found["hostile"]) == (0, {})
    missing = phase(served, ["/nothing"], ["a"], [], 0.5)
    assert missing["refused"] == missing["asked"] > 0


def test_the_table_shows_each_phase():
    row = {"attack": "nobody", "asked": 1200, "refused": 0, "p50_ms": 9.6, "p99_ms": 50.2, "longest_ms": 61.0}
    result = {"workers": 2, "seconds": 15.0, "load_before": 1.0, "rows": [row | {"hostile": {"503": 2, "0": 3}}]}
    last = report.hostile(result).splitlines()[-2]
    assert last == "| nobody | 1,200 | 0 | 10 ms | 50 ms | 61 ms | 2 × 503 |"
