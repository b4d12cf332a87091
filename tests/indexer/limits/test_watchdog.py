"""A process that does not get on is ended by another one, told of, and begun again; one that gets on is left alone."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from indexer.articles.article import VIETNAM
from indexer.limits import confined, watchdog
from indexer.sources import following
from service.cli import main
from service.upkeep import home_checks
from tests.conftest import wait_for
from tests.indexer.sources.test_following import ids
from tests.paths import ROOT


def hang():
    """Hold the interpreter's lock for ever."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def test_work_that_gets_on_is_done_once(tmp_path):
    def work(pulse):
        for _ in range(6):
            time.sleep(0.4)
            pulse.beat()
        return 7

    assert watchdog.work_watched(work, 1.5, lambda: pytest.fail("it got on")) == 7


def test_steps_of_what_it_waits_for_show_that_it_gets_on():
    def work(pulse):
        for _ in range(6):
            time.sleep(0.4)
            confined.step()
        return 0

    assert watchdog.work_watched(work, 1.5, lambda: pytest.fail("it got on")) == 0


def test_more_files_are_open_than_select_knows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert watchdog.work_watched(lambda pulse: 5, 20, lambda: pytest.fail("it ended")) == 5
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_rest_is_no_standstill():
    def work(pulse):
        pulse.rest(3)
        return 0

    assert watchdog.work_watched(work, 1, lambda: pytest.fail("it got on")) == 0


def test_work_that_hangs_is_begun_again(tmp_path):
    begun, stalled = tmp_path / "begun", []

    def work(pulse):
        begun.write_text(begun.read_text() + "x" if begun.exists() else "x")
        if len(begun.read_text()) < 3:
            hang()
        return 0

    assert watchdog.work_watched(work, 1, lambda: stalled.append(time.monotonic())) == 0
    assert (begun.read_text(), len(stalled)) == ("xxx", 2)


@pytest.mark.parametrize(
    ("end", "status"),
    [(lambda: sys.exit(3), 3), (lambda: os._exit(4), 4), (lambda: os.kill(os.getpid(), signal.SIGKILL), 137)],
)
def test_how_it_ends_is_handed_on(end, status):
    assert watchdog.work_watched(lambda pulse: end(), 20, lambda: pytest.fail("it ended")) == status


def test_a_process_that_is_watched_and_gets_on_is_left_alone():
    with watchdog.watched(1, lambda: None) as pulse:
        for _ in range(4):
            time.sleep(0.5)
            pulse.beat()
    time.sleep(1.5)


PATCH = """
import pathlib, re, sys
if "sync" in sys.argv:
    from indexer.building import build
    whole, note = build.build, pathlib.Path({note!r})
    def hostile(*arguments, **more):
        turn = int(note.read_text()) if note.exists() else 0
        note.write_text(str(turn + 1))
        if turn < {turns}:
            re.match("(a+)+$", "a" * 60 + "b")
        return whole(*arguments, **more)
    build.build = hostile
"""


@pytest.fixture
def sync(tmp_path):
    """Return a function that starts `sync` whose first builds hang."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "title": "Bài"}) + "\n")
    started = []

    def start(turns, *more):
        (tmp_path / "patched").mkdir(exist_ok=True)
        code = PATCH.format(note=str(tmp_path / "note"), turns=turns)
        (tmp_path / "patched" / "sitecustomize.py").write_text(code)
        words = ["sync", str(tmp_path / "a.jsonl"), "--home", str(tmp_path / "home"), "--source-seconds", "3", *more]
        path = f"{tmp_path / 'patched'}{os.pathsep}{ROOT}"
        environment = {**os.environ, "PYTHONPATH": path, "LIENQUAN_MODEL": "hashing"}
        started.append(subprocess.Popen([sys.executable, "-m", "service.cli", *words], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_round_that_hangs_is_told_and_begun_again_until_it_goes_through(sync, tmp_path):
    home = tmp_path / "home"
    process = sync(2, "--every", "1s", "--stall-seconds", "8")
    wait_for(lambda: following.read_state(home).stalls == 2, 120)
    assert following.read_state(home).problem == "a round did not get on for 8 s and was broken off"
    wait_for(lambda: ids(home) == ["a"], 60)
    wait_for(lambda: following.read_state(home).stalls == 0, 30)
    assert following.read_state(home).problem == ""
    assert following.is_followed(home)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    wait_for(lambda: not following.is_followed(home))


def test_killed_the_watching_process_takes_the_round_with_it(sync, tmp_path):
    process = sync(9, "--every", "1s", "--stall-seconds", "600")
    wait_for(lambda: (tmp_path / "note").exists() and following.is_followed(tmp_path / "home"), 60)
    process.kill()
    process.wait(30)
    wait_for(lambda: not following.is_followed(tmp_path / "home"))


def test_one_that_asks_once_and_hangs_is_killed_and_keeps_no_later_one_out(sync, tmp_path):
    assert sync(1, "--once", "--stall-seconds", "8").wait(120) == -signal.SIGKILL
    wait_for(lambda: following.read_state(tmp_path / "home").stalls == 1)
    assert sync(1, "--once", "--stall-seconds", "60").wait(120) == 0
    assert ids(tmp_path / "home") == ["a"]
    assert following.read_state(tmp_path / "home").stalls == 0


def test_it_is_told_to_who_asks(tmp_path):
    for _ in range(2):
        following.note_stall(tmp_path, 3600)
    said = CliRunner().invoke(main, ["status", "--home", str(tmp_path)]).stdout
    assert "not published: a round did not get on for 3600 s and was broken off (2 in a row)\n" in said
    how = following.condition(tmp_path)
    assert not how.well
    following._write_state(tmp_path, how.state.model_copy(update={"asked": following.datetime.now(VIETNAM)}))
    (found,) = (one for one in home_checks.examine_home(tmp_path) if one.subject == "sync")
    assert (found.status, found.advice.startswith("2 in a row; it is begun again")) == ("problem", True)


def test_a_stall_is_longer_than_a_source_may_take(tmp_path):
    words = ["sync", "x.jsonl", "--home", str(tmp_path), "--stall-seconds", "600"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "600: expected more than --source-seconds, which is 600" in result.output
