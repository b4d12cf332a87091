"""Who is let in, who waits, who is turned away: the order of events, with handlers that end when they are told to."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from pydantic import ValidationError

from service.app import MAX_BODY
from service.errors import Overloaded
from service.serving.admission import Admission, Gate
from service.serving.budget import Budget, Caller
from service.serving.framing import RequestHead
from service.settings import Settings
from tests.conftest import wait_for

LONG = 60.0


class Handler:
    """An application whose requests end when they are let go of, and which says in which order they came."""

    def __init__(self):
        self.began, self.go = [], {}

    def __call__(self, environ, start_response):
        name = environ["QUERY_STRING"]
        self.began.append(name)
        assert self.go.setdefault(name, threading.Event()).wait(10)
        if environ.get("fails"):
            raise KeyError(name)
        return [name.encode()]

    def let(self, name):
        self.go.setdefault(name, threading.Event()).set()


class Busy:
    def __call__(self, environ, start_response):
        return [b"busy"]

    def raw(self, path, query, accept, keeps):
        return f"{path}|{query}|{accept}|{keeps}".encode()

    def late(self):
        return b"late"


@pytest.fixture
def handler():
    return Handler()


def admission(app, working=1, waiting=2, longest=LONG, seconds=LONG):
    return Admission(app, Gate(working, waiting, longest), Busy(), seconds, MAX_BODY)


def environ(name, path="/api/v1/search", method="GET", **more):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": name, **more}


def ask(pool, made, name, **more):
    return pool.submit(lambda: b"".join(made(environ(name, **more), None)))


class TestGate:
    def test_one_works_two_wait_in_order_and_the_others_are_turned_away(self, handler):
        made = admission(handler)
        with ThreadPoolExecutor(8) as pool:
            first = ask(pool, made, "1")
            wait_for(lambda: handler.began == ["1"])
            waiting = []
            for at, name in enumerate("23", 1):
                waiting.append(ask(pool, made, name))
                wait_for(lambda at=at: made.gate.queued == at)
            assert made.gate.full
            assert [ask(pool, made, name).result(10) for name in "4567"] == [b"busy"] * 4
            assert (made.gate.inside, made.gate.queued, made.gate.refused) == (1, 2, 4)
            assert handler.began == ["1"]
            for at, name in enumerate("123", 1):
                assert len(handler.began) == at
                handler.let(name)
                wait_for(lambda at=at: len(handler.began) == min(at + 1, 3))
            assert [future.result(10) for future in (first, *waiting)] == [b"1", b"2", b"3"]
        assert handler.began == ["1", "2", "3"]
        assert (made.gate.inside, made.gate.queued, made.gate.full) == (0, 0, False)

    def test_one_that_fails_gives_its_place_back(self, handler):
        made = admission(handler)
        with ThreadPoolExecutor(8) as pool:
            first = ask(pool, made, "1", fails=True)
            wait_for(lambda: handler.began == ["1"])
            second = ask(pool, made, "2")
            wait_for(lambda: made.gate.queued == 1)
            handler.let("1")
            with pytest.raises(KeyError):
                first.result(10)
            handler.let("2")
            assert second.result(10) == b"2"
        assert made.gate.inside == 0

    def test_one_that_has_waited_too_long_is_turned_away_and_its_turn_goes_on(self, handler):
        made = admission(handler, longest=0.0)
        with ThreadPoolExecutor(8) as pool:
            first = ask(pool, made, "1")
            wait_for(lambda: handler.began == ["1"])
            assert ask(pool, made, "2").result(10) == b"busy"
            assert (made.gate.queued, made.gate.refused) == (0, 1)
            handler.let("1")
            assert first.result(10) == b"1"
            handler.let("3")
            assert ask(pool, made, "3").result(10) == b"3"

    def test_nobody_waits_behind_all_that_another_asks_for(self, handler):
        gate, order = Gate(1, 20, LONG), []

        def work(name, caller):
            with gate.passed(caller) as admitted:
                assert admitted
                order.append(name)

        with ThreadPoolExecutor(20) as pool:
            with gate.passed("hostile"):
                for at, (name, caller) in enumerate([*((f"h{at}", "hostile") for at in range(9)), ("r", "reader")], 1):
                    pool.submit(work, name, caller)
                    wait_for(lambda at=at: gate.queued == at)
            wait_for(lambda: len(order) == 10)
        assert order.index("r") <= 1
        assert [name for name in order if name != "r"] == [f"h{at}" for at in range(9)]  # their own order stays

    def test_in_a_full_queue_whoever_has_most_gives_a_place_to_one_who_has_fewer(self):
        gate, told = Gate(1, 3, LONG), {}

        def work(name, caller):
            with gate.passed(caller) as admitted:
                told[name] = admitted

        with ThreadPoolExecutor(20) as pool:
            with gate.passed("hostile"):
                for at in range(3):
                    pool.submit(work, f"h{at}", "hostile")
                    wait_for(lambda at=at: gate.queued == at + 1)
                assert (gate.full, gate.closed_to("hostile"), gate.closed_to("reader")) == (True, True, False)
                pool.submit(work, "r", "reader")
                wait_for(lambda: told == {"h2": False})
                assert gate.closed_to("reader")  # one more would be as many as the other has
                pool.submit(work, "h3", "hostile")
                wait_for(lambda: told == {"h2": False, "h3": False})
            wait_for(lambda: len(told) == 5)
        assert {name for name, admitted in told.items() if admitted} == {"h0", "h1", "r"}
        assert (gate.inside, gate.queued, gate.refused, gate._queues, gate._callers) == (0, 0, 2, {}, {})

    def test_how_long_the_oldest_has_been_in(self, monkeypatch):
        now = [5.0]
        monkeypatch.setattr("service.serving.admission.time.monotonic", lambda: now[0])
        gate = Gate(2, 0, LONG)
        assert gate.oldest() == 0
        with gate.passed():
            now[0] = 7.0
            with gate.passed() as also, gate.passed() as third:
                now[0] = 8.0
                assert (also, third, gate.oldest()) == (True, False, 3.0)
            assert gate.oldest() == 3.0
        assert gate.oldest() == 0

    def test_many_threads_lose_no_place_and_never_more_are_in(self):
        gate, inside, most = Gate(3, 100, LONG), [], []

        def work(number):
            with gate.passed(f"caller {number % 7}") as admitted:
                assert admitted
                inside.append(1)
                most.append(len(inside))
                inside.pop()

        with ThreadPoolExecutor(32) as pool:
            list(pool.map(work, range(3000)))
        assert max(most) <= 3
        assert (gate.inside, gate.queued, gate.refused, len(gate._since)) == (0, 0, 0, 0)

    def test_what_can_be_no_gate(self):
        for working, waiting in ((0, 1), (1, -1)):
            with pytest.raises(ValueError, match=f"working, waiting: {working}, {waiting}: expected at least 1 and 0"):
                Gate(working, waiting, 1.0)


DRAFT = {"path": "/api/v1/related", "method": "POST"}


def draft(size=5000):
    return DRAFT | {"CONTENT_LENGTH": str(size), "wsgi.input": io.BytesIO(b"a" * size)}


class TestHeavyOnes:
    @pytest.mark.parametrize(("working", "places"), [(1, 1), (2, 1), (3, 1), (8, 4)])
    def test_they_have_half_of_the_places(self, handler, working, places):
        assert admission(handler, working=working).heavy.working == places

    def test_however_many_there_are_readers_have_their_place(self, handler):
        made = admission(handler, working=1, waiting=2)
        with ThreadPoolExecutor(16) as pool:
            drafts = [ask(pool, made, "d", **draft())]
            wait_for(lambda: handler.began == ["d"])
            drafts += [ask(pool, made, "d", **draft()) for _ in range(9)]
            wait_for(lambda: sum(future.done() for future in drafts) == 7)  # two wait
            assert made.oldest() > 0
            handler.let("r")
            assert ask(pool, made, "r").result(10) == b"r"
            handler.let("d")
            assert sorted(future.result(10) for future in drafts) == [b"busy"] * 7 + [b"d"] * 3

    def test_a_long_query_is_one(self, handler):
        made = admission(handler, waiting=0)
        with made.heavy.passed():
            assert b"".join(made(environ("q=" + "x" * 2000), None)) == b"busy"
            handler.let("q=x")
            assert b"".join(made(environ("q=x"), None)) == b"q=x"

    def test_a_line_of_a_batch_waits_for_a_place_and_has_its_time(self, handler):
        made = admission(handler, waiting=0)
        with made.line(Caller("a", True)):
            assert made.heavy.inside == 1
            with pytest.raises(Overloaded), made.line(Caller("b", True)):
                pass
        assert made.heavy.inside == 0


class TestBudgets:
    @pytest.fixture
    def client(self, client_of, monkeypatch):
        monkeypatch.setattr("service.app.Budget", partial(Budget, clock=lambda: 7200.0))  # no hour ends meanwhile
        lines = [{"id": "bai-0", "title": "công nhân ca 0"}]
        return client_of(lines, cost_budget="100/hour", key_budget="300/hour", trusted_hops=1)

    @staticmethod
    def post(client, caller, body):
        return client.post("/api/v1/related", json=body, headers={"X-Forwarded-For": caller})

    def test_over_it_one_is_told_cost_and_budget_and_when_to_retry(self, client):
        body = {"seed": {"article": {"title": "công nhân", "body": "a " * 1300}}}
        assert self.post(client, "203.0.113.1", body).status_code == 200
        refused = self.post(client, "203.0.113.1:80", body)
        assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
        assert refused.headers["Retry-After"] == "3600"
        (error,) = refused.json["errors"]
        assert (error["field"], error["value"]) == ("cost", "51 units")
        assert error["expected"] == "expected at most 100 units per 1 hour of an address"
        assert self.post(client, "203.0.113.2", body).status_code == 200
        few = {"seed": {"ids": ["bai-0"]}}  # for it enough is left
        assert self.post(client, "203.0.113.1", few).status_code == 200

    def test_health_costs_nothing(self, client):
        for _ in range(150):
            assert client.get("/healthz").status_code == 200

    @staticmethod
    def batch(client, count, caller, key=None):
        headers = {"X-Forwarded-For": caller} | ({"Authorization": f"Bearer {key}"} if key else {})
        body = b'{"id": "bai-0"}\n' * count
        answer = client.post("/api/v1/related:batch", data=body, headers=headers, buffered=True)
        return answer, [json.loads(line) for line in answer.data.splitlines()] if answer.status_code == 200 else []

    def test_a_batch_is_charged_by_the_line_to_its_key_or_address(self, client):
        store = client.application.extensions["lienquan_keys"]
        _, text = store.create("CMS", ["rules"])
        _, lines = self.batch(client, 60, "203.0.113.1")
        assert all("hits" in line for line in lines)  # 2 units the request, 1 each line
        _, lines = self.batch(client, 60, "203.0.113.1")
        assert ["hits" in line for line in lines] == [True] * 36 + [False] * 24
        assert lines[-1]["error"] == "cost: 1 units: expected at most 100 units per 1 hour of an address"
        assert self.batch(client, 1, "203.0.113.1")[0].status_code == 429
        _, lines = self.batch(client, 200, "203.0.113.1", text)
        assert all("hits" in line for line in lines)
        _, lines = self.batch(client, 120, "203.0.113.2", text)  # of one key, wherever it is used
        assert ["hits" in line for line in lines] == [True] * 96 + [False] * 24
        assert lines[-1]["error"] == "cost: 1 units: expected at most 300 units per 1 hour of a key"
        assert self.batch(client, 1, "203.0.113.2", text)[0].status_code == 429
        assert self.batch(client, 1, "203.0.113.2")[0].status_code == 200

    def test_a_batch_that_is_not_read_holds_up_its_own_caller_alone(self, client):
        headers = {"X-Forwarded-For": "203.0.113.1"}
        unread = client.post("/api/v1/related:batch", data=b'{"id": "bai-0"}\n', headers=headers, buffered=False)
        assert self.batch(client, 1, "203.0.113.1")[0].status_code == 503
        assert self.batch(client, 1, "203.0.113.2")[0].status_code == 200
        unread.close()
        assert self.batch(client, 1, "203.0.113.1")[0].status_code == 200

    def test_a_key_that_does_not_count_has_no_budget_but_its_address(self, client):
        store = client.application.extensions["lienquan_keys"]
        key, text = store.create("CMS", ["ingest"])
        store.revoke(key.id)
        for wrong in ("x", text):
            assert self.batch(client, 1, "203.0.113.1", wrong)[0].status_code == 401
        headers = {"X-Forwarded-For": "203.0.113.1", "Authorization": f"Bearer {text}"}
        statuses = [client.get("/api/v1/search?q=ca", headers=headers).status_code for _ in range(13)]
        assert statuses == [200] * 12 + [429]  # 96 units are left

    @pytest.mark.parametrize("rate", ["", "often", "60000", "1/fortnight"])
    def test_a_budget_that_is_none_stops_the_start(self, rate):
        with pytest.raises(ValidationError, match="expected units for a time such as 120000/minute, or off"):
            Settings(cost_budget=rate)
        with pytest.raises(ValidationError, match="expected units for a time such as 120000/minute, or off"):
            Settings(key_budget=rate)


class TestWhoNeedsNoPlace:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            *(("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/static/style.css")),
            ("PUT", "/api/v1/articles/x"),
            ("DELETE", "/api/v1/articles/x"),
            ("POST", "/api/v1/related:batch"),
            ("POST", "/api/v1/articles:bulk"),
        ],
    )
    def test_they_never_wait_behind_readers(self, handler, method, path):
        made = admission(handler, waiting=0)
        with ThreadPoolExecutor(8) as pool:
            reader = ask(pool, made, "1")
            wait_for(lambda: handler.began == ["1"])
            handler.let("2")
            assert ask(pool, made, "2", path=path, method=method).result(10) == b"2"
            assert ask(pool, made, "3").result(10) == b"busy"
            handler.let("1")
            reader.result(10)

    @pytest.mark.parametrize("path", ["/healthz/../api/v1/search", "/static", "/api/v1/articles/healthz", "/"])
    def test_everyone_else_does(self, handler, path):
        made = admission(handler, waiting=0)
        with made.gate.passed():
            if path.startswith("/healthz/"):  # routed as it stands, so it is no address at all
                handler.let("1")
                assert b"".join(made(environ("1", path=path), None)) == b"1"
            else:
                assert b"".join(made(environ("1", path=path), None)) == b"busy"


class Slow(io.BytesIO):
    """A body that says when it is read, and by whom."""

    def __init__(self, content, gate):
        super().__init__(content)
        self.gate, self.inside = gate, []

    def read(self, *size):
        self.inside.append(self.gate.inside)
        return super().read(*size)


class TestBodies:
    def test_a_body_is_read_before_a_place_is_taken(self, handler):
        seen = []
        made = admission(lambda environ, _: [seen.append(environ["wsgi.input"].read()) or b"ok"])
        body = Slow(b'{"seed": 1}', made.gate)
        list(made(environ("", method="POST", CONTENT_LENGTH="11", **{"wsgi.input": body}), None))
        assert (seen, body.inside) == ([b'{"seed": 1}'], [0])
        body = Slow(b"a" * (MAX_BODY + 9), made.gate)
        given = {"wsgi.input": body, "wsgi.input_terminated": True}
        list(made(environ("", method="POST", **given), None))
        assert (len(seen[1]), body.inside) == (MAX_BODY + 1, [0])

    def test_one_that_is_too_long_is_left_to_be_refused(self, handler):
        seen = []
        made = admission(lambda environ, _: [seen.append(environ["wsgi.input"]) or b"ok"])
        body = Slow(b"", made.gate)
        list(made(environ("", method="POST", CONTENT_LENGTH=str(MAX_BODY + 1), **{"wsgi.input": body}), None))
        assert (seen, body.inside) == ([body], [])

    def test_one_that_breaks_off_breaks_where_it_is_read(self):
        class Broken(io.BytesIO):
            def read(self, *_):
                raise OSError("reset by peer")

        made = admission(lambda environ, _: [environ["wsgi.input"].read()])
        given = {"CONTENT_LENGTH": "5", "wsgi.input": Broken()}
        with pytest.raises(OSError, match="reset by peer"):
            made(environ("", method="POST", **given), None)
        assert made.gate.inside == 0


HEAD = RequestHead("GET", "/api/v1/search", "q=a", "HTTP/1.1", {"host": "x", "accept": "application/json"})


class TestTurnedAway:
    """Before a thread is spent on them."""

    @pytest.fixture
    def made(self, handler):
        return admission(handler)

    def test_a_plain_request_is(self, made):
        told = b"/api/v1/search|q=a|application/json|"
        assert made.turned_away(HEAD, True) == (told + b"True", True)
        assert made.turned_away(HEAD, False) == (told + b"False", False)
        closing = HEAD._replace(headers=HEAD.headers | {"connection": "Close"})
        assert made.turned_away(closing, True) == (told + b"False", False)
        assert made.gate.refused == 3

    def test_a_connection_that_cannot_be_held_is(self, made):
        assert made.refusal() == b"/api/|||False"
        assert made.gate.refused == 1

    @pytest.mark.parametrize(
        "changed",
        [
            {"path": "/healthz"},
            {"path": "/readyz"},
            {"path": "http://x/api/v1/search"},
            {"method": "POST"},
            {"version": "HTTP/1.0"},
        ],
    )
    def test_what_is_not_plain_goes_the_usual_way(self, made, changed):
        assert made.turned_away(HEAD._replace(**changed), True) is None
        assert made.gate.refused == 0


class TestLargerBodies:
    def test_only_where_many_lines_are_taken_is_it_asked(self, handler):
        asked = []
        made = Admission(handler, Gate(1, 0, LONG), Busy(), LONG, MAX_BODY, lambda head: asked.append(head.path) or 9)
        for path in ("/api/v1/related", "/api/v1/articles:bulkx", "/healthz"):
            assert made.most(HEAD._replace(method="POST", path=path)) == MAX_BODY
        for path in ("/api/v1/articles:bulk", "/api/v1/articles%3Abulk", "/api/v1/related:batch"):
            assert made.most(HEAD._replace(method="POST", path=path)) == 9
        assert len(asked) == 3


class TestAnswers:
    @pytest.fixture
    def client(self, client_of):
        made = client_of([{"id": "bai-0", "title": "công nhân ca 0"}], max_waiting=0, threads=1)
        with made.application.extensions["admission"].gate.passed():
            yield made

    def test_a_program_gets_a_problem(self, client):
        answer = client.get("/api/v1/search?q=a", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.json["title"] == "Too many requests at once"
        assert "try again in a moment" in answer.json["detail"]

    @pytest.mark.parametrize(("query", "words"), [("", "Đang quá đông người đọc"), ("&lang=en", "Too many readers")])
    def test_a_reader_gets_a_page_in_their_language(self, client, query, words):
        answer = client.get(f"/search?q=a{query}", headers={"Accept": "text/html,*/*;q=0.8"})
        page = answer.get_data(as_text=True)
        assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "text/html", "2")
        assert words in page
        assert 'class="action" href=""' in page  # to the address at hand, which a page that is made once does not know
        assert "/?lang" not in page.replace('href="/?lang=en"', "")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")

    def test_head_has_no_body(self, client):
        answer = client.head("/search?q=a", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.get_data()) == (503, b"")

    def test_raw_and_wsgi_are_one_answer(self, client):
        busy = client.application.extensions["admission"]._busy
        raw = busy.raw("/search", "lang=en", "text/html", True)
        answer = client.get("/search?lang=en", headers={"Accept": "text/html"})
        head, _, body = raw.partition(b"\r\n\r\n")
        assert body == answer.get_data()
        first, *lines = head.decode().split("\r\n")
        assert first == "HTTP/1.1 503 SERVICE UNAVAILABLE"
        assert dict(line.split(": ", 1) for line in lines) == dict(answer.headers)
        assert busy.raw("/search", "lang=en", "text/html", False) == head + b"\r\nConnection: close\r\n\r\n" + body

    def test_the_process_lives_and_is_ready(self, client):
        assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]

    def test_one_that_stops_is_not_ready(self, client):
        client.application.extensions["admission"].stopping = True
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["detail"]) == (503, "the service is stopping")
        assert client.get("/healthz").status_code == 200
