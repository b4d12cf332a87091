"""What is served while snapshots come and go: taken up, refused, verified afterwards, never mixed."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256

import numpy as np
import pytest

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.building.ingest import Ingester
from indexer.changes.changes import Put
from indexer.changes.journal import Journal
from indexer.files.hashed import BackgroundHashing, FileDigests
from indexer.snapshot import home as home_module
from indexer.snapshot import snapshot as snapshot_module
from indexer.snapshot.home import Home
from indexer.snapshot.sharing import share_directory
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from models.errors import ModelError
from models.hashing import HashingEncoder
from service import serve
from service.app import create_app
from service.errors import NotReady
from service.live import Live
from service.schemas import SearchParams
from service.searcher import Searcher
from service.serving.refusals import Refusals
from service.settings import Settings
from service.wording import strings
from tests.conftest import wait_for
from tests.paths import ROOT


def generation(number, count=6):
    """Articles that all say which generation they are of; the same ids in every one."""
    return [{"id": f"bai-{at}", "title": f"đời thứ {number} bài {at}"} for at in range(count)]


def titles(searcher, q="đời thứ"):
    return {hit.article.title for hit in searcher.search(SearchParams(q=q)).hits}


def of_generation(number):
    return {line["title"] for line in generation(number)}


@pytest.fixture
def live_of():
    """Return a function that starts a Live over a home, by default one that looks only when told to."""
    started = []

    def make(home, load=HashingEncoder, poll_seconds=3600.0, wait=True, hashed=None):
        live = Live(home, load, poll_seconds, hashed=hashed)
        started.append(live)
        live.start()
        if wait:
            wait_for(lambda: "loaded" not in (live.degraded or "") or "cannot be loaded" in live.degraded)
        return live

    yield make
    for live in started:
        live.stop()


def spoil(path, at=-1):
    """Flip a byte of a published file in place."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


def publish_manifest(home, name, **changes):
    """Put a copy of a snapshot with another manifest beside it, named as if it were whole, and make it current."""
    source = home / "snapshots" / name
    manifest = json.loads((source / "manifest.json").read_text()) | changes
    written = json.dumps(manifest).encode()
    target = source.with_name(f"29990101T000000000000Z-{sha256(written).hexdigest()[:8]}")
    share_directory(source, target)
    (target / "manifest.json").unlink()
    (target / "manifest.json").write_bytes(written)
    Home(home).point_to(target.name)
    return target.name


class TestPublications:
    def test_an_empty_home_becomes_ready_once_indexed(self, publish, live_of, tmp_path):
        live = live_of(tmp_path, poll_seconds=0.02)
        with pytest.raises(NotReady, match="no snapshot is published yet: run `lienquan index`"):
            live.searcher()
        assert "no snapshot is published yet" in live.not_ready()
        assert live.problem is None
        publish(tmp_path, generation(1))
        wait_for(lambda: live.not_ready() is None)
        assert titles(live.searcher()) == of_generation(1)

    def test_a_home_that_does_not_exist_yet(self, publish, live_of, tmp_path):
        live = live_of(tmp_path / "not" / "yet", poll_seconds=0.02)
        assert "no snapshot" in live.not_ready()
        publish(tmp_path / "not" / "yet", generation(1))
        wait_for(lambda: live.not_ready() is None)

    def test_a_publication_is_taken_up_without_a_restart(self, publish, live_of, tmp_path):
        first = publish(tmp_path, generation(1)).snapshot
        live = live_of(tmp_path, poll_seconds=0.02)
        held = live.searcher()
        assert held.archive.id == first
        second = publish(tmp_path, generation(2)).snapshot
        wait_for(lambda: live.searcher().archive.id == second)
        assert titles(live.searcher()) == of_generation(2)
        assert titles(held) == of_generation(1)  # whoever holds the old one ends with it

    def test_a_rollback_is_a_publication_too(self, publish, live_of, tmp_path):
        first = publish(tmp_path, generation(1)).snapshot
        publish(tmp_path, generation(2))
        live = live_of(tmp_path)
        assert titles(live.searcher()) == of_generation(2)
        assert Home(tmp_path).rollback() == first
        live.refresh()
        assert titles(live.searcher()) == of_generation(1)
        assert live.problem is None

    def test_nothing_new_changes_nothing(self, publish, live_of, tmp_path):
        publish(tmp_path, generation(1))
        live = live_of(tmp_path)
        held = live.searcher()
        live.refresh()
        assert live.searcher() is held

    def test_a_pruned_snapshot_still_answers_whoever_holds_it(self, publish, live_of, tmp_path):
        publish(tmp_path, generation(1))
        live = live_of(tmp_path)
        held = live.searcher()
        for number in (2, 3):
            publish(tmp_path, generation(number))
        with Home(tmp_path).lock():
            assert held.archive.id in Home(tmp_path).prune(1)
        assert titles(held) == of_generation(1)
        live.refresh()
        assert titles(live.searcher()) == of_generation(3)

    def test_stopped_means_that_it_no_longer_follows(self, publish, live_of, tmp_path):
        first = publish(tmp_path, generation(1)).snapshot
        before = threading.enumerate()
        live = live_of(tmp_path, poll_seconds=0.01)
        (following,) = (t for t in threading.enumerate() if t not in before and t.name == "snapshots")
        live.stop()
        following.join(10)
        assert not following.is_alive()
        publish(tmp_path, generation(2))
        assert live.searcher().archive.id == first


class TestUnderLoad:
    def test_no_request_fails_and_no_answer_mixes_snapshots(self, publish, live_of, tmp_path):
        """Ten snapshots are published, some rolled back to and pruned, while six threads ask."""
        numbers = {publish(tmp_path, generation(0)).snapshot: 0}
        live = live_of(tmp_path, poll_seconds=0.005)
        app = create_app(Settings(home=tmp_path, model="hashing"), live)
        done = threading.Event()
        answers, seen = [], set()

        def ask(path):
            client = app.test_client()
            while not done.is_set():
                answers.append((path, response := client.get(path)))
                if "hits" in (response.json or {}):  # an answer of /readyz is no list of that snapshot
                    seen.add(response.json["snapshot"])
                time.sleep(0.02)  # leave the publisher, of the same process here, some time

        paths = ["/api/v1/search?q=đời+thứ+bài", "/api/v1/articles/bai-0/related", "/api/v1/articles/bai-1", "/readyz"]
        with ThreadPoolExecutor(6) as pool:
            asking = [pool.submit(ask, path) for path in (*paths, *paths[:2])]
            try:
                for number in range(1, 11):
                    name = publish(tmp_path, generation(number)).snapshot
                    numbers[name] = number
                    wait_for(lambda name=name: name in seen)
                    if number % 3 == 0:
                        back = Home(tmp_path).rollback()
                        wait_for(lambda back=back: live.searcher().archive.id == back)
                        seen.clear()
                        wait_for(lambda back=back: back in seen)
            finally:
                done.set()
            for future in asking:
                future.result()
        assert {response.status_code for _, response in answers} == {200}
        lists = [(path, response.json) for path, response in answers if "hits" in response.json]
        assert {numbers[answer["snapshot"]] for _, answer in lists} >= set(range(1, 11))
        for path, answer in lists:
            expected = of_generation(numbers[answer["snapshot"]])
            expected -= {title for title in expected if "related" in path and title.endswith("bài 0")}
            assert {hit["title"] for hit in answer["hits"]} == expected
        assert len({response.json["title"] for _, response in answers if "title" in response.json}) > 5

    def test_a_searcher_answers_many_threads_alike(self, publish, live_of, tmp_path):
        publish(tmp_path, generation(1, count=200))
        searcher = live_of(tmp_path).searcher()
        expected = [hit.article.id for hit in searcher.search(SearchParams(q="bài 17")).hits]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: searcher.search(SearchParams(q="bài 17")), range(200)))
        assert [[hit.article.id for hit in answer.hits] for answer in found] == [expected] * 200


class TestRefused:
    """A bad snapshot is current; the one before stays, and it is said why."""

    @pytest.fixture
    def live(self, publish, live_of, tmp_path):
        self.good = publish(tmp_path, generation(1)).snapshot
        return live_of(tmp_path)

    def check_refused(self, live, caplog, *words):
        caplog.clear()
        for _ in range(3):
            live.refresh()
        assert live.searcher().archive.id == self.good
        assert titles(live.searcher()) == of_generation(1)
        assert live.not_ready() is None
        for word in words:
            assert word in live.problem
        told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert told == [f"{live.problem}; the snapshot before stays"]  # once, however often it looks

    @pytest.mark.parametrize(
        "name",
        [
            *(f"segment-0/{name}" for name in ("index.faiss", "articles.sqlite", "vectors.npy", "owner.npy")),
            *(f"segment-0/{name}" for name in ("values.json", "published_at.npy", "text_keys.npy")),
            *("words/meta.json", "language/names.json", "language/tables/words.txt"),
            *(f"segment-0/relations/{name}" for name in ("groups.npy", "neighbours.npy", "terms/vocabulary.npy")),
        ],
    )
    def test_a_flipped_byte(self, publish, live, tmp_path, caplog, name):
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / name)
        self.check_refused(live, caplog, name, "blake3")

    def test_a_byte_too_few(self, publish, live, tmp_path, caplog):
        path = tmp_path / "snapshots" / publish(tmp_path, generation(2)).snapshot / "segment-0" / "index.faiss"
        path.write_bytes(path.read_bytes()[:-1])
        self.check_refused(live, caplog, "index.faiss", "bytes")

    def test_a_file_missing(self, publish, live, tmp_path, caplog):
        bad = publish(tmp_path, generation(2)).snapshot
        (tmp_path / "snapshots" / bad / "segment-0" / "owner.npy").unlink()
        self.check_refused(live, caplog, "owner.npy", "missing")

    def test_a_file_too_many(self, publish, live, tmp_path, caplog):
        bad = publish(tmp_path, generation(2)).snapshot
        (tmp_path / "snapshots" / bad / "segment-0" / "extra.npy").write_bytes(b"")
        self.check_refused(live, caplog, "extra.npy", "not in the manifest")

    def test_a_manifest_that_is_not_the_one_published(self, publish, live, tmp_path, caplog):
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / "manifest.json", at=5)
        self.check_refused(live, caplog, "manifest.json", "digest")

    def test_a_newer_format(self, live, tmp_path, caplog):
        publish_manifest(tmp_path, self.good, format=7)
        self.check_refused(live, caplog, "format: 7: expected 4 or 5 or 6")

    def test_another_encoder(self, publish, live, tmp_path, caplog):
        bad = publish(tmp_path, generation(2), encoder=lambda: HashingEncoder(32)).snapshot
        self.check_refused(live, caplog, bad, "dim=32", "dim=64")

    def test_a_current_that_names_nothing(self, live, tmp_path, caplog):
        (tmp_path / "CURRENT").write_text("../../etc\n")
        self.check_refused(live, caplog, "CURRENT", "expected the name of a snapshot")

    def test_a_current_that_names_what_is_gone(self, live, tmp_path, caplog):
        gone = "20240101T000000000000Z-01234567"
        (tmp_path / "CURRENT").write_text(f"{gone}\n")
        self.check_refused(live, caplog, gone)

    def test_the_next_good_one_is_taken_and_the_problem_is_over(self, publish, live, tmp_path):
        better = publish(tmp_path, generation(2)).snapshot
        bad = publish(tmp_path, generation(3)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "owner.npy")
        live.refresh()
        assert live.problem
        Home(tmp_path).point_to(better)
        live.refresh()
        assert titles(live.searcher()) == of_generation(2)
        assert live.problem is None

    def test_back_to_the_one_that_is_served_the_problem_is_over(self, publish, live, tmp_path):
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "owner.npy")
        live.refresh()
        assert live.problem
        Home(tmp_path).point_to(self.good)
        live.refresh()
        assert live.problem is None
        assert titles(live.searcher()) == of_generation(1)

    def test_one_that_cannot_be_opened_now_is_tried_again(self, publish, live, tmp_path, caplog, monkeypatch):
        def fail(_):
            raise OSError(24, "Too many open files")

        better = publish(tmp_path, generation(2)).snapshot
        with monkeypatch.context() as patched:
            patched.setattr("service.live.Archive", fail)
            self.check_refused(live, caplog, better, "cannot be opened: OSError", "Too many open files")
        live.refresh()
        assert (live.searcher().archive.id, live.problem) == (better, None)

    def test_a_process_that_starts_then_lives_and_serves_it_later(self, publish, live_of, tmp_path, monkeypatch):
        def fail(_):
            raise MemoryError

        publish(tmp_path, generation(1))
        good = publish(tmp_path, generation(2)).snapshot
        with monkeypatch.context() as patched:
            patched.setattr("service.live.Archive", fail)
            live = live_of(tmp_path)
            assert "cannot be opened: MemoryError" in live.not_ready()
        live.refresh()
        assert (live.searcher().archive.id, live.not_ready(), live.problem) == (good, None, None)

    def test_readyz_tells_it(self, publish, live, tmp_path):
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "owner.npy")
        live.refresh()
        ready = create_app(Settings(home=tmp_path, model="hashing"), live).test_client().get("/readyz")
        assert ready.status_code == 200
        assert ready.json["snapshot"] == self.good
        assert "owner.npy" in ready.json["problem"]

    def test_with_none_before_nothing_is_served_and_it_is_said_why(self, publish, live_of, tmp_path):
        bad = publish(tmp_path, generation(1)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "articles.sqlite")
        live = live_of(tmp_path)
        with pytest.raises(NotReady, match=r"articles\.sqlite: found blake3"):
            live.searcher()
        assert "articles.sqlite" in live.not_ready()

    def test_a_process_that_starts_on_a_bad_one_serves_the_newest_good_one_before(self, publish, live_of, tmp_path):
        good = publish(tmp_path, generation(1)).snapshot
        worse = publish(tmp_path, generation(2)).snapshot
        bad = publish(tmp_path, generation(3)).snapshot
        for name in (worse, bad):
            spoil(tmp_path / "snapshots" / name / "segment-0" / "articles.sqlite")
        live = live_of(tmp_path)
        assert live.searcher().archive.id == good
        assert bad in live.problem
        live.refresh()
        assert (live.searcher().archive.id, live.not_ready()) == (good, None)
        assert bad in live.problem


class TestStarts:
    """A process that has just started has no snapshot to stay with."""

    @pytest.mark.parametrize("cut", [0, 1, 20, 30])
    def test_on_a_half_written_current_it_serves_the_newest_good_one(self, publish, live_of, tmp_path, cut):
        good = publish(tmp_path, generation(1)).snapshot
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "articles.sqlite")
        (tmp_path / "CURRENT").write_text(bad[:cut])
        live = live_of(tmp_path)
        assert (live.searcher().archive.id, live.not_ready()) == (good, None)
        assert "CURRENT" in live.problem
        Home(tmp_path).point_to(publish(tmp_path / "other", generation(3)).snapshot)
        live.refresh()
        assert live.searcher().archive.id == good
        Home(tmp_path).point_to(good)
        live.refresh()
        assert live.problem is None

    @pytest.mark.parametrize("named", ["00240101T000000000000Z-01234567", "29990101T000000000000Z-01234567"])
    def test_on_a_current_that_names_what_is_not_there(self, publish, live_of, tmp_path, named):
        """One flipped bit makes a name of another century."""
        good = publish(tmp_path, generation(1)).snapshot
        (tmp_path / "CURRENT").write_text(f"{named}\n")
        live = live_of(tmp_path)
        assert (live.searcher().archive.id, live.not_ready()) == (good, None)
        assert named in live.problem

    def test_on_a_home_that_may_not_be_read_it_starts_and_says_so(self, publish, live_of, tmp_path, monkeypatch):
        publish(tmp_path, generation(1))

        def denied(path):
            raise PermissionError(13, "Permission denied", str(path))

        with monkeypatch.context() as context:
            context.setattr(home_module.Path, "iterdir", denied)
            live = live_of(tmp_path)
            assert "Permission denied" in live.problem
            assert "Permission denied" in live.not_ready()
        live.refresh()
        assert "Permission denied" in live.problem  # not tried twice a second

    @pytest.fixture
    def now(self, monkeypatch):
        """The time by which what was refused is tried again, in seconds; a list of one."""
        now = [0.0]
        monkeypatch.setattr("service.live.Refusals", lambda: Refusals(lambda: now[0]))
        return now

    def test_what_the_system_held_back_is_tried_again(self, publish, live_of, tmp_path, now, monkeypatch):
        good = publish(tmp_path, generation(1)).snapshot
        live = live_of(tmp_path)
        better = publish(tmp_path, generation(2)).snapshot

        def full(*_, **__):
            raise OSError(24, "Too many open files", "index.faiss")

        with monkeypatch.context() as context:
            context.setattr(snapshot_module, "Segment", full)
            live.refresh()
            assert live.searcher().archive.id == good
            assert "Too many open files" in live.problem
        live.refresh()
        assert live.searcher().archive.id == good  # not yet
        now[0] += 10**6
        live.refresh()
        assert (live.searcher().archive.id, live.problem) == (better, None)

    def test_what_is_damaged_is_never_tried_again(self, publish, live_of, tmp_path, now):
        good = publish(tmp_path, generation(1)).snapshot
        live = live_of(tmp_path)
        bad = publish(tmp_path, generation(2)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "owner.npy")
        live.refresh()
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "owner.npy")  # mended
        now[0] += 10**6
        live.refresh()
        assert live.searcher().archive.id == good


class TestWrittenTo:
    """Files of the snapshot that is served are written to in place, which maps show at once."""

    @pytest.fixture
    def live(self, publish, live_of, tmp_path):
        self.good = publish(tmp_path, generation(1)).snapshot
        self.served = publish(tmp_path, generation(2)).snapshot
        live = live_of(tmp_path)
        wait_for(lambda: not verifying())
        assert live.searcher().archive.id == self.served
        return live

    def check_left(self, live, name):
        assert live.searcher().archive.id == self.good
        assert titles(live.searcher()) == of_generation(1)
        assert name in live.problem
        live.refresh()
        assert (live.searcher().archive.id, live.not_ready()) == (self.good, None)

    @pytest.mark.parametrize("name", ["vectors.npy", "index.faiss", "articles.sqlite"])
    def test_one_cut_short_is_left_at_the_next_look(self, live, tmp_path, caplog, name):
        os.truncate(tmp_path / "snapshots" / self.served / "segment-0" / name, 100)
        live.refresh()
        self.check_left(live, f"{name}: now 100 bytes")
        assert [record for record in caplog.records if f"{name}: now 100 bytes" in record.getMessage()]

    def test_one_with_a_flipped_byte_is_left_once_it_is_hashed(self, live, tmp_path):
        path = tmp_path / "snapshots" / self.served / "segment-0" / "vectors.npy"
        spoil(path)
        os.utime(path, ns=(1, 1))
        live.refresh()
        wait_for(lambda: not verifying())
        live.refresh()
        self.check_left(live, "vectors.npy: found blake3")

    def test_one_that_was_only_touched_stays(self, live, tmp_path):
        os.utime(tmp_path / "snapshots" / self.served / "segment-0" / "vectors.npy", ns=(1, 1))
        live.refresh()
        wait_for(lambda: not verifying())
        live.refresh()
        assert (live.searcher().archive.id, live.problem) == (self.served, None)

    def test_what_was_left_is_never_gone_back_to(self, live, tmp_path):
        for name in (self.served, self.good):
            path = tmp_path / "snapshots" / name / "segment-0" / "vectors.npy"
            spoil(path)
            os.utime(path, ns=(1, 1))
            live.refresh()
            wait_for(lambda: not verifying())
        assert "vectors.npy: found blake3" in live.not_ready()
        live.refresh()
        assert "vectors.npy: found blake3" in live.not_ready()

    @pytest.fixture
    def hashing(self, live, monkeypatch):
        """Hold the second look back until it is let go of."""
        let_go = threading.Event()

        def slow(*given):
            assert let_go.wait(10)
            verify(*given)

        monkeypatch.setattr("service.live.verify", slow)
        yield let_go
        let_go.set()

    @pytest.mark.parametrize("spoilt", [True, False])
    def test_one_published_meanwhile_stays(self, publish, live, tmp_path, hashing, spoilt):
        name = publish(tmp_path, generation(3)).snapshot
        path = tmp_path / "snapshots" / self.served / "segment-0" / "vectors.npy"
        if spoilt:
            spoil(path)
        os.utime(path, ns=(1, 1))
        live.refresh()
        hashing.set()
        wait_for(lambda: not verifying())
        assert (live.searcher().archive.id, live.problem) == (name, None)
        assert titles(live.searcher()) == of_generation(3)

    def test_one_pruned_while_it_is_hashed_is_no_fault(self, publish, live, tmp_path, hashing):
        os.utime(tmp_path / "snapshots" / self.served / "segment-0" / "vectors.npy", ns=(1, 1))
        live.refresh()
        publish(tmp_path, generation(3))
        live.refresh()
        with Home(tmp_path).lock():
            assert self.served in Home(tmp_path).prune(1)
        hashing.set()
        wait_for(lambda: not verifying())
        assert live.problem is None
        assert titles(live.searcher()) == of_generation(3)

    def test_what_was_rolled_back_from_does_not_come_back(self, live, tmp_path):
        """Of a live snapshot that is damaged, what is published is next, not what is newest."""
        Home(tmp_path).point_to(self.good)
        with closing(Journal(tmp_path)) as journal:
            journal.write([Put(validate({"id": "bai-9", "title": "đời thứ 9 bài 9"}))])
        name = Ingester(Home(tmp_path), HashingEncoder).step()
        live.refresh()
        assert live.searcher().archive.id == name
        vectors = live.searcher().archive.snapshot.directory.rglob("vectors.npy")
        (own,) = (path for path in vectors if path.stat().st_nlink == 1)
        spoil(own)
        os.utime(own, ns=(1, 1))
        served = []
        take = live._take
        live._take = lambda place, snapshot: (served.append(snapshot), take(place, snapshot))
        live.refresh()
        wait_for(lambda: not verifying())
        assert live.searcher().archive.id == self.good
        assert self.served not in served

    def test_with_none_before_none_is_served(self, publish, live_of, tmp_path):
        only = publish(tmp_path, generation(1)).snapshot
        live = live_of(tmp_path)
        wait_for(lambda: not verifying())  # which would tell of it in other words
        os.truncate(tmp_path / "snapshots" / only / "segment-0" / "vectors.npy", 100)
        live.refresh()
        assert "vectors.npy: now 100 bytes" in live.not_ready()


class TestHashed:
    @pytest.fixture
    def hashed(self, monkeypatch):
        """Return a function that hashes a home in the background, and returns which files were read."""
        read, digest = [], FileDigests.digest
        monkeypatch.setattr(FileDigests, "digest", lambda *given: (read.append(given[1]), digest(*given))[1])

        def run(home):
            read.clear()
            BackgroundHashing(home).result()
            return sorted(read)

        return run

    def test_what_the_server_has_hashed_is_not_hashed_again(self, publish, tmp_path, monkeypatch):
        name = publish(tmp_path, generation(1)).snapshot
        hashed = BackgroundHashing(tmp_path).result()
        monkeypatch.setattr(FileDigests, "digest", lambda *_: pytest.fail("a file was hashed again"))
        live = Live(tmp_path, HashingEncoder, 3600, hashed=hashed).start()
        assert (live.searcher().archive.id, live.problem) == (name, None)
        live.stop()

    def test_the_server_hashes_before_it_forks_and_its_workers_know(self, publish, tmp_path, monkeypatch):
        name = publish(tmp_path, generation(1)).snapshot
        settings = Settings(home=tmp_path, model="hashing", newsroom=False)
        before = set(threading.enumerate())
        hashed = serve._preload(settings, 2, BackgroundHashing(tmp_path))
        gc.unfreeze()
        assert set(threading.enumerate()) <= before  # a thread would not outlive the fork
        monkeypatch.setattr(FileDigests, "digest", lambda *_: pytest.fail("a file was hashed again"))
        live = create_app(settings, hashed=hashed).extensions["lienquan"]
        assert (live.searcher().archive.id, live.problem) == (name, None)
        live.stop()

    def test_it_begins_before_anything_heavy_is_imported(self):
        heavy = "{'numpy', 'pydantic', 'faiss'}"
        code = f"import sys; from indexer.files.hashed import BackgroundHashing; print(*{heavy} & set(sys.modules))"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert ran.stdout.strip() == ""

    @pytest.mark.parametrize("name", ["/etc/hostname", "../../../CURRENT", "segment-0/link"])
    def test_nothing_is_hashed_that_is_not_a_file_within(self, publish, tmp_path, hashed, name):
        good = publish(tmp_path, generation(1)).snapshot
        place = tmp_path / "snapshots" / good
        (place / "segment-0" / "link").symlink_to("/dev/zero")
        manifest = json.loads((place / "manifest.json").read_text())
        files = sorted(f"{place}/{file}" for file in manifest["files"])
        assert hashed(tmp_path) == files
        written = json.dumps(
            manifest | {"files": {**manifest["files"], name: {"size": 1, "digest": "blake3:"}}}
        ).encode()
        (place / "manifest.json").write_bytes(written)
        place.rename(place.with_name(f"{good[:-8]}{sha256(written).hexdigest()[:8]}"))
        (tmp_path / "CURRENT").write_text(f"{good[:-8]}{sha256(written).hexdigest()[:8]}\n")
        assert [path.rpartition("snapshots/")[2].partition("/")[2] for path in hashed(tmp_path)] == [
            path.rpartition("snapshots/")[2].partition("/")[2] for path in files
        ]

    def test_what_was_damaged_since_is(self, publish, live_of, tmp_path):
        bad = publish(tmp_path, generation(1)).snapshot
        path = tmp_path / "snapshots" / bad / "segment-0" / "vectors.npy"
        hashed = BackgroundHashing(tmp_path).result()
        spoil(path)
        os.utime(path, ns=(1, 1))
        live = live_of(tmp_path, hashed=hashed)
        assert "vectors.npy: found blake3" in live.not_ready()

    def test_what_was_damaged_before_is_told_by_whoever_serves(self, publish, live_of, tmp_path):
        bad = publish(tmp_path, generation(1)).snapshot
        spoil(tmp_path / "snapshots" / bad / "segment-0" / "vectors.npy")
        hashed = BackgroundHashing(tmp_path).result()
        assert "vectors.npy: found blake3" in live_of(tmp_path, hashed=hashed).not_ready()

    def test_what_is_ingested_is_hashed_too(self, publish, tmp_path, monkeypatch):
        publish(tmp_path, generation(1))
        with closing(Journal(tmp_path)) as journal:
            journal.write([Put(validate({"id": "bai-9", "title": "đời thứ 9 bài 9"}))])
        name = Ingester(Home(tmp_path), HashingEncoder).step()
        hashed = BackgroundHashing(tmp_path).result()
        monkeypatch.setattr(FileDigests, "digest", lambda *_: pytest.fail("a file was hashed again"))
        live = Live(tmp_path, HashingEncoder, 3600, hashed=hashed).start()
        assert live.searcher().archive.id == name
        live.stop()

    def test_an_empty_home_and_a_damaged_one_are_left_to_whoever_serves(self, publish, tmp_path, hashed):
        assert hashed(tmp_path / "none") == []
        publish(tmp_path, generation(1))
        (tmp_path / "CURRENT").write_text("../..")
        assert hashed(tmp_path) == []


def verifying():
    return [thread for thread in threading.enumerate() if thread.name == "verify"]


class TestEncoder:
    @pytest.mark.parametrize("error", [ModelError("no weights there"), MemoryError("no weights there")])
    def test_one_that_cannot_be_loaded_is_told(self, publish, live_of, tmp_path, error):
        def load():
            raise error

        publish(tmp_path, generation(1))
        live = live_of(tmp_path, load)
        with pytest.raises(NotReady, match="the encoder cannot be loaded: no weights there"):
            live.encoder()
        assert live.not_ready() == "the encoder cannot be loaded: no weights there"
        client = create_app(Settings(home=tmp_path, model="hashing"), live).test_client()
        for path in ("/readyz", "/api/v1/search?q=bài&mode=dense"):
            response = client.get(path)
            assert response.status_code == 503
            assert "no weights there" in response.json["detail"]
        by_words = client.get("/api/v1/search?q=bài").json
        assert (by_words["total"], by_words["degraded"]) == (6, ["encoder"])
        assert client.get("/api/v1/articles/bai-0/related").json["total"] == 5  # needs none

    def test_while_it_is_loading(self, publish, live_of, tmp_path):
        loaded = threading.Event()

        def load():
            assert loaded.wait(10)
            return HashingEncoder()

        publish(tmp_path, generation(1))
        live = live_of(tmp_path, load, wait=False)
        assert live.not_ready() == "the encoder is being loaded"
        loaded.set()
        wait_for(lambda: live.not_ready() is None)

    def test_one_that_does_not_answer_is_not_ready(self, publish, live_of, tmp_path, monkeypatch):
        publish(tmp_path, generation(1))

        def fail(*_):
            raise RuntimeError("out of memory")

        with monkeypatch.context() as patched:
            patched.setattr(HashingEncoder, "encode_queries", fail)
            live = live_of(tmp_path)
            assert live.not_ready() == live.degraded == "the encoder does not answer: it raised RuntimeError"
        assert (live.not_ready(), live.degraded) == (None, None)

    def test_one_that_has_answered_and_fails_leaves_it_ready_and_says_so(
        self, publish, live_of, tmp_path, monkeypatch, caplog
    ):
        publish(tmp_path, generation(1))
        live = live_of(tmp_path)
        client = create_app(Settings(home=tmp_path, model="hashing"), live).test_client()
        assert client.get("/readyz").json["degraded"] is None
        assert client.get("/api/v1/search?q=bài+3").json["degraded"] == []
        caplog.clear()
        with monkeypatch.context() as patched:
            patched.setattr(HashingEncoder, "encode_queries", lambda *_: np.full((1, 64), np.nan, np.float32))
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json["status"]) == (200, "ready")
            assert ready.json["degraded"] == "the encoder does not answer: vectors not of unit length"
            assert client.get("/api/v1/search?q=bài+3").json["degraded"] == []  # its vector is remembered
            by_words = client.get("/api/v1/search?q=bài+4").json
            assert (by_words["degraded"], by_words["hits"][0]["id"]) == (["encoder"], "bai-4")
            assert {hit["similarity"] for hit in by_words["hits"]} == {None}
            related = client.get("/api/v1/articles/bai-0/related").json
            assert (related["total"], related["degraded"]) == (5, [])  # lacks nothing
            dense = client.get("/api/v1/search?q=bài+4&mode=dense")
            assert (dense.status_code, dense.json["title"]) == (503, "Not ready")
            page = client.get("/search?q=bài+4", headers={"Accept": "text/html"}).get_data(as_text=True)
            assert strings.language(None).degraded in page
        told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert told == ["the encoder does not answer: vectors not of unit length; searches go by words until it does"]
        assert client.get("/readyz").json["degraded"] is None
        assert client.get("/api/v1/search?q=bài+4").json["degraded"] == []
        page = client.get("/search?q=bài+4", headers={"Accept": "text/html"}).get_data(as_text=True)
        assert strings.language(None).degraded not in page

    def test_a_draft_needs_it_and_says_why_there_is_no_list(self, publish, live_of, tmp_path):
        def load():
            raise ModelError("no weights there")

        publish(tmp_path, generation(1))
        client = create_app(Settings(home=tmp_path, model="hashing"), live_of(tmp_path, load)).test_client()
        answer = client.post("/api/v1/related", json={"seed": {"article": {"title": "bài 4"}}})
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.json["detail"] == "the encoder cannot be loaded: no weights there"
        assert answer.headers["Retry-After"] == "5"
        assert client.post("/api/v1/related", json={"seed": {"ids": ["bai-0", "bai-1"]}}).json["total"] == 4

    def test_while_it_is_loading_searches_go_by_words(self, publish, live_of, tmp_path):
        loaded = threading.Event()

        def load():
            assert loaded.wait(10)
            return HashingEncoder()

        publish(tmp_path, generation(1))
        live = live_of(tmp_path, load, wait=False)
        client = create_app(Settings(home=tmp_path, model="hashing"), live).test_client()
        assert client.get("/api/v1/search?q=bài").json["degraded"] == ["encoder"]
        loaded.set()
        wait_for(lambda: client.get("/api/v1/search?q=bài").json["degraded"] == [])

    def test_an_older_snapshot_of_the_right_model_is_gone_back_to(self, publish, live_of, tmp_path):
        """Found out late: a process that starts does not know its encoder yet."""
        good = publish(tmp_path, generation(1)).snapshot
        publish(tmp_path, generation(2), encoder=lambda: HashingEncoder(32))
        live = live_of(tmp_path)
        wait_for(lambda: live.problem is not None)
        live.refresh()
        assert live.searcher().archive.id == good
        assert "dim=32" in live.problem

    def test_another_than_the_snapshot_s_serves_nothing(self, publish, live_of, tmp_path):
        publish(tmp_path, generation(1))
        live = live_of(tmp_path, lambda: HashingEncoder(32))
        wait_for(lambda: live.problem is not None)
        with pytest.raises(NotReady, match=r"made with .*dim=64.*, the service has .*dim=32"):
            live.searcher()
        live.refresh()
        assert "dim=64" in live.not_ready()
        publish(tmp_path, generation(2), encoder=lambda: HashingEncoder(32))
        live.refresh()
        assert live.not_ready() is None

    def test_another_precision_of_the_same_model_will_do(self, publish, live_of, tmp_path):
        class Int8(HashingEncoder):
            def __init__(self):
                super().__init__()
                self.identity = type(self.identity)(**{**vars(self.identity), "precision": "int8"})

        publish(tmp_path, generation(1), encoder=Int8)
        assert live_of(tmp_path).not_ready() is None


def test_a_searcher_and_its_files_go_with_its_last_request_without_the_collector(tmp_path, publish):
    publish(tmp_path, generation(0))
    home = Home(tmp_path)
    archive = Archive(Snapshot(home.directory(home.current())))
    searcher = Searcher(archive, HashingEncoder)
    searcher.warm()
    searcher.search(SearchParams(q="đời thứ"))
    searcher.changes()
    held = [weakref.ref(one) for one in (searcher, archive, archive.snapshot, archive.segments[0].store)]
    gc.disable()
    try:
        del searcher, archive
        wait_for(lambda: [one() for one in held] == [None] * 4)  # the thread that looked for words lets go of them
    finally:
        gc.enable()
