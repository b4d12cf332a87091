"""What an article may hold, and what is said of a line that is not one."""

import json
from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from indexer.articles.article import VIETNAM, Article, LineProblem, parse_day, parse_time, shown, validate
from indexer.articles.prepared import PreparedArticle
from indexer.articles.store import StoredArticle

TIME = "expected an ISO 8601 time such as 2023-11-07T17:04:00+07:00"
ID = "expected 1 to 128 characters, no control characters, no '/', no outer blanks, not '.' or '..'"


def made(**fields):
    found = validate({"id": "gom-1", "title": "Lớp gốm", **fields})
    assert isinstance(found, Article), found
    return found


# What an article is


def test_whole_article():
    article = made(
        title="  Lớp  gốm\r\nLũng Vài ",
        lead="Lớp\tmở.",
        body="Một.\n\n Hai.",
        body_html="<p>Một.",
        url="https://lungvai.example/gom-1",
        aliases=["cu-1", "https://lungvai.example/cu-1", "cu-1", "", None],
        section=" Đời  sống ",
        author="Vừ Mí Chả",
        source="Báo Lũng Vài",
        tags=["gốm", " gốm ", "nghề"],
        published_at="2023-11-07T17:04:00+07:00",
        updated_at="2023-11-07T10:30:00Z",
        unpublish_at="2033-11-07",
        image_url="https://lungvai.example/1.jpg",
    )
    assert article.line() == {
        "id": "gom-1",
        "title": "Lớp gốm\nLũng Vài",
        "lead": "Lớp mở.",
        "body": "Một.\nHai.",
        "body_html": "<p>Một.",
        "url": "https://lungvai.example/gom-1",
        "aliases": ["cu-1", "https://lungvai.example/cu-1"],
        "section": "Đời sống",
        "author": "Vừ Mí Chả",
        "source": "Báo Lũng Vài",
        "tags": ["gốm", "nghề"],
        "published_at": "2023-11-07T17:04:00+07:00",
        "updated_at": "2023-11-07T17:30:00+07:00",
        "unpublish_at": "2033-11-07T00:00:00+07:00",
        "image_url": "https://lungvai.example/1.jpg",
        "extra": {},
    }


OPTIONAL = sorted(set(Article.model_fields) - {"id", "title", "extra"})


@pytest.mark.parametrize("field", OPTIONAL)
@pytest.mark.parametrize("value", ["", None])
def test_empty_is_absent(field, value):
    assert made(**{field: value}) == made()


def test_every_key_is_present_and_null_where_unknown():
    lists = {"aliases": [], "tags": [], "extra": {}}
    assert made().line() == {**dict.fromkeys(OPTIONAL), **lists, "id": "gom-1", "title": "Lớp gốm"}


@pytest.mark.parametrize("value", [" \t\n", "\x00", "\u200b"])
def test_text_of_nothing_visible_is_absent(value):
    assert made(lead=value).lead is None


def test_unknown_fields_are_kept():
    assert made(cms={"desk": [1, None]}, views=3).extra == {"cms": {"desk": [1, None]}, "views": 3}
    assert made(extra={"views": 1, "old": 2}, views=3).extra == {"views": 3, "old": 2}
    assert made(extra=None).extra == {}
    assert made(extra=7).extra == {"extra": 7}
    assert made(extra={"title": 5}).title == "Lớp gốm"


def test_unknown_fields_hold_no_lone_surrogates():
    article = made(**{"\ud800": [{"a\udc00": "\ud83d\ude00"}]})
    assert article.extra == {"\ufffd": [{"a\ufffd": "\ufffd\ufffd"}]}
    assert article.model_dump_json().encode()
    assert validate(article.line()) == article


def test_an_article_never_changes():
    with pytest.raises(ValidationError, match="frozen"):
        made().title = "Khác"


# What is wrong


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, [("id", "nothing", "required"), ("title", "nothing", "required")]),
        ({"id": "a"}, [("title", "nothing", "required")]),
        ({"id": "a", "title": ""}, [("title", "''", "expected a string that is not empty")]),
        ({"id": "a", "title": " \u200b"}, [("title", "' \\u200b'", "expected a string that is not empty")]),
        ({"id": "a", "title": None}, [("title", "None", "expected a string")]),
        ({"id": 7, "title": ["x"]}, [("id", "7", "expected a string"), ("title", "['x']", "expected a string")]),
        ({"id": None, "title": "t"}, [("id", "None", "expected a string")]),
    ],
)
def test_faults_of_required_fields(fields, faults):
    assert validate(fields) == faults


@pytest.mark.parametrize("field", ["lead", "body", "body_html", "url", "section", "author", "source", "image_url"])
@pytest.mark.parametrize("value", [5, True, ["x"], {}])
def test_optional_text_must_be_text(field, value):
    assert validate({"id": "a", "title": "t", field: value}) == [(field, repr(value), "expected a string")]


@pytest.mark.parametrize("field", ["tags", "aliases"])
def test_lists_must_be_lists_of_text(field):
    def faults(value):
        return validate({"id": "a", "title": "t", field: value})

    assert faults("gốm") == [(field, "'gốm'", "expected a valid list")]
    assert faults({"a": 1}) == [(field, "{'a': 1}", "expected a valid list")]
    assert faults(["a", 5]) == [(f"{field}.1", "5", "expected a string")]


@pytest.mark.parametrize("field", ["published_at", "updated_at", "unpublish_at"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hôm qua", TIME),
        ("07/11/2023", TIME),
        ("20231107", TIME),
        ("2023-W45-2", TIME),
        (" ", TIME),
        (1699351440, TIME),
        (True, TIME),
        (["2023-11-07"], TIME),
        ("2023-02-30", "day is out of range for month"),
        ("2023-11-07T25:00:00", "hour must be in 0..23"),
        ("2023-11-07T", "Invalid isoformat string: '2023-11-07T'"),
        ("9999-12-31T23:59:59Z", "expected a time within the years 1 to 9999"),
        ("0001-01-01T00:00:00", "expected a time within the years 1 to 9999"),  # what .NET writes for no time
    ],
)
def test_faults_of_times(field, value, reason):
    assert validate({"id": "a", "title": "t", field: value}) == [(field, repr(value), reason)]


@pytest.mark.parametrize(
    "value", ["", "a/b", "/", ".", "..", "a\nb", "a\x00", "a\x7f", "a\x85", " a", "a\t", "x" * 129]
)
def test_ids_refused(value):
    assert validate({"id": value, "title": "t"}) == [("id", shown(value), ID)]


def test_id_with_a_lone_surrogate_is_refused_in_print():
    assert validate({"id": "a\ud800", "title": "t"}) == [("id", r"'a\ud800'", ID)]


@pytest.mark.parametrize(
    "value", ["a", "7", "...", ".a", "a b", "bài-1", "a?b#c%2F&d", "tin:1", "x" * 128, "\U0001f600"]
)
def test_ids_taken_as_they_are(value):
    assert made(id=value).id == value


def test_all_faults_are_told():
    faults = validate({"id": "", "title": 1, "tags": [2], "updated_at": "x", "lead": []})
    assert sorted(field for field, _, _ in faults) == ["id", "lead", "tags.0", "title", "updated_at"]


def test_extra_must_be_writable_as_json():
    def nested(depth):
        value = 1
        for _ in range(depth):
            value = [value]
        return value

    assert made(x=nested(50)).extra == {"x": nested(50)}
    ((field, _, reason),) = validate({"id": "a", "title": "t", "x": nested(300)})
    assert (field, reason) == ("extra", "expected values nested at most 64 deep")
    infinite = json.loads('{"x": [1e999]}')
    assert validate({"id": "a", "title": "t", **infinite}) == [("extra", "{'x': [inf]}", "expected finite numbers")]


def test_deep_values_never_exhaust_the_stack():
    value = 1
    for _ in range(100_000):
        value = [value]
    for field in ("title", "tags", "x"):
        ((where, found, _),) = validate({"id": "a", "title": "t", field: value})
        assert where.split(".")[0] == ("extra" if field == "x" else field)
        assert found in ("list", "dict")
    while isinstance(value, list):  # freed level by level
        value = value.pop()


# Times


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2023-11-07", "2023-11-07T00:00:00+07:00"),
        ("2023-11-07T17:04", "2023-11-07T17:04:00+07:00"),
        ("2023-11-07 17:04:05", "2023-11-07T17:04:05+07:00"),
        ("2023-11-07T17:04:05.123456", "2023-11-07T17:04:05.123456+07:00"),
        ("2023-11-07T17:04:00Z", "2023-11-08T00:04:00+07:00"),
        ("2023-11-06T23:30:00-05:00", "2023-11-07T11:30:00+07:00"),
        ("2023-11-07T17:04:00+0700", "2023-11-07T17:04:00+07:00"),
        (" 2023-11-07\n", "2023-11-07T00:00:00+07:00"),
        ("1954-05-07T17:30:00", "1954-05-07T17:30:00+07:00"),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59+07:00"),
        ("0001-01-01T07:00:00", "0001-01-01T07:00:00+07:00"),
    ],
)
def test_times_are_vietnams(value, moment):
    assert parse_time(value).isoformat() == moment
    assert parse_time(parse_time(value)) == parse_time(value)
    assert made(published_at=value).line()["published_at"] == moment


@given(st.datetimes(), st.sampled_from([None, -12, 0, 7, 14]))
@example(datetime.min, None)
@example(datetime.min, 14)
@example(datetime.max, -12)
@example(datetime.max, None)
def test_a_time_that_is_taken_can_be_stored_and_read(moment, offset):
    if offset is not None:
        moment = moment.replace(tzinfo=type(VIETNAM)(timedelta(hours=offset)))
    found = validate({"id": "a", "title": "t", "updated_at": moment.isoformat()})
    if isinstance(found, list):
        assert found[0][2] == "expected a time within the years 1 to 9999"
        assert moment.year in (1, 9999)
    else:
        assert StoredArticle.of(PreparedArticle.of(found), "source").article() == found


def test_parse_day():
    assert parse_day("2023-11-07") == date(2023, 11, 7)
    for value in ("2023-11-07T00:00", "20231107", "2023-02-30", ""):
        with pytest.raises(ValueError, match=r"expected a date|day is out of range"):
            parse_day(value)


# Text that is encoded


def test_plain_body_comes_from_html_only_without_text():
    assert made(body="Chữ", body_html="<p>khác").plain_body == "Chữ"
    assert made(body_html="<p>Một<p>hai").plain_body == "Một\nhai"
    assert made(body_html="<script>x</script>").plain_body is None
    assert made().plain_body is None
    assert made(body_html="<p>Một<p>hai").views == ("Lớp gốm\nMột\nhai", "Lớp gốm")


# Messages


def test_shown_fits_a_line():
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 500) == "'" + "x" * 119 + "…"


def test_problem_in_print():
    assert str(LineProblem("a.jsonl", 3, "title", "''", "expected text")) == "a.jsonl:3: title: '': expected text"
    assert str(LineProblem("a.jsonl", 3, "", "'{'", "expected JSON")) == "a.jsonl:3: '{': expected JSON"


# Anything at all

telling = ["", " ", "a", "a/b", "..", "2023-11-07", "2023-11-07T01:02:03Z", "0001-01-01", "9999-12-31T23:59:59-12:00"]
any_string = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from([*telling, "\ud800"])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**50), 10**50) | st.floats() | any_string,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_string, inner, max_size=4),
    max_leaves=12,
)
article_like = st.fixed_dictionaries(
    {"id": st.just("a") | any_json, "title": st.just("t") | any_json},
    optional={
        name: st.none() | any_string | st.lists(any_string, max_size=3) | any_json for name in [*OPTIONAL, "extra", "x"]
    },
)


@given(st.one_of(st.dictionaries(any_string | st.sampled_from(list(Article.model_fields)), any_json), article_like))
def test_any_object_is_an_article_or_has_faults(fields):
    found = validate(fields)
    if isinstance(found, Article):
        assert validate(json.loads(json.dumps(found.line(), allow_nan=False))) == found
        assert StoredArticle.of(PreparedArticle.of(found), "source").article() == found
        assert json.dumps(found.line(), ensure_ascii=False).encode()
        assert found.title.strip()
        assert "/" not in found.id
    else:
        assert found
        assert all(isinstance(part, str) for fault in found for part in fault)
        assert all(part.encode("utf-8", "surrogatepass") and reason for _, part, reason in found)


@given(article_like)
def test_a_line_says_the_same_twice(fields):
    found = validate(fields)
    if isinstance(found, Article):
        again = validate(found.line())
        assert again == found
        assert again.line() == found.line()
        assert again.views == found.views
