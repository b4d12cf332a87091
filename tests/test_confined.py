"""Work that hangs, swallows memory or crashes: it is ended and told of, and nobody else is harmed."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from indexer.errors import SourceError, WorkEnded
from indexer.limits.confined import Allowance, ConfinedChild
from tests import hostile_work
from tests.conftest import wait_for


@pytest.fixture
def confined():
    """Return a function that makes a child with little patience."""
    made = []

    def make(**allowed):
        made.append(ConfinedChild(Allowance(**{"stall": 20.0, "cpu": 20.0, "mb": 200, **allowed})))
        return made[-1]

    yield make
    for one in made:
        one.close()


def taken(child, work, *arguments, **more):
    """Return what the work gave, and what was said of its end."""
    found, running = [], child.run(work, *arguments, **more)
    with pytest.raises(WorkEnded) as error:
        found.extend(iter(running.__next__, None))
    return found, str(error.value)


def test_all_that_the_work_yields_comes_in_its_order(confined):
    child = confined()
    assert list(child.run(hostile_work.count, 1000)) == list(range(1000))
    assert list(child.run(hostile_work.count, 2)) == [0, 1]


def test_one_child_does_one_piece_of_work_after_another(confined):
    child = confined()
    first, second = (list(child.run(hostile_work.log)) for _ in range(2))
    assert first == second != [os.getpid()]


class TestTime:
    def test_a_regular_expression_without_end_is_ended(self, confined):
        found, said = taken(confined(stall=1.5), hostile_work.backtrack)
        assert (found, said) == ([1], "did not get on for 1.5 s and was ended")

    def test_the_system_ends_what_takes_too_much_of_the_processor(self, confined):
        found, said = taken(confined(cpu=1), hostile_work.backtrack)
        assert (found, said) == ([1], "took more than 1 s of the processor for one step and was ended")

    def test_each_step_may_take_as_much_of_the_processor_again(self, confined):
        assert list(confined(cpu=1).run(hostile_work.spin, 4, 0.8)) == [0, 1, 2, 3]

    def test_a_wait_is_not_the_processor_s_time(self, confined):
        assert list(confined(cpu=1).run(hostile_work.sleep, 3.0)) == [1]

    def test_waiting_without_a_step_is_ended_and_with_steps_is_not(self, confined):
        assert taken(confined(stall=1), hostile_work.sleep, 60) == ([1], "did not get on for 1 s and was ended")
        assert list(confined(stall=1).run(hostile_work.sleep, 3, 30)) == [1]

    def test_all_of_it_may_not_take_longer_than_is_allowed(self, confined):
        found, said = taken(confined(total=1.5), hostile_work.sleep, 60, 600)
        assert (found, said) == ([1], "took longer than 1.5 s and was ended")
        assert taken(confined(), hostile_work.sleep, 60, 600, total=1.0)[1] == "took longer than 1 s and was ended"

    def test_the_time_of_whoever_takes_the_items_does_not_count(self, confined):
        for _ in confined(stall=1).run(hostile_work.count, 3):
            time.sleep(1.2)


class TestMemory:
    @pytest.mark.parametrize("work", [hostile_work.swallow, hostile_work.swallow_quietly])
    def test_more_than_is_allowed_is_told(self, confined, work):
        assert taken(confined(mb=200), work, 400) == ([], "took more than 200 MB of memory and was ended")

    def test_less_is_not(self, confined):
        assert list(confined(mb=200).run(hostile_work.swallow, 100)) == [100]


class TestCrashes:
    def test_a_crash_of_the_interpreter(self, confined):
        assert taken(confined(), hostile_work.crash) == ([1], "crashed: SIGSEGV")

    def test_an_end_without_a_word(self, confined):
        assert taken(confined(), hostile_work.end) == ([1], "crashed: exit status 3")

    def test_an_error_that_nobody_thought_of_is_told_with_its_place(self, confined):
        found, said = taken(confined(), hostile_work.recurse)
        assert found == []
        assert said.startswith("failed: RecursionError: maximum recursion depth exceeded")
        assert "(hostile_work.py:" in said

    @pytest.mark.parametrize(
        ("work", "said"), [(hostile_work.refuse, "expected a feed"), (hostile_work.miss, "No such file or directory")]
    )
    def test_what_is_wrong_with_a_source_is_said_as_it_is(self, confined, work, said):
        child = confined()
        with pytest.raises(SourceError, match=f"^{said}$") as error:
            list(child.run(work))
        assert not isinstance(error.value, WorkEnded)
        assert list(child.run(hostile_work.count, 2)) == [0, 1]

    @pytest.mark.parametrize("work", [hostile_work.crash, hostile_work.end, hostile_work.recurse])
    def test_afterwards_another_child_goes_on(self, confined, work):
        child = confined()
        taken(child, work)
        assert list(child.run(hostile_work.count, 2)) == [0, 1]

    def test_a_child_that_was_killed_while_it_had_nothing_to_do(self, confined):
        child = confined()
        (pid,) = child.run(hostile_work.log)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not _lives(pid))
        assert list(child.run(hostile_work.count, 2)) == [0, 1]

    def test_what_was_committed_stays_and_the_rest_is_undone(self, confined, tmp_path):
        path = tmp_path / "x.sqlite"
        taken(confined(stall=1), hostile_work.remember, str(path))
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT number FROM rows").fetchall() == [(1,)]


def test_what_is_logged_comes_out_here(confined, caplog):
    caplog.set_level(logging.INFO, "indexer")
    list(confined().run(hostile_work.log))
    assert ("indexer.sources.web", logging.INFO, "a site: 100 pages read") in caplog.record_tuples


def _lives(pid):
    """Return whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


STARTER = """
from indexer.limits.confined import Allowance, ConfinedChild
from tests import hostile_work
child = ConfinedChild(Allowance())
print(*child.run(hostile_work.log), flush=True)
list(child.run(hostile_work.backtrack))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_ends_with_the_process_that_started_it(how):
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        child = int(starter.stdout.readline())
        assert _lives(child)
        starter.send_signal(how)
        starter.wait(30)
    wait_for(lambda: not _lives(child))
