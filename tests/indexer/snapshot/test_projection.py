"""Drawing the map: held against trustworthiness (Venna and Kaski), by hand where few stand, and the same every time."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from threadpoolctl import threadpool_limits

from indexer.snapshot import projection


def clusters(count, each, dim=24, seed=3, spread=0.35):
    """Return unit vectors around `count` directions, in turn, and which cluster each is of."""
    chance = np.random.default_rng(seed)
    middles = chance.normal(size=(count, dim))
    of = np.arange(count * each) % count
    rows = middles[of] + spread * chance.normal(size=(len(of), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), of


class TestDrawing:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
    def test_few(self, count):
        found = projection.drawn(clusters(7, 1)[0][:count])
        assert found.shape == (count, 2)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert len(np.unique(found, axis=0)) == count

    def test_all_alike(self):
        assert np.isfinite(projection.drawn(np.tile(clusters(1, 1)[0], (200, 1)))).all()

    def test_middle_and_scale(self):
        found = projection.draw(clusters(6, 40)[0])
        assert found.mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
        assert np.linalg.norm(found, axis=1).mean() == pytest.approx(1, abs=1e-5)

    def test_what_is_near_stays_near(self):
        vectors, of = clusters(8, 60)
        found = projection.draw(vectors)
        assert trustworthiness(vectors, found, n_neighbors=10, metric="cosine") > 0.95
        shuffled = np.random.default_rng(1).permutation(found)
        assert trustworthiness(vectors, shuffled, n_neighbors=10, metric="cosine") < 0.6
        assert nearest_share(found, of) > 0.95

    def test_the_same_every_time_on_any_number_of_threads(self):
        vectors, _ = clusters(5, 50)
        once = projection.draw(vectors)
        assert np.array_equal(once, projection.draw(vectors))
        with threadpool_limits(1):
            assert np.array_equal(once, projection.draw(vectors))


def nearest_share(found, of):
    """Return how many of ten neighbours on the map are of the same cluster."""
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return (of[np.argsort(apart, axis=1)[:, :10]] == of[:, None]).mean()


class TestPlacing:
    def test_landmarks_are_spread_over_all(self):
        assert projection.landmarks(10, 4).tolist() == [0, 3, 6, 9]
        assert projection.landmarks(3, 4).tolist() == [0, 1, 2]
        assert projection.landmarks(0).tolist() == []

    def test_one_neighbour_is_the_place(self):
        found = projection.between(np.array([[0.9]], np.float32), np.array([[[3, 4]]], np.float32))
        assert found.tolist() == [[3, 4]]

    def test_two_nearest_who_stand_apart_do_not_put_it_in_between(self):
        cosines = np.array([[0.90, 0.899, 0.899]], np.float32)
        places = np.array([[[0, 0], [10, 0], [10.01, 0]]], np.float32)
        assert projection.between(cosines, places)[0] == pytest.approx([10.005, 0], abs=0.01)

    def test_the_nearest_wins_over_many_that_are_far_less_near(self):
        cosines = np.array([[0.95, 0.80, 0.80, 0.80]], np.float32)
        places = np.array([[[0, 0], [10, 0], [10, 0], [10, 0]]], np.float32)
        assert projection.between(cosines, places)[0] == pytest.approx([0, 0], abs=0.01)

    def test_none_where_there_are_fewer(self):
        cosines = np.array([[0.9, -np.inf]], np.float32)
        assert projection.between(cosines, np.array([[[1, 2], [0, 0]]], np.float32)).tolist() == [[1, 2]]

    def test_against_all_of_them_drawn(self, monkeypatch):
        vectors, of = clusters(8, 60)
        monkeypatch.setattr(projection, "_CHUNK", 50)
        found = projection.drawn(vectors, most=200)
        rows = projection.landmarks(len(vectors), 200)
        assert np.array_equal(found[rows], projection.draw(vectors[rows]))
        assert trustworthiness(vectors, found, n_neighbors=10, metric="cosine") > 0.9
        assert nearest_share(found, of) > 0.95

    def test_nearest_as_brute_force_finds_them(self):
        vectors, _ = clusters(4, 30)
        marks, positions = vectors[:40], np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
        found = projection.place(vectors[40:], marks, positions)
        for vector, at in zip(vectors[40:], found, strict=True):
            cosines = marks @ vector
            near = np.argsort(-cosines)[: projection.NEAREST]
            assert at == pytest.approx(projection.between(cosines[near][None], positions[near][None])[0], abs=1e-4)


@pytest.mark.parametrize("shape", [(3, 64), (50, 24), (119, 2), (119, 96), (40, 1)])
def test_few_vectors_are_drawn_by_their_principal_components(shape):
    vectors = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    expected = PCA(svd_solver="full").fit_transform(vectors.astype(np.float64))[:, :2]
    expected = np.pad(expected, ((0, 0), (0, 2 - expected.shape[1])))
    expected /= np.linalg.norm(expected, axis=1).mean()
    np.testing.assert_allclose(projection.draw(vectors), expected, atol=1e-6)
