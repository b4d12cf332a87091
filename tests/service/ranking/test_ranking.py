"""Ranking over literal arrays, worked out by hand, then against the slow way of saying the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.columns import ABSENT
from service.ranking import fusion
from service.ranking.fusion import Candidates


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float64)


def test_best_score_first_and_ties_by_row():
    scores = floats(0.5, 0.9, 0.5, -0.1)
    assert fusion.by_score(scores, ints(7, 3, 2, 9)).tolist() == [1, 2, 0, 3]


def test_newest_first_then_score_then_row():
    published = ints(5, 9, 5, 5, 7)
    scores = floats(0.1, 0.1, 0.8, 0.8, 0.1)
    assert fusion.newest_first(published, scores, ints(0, 1, 9, 3, 4)).tolist() == [1, 4, 3, 2, 0]


def test_undated_come_last_also_after_what_was_published_before_1970():
    published = ints(ABSENT, -5_000, ABSENT, 0)
    assert fusion.newest_first(published, floats(0.9, 0.1, 1.0, 0.1), ints(0, 1, 2, 3)).tolist() == [3, 1, 2, 0]


def test_newest_first_tells_the_two_ends_of_int64_apart():
    published = ints(np.iinfo(np.int64).max, ABSENT, ABSENT + 1)
    assert fusion.newest_first(published, floats(0, 0, 0), ints(0, 1, 2)).tolist() == [0, 2, 1]


def test_collapse_shows_the_newest_at_the_place_of_the_best():
    # In order of score: groups 4 1 4 2 1, of which place 4 is the newer 4 and place 3 the newer 1.
    groups = ints(4, 2, 1, 1, 4)
    published = ints(10, 10, 10, 30, 20)
    order = np.array([0, 2, 4, 1, 3])
    one = fusion.collapse(groups, published, order)
    assert one.heads.tolist() == [4, 3, 1]
    assert one.best.tolist() == [0, 2, 1]
    assert one.members.tolist() == [2, 2, 1]


def test_collapse_of_equal_dates_keeps_the_better_one():
    groups = ints(1, 1, 1)
    assert fusion.collapse(groups, ints(7, 7, 7), np.array([2, 0, 1])).heads.tolist() == [2]


def test_collapse_prefers_any_date_to_none():
    assert fusion.collapse(ints(1, 1), ints(ABSENT, -1), np.array([0, 1])).heads.tolist() == [1]


def test_nothing_to_rank():
    none, order = ints(), np.array([], dtype=np.intp)
    assert fusion.by_score(floats(), none).tolist() == []
    assert fusion.newest_first(none, floats(), none).tolist() == []
    assert [part.tolist() for part in fusion.collapse(none, none, order)] == [[], [], []]


def test_collapse_of_distinct_texts_changes_nothing():
    one = fusion.collapse(ints(3, 1, 2), ints(1, 2, 3), np.array([1, 2, 0]))
    assert [part.tolist() for part in one] == [[1, 2, 0], [1, 2, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ([[1, 0]], [1, 0]),
        ([[1, 0], [0, 1]], [0.5**0.5, 0.5**0.5]),
        ([[0.6, 0.8], [0.6, -0.8], [1, 0]], [1, 0]),
        ([[0, 1], [0, -1]], [0, 1]),
    ],
    ids=["one", "two", "three", "opposite"],
)
def test_centroid_is_the_direction_of_the_mean(vectors, expected):
    found = fusion.centroid(np.array(vectors, dtype=np.float32))
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-6)


def test_candidates_are_taken_with_whatever_they_carry():
    candidates = Candidates(ints(5, 6, 7), dense=np.array([0.1, 0.2, 0.3], dtype=np.float32))
    taken = candidates.take(np.array([2, 0]))
    assert taken.rows.tolist() == [7, 5]
    assert taken.dense == pytest.approx([0.3, 0.1])
    assert taken.lexical is None
    both = Candidates(ints(5, 6), lexical=np.array([1.5, 2.5], dtype=np.float32)).take(np.array([1]))
    assert (both.rows.tolist(), both.dense, both.lexical.tolist()) == ([6], None, [2.5])


class TestWordWeight:
    @pytest.mark.parametrize(
        ("syllables", "expected"),
        [
            (0, 1.2),
            (1, 1.2),
            (2, 1.2),  # 4.5 / 2^1.6 = 1.48
            (4, 4.5 / 9.1896),
            (5, 4.5 / 13.1326),
            (8, 0.22),  # 4.5 / 27.86 = 0.16
            (100, 0.22),
        ],
    )
    def test_falls_between_its_bounds(self, syllables, expected):
        assert fusion.word_weight(syllables) == pytest.approx(expected, rel=1e-4)

    def test_never_rises(self):
        weights = [fusion.word_weight(syllables) for syllables in range(40)]
        assert weights == sorted(weights, reverse=True)
        assert (weights[0], weights[-1]) == (fusion.SHORT_WEIGHT, fusion.LONG_WEIGHT)


class TestEvidence:
    @pytest.mark.parametrize(
        ("share", "expected"), [(-1, 0), (0, 0), (0.15, 0), (0.22, 0.2), (0.325, 0.5), (0.43, 0.8), (0.5, 1), (3, 1)]
    )
    def test_rises_between_its_bounds(self, share, expected):
        assert fusion.evidence(share) == pytest.approx(expected)


class TestFuse:
    def test_spreads_add_up_by_weight(self):
        assert fusion.fuse(floats(3, -1, 0), floats(4, 2, 0), 0.5).tolist() == [5, 0, 0]

    def test_meaning_alone_is_itself(self):
        assert fusion.fuse(floats(3, -1), None, 0.5).tolist() == [3, -1]

    def test_words_alone_are_weighted(self):
        assert fusion.fuse(None, floats(4, 2), 0.5).tolist() == [2, 1]

    def test_without_weight_words_say_nothing(self):
        assert fusion.fuse(floats(3, -1), floats(4, 2), 0.0).tolist() == [3, -1]

    def test_of_neither(self):
        with pytest.raises(ValueError, match="dense, lexical: None, None: expected one at least"):
            fusion.fuse(None, None, 1.0)

    def test_what_was_given_stays(self):
        meaning, words = floats(1, 2), floats(3, 4)
        fusion.fuse(meaning, words, 2.0)
        assert (meaning.tolist(), words.tolist()) == ([1, 2], [3, 4])


class TestRelate:
    def test_by_hand(self):
        # 8 * ln(1 + t / 0.05): of 0, of the scale itself, and of 1
        found = fusion.relate(floats(3, 3, -1), floats(0, 0.05, 1))
        assert found == pytest.approx([3, 3 + 8 * np.log(2), -1 + 8 * np.log(21)])

    def test_rises_with_both(self):
        assert (np.diff(fusion.relate(floats(1, 2, 3), floats(0.1, 0.1, 0.1))) > 0).all()
        assert (np.diff(fusion.relate(floats(1, 1, 1), floats(0, 0.1, 0.9))) > 0).all()

    def test_the_first_words_in_common_say_most(self):
        gained = np.diff(fusion.relate(floats(*[0] * 11), np.linspace(0, 1, 11)))
        assert (np.diff(gained) < 0).all()


class TestLikeness:
    def test_how_far_from_unrelated_to_the_same(self):
        found = fusion.likeness(floats(0.8, 0.9, 1.0, 0.5, 1.1), 0.8)
        assert found == pytest.approx([0, 0.5, 1, 0, 1])

    def test_where_everything_is_alike(self):
        assert fusion.likeness(floats(1.0, 0.9), 1.0).tolist() == [0, 0]

    def test_of_a_square(self):
        assert fusion.likeness(np.array([[1.0, 0.2], [0.2, 1.0]]), 0.0).tolist() == [[1, 0.2], [0.2, 1]]


def test_a_title_outweighs_a_phrase_and_a_phrase_everything_else():
    assert fusion.TITLE_BONUS - fusion.PHRASE_BONUS > 100 < fusion.PHRASE_BONUS


ARTICLES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([ABSENT, -3, 0, 1, 2]), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    max_size=25,
)


def columns(articles):
    groups, published, scores = zip(*articles, strict=True) if articles else ((), (), ())
    return ints(*groups), ints(*published), floats(*scores)


def slow_collapse(groups, published, order):
    heads, best, members = [], [], []
    for group in dict.fromkeys(groups[at] for at in order):
        same = [at for at in order if groups[at] == group]
        heads.append(max(same, key=lambda at: published[at]))  # the first of the newest
        best.append(same[0])
        members.append(len(same))
    return [heads, best, members]


@given(ARTICLES)
def test_collapse_equals_the_slow_way(articles):
    groups, published, scores = columns(articles)
    order = fusion.by_score(scores, np.arange(len(articles)))
    found = [part.tolist() for part in fusion.collapse(groups, published, order)]
    assert found == slow_collapse(groups, published, order)


@given(ARTICLES)
def test_orders_equal_the_slow_way(articles):
    _, published, scores = columns(articles)
    rows = np.arange(len(articles))
    assert fusion.by_score(scores, rows).tolist() == sorted(rows.tolist(), key=lambda at: (-scores[at], at))
    slow = sorted(rows.tolist(), key=lambda at: (-int(published[at]), -scores[at], at))
    assert fusion.newest_first(published, scores, rows).tolist() == slow


@given(ARTICLES, st.randoms(use_true_random=False))
def test_the_order_that_candidates_come_in_does_not_matter(articles, random):
    groups, published, scores = columns(articles)
    shuffled = list(range(len(articles)))
    random.shuffle(shuffled)
    shuffled = np.array(shuffled, dtype=np.intp)

    def ranked(groups, published, scores, rows):
        order = fusion.by_score(scores, rows)
        newest = fusion.newest_first(published, scores, rows)
        collapsed = fusion.collapse(groups, published, order).heads
        return [rows[places].tolist() for places in (order, newest, collapsed)]

    expected = ranked(groups, published, scores, np.arange(len(articles)))
    assert ranked(groups[shuffled], published[shuffled], scores[shuffled], shuffled) == expected
