"""Which words of a query are misspelt, over the language of a few invented sentences and the shipped words."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.language import lexicon
from indexer.language.restoration import Language, LanguageWriter
from indexer.text.syllables import stream
from service.query.alternatives import AlternativeSpan
from service.query.misspellings import MOST_WORDS, Misspelling, Speller, Spelling
from service.query.restoration import RestoredQuery

SENTENCES = [
    "bảo hiểm xã hội cho công nhân nhà máy",
    "công nhân đóng bảo hiểm xã hội",
    "nước lũ dâng cao, lũ lụt ở miền Trung",
    "công ty cho vay nặng lãi, tiền lương tối thiểu",
    "nghỉ việc không lương, suy nghĩ và nghĩ ngợi",
    "ông Nguyễn Văn Tỉnh ở tỉnh Đà Nẵng, bà Ngô Thị Chung",
    "mang vai đau, vai gầy, vai áo",
    "cầu sập, cẩu sập",
]


@pytest.fixture(scope="module")
def speller(tmp_path_factory):
    writer = LanguageWriter()
    for sentence in [*lexicon.phrases(), *SENTENCES * 6]:
        writer.add(stream(sentence))
    place = tmp_path_factory.mktemp("misspellings") / "tables"
    writer.write(place)
    names = [SimpleNamespace(text="Nguyễn Văn Tỉnh"), SimpleNamespace(text="Ngô Thị Chung")]
    return Speller(SimpleNamespace(language=Language(place), names=names))


@pytest.fixture
def find(speller):
    def find(query, **places):
        words = stream(query)
        return [(one.typed, one.meant, one.sure) for one in speller.find(words, words, **places)]

    return find


@pytest.mark.parametrize(
    ("query", "typed", "meant"),
    [
        ("bảo hiễm xã hội", "hiễm", "hiểm"),
        ("đóng bảo hiễm", "hiễm", "hiểm"),
        ("công nhâng nhà máy", "nhâng", "nhân"),
        ("nước nũ dâng cao", "nũ", "lũ"),
        ("lủ lụt", "lủ", "lũ"),
        ("cho vai nặng lãi", "vai", "vay"),
        ("tiền lươn tối thiểu", "lươn", "lương"),
    ],
)
def test_what_stands_where_the_archive_has_its_like_is_surely_misspelt(find, query, typed, meant):
    assert find(query) == [(typed, meant, True)]


def test_two_at_once(find):
    assert find("bảo hiễm cho công nhâng") == [("hiễm", "hiểm", True), ("nhâng", "nhân", True)]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_the_archive_writes_is_right(find, sentence):
    assert find(sentence) == []


@pytest.mark.parametrize(
    "query",
    [
        "vai áo",  # the archive has the pair
        "nghĩ ngợi",
        "hoàng hôn",  # neither it nor its like stands in the archive
        "hiễm",  # nothing stands beside it
        "bảo. hiễm",  # nor here, across the end of a clause
        "8 9 10",
        "xzxz qwert",
        "",
    ],
)
def test_without_evidence_nothing_is_misspelt(find, query):
    assert find(query) == []


def test_a_word_of_the_archive_that_fits_its_neighbour_is_never_changed(find):
    assert find("nghĩ ngợi việc") == []
    assert find("suy nghĩ việc") == []


def test_a_name_by_its_capital_is_no_slip(find):
    assert find("bảo hiễm") == [("hiễm", "hiểm", True)]
    assert find("ông tĩnh văn", names={1}) == []


def test_a_shipped_name_is_known_better(find):
    assert find("đà nẳng", names={0, 1}) == [("nẳng", "nẵng", True)]
    assert find("yên bái", names={0, 1}) == []


@pytest.mark.parametrize("query", ["nguyễn văn tĩnh", "ngô thị trung", "nguyễn văn chung"])
def test_a_persons_name_is_not_made_anothers(find, query):
    assert [one for one in find(query) if one[2]] == []


def test_fixed_words_are_right(find):
    assert find("bảo hiễm", fixed={1}) == []


def test_long_queries_are_left_alone(find):
    words = " ".join(["bảo hiễm", *["mây"] * (MOST_WORDS - 2)])
    assert find(words) == [("hiễm", "hiểm", True)]
    assert find(words + " mây") == []


def test_whether_it_replaces_what_was_typed(speller):
    def one(query):
        (found,) = speller.find(query.split(), query.split())
        return found

    assert one("bảo hiễm") == Misspelling(1, "hiễm", "hiểm", sure=True, replaces=True)
    assert one("cho vai nặng lãi") == Misspelling(1, "vai", "vay", sure=True, replaces=False)


def test_what_restoration_read_is_weighed_too(speller):
    """Typed nũ was read as nữ, for lack of a mark; the neighbours say lũ."""
    (found,) = speller.find(["nước", "nữ", "dâng", "cao"], ["nước", "nũ", "dâng", "cao"])
    assert (found.typed, found.meant) == ("nũ", "lũ")


@given(st.lists(st.sampled_from(["", "8", "bảo", "hiễm", "nũ", "xã", "hội", "strike", "văn", "vai"]), max_size=14))
def test_any_words_are_read(speller, words):
    found = speller.find(words, words)
    assert [one.at for one in found] == sorted({one.at for one in found})
    assert all(words[one.at] == one.typed != one.meant for one in found)


def spelling(words, *misspelt):
    return Spelling(RestoredQuery(list(words), list(words), [False] * len(words), False), list(misspelt))


HIEM = Misspelling(1, "hiễm", "hiểm", sure=True, replaces=True)
GUESS = Misspelling(3, "hôi", "hội", sure=False, replaces=False)


class TestSpelling:
    def test_only_what_is_sure_is_put_right(self):
        found = spelling(["bảo", "hiễm", "xã", "hôi"], HIEM, GUESS)
        assert found.read.words == found.read.shown == ["bảo", "hiểm", "xã", "hôi"]
        assert found.read.changed == [False, True, False, False]
        assert found.guessed.words == ["bảo", "hiểm", "xã", "hội"]
        assert (found.unsure, found.is_added) == (True, False)
        assert spelling(["vai"], Misspelling(0, "vai", "vay", sure=True, replaces=False)).is_added

    def test_nothing_misspelt_changes_nothing(self):
        found = spelling(["bảo", "hiểm"])
        assert found.read is found.restored
        assert (found.unsure, found.is_added, found.typed_beside(["bảo", "hiểm"], [])) == (False, False, [])

    def test_what_was_typed_stands_beside_with_its_neighbours(self):
        words = ["bảo", "hiễm", "xã", "hội"]
        found = spelling(words, HIEM)
        assert found.typed_beside(words, []) == [AlternativeSpan(0, 3, "typed", ("bảo", "hiễm", "xã"), 1.0)]
        thesaurus = AlternativeSpan(0, 4, "thesaurus", ("an", "sinh"), 0.4)
        assert found.typed_beside(words, [thesaurus]) == [AlternativeSpan(0, 4, "typed", tuple(words), 1.0)]
        beside = AlternativeSpan(2, 4, "thesaurus", ("cộng", "đồng"), 0.4)
        assert found.typed_beside(words, [beside]) == [AlternativeSpan(0, 2, "typed", ("bảo", "hiễm"), 1.0)]

    def test_not_across_the_end_of_a_clause(self):
        words = ["", "hiễm", ""]
        assert spelling(words, HIEM).typed_beside(words, []) == [AlternativeSpan(1, 2, "typed", ("hiễm",), 1.0)]
