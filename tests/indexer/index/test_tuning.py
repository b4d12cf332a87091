"""What an index is held against while it is built: brute force over what was not held back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index import tuning


def cosines(*rows):
    return np.array(rows, dtype=np.float32)


def test_one_in_twenty_is_held_back_and_five_hundred_at_most():
    assert [len(tuning.held_back(count)) for count in (0, 19, 20, 1000, 10_000, 1_000_000)] == [0, 0, 1, 50, 500, 500]
    held = tuning.held_back(10_000)
    assert (np.diff(held) > 0).all()
    assert 0 <= held[0] < held[-1] < 10_000
    assert held.tolist() == tuning.held_back(10_000).tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 5), st.sampled_from([3, 7, 100]))
@settings(max_examples=60)
def test_best_cosines_are_brute_force_over_the_others(seed, count, held, chunk):
    random = np.random.default_rng(seed)
    raw = random.normal(size=(count, 4)).astype(np.float32)
    held = np.sort(random.choice(count, min(held, count), replace=False))
    others = np.delete(raw, held, axis=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "_CHUNK", chunk)
        found = tuning.best_cosines(raw, held)
    assert found == pytest.approx(-np.sort(-(raw[held] @ others.T), axis=1)[:, :10], abs=1e-5)


def test_recall_by_hand():
    best = cosines([0.9, 0.8], [0.7, 0.6])
    assert tuning.recall([cosines(0.9, 0.8, 0.1), cosines(0.7, 0.6)], best) == 1
    assert tuning.recall([cosines(0.9, 0.5), cosines(0.1)], best) == 0.25
    assert tuning.recall([cosines(0.8, 0.8, 0.8), cosines(0.6)], best) == 0.75  # alike: any of them will do


def test_nothing_asked_is_all_found():
    assert tuning.recall([], np.empty((0, 10), dtype=np.float32)) == 1
    assert tuning.recall([cosines()], np.empty((1, 0), dtype=np.float32)) == 1


def test_the_least_breadth_that_reaches_the_target():
    assert tuning.tune(lambda breadth: breadth / 10, (2, 4, 8, 9), 0.8) == (8, 0.8)


def test_none_reaches_it():
    with pytest.raises(ValueError, match=r"^index: recall@10 0\.4000 at breadth 4: expected at least 0\.99$"):
        tuning.tune(lambda breadth: breadth / 10, (2, 4), 0.99)
