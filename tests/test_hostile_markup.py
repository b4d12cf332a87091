"""Texts and markup made to slow down what reads them take time that is linear in their length, and lose little."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.article import Article, validate
from indexer.syllables import codes, syllables
from indexer.text import MARKS_IN_A_ROW, clean, fold, html_to_text, match_key, normalised

_GENEROUS = 5.0
"""Seconds of the processor; what is quadratic took 20 to 60 of them."""
MARKS = "a" + "\u0301" * 95_000 + "\u0323" * 95_000
HOSTILE = {
    "120,000 attributes": "<p " + " ".join(f"a{at}" for at in range(120_000)) + ">Bão số 5</p>",
    "nested": "<div>" * 40_000 + "Bão số 5",
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
