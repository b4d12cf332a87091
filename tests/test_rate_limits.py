"""How often one address may ask, who counts as one behind proxies, and where it is counted."""

import time
from typing import ClassVar

import pytest
from limits.storage import MemoryStorage
from pydantic import ValidationError

from service.settings import Settings
from service.wording.strings import Strings

VI = Strings.in_language("vi")

LINES = [{"id": "a", "title": "Lò gốm đỏ lửa"}]
SEARCH = "/api/v1/search?q=gốm"


def ask(client, path=SEARCH, peer="203.0.113.1", **headers):
    return client.get(path, headers=headers, environ_base={"REMOTE_ADDR": peer})


def test_off_until_it_is_set(client_of):
    client = client_of(LINES)
    assert {ask(client).status_code for _ in range(50)} == {200}
    assert "limiter" not in client.application.extensions


class TestLimited:
    @pytest.fixture
    def client(self, client_of):
        return client_of(LINES, rate_limit="3/hour", cors_origins=["https://bao.example"])

    def test_one_more_is_refused_and_told_when_to_come_back(self, client):
        assert [ask(client, path).status_code for path in (SEARCH, "/", "/api/v1/articles/a")] == [200] * 3
        refused = ask(client)
        assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
        assert 1 <= int(refused.headers["Retry-After"]) <= 3600
        assert refused.headers["Cache-Control"] == "no-store"
        (error,) = refused.json["errors"]
        assert error == {"field": "requests", "value": "one more", "expected": "expected at most 3 per 1 hour"}
        assert refused.json["title"] == "Too many requests"
        operation = client.get("/api/v1/openapi.json").json["paths"]["/api/v1/search"]["get"]
        assert "429" in operation["responses"]

    def test_others_are_not(self, client):
        for _ in range(4):
            ask(client)
        assert ask(client).status_code == 429
        assert ask(client, peer="203.0.113.2").status_code == 200

    def test_a_page_says_so_in_words(self, client):
        for _ in range(3):
            ask(client, "/")
        page = ask(client, "/", Accept="text/html")
        assert (page.status_code, page.mimetype) == (429, "text/html")
        assert VI.errors[429][0] in page.text
        assert "Retry-After" in page.headers

    def test_a_site_that_may_read_can_read_that_too(self, client):
        answers = [ask(client, Origin="https://bao.example") for _ in range(4)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["Access-Control-Allow-Origin"] == "https://bao.example"

    def test_who_watches_over_it_may_go_on(self, client):
        for path in ("/healthz", "/readyz", "/static/0/style.css"):
            for _ in range(5):
                with ask(client, path) as answer:
                    assert answer.status_code == 200

    def test_bodies_are_not_read_before(self, client):
        for _ in range(3):
            ask(client)
        sent = client.post("/api/v1/related", data=b"x" * 300_000, environ_base={"REMOTE_ADDR": "203.0.113.1"})
        assert sent.status_code == 429  # not 413

    def test_ipv6_counts_by_network(self, client):
        for at in range(3):
            ask(client, peer=f"2001:db8:1:2::{at}")
        assert ask(client, peer="2001:db8:1:2:ffff::9").status_code == 429
        assert ask(client, peer="2001:db8:1:3::9").status_code == 200

    def test_a_header_makes_nobody_another(self, client):
        for at in range(3):
            ask(client, **{"X-Forwarded-For": f"198.51.100.{at}", "X-Real-IP": f"198.51.100.{at}"})
        assert ask(client, **{"X-Forwarded-For": "198.51.100.9"}).status_code == 429


def test_after_the_time_that_was_told_one_may_again(client_of):
    client = client_of(LINES, rate_limit="2/second")
    refused = next(answer for answer in (ask(client) for _ in range(50)) if answer.status_code == 429)
    time.sleep(int(refused.headers["Retry-After"]))
    assert ask(client).status_code == 200


class TestBehindProxies:
    def test_readers_count_one_by_one(self, client_of):
        client = client_of(LINES, rate_limit="2/hour", trusted_hops=1)
        for reader in ("198.51.100.1", "198.51.100.2"):
            answers = [ask(client, peer="10.0.0.1", **{"X-Forwarded-For": reader}).status_code for _ in range(3)]
            assert answers == [200, 200, 429]

    def test_what_a_reader_says_of_itself_does_not_count(self, client_of):
        client = client_of(LINES, rate_limit="2/hour", trusted_hops=1)
        said = [f"198.51.100.{at}, 203.0.113.7" for at in range(3)]  # the last is the proxy's word
        assert [ask(client, **{"X-Forwarded-For": one}).status_code for one in said] == [200, 200, 429]

    def test_as_many_as_are_set(self, client_of):
        client = client_of(LINES, rate_limit="2/hour", trusted_hops=2)
        said = [f"198.51.100.{at}, 203.0.113.7, 10.0.0.{at}" for at in range(3)]
        assert [ask(client, **{"X-Forwarded-For": one}).status_code for one in said] == [200, 200, 429]


class Shared(MemoryStorage):
    """Counts for every service of this process, as a server would for every worker."""

    STORAGE_SCHEME: ClassVar = ["shared"]
    one: ClassVar = MemoryStorage()
    dead: ClassVar = False

    def __init__(self, uri, wrap_exceptions=False, **_):
        super().__init__(uri, wrap_exceptions)

    def incr(self, *args, **named):
        if self.dead:
            raise ConnectionError("nobody answers")
        return self.one.incr(*args, **named)

    def check(self):
        return not self.dead


class TestStorage:
    def test_workers_count_apart_by_default(self, client_of):
        one, two = (client_of(LINES, rate_limit="2/hour") for _ in range(2))
        assert [ask(c).status_code for c in (one, one, two, two, one)] == [200, 200, 200, 200, 429]

    def test_and_together_where_it_is_shared(self, client_of):
        one, two = (client_of(LINES, rate_limit="2/hour", rate_limit_storage="shared://") for _ in range(2))
        assert [ask(c).status_code for c in (one, two, one, two)] == [200, 200, 429, 429]

    def test_where_it_does_not_answer_each_counts_alone(self, client_of, monkeypatch):
        monkeypatch.setattr(Shared, "dead", True)
        client = client_of(LINES, rate_limit="2/hour", rate_limit_storage="shared://")
        assert [ask(client, peer="203.0.113.50").status_code for _ in range(3)] == [200, 200, 429]

    @pytest.mark.parametrize("storage", ["nothing://", "redis", ""])
    def test_one_that_is_none_stops_the_start(self, storage):
        with pytest.raises(ValidationError, match=f"expected memory:// or redis://HOST:PORT/NUMBER, found '{storage}'"):
            Settings(rate_limit_storage=storage)

    @pytest.mark.parametrize("rates", ["", "often", "3", "3/fortnight", "-1/hour", "60/minute;x"])
    def test_a_rate_that_is_none_stops_the_start(self, rates):
        with pytest.raises(ValidationError, match="expected rates such as 60/minute;2000/hour"):
            Settings(rate_limit=rates)
