"""Files that are written to under their reader's hands."""

import os

import pytest

from indexer.errors import SnapshotError
from indexer.files.watched import DirectoryState


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "segment-0").mkdir()
    (tmp_path / "segment-0" / "a.npy").write_bytes(b"abc")
    (tmp_path / "b.json").write_bytes(b"{}")
    return tmp_path


def test_nothing_was_written_to(directory):
    watched = DirectoryState(directory)
    assert not watched.written_to()
    (directory / "b.json").read_bytes()
    (directory / "linked").hardlink_to(directory / "b.json")  # as the next snapshot does
    assert not watched.written_to()


def test_a_file_of_the_same_size_is_told_once(directory):
    watched = DirectoryState(directory)
    path = directory / "segment-0" / "a.npy"
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))  # clocks of files may be coarse
    assert watched.written_to()
    assert not watched.written_to()
    os.utime(path, ns=(2, 2))
    assert watched.written_to()


@pytest.mark.parametrize("content", [b"", b"ab", b"abcd"])
def test_another_size_is_an_error_every_time(directory, content):
    watched = DirectoryState(directory)
    (directory / "segment-0" / "a.npy").write_bytes(content)
    for _ in range(2):
        with pytest.raises(SnapshotError, match=rf"a\.npy: now {len(content)} bytes, 3 when it was opened"):
            watched.written_to()


def test_what_comes_or_goes_is_no_matter(directory):
    watched = DirectoryState(directory)
    (directory / "b.json").unlink()
    (directory / "c.json").write_bytes(b"")
    assert not watched.written_to()
