"""The process that ingests, beside a real service: articles appear, and it comes and goes with those that answer."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from service.security.keys import KeyStore
from service.writes import ingesting
from tests.conftest import wait_for
from tests.service.test_serve import LINES, Service


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


MERGING = """
import subprocess, sys, time
from pathlib import Path
from service.writes import ingesting

class Ingester:
    changed = 0

    def __init__(self, *_):
        pass

    def step(self):
        if started:
            print(started[0].pid, flush=True)
            time.sleep(600)

    def merge_wanted(self):
        return True

def popen(*_, **__):
    started.append(plain(["sleep", "600"], stdout=subprocess.DEVNULL))
    return started[-1]

started, plain = [], subprocess.Popen
subprocess.Popen, ingesting.Ingester = popen, Ingester
ingesting._run_and_exit(lambda: ingesting.run(Path(sys.argv[1]), None, lambda: True))
"""


def test_told_to_end_in_the_middle_of_a_step_it_ends_the_merge_too(tmp_path):
    command = [sys.executable, "-c", MERGING, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        merging = int(process.stdout.readline())
        try:
            process.terminate()
            _, log = process.communicate(timeout=20)
            assert process.returncode == 0
            assert not lives(merging)
        finally:
            process.kill()
            if lives(merging):
                os.kill(merging, signal.SIGKILL)
    assert "ingesting ended" not in log


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
KILLED = f"""
import os, signal, subprocess, sys
from pathlib import Path
from service.writes import ingesting

def work():
    merge = subprocess.Popen(MERGE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    merge.stdout.readline()
    print(merge.pid, flush=True)
    once.unlink()
    os.kill(os.getpid(), signal.SIGKILL)

MERGE = [sys.executable, "-c", {STUBBORN!r}]
once = Path(sys.argv[1])
once.touch()
ingesting._supervise(once.exists, work)
"""


def test_when_it_is_killed_its_merge_ends_too(tmp_path):
    command = [sys.executable, "-c", KILLED, tmp_path / "once"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    merging = int(ended.stdout)
    try:
        assert not lives(merging)
    finally:
        if lives(merging):
            os.kill(merging, signal.SIGKILL)


TOLD_AT_ONCE = """
import os, signal, sys, time
from service.writes import ingesting

told, plain = [], os.fork

def fork():
    os.kill(os.getpid(), signal.SIGTERM)
    return plain()

ingesting.os.fork = fork
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
begun = time.monotonic()
ingesting._supervise(lambda: not told, lambda: time.sleep(600))
print(time.monotonic() - begun < ingesting.END_SECONDS)
"""


def test_told_to_end_while_it_is_started_it_ends_in_order():
    ended = subprocess.run([sys.executable, "-c", TOLD_AT_ONCE], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["True"]


def test_one_that_does_not_end_when_told_to_is_killed(monkeypatch):
    monkeypatch.setattr(ingesting, "END_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        ingesting._end(process.pid)
        assert not lives(process.pid)


def test_whoever_takes_an_orphan_in_is_not_its_parent(tmp_path, monkeypatch):
    asked = []
    with monkeypatch.context() as patched:
        for name in ("fork", "setsid"):
            patched.setattr(ingesting.os, name, lambda: 0)
        patched.setattr(ingesting.os, "_exit", lambda _: None)
        patched.setattr(ingesting.signal, "signal", lambda *_: None)
        patched.setattr(ingesting, "run", lambda *given: asked.append(given[2]))
        patched.setattr(ingesting, "_supervise", lambda _, work: asked.append(work))
        ingesting.start(tmp_path, lambda: None)
        patched.setattr(ingesting.os, "getppid", lambda: 1)  # the supervisor ended before this was run
        work = asked.pop()
        work()
        (goes_on,) = asked
        assert not goes_on()
        patched.setattr(ingesting.os, "getppid", os.getpid)
        assert goes_on()


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
