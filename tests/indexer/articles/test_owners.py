"""Who owns which vector, from either side, by hand and against sets of pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.owners import Owners, write_owners


@pytest.fixture(scope="module")
def owners_of(tmp_path_factory):
    """Return a function that writes and opens the ownerships of (vector, article) pairs."""

    def make(pairs, vectors, articles):
        directory = tmp_path_factory.mktemp("owners")
        write_owners(directory, np.array(pairs, dtype=np.int32).reshape(-1, 2), vectors, articles)
        return Owners(directory)

    return make


@pytest.fixture(scope="module")
def shared(owners_of):
    """Return five articles over four vectors: 0 and 3 own the second, 4 the fourth."""
    return owners_of([(3, 4), (1, 3), (2, 2), (0, 1), (1, 0)], 4, 5)


def test_by_hand(shared):
    assert (shared.vectors, shared.articles, shared.most) == (4, 5, 1)
    assert [shared.of_article(row).tolist() for row in range(5)] == [[1], [0], [2], [1], [3]]
    assert shared.first(np.array([3, 1, 0, 4, 1])).tolist() == [1, 0, 1, 3, 0]
    assert shared.first_owners.tolist() == [1, 0, 2, 4]
    articles, places = shared.of_vectors(np.array([3, 1, 0]))
    assert articles.tolist() == [4, 0, 3, 1]
    assert places.tolist() == [0, 1, 1, 2]
    assert [part.dtype for part in (articles, places, shared.first(np.array([0])))] == [np.int64] * 3


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


def test_an_article_of_several_vectors(owners_of):
    several = owners_of([(0, 1), (1, 0), (2, 1), (3, 0), (3, 1)], 4, 2)
    assert several.most == 3
    assert [several.of_article(row).tolist() for row in range(2)] == [[1, 3], [0, 2, 3]]
    there, owned = several.nth(np.array([0, 1, 0]), 2)
    assert (there.tolist(), owned.tolist()) == ([False, True, False], [3])


def test_a_vector_that_nobody_owns(owners_of):
    some = owners_of([(0, 0), (2, 1)], 4, 2)
    articles, places = some.of_vectors(np.array([1, 2, 3, 0]))
    assert (articles.tolist(), places.tolist()) == ([1, 0], [1, 3])
    assert some.first_owners.tolist() == [0, -1, 1, -1]


def test_none_of_nothing(owners_of, shared):
    none = np.array([], dtype=np.int64)
    assert [part.tolist() for part in shared.of_vectors(none)] == [[], []]
    assert shared.first(none).tolist() == []
    empty = owners_of([], 0, 0)
    assert (empty.articles, empty.vectors, empty.most) == (0, 0, 1)
    assert empty.owned_by(np.empty(0, dtype=np.bool_)).tolist() == empty.first_owners.tolist() == []


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 5))), st.lists(st.booleans(), min_size=6, max_size=6))
def test_sets_of_pairs(owners_of, pairs, allowed):
    owners = owners_of(sorted(pairs, key=hash), 7, 6)
    for article in range(6):
        assert owners.of_article(article).tolist() == sorted(v for v, a in pairs if a == article)
    articles, places = owners.of_vectors(np.arange(7))
    assert list(zip(places.tolist(), articles.tolist(), strict=True)) == sorted(pairs)
    assert owners.most == max([1, *(sum(a == article for _, a in pairs) for article in range(6))])
    assert owners.owned_by(np.array(allowed)).tolist() == [
        any(allowed[a] for v, a in pairs if v == n) for n in range(7)
    ]
    assert owners.first_owners.tolist() == [min((a for v, a in pairs if v == n), default=-1) for n in range(7)]
