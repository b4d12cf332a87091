"""The comparison with peers, held to its own rules by sides that are made up."""

import json
import re

import pytest

from benchmarks import common, peers
from benchmarks.peer_process import Answered
from indexer.articles.article import validate


class Scripted:
    """A side that always answers alike."""

    def __init__(self, name, asked, ids, seconds, encoding):
        self.name, self.asked, self.answer = name, asked, Answered([ids, encoding], seconds)

    def ask(self, call, given):
        assert call == "search"
        self.asked.append((self.name, given))
        return self.answer


def task(queries, **changed):
    given = {"data": "x", "indexed": [], "related": {}, "searched": [], "retyped": {}, **changed}
    return peers.Task(queries=queries, qrels={name: {name: 1.0} for name, _ in queries}, **given)


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(peers, "_PAUSE", 0)
    monkeypatch.setattr(peers, "WARM_UP", 1)
    monkeypatch.setattr(peers, "BLOCK", 1)
    return []


def test_every_side_is_asked_each_query_once_and_they_take_turns(asked, monkeypatch):
    monkeypatch.setattr(peers, "BLOCK", 2)
    sides = {name: Scripted(name, asked, ["a"], 0.01, 0.0) for name in ("x", "y")}
    peers.timed(sides, task([("a", "một"), ("b", "hai"), ("c", "ba"), ("d", "bốn")]))
    turns = [
        ("x", "một"),
        ("x", "hai"),
        ("y", "một"),
        ("y", "hai"),
        ("y", "ba"),
        ("y", "bốn"),
        ("x", "ba"),
        ("x", "bốn"),
    ]
    assert asked == turns


def test_times_are_the_sides_own_with_and_without_encoding(asked):
    found = peers.timed({"x": Scripted("x", asked, ["b", "c"], 0.010, 0.004)}, task([("a", "1"), ("b", "2")] * 2))["x"]
    assert found["p50_ms"] == pytest.approx(10)
    assert found["p95_ms"] == pytest.approx(10)
    assert found["without_encoding_p50_ms"] == pytest.approx(6)


class Warming(Scripted):
    """A side that is slow at the first question of two."""

    def ask(self, call, given):
        answered = super().ask(call, given)
        return answered._replace(seconds=0.010 if len(self.asked) % 2 else 0.002)


def test_what_the_others_caches_cost_is_told_by_the_first_of_each_block(asked, monkeypatch):
    monkeypatch.setattr(peers, "BLOCK", 2)
    found = peers.timed({"x": Warming("x", asked, ["a"], 0, 0)}, task([("a", "1"), ("b", "2")] * 3))["x"]
    assert found["first_p50_ms"] == pytest.approx(10)
    assert found["p50_ms"] == pytest.approx(2)  # of 2, 10, 2, 10, 2: the one before them warms up


def test_warming_up_is_not_judged(asked):
    queries = [("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")]
    found = peers.timed({"x": Scripted("x", asked, ["a", "c"], 0.01, 0)}, task(queries))["x"]
    second = 1 / 1.584962500721156  # log2(3): the right article stands second for c, nowhere for b
    assert found["ndcg"]["plain"] == pytest.approx((0 + second + second) / 3)


def test_an_untitled_item_says_nothing_of_its_title():
    item = validate({"id": "rss-123456", "title": "Giá vàng", "lead": "Sáng nay.", "url": "https://a.vn/gia-vang.html"})
    line = json.dumps(peers.untitled(item).line(), ensure_ascii=False)
    assert "vàng" not in line
    assert "gia-vang" not in line
    assert peers.text_of(peers.untitled(item)) == "Bài 123456\nSáng nay."


def test_both_files_hold_the_same_articles(tmp_path):
    items = [validate({"id": f"b{at}", "title": "Tựa", "body": f"Thân {at}"}) for at in range(2)]
    files = peers.write(tmp_path, "few", items)
    own, texts = ([json.loads(line) for line in files[kind].read_text("utf-8").splitlines()] for kind in (True, False))
    assert [line["id"] for line in own] == ["b0", "b1"]
    assert texts == [{"id": "b0", "text": "Tựa\nThân 0"}, {"id": "b1", "text": "Tựa\nThân 1"}]


def test_the_sample_archive_stands_in_for_the_judged_data():
    found = peers.sample()
    names = {article.id for article in found.searched}
    assert set(found.related) <= names
    assert {query for query, _ in found.queries} == set(found.qrels)


def test_disk_is_the_sum_of_all_files(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x").write_bytes(b"0" * 1_000_000)
    (tmp_path / "a" / "b" / "y").write_bytes(b"0" * 500_000)
    assert peers.size(tmp_path) == 1.5


def pins(path):
    """Return releases by package; what stands in brackets is no part of the name, what follows none of the release."""
    found = re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


@pytest.mark.parametrize("package", ["faiss-cpu", "numpy", "sentence-transformers", "torch"])
def test_what_decides_speed_is_of_the_products_own_release(package):
    theirs, own = pins(common.ROOT / "benchmarks" / "requirements.txt"), pins(common.ROOT / "constraints.txt")
    assert theirs[package] == own[package]
