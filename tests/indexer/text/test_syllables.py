"""Syllables in one spelling, numbers and codes: what word search takes for the same, and for another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text import syllables as syllables_module
from indexer.text.syllables import code_spans, codes, folded, plain, readable, spaced, spelt, stream, syllables

LETTERS = "aàáảãạăằâầeèéẻẽẹêềiìíoòóỏõọôồơờuùúủũụưừyỳýỷỹỵdđbcghklmnpqrstvx"
ODD = " \t\n.,!?:;/-_0017²½ⅣﬁＡ１İßẞΣ\u00ad\u200b\u200d\u2060\ufeff\u0300\u0301\u0309\u0303\u0323đĐ“”…(){}\U0001f600"
texts = st.text(st.sampled_from(LETTERS + LETTERS.upper() + ODD) | st.characters(exclude_categories=("Cs",)))
spellings = st.text(st.sampled_from(LETTERS), min_size=1, max_size=6)


def nfd(text):
    return unicodedata.normalize("NFD", text)


class TestSyllables:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Hoà Bình", "hòa bình"),
            ("thuỷ lợi", "thủy lợi"),
            ("sức khoẻ", "sức khỏe"),
            ("toạ đàm về hoả hoạn", "tọa đàm về hỏa hoạn"),
            ("UỶ BAN, uý lạo", "ủy ban úy lạo"),
            ("loè loẹt", "lòe loẹt"),
            ("Quý, quỳ, quỹ", "quý quỳ quỹ"),  # the u belongs to the q
            ("hoàn hoành khoét xuýt", "hoàn hoành khoét xuýt"),  # a closed syllable has one spelling only
            ("hoa hoe huy", "hoa hoe huy"),
            (nfd("Hoà thuỷ QUÝ Đắk"), "hòa thủy quý đắk"),
            ("Ｂáo　１２", "báo 12"),
            ("bá\u200bo c\u00adáo\ufeff", "báo cáo"),
            ("e\u200b\u0301p", "ép"),
            ("08/2023 007 0 00 10 0a 05a", "8 2023 7 0 00 10 0a 5a"),
            ("lũng_vài -- (gốm)!", "lũng vài gốm"),
            ("", ""),
            (" \n… ", ""),
        ],
    )
    def test_one_spelling(self, text, found):
        assert syllables(text) == found.split()
        assert spaced(text) == found

    def test_every_tone_of_every_open_pair_moves(self):
        for new, old in (("oà oá oả oã oạ", "òa óa ỏa õa ọa"), ("oè oé oẻ oẽ oẹ", "òe óe ỏe õe ọe")):
            assert syllables(new) == syllables(old) == old.split()
        assert syllables("tuỳ tuý tuỷ tuỹ tuỵ") == "tùy túy tủy tũy tụy".split()

    @given(texts)
    def test_they_stay_as_they_are(self, text):
        found = syllables(text)
        assert syllables(" ".join(found)) == found
        assert [spelt(one) for one in found] == found

    @given(spellings)
    def test_a_spelling_is_settled_once_and_folding_does_not_see_it(self, word):
        assert spelt(spelt(word)) == spelt(word)
        assert folded(spelt(word)) == folded(word) == folded(folded(word))

    @given(texts)
    def test_composed_and_decomposed_are_one(self, text):
        assert syllables(nfd(text)) == syllables(unicodedata.normalize("NFC", text))

    @given(texts)
    def test_they_are_lower_case_without_blanks(self, text):
        for found in syllables(text):
            assert found == found.lower()
            assert found.isalnum()


class TestReadable:
    def test_case_is_kept_and_plain_lowers_it(self):
        assert readable("\ufeffＢá\u200bo ﬁ") == "Báo fi"
        assert plain("Ｂá\u200bo") == "báo"


class TestStream:
    def test_clauses_end_and_words_stay_as_they_are_spelt(self):
        assert stream("Hoà bình. Khoẻ, 08") == ["hoà", "bình", "", "khoẻ", "08"]
        assert stream("“a” (b)\nc…") == ["", "a", "", "", "b", "", "", "c", "", "", ""]  # … is three points

    @given(texts)
    def test_its_words_are_the_syllables(self, text):
        assert [spelt(word) for word in stream(text) if word] == syllables(text)


class TestCodes:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Quyết định 08/2023/QĐ-TTg", ["8/2023/qđ-ttg"]),
            ("quyết định 8/2023/qđ-ttg.", ["8/2023/qđ-ttg"]),
            ("QCVN 26:2016/BYT", ["26:2016/byt"]),
            ("giá 1.500.000 đồng.", ["1.500.000"]),
            ("ngày 01-02-2023, 03/02", ["1-2-2023", "3/2"]),
            ("covid-19", ["covid-19"]),
            ("ai-đó và/hoặc http://x", []),  # no digit, no code
            ("năm 2023. 5 người", []),
            ("v1.x", []),  # a point joins digits alone
            ("12/", []),
            (nfd("08/QĐ-TTg"), ["8/qđ-ttg"]),
        ],
    )
    def test_whole(self, text, found):
        assert codes(text) == found

    def test_where_they_stand(self):
        text = "Theo 08/2023/QĐ-TTg và covid-19."
        assert [text[start:end] for start, end in code_spans(text)] == ["08/2023/QĐ-TTg", "covid-19"]

    @given(texts)
    def test_their_parts_are_among_the_syllables(self, text):
        known = set(syllables(text))
        for code in codes(text):
            assert set(syllables(code)) <= known
            assert codes(code) == [code]


class TestFolded:
    def test_by_hand(self):
        assert [folded(one) for one in ("đường", "quý", "hòa", "8/2023/qđ-ttg", "bảo_hiểm")] == [
            *("duong", "quy", "hoa", "8/2023/qd-ttg", "bao_hiem")
        ]


@pytest.mark.parametrize(("read", "cache"), [(spelt, syllables_module._respelt), (folded, syllables_module._folded)])
@pytest.mark.parametrize("word", ["0" * 100 + "á" * 100, "á" * 33, "20261", "1.940", "ct07", "8/2023/qđ-ttg"])
def test_no_cache_keeps_what_is_no_word_of_the_language(read, cache, word):
    before = cache.cache_info().currsize
    assert read(word) == cache.__wrapped__(word)
    assert cache.cache_info().currsize == before
