"""Freshness by hand, and what always holds: it falls with age, between its floor and 1, and knows no order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.columns import ABSENT
from service.ranking.freshness import FADINGS, FreshnessCurve, freshness

DAY = 24 * 3600 * 1_000_000
NOW = 20_000 * DAY
BY_HAND = FreshnessCurve(half_life=10.0, offset=2.0, floor=0.2)


def days_before(*ages):
    return np.array([NOW - round(age * DAY) for age in ages], dtype=np.int64)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, 1.0),
        (2, 1.0),  # within the offset
        (12, 0.2 + 0.8 / 2),
        (22, 0.2 + 0.8 / 4),
        (7, 0.2 + 0.8 / 2**0.5),
        (100_000, 0.2),
    ],
)
def test_by_hand(age, expected):
    assert BY_HAND.at(np.array([float(age)])) == pytest.approx([expected])
    assert freshness(days_before(age), NOW, BY_HAND) == pytest.approx([expected])


def test_what_is_later_than_now_is_as_fresh_as_can_be():
    assert freshness(days_before(-12), NOW, BY_HAND).tolist() == [1.0]


def test_around_a_seed_age_counts_both_ways():
    found = freshness(days_before(-12, 12, -1), NOW, BY_HAND, both_ways=True)
    assert found == pytest.approx([0.6, 0.6, 1.0])


def test_what_has_no_date_keeps_its_score():
    published = np.array([ABSENT, NOW - 12 * DAY, ABSENT])
    for both_ways in (False, True):
        assert freshness(published, NOW, BY_HAND, both_ways) == pytest.approx([1.0, 0.6, 1.0])
    assert freshness(np.array([ABSENT]), NOW, BY_HAND).tolist() == [1.0]


def test_nothing_fades_where_age_does_not_count():
    assert freshness(days_before(0, 9, 9000), NOW, None).tolist() == [1, 1, 1]
    assert FADINGS["none"] is None


def test_of_nothing():
    assert freshness(np.empty(0, dtype=np.int64), NOW, BY_HAND).tolist() == []


def test_the_presets_fade_in_this_order():
    ages = np.array([0.1, 1.0, 7.0, 60.0, 400.0, 4000.0])
    found = [FADINGS[name].at(ages) for name in ("breaking", "standard", "evergreen")]
    assert all((slower >= faster).all() for faster, slower in pairwise(found))
    assert found[0][-1] < found[1][-1] < found[2][-1]


FADING = st.builds(FreshnessCurve, st.floats(0.01, 1000), st.floats(0, 100), st.floats(0, 1))
TIMES = st.one_of(st.just(ABSENT), st.integers(-5_000 * DAY, 30_000 * DAY))


@given(FADING, st.lists(TIMES, max_size=20), st.booleans())
def test_between_floor_and_one_and_the_older_the_less(fading, times, both_ways):
    published = np.array(times, dtype=np.int64)
    found = freshness(published, NOW, fading, both_ways)
    assert (found >= fading.floor - 1e-9).all()
    assert (found <= 1).all()
    dated = np.flatnonzero(published != ABSENT)
    ages = NOW - published[dated]
    ages = np.abs(ages) if both_ways else ages
    by_age = found[dated][np.argsort(ages, kind="stable")]
    assert (np.diff(by_age) <= 1e-12).all()


@given(FADING, TIMES, st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_articles_of_one_time_are_never_reordered(fading, time, scores):
    scores = np.array(scores)
    fresh = freshness(np.full(len(scores), time, dtype=np.int64), NOW, fading)
    assert len(set(fresh.tolist())) == 1
    order = np.argsort(-scores, kind="stable")
    assert (np.diff((scores * fresh)[order]) <= 0).all()


@given(FADING, st.lists(TIMES, max_size=12), st.randoms(use_true_random=False))
def test_each_has_its_own_whatever_stands_beside_it(fading, times, random):
    shuffled = random.sample(range(len(times)), len(times))
    published = np.array(times, dtype=np.int64)
    assert freshness(published[shuffled], NOW, fading).tolist() == freshness(published, NOW, fading)[shuffled].tolist()
