"""Backup and restore: what is copied, while others write, and what is refused with nothing half-written."""

import json
import sqlite3
import threading
from contextlib import closing

import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.backup import backup, restore
from indexer.errors import SnapshotError
from indexer.snapshot import Home, Snapshot, verify
from service.cli import main

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
        assert restore(tmp_path / "b", Home(tmp_path / "again")) is None

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


class TestRestore:
    def test_a_home_is_as_it_was_and_shares_nothing(self, home, tmp_path):
        backup(home, tmp_path / "b")
        again = Home(tmp_path / "again")
        assert restore(tmp_path / "b", again) == home.current() == again.current()
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
        "harm", ["home in use", "home with a database", "no backup", "damaged", "damaged database"]
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
        else:
            (source / "notes.sqlite").write_bytes(b"not SQLite" * 1000)
        before = sorted(target.path.rglob("*"))
        with pytest.raises(SnapshotError):
            restore(source, target)
        assert sorted(target.path.rglob("*")) == before


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

    def test_a_refusal(self, home, tmp_path):
        done = self.run("restore", tmp_path / "none", "--home", tmp_path / "again")
        assert done.exit_code == 1
        assert "expected a backup" in done.stderr


def test_the_manifest_of_a_backup_is_the_same(home, tmp_path):
    backup(home, tmp_path / "b")
    one, other = (place.directory(home.current()) / "manifest.json" for place in (home, Home(tmp_path / "b")))
    assert json.loads(one.read_text(encoding="utf-8")) == json.loads(other.read_text(encoding="utf-8"))
