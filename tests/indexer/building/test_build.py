"""The build: what is encoded, reused, published, refused, and what survives an interruption."""

import gzip
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from lxml import html as lxml_html

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.building import assembly
from indexer.building.build import BuildOptions, build, describe
from indexer.building.embedding import embed
from indexer.building.staging import Staging
from indexer.errors import BuildRefused, SnapshotError, SourceError, ValidationFailed
from indexer.files.layout import MANIFEST_FILE
from indexer.index.vectors import build_index
from indexer.snapshot import home as home_module
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import files_of, verify
from models.hashing import HashingEncoder
from models.parity import probe_texts
from tests.paths import ROOT

PROBE = set(probe_texts())


class Counting:
    """Encodes by hashing, keeps the texts of articles, and may fail or look like another model."""

    def __init__(self, fail_at=None, **identity):
        self._inner = HashingEncoder(32)
        self.identity = replace(self._inner.identity, **identity)
        self.batches = []
        self._fail_at = fail_at

    @property
    def texts(self):
        return [text for batch in self.batches for text in batch]

    def encode_queries(self, texts):
        return self._inner.encode_queries(texts)

    def encode_documents(self, texts):
        if not PROBE.issuperset(texts):
            if len(self.batches) == self._fail_at:
                raise RuntimeError("out of memory")
            self.batches.append(list(texts))
        return self._inner.encode_documents(texts)


def line(n, **fields):
    return {"id": f"a{n}", "title": f"Gốm số {n}", "lead": f"Lò {n}", **fields}


LINES = [line(n) for n in range(10)]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # what is synced, and when, is test_snapshot's


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def index(home, tmp_path):
    """Return a function that indexes lines, objects or raw, and returns the report and the encoder."""

    def run(lines, encoder=None, **options):
        encoder = encoder or Counting()
        source = tmp_path / "source.jsonl"
        source.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
        return build(home, [str(source)], lambda: encoder, BuildOptions(**options)), encoder

    return run


@contextmanager
def opened(home):
    archive = Archive(Snapshot(home.directory(home.current())))
    yield archive
    archive.close()


def state(home):
    """Return the archive as a reader finds it: title by id."""
    with opened(home) as archive:
        alive = np.flatnonzero(archive.public(0)[0])
        return {article.id: article.title for article in archive.articles(alive)}


def manifest_of(home):
    return read_manifest(home.directory(home.current()))


def inodes(home):
    directory = home.directory(home.current())
    return {name: (directory / name).stat().st_ino for name in files_of(directory)}


def numbers(report):
    return report.added, report.updated, report.removed, report.unchanged


# The first build


LEFT = ["CURRENT", "build.json", "build.lock", "lock", "snapshots"]
"""What is in a home after a build."""


def test_an_archive_is_published(home, index):
    report, encoder = index(LINES)
    assert numbers(report) == (10, 0, 0, 0)
    assert (report.lines, report.rejected, report.repeated, report.articles) == (10, 0, 0, 10)
    assert (report.encoded, report.reused, report.rejects, report.pruned) == (10, 0, None, [])
    assert report.snapshot == home.current()
    verify(home.directory(report.snapshot))
    assert encoder.texts == [f"Gốm số {n}\nLò {n}" for n in range(10)]
    assert state(home) == {f"a{n}": f"Gốm số {n}" for n in range(10)}
    assert sorted(path.name for path in home.path.iterdir()) == [
        "CURRENT",
        "build.json",
        "build.lock",
        "lock",
        "snapshots",
    ]


def test_each_article_has_the_vector_of_its_views(home, index):
    lines = [line(n, body=f"Thân bài {n} " + "gốm " * n) if n % 2 else line(n) for n in range(150)]
    report, encoder = index(lines)
    assert report.encoded == 150
    assert max(map(len, encoder.batches)) <= 2 * 64  # memory stays flat
    expected = embed(HashingEncoder(32), [validate(one).views for one in lines])
    with opened(home) as archive:
        assert archive.vectors_of(np.arange(150)) == pytest.approx(expected, abs=1e-6)
        everything = np.ones(150, dtype=np.bool_)
        for row in (0, 77, 149):
            rows, scores, _ = archive.nearest(expected[row], 10, everything)
            cosines = expected @ expected[row]
            assert scores[:10] == pytest.approx(np.sort(cosines)[::-1][:10], abs=1e-5)
            assert cosines[rows] == pytest.approx(scores, abs=1e-5)


def test_equal_texts_share_a_vector(home, index):
    lines = [line(1), line(2, title="Gốm số 1", lead="Lò 1", section="Nghề"), line(3)]
    report, encoder = index(lines)
    assert (report.articles, report.encoded, len(encoder.texts)) == (3, 2, 2)
    assert [(e.articles, e.vectors) for e in manifest_of(home).segments] == [(3, 2)]
    with opened(home) as archive:
        texts = archive.texts(np.arange(3)).tolist()
        assert texts[0] == texts[1] != texts[2]
        assert archive.articles([1])[0].section == "Nghề"


def test_several_sources_are_one_archive(home, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(line(1)) + "\n" + json.dumps(line(2)))
    (tmp_path / "b.ndjson").write_text(json.dumps(line(2, title="Sau")))
    report = build(home, [str(tmp_path / "a.jsonl"), str(tmp_path / "b.ndjson")], Counting)
    assert (report.lines, report.repeated, report.articles) == (3, 1, 2)
    assert state(home) == {"a1": "Gốm số 1", "a2": "Sau"}


def test_progress_ends_at_its_total(home, tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(line(n)) for n in range(100)))
    told = []
    build(home, [str(tmp_path / "a.jsonl")], Counting, progress=lambda *step: told.append(step))
    assert told == [
        ("reading", 100, 100),
        ("encoding", 0, 100),
        ("encoding", 64, 100),
        ("encoding", 100, 100),
        ("indexing", 0, 100),
        ("indexing", 100, 100),
        ("relating", 100, 100),
        ("mapping", 0, 100),
        ("mapping", 100, 100),
        ("publishing", 0, None),
    ]


# Later builds: the whole archive


def test_nothing_changed_nothing_published(home, index):
    index(LINES)
    before = inodes(home)
    report, encoder = index(LINES)
    assert numbers(report) == (0, 0, 0, 10)
    assert (report.snapshot, report.encoded, encoder.texts) == (None, 0, [])
    assert len(home.ids()) == 1
    assert inodes(home) == before
    assert index(LINES[::-1])[0].snapshot is None  # the order of a source is no change


def test_a_changed_text_is_the_only_one_encoded(home, index):
    index(LINES)
    report, encoder = index([*LINES[:4], line(4, body="Mới"), *LINES[5:]])
    assert numbers(report) == (0, 1, 0, 9)
    assert (report.encoded, report.reused) == (1, 9)
    assert encoder.texts == ["Gốm số 4\nLò 4\nMới", "Gốm số 4\nLò 4"]
    with opened(home) as archive:
        assert [archive.find(f"a{n}", np.ones(10, dtype=bool)) for n in range(10)] == list(range(10))
        assert archive.articles([4])[0].body == "Mới"
        assert archive.vectors_of(np.array([3])) == pytest.approx(
            HashingEncoder(32).encode_documents(["Gốm số 3\nLò 3"])
        )


def test_a_new_article_is_the_only_one_encoded(home, index):
    index(LINES)
    report, encoder = index([line(99), *LINES])
    assert numbers(report) == (1, 0, 0, 10)
    assert encoder.texts == ["Gốm số 99\nLò 99"]
    assert list(state(home))[-1] == "a99"


@pytest.mark.parametrize(
    "change", [{"section": "Nghề"}, {"url": "https://x.example/1"}, {"published_at": "2023-11-07"}, {"views": 3}]
)
def test_other_fields_are_published_without_encoding(home, index, change):
    first, _ = index(LINES)
    report, encoder = index([line(0, **change), *LINES[1:]])
    assert numbers(report) == (0, 1, 0, 9)
    assert (report.encoded, report.reused, encoder.texts) == (0, 10, [])
    assert report.snapshot not in (None, first.snapshot)
    assert manifest_of(home).parent == first.snapshot
    with opened(home) as archive:
        assert archive.articles([0])[0] == validate(line(0, **change))


def test_a_removal_shares_every_file_and_adds_tombstones(home, index):
    index(LINES)
    before = inodes(home)
    report, encoder = index(LINES[1:])
    assert numbers(report) == (0, 0, 1, 9)
    assert (report.encoded, encoder.texts) == (0, [])
    after = inodes(home)
    assert set(after) - set(before) == {"tombstones-segment-0.npy"}
    assert {name: after[name] for name in before if name != "manifest.json"} == {
        name: before[name] for name in before if name != "manifest.json"
    }
    assert state(home) == {f"a{n}": f"Gốm số {n}" for n in range(1, 10)}
    (entry,) = manifest_of(home).segments
    assert (entry.articles, entry.deleted, entry.tombstones) == (10, 1, "tombstones-segment-0.npy")
    assert manifest_of(home).articles == 9
    assert index(LINES[1:])[0].snapshot is None


def test_tombstones_gather_until_a_new_segment_is_worth_it(home, index):
    index(LINES)
    index(LINES[1:])
    first = inodes(home)
    index(LINES[2:])
    assert manifest_of(home).segments[0].deleted == 2
    assert inodes(home)["segment-0/articles.sqlite"] == first["segment-0/articles.sqlite"]
    report, encoder = index(LINES[3:])  # three of ten rows are more than a fifth
    (entry,) = manifest_of(home).segments
    assert (entry.articles, entry.vectors, entry.deleted, entry.tombstones) == (7, 7, 0, None)
    assert (report.encoded, encoder.texts) == (0, [])
    assert list(state(home)) == [f"a{n}" for n in range(3, 10)]


def test_what_was_removed_may_come_back_without_encoding(home, index):
    index(LINES)
    index(LINES[1:])
    report, encoder = index(LINES)
    assert numbers(report) == (1, 0, 0, 9)
    assert encoder.texts == []
    assert list(state(home)) == [*(f"a{n}" for n in range(1, 10)), "a0"]


def test_one_removed_and_one_changed(home, index):
    index(LINES)
    index([line(1, section="Nghề"), *LINES[2:]])
    (entry,) = manifest_of(home).segments
    assert (entry.articles, entry.deleted, entry.tombstones) == (9, 0, None)
    assert "a0" not in state(home)


# Refusals


def test_an_index_that_does_not_find_what_it_should_is_refused(home, index, monkeypatch):
    first, _ = index(LINES)

    def poor(raw, path):
        raise ValueError("recall@10 0.71: expected at least 0.99")

    monkeypatch.setattr("indexer.index.vectors.build_index", poor)
    with pytest.raises(BuildRefused, match=r"segment-0: recall@10 0\.71: expected at least 0\.99"):
        index([*LINES, line(10)])
    assert home.current() == first.snapshot
    assert len(home.ids()) == 1


def test_the_manifest_says_what_the_index_finds(home, index):
    index(LINES)
    (entry,) = manifest_of(home).segments
    assert (entry.index, entry.recall) == ("Flat", 1.0)


def test_losing_more_than_a_fifth_needs_leave(home, index):
    first, _ = index(LINES)
    with pytest.raises(BuildRefused, match=r"would remove 3 of 10 articles: expected at most 20%.*--allow-shrink"):
        index(LINES[3:])
    assert home.current() == first.snapshot
    assert len(home.ids()) == 1
    report, _ = index(LINES[3:], allow_shrink=True)
    assert report.removed == 3
    assert len(state(home)) == 7


def test_losing_a_fifth_is_no_reason_to_ask(home, index):
    index(LINES)
    assert index(LINES[2:])[0].removed == 2


def test_replacing_most_of_an_archive_is_a_loss_too(index):
    index(LINES)
    with pytest.raises(BuildRefused, match="would remove 10 of 10"):
        index([line(n) for n in range(100, 120)])


@pytest.mark.parametrize("lines", [[], [""], ["{"], [{"id": "a"}], [{"id": "a/b", "title": "t"}] * 3])
def test_nothing_to_index_is_refused(home, index, lines):
    with pytest.raises(BuildRefused, match=r"\d lines read, \d rejected: no article to index"):
        index(lines)
    assert home.current() is None
    assert home.ids() == []


def test_an_empty_source_does_not_empty_the_archive(home, index):
    first, _ = index(LINES)
    with pytest.raises(BuildRefused, match="would remove 10 of 10"):
        index([])
    assert home.current() == first.snapshot
    assert index([], whole=False)[0].snapshot is None


def test_an_archive_may_be_emptied_on_purpose_and_filled_again(home, index):
    index(LINES)
    report, _ = index([], allow_shrink=True)
    assert (report.removed, report.articles) == (10, 0)
    assert state(home) == {}
    with opened(home) as archive:
        assert archive.find("a1", np.ones(archive.count, dtype=np.bool_)) is None
    report, _ = index(LINES)
    assert numbers(report) == (10, 0, 0, 0)
    assert len(state(home)) == 10


def test_a_missing_source_publishes_nothing(home, index, tmp_path):
    index(LINES[:5])
    (tmp_path / "a.jsonl").write_text(json.dumps(line(7)))
    with pytest.raises(SourceError, match=r"none\.jsonl"):
        build(home, [str(tmp_path / "a.jsonl"), str(tmp_path / "none.jsonl")], Counting, BuildOptions(whole=False))
    assert len(home.ids()) == 1
    assert "a7" not in state(home)


def test_a_damaged_current_snapshot_is_not_built_upon(home, index):
    index(LINES)
    path = home.directory(home.current()) / "segment-0" / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(
        SnapshotError, match=r"vectors\.npy: found blake3:.*; roll back with `lienquan snapshots rollback"
    ):
        index(LINES)


@pytest.mark.parametrize("number", [3, 7, "6", None])
def test_a_snapshot_of_a_format_that_is_not_read_is_not_built_upon(home, index, number):
    index([line(0)])
    directory = home.directory(home.current())
    content = json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))
    written = json.dumps(content | {"format": number}).encode()
    (directory / MANIFEST_FILE).write_bytes(written)
    name = directory.name.split("-")[0] + "-" + hashlib.sha256(written).hexdigest()[:8]
    directory.rename(directory.with_name(name))
    home.point_to(name)
    with pytest.raises(SnapshotError, match=f"format: {number}: expected 4 or 5 or 6; .*or build in a new home"):
        index([line(1)])
    assert (home.current(), home.ids()) == (name, [name])


def test_no_build_beside_another(home, index):
    with home.lock(), pytest.raises(BuildRefused, match=f"held by process {os.getpid()}"):
        index(LINES)
    assert home.ids() == []


# Adding


def test_adding_to_an_empty_home(home, index):
    assert index(LINES[:2], whole=False)[0].added == 2
    assert set(state(home)) == {"a0", "a1"}


def test_adding_keeps_what_is_there(home, index):
    index(LINES)
    report, encoder = index([line(10), line(3, title="Gốm mới")], whole=False)
    assert numbers(report) == (1, 1, 0, 9)
    assert report.articles == 11
    assert encoder.texts == ["Gốm mới\nLò 3", "Gốm số 10\nLò 10"]
    assert state(home)["a3"] == "Gốm mới"
    assert index([line(10)], whole=False)[0].snapshot is None


def test_adding_an_older_reading_changes_nothing(home, index):
    index([line(1, updated_at="2023-11-08"), *LINES[2:]])
    report, _ = index([line(1, title="Cũ", updated_at="2023-11-07")], whole=False)
    assert (numbers(report), report.snapshot) == ((0, 0, 0, 9), None)
    report, _ = index([line(1, title="Mới", updated_at="2023-11-08T00:00:01")], whole=False)
    assert numbers(report) == (0, 1, 0, 8)
    assert state(home)["a1"] == "Mới"


def test_the_last_line_of_an_id_wins(home, index):
    report, _ = index([line(1, title="Một"), line(2), line(1, title="Hai")], whole=False)
    assert (report.repeated, report.articles) == (1, 2)
    assert state(home)["a1"] == "Hai"


# Another encoder


@pytest.mark.parametrize("identity", [{"revision": "2"}, {"precision": "int8"}, {"document_prompt": "p: "}])
def test_another_encoder_encodes_everything_again(home, index, identity):
    index(LINES)
    report, encoder = index(LINES, Counting(**identity))
    assert (numbers(report), report.encoded, report.reused) == ((0, 0, 0, 10), 10, 0)
    assert len(encoder.texts) == 10
    assert manifest_of(home).encoder == encoder.identity
    assert index(LINES, Counting(**identity))[0].snapshot is None


def test_another_way_of_making_texts_encodes_everything_again(home, index, monkeypatch):
    index(LINES)
    monkeypatch.setattr(assembly, "ENCODED", "views-2")
    report, encoder = index(LINES)
    assert (report.encoded, len(encoder.texts)) == (10, 10)
    assert manifest_of(home).encoded == "views-2"


def test_another_encoder_and_a_removal_leave_no_old_vectors(home, index):
    index(LINES)
    report, _ = index(LINES[1:], Counting(revision="2"))
    assert report.encoded == 9
    (entry,) = manifest_of(home).segments
    assert (entry.articles, entry.tombstones) == (9, None)


# Bad lines

BAD = [
    "{",
    {"id": "x/y", "title": "t"},
    {"id": "a1", "title": "", "tags": [1]},
    '"gốm"',
    {"id": "a\ud800", "title": "t"},
]


def test_bad_lines_are_told_and_kept_in_a_file(home, index, tmp_path):
    report, _ = index([line(0), *BAD, line(2)])
    assert (report.lines, report.rejected, report.articles) == (7, 5, 2)
    assert report.problems_by_field == {"(line)": 2, "id": 2, "title": 1, "tags.0": 1}
    assert [problem.line for problem in report.problems] == [2, 3, 4, 4, 5, 6]
    assert report.rejects.parent == home.path
    kept = [json.loads(one) for one in report.rejects.read_text(encoding="utf-8").splitlines()]
    assert [one["line"] for one in kept] == [2, 3, 4, 5, 6]
    assert {one["source"] for one in kept} == {str(tmp_path / "source.jsonl")}
    assert [one["raw"] for one in kept] == BAD
    assert kept[2]["problems"] == [
        {"field": "title", "value": "''", "reason": "expected a string that is not empty"},
        {"field": "tags.0", "value": "1", "reason": "expected a string"},
    ]


def test_a_time_of_change_too_far_ahead_is_told_left_out_and_keeps_nothing_out(home, index, tmp_path):
    report, _ = index([line(0), line(1, updated_at="9999-12-30T00:00:00Z"), *LINES[2:]])
    assert (report.ahead, report.rejected, report.rejects, report.articles) == (1, 0, None, 10)
    assert report.problems_by_field == {"updated_at": 1}
    told = str(report.problems[0])
    assert told.startswith(f"{tmp_path / 'source.jsonl'}:2: updated_at: '9999-12-30T07:00:00+07:00': expected 2")
    assert told.endswith(" or earlier, a day from now; it is left out")
    report, _ = index([line(1, title="Mới", updated_at="2026-01-01")], whole=False)
    assert (report.ahead, numbers(report), state(home)["a1"]) == (0, (0, 1, 0, 9), "Mới")


def test_one_that_an_earlier_release_stored_is_replaced(home, index, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("indexer.building.build.without_time_ahead", lambda article, now: (article, []))
        index([line(1, updated_at="9999-12-30"), *LINES[2:]])
    report, _ = index([line(1, title="Mới", updated_at="2026-01-01")], whole=False)
    assert (numbers(report), state(home)["a1"]) == ((0, 1, 0, 8), "Mới")


def test_a_few_problems_are_shown_and_all_are_kept(index):
    report, _ = index([line(0), *[{"id": "", "title": ""}] * 50])
    assert (report.rejected, len(report.problems)) == (50, 20)
    assert report.problems_by_field == {"id": 50, "title": 50}
    assert len(report.rejects.read_text().splitlines()) == 50


def test_strict_stops_at_the_first(home, index):
    with pytest.raises(ValidationFailed, match=r"source\.jsonl:2: title: '': expected a string that is not empty"):
        index([line(0), {"id": "a", "title": ""}, "{"], strict=True)
    with pytest.raises(ValidationFailed, match=r"source\.jsonl:1: updated_at: '9999"):
        index([line(0, updated_at="9999-12-30")], strict=True)
    assert home.ids() == []
    assert list(home.path.glob("rejects*")) == []


@pytest.mark.parametrize("article_id", ["a1", "a\u00a01", "a\u200d1", "\U0001f600"])
def test_a_bad_line_keeps_the_stored_article(home, index, article_id):
    stored = {"id": article_id, "title": "Cũ"}
    index([stored, *LINES[2:]])
    report, _ = index([{**stored, "title": "Mới", "published_at": "hôm qua"}, *LINES[2:]])
    assert (numbers(report), report.rejected, report.snapshot) == ((0, 0, 0, 9), 1, None)
    assert state(home)[article_id] == "Cũ"


def test_the_depth_of_a_line_never_breaks_a_build(home, index):
    deep = [f'{{"id": "d{n}", "title": "t", "x": ' + "[" * n + "]" * n + "}" for n in range(1, 1200)]
    report, _ = index([line(0), *deep, '{"id": "a", "title": ' + "[" * 990 + "]" * 990 + "}"])
    assert report.lines == 1201
    assert report.articles == 1 + 63
    assert report.rejected == 1200 - 63


def test_times_at_the_ends_of_the_calendar_never_break_a_build(home, index):
    odd = ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T07:00:00", "9999-12-31T23:59:59"]
    report, _ = index([line(n, published_at=value, updated_at=value) for n, value in enumerate(odd)])
    assert report.articles + report.rejected == 4
    assert report.articles >= 3
    assert index([line(n, published_at=value, updated_at=value) for n, value in enumerate(odd)])[0].snapshot is None


# Interruptions

HUNDRED = [line(n) for n in range(100)]


def test_a_failed_build_leaves_current_and_loses_no_vector(home, index):
    first, _ = index(LINES)
    with pytest.raises(RuntimeError, match="out of memory"):
        index(HUNDRED, Counting(fail_at=1))
    assert home.current() == first.snapshot
    assert [path.name for path in home.snapshots.iterdir()] == [first.snapshot]
    assert len(state(home)) == 10
    report, encoder = index(HUNDRED)
    assert (report.encoded, report.reused) == (26, 74)  # 10 published, 64 of the first batch
    assert encoder.texts == [f"Gốm số {n}\nLò {n}" for n in range(74, 100)]
    assert not (home.path / "encoding.sqlite").exists()
    with opened(home) as archive:
        expected = HashingEncoder(32).encode_documents([f"Gốm số {n}\nLò {n}" for n in range(100)])
        assert archive.vectors_of(np.arange(100)) == pytest.approx(expected, abs=1e-6)


def test_another_encoder_takes_nothing_from_an_interrupted_build(index):
    with pytest.raises(RuntimeError):
        index(HUNDRED, Counting(fail_at=1))
    report, _ = index(HUNDRED, Counting(revision="2"))
    assert (report.encoded, report.reused) == (100, 0)


def test_vectors_that_are_not_unit_are_never_published(home, index):
    class Long(Counting):
        def encode_documents(self, texts):
            return super().encode_documents(texts) * np.float32(np.nan)

    with pytest.raises(ValueError, match="expected unit length"):
        index(LINES, Long())
    assert home.ids() == []


CHILD = """
import itertools, json, sys, time
from pathlib import Path
from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from tests.indexer.building.test_build import Counting

class Sleeping(Counting):
    def encode_documents(self, texts):
        if len(self.batches) == 1 and sys.argv[3] == "sleep":
            print("encoding", flush=True)
            time.sleep(600)
        return super().encode_documents(texts)

home, source = Home(Path(sys.argv[1])), Path(sys.argv[2])
if sys.argv[3] == "sleep":
    build(home, [str(source)], Sleeping)
for n in itertools.count():
    if n == 1:
        print("building", flush=True)
    source.write_text("".join(json.dumps({"id": f"a{i}", "title": f"Tin {n} {i}"}) + "\\n" for i in range(12 - n % 2)))
    build(home, [str(source)], Counting, BuildOptions(keep=2))
"""


@contextmanager
def child(home, source, mode):
    """Run a process that builds, until it says that it does, and kill it at the end."""
    command = [sys.executable, "-c", CHILD, str(home.path), str(source), mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == ("encoding" if mode == "sleep" else "building")
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def test_a_build_killed_while_encoding(home, index, tmp_path):
    first, _ = index(LINES)
    source = tmp_path / "hundred.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in HUNDRED))
    with child(home, source, "sleep") as process, pytest.raises(BuildRefused, match=f"held by process {process.pid}"):
        index(HUNDRED)
    assert home.current() == first.snapshot
    assert len(list(home.snapshots.glob(".partial-*"))) == 1
    report, encoder = index(HUNDRED)
    assert (report.encoded, report.reused, len(encoder.texts)) == (26, 74, 26)
    assert sorted(path.name for path in home.snapshots.iterdir()) == [first.snapshot, report.snapshot]
    assert sorted(path.name for path in home.path.iterdir()) == [
        "CURRENT",
        "build.json",
        "build.lock",
        "lock",
        "snapshots",
    ]


def test_a_build_killed_at_any_moment_leaves_a_whole_snapshot(home, tmp_path):
    moment = random.Random(7)
    for _ in range(3):
        with child(home, tmp_path / "again.jsonl", "again"):
            time.sleep(moment.uniform(0, 0.15))
        verify(home.directory(home.current()))
        titles = list(state(home).values())
        assert len(titles) in (11, 12)
        assert len({title.split()[1] for title in titles}) == 1, "two generations in one snapshot"
    (tmp_path / "last.jsonl").write_text(json.dumps(line(0)))
    build(home, [str(tmp_path / "last.jsonl")], Counting, BuildOptions(allow_shrink=True, keep=1))
    assert state(home) == {"a0": "Gốm số 0"}
    assert [path.name for path in home.snapshots.iterdir()] == [home.current()]


# After publication


def test_old_snapshots_are_pruned(home, index):
    made = [index([line(0, views=n)], keep=2)[0] for n in range(4)]
    assert [report.pruned for report in made] == [[], [], [made[0].snapshot], [made[1].snapshot]]
    assert home.ids() == [made[2].snapshot, made[3].snapshot]


def test_a_build_after_a_rollback_goes_on_from_there(home, index):
    first, _ = index(LINES[:9])
    second, _ = index(LINES)
    home.rollback()
    third, encoder = index([*LINES[:9], line(77)])
    assert manifest_of(home).parent == first.snapshot
    assert encoder.texts == ["Gốm số 77\nLò 77"]
    assert home.ids() == [first.snapshot, second.snapshot, third.snapshot]


def test_the_background_is_drawn_again_when_the_archive_has_doubled(home, index):
    def drawn():
        calibration = manifest_of(home).calibration
        return calibration.articles, calibration.own

    index(LINES)
    assert drawn() == (10, 10)
    index(HUNDRED[:20])
    assert drawn() == (10, 10)
    before = inodes(home)["background.npy"]
    index([line(0, views=1), *HUNDRED[1:20]])
    assert inodes(home)["background.npy"] == before
    index(HUNDRED[:21])
    assert drawn() == (21, 21)
    index(HUNDRED[:21], Counting(revision="2"))
    assert inodes(home)["background.npy"] != before


def test_describe(home, index):
    first, _ = index(LINES)
    index(LINES[1:])
    directory = home.directory(home.current())
    told = describe(read_manifest(directory))
    size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and path.name != "manifest.json")
    assert told.pop("created_at").endswith("+00:00")
    assert told == {
        "parent": first.snapshot,
        "articles": 9,
        "vectors": 10,
        "encoder": "hashing@1 fp32",
        "bytes": size,
    }


def test_a_source_that_breaks_off_never_removes_what_it_no_longer_says(home, index, tmp_path):
    index(LINES)
    before = state(home)
    whole = gzip.compress("".join(json.dumps(one) + "\n" for one in LINES[:9] + LINES[:1] * 5000).encode())
    broken = tmp_path / "archive.jsonl.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BuildRefused, match=r"archive\.jsonl\.gz:\d+: could not be read whole, and 1 articles"):
        build(home, [str(broken)], Counting)
    assert state(home) == before
    added = build(home, [str(broken)], Counting, BuildOptions(whole=False))
    assert (added.removed, added.articles) == (0, 10)
    assert build(home, [str(broken)], Counting, BuildOptions(allow_shrink=True)).removed == 1


def test_a_build_waits_for_a_merge_and_for_nothing_else(home, index, monkeypatch):
    with home.lock(merging=True):
        with (
            pytest.raises(BuildRefused, match=r"held by process \d+, which publishes what the API changed"),
            home.lock(merging=True),
        ):
            pass
        monkeypatch.setattr(home_module, "MERGE_SECONDS", 0.2)
        with pytest.raises(BuildRefused, match="held by process"):
            index(LINES)
    monkeypatch.setattr(home_module, "MERGE_SECONDS", 60.0)
    held, over = threading.Event(), threading.Event()

    def merge():
        with home.lock(merging=True):
            held.set()
            over.wait(10)

    thread = threading.Thread(target=merge)
    thread.start()
    assert held.wait(10)
    monkeypatch.setattr(home_module.time, "sleep", lambda _: over.set())
    assert index(LINES)[0].snapshot is not None
    thread.join()


# How often an article is read


@pytest.fixture
def readings(monkeypatch):
    """Return what is counted of an article whose body has the words `đầu bài` and `cuối bài`.

    `bodies`: its markup parsed from the start; `ends`: a piece of it parsed that holds the end alone; `lines`: its
    JSON read.
    """
    counts = Counter()
    parse, read = lxml_html.document_fromstring, json.loads

    def parsing(markup, *args, **kwargs):
        counts["bodies" if "đầu bài" in markup else "ends"] += "cuối bài" in markup
        return parse(markup, *args, **kwargs)

    def reading(text, *args, **kwargs):
        counts["lines"] += "cuối bài" in (text if isinstance(text, str) else text.decode())
        return read(text, *args, **kwargs)

    monkeypatch.setattr(lxml_html, "document_fromstring", parsing)
    monkeypatch.setattr(json, "loads", reading)
    return counts


def written(**fields):
    """Return a line with the letters themselves, by which `readings` knows it."""
    return json.dumps(line(50, **fields), ensure_ascii=False)


HTML = written(body_html=f"<p>đầu bài</p>{'<p>giữa</p>' * 200}<p>cuối bài</p>")


def test_a_new_article_is_parsed_once_and_its_line_read_twice(index, readings):
    """The source reads its line; then it is read once to encode the article and once to write it."""
    assert index([HTML])[0].encoded == 1
    assert readings == {"bodies": 1, "ends": 1, "lines": 1 + 2}


def test_a_stored_article_that_is_written_anew_is_parsed_and_read_once(index, readings):
    index([HTML])
    readings.clear()
    report, _ = index(LINES, whole=False)
    assert (report.added, report.reused) == (10, 1)
    assert readings == {"bodies": 1, "ends": 1, "lines": 1}


def test_an_article_in_plain_text_is_never_parsed(index, readings):
    index([written(body="đầu bài\ncuối bài")])
    assert readings == {"lines": 1 + 2}


# Without room


def test_what_sqlite_says_of_a_full_disk_is_told_in_words(home, index, monkeypatch):
    before, _ = index(LINES)

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Staging, "gather", full)
    with pytest.raises(BuildRefused, match=r"SQLite cannot write: database or disk is full; is the disk full\?"):
        index([*LINES, line(99)])
    assert home.current() == before.snapshot
    assert [path.name for path in home.snapshots.iterdir()] == [before.snapshot]


def test_an_index_that_the_disk_does_not_take_is_told_in_words(home, index, tmp_path):
    index(LINES)
    raw = home.directory(home.current()) / "segment-0" / "vectors.npy"
    with pytest.raises(OSError, match=r"index\.faiss: cannot be written; is the disk full\?"):
        build_index(raw, tmp_path / "not there" / "index.faiss")
