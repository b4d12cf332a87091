"""Restoration over a language of a few invented sentences: what is meant can be worked out, or is a law."""

import unicodedata
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.language.restoration import BREAK, NUMBER, Language, LanguageWriter
from indexer.text.syllables import folded, spelt, stream
from service.query import restoration
from service.query.restoration import Candidate, restore

SENTENCES = [
    "công nhân trên đường về nhà máy",
    "đường vào khu trọ bị ngập",
    "đường từ nhà máy về khu trọ rất xa",
    "con đường trước nhà máy",
    "ông Dương mở xưởng may",
    "chị Dương là công nhân",
    "tiếng máy dệt vang cả đêm",
    "người công nhân già chờ tiền lương tháng này",
    "bảo hiểm xã hội cho công nhân",
    "bảo hiểm xã hội tự nguyện",
    "ca làm đêm ở xưởng may",
    "ăn ca ở nhà máy",
    "thưởng tết 13 triệu cho công nhân",
    "quý một năm nay ở Hòa Mạc",
    "thí sinh ứa nước mắt vì con ngựa hí",
]
TIMES = 4
"""How often each is in the archive: often enough that a word of it is known well."""


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    writer = LanguageWriter()
    for sentence in SENTENCES * TIMES:
        writer.add(stream(sentence))
    writer.add(stream("hiếm thấy"))
    place = tmp_path_factory.mktemp("language") / "tables"
    writer.write(place)
    return Language(place)


def words_of(text):
    return [spelt(word) for word in stream(text)]


def read(language, text, fixed=()):
    return restore(language, words_of(text), fixed)


def said(language, text, fixed=()):
    return " ".join(word for word in read(language, text, fixed).words if word)


class TestBare:
    @pytest.mark.parametrize("sentence", SENTENCES)
    def test_every_sentence_of_the_archive_comes_back(self, language, sentence):
        assert read(language, folded(" ".join(words_of(sentence)))).words == words_of(sentence)

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("duong ve nha may", "đường về nhà máy"),
            ("ong duong", "ông dương"),
            ("bao hiem xa hoi", "bảo hiểm xã hội"),
            ("an ca o nha may", "ăn ca ở nhà máy"),
            ("xuong may", "xưởng may"),
            ("DUONG VE NHA MAY", "đường về nhà máy"),
        ],
    )
    def test_neighbours_decide(self, language, typed, meant):
        assert said(language, typed) == meant

    def test_it_tells_what_changed_and_how_the_archive_writes_it(self, language):
        found = read(language, "ong duong 13 ca")
        assert found.words == ["ông", "dương", "13", "ca"]
        assert found.shown == ["ông", "dương", "13", "ca"]
        assert found.changed == [True, True, False, False]
        assert not found.foreign

    def test_clauses_stay_apart(self, language):
        assert read(language, "duong. nha may").words == ["đường", "", "nhà", "máy"]

    def test_words_that_the_archive_does_not_have_stay(self, language):
        assert said(language, "quyt duong ve nha may").split()[1:] == ["đường", "về", "nhà", "máy"]


class TestDiacriticsBind:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("đường", "đường"),
            ("dương", "dương"),
            ("dương ve nha may", "dương về nhà máy"),
            ("ông đường", "ông đường"),
            ("đuong", "đường"),
            ("đuong mở xưởng may", "đường mở xưởng may"),
            ("ong đuong", "ông đường"),
            ("dưong", "đường"),  # the horn is kept; đ may have been left out
            ("khu tro xuỏng may", "khu trọ xưởng may"),
            ("hoà mạc", "hòa mạc"),
        ],
    )
    def test_what_was_typed_is_kept(self, language, typed, meant):
        assert said(language, typed) == meant

    @pytest.mark.parametrize(("typed", "meant"), [("ngừoi công nhân", "người"), ("qúy một", "quý")])
    def test_a_mark_on_the_wrong_letter_makes_no_syllable_and_is_moved(self, language, typed, meant):
        assert read(language, typed).words[0] == meant

    def test_another_tone_is_another_word(self, language):
        assert said(language, "tiềng máy").startswith("tiềng")

    @settings(max_examples=150)
    @given(data=st.data())
    def test_a_marked_word_of_the_archive_is_never_changed(self, language, data):
        known = [w for w in language.words[2:] if language.counts[language.id_of(w)] >= 3]
        some = st.one_of(
            st.sampled_from(known),
            st.sampled_from(known).map(folded),
            st.sampled_from(["", "13", "nhn", "zzz", "tieengs", "tie61ng", "the", "đuong", "ngừoi"]),
            st.text("aăâeêioôơuưydđghnt", min_size=1, max_size=6),
        )
        typed = data.draw(st.lists(some, max_size=8))
        found = restore(language, typed)
        kept = [(was, word) for was, word in zip(typed, found.words, strict=True) if folded(was) != was]
        assert [was for was, _ in kept if was in known] == [word for was, word in kept if was in known]

    @pytest.mark.parametrize("typed", ["nhà mác", "xưởng mày", "người cồng nhân", "khu trọc", "Lũng Bủng Khoét"])
    def test_a_marked_word_that_the_archive_lacks_is_never_changed_if_it_can_be_one(self, language, typed):
        assert said(language, typed) == " ".join(words_of(typed))

    @settings(max_examples=150)
    @given(words=st.lists(st.text(max_size=8), max_size=8), fixed=st.sets(st.integers(0, 7)))
    def test_any_text_keeps_its_words_and_places(self, language, words, fixed):
        typed = words_of(" ".join(words))
        found = restore(language, typed, fixed)
        assert [bool(word) for word in found.words] == [bool(word) for word in typed]
        assert all(unicodedata.is_normalized("NFC", word) for word in found.words)
        assert found.changed == [word != was for word, was in zip(found.words, typed, strict=True)]
        assert [found.words[at] for at in fixed if at < len(typed)] == [typed[at] for at in fixed if at < len(typed)]
        assert len(found.shown) == len(typed)


class TestHalfTyped:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("bao hiem xã hội", "bảo hiểm xã hội"),
            ("bảo hiểm xa hoi", "bảo hiểm xã hội"),
            ("công nhan ve nha may", "công nhân về nhà máy"),
            ("tiền lương tháng nay", "tiền lương tháng này"),
        ],
    )
    def test_the_rest_is_restored(self, language, typed, meant):
        assert said(language, typed) == meant

    @pytest.mark.parametrize(
        "typed", ["ca làm đêm ở xưởng may", "con đường trước nhà máy", "ông dương mở xưởng may", "rất xa", "năm nay"]
    )
    def test_bare_syllables_of_a_fully_typed_query_stay(self, language, typed):
        found = read(language, typed)
        assert found.words == typed.split()
        assert not any(found.changed)


class TestSlips:
    @pytest.mark.parametrize(
        "typed",
        ["cong nhn", "cng nhan", "congg nhan", "cogn nhan", "cpng nhan", "công nhn", "cong nhân", "côngg nhân"],
        ids=["missing", "missing too", "doubled", "swapped", "wrong", "marked beside", "no slip", "marked itself"],
    )
    def test_one_letter(self, language, typed):
        assert said(language, typed) == "công nhân"

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("tieengs mays", "tiếng máy"),
            ("coong nhaan", "công nhân"),
            ("dduowngf", "đường"),
            ("tie61ng may1", "tiếng máy"),
            ("co6ng nha6n", "công nhân"),
            ("tie61ng may det", "tiếng máy dệt"),
        ],
    )
    def test_keys_of_telex_and_vni(self, language, typed, meant):
        assert said(language, typed) == meant

    def test_diacritics_and_slips_are_mended_together(self, language):
        found = read(language, "cong nhn")
        assert (found.words, found.changed) == (["công", "nhân"], [True, True])

    def test_words_that_the_archive_knows_well_are_not_corrected(self, language):
        for word in language.words[2:]:
            if language.counts[language.id_of(word)] >= 3:
                found = restore(language, [folded(word)])
                assert folded(found.words[0]) == folded(word)

    @pytest.mark.parametrize("typed", ["a", "e", "ê", "b", "đ", "a1", "u2"])
    def test_single_letters_are_no_slips(self, language, typed):
        assert said(language, typed) == typed


class TestLeftAlone:
    @pytest.mark.parametrize(
        "typed",
        [
            "workers strike at the factory",
            "how many workers",
            "the may wage council was there",
            "what is the minimum wage",
            "covid",
            "was this in his honor",  # all but two are keys of Telex for words that are known
        ],
    )
    def test_other_languages(self, language, typed):
        found = read(language, typed)
        assert found.foreign
        assert found.words == typed.split()
        assert not any(found.changed)

    @pytest.mark.parametrize("typed", ["công ty samsung", "cong nhan samsung", "tieengs mays", "duong", "ca o nha may"])
    def test_vietnamese_with_some_foreign_words_is_vietnamese(self, language, typed):
        assert not read(language, typed).foreign

    @pytest.mark.parametrize("typed", ["2024", "13 4 2024", "13a", "1", "99999999999999999999"])
    def test_numbers(self, language, typed):
        found = read(language, typed)
        assert found.words == found.shown == typed.split()
        assert not any(found.changed)

    def test_fixed_places(self, language):
        assert said(language, "duong ve nha may", {0, 3}) == "duong về nhà may"
        assert said(language, "duong", {0}) == "duong"

    def test_nothing(self, language):
        assert read(language, "") == restore(language, [], {3})
        assert read(language, "").words == []

    def test_remembered_candidates_change_nothing(self, language):
        choices = restoration.choices_in(language)
        for text in [*SENTENCES, *map(folded, SENTENCES), "duong ve nhà may", "tieengs mays", "ca làm đêm"] * 2:
            assert restore(language, words_of(text), choices=choices) == restore(language, words_of(text))

    def test_breaks_alone(self, language):
        assert read(language, "...").words == ["", "", ""]

    def test_a_very_long_query(self, language):
        assert read(language, "duong ve nha may " * 60).words == ["đường", "về", "nhà", "máy"] * 60

    def test_an_archive_without_text(self, tmp_path):
        LanguageWriter().write(tmp_path / "tables")
        empty = Language(tmp_path / "tables")
        assert said(empty, "duong ve nha may 13") == "duong ve nha may 13"
        assert said(empty, "") == ""


KNOWN = sorted({word for sentence in SENTENCES for word in words_of(sentence)} | {"13", "", "zzz"})
places = st.lists(
    st.lists(
        st.tuples(st.sampled_from(KNOWN), st.sampled_from([0.0, -0.7, -5.0])), min_size=1, max_size=3, unique=True
    ),
    min_size=1,
    max_size=5,
)


def lattice_of(language, given):
    """Return candidates of words and costs; what the archive does not have is one only as it was typed, at no cost."""
    ids = [[language.id_of(word) if word else BREAK for word, _ in choices] for choices in given]
    return [
        [
            Candidate(-1, word, 0.0) if at is None else Candidate(at, word, cost)
            for at, (word, cost) in zip(found, choices, strict=True)
        ]
        for found, choices in zip(ids, given, strict=True)
    ]


def path_score(language, path):
    """Return the log probability of a whole path, one word after the other."""
    total, before, row, backoff = 0.0, BREAK, np.array([-1]), np.zeros(1, dtype=np.float32)
    for candidate in [*path, Candidate(BREAK, "", 0.0)]:
        word = BREAK if not candidate.word else max(candidate.id, NUMBER)
        pair = language.pairs(*(np.array([n], dtype=np.int64) for n in (before, word)))
        score = language.after_pairs(row, backoff, np.array([word], dtype=np.int64), pair.score[None, :])
        total += float(score[0, 0]) + candidate.cost + (restoration._UNKNOWN if candidate.id < 0 else 0.0)
        before, row, backoff = word, pair.row, pair.backoff
    return total


class TestDecoding:
    """The best path, against all paths."""

    @given(given=places)
    @settings(max_examples=80)
    def test_no_path_is_likelier(self, language, given):
        lattice = lattice_of(language, given)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(restoration, "BEAM", 3**5)
            best, _ = restoration._decode(language, restoration._Lattice.of(language, lattice))
        chosen = [choices[at] for choices, at in zip(lattice, best, strict=True)]
        most = max(path_score(language, path) for path in product(*lattice))
        assert path_score(language, chosen) == pytest.approx(most, abs=1e-4)

    @given(given=places)
    @settings(max_examples=80)
    def test_without_candidates_the_score_falls_by_what_the_path_loses(self, language, given):
        lattice = lattice_of(language, given)
        left = [[c for c in choices if c.cost != -0.7] or choices for choices in lattice]
        arrays = restoration._Lattice.of(language, lattice)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(restoration, "BEAM", 3**5)
            (_, score), (best, less) = (restoration._decode(language, of) for of in (arrays, arrays.without(-0.7)))
        assert all(choices[at] in kept for choices, kept, at in zip(lattice, left, best, strict=True))
        every, some = (max(path_score(language, path) for path in product(*of)) for of in (lattice, left))
        assert score - less == pytest.approx(every - some, abs=1e-4)
