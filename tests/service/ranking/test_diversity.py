"""Diversity by hand, then against maximal marginal relevance written out plainly, and what always holds."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ranking.diversity import Cap, choose, events

DAY = 24 * 3600 * 1_000_000
ABSENT = np.iinfo(np.int64).min


def floats(*values):
    return np.array(values, dtype=np.float64)


def ints(*values):
    return np.array(values, dtype=np.int64)


def square(count, **pairs):
    """Return who is how alike, (count, count): `square(3, p01=0.9)`; each is wholly like itself."""
    alike = np.eye(count)
    for name, value in pairs.items():
        left, right = int(name[1]), int(name[2])
        alike[left, right] = alike[right, left] = value
    return alike


class TestChoose:
    def test_by_hand(self):
        # Best 0; then 1: 0.7*0.9 - 0.3*0.8 = 0.39, 2: 0.7*0.6 - 0 = 0.42; then 1 again, nothing new repeats it more.
        chosen = choose(floats(1.0, 0.9, 0.6), square(3, p01=0.8), 0.7, [], 3)
        assert chosen.places.tolist() == [0, 2, 1]
        assert chosen.repeated == pytest.approx([0, 0, 0.8])
        assert chosen.capped == {}

    def test_repetition_is_of_the_nearest_of_those_chosen(self):
        chosen = choose(floats(1, 0.9, 0.8, 0.7), square(4, p03=0.3, p13=0.6, p23=0.5), 1.0, [], 4)
        assert chosen.repeated == pytest.approx([0, 0, 0, 0.6])

    def test_scores_are_counted_beside_the_best(self):
        # However low all scores are, repetition does not come to outweigh them.
        alike = square(3, p01=0.8)
        for scale in (1.0, 0.01, 3.0):
            assert choose(scale * floats(1.0, 0.9, 0.6), alike, 0.7, [], 3).places.tolist() == [0, 2, 1]

    def test_at_one_the_list_is_by_score(self):
        assert choose(floats(0.9, 0.8, 0.7), np.ones((3, 3)), 1.0, [], 2).places.tolist() == [0, 1]

    def test_at_nought_only_repetition_counts(self):
        chosen = choose(floats(0.9, 0.8, 0.1), square(3, p01=0.5, p02=0.4), 0.0, [], 3)
        assert chosen.places.tolist() == [0, 2, 1]

    def test_ties_keep_the_order_given(self):
        assert choose(floats(0.5, 0.5, 0.5), np.eye(3), 0.7, [], 3).places.tolist() == [0, 1, 2]
        assert choose(floats(0, 0, 0), np.eye(3), 0.7, [], 3).places.tolist() == [0, 1, 2]

    def test_caps(self):
        section = Cap("section", ints(4, 4, 4, 7, 4), 2)
        chosen = choose(floats(0.9, 0.8, 0.7, 0.6, 0.5), np.eye(5), 1.0, [section], 4)
        assert chosen.places.tolist() == [0, 1, 3]
        assert chosen.capped == {2: "section", 4: "section"}

    def test_a_full_value_leaves_room_for_others_further_down(self):
        source = Cap("source", ints(*[1] * 9, 2), 1)
        assert choose(np.linspace(1, 0.1, 10), np.eye(10), 1.0, [source], 2).places.tolist() == [0, 9]

    def test_those_without_a_value_are_not_bounded(self):
        assert choose(floats(3, 2, 1), np.eye(3), 1.0, [Cap("author", ints(-1, -1, -1), 1)], 3).places.tolist() == [
            0,
            1,
            2,
        ]

    def test_the_first_full_cap_is_named_and_counts_nothing_further(self):
        caps = [Cap("event", ints(0, 0, 2, 3), 1), Cap("section", ints(5, 6, 6, 5), 1)]
        chosen = choose(floats(4, 3, 2, 1), np.eye(4), 1.0, caps, 4)
        assert chosen.places.tolist() == [0, 2]  # 1 was capped by its event, so its section 6 is still free
        assert chosen.capped == {1: "event", 3: "section"}

    def test_of_nothing(self):
        chosen = choose(floats(), np.empty((0, 0)), 0.7, [Cap("event", ints(), 1)], 5)
        assert (chosen.places.tolist(), chosen.repeated.tolist(), chosen.capped) == ([], [], {})
        assert choose(floats(1.0), np.eye(1), 0.7, [], 0).places.tolist() == []

    def test_what_was_given_stays(self):
        scores, alike = floats(1, 0.5), square(2, p01=0.4)
        choose(scores, alike, 0.5, [], 2)
        assert (scores.tolist(), alike.tolist()) == ([1, 0.5], [[1, 0.4], [0.4, 1]])


class TestEvents:
    def test_by_hand(self):
        published = ints(0, DAY, 9 * DAY, DAY)
        alike = square(4, p01=0.9, p02=0.9, p13=0.9)
        # 1 is alike and near to 0; 2 alike but late; 3 is alike to 1, which does not stand for an event itself.
        assert events(alike, published, 0.6, 4 * DAY).tolist() == [0, 0, 2, 3]

    def test_just_alike_and_just_in_time(self):
        assert events(square(2, p01=0.6), ints(0, 4 * DAY), 0.6, 4 * DAY).tolist() == [0, 0]
        assert events(square(2, p01=0.59), ints(0, 0), 0.6, 4 * DAY).tolist() == [0, 1]
        assert events(square(2, p01=0.9), ints(0, 4 * DAY + 1), 0.6, 4 * DAY).tolist() == [0, 1]

    def test_without_a_date_it_is_near_to_every_time(self):
        assert events(square(2, p01=0.9), ints(ABSENT, 90 * DAY), 0.6, DAY).tolist() == [0, 0]
        assert events(square(2, p01=0.9), ints(ABSENT, ABSENT), 0.6, DAY).tolist() == [0, 0]

    def test_of_nothing(self):
        assert events(np.empty((0, 0)), ints(), 0.6, DAY).tolist() == []


def plain(scores, alike, weight, caps, limit):
    """Return maximal marginal relevance as it is written down: the places in order."""
    top = max([*scores, 0.0]) or 1e-12
    chosen, out = [], set()
    while len(chosen) < limit and len(chosen) + len(out) < len(scores):
        left = [at for at in range(len(scores)) if at not in chosen and at not in out]
        at = max(
            left,
            key=lambda at: (
                weight * scores[at] / top - (1 - weight) * max((alike[at][other] for other in chosen), default=0.0)
            ),
        )
        full = any(
            values[at] >= 0 and sum(values[other] == values[at] for other in chosen) >= most for values, most in caps
        )
        if full:
            out.add(at)
        else:
            chosen.append(at)
    return chosen


EIGHTHS = st.integers(0, 8).map(lambda n: n / 8)


@st.composite
def candidates(draw):
    count = draw(st.integers(0, 9))
    scores = sorted(draw(st.lists(EIGHTHS, min_size=count, max_size=count)), reverse=True)
    upper = np.array(draw(st.lists(EIGHTHS, min_size=count**2, max_size=count**2))).reshape(count, count)
    alike = np.triu(upper, 1) + np.triu(upper, 1).T + np.eye(count)
    values = st.lists(st.integers(-1, 3), min_size=count, max_size=count)
    caps = draw(st.lists(st.tuples(values, st.integers(1, 3)), max_size=2))
    return floats(*scores), alike, caps


@given(candidates(), EIGHTHS, st.integers(0, 10))
@settings(max_examples=300)
def test_it_is_the_plain_way(given_candidates, weight, limit):
    scores, alike, caps = given_candidates
    bounds = [Cap(str(at), ints(*values), most) for at, (values, most) in enumerate(caps)]
    chosen = choose(scores, alike, weight, bounds, limit)
    assert chosen.places.tolist() == plain(scores.tolist(), alike.tolist(), weight, caps, limit)
    for values, most in caps:
        assert max(Counter(values[at] for at in chosen.places if values[at] >= 0).values(), default=0) <= most
    assert not set(chosen.capped) & set(chosen.places.tolist())
    for place, repeated in enumerate(chosen.repeated):
        before = chosen.places[:place]
        assert repeated == max((alike[chosen.places[place]][other] for other in before), default=0.0)


@given(candidates(), EIGHTHS, st.integers(0, 5))
def test_a_shorter_list_is_the_start_of_a_longer_one(given_candidates, weight, limit):
    scores, alike, _ = given_candidates
    longer = choose(scores, alike, weight, [], limit + 3).places.tolist()
    assert choose(scores, alike, weight, [], limit).places.tolist() == longer[:limit]


@given(candidates(), st.lists(st.one_of(st.just(ABSENT), st.integers(0, 9).map(lambda n: n * DAY)), min_size=9))
def test_every_event_is_told_of_first_by_its_head(given_candidates, times):
    _, alike, _ = given_candidates
    published = ints(*times[: len(alike)])
    found = events(alike, published, 0.5, 3 * DAY)
    for at, head in enumerate(found):
        assert found[head] == head <= at
        if head != at:
            assert alike[at, head] >= 0.5
            assert ABSENT in (published[at], published[head]) or abs(published[at] - published[head]) <= 3 * DAY
