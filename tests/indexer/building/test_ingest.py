"""The API's changes in live snapshots, builds and rollbacks: nothing acknowledged is lost, nothing comes back."""

import ctypes
import json
import multiprocessing
import os
import re
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.articles.columns import micros
from indexer.building import ingest
from indexer.building.build import BuildOptions, build
from indexer.building.ingest import KEPT, Ingester, live_home, newest
from indexer.building.staging import Staging
from indexer.changes import journal
from indexer.changes.changes import Delete, Put
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused, SnapshotError
from indexer.index.lexical import TantivyIndex
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from models.hashing import HashingEncoder
from service.schemas import RelatedBody, SearchParams, Seed
from service.searcher import Searcher

WORDS = "công đoàn lao động bảo hiểm tiền lương bão lũ giáo viên thủy điện bóng đá cầu thủ trận đấu".split()


def line(name, title=None, **fields):
    number = int("".join(c for c in name if c.isdigit()) or 0)
    words = " ".join(WORDS[(number * step) % len(WORDS)] for step in (1, 3, 5, 7))
    return {"id": name, "title": title or f"Tin {name} về {words}", **fields}


def put(*args, **fields):
    found = validate(line(*args, **fields))
    assert not isinstance(found, list), found
    return Put(found)


class Place:
    """A home, what is written into it, and what is served of it."""

    def __init__(self, path):
        self.home, self.path = Home(path), path
        self.journal = Journal(path)
        self.ingester = Ingester(self.home, HashingEncoder)

    def close(self):
        self.journal.close()

    def index(self, lines, whole=True, **options):
        source = self.path / "source.jsonl"
        source.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
        chosen = BuildOptions(whole=whole, allow_shrink=True, keep=50)
        return build(self.home, [str(source)], HashingEncoder, replace(chosen, **options)).snapshot

    def merge(self, **options):
        return build(self.home, [], HashingEncoder, replace(BuildOptions(whole=False, keep=50), **options)).snapshot

    def ingest(self):
        names = []
        while (name := self.ingester.step()) is not None:
            names.append(name)
        return names

    def opened(self):
        place = newest(self.home)
        return Archive(Snapshot(place.directory(place.current())))

    def titles(self, archive=None):
        archive = archive or self.opened()
        archive.withdraw(self.journal.withdrawals(archive.manifest.changes, micros(datetime.now(UTC))))
        rows = archive.public(micros(datetime.now(UTC)))[0].nonzero()[0]
        return {article.id: article.title for article in archive.articles(rows)}


@pytest.fixture
def place(tmp_path):
    with closing(Place(tmp_path / "home")) as made:
        yield made


class Choking(HashingEncoder):
    """An encoder that raises at a word, and counts what it was given."""

    def __init__(self):
        super().__init__()
        self.given = 0

    def encode_documents(self, texts):
        self.given += len(texts)
        if any("độc" in text for text in texts):
            raise RuntimeError("a token that does not exist")
        return super().encode_documents(texts)


class TestPoison:
    @pytest.fixture
    def encoder(self, place, monkeypatch):
        monkeypatch.setattr(journal, "RETRY_SECONDS", 3600)  # this machine may be slow
        encoder = Choking()
        place.ingester = Ingester(place.home, lambda: encoder)
        return encoder

    @pytest.mark.parametrize("first", [True, False])
    def test_it_stops_no_other_and_is_told(self, place, encoder, caplog, first):
        if not first:
            place.index([line("a1")])
        names = [f"b{n}" for n in range(90)]
        place.journal.write([put(name, "Tin độc" if name in ("b7", "b70") else None) for name in names])
        place.ingest()
        good = set(names) - {"b7", "b70"}
        assert set(place.titles()) == good | (set() if first else {"a1"})
        assert [(one.id, one.tries, one.error) for one in place.journal.aside()] == [
            (name, 1, "RuntimeError: a token that does not exist") for name in ("b7", "b70")
        ]
        assert "article 'b7' cannot be ingested, try 1: set aside until" in caplog.text
        assert place.journal.waiting(place.opened().manifest.changes).changes == 0

        given = encoder.given
        assert place.ingest() == []  # it is not tried all the time
        assert encoder.given == given
        place.journal.write([put("c1")])
        assert len(place.ingest()) == 1
        assert "c1" in place.titles()

    def test_what_it_replaces_stays_until_it_is_written_anew(self, place, encoder):
        place.index([line("a1", "Cũ")])
        place.journal.write([put("a1", "Độc độc"), put("a2")])
        place.ingest()
        assert place.titles()["a1"] == "Cũ"
        place.journal.write([put("a1", "Sửa")])
        place.ingest()
        assert place.titles()["a1"] == "Sửa"
        assert place.journal.aside() == []

    def test_one_that_is_not_to_be_seen_is_held_back_all_the_same(self, place, encoder):
        place.index([line("a1", "Cũ"), line("a2")])
        place.journal.write([put("a1", "Tin độc", unpublish_at="2001-01-01"), put("a3")])
        place.ingest()
        assert set(place.titles()) == {"a2", "a3"}

    def test_it_is_in_once_the_fault_is_over(self, place, encoder, monkeypatch):
        place.index([line("a1")])
        place.journal.write([put("b1", "Tin độc")])
        place.ingest()
        monkeypatch.setattr(journal, "RETRY_SECONDS", 0)
        place.ingester = Ingester(place.home, HashingEncoder)
        place.journal.set_aside(place.journal.take_again(0, datetime.now(UTC) + timedelta(hours=2))[0], "x")
        assert len(place.ingest()) == 1
        assert place.titles()["b1"] == "Tin độc"
        assert place.journal.aside() == []

    def test_merges_and_builds_leave_it_out(self, place, encoder):
        place.index([line("a1")])
        place.journal.write([put("b1", "Tin độc"), put("b2")])
        place.ingest()
        assert place.merge() is not None
        assert set(place.titles()) == {"a1", "b2"}
        place.index([line("a1"), line("a4")])
        assert set(place.titles()) == {"a1", "a4", "b2"}
        assert [one.id for one in place.journal.aside()] == ["b1"]

    def test_a_fault_of_the_machine_is_no_fault_of_an_article(self, place, monkeypatch):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        monkeypatch.setattr(Ingester, "_apply", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
        with pytest.raises(OSError, match="No space"):
            place.ingester.step()
        assert place.journal.aside() == []

    def test_nor_is_what_sqlite_says_of_the_disk(self, place, monkeypatch):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        full = sqlite3.OperationalError("database or disk is full")
        monkeypatch.setattr(Staging, "compare", lambda *_, **__: (_ for _ in ()).throw(full))
        with pytest.raises(BuildRefused, match="disk is full"):
            place.ingester.step()
        assert place.journal.aside() == []


class Fatal(HashingEncoder):
    """An encoder that ends the process at a word, without being able to say so."""

    def encode_documents(self, texts):
        if any("quệch" in text for text in texts):
            os._exit(9)
        return super().encode_documents(texts)


class Greedy(HashingEncoder):
    """An encoder that needs more memory at a word than there is."""

    def encode_documents(self, texts):
        if any("phình" in text for text in texts):
            raise MemoryError
        return super().encode_documents(texts)


def ingest_until_done(home):
    journal.RETRY_SECONDS = 3600  # this machine may be slow
    ingester = Ingester(home, Fatal)
    while ingester.step() is not None:
        pass


def status_of_ingesting(home):
    """Ingest in a process of its own, started anew as FAISS's threads outlive no fork, and return its exit status."""
    process = multiprocessing.get_context("spawn").Process(target=ingest_until_done, args=(home,))
    process.start()
    process.join()
    return process.exitcode


class TestWhatEndsTheProcess:
    @pytest.mark.parametrize("first", [True, False])
    def test_it_is_set_aside_at_the_second_time(self, place, first):
        if not first:
            place.index([line("a1")])
        names = [f"b{n}" for n in range(40)]
        place.journal.write([put(name, "Tin quệch" if name in ("b7", "b30") else None) for name in names])
        assert [status_of_ingesting(place.home) for _ in range(4)] == [9, 9, 9, 0]  # b7 in a portion, alone, b30
        assert set(place.titles()) == set(names) - {"b7", "b30"} | (set() if first else {"a1"})
        assert [(one.id, one.error) for one in place.journal.aside()] == [
            (name, "RuntimeError: the process that was at it ended") for name in ("b7", "b30")
        ]

    def test_one_that_was_written_anew_meanwhile_is_tried(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1", "Tin quệch")])
        assert status_of_ingesting(place.home) == 9
        place.journal.write([put("b1", "Tin sống"), put("b2")])
        assert status_of_ingesting(place.home) == 0
        assert place.titles()["b1"] == "Tin sống"
        assert place.journal.aside() == []

    def test_one_that_was_alone_when_the_service_was_stopped_is_tried_again_at_once(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        with place.ingester._trying(place.journal.take(0)):
            note = (live_home(place.home).path / ingest.TRYING).read_bytes()
        (live_home(place.home).path / ingest.TRYING).write_bytes(note)  # as if it had been killed
        place.ingester = Ingester(place.home, HashingEncoder)
        assert place.journal.aside() == []
        assert len(place.ingest()) == 1
        assert set(place.titles()) == {"a1", "b1"}

    def test_one_that_takes_all_memory_is_found_too(self, place):
        def fresh():
            return Ingester(place.home, Greedy)

        place.index([line("a1")])
        place.journal.write([put("b1"), put("b2", "Tin phình"), put("b3")])
        with pytest.raises(MemoryError):
            fresh().step()
        ingester = fresh()
        ingester.step()
        with pytest.raises(MemoryError):  # alone
            ingester.step()
        place.ingester = fresh()
        place.ingest()
        assert set(place.titles()) == {"a1", "b1", "b3"}
        assert [one.id for one in place.journal.aside()] == ["b2"]

    def test_a_note_that_was_cut_short_stops_nothing(self, place):
        place.index([line("a1")])
        (place.home.path / "live").mkdir(exist_ok=True)
        (place.home.path / "live" / ingest.TRYING).write_text('{"seq": 1, "cha')
        place.journal.write([put("b1")])
        assert status_of_ingesting(place.home) == 0
        assert set(place.titles()) == {"a1", "b1"}


class TestBulk:
    def test_what_is_put_later_is_served_first(self, place):
        place.index([line("a1")])
        place.journal.write([put(f"b{n}") for n in range(3 * ingest.BEHIND)], later=True)
        place.journal.write([Delete("a1")], later=True)
        assert place.titles() == {}  # withdrawn at once, wherever it waits
        place.ingester.step()
        assert len(place.titles()) == ingest.BEHIND
        place.journal.write([put("c1")])
        place.ingester.step()
        assert len(place.titles()) == ingest.BEHIND + 1
        assert "c1" in place.titles()
        place.ingest()
        assert set(place.titles()) == {f"b{n}" for n in range(3 * ingest.BEHIND)} | {"c1"}

    def test_a_merge_beside_the_service_leaves_the_rest_to_it(self, place):
        place.index([line("a1")])
        place.journal.write([put(f"b{n}") for n in range(2 * ingest.BEHIND)], later=True)
        place.ingester.step()
        place.merge(behind=False)
        assert place.home.current() == newest(place.home).current()
        assert len(place.titles()) == ingest.BEHIND + 1
        place.ingest()
        assert len(place.titles()) == 2 * ingest.BEHIND + 1


class TestLive:
    def test_nothing_to_do(self, place):
        assert place.ingester.step() is None
        place.index([line("a1")])
        assert place.ingester.step() is None
        assert newest(place.home).path == place.path

    def test_a_put_and_a_delete_are_served_without_a_build(self, place):
        published = place.index([line(f"a{n}") for n in range(5)])
        place.journal.write([put("b1", "Mới"), put("a1", "Sửa"), Delete("a2")])
        (name,) = place.ingest()
        assert place.titles() == {
            **{f"a{n}": line(f"a{n}")["title"] for n in (0, 3, 4)},
            **{"a1": "Sửa", "b1": "Mới"},
        }
        live = live_home(place.home)
        manifest = read_manifest(live.directory(name))
        assert (manifest.base, manifest.parent, manifest.changes) == (published, published, 3)
        assert place.home.current() == published
        verify(live.directory(name))
        assert (live.directory(name) / "segment-0" / "vectors.npy").samefile(
            place.home.directory(published) / "segment-0" / "vectors.npy"
        )

    def test_found_by_search_and_related_and_suggested(self, place):
        place.index([line(f"a{n}") for n in range(8)])
        place.journal.write([put("b1", "Thợ lò Quánh Xạ nhận thưởng"), put("b2", "Thợ lò Quánh Xạ nhận quà")])
        place.ingest()
        searcher = Searcher(place.opened(), HashingEncoder)
        assert {hit.article.id for hit in searcher.search(SearchParams(q="Quánh Xạ")).hits[:2]} == {"b1", "b2"}
        related = searcher.related(RelatedBody(seed=Seed(ids=["b1"]), ranking="similarity"))
        assert related.hits[0].article.id == "b2"
        assert any("Quánh" in one.text for one in searcher.suggest("thợ lò", 8))

    def test_old_articles_are_related_to_new_ones(self, place):
        place.index([line(f"a{n}") for n in range(8)])
        place.journal.write([put("b1", line("a3")["title"] + " hôm nay")])
        place.ingest()
        searcher = Searcher(place.opened(), HashingEncoder)
        related = searcher.related(RelatedBody(seed=Seed(ids=["a3"]), ranking="similarity"))
        assert related.hits[0].article.id == "b1"

    def test_many_are_taken_in_portions(self, place, monkeypatch):
        monkeypatch.setattr(ingest, "PORTION", 4)
        place.index([line("a1")])
        place.journal.write([put(f"b{n}") for n in range(10)])
        assert len(place.ingest()) == 3
        assert len(place.titles()) == 11

    def test_one_that_cannot_be_opened_leaves_what_it_shares_with_another(self, place, monkeypatch):
        """As where it is deleted meanwhile: what is served goes on being served."""
        place.index([line("a1")])
        served = Archive(Snapshot(place.home.directory(place.home.current())))
        place.journal.write([put("b1")])
        (name,) = place.ingest()
        with monkeypatch.context() as context:
            context.setattr(TantivyIndex, "open", lambda *_: (_ for _ in ()).throw(FileNotFoundError("words")))
            with pytest.raises(SnapshotError, match="words"):
                Snapshot(live_home(place.home).directory(name), served.snapshot)
        assert served.row_of("a1") == 0
        assert served.articles([0])[0].id == "a1"

    def test_few_are_kept_on_disk(self, place):
        place.index([line("a1")])
        for n in range(6):
            place.journal.write([put(f"b{n}")])
            place.ingest()
        assert len(live_home(place.home).ids()) == ingest.KEPT
        assert len(place.titles()) == 7

    def test_the_base_s_segments_are_never_written_anew(self, place):
        place.index([line(f"a{n}") for n in range(4)])
        for n in range(9):
            place.journal.write([put(f"b{n}")])
            place.ingest()
            assert place.opened().manifest.segments[0].articles == 4
        assert len(place.titles()) == 13

    def test_a_change_that_changes_nothing_makes_no_snapshot(self, place):
        place.index([line("a1")])
        place.journal.write([Delete("b1")])
        assert place.ingest() == []

    def test_nor_does_it_wait(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        place.ingest()
        place.journal.write([Delete("b2"), put("b1")])
        assert ingest.ingestion(place.home).waiting == 2
        place.ingest()
        assert ingest.ingestion(place.home).waiting == 0
        place.journal.write([put("b3")])
        assert ingest.ingestion(place.home).waiting == 1
        place.ingester = Ingester(place.home, HashingEncoder)
        assert len(place.ingest()) == 1
        assert set(place.titles()) == {"a1", "b1", "b3"}

    def test_it_is_looked_at_again_where_the_snapshot_was_lost(self, place):
        """What was held against a live snapshot says nothing of the published one under it."""
        place.index([line("a1")])
        place.journal.write([put("b1")])
        (name,) = place.ingest()
        place.journal.write([put("b1")])
        assert place.ingest() == []
        (live_home(place.home).directory(name) / "manifest.json").write_text("")
        place.ingester = Ingester(place.home, HashingEncoder)
        assert ingest.ingestion(place.home).waiting == 1
        place.ingest()
        assert set(place.titles()) == {"a1", "b1"}

    def test_nothing_is_amiss_after_a_merge(self, place, caplog):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        place.ingest()
        place.merge()
        assert place.ingest() == []
        caplog.clear()
        assert newest(place.home) is place.home
        assert caplog.records == []

    @pytest.mark.parametrize("rewrite", [False, True])
    def test_an_archive_that_was_emptied_is_merged_as_any_other(self, place, rewrite):
        place.index([line("a1")])
        place.journal.write([Delete("a1")])
        place.ingest()
        assert place.merge(rewrite=rewrite) is not None
        assert place.merge(rewrite=rewrite) is None
        assert place.titles() == {}
        place.journal.write([put("b1")])
        place.ingest()
        assert place.merge(rewrite=rewrite) is not None
        assert set(place.titles()) == {"b1"}

    def test_a_home_without_a_snapshot_has_nothing_to_merge(self, place):
        with pytest.raises(BuildRefused, match="no article to index"):
            place.merge()

    def test_another_encoder_is_refused(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        with pytest.raises(SnapshotError, match=r"made with .*dim=64.*, not with .*dim=32"):
            Ingester(place.home, lambda: HashingEncoder(32)).step()

    def test_a_new_start_goes_on_from_what_is_there(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        place.ingest()
        place.ingester = Ingester(place.home, HashingEncoder)
        assert place.ingest() == []
        place.journal.write([put("b2")])
        assert len(place.ingest()) == 1
        assert set(place.titles()) == {"a1", "b1", "b2"}

    @pytest.mark.parametrize("file", ["manifest.json", "CURRENT", "articles.sqlite", "vectors.npy"])
    def test_one_that_is_damaged_is_made_again(self, place, file):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        (name,) = place.ingest()
        live = live_home(place.home)
        directory = live.directory(name)
        found = {"CURRENT": live.path / "CURRENT", "manifest.json": directory / "manifest.json"}
        path = found.get(file) or directory / "segment-1" / file
        path.write_bytes(b"x" + path.read_bytes()[1:])
        place.ingester = Ingester(place.home, HashingEncoder)
        place.journal.write([put("b2")])
        assert len(place.ingest()) >= 1
        assert set(place.titles()) == {"a1", "b1", "b2"}


class TestWithdrawn:
    def test_at_once_before_any_live_snapshot(self, place):
        place.index([line("a1"), line("a2"), line("a3")])
        archive = place.opened()
        ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        place.journal.write([Delete("a1"), put("a2", published_at=ahead), put("a3", unpublish_at=past)])
        assert place.titles(archive) == {}

    def test_one_that_is_written_again_is_back_with_the_next_snapshot(self, place):
        place.index([line("a1")])
        place.journal.write([Delete("a1")])
        assert place.titles() == {}
        place.journal.write([put("a1", "Lại")])
        place.ingest()
        assert place.titles() == {"a1": "Lại"}

    def test_until_when_is_told(self, place):
        place.index([line("a1")])
        archive = place.opened()
        now = datetime.now(UTC)
        place.journal.write([put("a1", unpublish_at=(now + timedelta(hours=1)).isoformat())])
        archive.withdraw(place.journal.withdrawals(0, micros(now)))
        public, until = archive.public(micros(now))
        assert public.tolist() == [True]
        assert until == micros(now + timedelta(hours=1))
        assert archive.public(until)[0].tolist() == [False]


class TestBuilds:
    def test_a_build_from_sources_keeps_what_the_api_wrote_and_deleted(self, place):
        lines = [line("a1"), line("a2"), line("a3")]
        place.index(lines)
        place.journal.write([put("a1", "Của API"), Delete("a2"), put("b1", "Mới")])
        place.index(lines)
        expected = {"a1": "Của API", "a3": line("a3")["title"], "b1": "Mới"}
        assert place.titles() == expected
        place.index(lines)
        place.index(lines, rewrite=True)
        assert place.titles() == expected
        place.ingest()
        assert place.titles() == expected

    def test_a_source_that_is_newer_replaces_both(self, place):
        place.index([line("a1"), line("a2")])
        place.journal.write([put("a1", "Của API"), Delete("a2")])
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        place.index([line("a1", "Nguồn", updated_at=later), line("a2", "Nguồn", updated_at=later)])
        assert place.titles() == {"a1": "Nguồn", "a2": "Nguồn"}

    def test_what_is_added_without_a_time_is_of_now(self, place):
        place.index([line("a1")])
        place.journal.write([put("a1", "Của API"), Delete("a2")])
        place.index([line("a1", "Thêm"), line("a2", "Thêm")], whole=False)
        assert place.titles() == {"a1": "Thêm", "a2": "Thêm"}

    def test_a_takedown_stands_against_every_source(self, place):
        place.index([line("a1"), line("a2")])
        place.journal.take_down("a1", "Lan", "đơn", [], [])
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        for whole in (True, False):
            place.index([line("a1", updated_at=later), line("a2")], whole=whole)
            assert set(place.titles()) == {"a2"}
        place.journal.lift("a1", "Lan")
        place.index([line("a1"), line("a2")])
        assert set(place.titles()) == {"a1", "a2"}

    def test_an_article_is_new_on_an_empty_home(self, place):
        assert not place.ingester.merge_wanted()
        place.journal.write([Delete("b0")])
        assert place.ingest() == []  # which is nothing to publish
        place.journal.write([put("b1", "Mới")])
        assert place.ingest() == [place.home.current()]
        assert place.titles() == {"b1": "Mới"}
        assert not place.ingester.merge_wanted()

    def test_all_may_be_deleted(self, place):
        place.index([line("a1")])
        place.journal.write([Delete("a1")])
        place.ingest()
        assert place.titles() == {}
        place.merge()
        assert place.titles() == {}
        place.journal.write([put("a1", "Lại")])
        place.ingest()
        assert place.titles() == {"a1": "Lại"}

    def test_lines_that_every_snapshot_holds_are_forgotten(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1")])
        place.merge(keep=1)
        assert place.journal.take(0) == []
        place.journal.write([put("b2")])
        place.merge()
        assert [change.id for change in place.journal.take(0)] == ["b2"]  # one snapshot does not have it

    def test_after_a_rollback_the_changes_are_made_again(self, place):
        first = place.index([line("a1"), line("a2")])
        place.journal.write([put("b1", "Mới"), Delete("a1")])
        place.merge()
        place.home.rollback(first)
        place.ingest()
        assert place.titles() == {"a2": line("a2")["title"], "b1": "Mới"}

    def test_vectors_are_encoded_once(self, place):
        place.index([line("a1")])
        place.journal.write([put("b1"), put("b2")])
        place.ingest()

        report = build(place.home, [], HashingEncoder, BuildOptions(whole=False, added_to=0))
        assert (report.added, report.encoded, report.reused) == (2, 0, 3)

    def test_much_that_is_new_is_to_be_published(self, place, monkeypatch):
        monkeypatch.setattr(ingest, "MERGE", 3)
        place.index([line(f"a{n}") for n in range(50)])
        place.journal.write([put("b1"), Delete("a1")])
        place.ingest()
        assert (place.ingester.changed, place.ingester.merge_wanted()) == (2, False)
        place.journal.write([put("b2")])
        place.ingest()
        assert (place.ingester.changed, place.ingester.merge_wanted()) == (3, True)
        place.merge()
        place.ingest()
        assert (place.ingester.changed, place.ingester.merge_wanted()) == (0, False)


IDS = [f"a{n}" for n in range(6)]


class Machine(RuleBasedStateMachine):
    """Sources, the API, builds, merges, rollbacks in any order, held against what should be there by plain rules."""

    @initialize(lines=st.sets(st.sampled_from(IDS), min_size=1))
    def begin(self, lines):
        self.place = Place(MACHINE_HOMES.mktemp("home") / "home")
        self.number = 0
        self.journal = {}  # id -> (number of the change, title or None)
        self.published = {}  # snapshot -> (last change, {id: (title, origin)})
        self.index(lines)

    def teardown(self):
        if hasattr(self, "place"):
            self.place.close()

    def title(self):
        self.number += 1
        return f"Tin số {self.number} " + WORDS[self.number % len(WORDS)]

    def expected(self, name):
        """Return what a snapshot's articles and the changes after it come to."""
        after, held = self.published[name]
        found = dict(held)
        for article, (seq, title) in self.journal.items():
            if seq > after:
                found.pop(article, None)
                if title is not None:
                    found[article] = (title, "api")
        return found

    def remember(self, name, content):
        if name is not None:
            manifest = read_manifest(self.place.home.directory(name))
            assert manifest.changes == self.place.journal.last()
            self.published[name] = manifest.changes, content

    @rule(lines=st.sets(st.sampled_from(IDS), min_size=1))
    def index(self, lines):
        current = self.place.home.current()
        before = self.expected(current) if current else {}
        titles = {name: self.title() for name in sorted(lines)}
        name = self.place.index([{"id": one, "title": title} for one, title in titles.items()], added_to=0)
        content = {one: held for one, held in before.items() if held[1] == "api"}
        for one, title in titles.items():
            if one not in content and self.journal.get(one, (0, ""))[1] is not None:
                content[one] = (title, "source")
        self.remember(name, content)

    @rule(names=st.lists(st.sampled_from(IDS), min_size=1, max_size=3))
    def put(self, names):
        for one in names:
            title = self.title()
            found = validate({"id": one, "title": title})
            (outcome,) = self.place.journal.write([Put(found)])
            assert outcome.applied
            self.journal[one] = self.place.journal.last(), title

    @rule(one=st.sampled_from(IDS))
    def delete(self, one):
        self.place.journal.write([Delete(one)])
        self.journal[one] = self.place.journal.last(), None

    @rule()
    def ingest(self):
        self.place.ingest()

    @rule()
    def start_again(self):
        self.place.ingester = Ingester(self.place.home, HashingEncoder)

    @rule(rewrite=st.booleans())
    def merge(self, rewrite):
        content = self.expected(self.place.home.current())
        self.remember(self.place.merge(added_to=0, rewrite=rewrite), content)

    @rule(data=st.data())
    def roll_back(self, data):
        self.place.home.rollback(data.draw(st.sampled_from(sorted(self.published))))

    @invariant()
    def what_is_gone_is_gone_and_what_is_ingested_is_there(self):
        expected = {one: title for one, (title, _) in self.expected(self.place.home.current()).items()}
        served = self.place.titles()
        assert not set(served) - set(expected), "an article came back"
        self.place.ingest()
        assert self.place.titles() == expected


MACHINE_HOMES = None


@pytest.fixture(autouse=True, scope="module")
def _homes(tmp_path_factory):
    global MACHINE_HOMES
    MACHINE_HOMES = tmp_path_factory


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=int(os.environ.get("EXAMPLES", 6)),
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def is_interned(text):
    """Return whether a string is in the table: the first two bits behind the head of an `str`, in CPython 3.11."""
    return bool(ctypes.c_uint.from_address(id(text) + 32).value & 3)


@pytest.mark.skipif(
    sys.version_info >= (3, 12) or sys.implementation.name != "cpython",
    reason="pathlib keeps the names of all paths from Python 3.12 on",
)
def test_names_of_live_snapshots_are_not_kept(tmp_path, monkeypatch):
    """Python's table of interned strings only grows, and pathlib puts in it what is joined to a path."""
    name = "-".join(["a", "name"])
    assert not is_interned(name)
    assert is_interned(sys.intern(name))
    with closing(Place(tmp_path / "home")) as place:
        place.journal.write([put("bai-1")])
        place.ingester.step()
        added, intern = [], sys.intern

        def interned(text):
            before, found = is_interned(text), intern(text)
            if found is text and not before:
                added.append("".join([*text]))  # another string, or this one would be there for as long as the test
            return found

        monkeypatch.setattr(sys, "intern", interned)
        new = "-".join(["never", "joined", "before"])
        assert new in (tmp_path / new).parts
        assert added == [new]  # so it would be seen
        for number in range(4 * KEPT):
            place.journal.write([put("bai-2", title=f"Tin thứ {number}"), put(f"bai-{number % 9}", title="Khác")])
            name = place.ingester.step()
            live = live_home(place.home)
            Snapshot(live.directory(name)).close()
            assert name in live.ids()
        assert [text for text, times in Counter(added).items() if times > 1] == []
        assert [text for text in added if re.search(r"\d{8}T|partial-", text)] == []
