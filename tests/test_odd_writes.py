"""Writes that nobody should send: none ends in a 5xx, whatever is refused names its field, and nothing is half-written.

What `test_odd_requests` is for what anyone may ask, this is for what a key opens.
"""

import gzip
import json
import os
import socket
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.changes.journal import Journal
from service.security.keys import KeyStore
from tests.conftest import wait_for
from tests.service import test_serve
from tests.service.writes.test_writing import PATH, Service
from tests.test_odd_requests import BROKEN, TEXTS, check

BULK = "/api/v1/articles:bulk"
DEEP = 80_000


@dataclass(frozen=True)
class Odd:
    """One write.

    :param status: What it is answered with.
    :param named: The field that is named first, where it is refused.
    """

    body: bytes
    status: int
    named: str | None = None
    path: str = PATH + "b1"
    method: str = "PUT"
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        return ascii(f"{self.method} {self.path[-40:]} {self.body[:50]} {self.headers}")[1:-1]


def put(status, named=None, article_id="b1", **fields):
    return Odd(json.dumps({"id": article_id, "title": "Tin", **fields}).encode(), status, named)


def raw(text, status=201, named=None):
    """Return a put whose fields after id and title stand as they are."""
    return Odd(b'{"id": "b1", "title": "Tin"' + text + b"}", status, named)


GOOD = b'{"id": "b1", "title": "Tin"}'
BOM = b"\xef\xbb\xbf"
WRONG = {
    "id": [None, 0, True, [], {}, "", " b1", "b1 ", ".", "..", "a/b", "a\nb", "\x7f", "\ud800", "x" * 129, "b\u3000"],
    "title": [None, 0, True, [], {}, "", " ", "\u200b\ufeff", "\0"],
    "lead": [0, True, [], {}],
    "body": [1.5, False, ["a"], {"a": 1}],
    "body_html": [0, []],
    "url": [0, ["https://a.example"]],
    "section": [1, []],
    "image_url": [{}],
    "aliases": ["a", 1, {}, [1], [["a"]], [{}], [True]],
    "tags": ["a", True, {"a": 1}, [0.5], [[]]],
    "published_at": [0, 1_700_000_000, True, [], {}, "soon", "2024-02-30", "2024-13-01", "24-01-01", "0001-01-01"],
    "updated_at": ["9999-12-31T23:59:59-12:00", "2024-01-01T25:00", "now", "١٩٩٩-٠١-٠١", "2024-01-01\0"],
    "unpublish_at": ["2024-01-01T00:00:00+99:00", "null", 1e9],
}
KEPT = {
    "lead": ["", " ", "\0", "\ud800\udfff", "\udc00", "a\ud800b", "🔥" * 1000, "\u202eabc", "\uffff", "\ufeffa"],
    "body_html": ["<b>" * 5000, "<script>alert(1)</script>", "<!--", "&#0;&#xd800;", "<![CDATA[x]]>"],
    "url": ["javascript:alert(1)", "//", "http://[", "x" * 5000, "http://a/%00"],
    "aliases": [None, "", [], ["a", "a", ""], ["../../etc/passwd"], ["x"] * 500],
    "tags": [None, "", [None, "a"], ["\0"], ["a" * 5000]],
    "published_at": ["", None, "2024-01-01", "2024-01-01T10:00", "0002-01-01", "9998-12-31T23:59:59.999999Z"],
    "extra": [
        None,
        1,
        "a",
        [],
        {"\0": 1},
        {"a": 10**400},
        {"a": -(2**63)},
        {"\ud800": "\udfff"},
        {"extra": {"extra": 1}},
    ],
    "__class__": [1],
    "constructor": [{"prototype": {}}],
}


def odd_puts():
    for name, values in WRONG.items():
        for value in values:
            mismatch = name == "id" and isinstance(value, str)
            named = name if not isinstance(value, list) or not value else None
            yield put(422 if mismatch else 400, named, **{"article_id": value} if name == "id" else {name: value})
    for name, values in KEPT.items():
        for value in values:
            yield put(201, **{name: value})


def odd_json():
    for body in BROKEN:
        if body.startswith(b'{"seed": {"ids"') or body.startswith(b'{"seed":1'):
            continue  # JSON after all, or told as such there
        yield Odd(body, 400, None)
    for body in (
        b"null",
        b"true",
        b"0",
        b'"b1"',
        b"[]",
        b"[{}]",
        b"1" * 5000,
        BOM + GOOD,
        GOOD + GOOD,
        GOOD.decode().encode("utf-16"),
    ):
        yield Odd(body, 400, "body")
    yield Odd(b"{}", 400, "id")
    yield raw(b', "a": ' + b"[" * DEEP + b"]" * DEEP, 400, "body")
    yield raw(b', "a": ' + b"[" * 70 + b"]" * 70, 400, "extra")
    yield raw(b', "a": ' + b"[" * 60 + b"]" * 60)
    for number in (b"NaN", b"Infinity", b"-Infinity", b"0x1", b"01", b"1.", b"9" * 5000):
        yield raw(b', "a": ' + number, 400, "body")
    for number in (b"1e400", b"-1e999"):
        yield raw(b', "a": {"b": [' + number + b"]}", 400, "extra")
    for number in (b"9" * 4000, b"1e-400", b"-0", b"1e308", b"18446744073709551616"):
        yield raw(b', "a": ' + number)
    yield raw(b', "title": "Tin sau"')  # of a name that stands twice the last counts, as JSON's readers have it
    yield raw(b', "id": "b2"', 422, "id")
    yield raw(b', "title": 1', 400, "title")


def odd_wrappings():
    for name, value, status, named in (
        ("Content-Type", "text/plain", 201, None),
        ("Content-Type", "application/x-www-form-urlencoded", 201, None),
        ("Content-Type", "multipart/form-data; boundary=x", 201, None),
        ("Content-Type", "application/json; charset=utf-16", 201, None),
        ("Content-Type", "\xff", 201, None),
        ("Content-Encoding", "identity", 201, None),
        ("Content-Encoding", "gzip", 415, "Content-Encoding"),
        ("Content-Encoding", "br, gzip", 415, "Content-Encoding"),
        ("Content-Encoding", "\xff", 415, "Content-Encoding"),
        ("X-HTTP-Method-Override", "DELETE", 201, None),
        ("Expect", "100-continue", 201, None),
        ("If-Match", '"x"', 201, None),
    ):
        yield Odd(GOOD, status, named, headers={name: value})
    yield Odd(gzip.compress(GOOD, mtime=0), 415, "Content-Encoding", headers={"Content-Encoding": "gzip"})
    yield Odd(gzip.compress(GOOD, mtime=0), 400, "body")
    yield Odd(b'"' + b"a" * 200_000, 413, "body")
    for query in ("?force=1", "?%ff", "?updated_at=2024-01-01", "?=1"):
        yield Odd(GOOD, 400, None, f"{PATH}b1{query}")
        yield Odd(b"", 400, None, f"{PATH}b1{query}", "DELETE")
        yield Odd(b"", 400, None, f"{BULK}{query}", "POST")
    for method in ("POST", "PATCH", "TRACE", "BREW"):
        yield Odd(GOOD, 405, "method", method=method)
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        yield Odd(GOOD, 405, "method", BULK, method)


IDS = {
    **{"%00": "\0", "%0A": "\n", "%7F": "\x7f", "%20": " ", "%20a": " a", "a%20": "a ", "%E3%80%80": "\u3000"},
    **{"x" * 129: "x" * 129, quote("🔥" * 129): "🔥" * 129},
}
SLASHED = ["%2F", "a%2Fb", "..%2F..%2Fetc", "%2e%2e%2fb", "a%2F", "b1%2Frelated", "", ".%2F"]


def odd_ids():
    """Yield what stands in paths: what no article can be called, and what only looks so."""
    for path, article_id in IDS.items():
        body = json.dumps({"id": article_id, "title": "Tin"}).encode()
        yield Odd(body, 400, "id", PATH + path)
        yield Odd(b"", 400, "id", PATH + path, "DELETE")
    for path in SLASHED:
        status, named = (405, "method") if path.endswith("related") else (404, "path")
        yield Odd(b'{"id": "a/b", "title": "Tin"}', status, named, PATH + path)
        yield Odd(b"", status, named, PATH + path, "DELETE")
    for article_id in (
        *(text for text in TEXTS if "/" not in text),
        "%2F",
        "%00",
        "...",
        "..a",
        "a\\b",
        ":bulk",
        "b;x",
        "b?#",
    ):
        body = json.dumps({"id": article_id, "title": "Tin"}).encode()
        yield Odd(body, 201, None, PATH + quote(article_id, safe=""))
        yield Odd(body, 422, "id", PATH + "b1")
        yield Odd(b"", 204, None, PATH + quote(article_id, safe=""), "DELETE")


TABLE = [*odd_puts(), *odd_json(), *odd_wrappings(), *odd_ids()]


@pytest.fixture(scope="module")
def service(publish, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    publish(home, [{"id": "a1", "title": "Công nhân mỏ"}, {"id": "a2", "title": "Chợ phiên"}])
    made = Service(home, processes=1)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(service):
    """Have nothing of the last write stand."""
    service.delete("b1")


def changes(service):
    return Journal(service.home.path).last()


def bulk(service, body, **headers):
    """Return what became of each line."""
    response = service.client.post(BULK, data=body, headers=headers)
    check(response)
    assert response.status_code == 200
    return [json.loads(line) for line in response.data.splitlines()]


@pytest.mark.parametrize("odd", TABLE, ids=[f"{at} {odd}" for at, odd in enumerate(TABLE)])
def test_odd_write(service, odd):
    before = changes(service)
    response = service.client.open(odd.path, method=odd.method, data=odd.body, headers=odd.headers)
    check(response, odd.named)
    assert response.status_code == odd.status, response.text
    assert (changes(service) > before) == (response.status_code < 400)


def test_whatever_was_taken_is_served(service):
    taken = [odd for odd in TABLE if odd.status == 201 and odd.method == "PUT"]
    ids = set()
    for odd in taken:
        assert service.client.open(odd.path, method="PUT", data=odd.body, headers=odd.headers).status_code in {200, 201}
        ids.add(odd.path)
    service.ingest()
    for path in ids:
        answer = service.client.get(path)
        assert answer.status_code in {200, 404}  # some are not public yet, or no more
        if answer.status_code == 200:
            assert service.client.get(f"{path}/related").status_code == 200
    assert service.client.get("/api/v1/search?q=tin&ranking=similarity").json["hits"]
    assert service.client.get("/search?q=tin").status_code == 200
    for path in ids:
        assert service.client.delete(path).status_code == 204
        assert service.client.get(path).status_code == 404


def test_of_a_name_that_stands_twice_the_last_counts(service):
    service.client.put(PATH + "b1", data=b'{"id": "b1", "title": "Tin", "title": "Tin sau", "body": "x", "body": null}')
    service.ingest()
    found = service.client.get(PATH + "b1").json
    assert (found["title"], found["body"]) == ("Tin sau", None)


LINES = [
    *(b"{", b"null", b"[]", b'"x"', b"1", b"\xff", b'{"op": "put"', b"[" * DEEP, b'{"op":' * 20_000, b"NaN", b"\x00"),
    *(b"{}", b'{"op": null}', b'{"op": {}}', b'{"op": []}', b'{"op": 1}', b'{"op": "PUT"}', b'{"op": "put "}'),
    *(b'{"op": "put"}', b'{"op": "put", "article": null}', b'{"op": "put", "article": {}}'),
    b'{"op": "put", "article": {"id": "\\ud800", "title": "x"}}',
    b'{"op": "put", "article": {"id": "b1", "title": "x", "a": 1e999}}',
    b'{"op": "put", "article": {"id": "b1"}, "\\ud800": 1}',
    *(
        b'{"op": "delete"}',
        b'{"op": "delete", "id": null}',
        b'{"op": "delete", "id": "a/b"}',
        b'{"op": "delete", "id": "."}',
    ),
    *(b'{"op": "delete", "id": "\\udc00"}', b'{"op": "delete", "id": ["a1"]}', b'{"op": "delete", "id": " a1"}'),
    *(b'{"op": "delete", "id": "a1", "updated_at": 1}', b'{"op": "delete", "id": "a1", "article": {}}'),
    b'{"op": "delete", "id": "' + b"x" * 129 + b'"}',
]
ONE = b'{"op": "put", "article": {"id": "b1", "title": "Tin"}}'


class TestBulk:
    @pytest.mark.parametrize("line", LINES, ids=lambda line: ascii(line[:60]))
    def test_a_line_that_is_none_is_told_and_holds_up_no_other(self, service, line):
        before = changes(service)
        told, good = bulk(service, line + b"\n" + ONE)
        assert (told["status"], told["applied"], good["status"]) == (400, False, 201)
        assert all(fault["field"] and fault["value"] and fault["expected"] for fault in told["errors"])
        assert changes(service) == before + 1

    @pytest.mark.parametrize(
        ("body", "statuses"),
        [
            (b"", []),
            (b"\n \r\n\t\n", []),
            (BOM + ONE, [201]),
            (ONE + b"\r\n" + ONE + b"\r", [201, 200]),
            (ONE + ONE, [400]),
            (ONE.decode().encode("utf-16"), [400]),
            (ONE + b"\n" + BOM + ONE, [201, 400]),
            (b"\n".join([b"x"] * 500), [400] * 500),
            (b'{"op": "delete", "op": "put", "article": {"id": "b1", "title": "Tin"}}', [201]),
        ],
        ids=lambda value: ascii(value)[:50],
    )
    def test_bodies(self, service, body, statuses):
        assert [one["status"] for one in bulk(service, body)] == statuses

    def test_one_that_is_packed_is_refused_whole(self, service):
        before = changes(service)
        response = service.client.post(BULK, data=gzip.compress(ONE), headers={"Content-Encoding": "gzip"})
        check(response, "Content-Encoding")
        assert response.status_code == 415
        assert changes(service) == before

    @pytest.mark.parametrize("length", [32_000_001])
    def test_one_that_is_too_long(self, service, length):
        before = changes(service)
        response = service.client.post(BULK, data=ONE + b"\n" + b" " * length)
        check(response, "body")
        assert (response.status_code, changes(service)) == (413, before)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2024-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*WRONG, *KEPT, "op", "article"]) | st.text(max_size=4)
ANYHOW = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANYHOW
@given(fields=st.dictionaries(FIELDS, ANY, max_size=5), escaped=st.booleans())
def test_any_article(service, fields, escaped):
    before = changes(service)
    body = {"id": "b1", "title": "Tin"} | fields
    data = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    response = service.client.put(PATH + "b1", data=data)
    check(response)
    assert response.status_code < 400 or changes(service) == before
    (told,) = bulk(service, b'{"op": "put", "article": ' + data.replace(b"\n", b" ") + b"}")
    assert (told["status"] < 400) == (
        response.status_code < 400 or (response.status_code == 422 and not told.get("errors"))
    )


@ANYHOW
@given(data=st.data())
def test_any_bytes(service, data):
    good = ONE + b'\n{"op": "delete", "id": "b1", "updated_at": "2024-01-01"}\n'
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))))
    body = good[:start] + data.draw(st.binary(max_size=6)) + good[end:]
    assert len(bulk(service, body)) == len([line for line in body.split(b"\n") if line.strip()])
    check(service.client.put(PATH + "b1", data=body))


class TestOverASocket:
    """What an application cannot see alone: bodies that break off, lengths that are not true, chunks."""

    @pytest.fixture(scope="class")
    @classmethod
    def running(cls, tmp_path_factory):
        running = test_serve.Service(tmp_path_factory.mktemp("odd"), workers=1)
        running.index([{"id": "a1", "title": "Công nhân mỏ"}])
        _, running.key = KeyStore(running.home).create("CMS", ["ingest"])
        wait_for(lambda: running.get("/api/v1/articles/a1")[0] == 200, 60)
        yield running
        if running.stop() != 0:
            os.write(2, running.log.read_bytes()[-4000:])

    def send(self, running, *lines, body=b"", method="PUT", path=PATH + "b1"):
        """Send a write as it is, nothing after it, and return status and answer; None where none came."""
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: x",
            "Connection: close",
            f"Authorization: Bearer {running.key}",
            *lines,
        ]
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return int(answer.split()[1]) if answer else None, answer

    CHUNKED = "Transfer-Encoding: chunked"

    @pytest.mark.parametrize(
        ("line", "body", "statuses"),
        [
            (f"Content-Length: {len(GOOD) + 50}", GOOD, {400, None}),
            (f"Content-Length: {len(GOOD) - 1}", GOOD, {400}),
            ("Content-Length: 0", GOOD, {400}),
            ("Content-Length: -1", GOOD, {400}),
            ("Content-Length: 1e1", GOOD, {400}),
            ("Content-Length: 28, 29", GOOD, {400}),
            (f"Content-Length: {10**30}", GOOD, {400, 413}),
            ("X: y", GOOD, {400}),
            (CHUNKED, b"ffff\r\n" + GOOD, {400, None}),
            (CHUNKED, b"zz\r\n" + GOOD, {400, None}),
            (CHUNKED, b"5\r\n" + GOOD, {400, None}),
            (CHUNKED, b"%x\r\n%s\r\n" % (len(GOOD), GOOD), {400, None}),
            (CHUNKED, b"0\r\n\r\n", {400}),
            (f"{CHUNKED}\r\nContent-Length: 5", b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD), {400}),
            (CHUNKED, b"%x\r\n" % 300_000 + b" " * 300_000 + b"\r\n0\r\n\r\n", {413}),
        ],
        ids=str,
    )
    def test_nothing_of_what_breaks_off_is_written(self, running, line, body, statuses):
        before = Journal(running.home).last()
        status, answer = self.send(running, line, body=body)
        assert status in statuses, answer
        assert Journal(running.home).last() == before
        assert running.get("/healthz")[0] == 200

    def test_chunks_as_they_should_be(self, running):
        body = b"".join(b"1\r\n%c\r\n" % one for one in GOOD) + b"0\r\n\r\n"
        status, answer = self.send(running, self.CHUNKED, body=body)
        assert status in {200, 201}, answer
        assert self.send(running, method="DELETE")[0] == 204
