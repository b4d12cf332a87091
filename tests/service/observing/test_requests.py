"""What every request has: an id in its answer and its log line, whatever becomes of it, and nothing personal."""

import json
import logging
import re

import pytest

from service.observing.logs import JsonFormatter

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(3)]


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES)


@pytest.fixture
def heard(caplog):
    caplog.set_level(logging.INFO, "service.access")
    return lambda: [record.fields for record in caplog.records if record.name == "service.access"]


class TestId:
    @pytest.mark.parametrize("path", ["/", "/search?q=ca", "/api/v1/search?q=ca", "/nowhere", "/static/style.css"])
    def test_it_is_given_back(self, client, path):
        given = client.get(path, headers={"X-Request-Id": "bao-1.2"}, buffered=True)
        assert given.headers["X-Request-Id"] == "bao-1.2"
        assert re.fullmatch("[0-9a-f]{16}", client.get(path, buffered=True).headers["X-Request-Id"])

    @pytest.mark.parametrize("given", ["a b", "<script>", "x" * 65, "đ"])
    def test_one_that_is_not_sane_is_not(self, client, given):
        sent = {"X-Request-Id": given.encode().decode("latin-1")}
        found = client.get("/healthz", headers=sent).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{16}", found)

    def test_no_request_has_that_of_the_one_before(self, client):
        assert len({client.get("/healthz").headers["X-Request-Id"] for _ in range(20)}) == 20


class TestLog:
    @pytest.mark.parametrize(
        ("method", "path", "template", "status"),
        [
            ("GET", "/api/v1/articles/bai-1/related?limit=2", "/api/v1/articles/<string:article_id>/related", 200),
            ("GET", "/api/v1/articles/khong-co", "/api/v1/articles/<string:article_id>", 404),
            ("GET", "/api/v1/search?q=ca&limit=x", "/api/v1/search", 400),
            ("GET", "/khong/co", "none", 404),
            ("DELETE", "/api/v1/search", "none", 405),
            ("GET", "/articles/bai-1", "/articles/<string:article_id>", 200),
        ],
    )
    def test_a_line_has_the_template_and_never_what_was_asked(self, client, heard, method, path, template, status):
        client.open(path, method=method)
        (line,) = heard()
        assert (line["method"], line["path"], line["status"]) == (method, template, status)
        assert line["ms"] >= 0
        assert set(line) == {"request_id", "method", "path", "status", "ms"}

    def test_a_body_is_in_none(self, client, heard, caplog):
        caplog.set_level(logging.DEBUG)
        draft = {"seed": {"article": {"title": "banthaobimat"}}}
        client.post("/api/v1/related", data=json.dumps(draft), content_type="application/json")
        client.post("/api/v1/related", data=json.dumps(draft)[:-3], content_type="application/json")
        assert [line["status"] for line in heard()] == [200, 400]
        assert "banthaobimat" not in caplog.text

    def test_a_stream_is_logged_once_it_has_been_sent(self, client, heard):
        answer = client.post("/api/v1/related:batch", data='{"id": "bai-1"}\n{"id": "bai-2"}')
        assert heard() == []
        answer.close()
        (line,) = heard()
        assert (line["path"], line["status"]) == ("/api/v1/related:batch", 200)
        assert line["request_id"] == answer.headers["X-Request-Id"]

    def test_a_failure_is_logged_under_the_same_id(self, client, caplog, monkeypatch):
        live = client.application.extensions["lienquan"]

        caplog.handler.setFormatter(JsonFormatter())

        def fail():
            raise RuntimeError("đĩa hỏng")

        monkeypatch.setattr(live, "searcher", fail)
        answer = client.get("/api/v1/search?q=ca", headers={"X-Request-Id": "r-9"})
        assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "r-9")
        (line,) = [json.loads(line) for line in caplog.text.splitlines() if "a request failed" in line]
        assert (line["message"], line["request_id"]) == ("a request failed: RuntimeError", "r-9")
        assert "đĩa hỏng" in line["exception"]
