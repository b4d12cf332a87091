"""An index run over a snapshot of an older format: what the API wrote and what --add keeps is not lost."""

import hashlib
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from indexer.archive import Archive
from indexer.building.older_formats import held
from indexer.errors import SnapshotError
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(5)]


@pytest.fixture
def older(tmp_path, publish):
    """A home whose current snapshot is of format 3: an article of the API's among its five, one of them deleted."""
    home = Home(tmp_path / "home")
    publish(home.path, LINES)

    def made(content, directory):
        content["format"] = 3
        content["of_old"] = "no field of today's manifest"

    forge(home, made)
    return home


def forge(home, change):
    """Change the current snapshot's manifest and files, and give it the name that then is its own."""
    directory = home.directory(home.current())
    store = directory / "segment-0" / "articles.sqlite"
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE articles SET origin = 'api' WHERE id = 'bai-2'")
    np.save(directory / "tombstones.npy", np.array([4]))
    content = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    content["segments"][0]["tombstones"] = "tombstones.npy"
    content["segments"][0]["deleted"] = 1
    change(content, directory)
    for path in (store, directory / "tombstones.npy"):
        name = path.relative_to(directory).as_posix()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        content["files"].setdefault(name, {}).update(size=path.stat().st_size, sha256=digest)
    written = json.dumps(content).encode()
    (directory / "manifest.json").write_bytes(written)
    name = directory.name.split("-")[0] + "-" + hashlib.sha256(written).hexdigest()[:8]
    directory.rename(directory.with_name(name))
    home.point_to(name)


def ids(home):
    with closing(Archive(Snapshot(home.directory(home.current())))) as archive:
        return sorted(article.id for article in archive.articles(range(archive.count)))


class TestIndex:
    def test_the_whole_keeps_what_the_api_wrote(self, older, publish):
        before = older.current()
        report = publish(older.path, [LINES[0], {"id": "moi", "title": "bài mới"}])
        assert ids(older) == ["bai-0", "bai-2", "moi"]
        assert (report.added, report.removed, report.articles) == (1, 2, 3)
        assert older.directory(before).is_dir()  # it is not touched
        with closing(sqlite3.connect(older.directory(older.current()) / "segment-0" / "articles.sqlite")) as database:
            assert database.execute("SELECT id FROM articles WHERE origin = 'api'").fetchall() == [("bai-2",)]

    def test_adding_keeps_everything_but_what_was_deleted(self, older, publish):
        publish(older.path, [{"id": "bai-1", "title": "ca một, viết lại"}, {"id": "moi", "title": "bài mới"}], add=True)
        assert ids(older) == ["bai-0", "bai-1", "bai-2", "bai-3", "moi"]

    def test_the_next_run_finds_nothing_to_do(self, older, publish):
        lines = [LINES[0], LINES[1], LINES[3]]
        assert publish(older.path, lines).snapshot is not None
        assert publish(older.path, lines).snapshot is None

    def test_a_service_is_told_what_to_do(self, older):
        with pytest.raises(
            SnapshotError, match="format: 3: expected 4 or 5 or 6; made by an older Lienquan: `lienquan index`"
        ):
            read_manifest(older.directory(older.current()))


class TestWhatIsRefused:
    def test_todays_format_and_an_empty_home_are_none_of_it(self, tmp_path, publish):
        home = Home(tmp_path / "home")
        assert held(home) is None
        publish(home.path, LINES)
        assert held(home) is None

    @pytest.mark.parametrize("number", [99, "3", None, -1.5])
    def test_a_newer_or_an_odd_one_is_left_alone(self, tmp_path, publish, number):
        home = Home(tmp_path / "home")
        publish(home.path, LINES)
        forge(home, lambda content, directory: content.update(format=number))
        assert held(home) is None
        with pytest.raises(SnapshotError, match="made by a newer Lienquan"):
            publish(home.path, LINES)

    @pytest.mark.parametrize("harm", ["no segments", "no store", "a flipped byte", "another table", "outside"])
    def test_one_whose_articles_cannot_be_read(self, tmp_path, publish, harm):
        home = Home(tmp_path / "home")
        publish(home.path, LINES)

        def change(content, directory):
            content["format"] = 3
            store = directory / "segment-0" / "articles.sqlite"
            if harm == "no segments":
                del content["segments"]
            elif harm == "another table":
                with closing(sqlite3.connect(store)) as database, database:
                    database.execute("ALTER TABLE articles RENAME COLUMN line TO text")
            elif harm == "outside":
                content["segments"][0]["name"] = "../../elsewhere"

        forge(home, change)
        store = home.directory(home.current()) / "segment-0" / "articles.sqlite"
        if harm == "no store":
            store.unlink()
        elif harm == "a flipped byte":
            content = bytearray(store.read_bytes())
            content[-1] ^= 1
            store.write_bytes(bytes(content))
        before = home.current()
        with pytest.raises(SnapshotError, match=r"of format 3, its articles cannot be read: .*into a new home"):
            publish(home.path, LINES)
        assert home.current() == before

    def test_a_manifest_that_is_not_its_own_is_not_trusted(self, older):
        path = older.directory(older.current()) / "manifest.json"
        path.write_bytes(path.read_bytes() + b" ")
        assert held(older) is None
