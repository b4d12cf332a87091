"""At which step an article fell out, worked out by hand."""

import numpy as np
import pytest

from service.hits import Fate, Numbers
from service.related.watch import Watch

NUMBERS = Numbers(cosine=0.9, terms=0.1, spreads=12.0, relevance=0.4)


class Shelf:
    """An archive of three articles; the last is not public."""

    def find(self, article_id, allowed):
        row = ["a", "b", "c"].index(article_id) if article_id in "abc" else None
        return row if row is not None and allowed[row] else None


@pytest.fixture
def watch():
    return Watch(Shelf(), "b", np.array([True, True, False]))


def fate(watch, listed):
    return watch.fate(np.array(listed, dtype=np.int64), lambda row: NUMBERS)


def test_the_first_step_counts(watch):
    watch.after("filtered", np.array([True, True, False]))
    watch.after("not_near", np.array([1, 0]))
    watch.after("cap", np.array([0]), "section")
    watch.after("beyond_limit", np.array([0]))
    assert fate(watch, [0]) == Fate("cap", "section", NUMBERS)


def test_a_mask_is_asked_by_row(watch):
    watch.after("filtered", np.array([True, False, True]))
    assert fate(watch, [0]) == Fate("filtered", "", NUMBERS)


def test_one_that_is_listed_after_all_says_where(watch):
    watch.after("below_min_relevance", np.array([0]))
    assert fate(watch, [0, 1]) == Fate("listed", "2", NUMBERS)
    assert fate(watch, [1]) == Fate("listed", "1", NUMBERS)


def test_one_that_fell_out_nowhere_did_not_fit(watch):
    assert fate(watch, [0]) == Fate("beyond_limit", "", NUMBERS)


@pytest.mark.parametrize("name", ["c", "d"])
def test_of_what_is_not_public_no_more_is_said(name):
    hidden = Watch(Shelf(), name, np.array([True, True, False]))
    hidden.after("filtered", np.array([False, False, False]))
    assert fate(hidden, [2]) == Fate("not_public")


def test_where_nothing_is_asked_nothing_is_told():
    nothing = Watch(Shelf(), None, np.array([True, True, True]))
    nothing.after("filtered", np.array([False, False, False]))
    assert (nothing.row, fate(nothing, [0, 1])) == (None, None)
