"""The write-ahead log: which change is applied, what it answers, and what it tells those who serve."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import validate
from indexer.articles.columns import micros
from indexer.changes.changes import NEVER, Change, Delete, Put, SnapshotVersion, Withdrawal
from indexer.changes.journal import Journal
from indexer.errors import JournalError

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EARLIER, LATER = (f"2026-03-0{day}T00:00:00+00:00" for day in (1, 3))
NOW_, FAR = NOW.isoformat(), "9999-12-30T00:00:00+00:00"


def article(article_id="a", title="Tin", **fields):
    found = validate({"id": article_id, "title": title, **fields})
    assert not isinstance(found, list), found
    return found


def put(*args, **fields):
    return Put(article(*args, **fields))


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def states(journal):
    return {change.id: change.line is not None for change in journal.take(0)}


class TestOutcomes:
    def test_a_new_article(self, journal):
        (outcome,) = journal.write([put()], now=NOW)
        assert (outcome.existed, outcome.applied) == (False, True)
        ((seq, name, line, updated, _),) = journal.take(0)
        assert (seq, name, updated) == (1, "a", micros(NOW))
        assert '"title":"Tin"' in line

    def test_one_that_is_there(self, journal):
        journal.write([put()], now=NOW)
        (outcome,) = journal.write([put(title="Khác")], now=NOW)
        assert (outcome.existed, outcome.applied) == (True, True)
        assert [change.seq for change in journal.take(0)] == [2]

    def test_one_that_only_the_snapshot_has(self, journal):
        (outcome,) = journal.write([put()], lambda name: SnapshotVersion(None, b"") if name == "a" else None, now=NOW)
        assert (outcome.existed, outcome.applied) == (True, True)

    @pytest.mark.parametrize(
        ("stored", "written", "applied"),
        [(LATER, EARLIER, False), (EARLIER, LATER, True), (LATER, LATER, True), (LATER, None, False)],
    )
    @pytest.mark.parametrize("where", ["journal", "snapshot"])
    def test_an_older_one_loses(self, journal, stored, written, applied, where):
        held = None
        if where == "journal":
            journal.write([put(updated_at=stored)], now=NOW)
        else:
            held = SnapshotVersion(micros(datetime.fromisoformat(stored)), b"")
        (outcome,) = journal.write([put(title="Khác", updated_at=written)], lambda name: held, now=NOW)
        assert (outcome.existed, outcome.applied) == (True, applied)

    def test_the_same_again_is_applied_and_no_change(self, journal):
        assert journal.write([put(updated_at=EARLIER)] * 2)[1].applied
        assert journal.last() == 1

    def test_what_a_snapshot_holds_of_a_change_that_it_has_counts_and_not_the_journal(self, journal):
        journal.write([put()], now=NOW)
        (outcome,) = journal.write([put(title="Khác")], lambda name: None, up_to=1, now=NOW)
        assert not outcome.existed  # a later build took it out

    def test_a_delete(self, journal):
        assert journal.write([put(), Delete("a"), Delete("b")], now=NOW) == [
            (False, True, False),
            (True, True, False),
            (False, True, False),
        ]
        assert states(journal) == {"a": False, "b": False}

    def test_a_delete_without_a_time_is_always_applied(self, journal):
        journal.write([put(updated_at=LATER), Delete("a")], now=NOW)
        assert states(journal) == {"a": False}
        (outcome,) = journal.write([put(updated_at=LATER, title="Lại")], now=NOW)
        assert outcome.applied
        (outcome,) = journal.write([Delete("a", micros(NOW))], now=NOW)
        assert (outcome.existed, outcome.applied) == (True, False)

    def test_an_article_that_is_older_than_its_tombstone_stays_gone(self, journal):
        journal.write([Delete("a")], now=NOW)
        assert journal.write([put(updated_at=EARLIER)], now=NOW) == [(False, False, False)]
        assert journal.write([put(updated_at=LATER)], now=NOW) == [(False, True, False)]

    def test_a_delete_frees_the_id_of_an_article_from_the_hours_to_come(self, journal):
        journal.write([put(updated_at=LATER)], now=NOW)  # by a clock that is 16 hours ahead
        assert not journal.write([put(title="Khác")], now=NOW)[0].applied
        assert journal.write([Delete("a")], now=NOW) == [(True, True, False)]
        (gone,) = journal.take(0)
        assert gone.updated == micros(datetime.fromisoformat(LATER))  # a source that tells of it does not bring it back
        (outcome,) = journal.write([put(title="Khác")], now=NOW + timedelta(seconds=1))
        assert (outcome.existed, outcome.applied) == (False, True)
        (change,) = journal.take(0)
        assert (change.updated, change.forced) == (micros(NOW + timedelta(seconds=1)), True)

    @pytest.mark.parametrize("where", ["journal", "snapshot"])
    @pytest.mark.parametrize("written", [EARLIER, None])
    def test_a_time_too_far_ahead_of_an_earlier_release_counts_for_nothing(self, journal, where, written):
        held = None
        if where == "journal":
            journal.write([put(updated_at=FAR)], now=NOW - timedelta(seconds=1))
        else:
            held = SnapshotVersion(micros(datetime.fromisoformat(FAR)), b"")
        written = LATER if where == "journal" and written else written  # else it is older than the time of receipt
        (outcome,) = journal.write([put(title="Khác", updated_at=written)], lambda name: held, now=NOW)
        assert (outcome.existed, outcome.applied) == (True, True)
        (change,) = journal.take(0)
        assert (change.forced, change.updated) == (where == "snapshot", micros(datetime.fromisoformat(written or NOW_)))

    def test_what_is_to_replace_such_a_one_goes_on_to_until_a_snapshot_has_it(self, journal):
        known = SnapshotVersion(micros(datetime.fromisoformat(FAR)), b"")
        for title in "bc":
            journal.write([put(title=title)], lambda name: known, now=NOW)
        assert [change.forced for change in journal.take(0)] == [True]
        journal.write([put(title="d")], lambda name: SnapshotVersion(micros(NOW), b""), up_to=2, now=NOW)
        assert [change.forced for change in journal.take(0)] == [False]

    @pytest.mark.parametrize(("ahead", "applied"), [(timedelta(0), False), (timedelta(microseconds=1), True)])
    def test_a_day_ahead_is_the_bound(self, journal, ahead, applied):
        known = SnapshotVersion(micros(NOW + timedelta(days=1) + ahead), b"")
        assert journal.write([put()], lambda name: known, now=NOW)[0].applied is applied

    @pytest.mark.parametrize("made", [put("a", "Khác", updated_at=EARLIER), Delete("a", micros(NOW))])
    def test_what_is_forced_counts_whatever_is_stored(self, journal, made):
        journal.write([put(updated_at=LATER)], now=NOW)
        assert journal.write([made], now=NOW) == [(True, False, False)]
        assert journal.write([made._replace(forced=True)], now=NOW) == [(True, True, False)]
        (change,) = journal.take(0)
        assert change.forced
        journal.take_down("a", "Lan", "x", (), ())
        assert not journal.write([put()._replace(forced=True)], now=NOW)[0].applied

    def test_receipt_does_not_go_back_with_the_clock(self, journal):
        journal.write([put()], now=NOW)
        (outcome,) = journal.write([put(title="Khác")], now=NOW - timedelta(hours=1))
        assert outcome.applied
        assert [change.updated for change in journal.take(0)] == [micros(NOW)]


class TestBehind:
    def test_what_is_written_later_comes_first(self, journal):
        journal.write([put(name) for name in "abc"], now=NOW, later=True)
        journal.write([put("d")], now=NOW)
        assert [c.id for c in journal.take(0, 2)] == ["d"]
        first = journal.take(4, 64, behind=2)
        assert [(c.seq, c.id) for c in first] == [(5, "a"), (6, "b")]  # numbered after all that is
        assert journal.take(4, 64) == first
        assert [(c.seq, c.id) for c in journal.take(6, 64)] == [(7, "c")]
        assert journal.take(7, 64) == []

    def test_a_build_takes_all_and_a_merge_of_what_is_ingested_does_not(self, journal):
        journal.write([put("a"), put("b")], now=NOW, later=True)
        journal.write([put("d")], now=NOW)
        assert [c.id for c in journal.take(0, behind=0)] == ["d"]
        assert [c.id for c in journal.take(0)] == ["d", "a", "b"]

    def test_no_snapshot_holds_it_whatever_its_number(self, journal):
        journal.write([put("a"), Delete("b"), put("c")], now=NOW, later=True)
        assert [one.id for one in journal.withdrawals(100, micros(NOW))] == ["b"]
        assert journal.tombstones(100) == []
        journal.trim(100)
        (outcome,) = journal.write([put("c")], lambda name: None, up_to=100, now=NOW + timedelta(1), later=True)
        assert outcome.existed
        assert [(c.seq, c.id) for c in journal.take(200)] == [(201, "a"), (202, "b"), (203, "c")]

    def test_each_counts_as_a_change(self, journal):
        journal.write([put("a"), put("b")], later=True)
        assert journal.last() == 2

    def test_written_anew_it_is_in_one_place(self, journal):
        journal.write([put("a"), put("b")], now=NOW, later=True)
        journal.write([put("a", "Sửa")], now=NOW)
        assert [c.id for c in journal.take(0)] == ["a", "b"]
        journal.write([put("a", "Lại sửa")], now=NOW, later=True)
        assert [c.id for c in journal.take(0, 64)] == ["b"]


class TestSetAside:
    def test_it_waits_longer_each_time_and_alone(self, journal):
        journal.write([put("a"), put("b")], now=NOW)
        now, waits = NOW, []
        for tries in range(1, 12):
            change = journal.take_again(0, now)[0] if tries > 1 else journal.take(0)[0]
            aside = journal.set_aside(change, f"ValueError: {tries}", now)
            assert (aside.id, aside.error, aside.tries) == ("a", f"ValueError: {tries}", tries)
            assert [c.id for c in journal.take(0)] == ["b"]
            again = datetime.fromisoformat(aside.again)
            assert journal.take_again(0, again - timedelta(seconds=1)) == []
            waits.append((again - now).total_seconds())
            now = again
        assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
        assert journal.aside() == [aside]

    def test_it_is_forgiven_once_a_snapshot_holds_it(self, journal):
        journal.write([put("a")], now=NOW)
        journal.set_aside(journal.take(0)[0], "x", NOW)
        (change,) = journal.take_again(0, NOW + timedelta(minutes=1))
        journal.forgive(change.seq - 1)
        assert len(journal.aside()) == 1
        journal.forgive(change.seq)
        assert journal.aside() == []

    def test_written_anew_it_is_tried_at_once(self, journal):
        journal.write([put("a")], now=NOW)
        journal.set_aside(journal.take(0)[0], "x", NOW)
        journal.write([put("a", "Sửa")], now=NOW)
        assert [c.id for c in journal.take(0)] == ["a"]
        assert journal.aside() == []

    def test_one_that_was_written_anew_meanwhile_is_not_set_aside(self, journal):
        journal.write([put("a")], now=NOW)
        (change,) = journal.take(0)
        journal.write([put("a", "Sửa")], now=NOW)
        assert journal.set_aside(change, "x", NOW) is None
        assert [c.id for c in journal.take(0)] == ["a"]

    def test_what_waits_is_counted(self, journal):
        assert journal.waiting(0) == (0, None, 0, 0)
        journal.write([put("a"), put("b")], now=NOW)
        journal.write([put("c")], now=NOW + timedelta(seconds=5), later=True)
        journal.set_aside(journal.take(0, behind=0)[0], "x", NOW)
        journal.take_down("z", "Lan", "đơn", [], [])
        assert journal.waiting(0) == (3, micros(NOW), 1, 1)
        assert journal.waiting(journal.last()) == (1, micros(NOW + timedelta(seconds=5)), 1, 1)


class TestReading:
    def test_changes_after_one_in_portions(self, journal):
        journal.write([put(name) for name in "abc"] + [Delete("a")], now=NOW)
        assert [(c.seq, c.id) for c in journal.take(0)] == [(2, "b"), (3, "c"), (4, "a")]
        assert [c.id for c in journal.take(2, 1)] == ["c"]
        assert journal.take(4) == []
        assert journal.last() == 4

    def test_what_keeps_an_article_from_being_seen_is_not_trimmed_at_once(self, journal):
        seen = [put("a", unpublish_at=EARLIER), put("b", published_at=LATER), put("c", published_at=EARLIER)]
        journal.write(seen, now=NOW)
        journal.trim(3, NOW)  # a worker may still serve a snapshot from before
        assert states(journal) == {"a": True, "b": True}
        assert [one.id for one in journal.withdrawals(0, micros(NOW))] == ["a", "b"]
        journal.trim(3, NOW + timedelta(hours=2))
        assert states(journal) == {}

    def test_trimmed_lines_are_forgotten_and_tombstones_are_not(self, journal):
        journal.write([put("a"), Delete("b"), put("c")], now=NOW)
        journal.trim(2)
        assert states(journal) == {"b": False, "c": True}
        assert journal.tombstones(2) == [Change(2, "b", None, micros(NOW))]
        assert journal.tombstones(1) == []
        journal.trim(3)
        assert journal.last() == 3  # numbers are not used again
        journal.write([put("d")])
        assert journal.last() == 4

    def test_withdrawals_are_what_may_keep_an_article_from_being_seen(self, journal):
        ahead, past = NOW + timedelta(days=1), NOW - timedelta(days=1)
        journal.write(
            [
                put("now"),
                put("past", published_at=past.isoformat()),
                put("ahead", published_at=ahead.isoformat()),
                put("until", unpublish_at=ahead.isoformat()),
                Delete("gone"),
            ],
            now=NOW,
        )
        assert journal.withdrawals(0, micros(NOW)) == [
            Withdrawal("ahead", micros(ahead), NEVER),
            Withdrawal("until", -NEVER, micros(ahead)),
            Withdrawal("gone", NEVER, NEVER),
        ]
        assert [w.id for w in journal.withdrawals(4, micros(NOW))] == ["gone"]

    def test_every_commit_is_told_of_whoever_made_it(self, journal, tmp_path):
        seen = [journal.version(), journal.version()]
        journal.write([put()])
        seen.append(journal.version())
        other = Journal(tmp_path)
        other.write([Delete("a")])
        other.close()
        seen += [journal.version(), journal.version()]
        assert seen[0] == seen[1] != seen[2] != seen[3] == seen[4]

    def test_numbers_go_on_above_what_a_snapshot_holds(self, journal):
        """As where the file was lost, or is of an older backup."""
        journal.write([put("a")], up_to=7)
        journal.take_down("b", "Lan", "x", [], [], up_to=11)
        journal.write([put("c")], up_to=3)
        assert [change.seq for change in journal.take(0)] == [8, 12, 13]


class TestTakedowns:
    def test_one_keeps_the_id_from_coming_back_until_it_is_lifted(self, journal):
        journal.write([put(updated_at=LATER)])
        made = journal.take_down("a", "Lan", "đơn của đương sự", ["s1"], ["related:b"])
        assert (made.id, made.who, made.why, made.snapshots, made.lists) == (
            *("a", "Lan", "đơn của đương sự"),
            *(("s1",), ("related:b",)),
        )
        assert journal.takedowns() == [made]
        assert journal.write([put(updated_at="2999-01-01")]) == [(False, False, True)]
        assert journal.write([Delete("a")]) == [(False, True, True)]
        assert [(c.id, c.line, c.updated) for c in journal.take(0)] == [("a", None, NEVER)]
        journal.lift("a", "Hoa")
        (lifted,) = journal.takedowns()
        assert (lifted.lifted_by, lifted.lifted_at is None) == ("Hoa", False)
        assert journal.write([put(updated_at="2001-01-01")]) == [(False, True, False)]

    def test_once_at_a_time(self, journal):
        journal.take_down("a", "Lan", "x", [], [])
        with pytest.raises(JournalError, match="id: 'a': taken down already"):
            journal.take_down("a", "Lan", "x", [], [])
        journal.lift("a", "Lan")
        with pytest.raises(JournalError, match="id: 'a': expected an article that is taken down"):
            journal.lift("a", "Lan")
        journal.take_down("a", "Lan", "y", [], [])
        assert [one.why for one in journal.takedowns()] == ["x", "y"]


class TestDurable:
    def test_all_or_nothing(self, journal):
        def fail(name):
            if name == "b":
                raise RuntimeError("hỏng")

        with pytest.raises(RuntimeError):
            journal.write([put("a"), put("b")], fail)
        assert journal.take(0) == []
        journal.write([put("c")])
        assert states(journal) == {"c": True}

    def test_synced_before_the_answer(self, journal):
        settings = [
            journal._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]
        assert settings == ["wal", 2]

    def test_acknowledged_changes_survive_a_kill(self, tmp_path):
        program = f"""
import sys
from pathlib import Path
from tests.indexer.changes.test_journal import Journal, put
journal = Journal(Path({str(tmp_path)!r}))
for number in range(100_000):
    journal.write([put(f"a{{number}}")])
    print(number, flush=True)
"""
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        told = [next(process.stdout) for _ in range(30)]
        process.kill()
        told += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        journal = Journal(tmp_path)
        held = states(journal)
        journal.close()
        assert {f"a{int(line)}" for line in told if line.endswith("\n")} <= set(held)

    def test_writers_side_by_side_lose_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(
            "indexer.changes.journal._WAIT_SECONDS", 120.0
        )  # SQLite has no queue: on a slow disk some starve

        def write(name):
            own = Journal(tmp_path)
            for number in range(25):
                own.write([put(f"{name}{number}")])
            own.close()

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        journal = Journal(tmp_path)
        changes = journal.take(0)
        journal.close()
        assert sorted(change.seq for change in changes) == list(range(1, 101))
        assert {change.id for change in changes} == {f"{name}{number}" for name in "abcd" for number in range(25)}


class TestFaults:
    def test_a_file_of_an_earlier_release(self, tmp_path):
        Journal(tmp_path).close()
        with sqlite3.connect(tmp_path / "changes.sqlite") as database:
            database.execute("ALTER TABLE changes DROP COLUMN forced")
            far = micros(datetime.fromisoformat(FAR))
            for name, at in (("a", far), ("b", NEVER)):
                row = (name, at, micros(NOW))
                database.execute(
                    "INSERT INTO changes (id, updated, received, published, unpublish) VALUES (?, ?, ?, 0, 0)", row
                )
        for _ in "again":
            journal = Journal(tmp_path)
            assert [tuple(change) for change in journal.take(0)] == [
                (1, "a", None, micros(NOW), False),
                (2, "b", None, NEVER, False),
            ]
            assert journal.deleted_before(NOW + timedelta(days=1)) == {"a": micros(NOW)}
            journal.close()

    def test_something_else_in_the_file(self, tmp_path):
        (tmp_path / "changes.sqlite").write_bytes(b"x" * 4096)
        with pytest.raises(JournalError, match=r"changes\.sqlite: file is not a database"):
            Journal(tmp_path)

    def test_a_home_that_is_a_file(self, tmp_path):
        (tmp_path / "home").write_text("x")
        with pytest.raises(JournalError, match="home"):
            Journal(tmp_path / "home")

    def test_a_full_disk_writes_nothing(self, journal):
        journal.write([put("a")])
        pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
        journal._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match="full"):
            journal.write([put(f"b{number}", body="x" * 2000) for number in range(50)])
        assert states(journal) == {"a": True}

    def test_none_where_nothing_was_written(self, tmp_path):
        assert Journal.of(tmp_path) is None
        Journal(tmp_path).close()
        found = Journal.of(tmp_path)
        assert found is not None
        found.close()

    def test_a_closed_one_says_so(self, tmp_path):
        journal = Journal(tmp_path)
        journal.close()
        with pytest.raises(JournalError) as caught:
            journal.last()
        assert isinstance(caught.value.__cause__, sqlite3.ProgrammingError)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.none() | st.integers(1, 28)), min_size=1, max_size=12)
)
def test_the_newest_by_its_own_time_is_what_stands(tmp_path_factory, changes):
    """Held against a plain model: of puts and deletes with times the latest stands, the last of equal ones."""
    journal = Journal(tmp_path_factory.mktemp("journal"))
    model = {}
    for number, (name, kept, day) in enumerate(changes):
        moment = None if day is None else datetime(2026, 2, day, tzinfo=UTC)
        received = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number)
        time = moment or received
        before = model.get(name)
        if before is None or time >= before[0] or (not kept and day is None):
            model[name] = (time if before is None else max(time, before[0]), kept, f"{number}")
        change = put(name, f"{number}", updated_at=moment.isoformat() if moment else None)
        journal.write([change if kept else Delete(name, None if moment is None else micros(moment))], now=received)
    found = {change.id: change for change in journal.take(0)}
    journal.close()
    assert {name: change.line is not None for name, change in found.items()} == {n: m[1] for n, m in model.items()}
    for name, (time, kept, title) in model.items():
        assert found[name].updated == micros(time)
        assert not kept or f'"title":"{title}"' in found[name].line
