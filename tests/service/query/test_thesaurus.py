"""Where entries of the thesaurus are found in a query, over an invented list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.language import compounds, lexicon
from indexer.language.lexicon import Synonym
from service.query import thesaurus

ENTRIES = [
    Synonym("heo", ("lợn",)),
    Synonym("xe hơi", ("ô tô", "xe con")),
    Synonym("giá xe hơi", ("giá ô tô",)),
    Synonym("xe hơi cũ", ("ô tô cũ",)),
    Synonym("máy bay", ("phi cơ",)),
    Synonym("sa thải", ("cho thôi việc", "đuổi việc")),
    Synonym("bị sa thải", ("mất việc", "đuổi việc")),
]
UNSURE = {("sa thải", "cho thôi việc"): "kind", ("sa thải", "đuổi việc"): "related"}


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    """Have an invented list instead of the shipped one."""
    read = (thesaurus._thesaurus, thesaurus._lengths, thesaurus._compounds)
    monkeypatch.setattr(lexicon, "synonyms", lambda: ENTRIES)
    monkeypatch.setattr(lexicon, "unsure", lambda: dict(UNSURE))
    monkeypatch.setattr(lexicon, "phrases", lambda: ["cá heo", "cá heo con", "chăn nuôi heo nái"])
    for one in read:
        one.cache_clear()
    yield
    for one in read:
        one.cache_clear()


def find(text, taken=()):
    return thesaurus.find(["" if word == "," else word for word in text.split()], taken)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("heo", [(0, 1, ("lợn",))]),
        ("mua heo", [(1, 2, ("lợn",))]),
        ("xe hơi", [(0, 2, ("ô", "tô")), (0, 2, ("xe", "con"))]),
        ("giá xe hơi", [(0, 3, ("giá", "ô", "tô"))]),
        ("giá xe hơi cũ", [(0, 3, ("giá", "ô", "tô"))]),
        ("bán xe hơi cũ", [(1, 4, ("ô", "tô", "cũ"))]),
        ("heo và máy bay", [(2, 4, ("phi", "cơ")), (0, 1, ("lợn",))]),
        ("heo heo", [(0, 1, ("lợn",)), (1, 2, ("lợn",))]),
        ("xe , hơi", []),
        ("xe", []),
        ("lợn", []),
        ("", []),
    ],
)
def test_the_longest_come_first_and_no_two_overlap(text, found):
    assert find(text) == found


@pytest.mark.parametrize("text", ["cá heo", "bắt cá heo", "cá heo con"])
def test_a_syllable_within_a_longer_word_is_left_alone(text):
    assert find(text) == []


def test_one_beside_such_a_word_is_not():
    assert find("cá heo heo") == [(2, 3, ("lợn",))]


def test_a_word_of_more_than_three_syllables_hides_none():
    assert find("chăn nuôi heo nái") == [(2, 3, ("lợn",))]


def test_what_is_taken_is_left_alone():
    assert find("giá xe hơi", {0}) == [(1, 3, ("ô", "tô")), (1, 3, ("xe", "con"))]
    assert find("giá xe hơi", {2}) == []


@given(st.lists(st.sampled_from(["", "giá", "xe", "hơi", "cũ", "heo", "cá", "máy", "bay"]), max_size=12))
def test_every_place_is_an_entry_and_none_overlap(words):
    found = thesaurus.find(words)
    listed = {entry.term: entry.also for entry in ENTRIES}
    places = list(dict.fromkeys((start, end) for start, end, _ in found))
    for start, end in places:
        assert [" ".join(also) for first, last, also in found if (first, last) == (start, end)] == list(
            listed[" ".join(words[start:end])]
        )
    covered = [at for start, end in places for at in range(start, end)]
    assert len(covered) == len(set(covered))


def test_all_is_read_at_once_where_that_is_asked_for(monkeypatch):
    thesaurus.preload()
    monkeypatch.setattr(lexicon, "synonyms", lambda: pytest.fail("read again"))
    assert find("mua heo") == [(1, 2, ("lợn",))]


def test_a_term_behind_a_light_word_is_called_what_the_term_is():
    found = find("bị sa thải")
    assert found == [(0, 3, tuple(other.split())) for other in ("mất việc", "đuổi việc", "cho thôi việc")]
    sureness = [thesaurus.sureness(("bị", "sa", "thải"), other) for *_, other in found]
    assert sureness == [1.0, 1.0, 0.75]  # its own entry says that đuổi việc is the same
    assert thesaurus.sureness(("sa", "thải"), ("đuổi", "việc")) == 0.4


def test_what_crosses_the_border_of_two_words_is_left_alone(monkeypatch):
    words = {("sân", "máy"), ("máy", "bay"), ("bay", "đêm")}
    monkeypatch.setattr(compounds, "known", lambda: words)
    assert find("sân máy bay đêm") == []
    assert find("sân máy bay") == [(1, 3, ("phi", "cơ"))]
    assert find("máy bay đêm") == [(0, 2, ("phi", "cơ"))]
