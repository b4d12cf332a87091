"""A real worker whose searches end when they are told to: full, told to stop, stuck, and with clients that dawdle.

And its loop alone, for what a process would take long to come to.
"""

import errno
import json
import os
import re
import selectors
import signal
import socket
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, nullcontext, suppress

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from service.serving import connection, worker
from service.serving.connection import Connection
from tests.conftest import wait_for
from tests.service.test_serve import LINES, Service

HELD = """
import sys, time
from functools import partial
from pathlib import Path
from gunicorn.workers import gthread
from models.hashing import HashingEncoder
from service import cli, serve
from service.serving import worker

directory = Path(sys.argv.pop(1))
serve.STUCK = float(sys.argv.pop(1))
patience = float(sys.argv.pop(1))
connections = int(sys.argv.pop(1))
worker._PARTING_S = patience / 30
gthread.util.close_graceful = partial(gthread.util.close_graceful, timeout=patience / 30)
worker.KEPT = connections // 3
worker.HEAD_S = worker.BODY_S = patience
gthread.STOP_KEEPALIVE_LINGER = worker.STOP_KEEPALIVE_LINGER = worker.SILENT_S = patience
config = serve._config
serve._config = lambda *given: config(*given) | {"keepalive": int(patience), "worker_connections": connections}
plain = HashingEncoder.encode_queries

def held(self, texts):
    name = texts[0].rpartition(" ")[2]
    if texts[0].startswith("giữ"):
        (directory / f"began-{name}").touch()
        while not (directory / f"go-{name}").exists():
            time.sleep(0.01)
    return plain(self, texts)

HashingEncoder.encode_queries = held
cli.main(["serve", *sys.argv[1:]])
"""


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a service of one worker, one place and two that may wait."""
    running = []

    def make(stuck=600, patience=60, connections=1000, **settings):
        command = (sys.executable, "-c", HELD, str(tmp_path), str(stuck), str(patience), str(connections))
        given = {"threads": 1, "max_waiting": 2, "max_wait_seconds": 60, "request_seconds": 60} | settings
        made = Service(tmp_path, command, workers=1, **given)
        running.append(made)
        made.index(LINES)
        wait_for(lambda: made.get("/readyz")[0] == 200, 60)
        return made

    yield make
    for made in running:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


@pytest.fixture
def connect():
    """Return a function that connects to a service."""
    with ExitStack() as opened:
        yield lambda service: opened.enter_context(closing(Client(service)))


class Client:
    """A connection that is kept open."""

    def __init__(self, service):
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=30)
        self.file = self.socket.makefile("rb")

    def send(self, sent):
        self.socket.sendall(sent)

    def ask(self, path):
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def answer(self):
        """Return status, headers and content of the next answer."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, json.loads(self.file.read(int(headers["content-length"])))

    def closed(self):
        return self.file.read() == b""

    def close(self):
        self.file.close()
        self.socket.close()


def search(name):
    return f"/api/v1/search?q=gi%E1%BB%AF%20{name}"


def holding(pool, service, tmp_path, names):
    """Let so many searches begin, the first of which works while the others wait, and return their answers to come."""
    answers = []
    for name in names:
        answers.append(pool.submit(service.get, search(name)))
        if len(answers) == 1:
            wait_for((tmp_path / f"began-{name}").exists, 30)
    return answers


def test_full_it_turns_away_at_once_and_answers_whoever_it_let_in(start, connect, tmp_path):
    service = start()
    with ThreadPoolExecutor(64) as pool:
        working = holding(pool, service, tmp_path, ["1"])
        burst = [pool.submit(service.get, search(f"b{at}")) for at in range(50)]
        wait_for(lambda: sum(future.done() for future in burst) == 48, 30)  # while the first is still worked on
        refused = [future.result() for future in burst if future.done()]
        assert {(status, answer["title"]) for status, answer in refused} == {(503, "Too many requests at once")}
        assert service.get("/healthz")[0] == service.get("/readyz")[0] == 200
        kept = connect(service)
        for _ in range(3):  # on one connection
            kept.ask(search("kept"))
            status, headers, _ = kept.answer()
            assert (status, headers["retry-after"]) == (503, "2")
        kept.ask("/healthz")
        assert kept.answer()[0] == 200
        assert [path.name for path in tmp_path.glob("began-*")] == ["began-1"]
        for name in ("1", *(f"b{at}" for at in range(50))):
            (tmp_path / f"go-{name}").touch()
        assert [future.result(30)[0] for future in working] == [200]
        assert sorted(future.result(30)[0] for future in burst) == [200] * 2 + [503] * 48
        kept.ask("/api/v1/search?q=ca")
        assert kept.answer()[0] == 200  # as if nothing had been
    assert len(service.workers()) == 1
    assert "Traceback" not in service.log.read_text()


def test_full_it_keeps_so_many_connections_and_still_answers_whoever_comes(start, connect, tmp_path):
    service = start(connections=60)
    with ThreadPoolExecutor(8) as pool:
        answers = holding(pool, service, tmp_path, "12345")
        wait_for(lambda: sum(future.done() for future in answers) == 2, 30)  # so it is full
        told = []
        for _ in range(100):
            client = connect(service)
            client.ask(search("no"))
            told.append((client, *client.answer()[:2]))
        assert {(status, headers["retry-after"]) for _, status, headers in told} == {(503, "2")}
        kept = [client for client, _, headers in told if "connection" not in headers]
        ended = [client for client, _, headers in told if headers.get("connection") == "close"]
        assert (len(kept), len(ended)) == (20, 80)
        assert all(client.closed() for client in ended)
        kept[0].ask(search("no"))
        assert kept[0].answer()[0] == 503
        for name in "12345":
            (tmp_path / f"go-{name}").touch()
        assert sorted(future.result(30)[0] for future in answers) == [200] * 3 + [503] * 2


def test_more_connections_than_it_holds_are_all_told_something(start, connect, tmp_path):
    service = start(connections=60)
    with ThreadPoolExecutor(8) as pool:
        answers = holding(pool, service, tmp_path, "12345")
        wait_for(lambda: sum(future.done() for future in answers) == 2, 30)
        for _ in range(5):
            clients = [connect(service) for _ in range(200)]
            for client in clients:
                with suppress(OSError):  # told before it asked
                    client.ask(search("no"))
            assert {client.answer()[0] for client in clients} == {503}
        for name in "12345":
            (tmp_path / f"go-{name}").touch()
        assert sorted(future.result(30)[0] for future in answers) == [200] * 3 + [503] * 2
    assert len(service.workers()) == 1
    assert "Traceback" not in service.log.read_text()


def test_of_too_many_that_say_nothing_the_first_go_and_the_last_are_answered(start, connect):
    service = start(connections=60)
    silent = [connect(service) for _ in range(100)]
    for client in silent[:40]:
        status, headers, problem = client.answer()
        assert (status, headers["retry-after"], headers["connection"]) == (503, "2", "close")
        assert problem["title"] == "Too many requests at once"
        assert client.closed()
    for client in reversed(silent[-59:]):
        client.ask("/api/v1/search?q=ca")
        assert client.answer()[0] == 200


def test_told_to_stop_it_answers_what_it_has_and_refuses_what_comes(start, connect, tmp_path):
    service = start()
    silent, asking = connect(service), connect(service)
    asking.ask("/healthz")
    assert asking.answer()[0] == 200
    with ThreadPoolExecutor(8) as pool:
        answers = holding(pool, service, tmp_path, "12345")
        wait_for(lambda: sum(future.done() for future in answers) == 2, 30)  # so one is at work, and two wait
        answers = [future for future in answers if not future.done()]
        asking.ask("/readyz")
        assert asking.answer()[0] == 200
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses(service), 30)
        asking.ask("/readyz")
        status, headers, problem = asking.answer()
        assert (status, problem["detail"], headers["connection"]) == (503, "the service is stopping", "close")
        assert asking.closed()
        silent.ask("/healthz")  # it was there before
        assert silent.answer()[0] == 200
        assert not any(future.done() for future in answers)
        for name in "12345":
            (tmp_path / f"go-{name}").touch()
        assert [future.result(30)[0] for future in answers] == [200] * 3
    assert service.process.wait(30) == 0
    assert "Traceback" not in service.log.read_text()


def test_told_to_stop_it_waits_for_nobody_who_does_not_ask(start, connect):
    service = start(patience=1)
    silent, idle = connect(service), connect(service)
    idle.ask("/healthz")
    assert idle.answer()[0] == 200
    assert service.stop() == 0
    for client in (silent, idle):
        assert client.closed()


def refuses(service):
    try:
        with closing(socket.create_connection(("127.0.0.1", service.port), timeout=5)):
            return False
    except (ConnectionRefusedError, ConnectionResetError):  # reset: the kernel had taken it as the listener closed
        return True


def test_a_request_that_never_ends_costs_the_worker_its_life_but_not_the_service(start, tmp_path):
    service = start(stuck=3)  # longer than anything else takes on a busy machine
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(service.get, search("1"))
        wait_for(lambda: len(service.workers()) == 2, 60)
        assert isinstance(stuck.exception(30), OSError)  # cut off
    wait_for(lambda: service.get("/readyz")[0] == 200, 60)
    assert service.get("/api/v1/search?q=ca")[1]["total"] == 5
    log = service.log.read_text()
    assert "does not end; this worker ends" in log
    assert re.search(r'File "<string>", line \d+ in held', log)  # where it was
    assert service.stop() == 0


def test_whoever_does_not_close_holds_nobody_up(start, connect):
    service = start(patience=1800)  # each would take 60 s
    for _ in range(20):
        client = connect(service)
        client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.answer()[0] == 200  # and stays open on this side
    assert service.get("/healthz")[0] == 200


def test_whoever_dawdles_holds_neither_thread_nor_place(start, connect):
    service = start()
    silent = [connect(service) for _ in range(60)]  # more than there are threads
    body = b'{"seed": {"ids": ["bai-0"]}}'
    sending = [connect(service) for _ in range(3)]
    for client in sending:
        client.send(b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:9])
    assert service.get("/api/v1/search?q=ca")[0] == 200  # the place is free
    for client in sending:
        client.send(body[9:])
        assert client.answer()[0] == 200
    for client in silent:
        client.ask("/healthz")
        assert client.answer()[0] == 200


def test_requests_that_never_come_whole_are_ended_and_never_have_a_thread(start, connect):
    service = start(patience=2)
    heads = [connect(service) for _ in range(20)]
    for client in heads:
        client.send(b"GET /api/v1/search?q=ca HTTP/1.1\r\nHost")
    bodies = [connect(service) for _ in range(20)]
    for client in bodies:
        client.send(b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n{")
    assert service.get("/api/v1/search?q=ca")[0] == 200
    for client in heads:
        assert client.closed()
    for client in bodies:
        status, headers, problem = client.answer()
        assert (status, headers["content-type"]) == (408, "application/problem+json")
        assert problem["detail"].startswith("body: not all of it")
        assert client.closed()
    assert "Traceback" not in service.log.read_text()


SLOW = {
    "a put": b"PUT /api/v1/articles/a HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "a draft": b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "a bulk": b"POST /api/v1/articles:bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "a batch": b"POST /api/v1/related:batch HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "chunks": b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    "chunks of a put": b"PUT /api/v1/articles/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "a get": b"GET /api/v1/search?q=ca HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "health itself": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n{",
    "a head": b"GET /api/v1/search?q=ca HTTP/1.1\r\nHost",
    "nothing": b"",
}


def test_slow_bodies_heads_and_silence_hold_up_neither_health_nor_readers(start, connect):
    service = start()
    clients = []
    for sent in SLOW.values():
        clients += [connect(service) for _ in range(60)]
        for client in clients[-60:]:
            client.send(sent)
        for path in ("/healthz", "/readyz", "/metrics", "/api/v1/search?q=ca", "/static/0/style.css"):
            watching = connect(service)
            watching.socket.settimeout(15)
            watching.ask(path)
            assert watching.file.readline().startswith((b"HTTP/1.1 200", b"HTTP/1.1 403")), path


def test_a_thousand_slow_bodies_do_not_hold_up_health(start, connect):
    service = start()
    for _ in range(1000):
        client = connect(service)
        client.send(SLOW["a put"])
    watching = connect(service)
    watching.socket.settimeout(15)
    watching.ask("/healthz")
    assert watching.answer()[0] == 200
    assert service.get("/api/v1/search?q=ca")[0] == 200


def test_whoever_does_not_read_holds_no_thread(start, connect):
    service = start()
    for _ in range(60):
        client = connect(service)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.setblocking(False)
        with suppress(BlockingIOError):
            client.send(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 300)
    for path in ("/healthz", "/readyz"):
        watching = connect(service)
        watching.socket.settimeout(15)
        watching.ask(path)
        assert watching.answer()[0] == 200
    wait_for(lambda: service.get("/api/v1/search?q=ca")[0] == 200, 30)  # once there is no room for more answers


def test_an_answer_larger_than_what_the_system_holds_comes_whole(start, connect):
    service = start()
    expected = service.get("/api/v1/openapi.json")
    client = connect(service)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    for _ in range(40):
        client.ask("/api/v1/openapi.json")
    for _ in range(40):
        status, _, document = client.answer()
        assert (status, document) == expected


def test_many_changes_are_not_received_without_a_key(start, connect):
    service = start()
    client = connect(service)
    client.send(b"POST /api/v1/articles:bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n{")
    status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (401, "close")


def test_whoever_waits_to_be_told_may_send_a_body(start, connect):
    service = start()
    client = connect(service)
    body = b'{"seed": {"ids": ["bai-0"]}}'
    head = b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    client.send(head % len(body))
    assert client.file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert client.file.readline() == b"\r\n"
    client.send(body)
    assert client.answer()[0] == 200
    client.send(head % 200_001)
    assert client.answer()[0] == 413  # and it need not be sent


def test_requests_sent_in_a_row_are_answered_in_a_row(start, connect):
    service = start()
    client = connect(service)
    body = b'{"seed": {"ids": ["bai-0"]}}'
    post = b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    chunked = b"POST /api/v1/related HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    client.send(get + post + chunked % (len(body), body) + get + post)
    answers = [client.answer() for _ in range(5)]
    assert [status for status, *_ in answers] == [200] * 5
    assert ["hits" in told for *_, told in answers] == [False, True, True, False, True]


class TestLoop:
    """What its loop does, without a process; the tests are its threads."""

    class Threads:
        def submit(self, *_):
            return Future()

    class Lost(socket.socket):
        """A socket whose client is gone in some way."""

        code = 0

        def recv(self, *_):
            raise OSError(self.code, os.strerror(self.code))

    @pytest.fixture
    def loop(self):
        made = worker.Worker(0, os.getpid(), [], None, 30, Config(), None)
        made.tpool, made.poller = self.Threads(), selectors.DefaultSelector()
        made.method_queue.init()
        yield made
        made.poller.close()
        made.method_queue.close()
        made.tmp.close()

    @pytest.mark.parametrize("wrong", [False, True])
    def test_it_says_that_it_lives_while_it_loads(self, loop, monkeypatch, wrong):
        said = threading.Semaphore(0)

        def load(_):
            assert all(said.acquire(timeout=10) for _ in range(3))
            if wrong:
                raise OSError("no such file")

        monkeypatch.setattr(worker, "_BEAT_S", 0.01)
        monkeypatch.setattr(ThreadWorker, "load_wsgi", load)
        loop.notify = said.release
        with pytest.raises(OSError, match="no such file") if wrong else nullcontext():
            loop.load_wsgi()
        assert not any(thread.name == "loading" for thread in threading.enumerate())

    @pytest.fixture
    def pair(self):
        pair = socket.socketpair()
        with pair[0], pair[1]:
            pair[1].settimeout(10)
            yield pair

    @staticmethod
    def taken_up(loop, served):
        """Return a connection whose request the loop receives."""
        conn = Connection(loop.cfg, served, ("127.0.0.1", 1), ("127.0.0.1", 2))
        loop.wsgi = None
        loop.nr_conns += 1
        loop.enqueue_req(conn)
        return conn

    @staticmethod
    def parsed(loop, conn):
        """Return the request that a thread would have."""
        assert conn not in loop._coming
        conn.init()
        return next(conn.parser)

    def test_told_to_stop_while_it_loads_it_stops(self, loop):
        assert not hasattr(loop, "wsgi")
        loop.handle_exit(signal.SIGTERM, None)
        assert not loop.alive

    @pytest.mark.parametrize("code", [errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH])
    def test_a_client_that_is_lost_while_it_parts_is_let_go(self, loop, pair, code):
        served = self.Lost(fileno=pair[0].detach())
        served.code = code
        conn = Connection(loop.cfg, served, ("127.0.0.1", 1), ("127.0.0.1", 2))
        loop.nr_conns = 1
        loop._part(conn)
        loop._parting(conn, served)
        assert (loop.nr_conns, len(loop._leaving), len(loop.poller.get_map())) == (0, 0, 0)
        assert served.fileno() == -1

    @pytest.mark.parametrize("long", [b"", b"".join(b"X-%d: %s\r\n" % (at, b"x" * 7000) for at in range(3))])
    def test_a_slow_body_has_its_time_whose_head_was_not_there_at_once(self, loop, pair, monkeypatch, long):
        monkeypatch.setattr(worker, "HEAD_S", 1e-9)
        served, client = pair
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + long + b"Content-Len")
        conn = self.taken_up(loop, served)
        client.sendall(b"gth: 5\r\n\r\n")
        loop._receive(conn, served)
        loop.murder_pending()
        client.sendall(b"whole")
        loop._receive(conn, served)
        assert self.parsed(loop, conn).body.read() == b"whole"

    def test_so_has_that_of_a_request_that_came_with_the_one_before(self, loop, pair, monkeypatch):
        monkeypatch.setattr(worker, "HEAD_S", 1e-9)
        served, client = pair
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        conn = self.taken_up(loop, served)
        client.sendall(b"wholePUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        loop._receive(conn, served)
        assert self.parsed(loop, conn).method == "POST"
        assert conn.parser.finish_body()
        loop._end(conn, True)
        loop.murder_pending()
        client.sendall(b"again")
        loop._receive(conn, served)
        request = self.parsed(loop, conn)
        assert (request.method, request.body.read()) == ("PUT", b"again")

    @pytest.mark.parametrize("method", [b"GET", b"POST"])
    def test_a_head_that_does_not_end_has_no_more_than_its_own_time(self, loop, pair, monkeypatch, method):
        monkeypatch.setattr(worker, "HEAD_S", 1e-9)
        served, client = pair
        client.sendall(method + b" / HTTP/1.1\r\nHost")
        self.taken_up(loop, served)
        loop.murder_pending()
        assert (loop._coming, loop._held) == ({}, 0)
        assert client.recv(9) == b""

    def test_a_body_that_does_not_end_has_no_more_either(self, loop, pair, monkeypatch):
        monkeypatch.setattr(worker, "BODY_S", 1e-9)
        served, client = pair
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwho")
        self.taken_up(loop, served)
        assert loop._held > 0
        time.sleep(0.001)
        loop.murder_pending()
        assert (loop._coming, loop._held) == ({}, 0)
        assert client.recv(9) == b""

    def test_what_is_held_in_memory_is_bounded(self, loop, monkeypatch):
        monkeypatch.setattr(worker, "HELD", 100_000)
        pairs = [socket.socketpair() for _ in range(3)]
        with ExitStack() as opened:
            for pair in pairs:
                for end in pair:
                    opened.enter_context(end)
            conns = []
            for served, client in pairs:
                client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + b"a" * 40_000)
                conns.append(self.taken_up(loop, served))
            assert list(loop._coming) == conns[1:]  # the first went
            assert loop._held == sum(conn.received.held for conn in conns[1:])

    def test_an_answer_that_nobody_reads_is_dropped(self, loop, pair, monkeypatch):
        monkeypatch.setattr(connection, "STALL_S", 1e-9)
        served, client = pair
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        conn = self.taken_up(loop, served)
        conn.init()
        conn.out.sendall(b"a" * 10_000_000)
        assert conn.out.left > 0
        answered = Future()
        answered.set_result(True)
        loop._take_back(conn, answered, loop.tpool)
        assert conn in loop._sending
        loop.murder_pending()
        assert (loop._sending, loop.nr_conns, served.fileno()) == ({}, 0, -1)

    def test_one_that_is_read_is_sent_to_its_end(self, loop, pair):
        served, client = pair
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        conn = self.taken_up(loop, served)
        conn.init()
        sent = os.urandom(5_000_000)
        conn.out.sendall(sent)
        answered = Future()
        answered.set_result(False)
        loop._take_back(conn, answered, loop.tpool)
        received = b""
        while len(received) < len(sent):
            received += client.recv(1 << 20)
            if conn in loop._sending:
                loop._send(conn, served)
        assert received == sent
        assert conn in loop._leaving

    def test_an_answer_that_is_made_while_it_is_sent_waits_and_ends(self, pair, monkeypatch):
        monkeypatch.setattr(connection, "STALL_S", 0.05)
        out = connection.SendBuffer(pair[0])
        pieces = (out.sendall(b"a" * 10_000) for _ in range(1000))
        with pytest.raises(BrokenPipeError, match="the client took less than"):
            list(pieces)
        assert out.left < 300_000
