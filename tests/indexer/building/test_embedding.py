"""An article's vector is the weighted mean of its views' vectors, of unit length."""

import numpy as np
import pytest

from indexer.building.embedding import HEAD_WEIGHT, embed
from models.hashing import HashingEncoder


class Compass:
    """Encodes each text as one of four directions, and keeps what it was asked."""

    identity = HashingEncoder(2).identity
    points = {"east": [1, 0], "north": [0, 1], "west": [-1, 0], "south": [0, -1]}

    def __init__(self):
        self.asked = []

    def encode_documents(self, texts):
        self.asked.append(list(texts))
        return np.array([self.points[text] for text in texts], dtype=np.float32).reshape(-1, 2)


def test_a_single_view_is_the_vector():
    assert embed(Compass(), [("north",), ("west",)]).tolist() == [[0, 1], [-1, 0]]


def test_the_second_view_weighs_a_third():
    assert pytest.approx(1 / 3) == HEAD_WEIGHT
    # (2/3, 1/3) has length sqrt(5)/3, so that the unit vector is (2, 1) / sqrt(5)
    assert embed(Compass(), [("east", "north")])[0] == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_articles_of_one_and_two_views_side_by_side():
    encoder = Compass()
    vectors = embed(encoder, [("east", "south"), ("north",), ("west", "west")])
    assert encoder.asked == [["east", "south", "north", "west", "west"]]
    assert vectors == pytest.approx(np.array([[2 / 5**0.5, -1 / 5**0.5], [0, 1], [-1, 0]]))
    assert vectors.dtype == np.float32


def test_opposite_views_still_make_a_vector():
    assert embed(Compass(), [("east", "west")]).tolist() == [[1, 0]]


def test_no_articles():
    assert embed(HashingEncoder(8), []).shape == (0, 8)


def test_a_vector_does_not_depend_on_its_neighbours():
    views = [(f"lớp gốm {n}", f"gốm {n}") if n % 3 else (f"cam {n}",) for n in range(20)]
    encoder = HashingEncoder(32)
    together = embed(encoder, views)
    assert (together == np.concatenate([embed(encoder, [view]) for view in views])).all()
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(20), abs=1e-6)
