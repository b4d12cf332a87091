"""Vectors on disk and the search over them, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.vectors import INDEX_FILE, RAW_FILE, VectorIndex, build_index, write_vectors

FOUR = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
EAST, NORTH = FOUR[0], FOUR[2]


def opened(directory, rows):
    write_vectors(directory / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
    assert build_index(directory / RAW_FILE, directory / INDEX_FILE) == "Flat"
    return VectorIndex(directory / INDEX_FILE, directory / RAW_FILE)


@pytest.fixture
def four(tmp_path):
    return opened(tmp_path, FOUR)


def unit_rows(seed, count, dim):
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Literal


def test_best_first_with_cosines(four):
    (east, north) = four.search(np.stack([EAST, NORTH]), 3)
    assert east[0].tolist() == [0, 1, 2]
    assert east[1] == pytest.approx([1, 0.6, 0], abs=1e-6)
    assert north[0].tolist()[:2] == [2, 1]
    assert north[1] == pytest.approx([1, 0.8, 0], abs=1e-6)
    assert (east[0].dtype, east[1].dtype) == (np.int64, np.float32)


def test_opposite_is_last_not_nearest(four):
    """The mix-up of inner product and distance: with L2 read as similarity the farthest row comes first."""
    assert four.search(EAST[None], 4)[0][0].tolist() == [0, 1, 2, 3]
    assert four.search(EAST[None], 4)[0][1][-1] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("allowed", "k", "rows"),
    [
        ([1, 1, 1, 1], 2, [0, 1]),
        ([0, 1, 0, 1], 4, [1, 3]),
        ([0, 1, 1, 1], 1, [1]),
        ([0, 0, 0, 1], 4, [3]),
        ([0, 0, 0, 0], 4, []),
        ([1, 1, 1, 1], 0, []),
    ],
)
def test_only_allowed_rows(four, allowed, k, rows):
    found, scores = four.search(EAST[None], k, np.array(allowed, dtype=np.bool_))[0]
    assert found.tolist() == rows
    assert len(scores) == len(rows)


def test_more_asked_than_there_are(four):
    found, scores = four.search(EAST[None], 100)[0]
    assert found.tolist() == [0, 1, 2, 3]
    assert np.isfinite(scores).all()


def test_an_empty_index_finds_nothing(tmp_path):
    index = opened(tmp_path, np.empty((0, 2), dtype=np.float32))
    assert (index.count, index.dim) == (0, 2)
    for allowed in (None, np.empty(0, dtype=np.bool_)):
        (found,) = index.search(EAST[None], 5, allowed)
        assert [part.shape for part in found] == [(0,), (0,)]
    assert index.reconstruct([]).shape == (0, 2)


def test_no_queries(four):
    assert four.search(np.empty((0, 2), dtype=np.float32), 3) == []


def test_reconstruct_gives_copies_in_the_order_asked(four):
    rows = four.reconstruct([2, 0, 2])
    assert rows.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert rows.dtype == np.float32
    rows[:] = 9
    assert four.reconstruct(np.array([2])).tolist() == [[0, 1]]


def test_queries_of_another_layout(four):
    expected = four.search(FOUR, 4)
    for queries in (FOUR.astype(np.float64), np.asfortranarray(FOUR), np.repeat(FOUR, 2, axis=0)[::2]):
        assert [found[0].tolist() for found in four.search(queries, 4)] == [found[0].tolist() for found in expected]


# Oracle


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 70),
    dim=st.sampled_from([2, 8, 33]),
    k=st.integers(1, 80),
    share=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
    repeated=st.booleans(),
)
@settings(max_examples=60)
def test_search_is_brute_force(tmp_path_factory, seed, count, dim, k, share, repeated):
    rows = unit_rows(seed, count, dim)
    if repeated:
        rows[count // 2 :] = rows[: count - count // 2]
    index = opened(tmp_path_factory.mktemp("index"), rows)
    allowed = None if share is None else np.random.default_rng(seed + 1).random(count) < share
    queries = unit_rows(seed + 2, 3, dim)
    exact = queries.astype(np.float64) @ rows.T.astype(np.float64)
    may = np.ones(count, dtype=np.bool_) if allowed is None else allowed
    for (found, scores), cosines in zip(index.search(queries, k, allowed), exact, strict=True):
        assert len(found) == len(set(found.tolist())) == min(k, may.sum())
        assert may[found].all()
        assert scores == pytest.approx(cosines[found], abs=1e-5)
        assert (np.diff(scores) <= 0).all()
        left_out = np.setdiff1d(np.flatnonzero(may), found)
        assert not len(left_out) or cosines[left_out].max() <= scores.min() + 1e-5
    assert (index.reconstruct(np.arange(count)) == rows).all()


# What is refused


def test_chunks_may_come_in_any_order(tmp_path):
    write_vectors(tmp_path / RAW_FILE, 4, 2, [([3, 1], FOUR[[3, 1]]), ([0], FOUR[[0]]), ([2], FOUR[[2]])])
    assert (np.load(tmp_path / RAW_FILE) == FOUR).all()


@pytest.mark.parametrize("vector", [[0, 0], [1, 1], [0.99, 0], [np.nan, 1], [np.inf, 0], [1.01, 0]])
def test_only_unit_vectors_are_written(tmp_path, vector):
    chunk = np.array([[1, 0], vector], dtype=np.float32)
    with pytest.raises(ValueError, match=r"vectors: lengths from .* expected unit length"):
        write_vectors(tmp_path / RAW_FILE, 2, 2, [(np.arange(2), chunk)])


def test_every_row_must_be_written(tmp_path):
    with pytest.raises(ValueError, match="2 of 4 rows were not written"):
        write_vectors(tmp_path / RAW_FILE, 4, 2, [([0, 2], FOUR[[0, 2]])])
    with pytest.raises(ValueError, match="1 of 1 rows were not written"):
        write_vectors(tmp_path / RAW_FILE, 1, 2, [])


def test_an_index_over_other_vectors_is_refused(tmp_path):
    opened(tmp_path, FOUR)
    np.save(tmp_path / RAW_FILE, FOUR[:3])
    with pytest.raises(ValueError, match=r"4 vectors of 2: expected \(3, 2\) as raw"):
        VectorIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)


def test_bytes_that_are_no_index_are_refused(tmp_path):
    opened(tmp_path, FOUR)
    (tmp_path / INDEX_FILE).write_bytes(b"\x00" * 64)
    with pytest.raises(RuntimeError):
        VectorIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)


def test_objects_are_never_unpickled(tmp_path):
    opened(tmp_path, FOUR)
    np.save(tmp_path / RAW_FILE, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"[Pp]ython objects|allow_pickle"):
        VectorIndex(tmp_path / INDEX_FILE, tmp_path / RAW_FILE)
