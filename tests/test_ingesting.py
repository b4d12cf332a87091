"""The process that ingests, beside a real service: articles appear, and it comes and goes with those that answer."""

import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from service.security.keys import KeyStore
from service.writes import ingesting
from tests.conftest import wait_for
from tests.test_serve import LINES, Service


def pids(service):
    """Return the processes that have ingested so far, in their order, as the log names them."""
    return [int(pid) for pid in re.findall(r"process (\d+) ingests", service.log.read_text())]


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def send(service, method, article_id, **fields):
    body = json.dumps({"id": article_id, **fields}).encode() if fields else None
    address = f"http://127.0.0.1:{service.port}/api/v1/articles/{article_id}"
    store = KeyStore(service.home)
    _, secret = store.create("CMS", ["ingest"])
    request = urllib.request.Request(address, body, {"Authorization": f"Bearer {secret}"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status


def there(service, article_id):
    return service.get(f"/api/v1/articles/{article_id}")[0] == 200


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_from_an_empty_home_through_a_kill_to_the_end(service):
    assert send(service, "PUT", "b1", title="Tin đầu tiên") == 201
    wait_for(lambda: there(service, "b1"), 60)  # published: there was nothing to add to
    assert send(service, "PUT", "b2", title="Tin thứ hai") == 201
    wait_for(lambda: there(service, "b2"), 60)
    assert send(service, "DELETE", "b1") == 204
    assert not there(service, "b1")

    (first,) = pids(service)
    os.kill(first, signal.SIGKILL)
    assert send(service, "PUT", "b3", title="Tin thứ ba") == 201
    wait_for(lambda: there(service, "b3"), 60)
    assert not there(service, "b1")
    wait_for(lambda: len(pids(service)) == 2, 60)  # a merge that was going on may have published it before
    (_, second) = pids(service)

    assert service.stop() == 0
    wait_for(lambda: not lives(second), 20)


def test_it_ends_with_a_service_that_is_killed(service):
    service.index(LINES)
    wait_for(lambda: pids(service), 60)
    (pid,) = pids(service)
    service.process.kill()
    service.process.wait()
    wait_for(lambda: not lives(pid), 20)


class TestLoop:
    """What it does, without processes."""

    class Ingester:
        changed = 0

        def __init__(self):
            self.asked = 0
            self.fails = []

        def step(self):
            self.asked += 1
            if self.fails:
                raise self.fails.pop()

        def merge_wanted(self):
            return False

    @pytest.fixture
    def made(self, monkeypatch):
        found = []

        def make(*_):
            found.append(self.Ingester())
            return found[-1]

        slept = []
        monkeypatch.setattr(ingesting, "Ingester", make)
        monkeypatch.setattr(ingesting.time, "sleep", slept.append)
        return found, slept

    def run(self, home, times):
        turns = iter([True] * times + [False])
        ingesting._Loop(home, lambda: None).run(lambda: next(turns))

    def test_a_fault_is_logged_and_waited_out_from_a_fresh_start(self, made, monkeypatch, caplog):
        found, slept = made
        monkeypatch.setattr(self.Ingester, "step", lambda _: (_ for _ in ()).throw(OSError("No space left on device")))
        self.run(None, 8)
        assert len(found) == 8
        assert slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        assert "changes cannot be ingested now: No space left on device" in caplog.text

    def test_all_is_published_when_that_is_wanted_and_not_again_at_once(self, made, monkeypatch, tmp_path):
        started = []

        class Process:
            def __init__(self, command, **_):
                started.append(command)

            def poll(self):
                return 0

        monkeypatch.setattr(ingesting.subprocess, "Popen", Process)
        monkeypatch.setattr(self.Ingester, "merge_wanted", lambda _: True)
        self.run(ingesting.Home(tmp_path), 6)
        assert [command[3:] for command in started] == [["merge", "--ingested", "--home", str(tmp_path)]]
