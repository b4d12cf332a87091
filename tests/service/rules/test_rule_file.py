"""Following the editors' file, and changing it: nothing lost, nothing half-written."""

import fcntl
import logging
import multiprocessing
import os
import stat
import threading

import pytest

from service.files import edited
from service.rules.file import RuleFile, add, read, remove
from service.rules.lines import NO_RULES, make, parse

A, B = (f'{{"id": "{name}", "kind": "block", "tag": "{name}"}}' for name in "ab")
BAD = '{"kind": "block"}'
FAULT = "rules.jsonl:%d: tag: nothing: expected one of article, section, source, author, tag, found 0"
KEPT = "the rules before stay in force"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rules.jsonl"


@pytest.fixture
def follow(path):
    """Return a function that returns the ids and problems of a followed file as they are then."""
    followed = RuleFile(path)

    def after():
        found = followed.current()
        return [rule.id for rule in found.rules], found.problems

    after.current = followed.current
    return after


def block(name):
    made = make({"id": name, "kind": "block", "tag": name})
    assert not isinstance(made, list)
    return made


def ids(path):
    return [rule.id for rule in parse(path.read_bytes(), path.name).rules]


class TestFollowing:
    def test_no_path(self):
        assert RuleFile(None).current() is NO_RULES

    def test_a_changed_file_is_taken_up_at_once(self, path, follow):
        path.write_text(A)
        assert follow() == (["a"], ())
        path.write_text(A + "\n" + B)
        assert follow() == (["a", "b"], ())
        add(path, block("c"))
        assert follow() == (["a", "b", "c"], ())
        remove(path, "b")
        assert follow() == (["a", "c"], ())

    @pytest.mark.parametrize("what", ["mtime", "size", "inode"])
    def test_each_sign_of_a_change_counts(self, path, follow, what):
        path.write_text(A)
        os.utime(path, ns=(10, 10))
        follow()
        new = path.with_name("new") if what == "inode" else path
        new.write_text(B + "\n" if what == "size" else B)
        os.utime(new, ns=(10, 11 if what == "mtime" else 10))
        new.replace(path)
        assert follow() == (["b"], ())

    def test_the_same_rules_are_the_same_object(self, path, follow):
        path.write_text(A)
        first = follow.current()
        follow()
        assert follow.current() is first
        path.write_text("# another comment\n" + A)
        follow()
        assert follow.current() is first

    def test_a_file_that_comes_goes_and_comes_back(self, path, follow, caplog):
        nothing = "rules.jsonl: cannot be read: No such file or directory"
        assert follow() == ([], (nothing,))
        path.write_text(A)
        assert follow() == (["a"], ())
        away = path.rename(path.with_name("away"))
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert [follow() for _ in range(3)] == [(["a"], (nothing, KEPT))] * 3
        assert len(caplog.records) == 1
        away.rename(path)
        assert follow() == (["a"], ())

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, path, follow):
        path.write_text(A)
        follow()
        path.chmod(0)
        os.utime(path, ns=(1, 1))
        assert follow() == (["a"], ("rules.jsonl: cannot be read: Permission denied", KEPT))

    def test_good_lines_count_and_a_wholly_bad_file_changes_nothing(self, path, follow, caplog):
        path.write_text(f"{A}\n{BAD}\n")
        with caplog.at_level(logging.WARNING):
            assert [follow() for _ in range(2)] == [(["a"], (FAULT % 2,))] * 2
        assert [record.getMessage() for record in caplog.records] == [f"1 problems with rules: {FAULT % 2}"]
        path.write_text(BAD)
        assert follow() == (["a"], (FAULT % 1, KEPT))
        path.write_text("# nothing any more")
        assert follow() == ([], ())

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_what_is_no_file_holds_nobody_up(self, path, follow, make):
        make(path)
        assert follow() == ([], ("rules.jsonl: cannot be read: it is not a file",))
        with pytest.raises(OSError, match=r"rules\.jsonl: cannot be read: it is not a file"):
            read(path)
        with pytest.raises(OSError, match="it is not a file"):
            add(path, block("a"))


class TestAdd:
    def test_a_file_is_made(self, path):
        add(path, block("a"))
        assert path.read_text() == A + "\n"
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize(
        "before", ["", "# lời\n\n" + BAD + "\n  " + B + "\t\r\n", "\ufeff" + B + "\n", "\udcff\udcfe\n" + B + "\n\n"]
    )
    def test_all_else_is_kept_byte_for_byte(self, path, before):
        before = before.encode(errors="surrogateescape")
        path.write_bytes(before)
        add(path, block("a"))
        assert path.read_bytes() == before + A.encode() + b"\n"
        remove(path, "a")
        assert path.read_bytes() == before

    def test_a_last_line_without_its_end_is_given_one(self, path):
        path.write_text("# lời\n" + B)
        add(path, block("a"))
        assert path.read_text() == f"# lời\n{B}\n{A}\n"

    def test_an_id_that_is_there(self, path):
        path.write_text(f"#\n{A}\n")
        with pytest.raises(ValueError, match=r"id: 'a': stands in rules\.jsonl:2: expected an id of its own"):
            add(path, block("a"))
        assert path.read_text() == f"#\n{A}\n"

    def test_the_mode_is_kept_and_a_link_stays_one(self, path, tmp_path):
        path.write_text("")
        path.chmod(0o640)
        link = tmp_path / "link"
        link.symlink_to(path)
        add(link, block("a"))
        assert link.is_symlink()
        assert ids(path) == ["a"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_follower_sees_it(self, path, follow):
        add(path, block("a"))
        assert follow() == (["a"], ())
        add(path, block("b"))
        assert follow() == (["a", "b"], ())

    @pytest.mark.parametrize("step", ["fsync", "fchmod"])
    def test_a_failure_on_the_way_leaves_all_as_it_was(self, path, monkeypatch, step):
        path.write_text(B)

        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(edited.os, step, fail)
        with pytest.raises(OSError, match="No space left"):
            add(path, block("a"))
        assert path.read_text() == B
        assert list(path.parent.iterdir()) == [path]


class TestRemove:
    def test_every_line_of_the_id_goes(self, path):
        path.write_text(f"#1\n{A}\n{B}\n{BAD}\n{A}")
        remove(path, "a")
        assert path.read_text() == f"#1\n{B}\n{BAD}\n"

    def test_a_rule_without_an_id_goes_by_that_of_its_content(self, path):
        path.write_text(f'{{"kind": "block", "tag": "a"}}\n{B}\n')
        remove(path, ids(path)[0])
        assert ids(path) == ["b"]

    def test_an_id_that_is_not_there(self, path):
        path.write_text(A)
        with pytest.raises(ValueError, match=r"id: 'b': expected the id of a rule in rules\.jsonl"):
            remove(path, "b")
        assert path.read_text() == A

    def test_no_file(self, path):
        with pytest.raises(FileNotFoundError):
            remove(path, "a")
        assert not path.exists()


def _edit(path, name, turns):
    for turn in range(turns):
        add(path, block(f"{name}{turn}"))
        if turn % 2:
            remove(path, f"{name}{turn}")


class TestTwoEditors:
    def test_neither_loses_a_line_of_the_other(self, path):
        path.write_text("# đầu\n", encoding="utf-8")
        context = multiprocessing.get_context("spawn")
        editors = [context.Process(target=_edit, args=(path, name, 20)) for name in "xy"]
        for editor in editors:
            editor.start()
        for editor in editors:
            editor.join()
        assert [editor.exitcode for editor in editors] == [0, 0]
        assert sorted(ids(path)) == sorted(f"{name}{turn}" for name in "xy" for turn in range(0, 20, 2))
        assert path.read_text(encoding="utf-8").startswith("# đầu\n")
        assert list(path.parent.iterdir()) == [path]

    def test_one_waits_for_the_other_and_then_edits_the_new_file(self, path):
        path.write_text(A + "\n")
        with path.open("ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            waiting = threading.Thread(target=add, args=(path, block("b")))
            waiting.start()
            waiting.join(0.1)
            assert waiting.is_alive()
            beside = path.with_name("beside")
            beside.write_text(A.replace('"a"', '"c"') + "\n")
            beside.replace(path)
        waiting.join(10)
        assert not waiting.is_alive()
        assert ids(path) == ["c", "b"]
