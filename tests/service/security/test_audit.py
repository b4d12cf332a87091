"""The audit log in its file: what is written, by how many at once, what a crash, a full disk or an intruder leaves."""

import hmac
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.backup import backup, restore
from indexer.snapshot.home import Home
from service.errors import NotRecorded
from service.files import database
from service.security import audit_chain
from service.security.audit import FILE, SECRET_FILE, AuditLog
from service.security.audit_entries import Actor

CMS = Actor("key:1f0c6a2b9d3e", "CMS")
LAN = Actor("cli:lan")
DAY = 86_400


class Clock:
    now = 1_700_000_000.25

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(tmp_path, clock):
    return AuditLog(tmp_path, clock=clock)


def put(log, *names):
    for name in names:
        log.record("article.put", CMS, name)


def tamper(home, *statements):
    """Do to the file what whoever may write it can, its triggers notwithstanding."""
    with closing(sqlite3.connect(home / FILE)) as db:
        for trigger in ("entries_stay", "entries_are_as_written"):
            db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement, *values in statements:
            db.execute(statement, values)
        db.commit()


class TestRecording:
    def test_what_is_recorded_is_read_again(self, log, tmp_path):
        assert list(log.entries()) == []
        assert log.record("article.put", CMS, "b1", address="203.0.113.77", lines=3) == 1
        assert log.record("key.revoked", LAN, "1f0c6a2b9d3e", "done") == 2
        first, second = log.entries()
        assert (first.number, first.action, first.actor, first.target) == (1, "article.put", CMS, "b1")
        assert (first.outcome, first.address, first.detail) == ("allowed", "203.0.113.0/24", {"lines": 3})
        assert first.at == datetime.fromtimestamp(1_700_000_000.25, UTC)
        assert (second.outcome, second.address) == ("done", None)
        assert log.verify().problems == ()
        assert str(log.verify().head) == f"2:{second.hash}"

    @pytest.mark.parametrize(
        ("kept", "expected"), [("none", None), ("network", "203.0.113.0/24"), ("full", "203.0.113.77")]
    )
    def test_addresses_as_the_setting_says(self, tmp_path, kept, expected):
        log = AuditLog(tmp_path, addresses=kept)
        log.record("article.put", CMS, "b1", address="203.0.113.77")
        assert [entry.address for entry in log.entries()] == [expected]

    def test_an_unknown_detail_of_addresses(self, tmp_path):
        with pytest.raises(ValueError, match=r"^addresses: 'half': expected one of none, network, full"):
            AuditLog(tmp_path, addresses="half")

    def test_only_its_owner_may_read_it(self, log, tmp_path):
        before = os.umask(0)
        try:
            put(log, "b1")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        finally:
            os.umask(before)
        assert set(modes) == {FILE, f"{FILE}-wal", f"{FILE}-shm", SECRET_FILE}
        assert set(modes.values()) == {0o600}

    def test_the_secret_may_be_given(self, tmp_path):
        log = AuditLog(tmp_path, "s" * 32)
        put(log, "b1")
        assert not (tmp_path / SECRET_FILE).exists()
        assert AuditLog(tmp_path, "s" * 32).verify().problems == ()
        assert "was not sealed" in AuditLog(tmp_path, "t" * 32).verify().problems[0]

    def test_what_fails_within_has_a_second_entry_without_its_text(self, log):
        with pytest.raises(RuntimeError), log.recording("archive.rolled_back", LAN, "s1"):
            raise RuntimeError("bản nháp mật")
        with log.recording("archive.rolled_back", LAN, "s1"):
            pass
        assert [(one.outcome, one.detail) for one in log.entries()] == [
            ("allowed", {}),
            ("failed", {"of": 1, "why": "RuntimeError"}),
            ("allowed", {}),
        ]

    def test_refusals_of_one_client_are_bounded(self, log):
        for _ in range(30):
            log.refused("wrong key", address="203.0.113.77")
        log.refused("wrong key", address="198.51.100.1")
        entries = list(log.entries())
        assert len(entries) == 11
        assert entries[-1].detail == {"left_out": 20}
        assert {(one.action, one.outcome, one.actor.id) for one in entries} == {
            ("request.refused", "wrong key", "anyone")
        }

    def test_entries_cannot_be_changed_or_removed_by_mistake(self, log, tmp_path):
        put(log, "b1")
        with closing(sqlite3.connect(tmp_path / FILE)) as db:
            for statement in ("DELETE FROM entries", "UPDATE entries SET content = '{}'"):
                with pytest.raises(sqlite3.IntegrityError, match="entries are never"):
                    db.execute(statement)

    def test_it_is_synced_and_written_ahead(self, log, tmp_path):
        put(log, "b1")
        with closing(sqlite3.connect(tmp_path / FILE)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert log._open.db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


class TestTampering:
    @pytest.mark.parametrize(
        ("statement", "told"),
        [
            ("UPDATE entries SET content = replace(content, 'b2', 'b9') WHERE number = 2", "entry 2: is not what"),
            ("UPDATE entries SET content = replace(content, 'CMS', 'XMS') WHERE number = 3", "entry 3: is not what"),
            ("UPDATE entries SET hash = zeroblob(32) WHERE number = 2", "entry 2: is not what"),
            ("UPDATE entries SET mac = zeroblob(32) WHERE number = 2", "entry 2: was not sealed"),
            ("DELETE FROM entries WHERE number = 1", "entries before 2 are missing"),
            ("DELETE FROM entries WHERE number = 2", "entry 2: expected after entry 1, found entry 3"),
            ("DELETE FROM entries WHERE number = 4", "the log ends at entry 3: expected 4"),
            ("DELETE FROM entries", "the log ends at entry 0: expected 4"),
            ("INSERT INTO entries SELECT 5, content, hash, mac FROM entries WHERE number = 4", "entry 5: is not what"),
        ],
    )
    def test_each_kind(self, log, tmp_path, statement, told):
        put(log, "b1", "b2", "b3", "b4")
        tamper(tmp_path, (statement,))
        assert told in AuditLog(tmp_path).verify().problems[0]

    def test_what_was_cut_off_stays_to_be_seen_however_much_is_written_after(self, log, tmp_path):
        put(log, "b1", "b2", "b3")
        tamper(tmp_path, ("DELETE FROM entries WHERE number > 1",))
        put(log, "b4", "b5", "b6")
        assert "entry 2: expected after entry 1, found entry 4" in log.verify().problems[0]

    def test_a_last_entry_that_is_no_text_any_more_does_not_keep_others_from_being_recorded(self, log, tmp_path):
        put(log, "b1", "b2")
        tamper(tmp_path, ("UPDATE entries SET content = CAST(X'ff' || content AS TEXT) WHERE number = 2",))
        put(log, "b3")
        assert len(list(log.entries())) == 3
        (told,) = log.verify().problems
        assert "entry 2: is not what" in told

    def test_a_log_that_was_made_anew_is_told_by_its_secret_or_by_a_head(self, log, tmp_path):
        put(log, "b1", "b2")
        head = log.verify().head
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
            (tmp_path / name).unlink()
        assert "is gone" in AuditLog(tmp_path).verify().problems[0]
        put(log, "b1", "b3", "b4")
        assert log.verify().problems == ()
        assert "is not in this log" in log.verify(head).problems[0]

    def test_without_its_secret_it_does_not_pass(self, log, tmp_path):
        put(log, "b1")
        (tmp_path / SECRET_FILE).unlink()
        assert AuditLog(tmp_path).verify().problems == ("the log's secret cannot be had: audit.key is not there",)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_a_byte_of_the_file_is_told_or_changes_nothing_that_is_read(self, tmp_path_factory, data):
        home = tmp_path_factory.mktemp("flipped")
        log = AuditLog(home)
        put(log, "b1", "b2", "b3")
        whole = list(log.entries())
        del log
        with closing(sqlite3.connect(home / FILE)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray((home / FILE).read_bytes())
        places = [at for at in range(len(content)) if content[at]]
        at = places[data.draw(st.integers(0, 1_000_000)) % len(places)]
        content[at] ^= data.draw(st.integers(1, 255))
        (home / FILE).write_bytes(content)
        other = AuditLog(home)
        if not other.verify().problems:
            assert list(other.entries()) == whole


class TestPruning:
    def test_the_chain_holds_from_where_it_was_pruned(self, log, clock):
        put(log, "b1", "b2", "b3")
        third = log.verify().head
        clock.now += 10 * DAY
        put(log, "b4")
        assert log.prune(30, LAN) == 0
        clock.now += 25 * DAY
        assert log.prune(30, LAN) == 3
        assert [(one.number, one.action) for one in log.entries()] == [(4, "article.put"), (5, "audit.pruned")]
        told = list(log.entries())[-1]
        assert (told.actor, told.detail["removed"], told.detail["up_to"]) == (LAN, 3, 3)
        assert log.verify(third).problems == ()
        put(log, "b5")
        assert log.verify().problems == ()
        clock.now += 100 * DAY
        assert log.prune(30, LAN) == 3
        assert [one.number for one in log.entries()] == [7]
        assert log.verify().problems == ()
        assert "was pruned" in log.verify(third).problems[0]

    def test_what_was_removed_is_in_no_file(self, log, clock, tmp_path):
        put(log, "bai-cu", "bai-cu-2")
        clock.now += 100 * DAY
        put(log, "bai-moi")
        assert log.prune(30, LAN) == 2
        held = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
        assert b"bai-moi" in held
        assert b"bai-cu" not in held

    def test_a_log_that_does_not_verify_is_left_as_it_is(self, log, clock, tmp_path):
        put(log, "b1", "b2")
        tamper(tmp_path, ("UPDATE entries SET content = replace(content, 'b1', 'b9')",))
        clock.now += 100 * DAY
        with pytest.raises(NotRecorded, match="nothing was removed: the log does not verify: entry 1"):
            log.prune(30, LAN)
        assert len(list(log.entries())) == 2

    def test_a_pruning_cannot_be_feigned(self, log, tmp_path):
        put(log, "b1", "b2", "b3")
        tie = next(iter(log.entries())).hash
        content = json.dumps({"number": 4, "action": "audit.pruned", "detail": {"up_to": 1, "hash": tie}})
        content = content.replace(" ", "")
        before = bytes.fromhex(list(log.entries())[-1].hash)
        made = audit_chain.link(before, content.encode())
        forged = ("INSERT INTO entries VALUES (4, ?, ?, ?)", content, made, hmac.digest(b"?", made, "sha256"))
        tamper(tmp_path, ("DELETE FROM entries WHERE number = 1",), forged)
        assert log.verify().problems == ("entry 4: was not sealed with this log's secret",)

    def test_where_there_is_none(self, log, tmp_path):
        assert log.prune(30, LAN) == 0
        assert list(tmp_path.iterdir()) == []


class TestTrouble:
    def test_what_cannot_be_written_is_not_done_and_counted(self, tmp_path, caplog):
        failed, done = [], []
        log = AuditLog(tmp_path, failed=lambda: failed.append(1))
        put(log, "b1")
        tamper(
            tmp_path,
            ("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'disk full'); END",),
        )
        with pytest.raises(NotRecorded), log.recording("key.made", LAN):
            done.append(1)
        assert not log.record_after("session.ended", CMS)
        log.refused("wrong key")
        assert (done, len(failed)) == ([], 3)
        assert "disk full" in caplog.text
        assert len(list(log.entries())) == 1

    @pytest.mark.parametrize("content", [b"x" * 9000, b""])
    def test_a_damaged_file_is_told(self, tmp_path, content):
        put(AuditLog(tmp_path), "b1")
        for name in (f"{FILE}-wal", f"{FILE}-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / FILE).write_bytes(content)
        log = AuditLog(tmp_path)
        assert log.verify().problems == ("the audit log cannot be used; the service's log says why",)
        with pytest.raises(NotRecorded):
            put(log, "b2")
        with pytest.raises(NotRecorded):
            list(log.entries())

    def test_a_home_that_cannot_be_written_to(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(NotRecorded):
            put(AuditLog(tmp_path / "file" / "home"), "b1")

    def test_a_file_put_in_its_place_counts_at_once(self, log, tmp_path):
        put(log, "b1", "b2")
        other = AuditLog(tmp_path / "other")
        put(other, "c1")
        with closing(sqlite3.connect(tmp_path / "other" / FILE)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for name in (f"{FILE}-wal", f"{FILE}-shm"):
            (tmp_path / name).unlink()
        for name in (FILE, SECRET_FILE):
            (tmp_path / "other" / name).replace(tmp_path / name)
        put(log, "c2")
        assert [one.target for one in log.entries()] == ["c1", "c2"]
        assert log.verify().problems == ()

    def test_a_backup_holds_it_and_verifies(self, log, tmp_path):
        put(log, "b1", "b2")
        backup(Home(tmp_path), tmp_path.parent / f"{tmp_path.name}-kept")
        put(log, "b3")
        restore(tmp_path.parent / f"{tmp_path.name}-kept", Home(tmp_path / "new"))
        again = AuditLog(tmp_path / "new")
        assert [one.target for one in again.entries()] == ["b1", "b2"]
        assert again.verify().problems == ()
        put(again, "b4")
        assert again.verify().problems == ()


WRITER = """
import pathlib, sys
from service.security.audit import AuditLog
from service.security.audit_entries import Actor
log = AuditLog(pathlib.Path(sys.argv[1]))
for at in range(int(sys.argv[3])):
    log.record("article.put", Actor("key:" + sys.argv[2]), f"{sys.argv[2]}-{at}")
    print(at, flush=True)
"""


def start(home, name, count):
    arguments = [sys.executable, "-c", WRITER, home, name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class TestRaces:
    def test_processes_and_threads_write_one_chain(self, tmp_path):
        started = [start(tmp_path, f"p{at}", 40) for at in range(3)]
        log = AuditLog(tmp_path)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at: log.record("article.put", CMS, f"t-{at}"), range(60)))
        assert [process.communicate(timeout=60)[1] for process in started] == [""] * 3
        assert log.verify().problems == ()
        targets = [entry.target for entry in log.entries()]
        assert sorted(targets) == sorted(
            [f"p{p}-{at}" for p in range(3) for at in range(40)] + [f"t-{at}" for at in range(60)]
        )
        assert [one for one in targets if one.startswith("p1")] == [f"p1-{at}" for at in range(40)]

    def test_pruning_beside_writers(self, tmp_path, clock):
        old = AuditLog(tmp_path, clock=clock)
        put(old, *(f"old{at}" for at in range(30)))
        started = [start(tmp_path, f"p{at}", 30) for at in range(2)]
        assert AuditLog(tmp_path).prune(30, LAN) == 30
        assert [process.communicate(timeout=60)[1] for process in started] == [""] * 2
        assert old.verify().problems == ()
        assert len(list(old.entries())) == 61

    @pytest.mark.parametrize("after", [1, 5, 17])
    def test_one_that_is_killed_leaves_a_whole_chain_with_all_that_it_had_recorded(self, tmp_path, after):
        process = start(tmp_path, "p", 100_000)
        told = [process.stdout.readline() for _ in range(after)]
        time.sleep(0.003 * after)
        process.send_signal(signal.SIGKILL)
        told += process.communicate(timeout=60)[0].splitlines()
        log = AuditLog(tmp_path)
        assert log.verify().problems == ()
        targets = [entry.target for entry in log.entries()]
        assert targets[: len(told)] == [f"p-{at}" for at in range(len(told))]
        put(log, "after")
        assert log.verify().problems == ()

    def test_a_process_that_was_forked_opens_its_own(self, log, tmp_path):
        put(log, "parent")
        child = os.fork()
        if not child:
            try:
                put(log, "child")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        put(log, "parent again")
        assert [one.target for one in log.entries()] == ["parent", "child", "parent again"]
        assert log.verify().problems == ()


def test_a_newer_format_is_refused(log, tmp_path):
    put(log, "b1")
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(NotRecorded):
        put(AuditLog(tmp_path), "b2")
    with pytest.raises(sqlite3.DatabaseError, match="format 9: expected 1"):
        database.connect(tmp_path / FILE, 1)
