"""Who may write: keys that are missing, wrong, revoked or of another scope, and requests that another site had sent."""

import logging
import re

import pytest
from flask import Response, g, request
from hypothesis import given
from hypothesis import strategies as st

from service import api
from service.errors import Forbidden, Unauthorized
from service.security import access
from service.security.keys import FILE, KeyStore

UNKNOWN = "lq_" + "0" * 12 + "_" + "a" * 43
PAGE_OF_OURS = "https://cms.bao.example"


@pytest.fixture(scope="module")
def client(client_of):
    """Return a client of a service with an address that needs a key, as those that write articles do."""
    client = client_of(cors_origins=[PAGE_OF_OURS])

    @api.needs("ingest")
    def write():
        return Response(f"{g.key.name} {len(request.get_data())}")

    app = client.application
    app.add_url_rule("/api/v1/test", "test", write, methods=["PUT", "POST", "DELETE", "GET"])
    return client


@pytest.fixture(scope="module")
def keys(client):
    """Return the store, and the texts of a key of each kind."""
    store = KeyStore(client.application.config["SETTINGS"].home)
    made = {scope: store.create(f"for {scope}", [scope]) for scope in ("ingest", "rules", "newsroom")}
    made["revoked"] = store.create("gone", ["ingest"])
    store.revoke(made["revoked"][0].id)
    made["both"] = store.create("both", ["rules", "ingest"])
    return {name: text for name, (_, text) in made.items()}


def put(client, text=None, **headers):
    given = {} if text is None else {"Authorization": text}
    return client.put("/api/v1/test", data=b"abc", headers=given | headers)


def check_refused(response, status, challenge, *secrets):
    """Assert that the answer is a problem document that names the header and repeats no secret."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    problem = response.json
    (error,) = problem["errors"]
    assert error["field"] == "Authorization"
    assert error["expected"] == "expected Bearer and a key of scope ingest"
    assert problem["detail"] == f"Authorization: {error['value']}: {error['expected']}"
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Cache-Control"] == "no-store"
    for secret in secrets:
        assert secret.split("_", 2)[2] not in response.text + str(response.headers)
    return error["value"]


class TestKeys:
    def test_the_right_one(self, client, keys):
        for name in ("ingest", "both"):
            assert put(client, f"Bearer {keys[name]}").status_code == 200
            assert put(client, f"bearer  {keys[name]} ").status_code == 200
        assert put(client, f"Bearer {keys['ingest']}").text == "for ingest 3"

    @pytest.mark.parametrize("method", ["put", "post", "delete", "get"])
    def test_none(self, client, keys, method):
        response = getattr(client, method)("/api/v1/test")
        assert check_refused(response, 401, 'Bearer realm="lienquan"') == "nothing"

    @pytest.mark.parametrize(
        "text",
        [
            *("", "Bearer", "Bearer ", "{key}", "Basic {key}", "Bearer{key}", "Bearer {key} {key}", "Bearer {key}, x"),
            *("Bearer {key}x", "Bearer {upper}", "Bearer\u00a0{key}", 'Bearer "{key}"', "Token {key}", UNKNOWN),
            *(
                f"Bearer {UNKNOWN}",
                "Bearer {other}",
                "Bearer " + "a" * 5000,
                "Bearer \x00",
                "Bearer é",
                "Negotiate {key}",
            ),
        ],
    )
    def test_one_that_is_none(self, client, keys, text, caplog):
        caplog.set_level(logging.DEBUG)
        key = keys["ingest"]
        other = key[:16] + ("B" if key[16] != "B" else "C") + key[17:]
        given = text.format(key=key, upper=key.upper(), other=other)
        response = put(client, given)
        value = check_refused(response, 401, 'Bearer realm="lienquan", error="invalid_token"', key)
        assert value in {"a key that is not known", "something else"}
        assert key.split("_", 2)[2] not in caplog.text

    def test_a_revoked_one(self, client, keys):
        response = put(client, f"Bearer {keys['revoked']}")
        value = check_refused(response, 401, 'Bearer realm="lienquan", error="invalid_token"', keys["revoked"])
        assert value == f"key {keys['revoked'].split('_')[1]}, which is revoked"

    @pytest.mark.parametrize("scope", ["rules", "newsroom"])
    def test_of_another_scope(self, client, keys, scope):
        response = put(client, f"Bearer {keys[scope]}")
        challenge = 'Bearer realm="lienquan", error="insufficient_scope", scope="ingest"'
        value = check_refused(response, 403, challenge, keys[scope])
        assert value == f"key {keys[scope].split('_')[1]} of scope {scope}"

    def test_revoked_while_in_use(self, client):
        store = KeyStore(client.application.config["SETTINGS"].home)
        key, text = store.create("short", ["ingest"])
        assert put(client, f"Bearer {text}").status_code == 200
        store.revoke(key.id)
        assert put(client, f"Bearer {text}").status_code == 401

    def test_it_is_in_no_other_place(self, client, keys):
        key = keys["ingest"]
        assert client.put(f"/api/v1/test?access_token={key}").status_code == 401
        assert client.put("/api/v1/test", data={"access_token": key}).status_code == 401
        client.set_cookie("Authorization", f"Bearer {key}")
        assert client.put("/api/v1/test").status_code == 401

    def test_a_refused_body_is_not_read(self, client):
        assert client.put("/api/v1/test", data=b"x" * 300_000).status_code == 401  # not 413

    def test_without_a_store_nobody_may(self, client_of):
        client = client_of()
        client.application.add_url_rule("/api/v1/test", "test", api.needs("ingest")(lambda: "written"), methods=["PUT"])
        assert put(client, f"Bearer {UNKNOWN}").status_code == 401
        (client.application.config["SETTINGS"].home / FILE).write_bytes(b"damaged" * 999)
        response = put(client, f"Bearer {UNKNOWN}")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert str(client.application.config["SETTINGS"].home) not in response.text

    @given(st.text(st.characters(codec="latin-1")))
    def test_no_header_gets_in_or_breaks_anything(self, tmp_path_factory, text):
        store = KeyStore(tmp_path_factory.getbasetemp() / "headers")
        if not store.all():
            store.create("a", ["ingest"])
        with pytest.raises(Unauthorized) as refused:
            access.authorised(store, "ingest", {"Authorization": text}.get)
        assert re.fullmatch("a key that is not known|something else", refused.value.errors[0].value)


class TestAnotherSite:
    FOREIGN = (
        ({"Origin": "https://xau.example"}, "Origin"),
        ({"Origin": "null"}, "Origin"),
        ({"Origin": ""}, "Origin"),
        ({"Origin": "http://localhost:3000"}, "Origin"),
        ({"Origin": "https://cms.bao.example.xau.example"}, "Origin"),
        ({"Origin": "http://cms.bao.example"}, "Origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "Sec-Fetch-Site"),
        ({"Sec-Fetch-Site": "same-site"}, "Sec-Fetch-Site"),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, "Sec-Fetch-Site"),
    )
    OURS = (
        {},
        {"Origin": "http://localhost"},
        {"Origin": "HTTPS://LOCALHOST", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": PAGE_OF_OURS, "Sec-Fetch-Site": "cross-site"},
    )

    @pytest.mark.parametrize(("headers", "named"), FOREIGN)
    def test_is_refused_with_the_right_key(self, client, keys, headers, named):
        response = put(client, f"Bearer {keys['ingest']}", **headers)
        assert response.status_code == 403
        assert [error["field"] for error in response.json["errors"]] == [named]
        assert "WWW-Authenticate" not in response.headers

    @pytest.mark.parametrize("headers", OURS)
    def test_ours_is_not(self, client, keys, headers):
        assert put(client, f"Bearer {keys['ingest']}", **headers).status_code == 200
        assert put(client, **headers).status_code == 401

    def test_a_key_is_not_even_looked_up(self, tmp_path):
        store = KeyStore(tmp_path)
        (tmp_path / FILE).write_bytes(b"damaged")
        with pytest.raises(Forbidden):
            access.authorised(store, "ingest", {"Origin": "null", "Authorization": f"Bearer {UNKNOWN}"}.get)
