"""Arrays on disk that is full: here, files may not be longer than a limit."""

import resource
from contextlib import contextmanager

import numpy as np
import pytest

from indexer.files import arrays
from tests.torture.full import room, small_disk


@contextmanager
def files_up_to(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_saved_is_read(tmp_path):
    for array in (
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.empty((0, 4), np.float16),
        np.array([[1, 2]]),
    ):
        arrays.save(tmp_path / "a.npy", array)
        assert np.array_equal(np.load(tmp_path / "a.npy"), array)


@pytest.mark.parametrize(("count", "limit"), [(1000, 500), (1000, 100), (1000, 8000), (20, 200), (20, 0)])
def test_what_was_not_written_whole_is_told(tmp_path, count, limit):
    """Of less than a buffer numpy itself says nothing."""
    with files_up_to(limit), pytest.raises(OSError, match=r"a\.npy: cannot be written; is the disk full\?"):
        arrays.save(tmp_path / "a.npy", np.zeros(count))


def test_objects_are_refused_as_numpy_refuses_them(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        arrays.save(tmp_path / "a.npy", np.array([{}]))


def test_a_new_array_is_zeros_and_may_be_written_to(tmp_path):
    array = arrays.new(tmp_path / "a.npy", np.float32, (3, 2))
    array[1] = 5
    array.flush()
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 0], [5, 5], [0, 0]]


def test_a_new_array_has_its_room_from_the_start(tmp_path):
    arrays.new(tmp_path / "a.npy", np.float32, (1000, 64))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 256_000


def test_without_room_a_new_array_is_an_error_and_not_the_end(tmp_path):
    with small_disk(tmp_path) as disk:
        if disk is None:
            pytest.skip("only root may make a small disk")
        with room(disk, 100_000), pytest.raises(OSError, match="No space left"):
            arrays.new(disk / "a.npy", np.float32, (1000, 64))
