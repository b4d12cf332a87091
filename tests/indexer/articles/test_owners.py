"""Who owns which vector, from either side, by hand and against plain lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.owners import Owners, write_owners


@pytest.fixture(scope="module")
def owners_of(tmp_path_factory):
    """Return a function that writes and opens the ownerships of articles, given the vector of each."""

    def make(owned, vectors):
        directory = tmp_path_factory.mktemp("owners")
        write_owners(directory, np.array(owned, dtype=np.int32), vectors)
        return Owners(directory)

    return make


@pytest.fixture(scope="module")
def shared(owners_of):
    """Return five articles over four vectors: 0 and 3 own the second, 4 the fourth."""
    return owners_of([1, 0, 2, 1, 3], 4)


def test_by_hand(shared):
    assert (shared.vectors, shared.articles) == (4, 5)
    assert shared.of_articles(np.array([3, 1, 0, 4, 1])).tolist() == [1, 0, 1, 3, 0]
    assert shared.first_owners.tolist() == [1, 0, 2, 4]
    articles, places = shared.of_vectors(np.array([3, 1, 0]))
    assert articles.tolist() == [4, 0, 3, 1]
    assert places.tolist() == [0, 1, 1, 2]
    assert [part.dtype for part in (articles, places, shared.of_articles(np.array([0])))] == [np.int64] * 3


def test_the_files_by_hand(tmp_path):
    """Their form is of the snapshot's format: from either side numbers, and where those of each begin."""
    write_owners(tmp_path, np.array([1, 0, 2, 1, 3], dtype=np.int32), 4)
    held = {path.stem: np.load(path, allow_pickle=False) for path in tmp_path.iterdir()}
    assert {name: values.tolist() for name, values in held.items()} == {
        "owner": [1, 0, 3, 2, 4],
        "vector_start": [0, 1, 3, 4, 5],
        "owned": [1, 0, 2, 1, 3],
        "article_start": [0, 1, 2, 3, 4, 5],
    }
    assert {values.dtype for values in held.values()} == {np.dtype(np.int32)}


@pytest.mark.parametrize("starts", [[0, 2, 2], [0, 1], [0, 1, 2, 3], [1, 2, 3]])
def test_an_article_of_several_vectors_or_none_is_refused(tmp_path, starts):
    write_owners(tmp_path, np.array([0, 1], dtype=np.int32), 2)
    np.save(tmp_path / "article_start.npy", np.array(starts, dtype=np.int32))
    with pytest.raises(ValueError, match="articles with several vectors or none: expected one of each"):
        Owners(tmp_path)


@pytest.mark.parametrize(
    ("allowed", "owned"),
    [
        ((1, 1, 1, 1, 1), (1, 1, 1, 1)),
        ((1, 0, 0, 0, 0), (0, 1, 0, 0)),
        ((1, 0, 0, 1, 1), (0, 1, 0, 1)),
        ((0, 0, 0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_owned_by(shared, allowed, owned):
    assert shared.owned_by(np.array(allowed, dtype=np.bool_)).tolist() == [bool(value) for value in owned]


def test_a_vector_that_nobody_owns(owners_of):
    some = owners_of([0, 2], 4)
    articles, places = some.of_vectors(np.array([1, 2, 3, 0]))
    assert (articles.tolist(), places.tolist()) == ([1, 0], [1, 3])
    assert some.first_owners.tolist() == [0, -1, 1, -1]


def test_none_of_nothing(owners_of, shared):
    none = np.array([], dtype=np.int64)
    assert [part.tolist() for part in shared.of_vectors(none)] == [[], []]
    assert shared.of_articles(none).tolist() == []
    empty = owners_of([], 0)
    assert (empty.articles, empty.vectors) == (0, 0)
    assert empty.owned_by(np.empty(0, dtype=np.bool_)).tolist() == empty.first_owners.tolist() == []


@given(st.lists(st.integers(0, 6), min_size=6, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_lists_of_vectors(owners_of, owned, allowed):
    owners = owners_of(owned, 7)
    assert owners.of_articles(np.arange(6)).tolist() == owned
    articles, places = owners.of_vectors(np.arange(7))
    pairs = [(vector, article) for article, vector in enumerate(owned)]
    assert list(zip(places.tolist(), articles.tolist(), strict=True)) == sorted(pairs)
    assert owners.owned_by(np.array(allowed)).tolist() == [
        any(allowed[a] for v, a in pairs if v == n) for n in range(7)
    ]
    assert owners.first_owners.tolist() == [min((a for v, a in pairs if v == n), default=-1) for n in range(7)]
