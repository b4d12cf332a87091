"""What is remembered of remote sources: versions, runs, what was not met, and what is left of a run that was killed."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from indexer.errors import SourceError
from indexer.sources import memory as memories
from indexer.sources.memory import LEFT, MemoryRow, open_memory


@pytest.fixture
def memory(tmp_path):
    with open_memory(tmp_path, "a") as opened:
        yield opened


def ids(memory):
    return [reading.fields["id"] for reading in memory.readings()]


def test_what_was_put_is_read_in_the_order_of_its_first_meeting(memory):
    for key in "cab":
        memory.put(key, "1", {"id": key, "title": "Gốm"})
    memory.put("c", "2", {"id": "c2"}, derived=True)
    memory.put("x", "1", None)
    assert ids(memory) == ["c2", "a", "b"]
    assert [reading.derived for reading in memory.readings()] == [True, False, False]
    assert (memory.known("c"), memory.known("x"), memory.known("y")) == (
        MemoryRow("2", True),
        MemoryRow("1", False),
        None,
    )
    assert (len(memory), memory.places()) == (4, {"a", "b", "c", "x"})


def test_sources_are_kept_apart(tmp_path, memory):
    memory.put("k", "1", {"id": "a"})
    memory.state["cursor"] = [1]
    memory.commit()
    with open_memory(tmp_path, "b") as other:
        assert (len(other), other.state, other.known("k")) == (0, {}, None)
        other.put("k", "1", {"id": "b"})
        other.forget(["k"])
        other.commit()
    with open_memory(tmp_path, "a") as again:
        assert (ids(again), again.state) == (["a"], {"cursor": [1]})


def test_what_is_not_committed_is_not_kept(tmp_path, memory):
    memory.put("k", "1", {"id": "a"})
    memory.commit()
    memory.put("l", "1", {"id": "b"})
    memory.state["cursor"] = 2
    with open_memory(tmp_path, "a") as again:
        assert (ids(again), again.state) == (["a"], {})


def test_what_a_run_did_not_meet(memory):
    memory.begin()
    for key in "abcd":
        memory.put(key, "1", {"id": key}, part="p" if key in "ab" else "q")
    assert memory.unmet() == []
    memory.end()
    memory.begin()
    memory.meet_part("p")
    memory.meet("c")
    assert memory.unmet() == ["d"]
    memory.meet("d", LEFT)
    memory.end()
    memory.begin()
    assert memory.unmet() == ["a", "b", "c"]


def test_a_run_that_was_broken_off_goes_on(memory):
    memory.begin()
    memory.put("a", "1", {"id": "a"})
    memory.begin()
    assert (memory.run, memory.complete, memory.unmet()) == (1, False, [])
    memory.end()
    memory.begin()
    assert (memory.run, memory.complete) == (2, True)


@pytest.mark.parametrize(("had", "gone", "shrink", "left"), [(10, 2, False, 8), (10, 3, False, 10), (10, 3, True, 7)])
def test_a_source_that_loses_much_at_once_loses_nothing(memory, had, gone, shrink, left):
    keys = [f"k{number}" for number in range(had)]
    for key in keys:
        memory.put(key, "1", {"id": key})
    said = memory.drop(keys[:gone], shrink)
    assert len(memory) == left
    assert bool(said) is (left == had)
    if said:
        assert said.startswith(
            f"expected at least 80% of the {had} articles that it had, found {had - gone}: all are kept"
        )


def test_of_a_few_articles_one_may_go(memory):
    memory.put("a", "1", {"id": "a"})
    assert memory.drop(["a"], False) == ""
    assert len(memory) == 0


def test_changes_count_articles_that_came_changed_or_went(tmp_path):
    assert memories.changes(tmp_path) == 0

    def after(act):
        with open_memory(tmp_path, "a") as memory:
            act(memory)
            memory.commit()
        return memories.changes(tmp_path)

    assert after(lambda memory: memory.put("k", "1", {"id": "a"})) == 1
    assert after(lambda memory: memory.put("k", "2", {"id": "a"})) == 1
    assert after(lambda memory: memory.put("k", "2", {"id": "a", "title": "x"})) == 2
    assert after(lambda memory: memory.put("n", "2", None)) == 2
    assert after(lambda memory: memory.forget(["k", "none"])) == 3


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / memories.FILE).write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(SourceError, match="expected what sources gave before"), open_memory(tmp_path, "a"):
        pass


def test_a_run_that_is_killed_keeps_what_it_committed(tmp_path):
    code = """
        import sys
        from pathlib import Path
        from indexer.sources.memory import open_memory
        with open_memory(Path(sys.argv[1]), "a") as memory:
            memory.begin()
            for number in range(10**6):
                memory.put(f"k{number}", "1", {"id": f"a{number}"})
                memory.state["cursor"] = number
                memory.commit()
                print(number, flush=True)
    """
    for _ in range(3):
        running = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        for _ in range(20):
            told = int(running.stdout.readline())
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        running.stdout.close()
        with open_memory(tmp_path, "a") as memory:
            assert memory.state["cursor"] >= told
            assert ids(memory)[: told + 1] == [f"a{number}" for number in range(told + 1)]
            assert len(ids(memory)) == len(set(ids(memory))) >= memory.state["cursor"] + 1
