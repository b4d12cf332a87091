"""A build's progress in the home: what is told meanwhile, at its end, after a failure, after a kill."""

import json
import os
import subprocess
import sys

import pytest

from indexer.building.build import BuildOptions, build
from indexer.errors import BuildRefused
from indexer.files import progress
from indexer.files.progress import FILE, KEPT, STAGES, Builds, read, telling
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder


def nothing(stage, done, total):
    pass


def test_nothing_is_known_of_a_home_without_builds(tmp_path):
    assert read(tmp_path) == Builds()
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_is_handed_on_and_can_be_read(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    heard = []
    with telling(tmp_path, lambda *step: heard.append(step), merging=True) as told:
        assert read(tmp_path).running.stage == ""
        told("encoding", 0, 1000)
        clock[0] += 10
        told("encoding", 200, 1000)
        running = read(tmp_path).running
        assert (running.pid, running.merging) == (os.getpid(), True)
        assert (running.stage, running.done, running.total, running.rate) == ("encoding", 200, 1000, 20.0)
        assert running.seconds_left == 40
        clock[0] += 10
        told("publishing", 0, None)
        clock[0] += 5
        assert read(tmp_path).running.seconds_left is None
        told.ended("x", 1000, 900)
    assert heard == [("encoding", 0, 1000), ("encoding", 200, 1000), ("publishing", 0, None)]
    found = read(tmp_path)
    assert found.running is None
    (last,) = found.finished
    assert (last.outcome, last.seconds, last.articles, last.encoded) == ("published", 25, 1000, 900)
    assert last.stages == {"encoding": 20, "publishing": 5}


def test_it_is_not_written_at_every_step(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with telling(tmp_path, nothing) as told:
        told("indexing", 0, 100)
        before = (tmp_path / FILE).stat().st_ino
        clock[0] += 0.1
        told("indexing", 1, 100)
        assert (tmp_path / FILE).stat().st_ino == before
        clock[0] += 0.5
        told("indexing", 2, 100)
        assert read(tmp_path).running.done == 2


@pytest.mark.parametrize("error", [BuildRefused("too little"), RuntimeError("confidential"), KeyboardInterrupt()])
def test_a_failure_is_told_and_goes_on(tmp_path, error):
    def work():
        with telling(tmp_path, nothing) as told:
            told("reading", 5, None)
            raise error

    with pytest.raises(type(error)):
        work()
    found = read(tmp_path)
    assert found.running is None
    expected = "too little" if isinstance(error, BuildRefused) else type(error).__name__
    assert [(one.outcome, one.problem) for one in found.finished] == [("failed", expected)]


def test_one_that_was_killed_is_told_so_at_once_and_for_good(tmp_path):
    code = f"""
import os, pathlib, signal
from indexer.files.progress import telling
with telling(pathlib.Path({str(tmp_path)!r}), lambda *step: None) as told:
    told("encoding", 3, 10)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    found = read(tmp_path)
    assert found.running is None
    assert [(one.outcome, one.problem) for one in found.finished] == [("killed", "encoding: 3 of 10")]
    with telling(tmp_path, nothing) as told:
        told.ended(None, 1, 0)
    assert [one.outcome for one in read(tmp_path).finished] == ["killed", "unchanged"]


def test_the_last_ones_are_kept(tmp_path):
    for number in range(KEPT + 3):
        with telling(tmp_path, nothing) as told:
            told.ended(str(number), number, 0)
    assert [one.snapshot for one in read(tmp_path).finished] == [str(number) for number in range(3, KEPT + 3)]


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 9}', b"\xff"])
def test_a_file_of_another_kind_is_passed_over(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert read(tmp_path) == Builds()
    with telling(tmp_path, nothing) as told:
        told.ended(None, 0, 0)
    assert len(read(tmp_path).finished) == 1


def test_a_home_that_cannot_be_written_to_ends_no_build(tmp_path, monkeypatch):
    with telling(tmp_path, nothing) as told:
        monkeypatch.setattr(progress.Path, "write_text", full)
        told("reading", 1, None)
        told.ended(None, 0, 0)


def full(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_build_goes_through_all_stages_in_order(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"id": f"a{n}", "title": f"Gốm {n}"}) for n in range(30)))
    home, heard = Home(tmp_path / "home"), []

    def hear(stage, done, total):
        heard.append(stage)
        assert read(home.path).running.stage == stage or heard.count(stage) == 1

    report = build(home, [str(tmp_path / "a.jsonl")], HashingEncoder, BuildOptions(), hear)
    assert list(dict.fromkeys(heard)) == list(STAGES)
    (last,) = read(home.path).finished
    assert (last.snapshot, last.articles, last.encoded) == (report.snapshot, 30, 30)
    assert set(last.stages) == set(STAGES)
    assert sum(last.stages.values()) <= last.seconds
