"""Borders of words: which neighbours are a word, and which are the end of one and the beginning of another."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index.lexical import TantivyIndex, TantivyWriter
from indexer.index.lexical_query import Term
from indexer.language import compounds
from indexer.text.syllables import folded, stream
from indexer.text.syllables import spelt as one_spelling
from tests.memory_indexes import add

WORDS = frozenset(
    {("gia", "đình"), ("đình", "công"), ("công", "nhân"), ("hoạt", "động"), ("động", "kinh"), ("kinh", "doanh")}
)
SYLLABLES = sorted({part for word in WORDS for part in word} | {"", "và"})


@pytest.fixture(autouse=True)
def few_words(monkeypatch):
    """Know a few words instead of the shipped ones."""
    monkeypatch.setattr(compounds, "known", lambda: WORDS)


def pairs(text):
    return compounds.word_pairs([one_spelling(word) for word in stream(text)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gia đình công nhân", ["gia_đình", "đình__công", "công_nhân"]),
        ("hoạt động kinh doanh", ["hoạt_động", "động__kinh", "kinh_doanh"]),
        ("đình công", ["đình_công"]),
        ("công nhân đình công", ["công_nhân", "nhân_đình", "đình_công"]),
        ("gia đình công khai", ["gia_đình", "đình_công", "công_khai"]),  # công khai is not among these words
        ("gia đình. Công nhân", ["gia_đình", "công_nhân"]),
        ("đình", []),
        ("", []),
    ],
)
def test_neighbours_by_hand(text, found):
    assert pairs(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gia đình công nhân", [("gia", "đình"), ("công", "nhân")]),
        ("đình công và hoạt động kinh doanh", [("đình", "công"), ("hoạt", "động"), ("kinh", "doanh")]),
        ("gia. Đình công", [("đình", "công")]),
        ("công", []),
        ("", []),
    ],
)
def test_words_by_hand(text, found):
    assert compounds.words_in([one_spelling(word) for word in stream(text)]) == found


@given(st.lists(st.sampled_from(SYLLABLES), max_size=12))
def test_words_are_the_pairs_that_are_known(parts):
    tokens = [tuple(token.split("_")) for token in compounds.word_pairs(parts) if "__" not in token]
    assert compounds.words_in(parts) == [pair for pair in tokens if pair in WORDS]


def test_shipped_words_know_the_examples(monkeypatch):
    monkeypatch.undo()
    assert compounds.crosses("gia", "đình", "công", "nhân")
    assert compounds.crosses("hoạt", "động", "kinh", "doanh")
    assert not compounds.crosses("cuộc", "đình", "công", "lớn")


@given(st.lists(st.sampled_from(SYLLABLES), max_size=12))
def test_every_two_neighbours_of_a_clause_are_one_token(parts):
    found = compounds.word_pairs(parts)
    neighbours = [(left, right) for left, right in pairwise(parts) if left and right]
    assert [tuple(token.replace("__", "_").split("_")) for token in found] == neighbours
    for token in found:
        if "__" in token:
            assert tuple(token.split("__")) in WORDS
    bare = compounds.word_pairs(parts, [folded(part) for part in parts])
    assert bare == [
        "__".join(map(folded, token.split("__"))) if "__" in token else "_".join(map(folded, token.split("_")))
        for token in found
    ]


def test_a_strike_is_not_found_in_a_workers_family(tmp_path):
    writer = TantivyWriter(tmp_path / "words")
    texts = ["Quà cho gia đình công nhân", "Công nhân đình công", "Không có gì"]
    for text in texts:
        add(writer, text)
    writer.close()
    index = TantivyIndex(tmp_path / "words")

    def having(text, field):
        parts = [one_spelling(word) for word in stream(text)]
        tokens = compounds.word_pairs(parts, [folded(part) for part in parts] if field == "folded" else None)
        return index.having([Term(field, token) for token in tokens]).tolist()

    for field in ("exact", "folded"):
        assert having("đình công", field) == [1]
        assert having("gia đình công nhân", field) == [0]
