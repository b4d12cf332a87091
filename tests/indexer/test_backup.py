"""Backup and restore: what is copied, while others write, and what is refused with nothing half-written."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.backup import backup, check, restore
from indexer.errors import SnapshotError
from indexer.files import checksums
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from service.cli import main
from service.upkeep.home_checks import _restoring

BACKED_UP = ["CURRENT", "notes.sqlite", "rules.jsonl", "snapshots"]
LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(5)]


@pytest.fixture
def home(tmp_path, publish):
    """A home with a snapshot, a database that is written ahead, and files of its own and of no one's."""
    place = Home(tmp_path / "home")
    publish(place.path, LINES)
    with closing(write_ahead(place.path / "notes.sqlite")) as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, line TEXT)")
        database.execute("INSERT INTO notes (line) VALUES ('một')")
    (place.path / "rules.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")
    for passing in ("rejects-20231115T000000000000Z.jsonl", "lock", "CURRENT.new", "encoding.sqlite"):
        (place.path / passing).touch()
    return place


def write_ahead(path):
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    return database


def changes(directory):
    with closing(sqlite3.connect(directory / "notes.sqlite")) as database:
        return [line for (line,) in database.execute("SELECT line FROM notes ORDER BY id")]


def articles(home):
    name = home.current()
    with closing(Archive(Snapshot(home.directory(name)))) as archive:
        return sorted(article.id for article in archive.articles(range(archive.count)))


class TestBackup:
    def test_it_is_a_home_of_its_own(self, home, tmp_path):
        target = tmp_path / "backups" / "monday"
        name = backup(home, target)
        assert name == home.current()
        kept = Home(target)
        assert sorted(path.name for path in target.iterdir()) == [
            "CURRENT",
            "SHA256SUMS",
            "notes.sqlite",
            "rules.jsonl",
            "snapshots",
        ]
        verify(kept.directory(kept.current()))
        assert articles(kept) == [line["id"] for line in LINES]
        assert changes(target) == ["một"]
        assert [path.name for path in target.parent.iterdir()] == ["monday"]

    def test_what_is_in_the_write_ahead_log_alone_is_copied(self, home, tmp_path):
        with closing(write_ahead(home.path / "notes.sqlite")) as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")
            database.execute("INSERT INTO notes (line) VALUES ('hai')")
            backup(home, tmp_path / "b")
            assert (home.path / "notes.sqlite-wal").stat().st_size > 0
        assert changes(tmp_path / "b") == ["một", "hai"]
        assert not (tmp_path / "b" / "notes.sqlite-wal").exists()

    def test_each_is_as_it_was_at_one_moment_whoever_writes(self, home, tmp_path):
        stopped = threading.Event()

        def write():
            with closing(write_ahead(home.path / "notes.sqlite")) as database:
                while not stopped.is_set():
                    database.execute("BEGIN")
                    database.executemany("INSERT INTO notes (line) VALUES (?)", [("a",), ("b",)])
                    database.execute("COMMIT")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for at in range(5):
                backup(home, tmp_path / f"b{at}")
        finally:
            stopped.set()
            writer.join()
        for at in range(5):
            lines = changes(tmp_path / f"b{at}")
            assert lines[1:] == ["a", "b"] * (len(lines) // 2)

    def test_the_databases_come_first(self, home, tmp_path, monkeypatch):
        """A change that a log hands over to a snapshot meanwhile is in the copy."""
        from indexer import backup as module

        order = []
        for name in ("_copy_database", "_copy_current"):
            whole = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *a, name=name, whole=whole: (order.append(name), whole(*a))[1])
        backup(home, tmp_path / "b")
        assert order == ["_copy_database", "_copy_current"]

    def test_a_snapshot_that_is_pruned_meanwhile(self, home, tmp_path, publish, monkeypatch):
        from indexer import backup as module

        whole = module.share_directory
        first = home.current()

        def share(source, target):
            if source.name == first and home.current() == first:
                publish(home.path, [*LINES, {"id": "moi", "title": "bài mới"}])
                with home.lock():
                    home.prune(1)
            whole(source, target)

        monkeypatch.setattr(module, "share_directory", share)
        name = backup(home, tmp_path / "b")
        assert name != first
        assert "moi" in articles(Home(tmp_path / "b"))
        assert [path.name for path in (tmp_path / "b" / "snapshots").iterdir()] == [name]

    def test_a_home_without_a_snapshot(self, tmp_path):
        (tmp_path / "home").mkdir()
        with closing(sqlite3.connect(tmp_path / "home" / "keys.sqlite")) as database:
            database.execute("CREATE TABLE keys (id TEXT)")
        assert backup(Home(tmp_path / "home"), tmp_path / "b") is None
        assert (tmp_path / "b" / "keys.sqlite").exists()
        assert restore(tmp_path / "b", Home(tmp_path / "again")) == (None, ("keys.sqlite",), True)

    def test_who_may_read_a_database_stays_so(self, home, tmp_path):
        (home.path / "notes.sqlite").chmod(0o600)
        backup(home, tmp_path / "b")
        assert (tmp_path / "b" / "notes.sqlite").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("harm", ["there already", "no home", "damaged snapshot", "damaged database"])
    def test_what_cannot_be_is_refused_and_leaves_nothing(self, home, tmp_path, harm):
        target, source = tmp_path / "b", home
        if harm == "there already":
            target.mkdir()
        elif harm == "no home":
            source = Home(tmp_path / "elsewhere")
        elif harm == "damaged snapshot":
            path = home.directory(home.current()) / "segment-0" / "vectors.npy"
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        else:
            (home.path / "keys.sqlite").write_bytes(b"not SQLite" * 1000)
        with pytest.raises(SnapshotError):
            backup(source, target)
        assert not target.exists() or list(target.iterdir()) == []
        assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def harm_of(source, target, harm):
    """Harm a backup, or a home, so that each part of it can still be read."""
    if harm == "another byte in a row":
        path = source / "notes.sqlite"
        path.write_bytes(path.read_bytes().replace("một".encode(), "mốt".encode()))
        assert changes(source) == ["mốt"]
    elif harm == "another rule":
        (source / "rules.jsonl").write_text('{"id": "2"}\n', encoding="utf-8")
    elif harm == "a file more":
        (source / "synonyms.txt").touch()
    elif harm == "a file less":
        (source / "rules.jsonl").unlink()
    elif harm == "list cut short":
        path = source / checksums.FILE
        path.write_bytes(path.read_bytes()[:-1])
    elif harm == "written to since":
        kept = write_ahead(source / "notes.sqlite")
        kept.execute("INSERT INTO notes (line) VALUES ('hai')")
        held.append(kept)  # else SQLite writes the log into the file
    else:
        target.path.mkdir()
        (target.path / "rules.jsonl").touch()


held = []


class TestRestore:
    def test_a_home_is_as_it_was_and_shares_nothing(self, home, tmp_path):
        backup(home, tmp_path / "b")
        again = Home(tmp_path / "again")
        assert restore(tmp_path / "b", again).snapshot == home.current() == again.current()
        assert articles(again) == articles(home)
        assert changes(again.path) == ["một"]
        assert (again.path / "rules.jsonl").read_text(encoding="utf-8") == '{"id": "1"}\n'
        files = [path for path in again.snapshots.rglob("*") if path.is_file()]
        assert {path.stat().st_nlink for path in files} == {1}
        assert {path.name for path in again.snapshots.iterdir()} == {home.current()}

    def test_it_can_be_built_upon(self, home, tmp_path, publish):
        backup(home, tmp_path / "b")
        restore(tmp_path / "b", Home(tmp_path / "again"))
        report = publish(tmp_path / "again", [{"id": "moi", "title": "bài mới"}], add=True)
        assert (report.articles, report.encoded) == (6, 1)

    @pytest.mark.parametrize(
        "harm",
        [
            *("home in use", "home with a database", "home with rules", "no backup", "damaged", "damaged database"),
            *(
                "another byte in a row",
                "another rule",
                "a file more",
                "a file less",
                "written to since",
                "list cut short",
            ),
        ],
    )
    def test_what_cannot_be_is_refused_and_leaves_nothing(self, home, tmp_path, harm):
        source, target = tmp_path / "b", Home(tmp_path / "again")
        backup(home, source)
        if harm == "home in use":
            target = home
        elif harm == "home with a database":
            target.path.mkdir()
            (target.path / "keys.sqlite").touch()
        elif harm == "no backup":
            source = tmp_path / "none"
            source.mkdir()
        elif harm == "damaged":
            path = next(source.rglob("vectors.npy"))
            path.unlink()  # it is shared with the home
            path.write_bytes(b"x")
        elif harm == "damaged database":
            (source / "notes.sqlite").write_bytes(b"not SQLite" * 1000)
        else:
            harm_of(source, target, harm)
        before = sorted(target.path.rglob("*"))
        with pytest.raises(SnapshotError):
            restore(source, target)
        assert sorted(target.path.rglob("*")) == before

    @pytest.mark.parametrize("when", [1, 2, 3])
    def test_one_that_fails_while_it_moves_leaves_nothing(self, home, tmp_path, monkeypatch, when):
        backup(home, tmp_path / "b")
        again, moved = Home(tmp_path / "again"), []
        whole = Path.rename

        def rename(path, target):
            moved.append(path.name)
            if len(moved) == when:
                raise OSError(28, "No space left on device")
            return whole(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", rename)
            with pytest.raises(OSError, match="No space"):
                restore(tmp_path / "b", again)
        assert sorted(path.name for path in again.path.rglob("*")) == ["lock", "snapshots"]
        restore(tmp_path / "b", again)
        assert articles(again) == articles(home)

    @pytest.mark.parametrize("at", range(1, 5))
    def test_one_that_is_killed_is_begun_again(self, home, tmp_path, at):
        """Killed before the first move, after each, and before there is a current snapshot."""
        backup(home, tmp_path / "b")
        again = Home(tmp_path / "again")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path / "b"), str(again.path), str(at)], check=False, timeout=60
        )
        assert done.returncode == -9
        assert again.current() is None
        (finding,) = _restoring(again.path)
        assert (finding.subject, finding.status) == ("restore", "problem")
        restore(tmp_path / "b", again)
        assert (articles(again), changes(again.path)) == (articles(home), ["một"])
        assert {path.name for path in again.path.iterdir()} == {*BACKED_UP, "lock"}
        assert list(_restoring(again.path)) == []

    def test_a_backup_of_an_earlier_release_has_no_list(self, home, tmp_path):
        backup(home, tmp_path / "b")
        (tmp_path / "b" / checksums.FILE).unlink()
        assert not check(tmp_path / "b").listed
        assert not restore(tmp_path / "b", Home(tmp_path / "again")).listed

    def test_a_copy_that_goes_wrong_on_the_way_is_not_taken(self, home, tmp_path, monkeypatch):
        backup(home, tmp_path / "b")
        whole = shutil.copy2

        def copy(source, target, **more):
            whole(source, target, **more)
            if str(target).endswith("rules.jsonl"):
                Path(target).write_text("{}", encoding="utf-8")

        monkeypatch.setattr(shutil, "copy2", copy)
        with pytest.raises(SnapshotError, match=r"rules\.jsonl: SHA-256 .*: expected .*: it was changed"):
            restore(tmp_path / "b", Home(tmp_path / "again"))
        assert sorted(path.name for path in (tmp_path / "again").rglob("*")) == ["lock", "snapshots"]


KILLED = """
import os, signal, sys
from pathlib import Path
from indexer import backup
from indexer.snapshot.home import Home

steps = iter(range(1, 9))
def step(call):
    def made(*given, **more):
        if next(steps) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **more)
    return made

move = backup._move
def moving(*given):
    Path.rename, Path.unlink = step(Path.rename), step(Path.unlink)
    move(*given)
backup._move = moving
backup.restore(Path(sys.argv[1]), Home(Path(sys.argv[2])))
"""
"""Restores a backup, and is killed before one of its moves: snapshot, database, rules, the note that is removed."""


class TestChecksums:
    def test_the_list_is_what_sha256sum_writes(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc")
        checksums.write(tmp_path, ["a"])
        abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert (tmp_path / checksums.FILE).read_text() == f"{abc}  a\n"
        assert checksums.read(tmp_path) == {"a": abc}

    @pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils")
    def test_sha256sum_reads_it(self, home, tmp_path):
        (home.path / "ghi chú \\ hai\ndòng.txt").write_text("x", encoding="utf-8")
        backup(home, tmp_path / "b")
        command = ["sha256sum", "--strict", "-c", checksums.FILE]
        done = subprocess.run(command, cwd=tmp_path / "b", capture_output=True, check=False)
        assert (done.returncode, done.stdout.count(b": OK\n")) == (0, 5)
        assert check(tmp_path / "b").listed

    @given(
        names=st.sets(
            st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
                lambda name: name not in {".", ".."}
            ),
            min_size=1,
            max_size=4,
        )
    )
    def test_every_name_is_read_as_it_was_written(self, tmp_path_factory, names):
        directory = tmp_path_factory.mktemp("names")
        for name in names:
            (directory / name).write_text(name, encoding="utf-8")
        checksums.write(directory, names)
        found = checksums.read(directory)
        assert found == {name: hashlib.sha256(name.encode()).hexdigest() for name in names}

    @pytest.mark.parametrize("written", ["", "x", "x\n", f"{'0' * 63}  a\n", f"{'0' * 64} a\n", f"{'0' * 64}  a"])
    def test_a_damaged_list_is_refused(self, tmp_path, written):
        (tmp_path / checksums.FILE).write_text(written)
        with pytest.raises(SnapshotError, match=r"SHA256SUMS.*: expected "):
            checksums.read(tmp_path)


class TestCommands:
    def run(self, *arguments):
        return CliRunner().invoke(main, list(map(str, arguments)))

    def test_there_and_back(self, home, tmp_path):
        done = self.run("backup", tmp_path / "b", "--home", home.path)
        assert done.exit_code == 0, done.stderr
        assert home.current() in done.stdout
        done = self.run("restore", tmp_path / "b", "--home", tmp_path / "again")
        assert done.exit_code == 0, done.stderr
        done = self.run("snapshots", "verify", "--home", tmp_path / "again")
        assert "every file is as it was published" in done.stdout

    def test_a_backup_is_verified(self, home, tmp_path):
        self.run("backup", tmp_path / "b", "--home", home.path)
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")}
        done = self.run("verify-backup", tmp_path / "b")
        assert (done.exit_code, done.stdout) == (
            0,
            f"{tmp_path / 'b'}: every file is as it was when the backup was made\n",
        )
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")} == before
        (tmp_path / "b" / "rules.jsonl").write_text("", encoding="utf-8")
        done = self.run("verify-backup", tmp_path / "b")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "rules.jsonl: SHA-256 e3b0c44298fc1c14…: expected " in done.stderr
        done = self.run("restore", tmp_path / "b", "--home", tmp_path / "again")
        assert done.exit_code == 1
        assert not (tmp_path / "again" / "rules.jsonl").exists()

    def test_a_refusal(self, home, tmp_path):
        done = self.run("restore", tmp_path / "none", "--home", tmp_path / "again")
        assert done.exit_code == 1
        assert "expected a backup" in done.stderr


def test_the_manifest_of_a_backup_is_the_same(home, tmp_path):
    backup(home, tmp_path / "b")
    one, other = (place.directory(home.current()) / "manifest.json" for place in (home, Home(tmp_path / "b")))
    assert json.loads(one.read_text(encoding="utf-8")) == json.loads(other.read_text(encoding="utf-8"))
