"""The comparison of recorded answers finds what changed, and nothing where nothing did."""

import json

import pytest

from benchmarks.answers import different, recorded
from models.hashing import HashingEncoder
from service.searcher import Searcher

LINES = [
    {
        "id": f"a{at}",
        "title": f"Công ty {name} nợ lương công nhân",
        "body": "Ba tháng chưa có lương.",
        "section": "Đời sống",
    }
    for at, name in enumerate(("Đồng Thoa", "Tiền Trục", "Gò Sản"))
]
IDS, QUERIES = [line["id"] for line in LINES], ["nợ lương", "gò sản", "-"]


@pytest.fixture
def answers_of(archive_of):
    def answer(lines):
        searcher = Searcher(archive_of(lines), HashingEncoder)
        return json.loads(json.dumps(dict(recorded(searcher, IDS, QUERIES))))

    return answer


def test_the_same_archive_answers_the_same(answers_of):
    now = answers_of(LINES)
    assert {json.loads(asked)[0] for asked in now} == {"search", "suggest", "related", "draft"}
    assert different(now, answers_of(LINES)) == []


def test_another_text_is_seen_in_what_asks_for_it(answers_of):
    changed = [*LINES[:2], LINES[2] | {"title": "Bão số 5 đổ bộ"}]
    wrong = different(answers_of(changed), answers_of(LINES))
    assert json.dumps(["search", "gò sản", {}], ensure_ascii=False) in wrong


def test_what_is_asked_on_one_side_alone_differs():
    assert different({"a": 1, "b": None}, {"a": 1, "c": 2}) == ["b", "c"]
