"""A side in a process of its own: what it answers, what it says of itself, and how it ends."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.peer_process import MODEL, Missing, Side


class Echo:
    """A peer that knows one article."""

    packages = ("click",)

    def __init__(self, name="bài"):
        self._name = name

    def search(self, query):
        print("what a library prints is no answer")
        return [self._name, query, os.environ[MODEL], os.environ["OMP_NUM_THREADS"]], 0.0

    def near(self, article):
        os._exit(3)


class Lacking:
    """A peer whose package is not there."""

    def __init__(self):
        import no_such_package  # noqa: F401


def started(cls, *given):
    return Side(Path(sys.executable), (f"{__name__}:{cls.__name__}", *given), Path("/mô-hình"), 3)


@pytest.fixture
def side():
    found = started(Echo)
    yield found
    found.close()


def test_answers_with_its_own_time_and_environment(side):
    answered = side.ask("search", "đường sắt")
    assert answered.result == [["bài", "đường sắt", "/mô-hình", "3"], 0.0]
    assert 0 < answered.seconds < 60


def test_its_arguments_reach_it():
    side = started(Echo, "khác")
    assert side.ask("search", "q").result[0][0] == "khác"
    side.close()


def test_says_which_releases_it_runs(side):
    assert list(side.packages) == ["click"]
    assert side.packages["click"][0].isdigit()


def test_its_memory_is_that_of_a_python_process(side):
    assert 1 < side.memory() < 1000


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(Missing, match="no_such_package"):
        started(Lacking)


def test_an_environment_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Missing, match=r"no-python.*make bench"):
        Side(tmp_path / "no-python", ("tests.benchmarks.test_peer_process:Echo",), tmp_path, 1)


def test_the_end_of_its_process_is_an_error():
    side = started(Echo)
    with pytest.raises(RuntimeError, match="ended with status 3"):
        side.ask("near", {"id": "a", "text": "b"})
    side.close()
