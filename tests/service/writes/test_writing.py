"""PUT, DELETE and bulk: what is answered, and what is served afterwards by every process, however it is asked."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from indexer.building import ingest
from indexer.building.ingest import Ingester
from indexer.changes.journal import Journal
from indexer.errors import JournalError
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.options import Options
from service.security.keys import KeyStore
from service.settings import Settings
from service.writes import writing
from tests.conftest import wait_for

LINES = [
    {"id": f"a{n}", "title": f"Công đoàn tỉnh {n} chăm lo đời sống đoàn viên", "url": f"https://bao.example/a{n}.html"}
    for n in range(6)
]
PATH = "/api/v1/articles/"


class Service:
    """Some processes over one home, each with its own `Live`, and one that ingests."""

    def __init__(self, path, processes=2, **settings):
        self.home = Home(path)
        made = Settings(home=path, model="hashing", **settings)
        self.lives = [Live(path, HashingEncoder, 0.02, Options.of(made)).start() for _ in range(processes)]
        self.clients = [create_app(made, live).test_client() for live in self.lives]
        _, self.secret = KeyStore(path).create("CMS", ["ingest"])
        for client in self.clients:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.secret}"
        self.client, self.other = self.clients[0], self.clients[-1]
        self.ingester = Ingester(self.home, HashingEncoder)
        wait_for(lambda: all(live.not_ready() is None for live in self.lives) or self.home.current() is None)

    def stop(self):
        for live in self.lives:
            live.stop()

    def put(self, article, article_id=None, **fields):
        body = json.dumps(article | fields)
        return self.client.put(PATH + (article_id or article["id"]), data=body)

    def delete(self, article_id):
        return self.client.delete(PATH + article_id)

    def bulk(self, *changes):
        body = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in changes)
        response = self.client.post("/api/v1/articles:bulk", data=body)
        assert response.status_code == 200
        assert response.mimetype == "application/x-ndjson"
        return [json.loads(line) for line in response.data.splitlines()]

    def ingest(self):
        while self.ingester.step() is not None:
            pass
        place = ingest.newest(self.home)
        wait_for(lambda: all(live.searcher().archive.id == place.current() for live in self.lives))

    def found(self, query, client=None):
        response = (client or self.other).get("/api/v1/search", query_string={"q": query, "ranking": "similarity"})
        return [hit["id"] for hit in response.json["hits"]]


@pytest.fixture
def service(publish, tmp_path):
    publish(tmp_path, LINES)
    made = Service(tmp_path)
    yield made
    made.stop()


def article(article_id="b1", title="Nghiệp đoàn nghề cá trao áo phao", **fields):
    return {"id": article_id, "title": title, **fields}


class TestPut:
    def test_a_new_article_is_served_by_every_process(self, service):
        response = service.put(article(body="Thân bài", tags=["nghiệp đoàn"], more={"x": 1}))
        assert (response.status_code, response.json) == (201, {"applied": True})
        service.ingest()
        for client in service.clients:
            assert service.found("nghiệp đoàn nghề cá", client)[0] == "b1"
            stored = client.get(PATH + "b1").json
            assert (stored["body"], stored["extra"]) == ("Thân bài", {"more": {"x": 1}})
            assert client.get(PATH + "b1/related?ranking=similarity").json["total"] == 6

    def test_one_that_is_there_is_replaced(self, service):
        response = service.put(article("a1", "Tiêu đề mới"))
        assert (response.status_code, response.json) == (200, {"applied": True})
        service.ingest()
        assert service.other.get(PATH + "a1").json["title"] == "Tiêu đề mới"

    def test_an_older_one_is_not_applied(self, service):
        service.put(article(updated_at="2026-03-02"))
        response = service.put(article(title="Cũ hơn", updated_at="2026-03-01"))
        assert (response.status_code, response.json) == (200, {"applied": False})
        service.ingest()
        assert service.other.get(PATH + "b1").json["title"] == article()["title"]
        response = service.put(article(title="Cũ hơn", updated_at="2026-03-01"))
        assert (response.status_code, response.json) == (200, {"applied": False})

    def test_twice_the_same_is_once(self, service):
        for status in (201, 200):
            assert service.put(article(updated_at="2026-03-02")).status_code == status
        assert Journal(service.home.path).last() == 1

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            (b"", 400, "body"),
            (b"{", 400, "body"),
            (b"[]", 400, "body"),
            (b'"b1"', 400, "body"),
            (b"\xff", 400, "body"),
            (b'{"id": "b1", "title": NaN}', 400, "body"),
            (b"[" * 100_000, 400, "body"),
            (b'{"id": "b1"}', 400, "title"),
            (b'{"title": "x"}', 400, "id"),
            (b'{"id": "b1", "title": ""}', 400, "title"),
            (b'{"id": "b1", "title": "x", "published_at": "soon"}', 400, "published_at"),
            (b'{"id": "b1", "title": "x", "tags": "one"}', 400, "tags"),
            (b'{"id": "b1", "title": "x", "updated_at": "9999-12-30"}', 400, "updated_at"),
            (b'{"id": "b2", "title": "x"}', 422, "id"),
        ],
    )
    def test_refused(self, service, body, status, field):
        response = service.client.put(PATH + "b1", data=body)
        assert (response.status_code, response.mimetype) == (status, "application/problem+json")
        assert field in {fault["field"] for fault in response.json["errors"]}
        assert Journal(service.home.path).last() == 0

    def test_a_time_of_change_may_lie_a_day_ahead_and_no_more(self, service):
        now = datetime.now(UTC)
        soon, late = ((now + timedelta(hours=hours)).isoformat() for hours in (23, 25))
        response = service.put(article(updated_at=late))
        (fault,) = response.json["errors"]
        assert (response.status_code, fault["field"]) == (400, "updated_at")
        assert (fault["value"], fault["expected"][:11]) == (repr(late), "expected 20")
        assert service.put(article(updated_at=soon)).status_code == 201
        lines = [
            {"op": "put", "article": article("b2", updated_at=late)},
            {"op": "delete", "id": "a1", "updated_at": late},
        ]
        assert [one["status"] for one in service.bulk(*lines)] == [400, 400]
        service.ingest()
        assert service.client.get(PATH + "a1").status_code == 200

    def test_an_id_with_a_time_of_tomorrow_is_free_again_once_it_is_deleted(self, service):
        tomorrow = (datetime.now(UTC) + timedelta(hours=23)).isoformat()
        service.put(article(updated_at=tomorrow))
        service.ingest()
        assert service.put(article(title="Tít mới")).json == {"applied": False}
        assert service.delete("b1").status_code == 204
        assert service.put(article(title="Tít mới")).json == {"applied": True}
        service.ingest()
        assert service.other.get(PATH + "b1").json["title"] == "Tít mới"

    @pytest.mark.parametrize("deleted", [False, True])
    def test_an_article_of_the_year_9999_that_an_earlier_release_took(self, service, publish, monkeypatch, deleted):
        with monkeypatch.context() as patched:
            patched.setattr("indexer.building.build.without_time_ahead", lambda article, now: (article, []))
            publish(service.home.path, [*LINES, article(updated_at="9999-12-30")])
        service.ingest()
        if deleted:
            assert service.delete("b1").status_code == 204
            service.ingest()
            assert service.other.get(PATH + "b1").status_code == 404
        response = service.put(article(title="Tít mới", updated_at=None if deleted else "2026-01-01"))
        assert response.json == {"applied": True}
        service.ingest()
        assert service.other.get(PATH + "b1").json["title"] == "Tít mới"

    def test_a_long_body_belongs_into_a_bulk(self, service):
        long = article(body="x" * 200_000)
        assert service.put(long).status_code == 413
        assert [one["status"] for one in service.bulk({"op": "put", "article": long})] == [201]

    def test_an_id_that_is_percent_encoded(self, service):
        service.put(article("bài 1?#"), "b%C3%A0i%201%3F%23")
        service.ingest()
        assert service.other.get(PATH + "b%C3%A0i%201%3F%23").json["id"] == "bài 1?#"

    def test_unknown_parameters_are_refused(self, service):
        response = service.client.put(PATH + "b1?now=1", data=json.dumps(article()))
        assert (response.status_code, response.json["errors"][0]["field"]) == (400, "now")

    def test_on_an_empty_home(self, tmp_path):
        service = Service(tmp_path)
        try:
            assert service.put(article()).status_code == 201
            assert service.put(article()).status_code == 200
            assert service.delete("b1").status_code == 204
        finally:
            service.stop()

    def test_a_disk_that_refuses_is_told_and_nothing_is_acknowledged(self, service, monkeypatch):
        def refuse(*_, **__):
            raise JournalError("database or disk is full")

        monkeypatch.setattr(Journal, "write", refuse)
        response = service.put(article())
        assert (response.status_code, response.json["title"]) == (503, "Cannot write")
        assert "disk is full" in response.json["detail"]


def ways_to_meet(article_id, title):
    """Return requests whose answers may show an article."""
    query = {"q": title, "ranking": "similarity", "limit": 100}
    return [
        (PATH + article_id, {}),
        (f"{PATH}{article_id}/related", {}),
        ("/api/v1/related", {"url": f"https://bao.example/{article_id}.html"}),
        (f"/articles/{article_id}", {}),
        *(("/api/v1/search", {**query, "mode": mode}) for mode in ("hybrid", "dense", "lexical")),
        ("/api/v1/search", {"q": title, "sort": "newest"}),
        ("/api/v1/search", {"q": title, "section": "Riêng"}),
        ("/api/v1/suggest", {"q": title[:20]}),
        ("/search", {"q": title}),
        *((f"{PATH}a{n}/related", {"ranking": ranking}) for n in (0, 5) for ranking in ("relevance", "similarity")),
        (f"{PATH}a0/related", {"explain": "true", "explain_id": article_id}),
        (f"{PATH}a0/related", {"preset": "headlines", "limit": 50}),
    ]


def sightings(client, article_id, title):
    """Return the requests that show an article: as a hit, a suggestion, a link, a value that only it has."""
    met = []
    for path, query in ways_to_meet(article_id, title):
        response = client.get(path, query_string=query)
        if response.status_code != 200:
            continue
        if response.is_json:
            shown = any(value in {article_id, title, "Riêng"} for value in shown_values(response.json))
        else:
            shown = f"/articles/{article_id}" in response.get_data(as_text=True).partition("<main")[2]
        if shown or (path == f"/articles/{article_id}"):
            met.append((path, query))
    return met


def shown_values(answer, name=""):
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key not in {"query", "explain_id"}:
                yield from shown_values(value, key)
    elif isinstance(answer, list):
        for value in answer:
            yield from shown_values(value, name)
    elif name in {"id", "title", "text", "value", "section"}:
        yield answer


TITLE = "Công đoàn tỉnh Quánh Xạ chăm lo đời sống đoàn viên"
SEEN = {"id": "x9", "title": TITLE, "section": "Riêng", "url": "https://bao.example/x9.html"}


class TestDelete:
    @pytest.fixture
    def shown(self, service):
        """Have an article stand wherever one may."""
        service.put(SEEN)
        service.ingest()
        for client in service.clients:
            assert len(sightings(client, "x9", TITLE)) >= 12
        return service

    def test_gone_from_every_answer_of_every_process_before_it_returns(self, shown):
        response = shown.delete("x9")
        assert (response.status_code, response.data) == (204, b"")
        for client in (*shown.clients, *shown.clients):
            assert sightings(client, "x9", TITLE) == []
        shown.ingest()
        for client in shown.clients:
            assert sightings(client, "x9", TITLE) == []

    @pytest.mark.parametrize(
        "fields",
        [{"unpublish_at": "2026-01-01"}, {"published_at": "2999-01-01"}],
    )
    def test_an_article_that_is_unpublished_too(self, shown, fields):
        assert shown.put(SEEN | fields).status_code == 200
        for client in shown.clients:
            assert sightings(client, "x9", TITLE) == []
        shown.ingest()
        for client in shown.clients:
            assert sightings(client, "x9", TITLE) == []

    def test_a_list_that_a_cache_holds_no_longer_stands(self, shown):
        path = f"{PATH}a0/related?ranking=similarity"
        held = shown.other.get(path)
        assert "x9" in {hit["id"] for hit in held.json["hits"]}
        same = shown.other.get(path, headers={"If-None-Match": held.headers["ETag"]})
        assert same.status_code == 304
        shown.delete("x9")
        fresh = shown.other.get(path, headers={"If-None-Match": held.headers["ETag"]})
        assert (fresh.status_code, "x9" in {hit["id"] for hit in fresh.json["hits"]}) == (200, False)

    def test_absent_is_gone_as_well(self, service):
        assert service.delete("nobody").status_code == 204

    def test_it_may_be_written_again(self, shown):
        shown.delete("x9")
        assert shown.put(SEEN).status_code == 201
        shown.ingest()
        assert sightings(shown.other, "x9", TITLE)

    def test_published_when_its_time_comes_without_a_build(self, service):
        soon = datetime.now(UTC) + timedelta(seconds=3)
        service.put(SEEN | {"published_at": soon.isoformat()})
        service.ingest()
        met = sightings(service.other, "x9", TITLE)
        assert met == [] or datetime.now(UTC) >= soon
        wait_for(lambda: datetime.now(UTC) > soon)
        assert sightings(service.other, "x9", TITLE)


class TestBulk:
    def test_a_result_a_line_in_order(self, service):
        told = service.bulk(
            {"op": "put", "article": article("b1")},
            "",
            {"op": "delete", "id": "a1"},
            {"op": "put", "article": article("a2", "Khác")},
            {"op": "delete", "id": "a2", "updated_at": "2001-01-01"},
            {"op": "put", "article": article("a2", "Cũ", updated_at="2001-01-01")},
        )
        assert told == [
            {"op": "put", "id": "b1", "status": 201, "applied": True},
            {"op": "delete", "id": "a1", "status": 204, "applied": True},
            {"op": "put", "id": "a2", "status": 200, "applied": True},
            {"op": "delete", "id": "a2", "status": 204, "applied": False},
            {"op": "put", "id": "a2", "status": 200, "applied": False},
        ]
        service.ingest()
        assert service.other.get(PATH + "a2").json["title"] == "Khác"
        assert service.other.get(PATH + "a1").status_code == 404

    @pytest.mark.parametrize(
        ("line", "article_id", "field"),
        [
            ("{", None, "body"),
            ("[]", None, "body"),
            ({"op": "patch"}, None, "op"),
            ({"op": "put"}, None, "article"),
            ({"op": "put", "article": []}, None, "article"),
            ({"op": "put", "article": {"id": "b"}}, "b", "article.title"),
            ({"op": "put", "article": article("b"), "id": "b"}, None, "id"),
            ({"op": "delete"}, None, "id"),
            ({"op": "delete", "id": ""}, None, "id"),
            ({"op": "delete", "id": 7}, None, "id"),
            ({"op": "delete", "id": "b", "updated_at": "soon"}, "b", "updated_at"),
            ({"op": "delete", "id": "b", "why": "x"}, None, "why"),
        ],
    )
    def test_a_bad_line_says_so_and_holds_up_no_other(self, service, line, article_id, field):
        told = service.bulk(line, {"op": "put", "article": article()})
        assert (told[0]["status"], told[0]["applied"], told[0]["id"]) == (400, False, article_id)
        assert [fault["field"] for fault in told[0]["errors"]] == [field]
        assert (told[1]["status"], told[1]["id"]) == (201, "b1")

    def test_more_lines_than_one_transaction_takes(self, service):
        told = service.bulk(*({"op": "put", "article": article(f"b{n}", f"Tin {n}")} for n in range(450)))
        assert [one["status"] for one in told] == [201] * 450
        assert Journal(service.home.path).last() == 450

    def test_a_large_one_is_served_after_what_is_written_later(self, service):
        lines = [{"op": "put", "article": article(f"b{n}", f"Tin {n}")} for n in range(writing.PROMPT + 1)]
        service.bulk(*lines)
        service.put(article("c1"))
        service.bulk(*({"op": "put", "article": article(f"d{n}", f"Tin {n}")} for n in range(writing.PROMPT)))
        journal = Journal(service.home.path)
        first = [change.id for change in journal.take(0, 200)]
        assert first == ["c1", *(f"d{n}" for n in range(writing.PROMPT))]
        assert [change.id for change in journal.take(0)][len(first) :] == [f"b{n}" for n in range(writing.PROMPT + 1)]

    def test_one_of_twenty_thousand_takes_memory_for_a_portion_of_its_lines(self, service):
        """Beside its own body; what Python holds of each line is let go of."""
        line = json.dumps({"op": "put", "article": article("b1", "Tin", body="Thân bài " * 40)}).encode()
        body = b"\n".join([line.replace(b"b1", b"b%d" % n) for n in range(20_000)])
        live = service.client.application.extensions["lienquan"]
        tracemalloc.start()
        try:
            answered = sum(len(told) > 0 for told in writing.bulk(live, body))
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert answered == 20_000
        assert most < len(body) / 4


class TestTakenDown:
    def test_it_does_not_come_back_by_the_api(self, service):
        journal = Journal(service.home.path)
        journal.take_down("a1", "Lan", "đơn của đương sự", [], [])
        assert service.other.get(PATH + "a1").status_code == 404
        response = service.put(article("a1"))
        assert (response.status_code, response.json["title"]) == (409, "Taken down")
        assert [one["status"] for one in service.bulk({"op": "put", "article": article("a1")})] == [409]
        assert service.delete("a1").status_code == 204
        journal.lift("a1", "Lan")
        assert service.put(article("a1")).status_code == 201


class TestRollback:
    def test_what_the_api_wrote_outlives_a_rollback(self, service, publish, tmp_path):
        first = service.home.current()
        publish(tmp_path, [*LINES, article("c1", "Bản tin khác")])
        service.put(article())
        service.delete("a1")
        service.ingest()
        service.home.rollback(first)
        service.ingest()
        assert service.found("nghiệp đoàn nghề cá")[0] == "b1"
        assert service.other.get(PATH + "a1").status_code == 404
        assert service.other.get(PATH + "c1").status_code == 404
