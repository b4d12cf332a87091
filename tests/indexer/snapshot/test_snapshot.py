"""Snapshots: what is checked, what is refused, and that publication is atomic."""

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.articles.columns import Filters
from indexer.building.ingest import Ingester, live_home
from indexer.changes.changes import Put
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused, SnapshotError, SnapshotUnreadable
from indexer.files import durable, hashed
from indexer.files.hashed import BackgroundHashing, FileDigests
from indexer.index.lexical_query import LexicalQuery, Term
from indexer.snapshot import home as home_module
from indexer.snapshot import publishing
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import FORMAT, read_manifest
from indexer.snapshot.sharing import share_directory
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from models.hashing import HashingEncoder
from tests.paths import ROOT

LINES = [{"id": f"a{n}", "title": f"Gốm số {n}", "section": "Nghề", "tags": ["gốm"]} for n in range(10)]


@pytest.fixture(scope="module")
def original(publish, tmp_path_factory):
    """Return a home of three snapshots; the last one has tombstones. To be copied, not changed."""
    home = tmp_path_factory.mktemp("home")
    publish(home, LINES[:9])
    publish(home, LINES)
    publish(home, LINES[1:])
    assert len(Home(home).ids()) == 3
    return home


@pytest.fixture
def home(original, tmp_path):
    """Return a copy of that home, its files linked to nothing."""
    shutil.copytree(original, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def current(home):
    return home.directory(home.current())


def files_of(home):
    directory = Home(home).directory(Home(home).current())
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def refused(directory, match):
    for check in (verify, Snapshot):
        with pytest.raises(SnapshotError, match=match):
            check(directory)


def rewritten(directory, **changes):
    """Write another manifest into a snapshot, and rename it after that one's digest."""
    written = json.dumps({**json.loads((directory / "manifest.json").read_bytes()), **changes}).encode()
    return renamed(directory, written)


def renamed(directory, written):
    (directory / "manifest.json").write_bytes(written)
    name = directory.name.split("-")[0] + "-" + hashlib.sha256(written).hexdigest()[:8]
    return directory.rename(directory.with_name(name))


# What is in a snapshot


def test_the_name_ends_in_the_manifests_digest(home):
    for name in home.ids():
        written = (home.directory(name) / "manifest.json").read_bytes()
        assert name.split("-")[1] == hashlib.sha256(written).hexdigest()[:8]
        verify(home.directory(name))


def test_the_manifest_names_every_file_with_its_digest(current, original):
    manifest = read_manifest(current)
    assert sorted([*manifest.files, "manifest.json"]) == files_of(original)
    assert {"tombstones-segment-0.npy", "segment-0/vectors.npy", "segment-0/index.faiss"} <= set(manifest.files)
    assert {"words/meta.json", "language/names.json"} <= set(manifest.files)
    assert {f"language/tables/{name}" for name in ("words.txt", "trigram.npy")} <= set(manifest.files)
    related = ("groups.npy", "neighbours.npy", "shared_terms.npy", "terms/vocabulary.npy", "terms/tokens.u32")
    assert {f"segment-0/relations/{name}" for name in related} <= set(manifest.files)
    assert any(re.fullmatch(r"words/\w{32}\.\w+", name) for name in manifest.files)
    for name, entry in manifest.files.items():
        content = (current / name).read_bytes()
        assert (entry.size, entry.digest) == (len(content), f"blake3:{blake3(content).hexdigest()}")
    assert manifest.format == FORMAT


def of_format_5(directory):
    """Return a snapshot as it was written before format 6."""
    files = json.loads((directory / "manifest.json").read_bytes())["files"]
    for name in files:
        content = (directory / name).read_bytes()
        files[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return rewritten(directory, format=5, files=files)


def test_files_of_format_5_have_sha256(current):
    old = of_format_5(current)
    assert {entry.digest.partition(":")[0] for entry in read_manifest(old).files.values()} == {"sha256"}
    verify(old)
    Snapshot(old).close()
    path = old / "segment-0" / "vectors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(old, r"vectors\.npy: found sha256:\w+, expected sha256:")


def test_what_is_taken_over_from_format_5_keeps_its_digest(home, current):
    old = of_format_5(current)
    home.point_to(old.name)
    with closing(Journal(home.path)) as journal:
        journal.write([Put(validate({"id": "moi", "title": "Bài mới về đò ngang"}))])
    name = Ingester(home, HashingEncoder).step()
    new = live_home(home).directory(name)
    manifest = read_manifest(new)
    assert (manifest.format, manifest.base) == (FORMAT, old.name)
    verify(new)
    by = {name: entry.digest.partition(":")[0] for name, entry in manifest.files.items()}
    shared = {name for name in by if (old / name).exists() and (old / name).samefile(new / name)}
    assert "segment-0/vectors.npy" in shared
    assert {by[name] for name in shared} == {"sha256"}
    assert {by[name] for name in by.keys() - shared} == {"blake3"}
    known = BackgroundHashing(home.path).result()
    assert all(known.known(os.lstat(new / name)) == entry.digest for name, entry in manifest.files.items())


def test_counts_leave_the_deleted_out(home):
    first, second, third = (read_manifest(home.directory(name)) for name in home.ids())
    assert [m.articles for m in (first, second, third)] == [9, 10, 9]
    assert [m.parent for m in (first, second, third)] == [None, *home.ids()[:2]]
    (entry,) = third.segments
    assert (entry.articles, entry.vectors, entry.deleted, entry.index) == (10, 10, 1, "Flat")


# What is refused

CHANGES = {
    "first byte": lambda b: bytes([b[0] ^ 1]) + b[1:],
    "middle byte": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 0x80]) + b[len(b) // 2 + 1 :],
    "last byte": lambda b: b[:-1] + bytes([b[-1] ^ 1]),
    "truncated": lambda b: b[:-1],
    "emptied": lambda b: b"",
    "longer": lambda b: b + b"\x00",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_any_file_is_caught(current, original, change):
    for name in files_of(original):
        path = current / name
        before = path.read_bytes()
        path.write_bytes(CHANGES[change](before))
        refused(current, Path(name).name)
        path.write_bytes(before)
    verify(current)
    Snapshot(current).close()


def test_any_file_that_is_missing_or_a_link_or_a_folder_is_caught(current, original, tmp_path):
    for name in files_of(original):
        path, aside = current / name, tmp_path / "aside"
        path.rename(aside)
        refused(current, Path(name).name)
        path.mkdir()
        refused(current, Path(name).name)
        path.rmdir()
        if name != "manifest.json":  # its digest is in the name, whatever it lies in
            path.symlink_to(aside)
            refused(current, f"{Path(name).name}: missing, or not a plain file")
            path.unlink()
        aside.rename(path)
    verify(current)


def test_what_snapshots_share_is_hashed_once_though_they_take_turns(home, current, monkeypatch):
    known, asked, digest = FileDigests(), [], FileDigests.digest
    monkeypatch.setattr(FileDigests, "digest", lambda self, path, by: asked.append(path) or digest(self, path, by))
    others = [home.path / f"other-{at}" / current.name for at in range(10)]
    for other in others:
        shutil.copytree(current, other)
    for _ in range(3):
        for place in (current, others[0]):
            verify(place, hashed=known)
    files = len(read_manifest(current).files)
    assert len(asked) == 2 * files
    for other in others:
        verify(other, hashed=known)
    assert len(known._known) == 8 * files  # of those that were verified lately
    verify(current, hashed=known)
    assert len(asked) == 12 * files


@pytest.mark.parametrize("name", [".tantivy-meta.lock", ".tantivy-writer.lock"])
def test_what_tantivy_leaves_where_it_reads_is_no_damage_and_goes_nowhere(current, home, tmp_path, name):
    lock = current / "words" / name
    lock.write_bytes(b"")
    verify(current)
    Snapshot(current).close()
    share_directory(current / "words", tmp_path / "shared")
    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == sorted(
        path.name for path in lock.parent.iterdir() if not path.name.startswith(".tantivy")
    )
    with home.lock(), prepared(home) as (directory, fields):
        assert (directory / "words" / name).exists()
        published = publishing.publish(home, directory, fields)
    assert not [file for file in read_manifest(home.directory(published)).files if "tantivy" in file]


@pytest.mark.parametrize(
    "name",
    [
        *("x", "segment-0/x.npy", "segment-0/manifest.json", ".hidden", "segment-1/x"),
        *("words/x.term", "words/.tantivy.lock", "language/tables/x.npy"),
    ],
)
def test_an_extra_file_is_caught(current, name):
    (current / name).parent.mkdir(exist_ok=True)
    (current / name).write_bytes(b"")
    refused(current, f"{name}: not in the manifest")


def test_a_folder_behind_a_link_is_caught(current, tmp_path):
    (current / "segment-0").rename(tmp_path / "elsewhere")
    (current / "segment-0").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    refused(current, "segment-0: not in the manifest")


def test_a_link_is_no_snapshot(home, tmp_path):
    name = home.current()
    home.directory(name).rename(tmp_path / name)
    (home.snapshots / name).symlink_to(tmp_path / name, target_is_directory=True)
    assert name not in home.ids()
    with pytest.raises(SnapshotError, match="expected one of"):
        home.directory(name)
    refused(home.snapshots / name, "a link: expected a directory")
    home.rollback(home.ids()[-1])
    assert name not in home.prune(1)
    assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("name", [".tantivy-meta.lock", ".tantivy-writer.lock"])
def test_a_link_is_refused_even_where_tantivy_would_put_a_lock(current, tmp_path, name):
    (current / "words" / name).unlink(missing_ok=True)
    (current / "words" / name).symlink_to(tmp_path / "elsewhere")
    refused(current, f"{name}: not in the manifest")
    assert not (tmp_path / "elsewhere").exists()


def npy(header, content=b""):
    """Return an .npy file with a header as it is given."""
    written = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(written).to_bytes(2, "little") + written + content


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


HEADERS = {
    "huge": "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 64), }",
    "overflowing": "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,), }",
    "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 64), }",
    "not a shape": "{'descr': '<f4', 'fortran_order': False, 'shape': 'x', }",
    "not a type": "{'descr': ['<f4'], 'fortran_order': False, 'shape': (1,), }",
    "a call": "__import__('os').system('false')",
    "not ended": "{'descr': '<f4', 'fortran_order': (((",
    "deep": "(" * 3000,
    "empty": "",
}


@pytest.mark.parametrize("file", ["background.npy", "segment-0/vectors.npy", "segment-0/owner.npy"])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_are_crafted_are_refused_by_name(current, file, header):
    """The manifest vouches for them here: whoever can write a home can do that as well."""
    directory = replaced(current, file, npy(HEADERS[header], b"\0" * 256))
    with pytest.raises(SnapshotError, match=directory.name):
        Snapshot(directory)


@pytest.mark.parametrize("file", ["background.npy", "segment-0/vectors.npy", "tombstones-segment-0.npy"])
def test_nothing_is_unpickled(current, tmp_path, file):
    content = pickle.dumps(Trap(tmp_path / "sprung"))
    for written in (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", content), content):
        current = replaced(current, file, written)
        with pytest.raises(SnapshotError):
            Snapshot(current)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(content)
    assert (tmp_path / "sprung").exists()  # it would have


@pytest.mark.parametrize("file", ["language/names.json", "segment-0/values.json", "words/meta.json"])
@pytest.mark.parametrize("content", [b"[]", b"7", b"{", b"[" * 100_000])
def test_json_that_is_not_as_expected_is_refused(current, file, content):
    with pytest.raises(SnapshotError):
        Snapshot(replaced(current, file, content))


def replaced(directory, file, content):
    """Put another content into a snapshot whose manifest vouches for it."""
    (directory / file).write_bytes(content)
    files = json.loads((directory / "manifest.json").read_bytes())["files"]
    files[file] = {"size": len(content), "digest": f"blake3:{blake3(content).hexdigest()}"}
    return rewritten(directory, files=files)


def test_what_may_not_be_read_is_told_and_may_be_read_later(current, monkeypatch):
    def denied(path, algorithm):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as context:
        context.setattr(hashed, "digest", denied)
        for check in (verify, Snapshot):
            with pytest.raises(SnapshotUnreadable, match=r"snapshots/.*: Permission denied"):
                check(current)
    verify(current)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 3}, "format: 3: expected 4 or 5 or 6; made before the first release"),
        ({"format": 7}, "format: 7: expected 4 or 5 or 6; made by a newer Lienquan"),
        ({"format": None}, "format: None: expected 4 or 5 or 6"),
        ({"format": "4"}, "format: 4: expected 4 or 5 or 6"),
        ({"transform": "centred"}, "transform"),
        ({"more": 1}, "more"),
        ({"encoder": {"name": "x"}}, "encoder"),
        ({"segments": [{"name": "segment-0"}]}, "segments"),
        ({"files": {"../x": {"size": 1, "digest": "blake3:x"}}}, r"'\.\./x': expected a name within the snapshot"),
        ({"files": {"a/../../x": {"size": 1, "digest": "blake3:x"}}}, "expected a name within the snapshot"),
        ({"files": {"/etc/hostname": {"size": 1, "digest": "blake3:x"}}}, "expected a name within the snapshot"),
    ],
)
def test_manifests_refused(current, changes, match):
    refused(rewritten(current, **changes), match)


@pytest.mark.parametrize("written", [b"", b"[]", b"null", b"{", b"\xff", b'"x"'])
def test_manifests_that_are_none(current, written):
    refused(renamed(current, written), "manifest.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../elsewhere"},
        {"name": "/elsewhere"},
        {"tombstones": "../tombstones.npy"},
        {"tombstones": "/tombstones.npy"},
        {"tombstones": "tombstones.npy"},  # not among the files, so never hashed
    ],
)
def test_segments_outside_the_snapshot_are_refused(current, changes, tmp_path):
    manifest = json.loads((current / "manifest.json").read_bytes())
    shutil.copytree(current / "segment-0", current.parent / "elsewhere")
    np.save(current.parent / "tombstones.npy", np.array([0]))
    refused(rewritten(current, segments=[{**manifest["segments"][0], **changes}]), "expected (a name within|one of)")


@pytest.mark.parametrize("changes", [{"articles": 9}, {"vectors": 11}, {"deleted": 0}, {"tombstones": None}])
def test_counts_that_do_not_agree_are_refused(current, changes):
    manifest = json.loads((current / "manifest.json").read_bytes())
    directory = rewritten(current, segments=[{**manifest["segments"][0], **changes}])
    with pytest.raises(SnapshotError, match="segment segment-0: 10 articles, 10 vectors"):
        Snapshot(directory)


def test_a_snapshot_of_another_name_is_refused(current):
    other = current.rename(current.with_name(current.name.split("-")[0] + "-00000000"))
    refused(other, "expected the one in the snapshot's name")


# CURRENT


def test_an_empty_home(tmp_path):
    home = Home(tmp_path / "none")
    assert home.current() is None
    assert home.ids() == []
    with pytest.raises(SnapshotError, match="nothing to roll back from"):
        home.rollback()
    with pytest.raises(SnapshotError, match="expected one of none"):
        home.directory("20231107T000000000000Z-00000000")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"..", b"../../etc", b"20231107-x", b"a\nb", b"{}"])
def test_garbage_in_current_is_told_and_cured_by_a_rollback(home, content):
    (home.path / "CURRENT").write_bytes(content)
    with pytest.raises(SnapshotError, match="CURRENT"):
        home.current()
    with pytest.raises(SnapshotError, match="CURRENT"):
        home.rollback()
    newest = home.ids()[-1]
    assert home.rollback(newest) == home.current() == newest


def test_current_may_name_a_snapshot_that_is_gone(home):
    shutil.rmtree(home.directory(home.current()))
    with pytest.raises(SnapshotError, match=f"expected one of {', '.join(home.ids())}"):
        home.directory(home.current())


@pytest.mark.parametrize("name", ["..", "", "../snapshots", ".partial-0", "x/../y"])
def test_only_names_of_snapshots_are_looked_up(home, name):
    with pytest.raises(SnapshotError, match="expected one of"):
        home.directory(name)


# Publication


@contextmanager
def prepared(home):
    """Yield a copy of the current snapshot ready to be published, and its manifest's fields."""
    current = home.directory(home.current())
    manifest = read_manifest(current)
    with home.partial() as directory:
        shutil.copytree(current, directory, dirs_exist_ok=True)
        (directory / "manifest.json").unlink()
        kept = ("encoder", "encoded", "transform", "calibration", "segments")
        yield directory, {"parent": current.name, **{name: getattr(manifest, name) for name in kept}}


def test_published_is_current_and_verifies(home):
    before = home.current()
    with home.lock(), prepared(home) as (directory, fields):
        name = publishing.publish(home, directory, fields)
        assert not directory.exists()
    assert home.current() == name
    assert home.ids()[-1] == name
    verify(home.directory(name))
    assert read_manifest(home.directory(name)).parent == before
    opened = Snapshot(home.directory(name))
    assert opened.segments[0].alive.sum() == 9
    opened.close()


@pytest.fixture
def steps(monkeypatch):
    """Return the list of what is done to the disk for good, and a way to fail at one of them."""
    done, fail_at = [], []
    sync, rename, replace = publishing.sync, os.rename, Path.replace

    def step(name, path, act):
        if fail_at and len(done) == fail_at[0]:
            raise OSError("power cut")
        done.append((name, path))
        return act()

    for module in (durable, publishing):
        monkeypatch.setattr(module, "sync", lambda p: step("sync", p, lambda: sync(p)))
    monkeypatch.setattr(publishing.os, "rename", lambda p, to: step("rename", p, lambda: rename(p, to)))
    monkeypatch.setattr(Path, "replace", lambda p, to: step("replace", to, lambda: replace(p, to)))
    return done, fail_at


def test_everything_is_on_disk_before_it_is_named(home, steps):
    done, _ = steps
    with home.lock(), prepared(home) as (directory, fields):
        names = [path.relative_to(directory).as_posix() for path in directory.rglob("*")]
        publishing.publish(home, directory, fields)
    before, after = done[: done.index(("rename", directory))], done[done.index(("rename", directory)) + 1 :]
    assert {path for _, path in before} == {directory, *(directory / name for name in [*names, "manifest.json"])}
    assert before[-1] == ("sync", directory)
    assert after == [
        ("sync", home.snapshots),
        ("sync", home.path / "CURRENT.new"),
        ("replace", home.path / "CURRENT"),
        ("sync", home.path),
    ]


def test_a_failure_at_any_step_leaves_the_old_or_the_new_whole(home, steps):
    done, fail_at = steps
    old = home.current()
    with home.lock(), prepared(home) as (directory, fields):
        publishing.publish(home, directory, fields)
    total = len(done)
    home.point_to(old)
    for at in range(total):
        done.clear()
        fail_at[:] = [at]
        with home.lock(), prepared(home) as (directory, fields), pytest.raises(OSError, match="power cut"):
            publishing.publish(home, directory, fields)
        fail_at.clear()
        now = home.current()
        assert (now == old) == (at < total - 1)
        verify(home.directory(now))
        assert not list(home.snapshots.glob(".partial-*"))
        home.point_to(old)


@pytest.mark.parametrize("name", ["owner.npy", "index.faiss", "relations/terms/weights.f16"])
def test_what_cannot_be_read_back_is_never_current(home, name):
    """A full disk cuts files short of which nobody says so; their digests are right all the same."""
    before = home.current(), home.ids()
    with home.lock(), prepared(home) as (directory, fields):
        path = directory / "segment-0" / name
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(SnapshotError, match="cannot be read back; is the disk full"):
            publishing.publish(home, directory, fields)
    assert (home.current(), home.ids()) == before
    assert sorted(path.name for path in home.snapshots.iterdir()) == home.ids()


def test_without_room_for_current_the_old_one_stays_and_nothing_is_left(home, monkeypatch):
    before = home.current(), home.ids()

    def full(path, *_, **__):
        path.touch()
        raise OSError(28, "No space left on device", str(path))

    with home.lock(), prepared(home) as (directory, fields), monkeypatch.context() as context:
        context.setattr(durable, "sync", full)
        with pytest.raises(OSError, match="No space left"):
            publishing.publish(home, directory, fields)
    assert (home.current(), home.ids()) == before
    assert not (home.path / "CURRENT.new").exists()


def test_a_clock_that_goes_backwards_still_makes_the_newest(home, monkeypatch):
    class Past(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2001, 2, 3, tzinfo=tz)

    monkeypatch.setattr(publishing, "datetime", Past)
    before = home.ids()
    with home.lock(), prepared(home) as (directory, fields):
        first = publishing.publish(home, directory, fields)
    with home.lock(), prepared(home) as (directory, fields):
        second = publishing.publish(home, directory, fields)
    assert home.ids() == [*before, first, second]
    assert home.current() == second
    assert home_module.made_at(second) - home_module.made_at(before[-1]) == timedelta(microseconds=2)


def test_what_a_killed_build_left_is_removed_by_the_next(home):
    for name in (".partial-dead", ".partial-0000"):
        (home.snapshots / name / "segment-0").mkdir(parents=True)
        (home.snapshots / name / "segment-0" / "x").write_bytes(b"x")
    with home.lock(), home.partial() as directory:
        assert [path for path in home.snapshots.iterdir() if path.name.startswith(".")] == [directory]
    assert len(list(home.snapshots.iterdir())) == 3


def test_shared_files_are_links_or_else_copies(current, tmp_path, monkeypatch):
    source = current
    names = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    assert {Path("words/meta.json"), Path("language/names.json"), Path("language/tables/words.txt")} <= set(names)
    share_directory(source, tmp_path / "linked")
    for name in names:
        assert (tmp_path / "linked" / name).samefile(source / name)

    def none(self, target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", none)
    share_directory(source, tmp_path / "copied")
    for name in names:
        assert not (tmp_path / "copied" / name).samefile(source / name)
        assert (tmp_path / "copied" / name).read_bytes() == (source / name).read_bytes()


# Rolling back


def test_rollback_to_the_parent_and_to_an_id(home):
    first, second, third = home.ids()
    assert home.rollback() == home.current() == second
    assert home.rollback() == home.current() == first
    with pytest.raises(SnapshotError, match="has no parent: name the one to roll back to"):
        home.rollback()
    assert home.rollback(third) == home.current() == third
    assert home.ids() == [first, second, third]


def test_a_rollback_to_what_is_damaged_or_unknown_changes_nothing(home):
    _, second, third = home.ids()
    path = home.directory(second) / "segment-0" / "vectors.npy"
    path.write_bytes(CHANGES["last byte"](path.read_bytes()))
    with pytest.raises(SnapshotError, match=r"vectors\.npy: found blake3"):
        home.rollback()
    with pytest.raises(SnapshotError, match="expected one of"):
        home.rollback("20231107T000000000000Z-00000000")
    assert home.current() == third


def test_no_rollback_while_another_builds(home):
    with home.lock(), pytest.raises(BuildRefused, match=f"held by process {os.getpid()}"):
        home.rollback()


# Pruning


def test_prune_keeps_the_newest_and_the_current(home):
    first, second, third = home.ids()
    home.rollback(first)
    assert home.prune(1) == [second]
    assert home.ids() == [first, third]
    assert home.current() == first
    home.rollback(third)
    assert home.prune(5) == []
    assert home.prune(1) == [first]
    assert home.ids() == [third]
    verify(home.directory(third))


def test_what_is_pruned_is_gone_in_one_step(home, monkeypatch):
    """Killed while it deletes, a process leaves no snapshot in part, and the next build clears away the rest."""
    _, second, third = home.ids()

    def killed(path, **_):
        next(file for file in Path(path).rglob("*") if file.is_file()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(home_module.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            home.prune(1)
    assert home.ids() == [second, third]
    for name in home.ids():
        verify(home.directory(name))
    with home.lock(), home.partial():
        pass
    assert sorted(path.name for path in home.snapshots.iterdir()) == [second, third]


@pytest.mark.parametrize("keep", [0, -1])
def test_pruning_everything_is_refused(home, keep):
    with pytest.raises(SnapshotError, match=f"keep: {keep}: expected at least 1"):
        home.prune(keep)
    assert len(home.ids()) == 3


def test_prune_leaves_what_is_no_snapshot(home):
    (home.snapshots / "notes").mkdir()
    home.prune(1)
    assert sorted(path.name for path in home.snapshots.iterdir()) == [home.current(), "notes"]


def test_a_reader_answers_after_its_snapshot_is_gone(home):
    archive = Archive(Snapshot(home.directory(home.current())))
    shutil.rmtree(home.snapshots)
    allowed, _ = archive.public(0)
    query = archive.vectors_of(np.array([4]))[0]
    rows, scores, _ = archive.nearest(query, 3, allowed)
    assert rows[0] == 4
    assert scores[0] == pytest.approx(1)
    assert archive.articles(rows[:1])[0].id == "a4"
    assert archive.find("a0", allowed) is None
    assert archive.find("a1", allowed) == 1
    assert archive.mask(Filters(tag=("gốm",))).all()
    words = LexicalQuery(groups=(((Term("exact", "gốm"), Term("exact", "4")),),))
    assert archive.matching(words, 1, allowed)[0].tolist()[0] == 4
    assert archive.title_starts(["gom", "so"], 20).tolist() == list(range(10))
    assert archive.knowledge.language.id_of("gốm") is not None
    archive.close()


# The lock

HOLDER = """
import os, sys
from pathlib import Path
from indexer.snapshot.home import Home
with Home(Path(sys.argv[1])).lock():
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time(home):
    command = [sys.executable, "-c", HOLDER, str(home.path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        pid = int(holder.stdout.readline())
        assert pid == holder.pid
        for act in (home.rollback, lambda: home.lock().__enter__()):
            with pytest.raises(BuildRefused, match=f"held by process {pid}: try later"):
                act()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with home.lock():
        assert (home.path / "lock").read_text() == str(os.getpid())


def test_the_lock_is_let_go_of_after_a_failure(home):
    with pytest.raises(KeyError), home.lock():
        raise KeyError
    with home.lock():
        pass
