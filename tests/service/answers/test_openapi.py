"""The OpenAPI document and its page: every operation, every answer it may have, examples that work."""

import json
import re
import shutil
import subprocess
import threading
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import html
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.serving import make_server

from indexer.articles.article import ID_SCHEMA, id_fault
from indexer.changes.journal import Journal
from indexer.errors import JournalError
from indexer.text.folding import SEEN, clean
from service import schemas
from service.answers import openapi
from service.answers.endpoints import LINES, endpoints_of
from service.app import create_app
from service.security.keys import FILE, KeyStore
from service.serving.batching import ALTOGETHER
from service.serving.budget import Caller
from tests.service.writes.test_writing import Service
from tests.test_structure import ROOT

SAMPLE = [json.loads(line) for line in (ROOT / "indexer" / "sample" / "articles.jsonl").read_text("utf-8").splitlines()]
DOCUMENT = openapi.document()
ENDPOINTS = endpoints_of()
OPERATIONS = {(one.method, one.path): one for one in ENDPOINTS}
NAMES = [f"{method} {path}" for method, path in OPERATIONS]
CLICKS = "/api/v1/clicks"
BY_SERVER = 414
"""What gunicorn answers before the application is asked: see test_serve."""


def validator(schema):
    """Return what checks a value against a schema of the document, formats too."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def service(publish, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    publish(home, SAMPLE)
    made = Service(home, processes=1, metrics="on")
    yield made
    made.stop()


@pytest.fixture
def client(service):
    return service.client


@pytest.fixture(scope="module")
def counting(service):
    """Return a client of the same service where clicks are counted."""
    settings = service.client.application.config["SETTINGS"].model_copy(update={"clicks": True})
    client = create_app(settings, service.lives[0]).test_client()
    client.environ_base = service.client.environ_base
    return client


class TestDocument:
    def test_it_is_one(self):
        assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []

    def test_it_covers_exactly_the_routes(self, client):
        rules = client.application.url_map.iter_rules()
        routes = {
            (method.lower(), rule.rule.replace("<string:article_id>", "{id}"))
            for rule in rules
            if rule.endpoint.startswith("api.")
            for method in rule.methods - {"HEAD", "OPTIONS"}
        }
        assert {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods} == routes

    def test_operations_have_names_that_a_program_can_call_them_by(self):
        names = [one["operationId"] for methods in DOCUMENT["paths"].values() for one in methods.values()]
        assert len(set(names)) == len(names)
        assert all(name.isidentifier() for name in names)

    def test_all_is_said_in_words(self):
        for (method, path), one in OPERATIONS.items():
            operation = DOCUMENT["paths"][path][method]
            assert operation["summary"]
            assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
            described = [p for p in operation["parameters"] if p["name"] != "lang"]
            assert [p["name"] for p in described if not p.get("description")] == [], one.name
            assert one.examples

    @pytest.mark.parametrize("name", NAMES)
    def test_parameters_are_those_that_are_accepted(self, client, counting, name):
        method, path = name.split()
        one = OPERATIONS[method, path]
        client = counting if path == CLICKS else client
        if one.params is None:
            return
        answer = client.open(f"{path.replace('{id}', 'b9')}?no_such=1", method=method.upper(), data="{}")
        assert answer.status_code == 400
        expected = answer.json["errors"][0]["expected"].removeprefix("unknown: expected ")
        accepted = set() if expected == "no parameters" else set(expected.split(" or "))
        parameters = DOCUMENT["paths"][path][method]["parameters"]
        assert {one["name"] for one in parameters if one["in"] == "query"} == accepted
        assert ["id" in one["name"] for one in parameters if one["in"] == "path"] == [True] * ("{id}" in path)

    def test_which_parameters_must_be_and_which_may_come_twice(self, client):
        for one in ENDPOINTS:
            if one.method != "get" or one.params is None:
                continue
            example = one.examples[0]
            path = one.path.replace("{id}", example.article_id or "")
            for parameter in DOCUMENT["paths"][one.path]["get"]["parameters"]:
                if parameter["in"] != "query":
                    continue
                name, schema = parameter["name"], parameter["schema"]
                without = {key: value for key, value in example.query.items() if key != name}
                refused = client.get(path, query_string=without).status_code == 400
                if (one.path, name) != ("/api/v1/search", "q"):  # needed unless there is a filter, or sort=newest
                    assert refused == parameter["required"], (one.name, name)
                of = schema.get("items", schema)
                value = str(example.query.get(name) or of.get("enum", [schema.get("default", "2024-01-01")])[0])
                value = "5" if of.get("type") in {"integer", "number"} else value
                value = "true" if of.get("type") == "boolean" else value
                twice = client.get(path, query_string=[*without.items(), (name, value), (name, value)])
                assert (twice.status_code == 400) == (schema.get("type") != "array"), (one.name, name, twice.text)

    def test_which_key_is_needed(self):
        secured = {
            (method, path): one["security"]
            for path, methods in DOCUMENT["paths"].items()
            for method, one in methods.items()
            if "security" in one
        }
        one, many = "/api/v1/articles/{id}", "/api/v1/articles:bulk"
        assert secured == {key: [{"key": ["ingest"]}] for key in [("put", one), ("delete", one), ("post", many)]}
        assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"

    def test_fields_of_a_body_are_those_of_the_models(self):
        described = DOCUMENT["components"]["schemas"]
        for model in (schemas.RelatedBody, schemas.Seed, schemas.Draft, schemas.FilterFields, schemas.BatchLine):
            assert set(described[model.__name__]["properties"]) == set(model.model_fields)
            assert described[model.__name__]["additionalProperties"] is False
        assert set(described["ArchiveLine"]["properties"]) == set(described["Article"]["properties"])
        assert set(described["Article"]["required"]) == set(described["Article"]["properties"])

    def test_examples_are_as_the_schemas_say(self):
        for one in ENDPOINTS:
            operation = DOCUMENT["paths"][one.path][one.method]
            for parameter in operation["parameters"]:
                if "example" in parameter:
                    validator(parameter["schema"]).validate(parameter["example"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for example in content["examples"].values():
                    validator(content["schema"]).validate(example["value"])
        for response in DOCUMENT["components"]["responses"].values():
            for content in response["content"].values():
                if "example" in content:
                    validator(content["schema"]).validate(content["example"])

    @given(st.text(st.characters(codec="utf-8")) | st.text(" \t\n\x00\x1c\x85\xa0\u2003\u200b\u2028\u3000\ufeff/.a"))
    def test_patterns_say_what_is_checked(self, text):
        assert bool(re.search(SEEN, text)) == bool(clean(text))
        if "\n" not in text:  # where Python's `$` and JSON Schema's differ
            assert Draft202012Validator(ID_SCHEMA).is_valid(text) == (id_fault(text) is None)


def ask(client, one, **more):
    """Return the answer to an operation's first example, with a key where it needs one."""
    example = one.examples[0]
    lines = example.body if one.body_media == LINES else [example.body]
    given = {
        "method": one.method.upper(),
        "query_string": dict(example.query),
        "data": b"" if example.body is None else "\n".join(map(json.dumps, lines)),
        "buffered": True,
        "path": one.path.replace("{id}", quote(example.article_id or "", safe="")),
    }
    return client.open(**given | more)


def count(client, one):
    """Return the answer to what a page tells of a list that it was given."""
    found = client.get(f"/api/v1/articles/{SAMPLE[0]['id']}/related").json
    return ask(client, one, data=json.dumps({"events": [{"list": found["list"], "shown": [1], "clicked": 1}]}))


def packed(client, one):
    return ask(client, one, headers={"Content-Encoding": "gzip"})


def crowded(client, one):
    """Return the answer where nobody more is let in, or where nothing can be written."""
    admission = client.application.extensions["admission"]
    gates = (admission.gate, admission.heavy)
    held = [(gate.working, gate.waiting) for gate in gates], Journal.write, admission.stopping

    def refuse(*_, **__):
        raise JournalError("database or disk is full")

    for gate in gates:
        gate.working = gate.waiting = 0
    Journal.write = refuse
    client.application.extensions["admission"].stopping = True
    busy, batches = one.path.endswith(":batch"), admission.batches
    others = [Caller(str(at), True) for at in range(ALTOGETHER)] if busy else []
    assert all(map(batches.begin, others))
    try:
        return ask(client, one)
    finally:
        for other in others:
            batches.end(other)
        places, Journal.write, admission.stopping = held
        for gate, (working, waiting) in zip(gates, places, strict=True):
            gate.working, gate.waiting = working, waiting


def without(article_id):
    """Return what asks for an article that is not there, by whatever names it."""

    def send(client, one):
        if one.path == CLICKS:
            counted = client.application.extensions.pop("clicks")
            try:
                return ask(client, one)
            finally:
                client.application.extensions["clicks"] = counted
        if one.path == "/metrics":
            settings = client.application.config["SETTINGS"]
            client.application.config["SETTINGS"] = settings.model_copy(update={"metrics": "off"})
            try:
                return ask(client, one)
            finally:
                client.application.config["SETTINGS"] = settings
        if one.body is not None and not one.by_id:
            return ask(client, one, data=json.dumps({"seed": {"ids": [article_id]}}))
        if one.path == "/api/v1/related":
            return ask(client, one, query_string={"url": article_id})
        return ask(client, one, path=one.path.replace("{id}", quote(article_id, safe="")))

    return send


def from_elsewhere(client, one):
    if one.path != "/metrics":
        return ask(client, one, headers={"Origin": "https://xau.example"})
    settings = client.application.config["SETTINGS"]
    client.application.config["SETTINGS"] = settings.model_copy(update={"metrics": "loopback"})
    try:
        return ask(client, one, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    finally:
        client.application.config["SETTINGS"] = settings


def too_long(client, one):
    return ask(
        client, one, data=b"x" * {"articles:bulk": 32_000_001, "related:batch": 8_000_001}.get(one.path[8:], 200_001)
    )


def taken_down(client, one):
    journal = Journal(client.application.config["SETTINGS"].home)
    journal.take_down("b1", "Lan", "x", [], [])
    try:
        return ask(client, one)
    finally:
        journal.lift("b1", "Lan")


def held(client, one):
    for _ in range(2):  # every five minutes the articles of a list are older
        answer = ask(client, one, headers={"If-None-Match": ask(client, one).headers["ETag"]})
        if answer.status_code == 304:
            break
    return answer


WAYS = {
    200: lambda client, one: (ask(client, one), ask(client, one))[1],
    201: lambda client, one: (client.delete("/api/v1/articles/b1"), ask(client, one))[1],
    204: lambda client, one: count(client, one) if one.path == CLICKS else ask(client, one),
    304: held,
    400: lambda client, one: ask(client, one, query_string={"no_such": "1"}),
    401: lambda client, one: ask(client, one, headers={"Authorization": "Bearer x"}),
    403: from_elsewhere,
    404: without("a/b"),
    405: lambda client, one: ask(client, one, method="PATCH"),
    409: taken_down,
    413: too_long,
    415: packed,
    422: lambda client, one: ask(client, one, path="/api/v1/articles/b2"),
    503: crowded,
}


class TestAnswers:
    """Every answer of every operation that the document tells of is had, and is as it says."""

    @pytest.mark.parametrize(
        ("one", "status"),
        [
            (one, int(status))
            for one in ENDPOINTS
            for status in DOCUMENT["paths"][one.path][one.method]["responses"]
            if int(status) not in {BY_SERVER, 429}
        ],
        ids=lambda value: value.name if hasattr(value, "name") else str(value),
    )
    def test_each(self, client, counting, one, status):
        check(one, WAYS[status](counting if one.path == CLICKS else client, one), status)

    @pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.name)
    def test_limits(self, service, one):
        settings = service.client.application.config["SETTINGS"].model_copy(update={"rate_limit": "1/hour"})
        client = create_app(settings, service.lives[0]).test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {service.secret}"
        ask(client, one)
        again = ask(client, one)
        assert (again.status_code == 429) == (429 in openapi.refusals(one))
        if again.status_code == 429:
            check(one, again, 429)

    def test_a_store_of_keys_that_cannot_be_read(self, client_of):
        client = client_of(SAMPLE[:3])
        home = client.application.config["SETTINGS"].home
        KeyStore(home).create("x", ["ingest"])
        (home / FILE).write_bytes(b"damaged" * 999)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer lq_{'0' * 12}_{'a' * 43}"
        for one in ENDPOINTS:
            if one.scope:
                check(one, ask(client, one), 503)

    def test_before_the_first_snapshot(self, client_of):
        client = client_of()
        for one in ENDPOINTS:
            answer = ask(client, one)
            if one.scope is None and one.path != CLICKS:  # which reads nothing of a snapshot
                check(one, answer, 503 if one.answer not in {None, *UNBUILT} else 200)


UNBUILT = {one.answer for one in ENDPOINTS if one.path in {"/healthz", "/api/v1/openapi.json"}}


def followed(part):
    """Return a part of the document, or the part that it refers to."""
    found = DOCUMENT
    for name in part["$ref"].split("/")[1:] if "$ref" in part else ():
        found = found[name]
    return found if "$ref" in part else part


def check(one, answer, status):
    """Assert that the document has this answer, and that it is as it says: media type, content, headers."""
    assert answer.status_code == status, answer.text
    described = followed(DOCUMENT["paths"][one.path][one.method]["responses"][str(status)])
    for name, header in described["headers"].items():
        of = followed(header)
        if header.get("required"):
            assert name in answer.headers, name
        if name in answer.headers:
            value = answer.headers[name]
            validator(of["schema"]).validate(int(value) if of["schema"].get("type") == "integer" else value)
    if "content" not in described:
        assert answer.data == b""
        return
    ((media, content),) = described["content"].items()
    assert answer.mimetype == media
    if media == LINES:
        validator(content["schema"]).validate([json.loads(line) for line in answer.text.splitlines()])
    elif media.endswith("json"):
        validator(content["schema"]).validate(answer.json)


class TestPage:
    @pytest.fixture
    def page(self, client):
        return html.fromstring(client.get("/api/docs?lang=en").text)

    def test_it_loads_nothing_from_elsewhere(self, client, page):
        assert page.xpath("//script[not(@src)] | //style | //*[@style] | //iframe | //object") == []
        loaded = page.xpath("//script/@src | //link/@href | //img/@src")
        assert loaded
        for address in loaded:
            assert re.match(r"/(?!/)", address)
            with client.get(address) as response:
                assert response.status_code == 200
                assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", response.get_data(as_text=True))

    def test_every_operation_parameter_answer_error_and_field(self, page):
        for one in ENDPOINTS:
            (shown,) = page.xpath(f"//section[@id='{one.name}']")
            text = " ".join(shown.text_content().split())
            operation = DOCUMENT["paths"][one.path][one.method]
            assert text.startswith(f"{one.method.upper()} {one.path} {one.summary} {one.description}".strip())
            named = set(shown.xpath(".//dt/code/text()"))
            assert {parameter["name"] for parameter in operation["parameters"]} <= named
            assert set(operation["responses"]) <= named
            for status, response in operation["responses"].items():
                described = followed(response)["description"]
                assert described in text, status
        for name, schema in DOCUMENT["components"]["schemas"].items():
            (shown,) = page.xpath(f"//section[@id='object-{name}']")
            assert set(schema.get("properties", ())) == set(shown.xpath(".//dt/code/text()"))

    def test_limits_defaults_and_examples_of_a_parameter(self, page):
        (limit,) = page.xpath("//section[@id='get_api_v1_search']//div[dt/code='limit']")
        shown = " ".join(limit.text_content().split())
        assert shown == "limit integer minimum 1 maximum 100 default 10 The most hits to return"
        (q,) = page.xpath("//section[@id='get_api_v1_search']//div[dt/code='q']")
        assert "maxLength 512" in " ".join(q.text_content().split())
        assert '"luong cham"' in q.text_content()

    def test_what_is_linked_is_there(self, page):
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids))
        assert {href[1:] for href in page.xpath("//a/@href") if href.startswith("#")} <= set(ids)
        assert set(page.xpath("//textarea/@id")) == set(page.xpath("//button/@data-copies"))
        assert set(page.xpath("//textarea/@id")) <= set(page.xpath("//label/@for"))

    def test_every_command_works_as_it_stands(self, service):
        if shutil.which("curl") is None:
            pytest.fail("no curl: on Debian, apt install curl")
        server = make_server("127.0.0.1", 0, service.client.application, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            page = html.fromstring(service.client.get("/api/docs").text.replace("http://localhost:8000", address))
            service.delete("b1")
            wanted = {f"{one.name}_{at}": of for one in ENDPOINTS for at, of in enumerate(one.examples, 1)}
            commands = {area.get("id"): area.text.strip() for area in page.xpath("//textarea")}
            assert set(commands) == set(wanted)
            for name, command in commands.items():
                env = {"KEY": service.secret, "PATH": "/usr/bin:/bin:/usr/local/bin"}
                told = subprocess.run(
                    ["sh", "-c", f"{command} -s -w '\\n%{{http_code}}'"],
                    env=env,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                content, _, status = told.stdout.rpartition("\n")
                assert int(status) == wanted[name].status, (command, told)
                if name.startswith(("get_api_v1_search", "get_api_v1_related", "get_api_v1_articles_id_related")):
                    assert json.loads(content)["hits"], command
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
