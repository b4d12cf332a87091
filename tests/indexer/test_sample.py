"""The sample archive: whole, hard on purpose, and judged without slips."""

import hashlib
import json
import re
import unicodedata
from collections import Counter

import pytest

from indexer import metrics
from indexer.articles.article import Article, validate
from indexer.text import folding
from tests.paths import ROOT

SAMPLE = ROOT / "indexer" / "sample"


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in (SAMPLE / "articles.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def articles(lines):
    found = [validate(line) for line in lines]
    assert [fault for fault in found if not isinstance(fault, Article)] == []
    return {article.id: article for article in found}


@pytest.fixture(scope="module")
def queries():
    return [json.loads(line) for line in (SAMPLE / "queries.jsonl").read_text(encoding="utf-8").splitlines()]


def sentences(article):
    return {s.strip() for s in re.split(r"[.?!…\n]", article.plain_body or "") if len(s.split()) >= 6}


def test_size_and_length(lines, articles):
    assert len(articles) == len(lines) >= 150
    lengths = {article.id: len((article.plain_body or "").split()) for article in articles.values()}
    assert {name: n for name, n in lengths.items() if not 120 <= n <= 400} == {}


def test_no_sentence_stands_twice_but_in_the_reprint_and_the_series(articles):
    seen = Counter(sentence for article in articles.values() for sentence in sentences(article))
    twice = {sentence for sentence, count in seen.items() if count > 1}
    reprint = "nguoi-tho-chin-met-vuong-khong-camera"
    assert {a.id for a in articles.values() if sentences(a) & twice} == {reprint, "chin-met-vuong-khong-gan-camera"}


def test_odd_forms_are_there(lines, articles):
    raw = {line["id"]: line for line in lines}
    assert sum("body_html" in line for line in lines) >= 1
    assert sum(not line.get("published_at") for line in lines) >= 1
    assert sum(unicodedata.normalize("NFC", line.get("body", "")) != line.get("body", "") for line in lines) >= 1
    assert articles["cuu-chu-tich-nhom-thuong-ha-linh-an"].published_at.year == 2031
    assert articles["mo-60-suat-hoc-xe-nang-giang-vien"].unpublish_at.year == 2025
    assert "hoà" in raw["luong-y-pham-van-hoa-o-xom-tho"]["body"]
    assert "hòa" in raw["luong-y-pham-van-hoa-o-xom-tho"]["body"]


def test_related_judgements(articles):
    qrels = metrics.read_qrels(SAMPLE / "related.qrels.tsv")
    pairs = {(a, b): grade for a, grades in qrels.items() for b, grade in grades.items()}
    assert {a for pair in pairs for a in pair} <= set(articles)
    assert {pair for pair in pairs if pair[0] == pair[1]} == set()
    assert all(pairs.get((b, a)) == grade for (a, b), grade in pairs.items())
    assert set(pairs.values()) == {1.0, 2.0}


def test_thirty_events_of_two_to_five(articles):
    qrels = metrics.read_qrels(SAMPLE / "related.qrels.tsv")
    events = {frozenset({a, *(b for b, grade in grades.items() if grade == 2)}) for a, grades in qrels.items()}
    events = {event for event in events if len(event) > 1}
    assert len(events) >= 30
    assert {len(event) for event in events} <= {2, 3, 4, 5}
    assert sum(len(event) for event in events) == len(set().union(*events)), "an article belongs to one event"


def test_queries(articles, queries):
    qrels = metrics.read_qrels(SAMPLE / "queries.qrels.tsv")
    ids = [query["id"] for query in queries]
    assert len(ids) == len(set(ids)) >= 100
    classes = Counter(query["class"] for query in queries)
    assert set(classes) == {
        *("meaning", "name", "decree", "abbreviation", "no-diacritics", "typo", "english", "question", "nothing")
    }
    assert min(classes.values()) >= 5
    assert all(query["note"] for query in queries)
    assert {a for grades in qrels.values() for a in grades} <= set(articles)
    assert set(qrels) == {query["id"] for query in queries if query["class"] != "nothing"}
    assert all(2.0 in grades.values() for grades in qrels.values())


def test_queries_without_diacritics_have_none(queries):
    bare = [query["text"] for query in queries if query["class"] == "no-diacritics"]
    assert [asked for asked in bare if folding.fold(asked) != asked.lower()] == []


@pytest.fixture(scope="module")
def asked():
    return [json.loads(line) for line in (SAMPLE / "readers.jsonl").read_text(encoding="utf-8").splitlines()]


def test_readers_queries(articles, queries, asked):
    kinds = {*("topic", "phrase", "slip", "bare", "english", "name", "number", "other", "abbreviation", "nothing")}
    assert [set(query) for query in asked if set(query) != {"id", "text", "kind", "half"}] == []
    assert len({query["id"] for query in asked}) == len(asked) == 400
    assert {query["kind"] for query in asked} == kinds
    assert Counter(query["kind"] for query in asked)["nothing"] == 60
    assert sum(len(query["text"].split()) <= 6 for query in asked) >= 380
    texts = [query["text"].casefold() for query in asked]
    assert len(set(texts)) == len(texts)
    assert set(texts) & {query["text"].casefold() for query in queries} == set()
    bare = [query["text"] for query in asked if query["kind"] == "bare"]
    assert [given for given in bare if folding.fold(given) != given.lower()] == []


def test_readers_judgements(articles, asked):
    qrels = metrics.read_qrels(SAMPLE / "readers.qrels.tsv")
    assert set(qrels) == {query["id"] for query in asked if query["kind"] != "nothing"}
    assert {grade for grades in qrels.values() for grade in grades.values()} == {1.0, 2.0}
    assert all(2.0 in grades.values() for grades in qrels.values())
    named = {article for grades in qrels.values() for article in grades}
    never_public = {"cuu-chu-tich-nhom-thuong-ha-linh-an", "mo-60-suat-hoc-xe-nang-giang-vien"}
    assert named <= set(articles) - never_public
    lines = (SAMPLE / "readers.qrels.tsv").read_text(encoding="utf-8").splitlines()
    assert len({tuple(line.split("\t")[:2]) for line in lines}) == len(lines)


def test_halves_of_readers_queries_come_from_a_hash_of_the_id(asked):
    for kind in {query["kind"] for query in asked}:
        own = [query for query in asked if query["kind"] == kind]
        own.sort(key=lambda query: hashlib.sha256(query["id"].encode()).digest())
        assert [query["half"] for query in own] == ["look", "report"] * (len(own) // 2)
