"""The map in snapshots: what is there stays where it is, what comes is placed, what has no map opens all the same."""

import json

import numpy as np
import pytest

from indexer.archive import Archive
from indexer.building import build
from indexer.building.build import BuildOptions
from indexer.errors import SnapshotError
from indexer.snapshot import archive_map, projection
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from tests.newsroom import newsroom

LINES = newsroom(150)


def positions(home):
    """Return where each article of the current snapshot stands, by its id."""
    archive = Archive(Snapshot(home.directory(home.current())))
    assert archive.positions is not None
    rows = np.flatnonzero(archive._alive)
    found = {}
    for row, summary in zip(rows.tolist(), archive.summaries(rows), strict=True):
        found[summary.id] = tuple(archive.positions_of(np.array([row]))[0].tolist())
    archive.close()
    return found


def index(home, lines, tmp_path, **options):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return build.build(home, [str(tmp_path / "a.jsonl")], HashingEncoder, BuildOptions(**options))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_a_build_draws_it_into_the_manifest(home, tmp_path):
    index(home, LINES, tmp_path)
    assert f"segment-0/{archive_map.FILE}" in read_manifest(home.directory(home.current())).files
    archive = Archive(Snapshot(home.directory(home.current())))
    vectors = archive.reconstruct(np.arange(archive.text_count))
    assert np.allclose(archive.positions, projection.drawn(vectors, projection.LANDMARKS), atol=1e-5)
    archive.close()


def test_the_same_archive_has_the_same_map(home, tmp_path):
    index(home, LINES, tmp_path)
    other = Home(tmp_path / "other")
    index(other, LINES, tmp_path)
    assert positions(home) == positions(other)


@pytest.mark.parametrize("added_to", [0, 10_000])  # as a segment of its own, and all written anew
def test_what_is_added_moves_nothing(home, tmp_path, added_to):
    index(home, LINES[:120], tmp_path)
    before = positions(home)
    index(home, LINES[120:], tmp_path, whole=False, added_to=added_to)
    after = positions(home)
    assert {name: after[name] for name in before if name in after} == before
    assert len(after) == len(LINES)
    index(home, [LINES[3] | {"title": "đổi hẳn"}], tmp_path, whole=False, added_to=added_to)
    last = positions(home)
    assert {name for name in after if last[name] != after[name]} <= {LINES[3]["id"]}


def test_it_is_drawn_anew_once_the_archive_has_doubled(home, tmp_path):
    index(home, LINES[:60], tmp_path)
    before = positions(home)
    index(home, LINES, tmp_path)
    after = positions(home)
    assert sum(after[name] != before[name] for name in before) > len(before) / 2


def without_map(home, monkeypatch, tmp_path, lines):
    """Index as a program did that drew no maps."""
    with monkeypatch.context() as patch:
        patch.setattr(archive_map, "write_anew", lambda directory, vectors: None)
        index(home, lines, tmp_path)


def test_a_snapshot_without_one_opens_takes_articles_and_is_given_one(home, tmp_path, monkeypatch):
    without_map(home, monkeypatch, tmp_path, LINES[:120])
    archive = Archive(Snapshot(home.directory(home.current())))
    assert archive.positions is None
    archive.close()
    index(home, LINES[120:125], tmp_path, whole=False, added_to=0)
    archive = Archive(Snapshot(home.directory(home.current())))
    assert (len(archive.segments), archive.positions) == (2, None)
    archive.close()
    assert build.build(home, [], HashingEncoder, BuildOptions(whole=False)).snapshot is None
    assert build.build(home, [], HashingEncoder, BuildOptions(whole=False, rewrite=True)).snapshot is not None
    assert len(positions(home)) == 125
    assert build.build(home, [], HashingEncoder, BuildOptions(whole=False, rewrite=True)).snapshot is None


def test_one_of_another_length_is_refused(home, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(projection, "drawn", lambda vectors, most: np.zeros((3, 2), np.float32))
        with pytest.raises(SnapshotError, match=r"a map of \(3, 2\): expected"):
            index(home, LINES[:20], tmp_path)
    assert home.current() is None


def test_a_damaged_one_is_found(home, tmp_path):
    index(home, LINES[:20], tmp_path)
    path = home.directory(home.current()) / "segment-0" / archive_map.FILE
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SnapshotError, match="blake3"):
        Snapshot(home.directory(home.current()))
