"""schemathesis over the whole OpenAPI document: every operation, writes among them, and all checks that it has.

Requests that the document allows, and such as it does not, are made up and sent to the application over HTTP; what
comes back is held against the document. Articles that were written are served before the answer is sent, so
that what is put can be read, related, deleted and then is gone, in requests that follow from each other.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment

import schemathesis
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis import engine
from schemathesis.engine import events
from werkzeug.serving import WSGIRequestHandler, make_server

from indexer.articles.article import is_ahead, parse_time
from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service.answers import openapi
from service.schemas import MAX_WINDOW
from tests.service.writes.test_writing import Service

SAMPLE = Path(__file__).parents[2] / "indexer" / "sample" / "articles.jsonl"
BULK = "/api/v1/articles:bulk"
REFUSED = [str(status) for status in openapi.REFUSALS]
"""With which statuses what the document does not allow may be refused; a list that is too long makes a long line."""
LONG = "related|search"
"""Where the operations lie that have dozens of parameters."""
_OF_NO_ARTICLE = {"limit", "offset", "sort", "mode", "literal", "min_relevance", "ranking"}
"""Parameters of a search that say nothing of what is searched for: without any other it is refused."""
CHECKS = {
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "missing_required_header"),
    *("ignored_auth", "use_after_free", "ensure_resource_availability", "unsupported_method"),
}
"""Those that have to have been made; whatever else schemathesis has is made as well."""


@dataclass
class Found:
    """What came of it.

    :param requests: How many were sent.
    :param statuses: How often each operation was answered how.
    :param checks: How often each check was made.
    :param wrong: What is not as the document says, with a command that asks for it again.
    """

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        operations = {name.rsplit(" ", 1)[0] for name in self.statuses}
        return f"{self.requests:,} requests of {len(operations)} operations, {self.checks.total():,} checks"


class Settled:
    """The application; answers to writes once what was written is served."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._app = service.client.application
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._app(environ, start_response)
        content = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        if environ["REQUEST_METHOD"] == "PUT" or environ["PATH_INFO"] == BULK:
            with self._lock:
                self._service.ingest()
        return [content]


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


@contextmanager
def served(home: Path, articles: int) -> Iterator[tuple[str, Service]]:
    """Serve the application over a part of the sample archive; yield its address, and what is behind it."""
    source = home.with_suffix(".jsonl")
    source.write_text("".join(SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)[:articles]), "utf-8")
    build(Home(home), [str(source)], HashingEncoder, BuildOptions())
    service = Service(home, processes=1)
    server = make_server("127.0.0.1", 0, Settled(service), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        service.stop()


def run(directory: Path, requests: int, seed: int, examples: int = 150, brief: bool = False) -> Found:
    """Send at least so many requests, in rounds that each go over all operations, and return what was found.

    :param examples: How many are made up for each operation in a round.
    :param brief: Whether to leave out what goes through the bounds of parameters one by one, where there are dozens.
    """
    found = Found()
    with served(directory / "home", 40) as (address, service):
        while found.requests < requests and len(found.wrong) < 20:
            _round(address, service.secret, seed, examples, brief, found)
            seed += 1
    found.wrong += [f"{name}: never checked" for name in CHECKS - set(found.checks)]
    return found


def _round(address: str, key: str, seed: int, examples: int, brief: bool, found: Found) -> None:
    briefly = {"include-path-regex": LONG, "phases": {"coverage": {"enabled": False}}}
    config = schemathesis.Config.from_dict(
        {
            "base-url": address,
            "seed": seed,
            "generation": {"deterministic": brief, "max-examples": examples, "no-shrink": True, "database": "none"},
            "auth": {"openapi": {"key": {"bearer": key}}},
            "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
            "phases": {"stateful": {"max-steps": 8}},
            "output": {"sanitization": {"enabled": False}},
            # Each line of a bulk is answered by itself: `lines_are_judged` looks at them.
            "operations": [
                {"include-path": BULK, "checks": {"negative_data_rejection": {"enabled": False}}},
                *([briefly] if brief else []),
            ],
        }
    )
    # Read from its address, the document would leave that out.
    schema = schemathesis.openapi.from_dict(_document(), config=config)
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(event, found)
        elif isinstance(event, events.NonFatalError):
            found.wrong.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            found.wrong.append(repr(event.exception))


def _document() -> dict[str, Any]:
    """Return the document with what a schema cannot say of `updated_at`: a day from now it ends."""
    document = openapi.document()
    for part in document["components"]["schemas"].values():
        if (updated := part.get("properties", {}).get("updated_at")) is not None:
            for one in updated["anyOf"]:
                if one.get("format") in ("date", "date-time"):
                    one["format"] = f"past-{one['format']}"
    return document


def _count(event: events.ScenarioFinished, found: Found) -> None:
    for name, interaction in event.recorder.interactions.items():
        found.requests += 1
        if interaction.response is not None:
            label = event.recorder.cases[name].value.operation.label
            found.statuses[f"{label} {interaction.response.status_code}"] += 1
    for checks in event.recorder.checks.values():
        for check in checks:
            found.checks[check.name] += 1
            if (info := check.failure_info) is not None:
                failure = info.failure
                found.wrong.append(f"{event.phase.value}: {failure.title}: {failure.message}\n{info.code_sample}")


@schemathesis.serializer("application/x-ndjson")
def _written_lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


@schemathesis.deserializer("application/x-ndjson")
def _read_lines(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> list[Any]:
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Say what a schema cannot: an article has the id of its address; how far one may page; what a search needs."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.method == "PUT" and isinstance(case.body, dict):
        case.body["id"] = unquote(case.path_parameters["id"])
    if case.path == "/api/v1/search" and case.query.get("sort") != "newest":
        # An empty list leaves nothing in the address.
        asked = {name for name, value in case.query.items() if value not in ([], None)}
        if not asked - _OF_NO_ARTICLE:
            case.query["q"] = "công nhân"
    if case.path == "/api/v1/search" and "offset" in case.query:
        case.query["offset"] = min(int(case.query["offset"]), MAX_WINDOW - int(case.query.get("limit", 10)))


_YEARS = st.datetimes(datetime(1000, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))
schemathesis.openapi.format("date-time", _YEARS.map(datetime.isoformat))
schemathesis.openapi.format("date", _YEARS.map(lambda moment: moment.date().isoformat()))
_PAST = st.datetimes(datetime(1000, 1, 1), datetime(2020, 12, 31), timezones=st.just(UTC))
schemathesis.openapi.format("past-date-time", _PAST.map(datetime.isoformat))
schemathesis.openapi.format("past-date", _PAST.map(lambda moment: moment.date().isoformat()))
schemathesis.openapi.format("html", st.text("ab<&>", max_size=9).map(lambda text: f"<p>công nhân</p>{text}"))


_FORMATS = FormatChecker()


def _is_past(kind: str, text: object) -> bool:
    if not isinstance(text, str):
        return True
    return _FORMATS.conforms(text, kind) and not is_ahead(parse_time(text), datetime.now(UTC))


_FORMATS.checks("past-date-time")(partial(_is_past, "date-time"))
_FORMATS.checks("past-date")(partial(_is_past, "date"))


@schemathesis.check
def lines_are_judged(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """Check that of a bulk each line is answered, and taken only if it is as the document says."""
    sent = response.request.body
    if (response.request.method, case.path, response.status_code) != ("POST", BULK, 200) or sent is None:
        return None
    lines = [line for line in (sent.encode() if isinstance(sent, str) else sent).split(b"\n") if line.strip()]
    told = [json.loads(line) for line in response.content.splitlines()]
    assert len(told) == len(lines)
    one = Draft202012Validator(
        {"$ref": "#/components/schemas/BulkLine", "components": _document()["components"]}, format_checker=_FORMATS
    )
    for line, answer in zip(lines, told, strict=True):
        as_said = one.is_valid(json.loads(line))
        assert (answer["status"] < 400 or answer["status"] == 409) == as_said, f"{line!r}: {answer}"
        assert bool(answer.get("errors")) == (answer["status"] == 400)
    return None
