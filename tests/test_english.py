"""English words find their entries in the glossary, as they stand in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.syllables import syllables
from service.search.english import ENGLISH, forms, gloss_of, glosses


def found(text):
    """Return the terms that have an entry, with their usual renderings."""
    spellings = text.split()
    words = [spelling.lower() for spelling in spellings]
    return {" ".join(spellings[one.start : one.end]): one.usual for one in glosses(words, spellings)}


@pytest.mark.parametrize(
    ("form", "base"),
    [
        ("cities", "city"),
        ("strikes", "strike"),
        ("boxes", "box"),
        ("carried", "carry"),
        ("worked", "work"),
        ("used", "use"),
        ("planned", "plan"),
        ("working", "work"),
        ("making", "make"),
        ("running", "run"),
        ("dying", "die"),
        ("buildings", "build"),
        ("heaviest", "heavy"),
        ("largest", "large"),
        ("bigger", "big"),
        ("later", "late"),
        ("easily", "easy"),
        ("quickly", "quick"),
        ("women", "woman"),
        ("took", "take"),
    ],
)
def test_forms(form, base):
    assert next(forms(form)) == form
    assert base in forms(form)


@pytest.mark.parametrize("word", ["as", "is", "bed", "red", "ly", "s", ""])
def test_short_words_keep_their_letters(word):
    assert [form for form in forms(word) if len(form) < 2 and form != word] == []


def test_each_word_by_itself_and_the_longest_term_as_one():
    assert found("strike of the nurses") == {"strike": "đình công", "nurses": "y tá"}
    assert found("trade unions and trade") == {"trade unions": "công đoàn", "trade": "thương mại"}
    ministry = "Ministry of Labour Invalids and Social Affairs"
    assert found(f"the {ministry} said")[ministry] == "Bộ Lao động - Thương binh và Xã hội"
    assert found("the strike took place") == {"strike": "đình công", "took place": "diễn ra"}


def test_what_has_no_entry_and_what_questions_are_made_of_is_left():
    assert found("who of the brontosauri") == {}
    assert found("") == {}


def test_a_capital_in_a_sentence_is_no_form_of_another_word():
    assert found("what did Peyton Manning manage") == {"manage": "quản lý"}
    assert "Germans" in found("what did the Germans say")
    assert "Strike" in found("what is a Strike")


def test_what_is_no_sentence_keeps_its_names():
    assert found("Apple") == {}
    assert found("Louis Van Gaal") == {}
    assert found("apple harvest") == {"apple": "táo", "harvest": "thu hoạch"}
    assert found("Prime Minister visits Germany")["Germany"] == "Đức"


def test_the_gloss_keeps_what_has_no_entry_as_it_was_typed():
    spellings = "when did the strike at Pouyuen end in 2015".split()
    words = [spelling.lower() for spelling in spellings]
    assert gloss_of(words, spellings, glosses(words, spellings)) == "đình công Pouyuen kết thúc 2015"
    assert gloss_of(["pouyuen"], ["Pouyuen"], []) == ""


_WORDS = st.lists(st.sampled_from([*sorted(ENGLISH)[:8], "trade", "unions", "took", "place", "Pouyuen", "2015", ""]))


@given(_WORDS)
def test_terms_follow_each_other_and_every_one_has_a_reading(spellings):
    words = [spelling.lower() for spelling in spellings]
    end = 0
    for gloss in glosses(words, spellings):
        assert end <= gloss.start < gloss.end <= len(words)
        assert gloss.readings[0] == tuple(syllables(gloss.usual))
        assert all(run and all(run) for run in gloss.readings)
        assert all(words[gloss.start : gloss.end]), "no term goes beyond a clause"
        end = gloss.end
