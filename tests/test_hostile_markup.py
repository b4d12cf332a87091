"""Texts and markup made to slow down what reads them take time that is linear in their length, and lose little."""

import time
import unicodedata
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.text import markup as markup_module
from indexer.text import syllables as syllables_module
from indexer.text.folding import MARKS_IN_A_ROW, clean, fold, match_key, normalised
from indexer.text.markup import html_to_text
from indexer.text.syllables import LONGEST_TOKEN, code_spans, codes, spelt, stream, syllables

_GENEROUS = 5.0
"""Seconds of the processor; what is quadratic took 20 to 60 of them."""
MARKS = "a" + "\u0301" * 95_000 + "\u0323" * 95_000
HOSTILE = {
    "120,000 attributes": "<p " + " ".join(f"a{at}" for at in range(120_000)) + ">Bão số 5</p>",
    "nested": "<div>" * 40_000 + "Bão số 5",
    "deeply nested": "<div>" * 100_000 + "Bão số 5",
    "many tags": "<b></b>" * 150_000 + "Bão số 5",
    "comments": "<!--" * 50_000,
    "open tags": "<svg" * 50_000 + "<b" * 50_000,
    "unclosed": "<p>" * 60_000 + "Bão số 5",
    "marks": MARKS,
    "marks in turn": "a" + "\u0301\u0323" * 95_000,
    "joined": "a1" * 94_000,
    "a word": "a" * 190_000,
    "a code": "1/" * 95_000,
}
WAYS = (clean, fold, match_key, syllables, codes, html_to_text)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_takes_no_quadratic_time(way, hostile):
    start = time.process_time()
    way(hostile)
    assert time.process_time() - start < _GENEROUS


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("field", ["body", "body_html"])
def test_an_article_of_it_is_made_and_read_in_time(field, hostile):
    start = time.process_time()
    article = validate({"id": "a", "title": "Bài", field: hostile})
    assert isinstance(article, Article)
    assert article.views[-1] == "Bài"
    assert article.line()["id"] == "a"
    assert time.process_time() - start < 2 * _GENEROUS


def test_of_a_tag_with_many_attributes_the_text_is_kept():
    assert html_to_text(HOSTILE["120,000 attributes"]) == "Bão số 5"


@pytest.mark.parametrize("name", ["nested", "deeply nested", "many tags", "unclosed"])
def test_text_below_any_nesting_is_kept(name):
    assert html_to_text(HOSTILE[name]) == "Bão số 5"


def test_where_no_tree_can_be_made_unseen_parts_are_left_out_and_blocks_are_lines():
    deep = "<div>" * 3000
    markup = (
        "<p class='a>b'>Bão <b>số</b> 5</p><SCRIPT>x</script ><!-- y --><style>z</style>Gió &amp; mưa<br/>lớn<svg><a>"
    )
    assert html_to_text(deep + markup).split("\n")[1:] == ["Gió & mưa", "lớn"]
    assert html_to_text(deep + markup.replace("a>b", "a")) == html_to_text(markup.replace("a>b", "a"))


@given(
    st.recursive(
        st.sampled_from(["Bão", " ", "số 5 ", "&lt;", "\n"]),
        lambda inner: st.builds(
            lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
            st.sampled_from(["div", "b", "ul", "em"]),
            st.lists(inner),
        ),
    )
)
def test_without_a_tree_the_text_is_the_same(markup):
    assert markup_module._without_tags(markup) == html_to_text(markup)


@given(st.text(st.sampled_from("ab>é \n\t\x00\u200b\u0301;#=/"), max_size=40))
def test_text_without_markup_is_read_without_a_parser_as_with_one(plain):
    assert html_to_text(plain) == html_to_text(plain + "<b></b>")


def test_marks_beyond_a_run_are_left_out_and_the_rest_is_kept():
    assert clean(MARKS + "b") == "á" + "\u0301" * (MARKS_IN_A_ROW - 1) + "b"


@given(st.text(st.sampled_from("ab\u0301\u0323\u0344ế \n\u200b"), max_size=200))
def test_cleaning_is_idempotent_and_in_nfc(text):
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text(max_size=20))
def test_ordinary_text_is_normalised_as_ever(text):
    assert normalised("NFC", text) == unicodedata.normalize("NFC", text)


WORDS = st.lists(st.text(st.sampled_from("aoàđ09²/-. _"), min_size=1, max_size=300), max_size=4).map(" ".join)


@pytest.mark.parametrize("way", [syllables, stream, codes, code_spans], ids=lambda way: way.__name__)
@given(st.text(st.sampled_from("aoàđ09²/-. _"), max_size=250))
def test_tokens_of_ordinary_length_are_what_they_are_without_a_bound(way, text):
    found = way(text)
    with mock.patch.object(syllables_module, "LONGEST_TOKEN", 10**9):
        assert way(text) == found


@given(WORDS)
def test_no_token_is_longer_and_archive_and_query_meet(text):
    tokens = syllables(text)
    assert max(map(len, [*tokens, *stream(text), *codes(text)]), default=0) <= LONGEST_TOKEN
    assert syllables(" ".join(tokens)) == tokens
    assert [spelt(word) for word in stream(text) if word] == tokens


def test_of_a_long_word_the_start_is_a_token_and_a_long_code_is_none():
    assert syllables("a" * 190_000) == ["a" * 255]
    assert syllables("0" * 300 + "5") == ["5"]
    assert codes("1/" * 127 + "1") == ["1/" * 127 + "1"]
    assert codes("1/" * 128 + "1") == []
    assert code_spans("1/" * 128 + "1") == []


def test_ordinary_text_is_hardly_searched_for_marks():
    long = "”" * 40 + "Công đoàn Trạch Vân trao quà cho người lao động. " * 100_000
    start = time.process_time()
    assert normalised("NFC", long) == long
    assert time.process_time() - start < 1  # a search for the marks themselves took 3
