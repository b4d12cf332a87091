"""The log of a service: its two forms, what a line of a request has, and what is in none."""

import json
import logging
import sys
from types import SimpleNamespace

import pytest

from service.observing import logs, tracing


@pytest.fixture
def stream(capsys):
    """What is logged, while loggers are as a program would have them; put back afterwards."""
    root, floor = logging.getLogger(), logging.getLogger("service")
    handlers, level = list(root.handlers), floor.level
    floor.setLevel(logging.INFO)
    yield SimpleNamespace(getvalue=lambda: capsys.readouterr().err)
    root.handlers[:] = handlers
    floor.setLevel(level)
    tracing.end()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestForms:
    def test_json_has_a_line_for_each_record_whatever_is_in_it(self, stream):
        logs.configure("json")
        log = logging.getLogger("service.somewhere")
        log.info("bài %s\nmới", "viết")
        try:
            raise ValueError("hỏng")
        except ValueError:
            log.exception("failed")
        first, second = lines(stream)
        assert (first["level"], first["logger"], first["message"]) == ("INFO", "service.somewhere", "bài viết\nmới")
        assert first["time"].endswith("+00:00")
        assert "request_id" not in first
        assert second["exception"].startswith("Traceback")
        assert second["exception"].endswith("ValueError: hỏng")

    def test_what_is_logged_while_a_request_is_answered_has_its_id(self, stream):
        logs.configure("json")
        tracing.begin("abc")
        logging.getLogger("service.x").warning("slow disk")
        assert lines(stream)[0]["request_id"] == "abc"

    @pytest.mark.parametrize("form", ["json", "text"])
    def test_while_a_request_is_answered_no_exception_says_what_it_says(self, stream, form):
        logs.configure(form)
        tracing.begin("abc")
        draft = "-".join(["ban", "thao"])
        try:
            try:
                raise KeyError(draft)
            except KeyError as error:
                raise ValueError(f"q: {draft!r}") from error
        except ValueError:
            logging.getLogger("service.x").exception("failed")
        told = stream.getvalue()
        assert "ban-thao" not in told
        assert told.index("builtins.KeyError") < told.index("led to") < told.index("builtins.ValueError")
        assert told.count("test_logs.py") == 2

    def test_an_exception_that_is_behind_itself_ends(self):
        error = ValueError("x")
        error.__cause__ = other = KeyError("y")
        other.__cause__ = error
        assert logs.stack(error).count("Traceback") == 2

    def test_text_is_for_people(self, stream):
        logs.configure("text")
        logging.getLogger("service.x").warning("slow disk")
        assert stream.getvalue().endswith(" WARNING service.x: slow disk\n")

    @pytest.mark.parametrize(
        ("form", "terminal", "expected"),
        [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)],
    )
    def test_auto_is_text_on_a_terminal(self, monkeypatch, form, terminal, expected):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        assert logs.is_json(form) is expected


class TestRequests:
    def test_a_line_of_a_request(self, stream):
        logs.configure("json")
        logs.served("abc", "GET", "/api/v1/articles/<string:article_id>", 404, 0.0123456)
        (line,) = lines(stream)
        wanted = {"method": "GET", "path": "/api/v1/articles/<string:article_id>", "status": 404, "ms": 12.35}
        assert {name: line[name] for name in wanted} == wanted
        assert (line["request_id"], line["logger"]) == ("abc", "service.access")

    def test_machines_that_ask_all_the_time_are_passed_over_while_all_is_well(self, stream):
        logs.configure("json")
        for template in ("/healthz", "/readyz", "/metrics"):
            logs.served("abc", "GET", template, 200, 0.001)
        logs.served("abc", "GET", "/readyz", 503, 0.001)
        assert [line["status"] for line in lines(stream)] == [503]

    def test_it_can_be_switched_off(self, stream, monkeypatch):
        logs.configure("json")
        access = logging.getLogger("service.access")
        monkeypatch.setattr(access, "level", logging.WARNING)
        access.manager._clear_cache()
        logs.served("abc", "GET", "/", 200, 0.001)
        assert stream.getvalue() == ""
        monkeypatch.undo()
        access.manager._clear_cache()
