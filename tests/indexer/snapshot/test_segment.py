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


def test_an_article_of_several_vectors_scores_its_best(segment_of):
    segment = segment_of([{}, {}], [0, 0], FOUR, pairs=[(0, 1), (1, 0), (2, 1), (3, 0)])
    assert [segment.owners.of_article(row).tolist() for row in range(2)] == [[1, 3], [0, 2]]
    rows, scores, vectors = segment.nearest(EAST, 2, every(segment))
    assert rows.tolist() == [1, 0]
    assert scores == pytest.approx([1, 0.6], abs=1e-6)
    assert vectors.tolist() == [0, 1]


def test_many_vectors_of_one_article_leave_room_for_others(segment_of):
    near = [[np.cos(a), np.sin(a)] for a in np.linspace(0, 0.1, 9)]
    segment = segment_of(
        [{}, {}, {}], [0] * 3, [*near, [0, 1], [-1, 0]], pairs=[*((v, 2) for v in range(9)), (9, 0), (10, 1)]
    )
    assert segment.nearest(EAST, 2, every(segment))[0].tolist()[:2] == [2, 0]


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
    pairs=st.sets(st.tuples(st.integers(0, 11), st.integers(0, 7)), min_size=1),
    allowed=st.lists(st.booleans(), min_size=8, max_size=8),
    k=st.integers(1, 10),
)
@settings(max_examples=60)
def test_nearest_is_brute_force(segment_of, pairs, allowed, k):
    owners = sorted({article for _, article in pairs})
    spots = sorted({vector for vector, _ in pairs})
    local = [(spots.index(vector), owners.index(article)) for vector, article in sorted(pairs)]
    segment = segment_of([{}] * len(owners), [0] * len(owners), [SPOTS[spot] for spot in spots], pairs=local)
    may = mask(*(allowed[article] for article in owners))

    cosines = np.array([SPOTS[spot][0] for spot in spots])
    best = {
        article: max(cosines[vector] for vector, owner in local if owner == article) for article in np.flatnonzero(may)
    }
    rows, scores, vectors = segment.nearest(EAST, k, may)
    found = rows.tolist()
    assert len(found) == len(set(found)) >= min(k, len(best))
    assert set(found) <= set(best)
    assert scores == pytest.approx([best[row] for row in found], abs=1e-6)
    assert scores == pytest.approx(cosines[vectors], abs=1e-6)
    assert set(zip(vectors.tolist(), found, strict=True)) <= set(local)
    assert found == sorted(found, key=lambda row: (-best[row], row))
    assert all(best[row] <= scores[-1] + 1e-6 for row in set(best) - set(found))
    twins = {owner for vector, owner in local if vector in vectors.tolist() and may[owner]}
    assert twins == set(found)


# Meaning of chosen articles


def test_similarities_and_first_vectors_by_hand(shared):
    rows = np.array([3, 1, 0, 4, 1])
    scores = shared.similarities(EAST, rows)
    assert scores == pytest.approx([0.6, 1, 0.6, -1, 1], abs=1e-6)
    assert scores.dtype == np.float32
    assert shared.owners.first(rows).tolist() == [1, 0, 1, 3, 0]
    none = np.array([], dtype=np.int64)
    assert shared.similarities(EAST, none).tolist() == shared.owners.first(none).tolist() == []


@given(
    pairs=st.sets(st.tuples(st.integers(0, 11), st.integers(0, 7)), min_size=1),
    chosen=st.lists(st.integers(0, 7), max_size=9),
)
@settings(max_examples=40)
def test_similarities_are_brute_force(segment_of, pairs, chosen):
    owners = sorted({article for _, article in pairs})
    local = [(vector, owners.index(article)) for vector, article in sorted(pairs)]
    segment = segment_of([{}] * len(owners), [0] * len(owners), SPOTS, pairs=local)
    rows = np.array([article % len(owners) for article in chosen], dtype=np.int64)
    owned = [[vector for vector, owner in local if owner == row] for row in rows]
    expected = [max(np.array(SPOTS)[vectors] @ EAST) for vectors in owned]
    assert segment.similarities(EAST, rows) == pytest.approx(np.array(expected), abs=1e-6)
    assert segment.owners.first(rows).tolist() == [min(vectors) for vectors in owned]


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
