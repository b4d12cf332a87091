"""Hostile bodies by every way they come in and go out again: a draft, a write, the build, the article, snippets.

Each is answered as usual, in a time that is linear in its length.
"""

import json
import time
from contextlib import contextmanager

import pytest

from tests.service.writes.test_writing import PATH, Service
from tests.test_hostile_markup import HOSTILE

_SECONDS = 5.0
"""Of the processor, for one request; what is quadratic took 8 to 60 of them."""
_BYTES = 190_000
"""Of a body; a request may have 200,000."""
FIELDS = ("body", "body_html")
WORDS = "Bão số 5"


def _fitting(text):
    return f"<p>{WORDS} đổ bộ vào đất liền.</p> {text}".encode()[:_BYTES].decode("utf-8", "ignore")


BODIES = {
    f"{field}: {name}": (f"b{number}", {field: _fitting(text)})
    for number, (name, field, text) in enumerate((n, f, t) for f in FIELDS for n, t in HOSTILE.items())
}


@contextmanager
def _within(seconds):
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


@pytest.fixture(scope="module")
def service(publish, tmp_path_factory):
    """A service that holds an article of each body; each was written in time, and all were built in time."""
    home = tmp_path_factory.mktemp("home")
    publish(home, [{"id": f"a{number}", "title": f"Tin vắn {number}"} for number in range(5)])
    made = Service(home, processes=1)
    for article_id, fields in BODIES.values():
        line = {"id": article_id, "title": f"{WORDS} {article_id}"} | fields
        with _within(_SECONDS):
            written = made.client.put(PATH + article_id, data=json.dumps(line, ensure_ascii=False).encode())
        assert written.status_code == 201
    with _within(_SECONDS * len(BODIES)):
        made.ingest()
    yield made
    made.stop()


@pytest.mark.parametrize("name", BODIES)
def test_a_draft_of_it_is_answered(service, name):
    draft = {"title": WORDS} | BODIES[name][1]
    body = json.dumps({"seed": {"article": draft}}, ensure_ascii=False).encode()
    with _within(_SECONDS):
        answer = service.client.post("/api/v1/related", data=body, content_type="application/json")
    assert answer.status_code == 200


@pytest.mark.parametrize("name", BODIES)
def test_the_article_is_read(service, name):
    article_id = BODIES[name][0]
    with _within(_SECONDS):
        answer = service.client.get(PATH + article_id)
    assert answer.status_code == 200
    assert answer.json["title"] == f"{WORDS} {article_id}"
    with _within(_SECONDS):
        page = service.client.get(f"/articles/{article_id}")
    assert page.status_code == 200
    assert WORDS in page.text
    with _within(_SECONDS):
        assert service.client.get(f"{PATH}{article_id}/related").status_code == 200


@pytest.mark.parametrize("name", BODIES)
def test_it_is_found_and_shown_with_its_snippet(service, name):
    article_id = BODIES[name][0]
    with _within(_SECONDS):
        answer = service.client.get("/api/v1/search", query_string={"q": f"{WORDS} {article_id}", "limit": 5})
    assert answer.status_code == 200
    assert article_id in [hit["id"] for hit in answer.json["hits"]]


def test_a_page_of_them_is_shown(service):
    with _within(2 * _SECONDS):
        page = service.client.get("/search", query_string={"q": WORDS})
    assert page.status_code == 200
    assert "/articles/b" in page.text
