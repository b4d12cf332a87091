"""A segment: who owns which vector, and the articles nearest to a query, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles.columns import Filters
from indexer.index.lexical_query import Term
from tests.conftest import Part

FOUR = [[1, 0], [0.6, 0.8], [0, 1], [-1, 0]]
EAST = np.array([1, 0], dtype=np.float32)


def every(segment):
    return np.ones(segment.count, dtype=np.bool_)


def mask(*allowed):
    return np.array(allowed, dtype=np.bool_)


# Literal


@pytest.fixture(scope="module")
def shared(segment_of):
    """Return five articles over four vectors: 0 and 3 own the second, 4 the fourth."""
    return segment_of([{}, {}, {}, {}, {"section": "Gốm"}], [1, 0, 2, 1, 3], FOUR)


def test_articles_of_one_vector_come_together(shared):
    rows, scores, vectors = shared.nearest(EAST, 2, every(shared))
    assert rows.tolist() == [1, 0, 3]
    assert scores == pytest.approx([1, 0.6, 0.6], abs=1e-6)
    assert vectors.tolist() == [0, 1, 1]
    assert [part.dtype for part in (rows, scores, vectors)] == [np.int64, np.float32, np.int64]


def test_k_counts_texts_not_articles(shared):
    assert [len(shared.nearest(EAST, k, every(shared))[0]) for k in (0, 1, 2, 3, 4, 99)] == [0, 1, 3, 4, 5, 5]


@pytest.mark.parametrize(
    ("allowed", "rows"),
    [
        ((1, 0, 1, 1, 1), [0, 3, 2]),
        ((0, 0, 1, 1, 1), [3, 2]),
        ((0, 0, 0, 0, 1), [4]),
        ((0, 0, 0, 0, 0), []),
    ],
)
def test_only_allowed_owners(shared, allowed, rows):
    assert shared.nearest(EAST, 2, mask(*allowed))[0].tolist() == rows


def test_the_parts_of_a_segment_have_the_same_rows(shared):
    assert shared.count == shared.store.count() == shared.columns.count == 5
    assert shared.store.articles([4])[0].section == "Gốm"
    assert np.flatnonzero(shared.columns.mask(Filters(section=("Gốm",)))).tolist() == [4]


def test_tombstones(segment_of):
    segment = segment_of([{}, {}, {}, {}, {}], [1, 0, 2, 1, 3], FOUR, dead=[1, 3])
    assert segment.alive.tolist() == [True, False, True, False, True]
    assert segment.count == 5
    assert segment.nearest(EAST, 2, segment.alive)[0].tolist() == [0, 2]


def test_ties_keep_the_order_of_rows(segment_of):
    segment = segment_of([{}] * 6, [2, 1, 0, 2, 1, 0], [[1, 0]] * 3)
    assert segment.nearest(EAST, 3, every(segment))[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_an_empty_segment(segment_of):
    segment = segment_of([], [], np.empty((0, 2)))
    assert segment.count == 0
    assert [part.tolist() for part in segment.nearest(EAST, 3, every(segment))] == [[], [], []]
    assert segment.owners.owned_by(every(segment)).tolist() == []


# Oracle

SPOTS = [[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.05]


@given(
    owned=st.lists(st.integers(0, 11), min_size=1, max_size=16),
    allowed=st.lists(st.booleans(), min_size=16, max_size=16),
    k=st.integers(1, 10),
)
@settings(max_examples=60)
def test_nearest_is_brute_force(segment_of, owned, allowed, k):
    segment = segment_of([{}] * len(owned), owned, SPOTS)
    may = mask(*allowed[: len(owned)])

    cosines = {article: SPOTS[owned[article]][0] for article in np.flatnonzero(may)}
    rows, scores, vectors = segment.nearest(EAST, k, may)
    found = rows.tolist()
    assert len(found) == len(set(found)) >= min(k, len(cosines))
    assert set(found) <= set(cosines)
    assert scores == pytest.approx([cosines[row] for row in found], abs=1e-6)
    assert vectors.tolist() == [owned[row] for row in found]
    assert found == sorted(found, key=lambda row: (-cosines[row], row))
    assert all(cosines[row] <= scores[-1] + 1e-6 for row in set(cosines) - set(found))
    assert set(found) == {row for row in cosines if owned[row] in vectors.tolist()}


# Meaning of chosen articles


def test_similarities_and_vectors_by_hand(shared):
    rows = np.array([3, 1, 0, 4, 1])
    scores = shared.similarities(EAST, rows)
    assert scores == pytest.approx([0.6, 1, 0.6, -1, 1], abs=1e-6)
    assert scores.dtype == np.float32
    assert shared.owners.of_articles(rows).tolist() == [1, 0, 1, 3, 0]
    none = np.array([], dtype=np.int64)
    assert shared.similarities(EAST, none).tolist() == shared.owners.of_articles(none).tolist() == []


@given(owned=st.lists(st.integers(0, 11), min_size=1, max_size=8), chosen=st.lists(st.integers(0, 7), max_size=9))
@settings(max_examples=40)
def test_similarities_are_brute_force(segment_of, owned, chosen):
    segment = segment_of([{}] * len(owned), owned, SPOTS)
    rows = np.array([article % len(owned) for article in chosen], dtype=np.int64)
    expected = [np.array(SPOTS)[owned[row]] @ EAST for row in rows]
    assert segment.similarities(EAST, rows) == pytest.approx(np.array(expected), abs=1e-6)
    assert segment.owners.of_articles(rows).tolist() == [owned[row] for row in rows]


# Words and what is learnt


def test_title_lead_and_body_are_found_and_an_embargoed_article_teaches_nothing(archive_over):
    lines = [
        {"title": "Zẩu", "lead": "plêm", "body_html": "<p>Krốt</p>"},
        {"title": "Zẩu vrái", "published_at": "2999-01-01"},
    ]
    archive = archive_over(Part(lines, [0, 0], FOUR))
    for token, rows in (("zẩu", [0, 1]), ("plêm", [0]), ("krốt", [0]), ("vrái", [1]), ("zẩu_plêm", [])):
        assert archive.having([Term("exact", token)]).tolist() == rows, token
    language = archive.knowledge.language
    assert [language.seen(fold) for fold in ("zau", "plem", "krot", "vrai")] == [1, 1, 1, 0]
