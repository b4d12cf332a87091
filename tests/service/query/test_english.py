"""English words find their entries in the glossary, as they stand in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.language import lexicon
from indexer.text.syllables import syllables
from service.query import english
from service.query.english import ENGLISH, forms, gloss_of, glosses, whole_words


def glossed(text):
    """Return the terms of a text that have an entry."""
    spellings = text.split()
    words = [spelling.lower() for spelling in spellings]
    return {" ".join(spellings[one.start : one.end]): one for one in glosses(words, spellings)}


def found(text):
    """Return the terms that are no names, with their usual renderings."""
    return {term: one.usual for term, one in glossed(text).items() if not one.name}


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


ENTRIES = {entry.english: entry.vietnamese for entry in lexicon.english()}
BEFORE_E = sorted(word for word in ENTRIES if f"{word}e" in ENTRIES and word[-1:] not in "aeiou" and " " not in word)


@pytest.mark.parametrize("ending", ["ed", "ing"])
def test_what_lost_an_e_is_no_form_of_the_word_without(ending):
    """Fired is no fir, rated no rat: those would double their last letter."""
    alike = [word for word in BEFORE_E if word[-2] in "aeiou" and word[-1] not in "wxy"]
    assert {"fir", "rat", "hat", "hop", "rap"} <= set(alike)
    taken = {word + ending: found(word + ending).get(word + ending) for word in alike}
    wrong = [
        form for form, usual in taken.items() if form not in ENTRIES and usual != ENTRIES[f"{form[: -len(ending)]}e"][0]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("form", "base"),
    [
        ("hopped", "hop"),
        ("breathed", "breathe"),
        ("singing", "sing"),
        ("casts", "cast"),
        ("visited", "visit"),
        ("taxes", "tax"),
        ("houses", "house"),
        ("doses", "dose"),
        ("buses", "bus"),
        ("unions", "union"),
        ("goods", "goods"),
    ],
)
def test_a_form_is_that_of_its_word(form, base):
    assert found(f"the {form}")[form] == ENTRIES[base][0]


def test_a_capital_in_a_sentence_is_no_form_of_another_word():
    assert found("what did Peyton Manning manage") == {"manage": "quản lý"}
    assert "Germans" in found("what did the Germans say")


def test_what_may_be_a_name_in_a_sentence_is_told():
    assert {term: one.name for term, one in glossed("when did Bill Gates write and say so").items()} == {
        "Bill": True,
        "write": False,
        "say": False,
    }
    assert glossed("Apple")["Apple"].name
    assert not glossed("apple")["apple"].name


def test_what_is_no_sentence_keeps_its_names():
    for text in ("Louis Van Gaal", "Bill Gates", "Real Madrid", "Kim Jong Un"):
        assert glossed(text) == {}, text
    assert found("apple harvest") == {"apple": "táo", "harvest": "thu hoạch"}
    assert found("Bill Gates foundation") == {"foundation": ENTRIES["foundation"][0]}
    assert found("Prime Minister visits Germany")["Germany"] == "Đức"


def test_all_in_capitals_is_as_in_small_letters():
    assert found("HANOI WORKERS STRIKE") == {"HANOI": "Hà Nội", "WORKERS": "công nhân", "STRIKE": "đình công"}


def test_us_who_it_and_may_are_names_where_they_are_spelt_so():
    assert found("the US election in May")["US"] == "Mỹ"
    assert found("the US election in May")["May"] == "tháng 5"
    assert "WHO" in found("when did the WHO say so")
    for text, name in (("US", "US"), ("THE WHO", "WHO"), ("US GDP", "US"), ("HANOI US EMBASSY", "US")):
        assert name in found(text), text
    assert found("may foreigners buy land").keys() == {"foreigners", "buy", "land"}
    for text in ("give us work", "who may work", "WHO MAY WORK"):
        assert {term.lower() for term in found(text)} == {"work"} | ({"give"} if "give" in text else set())


def test_acronyms_are_found_in_small_letters_too():
    assert found("the uk economy")["uk"] == "Anh"
    assert found("the eu and the usa").keys() == {"eu", "usa"}
    assert "USS" not in found("the USS aircraft carrier")


def test_a_capital_after_the_end_of_a_clause_is_none_within_a_sentence():
    spellings = ["what", "happened", "?", "Floods", "hit"]
    words = ["what", "happened", "", "floods", "hit"]
    assert "Floods" in {spellings[one.start] for one in glosses(words, spellings)}


def test_who_won_is_no_contraction():
    assert found("who won the world cup").keys() == {"who won", "world", "cup"}


def test_vietnamese_places_stay_whole():
    assert found("Long An factory") == {"Long An": "Long An", "factory": "nhà máy"}
    assert found("Can Tho bridge")["Can Tho"] == "Cần Thơ"
    assert "long an" not in found("how long an employee waits")


def test_what_is_taken_is_left_alone():
    words = "long an factory".split()
    assert [one.usual for one in glosses(words, words, taken={0, 1})] == ["nhà máy"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("what's the women's wage, and why isn't it paid", "what the women wage, and why is it paid"),
        ("I’m told they won't and can't", "I told they will and can"),
        ("the U.S. and the e.u. met the u.k", "the US and the EU met the UK"),
        ("U.S.S.R., U.N.E.S.C.O. and S.U.N", "U.S.S.R., U.N.E.S.C.O. and S.U.N"),
        ("người H'Re ở M'Đrắk", "người H'Re ở M'Đrắk"),
    ],
)
def test_contractions_and_dots(text, whole):
    assert whole_words(text) == whole


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


def test_terms_that_begin_so():
    assert [term.english for term in english.begun("abb", 4)][:1] == ["abbey"]
    assert english.begun("floods", 4)[0].english == "flood"
    assert english.begun("fl", 4) == english.begun("lũ lụt", 4) == english.begun("zzzz", 4) == []
    assert len(english.begun("con", 4)) == 4
