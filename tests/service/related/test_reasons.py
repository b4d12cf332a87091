"""Why an article is in a related list: each reason by hand, and when several of them hold."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from indexer.articles.article import Article
from indexer.articles.columns import ABSENT, micros
from indexer.language.mining import Name
from service.hits import Reason
from service.related.reasons import EVENT_DAYS, SAME_EVENT, ReasonFinder
from service.related.seeds import Seeds

CAME = datetime(2026, 4, 10, 20, tzinfo=UTC)
DAY = timedelta(days=1)
NOWHERE = np.zeros(2, dtype=np.float32)


@dataclass
class Shelf:
    """As much of an archive as reasons look at: the seed is row 0, the article row 1.

    :param times: When they came out.
    :param names: What they name.
    """

    times: list
    names: dict = field(default_factory=dict)

    @property
    def published(self):
        return np.array([ABSENT if time is None else micros(time) for time in self.times], dtype=np.int64)

    def names_of(self, row):
        return [Name(text, 2, (0, 1)) for text in self.names.get(row, ())]


def why(published=CAME, alike=0.0, names=None, came=CAME, moment=CAME, pinned=False, fallback=None, draft=None):
    shelf = Shelf([came, published], names or {})
    rows = (0,) if draft is None else ()
    seeds = Seeds(rows, (), NOWHERE, (), (0.0, 1.0), draft)
    article = Article.model_construct(id="a", title="Tin", published_at=published)
    return [tuple(r) for r in ReasonFinder(shelf, seeds, micros(moment)).reasons(1, article, alike, pinned, fallback)]


def test_nothing_in_particular_is_the_same_topic():
    assert why() == [("same_topic", "")]


@pytest.mark.parametrize(
    ("alike", "apart", "found"),
    [
        (SAME_EVENT, 0, True),
        (SAME_EVENT - 0.01, 0, False),
        (1.0, EVENT_DAYS, True),
        (1.0, -EVENT_DAYS, True),
        (1.0, EVENT_DAYS + 1, False),
        (1.0, -EVENT_DAYS - 1, False),
    ],
)
def test_alike_and_near_in_time_is_the_same_event(alike, apart, found):
    assert (why(CAME - apart * DAY, alike) == [("same_event", "")]) == found


def test_alike_without_a_date_is_the_same_event():
    assert why(None, 0.9) == [("same_event", "")]
    assert why(CAME - 2 * DAY, 0.9, came=None, moment=CAME) == [("same_event", "")]
    assert why(CAME - 9 * DAY, 0.9, came=None, moment=CAME) == [("same_topic", "")]


def test_names_that_both_hold_the_rarest_two():
    held = {0: ["Xóm Hoà", "Trần Gốm", "Lê Lụa", "Cù Tịnh"], 1: ["Lê Lụa", "Xóm Hòa", "Mây Tre", "Trần Gốm"]}
    assert why(names=held) == [("same_names", "Lê Lụa, Xóm Hòa")]
    assert why(names={0: ["Xóm Hòa"], 1: ["Trần Gốm"]}) == [("same_topic", "")]


def test_the_names_of_a_draft():
    draft = Article.model_construct(id="draft", title="gặp Trần Gốm", lead="ở Xóm Hoà")
    assert why(names={1: ["Xóm Hòa", "Lê Lụa"]}, draft=draft) == [("same_names", "Xóm Hòa")]


@pytest.mark.parametrize(("days", "found"), [(180, True), (179, False), (-400, False)])
def test_long_before_is_background_with_its_year(days, found):
    published = CAME - days * DAY
    expected = ("background", str(published.year)) if found else ("same_topic", "")
    assert why(published) == [expected]


def test_the_year_is_vietnams():
    assert why(datetime(2024, 12, 31, 20, tzinfo=UTC)) == [("background", "2025")]


def test_within_the_seed_s_own_year_it_is_the_month_that_tells():
    came = datetime(2026, 12, 10, tzinfo=UTC)
    assert why(datetime(2026, 3, 31, 20, tzinfo=UTC), came=came) == [("background", "04/2026")]  # in Vietnam
    assert why(datetime(2025, 12, 31, 20, tzinfo=UTC), came=came) == [("background", "01/2026")]
    assert why(datetime(2025, 12, 31, 10, tzinfo=UTC), came=came) == [("background", "2025")]
    assert why(datetime(2026, 3, 1, tzinfo=UTC), came=None, moment=came) == [("background", "03/2026")]


def test_the_weightiest_first():
    names = {0: ["Trần Gốm"], 1: ["Trần Gốm"]}
    assert why(None, 0.9, names, pinned=True) == [("pinned", ""), ("same_event", ""), ("same_names", "Trần Gốm")]
    assert why(CAME - 400 * DAY, 0.9, names) == [("same_names", "Trần Gốm"), ("background", "2025")]
    assert why(pinned=True) == [("pinned", "")]


def test_what_a_fallback_brought_says_so_alone():
    names = {0: ["Trần Gốm"], 1: ["Trần Gốm"]}
    assert why(CAME, 0.9, names, fallback="newest") == [("newest", "")]
    assert why(CAME, 0.9, names, pinned=True, fallback="newest") == [("pinned", "")]


def test_a_reason_has_no_detail_unless_it_is_given():
    assert Reason("pinned") == ("pinned", "")
