"""Which sites' pages may read what: preflights, answers, caches, and what is never allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.security import cors
from service.settings import Settings

SITE = "https://bao.example"
OTHER = "https://xau.example"
LINES = [{"id": "a", "title": "Lò gốm đỏ lửa"}, {"id": "b", "title": "Lò gốm tắt"}]
READ = ("/api/v1/search?q=gốm", "/api/v1/suggest?q=g", "/api/v1/articles/a", "/api/v1/articles/a/related")
NOT_READ = ("/", "/search?q=gốm", "/articles/a", "/healthz", "/readyz", "/newsroom/draft", "/api/docs")
GRANTS = {"Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"}


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, cors_origins=[SITE, "http://localhost:3000"], min_related=0)


def grants(response):
    return GRANTS & {name for name, _ in response.headers}


def preflight(client, path, method, origin=SITE, headers="content-type"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return client.options(path, headers=asked)


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("origin", [SITE, "http://localhost:3000"])
def test_a_listed_site_may_read(client, path, origin):
    response = client.get(path, headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert response.headers.getlist("Vary") == ["Origin"]
    assert response.headers["Access-Control-Expose-Headers"] == "ETag, Retry-After"
    assert "Access-Control-Allow-Credentials" not in response.headers


OTHERS = (OTHER, "null", "", f"{SITE}.xau.example", "http://bao.example", f"{SITE}:81")


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("headers", [{}, *({"Origin": other} for other in OTHERS)])
def test_no_other_may_and_caches_are_told(client, path, headers):
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    assert grants(response) == set()
    assert response.headers.getlist("Vary") == ["Origin"]


@pytest.mark.parametrize("path", NOT_READ)
def test_pages_are_nobody_else_s(client, path):
    assert grants(client.get(path, headers={"Origin": SITE})) == set()
    assert grants(preflight(client, path, "GET")) == set()


def test_a_draft_may_be_sent_from_a_listed_site(client):
    asked = preflight(client, "/api/v1/related", "POST")
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert asked.headers["Access-Control-Allow-Headers"] == "Content-Type, If-None-Match"
    assert asked.headers["Access-Control-Max-Age"] == "600"
    sent = client.post("/api/v1/related", json={"seed": {"ids": ["a"]}}, headers={"Origin": SITE})
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (200, SITE)
    assert sent.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "method"), [("/api/v1/articles/a", "PUT"), ("/api/v1/articles/a", "DELETE")])
def test_nothing_may_be_written(client, path, method):
    asked = preflight(client, path, method, headers="authorization")
    assert asked.headers["Access-Control-Allow-Methods"] == "GET"
    assert "uthorization" not in asked.headers["Access-Control-Allow-Headers"]
    for bulk in ("/api/v1/articles:bulk", "/api/v1/related:batch"):
        assert grants(preflight(client, bulk, "POST")) == set()


def test_a_preflight_from_elsewhere_is_granted_nothing(client):
    asked = preflight(client, "/api/v1/related", "POST", OTHER)
    assert (grants(asked), asked.headers["Vary"]) == (set(), "Origin")


def test_errors_and_304_can_be_read_too(client):
    for path, status in (("/api/v1/articles/none", 404), ("/api/v1/search?x=1", 400)):
        response = client.get(path, headers={"Origin": SITE})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, SITE)
    path = "/api/v1/articles/a/related?now=2026-01-01"
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"Origin": SITE, "If-None-Match": tag})
    assert (again.status_code, again.headers["Access-Control-Allow-Origin"]) == (304, SITE)
    assert (again.headers["Vary"], again.headers["ETag"]) == ("Origin", tag)


def test_without_a_list_there_is_none(client_of):
    client = client_of(LINES)
    response = client.get(READ[0], headers={"Origin": SITE})
    assert grants(response) == grants(preflight(client, READ[0], "GET")) == set()
    assert "Vary" not in response.headers


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://bao.example", "https://bao.example"),
        ("HTTPS://Bao.Example:443/", "https://bao.example"),
        ("http://bao.example:80", "http://bao.example"),
        ("http://bao.example:8443", "http://bao.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_origins_as_browsers_write_them(value, origin):
    assert Settings(cors_origins=[value]).cors_origins == (origin,)


@pytest.mark.parametrize(
    "value",
    [
        *("*", "", "null", "bao.example", "https://", "https://*.bao.example", "https://bao.example/a", "file://a"),
        *("https://a@bao.example", "https://bao.example:0", "https://bao.example:x", "https://a b", "https://báo.vn"),
    ],
)
def test_what_is_no_origin_stops_the_start(value):
    with pytest.raises(ValidationError, match=r"expected an origin such as https://bao\.example, without a path"):
        Settings(cors_origins=[value])


@given(st.text(), st.sampled_from([READ[0], "/api/v1/related"]), st.sampled_from(["GET", "POST", "OPTIONS"]))
def test_nobody_is_let_in_by_chance(origin, path, method):
    found = cors.headers(path.split("?")[0], method, {"Origin": origin}.get, [SITE])
    assert found == {"Vary": "Origin"} or origin.lower() == SITE
