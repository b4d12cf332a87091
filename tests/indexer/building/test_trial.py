"""An article that cannot be prepared within its time is set aside, and the others go on.

No text hangs the code on purpose; so the child is made to hang by `sitecustomize`, which every interpreter imports.
"""

import json
import os
import time
from contextlib import closing

import numpy as np
import pytest

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.building import trial
from indexer.building.build import BuildOptions, build
from indexer.building.ingest import Ingester, newest
from indexer.building.trial import LONG, TrialPreparation
from indexer.changes.changes import Delete, Put
from indexer.changes.journal import Journal
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from tests.paths import ROOT

PATCH = """
from indexer.articles import article
plain = article.Article.plain_body
def hostile(self):
    if self.title.startswith("Treo"):
        while True:
            pass
    return plain.fget(self)
article.Article.plain_body = property(hostile)
"""
FAULT = "expected an article that can be prepared in 4 s: preparing it "


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """Have articles whose title begins with `Treo` hang whoever prepares them in a child; it has 4 s."""
    (tmp_path / "patched").mkdir()
    (tmp_path / "patched" / "sitecustomize.py").write_text(PATCH)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'patched'}{os.pathsep}{ROOT}")
    monkeypatch.setattr(TrialPreparation.__init__, "__defaults__", (4.0,))


def line(article_id, title="Tin", words=10):
    return {"id": article_id, "title": title, "body": "chợ sớm " * words}


def long(article_id, title="Tin"):
    return line(article_id, title, LONG // 8 + 1)


def held(home):
    """Return the ids of what is served."""
    place = newest(home)
    archive = Archive(Snapshot(place.directory(place.current())))
    found = {
        article.id
        for segment in archive.segments
        for article in segment.store.articles(np.flatnonzero(segment.alive).tolist())
    }
    archive.close()
    return found


class TestFault:
    def test_a_long_article_is_tried_and_an_ordinary_one_is_not(self, monkeypatch):
        tried = []
        run = lambda self, work, given: tried.append(json.loads(given)["id"]) or ()  # noqa: E731
        monkeypatch.setattr(trial.ConfinedChild, "run", run)
        with closing(TrialPreparation()) as found:
            for given in (line("a"), long("b"), {**line("c"), "tags": ["x" * LONG]}, {**line("d"), "extra": 7}):
                assert found.fault(given) == ""
        assert tried == ["b", "c"]

    def test_an_ordinary_article_of_any_length_is_prepared(self):
        with closing(TrialPreparation()) as found:
            assert found.fault(line("a", words=40_000)) == ""
            assert found.fault({**long("a"), "published_at": "2026-11-20", "body_html": "<p>x</p>" * 9000}) == ""

    def test_what_is_no_article_is_left_to_whoever_judges_it(self):
        with closing(TrialPreparation()) as found:
            assert found.fault({"id": 7, "body": "x" * LONG}) == ""
            assert found.fault({"id": "a", "title": "x", "body": "x" * LONG, "extra": {1, 2}}) == ""

    def test_one_that_hangs_is_told(self, hanging):
        with closing(TrialPreparation()) as found:
            assert found.fault(long("a", "Treo")).startswith(FAULT)
            assert found.fault(long("b")) == ""


def test_a_build_sets_it_aside_and_goes_on(hanging, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in (line("a"), long("b", "Treo"), long("c"))))
    home = Home(tmp_path / "home")
    began = time.monotonic()
    report = build(home, [str(source)], HashingEncoder)
    assert time.monotonic() - began < 60
    assert held(home) == {"a", "c"}
    (problem,) = report.problems
    assert (problem.line, problem.reason.startswith(FAULT)) == (2, True)
    assert '"b"' in report.rejects.read_text()


def test_what_is_stored_of_it_stays(hanging, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in (line("a"), line("b"))))
    home = Home(tmp_path / "home")
    build(home, [str(source)], HashingEncoder)
    source.write_text("".join(json.dumps(one) + "\n" for one in (line("a", "Tin mới"), long("b", "Treo"))))
    build(home, [str(source)], HashingEncoder)
    assert held(home) == {"a", "b"}


@pytest.fixture
def written(tmp_path):
    """Return a home that holds two articles, and its journal."""
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(line(name)) + "\n" for name in "ab"))
    home = Home(tmp_path / "home")
    build(home, [str(source)], HashingEncoder)
    with closing(Journal(home.path)) as journal:
        yield home, journal


def test_ingesting_sets_it_aside_and_what_came_with_it_is_served(hanging, written):
    home, journal = written
    puts = [Put(validate(one)) for one in (line("c"), long("d", "Treo"), line("e"))]
    journal.write([*puts, Delete("a")])
    assert Ingester(home, HashingEncoder).step() is not None
    assert held(home) == {"b", "c", "e"}
    (aside,) = journal.aside()
    assert (aside.id, aside.tries, aside.error.startswith(FAULT)) == ("d", 1, True)
    assert journal.waiting(journal.last()).aside == 1


def test_a_merge_sets_it_aside_and_what_is_deleted_goes(hanging, written):
    home, journal = written
    journal.write([Put(validate(long("d", "Treo"))), Delete("a"), Put(validate(line("e")))])
    build(home, [], HashingEncoder, BuildOptions(whole=False, merging=True))
    assert held(home) == {"b", "e"}
    assert [aside.id for aside in journal.aside()] == ["d"]


def test_written_anew_it_is_served(hanging, written):
    home, journal = written
    journal.write([Put(validate(long("d", "Treo")))])
    ingester = Ingester(home, HashingEncoder)
    ingester.step()
    assert held(home) == {"a", "b"}
    journal.write([Put(validate(long("d", "Nay thì được")))])
    ingester.step()
    assert held(home) == {"a", "b", "d"}
    assert journal.aside() == []
