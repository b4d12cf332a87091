"""Filters and publication, against the same rules written naively."""

import unicodedata
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles.article import VIETNAM, validate
from indexer.articles.columns import ABSENT, Columns, ColumnWriter, Filters, micros
from indexer.articles.prepared import PreparedArticle
from indexer.text.folding import match_key

NEVER = int(np.iinfo(np.int64).max)


def written(directory, lines):
    writer = ColumnWriter()
    articles = [validate({"id": f"a{row}", "title": "Tin", **line}) for row, line in enumerate(lines)]
    for article in articles:
        writer.add(PreparedArticle.of(article))
    writer.write(directory)
    return Columns(directory), articles


@pytest.fixture
def columns_of(tmp_path):
    return lambda *lines: written(tmp_path, lines)[0]


def at(value):
    return micros(datetime.fromisoformat(value))


# Times


def test_micros():
    assert micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert micros(datetime(1970, 1, 1, tzinfo=VIETNAM)) == -7 * 3600 * 1_000_000
    assert micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert micros(datetime.max.replace(tzinfo=UTC)) == 253_402_300_799_999_999


def test_columns_without_any_values(columns_of):
    columns = columns_of({}, {})
    assert columns.count == 2
    assert columns.published.tolist() == [ABSENT, ABSENT]
    assert columns.public(0)[0].tolist() == [True, True]
    assert columns.mask(Filters(tag=("gốm",))).tolist() == [False, False]
    assert columns.mask(Filters()) is None


def test_no_articles_at_all(columns_of):
    columns = columns_of()
    assert columns.count == 0
    assert columns.public(0)[0].tolist() == []
    assert columns.public(0)[1] == NEVER
    assert columns.mask(Filters(section=("x",), tag=("y",), published_to=date(2023, 1, 1))).tolist() == []


# Filters by hand


def test_each_field_filters_and_all_must_hold(columns_of):
    columns = columns_of(
        {"section": "Đời sống", "source": "Báo A", "author": "Chả", "tags": ["gốm", "nghề"]},
        {"section": "Đời sống", "source": "Báo B", "author": "Mẩy", "tags": ["nghề"]},
        {"section": "Thể thao", "source": "Báo A", "author": "Chả", "tags": []},
        {"tags": ["cam", "gốm"]},
    )

    def rows(**filters):
        return np.flatnonzero(columns.mask(Filters(**filters))).tolist()

    assert rows(section=("Đời sống",)) == [0, 1]
    assert rows(source=("Báo A",)) == [0, 2]
    assert rows(author=("Mẩy", "Chả")) == [0, 1, 2]
    assert rows(tag=("gốm",)) == [0, 3]
    assert rows(tag=("cam", "nghề")) == [0, 1, 3]
    assert rows(section=("Đời sống",), source=("Báo A",), tag=("nghề",)) == [0]
    assert rows(section=("Kinh tế",)) == []
    assert rows(section=("Kinh tế", "Thể thao")) == [2]


def test_values_are_compared_without_case_and_blanks_but_with_diacritics(columns_of):
    columns = columns_of({"section": "Đời Sống"}, {"section": "ĐỜI SỐNG"}, {"section": "Doi song"})
    for wanted in ("đời sống", "  ĐỜI   sống ", unicodedata.normalize("NFD", "Đời sống")):
        assert columns.mask(Filters(section=(wanted,))).tolist() == [True, True, False]


def test_a_bare_day_is_vietnams(columns_of):
    columns = columns_of(
        {"published_at": "2023-11-06T23:59:59.999999+07:00"},
        {"published_at": "2023-11-06T17:00:00Z"},  # midnight in Vietnam
        {"published_at": "2023-11-07T23:59:59.999999+07:00"},
        {"published_at": "2023-11-07T17:00:00Z"},
        {},
    )
    day = date(2023, 11, 7)
    assert columns.mask(Filters(published_from=day)).tolist() == [False, True, True, True, False]
    assert columns.mask(Filters(published_to=day)).tolist() == [True, True, True, False, False]
    assert columns.mask(Filters(published_from=day, published_to=day)).tolist() == [False, True, True, False, False]
    assert columns.mask(Filters(published_from=day, published_to=day - timedelta(days=1))).tolist() == [False] * 5


def test_bounds_with_a_time_are_inclusive_to_the_microsecond(columns_of):
    columns = columns_of({"published_at": "2023-11-07T10:00:00Z"})
    moment = datetime(2023, 11, 7, 10, tzinfo=UTC)
    step = timedelta(microseconds=1)
    assert columns.mask(Filters(published_from=moment, published_to=moment)).all()
    assert not columns.mask(Filters(published_from=moment + step)).any()
    assert not columns.mask(Filters(published_to=moment - step)).any()


def test_the_ends_of_the_calendar_are_bounds_too(columns_of):
    columns = columns_of({"published_at": "0001-01-02"}, {"published_at": "9999-12-31"}, {})
    assert columns.mask(Filters(published_from=date.min, published_to=date.max)).tolist() == [True, True, False]


# Publication by hand


def test_embargo_and_withdrawal(columns_of):
    columns = columns_of(
        {},
        {"published_at": "2023-11-07T10:00:00Z"},
        {"unpublish_at": "2023-11-08T10:00:00Z"},
        {"published_at": "2023-11-07T10:00:00Z", "unpublish_at": "2023-11-08T10:00:00Z"},
    )
    start, end = at("2023-11-07T10:00:00+00:00"), at("2023-11-08T10:00:00+00:00")

    def public(now):
        mask, until = columns.public(now)
        return mask.tolist(), until

    assert public(0) == ([True, False, True, False], start)
    assert public(start - 1) == ([True, False, True, False], start)
    assert public(start) == ([True, True, True, True], end)
    assert public(end - 1) == ([True, True, True, True], end)
    assert public(end) == ([True, True, False, False], NEVER)


def test_withdrawn_before_published_is_never_public(columns_of):
    columns = columns_of({"published_at": "2023-11-08", "unpublish_at": "2023-11-07"})
    for day in ("2023-11-06", "2023-11-07", "2023-11-08", "2023-11-09"):
        assert not columns.public(at(day + "T00:00:00+07:00"))[0].any()


# Oracle

EDGE = datetime(2023, 11, 7, tzinfo=VIETNAM)
moments = st.builds(
    lambda hours, tick: EDGE + timedelta(hours=hours, microseconds=tick),
    st.integers(-60, 60),
    st.sampled_from([-1, 0, 0, 1]),
) | st.just(EDGE)
names = st.sampled_from(["Gốm", "gốm", "GỐM", "gom", "Nghề  gốm", unicodedata.normalize("NFD", "Gốm"), "ß", "SS"])
lines = st.fixed_dictionaries(
    {},
    optional={
        "section": names,
        "source": names,
        "author": names,
        "tags": st.lists(names, max_size=3),
        "published_at": moments.map(datetime.isoformat),
        "unpublish_at": moments.map(datetime.isoformat),
    },
)
bounds = st.none() | moments | moments.map(datetime.date)
wanted = st.lists(names | st.just("khác"), max_size=2).map(tuple)
filters = st.builds(
    Filters, section=wanted, source=wanted, author=wanted, tag=wanted, published_from=bounds, published_to=bounds
)


def same(a, b):
    def key(value):
        return unicodedata.normalize("NFC", value).casefold().split()

    return key(a) == key(b)


def passes(article, asked):
    for field, values in (("section", asked.section), ("source", asked.source), ("author", asked.author)):
        value = getattr(article, field)
        if values and (value is None or not any(same(value, one) for one in values)):
            return False
    if asked.tag and not any(same(tag, one) for tag in article.tags for one in asked.tag):
        return False
    moment = article.published_at
    for bound, sign in ((asked.published_from, 1), (asked.published_to, -1)):
        if bound is None:
            continue
        if moment is None:
            return False
        left, right = (moment, bound) if isinstance(bound, datetime) else (moment.date(), bound)
        if (left < right) if sign > 0 else (left > right):
            return False
    return True


@given(st.lists(lines, max_size=8), st.lists(filters, min_size=1, max_size=4))
@settings(max_examples=150)
def test_filters_are_the_naive_ones(tmp_path_factory, given_lines, asked):
    columns, articles = written(tmp_path_factory.mktemp("columns"), given_lines)
    for one in asked:
        mask = columns.mask(one)
        if one == Filters():
            assert mask is None
        else:
            assert mask.tolist() == [passes(article, one) for article in articles]


@given(st.lists(lines, max_size=6), moments)
@settings(max_examples=100)
def test_publication_is_the_naive_one_and_stays_until_it_says(tmp_path_factory, given_lines, now):
    columns, articles = written(tmp_path_factory.mktemp("columns"), given_lines)

    def naive(moment):
        return [
            (a.published_at is None or a.published_at <= moment) and (a.unpublish_at is None or moment < a.unpublish_at)
            for a in articles
        ]

    mask, until = columns.public(micros(now))
    assert mask.tolist() == naive(now)
    assert until > micros(now)
    edges = {t for a in articles for t in (a.published_at, a.unpublish_at) if t is not None and t > now}
    for edge in edges:
        if micros(edge) < until:
            assert naive(edge) == naive(now)
    assert until == NEVER or until in {micros(edge) for edge in edges}
    if edges:
        assert until <= max(micros(edge) for edge in edges)


# Counts


def test_counts_by_hand(columns_of):
    columns = columns_of(
        {"section": "Gốm", "tags": ["cam", "chè"]},
        {"section": "GỐM ", "author": "Chả"},
        {"section": "Nghề", "author": "Mẩy", "tags": ["chè"]},
        {"author": "Chả", "tags": ["Chè", "chè", "mây"]},
    )

    def counts(*rows):
        counted = columns.counts(np.array(rows, dtype=np.int64))
        return {field: {value: times for _, value, times in found} for field, found in counted.items()}

    nothing = {"section": {}, "source": {}, "author": {}, "tag": {}}
    assert counts() == nothing
    assert counts(1) == {**nothing, "section": {"Gốm": 1}, "author": {"Chả": 1}}
    assert counts(0, 3) == {
        **nothing,
        "section": {"Gốm": 1},
        "author": {"Chả": 1},
        "tag": {"cam": 1, "chè": 2, "mây": 1},
    }
    assert counts(3, 2, 1, 0) == {
        "section": {"Gốm": 2, "Nghề": 1},
        "source": {},
        "author": {"Chả": 2, "Mẩy": 1},
        "tag": {"cam": 1, "chè": 3, "mây": 1},
    }


def test_counts_of_no_articles(columns_of):
    assert columns_of().counts(np.array([], dtype=np.int64)) == {"section": [], "source": [], "author": [], "tag": []}


@given(st.lists(lines, min_size=1, max_size=8), st.data())
@settings(max_examples=80)
def test_a_count_is_what_the_filter_finds(tmp_path_factory, given_lines, data):
    columns, articles = written(tmp_path_factory.mktemp("columns"), given_lines)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(articles), max_size=len(articles))))
    for field, found in columns.counts(np.flatnonzero(chosen)).items():
        total = 0
        for key, value, times in found:
            assert key == match_key(value)
            assert times == np.count_nonzero(columns.mask(Filters(**{field: (value,)})) & chosen) > 0
            total += times
        rows = [article for article, is_in in zip(articles, chosen, strict=True) if is_in]
        held = [article.tags if field == "tag" else [getattr(article, field)] for article in rows]
        kinds = [
            {tuple(unicodedata.normalize("NFC", v).casefold().split()) for v in of if v is not None} for of in held
        ]
        assert total == sum(map(len, kinds))
