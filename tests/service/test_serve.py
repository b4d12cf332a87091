"""The real thing: `lienquan serve` and `lienquan index` as processes, with two workers over one home."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.serve import REQUEST_LINE, _metrics_directory, share_cores
from tests.conftest import wait_for

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(5)]
COMMAND = [sys.executable, "-m", "service.cli"]


def environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIENQUAN_")}
    return kept | {"LIENQUAN_MODEL": "hashing", "PYTHONUNBUFFERED": "1"}


_ASKED = b"/api/v1/search?q=banthaobimat"
_HEAD = b"POST /api/v1/related?q=banthaobimat HTTP/1.1\r\nHost: x\r\nX-Note: banthaobimat\r\n"
MALFORMED = [
    b"BANTHAOBIMAT " + _ASKED + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"banthaobimat " + _ASKED + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"BANTHAO@BIMAT " + _ASKED + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET " + _ASKED + b" banthaobimat\r\nHost: x\r\n\r\n",
    b"GET " + _ASKED + b"\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nbanthaobimat\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nban thaobimat: banthaobimat\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nX: banthaobimat\r\n folded banthaobimat\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nX: banthaobimat\x00\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nX: " + b"banthaobimat" * 2000 + b"\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\n" + b"X: banthaobimat\r\n" * 300 + b"\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: x\r\nExpect: banthaobimat\r\n\r\n",
    b"GET /" + b"banthaobimat" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/search?q=banthaobimat%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /articles/banthaobimat%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/search?q=banthaobimat\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET http://[banthaobimat/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET " + _ASKED + b" HTTP/1.1\r\nHost: [banthaobimat\r\nConnection: close\r\n\r\n",
    _HEAD + b"Content-Length: banthaobimat\r\n\r\nbanthaobimat",
    _HEAD + b"Content-Length: -5\r\n\r\nbanthaobimat",
    _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nbanthaobimat",
    _HEAD + b"Content-Length: 500\r\n\r\nbanthaobimat",
    _HEAD + b"Transfer-Encoding: banthaobimat\r\n\r\nbanthaobimat",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\nbanthaobimat\r\n",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nbanthaobimat\r\n0\r\n\r\n",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;banthaobimat\x00\r\nbanth\r\n0\r\n\r\n",
    _HEAD + b'Connection: close\r\nContent-Length: 40\r\n\r\n{"seed": {"article": "banthaobimat"}}\xff\xff\xff',
    _HEAD
    + b"Connection: close\r\nContent-Type: multipart/form-data; boundary=banthaobimat\r\nContent-Length: 4\r\n\r\n--xx",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfcbanthaobimat.example",
    b"PRI * HTTP/2.0\r\n\r\nbanthaobimat\r\n\r\n",
    b"PROXY TCP4 banthaobimat 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
]
"""Requests that cannot be read, each with a word that must be in no log."""


class Service:
    """A running `lienquan serve` on a port that the system chose."""

    def __init__(self, directory, command=(*COMMAND, "serve"), workers=2, **settings):
        named = {f"LIENQUAN_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = environment() | named
        self.home = directory / "home"
        self.log = directory / "log"
        self.directory = directory
        options = ["--home", str(self.home), "--host", "127.0.0.1", "--port", "0", "--workers", str(workers)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log, env=self.environment)
        wait_for(lambda: self.listening() or self.process.poll() is not None, 60)
        assert self.listening(), self.log.read_text()
        self.port = int(self.listening()[1])

    def listening(self):
        return re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log.read_text())

    def get(self, path):
        """Return status and content of a request on a connection of its own."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def index(self, lines):
        """Index the lines in another process and return the id of the snapshot."""
        source = self.directory / "articles.jsonl"
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = [*COMMAND, "index", str(source), "--home", str(self.home), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=True)
        return json.loads(done.stdout)["snapshot"]

    def raw(self, sent):
        """Send bytes as they are and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(sent)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        return received

    def workers(self):
        """Return the ids of the worker processes, as the log names them."""
        return {int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", self.log.read_text())}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    running = Service(tmp_path_factory.mktemp("serve"))
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def ask(service, path, times=40):
    """Return the answers to many requests at once, so that every worker has its share."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: service.get(path), range(times)))


class TestService:
    """In this order: one service, from an empty home to its end."""

    def test_it_starts_on_an_empty_home(self, service):
        wait_for(lambda: service.get("/healthz") == (200, {"status": "ok"}), 60)
        wait_for(lambda: len(service.workers()) == 2)
        for status, problem in ask(service, "/readyz"):
            assert status == 503
            assert "no snapshot is published yet" in problem["detail"]

    def test_it_is_ready_once_something_is_indexed(self, service):
        name = service.index(LINES)
        self.check_all_follow(service, name)
        wait_for(lambda: {status for status, _ in ask(service, "/readyz")} == {200}, 20)  # the encoder too
        _, ready = service.get("/readyz")
        assert (ready["snapshot"], ready["articles"], ready["problem"]) == (name, 5, None)

    def test_every_worker_follows_within_two_seconds(self, service):
        for count in (6, 7):
            lines = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(count)]
            self.check_all_follow(service, service.index(lines))
            answers = [answer for _, answer in ask(service, "/api/v1/search?q=ca&limit=100")]
            assert {answer["total"] for answer in answers} == {count}

    @staticmethod
    def check_all_follow(service, name):
        """Assert that within two seconds no worker answers from another snapshot, nor ever after."""

        def answered():
            answers = ask(service, "/api/v1/articles/bai-0/related")
            return {(status, answer.get("snapshot")) for status, answer in answers}

        mapped = str(service.home / "snapshots" / name)
        maps = [Path(f"/proc/{pid}/maps") for pid in service.workers()]
        if Path("/proc/self/maps").exists():
            wait_for(lambda: all(mapped in path.read_text() for path in maps), 2)
        wait_for(lambda: answered() == {(200, name)}, 2)
        assert answered() == {(200, name)}

    def test_a_rollback_is_followed_too(self, service):
        command = [*COMMAND, "snapshots", "rollback", "--home", str(service.home)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
        self.check_all_follow(service, done.stdout.split()[-1])

    def test_a_request_line_up_to_the_limit_is_answered_by_name(self, service):
        path = "/api/v1/search?q="
        room = REQUEST_LINE - len(f"GET {path} HTTP/1.1")
        answer = service.raw(f"GET {path}{'a' * room} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"field": "q"' in answer

    def test_a_longer_request_line_is_414(self, service):
        for length in (REQUEST_LINE, 3 * REQUEST_LINE):
            answer = service.raw(f"GET /search?q={'a' * length} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 414 "), answer[:100]

    @pytest.mark.parametrize(
        "sent",
        [
            b"NONSENSE\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
            b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        ],
    )
    def test_what_is_not_http_is_refused_and_harms_nothing(self, service, sent):
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert answer == b"" or re.match(rb"HTTP/1\.1 (4\d\d|505) ", answer), answer[:100]
        assert service.get("/healthz")[0] == 200

    def test_a_body_that_does_not_say_how_long_it_is(self, service):
        head = b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

        def chunked(body):
            return head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"

        assert b'"bai-1"' in service.raw(chunked(b'{"seed": {"ids": ["bai-0"]}, "ranking": "similarity"}'))
        answer = service.raw(chunked(b'{"seed": {"ids": ["bai-0"]}}' + b" " * 200_000))
        assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]

    def test_one_scrape_tells_all_workers(self, service):
        def scraped():
            address = f"http://127.0.0.1:{service.port}/metrics"
            with urllib.request.urlopen(address, timeout=20) as answer:
                text = answer.read().decode()
            lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            return {name: float(value) for name, value in lines}

        searches = 'lienquan_requests_total{endpoint="api.search",method="GET",status="200"}'
        before = scraped().get(searches, 0)
        ask(service, "/api/v1/search?q=ca")
        for _ in range(5):  # whichever worker answers
            found = scraped()
            assert found[searches] == before + 40
            assert (found["lienquan_workers"], found["lienquan_encoder_ready"]) == (2, 1)
            assert found["lienquan_articles"] in {5, 6, 7}

    def test_every_line_of_the_log_is_an_object_of_json(self, service):
        sent = urllib.request.Request(
            f"http://127.0.0.1:{service.port}/api/v1/search?q=timkin", headers={"X-Request-Id": "r-1"}
        )
        with urllib.request.urlopen(sent, timeout=20) as answer:
            assert answer.headers["X-Request-Id"] == "r-1"
        service.get("/api/v1/articles/bai-0")
        wait_for(lambda: "r-1" in service.log.read_text())
        lines = [json.loads(line) for line in service.log.read_text().splitlines()]
        assert {"gunicorn.error", "service.live", "service.access"} <= {line["logger"] for line in lines}
        (request,) = [line for line in lines if line.get("request_id") == "r-1"]
        wanted = {"method": "GET", "path": "/api/v1/search", "status": 200}
        assert {name: request[name] for name in wanted} == wanted
        assert request["ms"] > 0
        requests = [line for line in lines if line["logger"] == "service.access"]
        assert "/api/v1/articles/<string:article_id>" in {line["path"] for line in requests}
        assert all("timkin" not in json.dumps(line) and "bai-0" not in json.dumps(line) for line in requests)

    def test_a_draft_is_in_no_log(self, service):
        draft = b'{"seed": {"article": {"title": "banthaobimat", "colour": 1}}}'
        request = urllib.request.Request(f"http://127.0.0.1:{service.port}/api/v1/related", draft)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        assert caught.value.code == 400
        caught.value.close()
        assert "banthaobimat" not in service.log.read_text()

    @pytest.mark.parametrize("at", range(len(MALFORMED)))
    def test_what_cannot_be_read_is_told_without_a_word_of_it(self, service, at):
        before = len(service.log.read_text())
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            port = connection.getsockname()[1]
            connection.sendall(MALFORMED[at])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        assert service.get("/healthz")[0] == 200  # and whatever was to be logged is
        said = service.log.read_text()[before:]
        assert not re.search(rf"banthaobimat|127\.0\.0\.1|Listening|{port}", said, re.IGNORECASE), said

    def test_the_kind_of_fault_is_told(self, service):
        before = len(service.log.read_text())
        service.raw(b"GET /?q=banthaobimat HTTP/9.9\r\nHost: x\r\n\r\n")
        wait_for(lambda: "InvalidHTTPVersion, answered by 400" in service.log.read_text()[before:])

    def test_a_client_cannot_say_where_the_pages_are(self, service):
        asked = (
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nSCRIPT_NAME: /xau\r\nX-Forwarded-Proto: https\r\n\r\n"
        )
        answer = service.raw(asked)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"/xau" not in answer
        assert re.search(rb'href="/static/\w+/style\.css"', answer)

    def test_a_key_counts_for_every_worker_until_it_is_revoked(self, service):
        def keys(*args):
            command = [*COMMAND, "keys", *args, "--home", str(service.home)]
            return subprocess.run(command, capture_output=True, text=True, env=environment(), check=True).stdout.strip()

        def ask_for(cookie, times=24):
            head = f"GET /newsroom/draft HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
            with ThreadPoolExecutor(8) as pool:
                return {int(answer[9:12]) for answer in pool.map(lambda _: service.raw(head), range(times))}

        text = keys("create", "--scope", "newsroom", "--name", "x")
        form = service.raw(b"GET /newsroom/sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
        cookie, token = (re.search(what, form)[1] for what in (r"Set-Cookie: ([^;]+)", r'name="csrf" value="([^"]+)"'))
        assert ask_for(cookie) == {303}
        body = f"key={text}&csrf={token}"
        head = f"POST /newsroom/sign-in HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n"
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        done = service.raw((head + kind + body).encode()).decode()
        assert done.startswith("HTTP/1.1 303 ")
        cookie = re.search(r"Set-Cookie: ([^;]+)", done)[1]
        assert ask_for(cookie) == {200}
        keys("revoke", text.split("_")[1])
        assert ask_for(cookie) == {303}
        assert text.split("_", 2)[2] not in service.log.read_text()

    def test_it_ends_at_sigterm(self, service):
        workers = service.workers()
        assert len(workers) == 2  # none had to be started again
        ingesting = int(re.findall(r"process (\d+) ingests", service.log.read_text())[-1])
        assert service.stop() == 0
        with pytest.raises(ProcessLookupError):  # it has left all in order before
            os.kill(ingesting, 0)
        assert "Traceback" not in service.log.read_text()
        for pid in workers:
            wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else True)


class TestMetricsDirectory:
    @pytest.fixture
    def memory(self, tmp_path, monkeypatch):
        """A place for such directories alone."""
        monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
        monkeypatch.setattr("service.serve.Path", lambda name: tmp_path if name == "/dev/shm" else Path(name))
        yield tmp_path
        monkeypatch.undo()
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

    def test_it_is_there_while_it_is_served_and_those_of_the_killed_go(self, memory):
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        for name in (f"{ended.pid}-a", f"{os.getpid()}-b", "odd"):
            (memory / f"lienquan-metrics-{name}").mkdir()
        with _metrics_directory():
            made = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
            assert made.parent == memory
            (made / "counter_1.db").touch()
            assert sorted(path.name for path in memory.iterdir() if path != made) == [
                f"lienquan-metrics-{os.getpid()}-b"
            ]
        assert not made.exists()

    def test_a_worker_that_ends_leaves_it(self, memory, monkeypatch):
        with _metrics_directory():
            made = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
            monkeypatch.setattr("service.serve.os.getpid", lambda: 0)
        assert made.is_dir()

    def test_the_operators_own_is_emptied_and_stays(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "own"))
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "counter_1.db").touch()
        with _metrics_directory():
            assert list((tmp_path / "own").iterdir()) == []
        assert (tmp_path / "own").is_dir()


def test_cores_are_shared_out_among_the_workers(monkeypatch):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LIENQUAN_THREADS", "OMP_WAIT_POLICY")
    for name in names:
        monkeypatch.setenv(name, "set, so that it is put back")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.setattr("service.serve.available_threads", lambda: 8)
    assert share_cores(3) == 2
    assert [os.environ[name] for name in names] == ["2", "1", "7", "2", "passive"]
    for name in names:
        monkeypatch.delenv(name)
    assert share_cores(20) == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_as_many_files_may_be_open_as_the_system_allows():
    """In another process: a limit that was raised stays so."""
    code = (
        "import resource; from service.serve import _open_files\n"
        "_, most = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, most), most)); _open_files()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"
