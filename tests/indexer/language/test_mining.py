"""Abbreviations with their full forms, and names, as an archive itself tells them. People and bodies are invented."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.language.mining import AbbreviationMiner, MinedAbbreviation, Name, NameMiner, names_in
from indexer.text.syllables import spaced

ODD = " \t\n\x00\u200b\u2028\ufeff\u0301\u0323aAđĐưƯXYİßǅ().,;:!?-–&'’\"“”0123"
PIECES = ["Sở Y tế", "Lũng Vài", "Trần Thị Gốm", "(LV)", "LV (", "Hội Đồng (HĐ)", "TP. ", " - ", ". ", ") - ", "\n"]
any_text = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=())))
news_text = st.lists(st.one_of(any_text, st.sampled_from(PIECES)), max_size=12).map(" ".join)
"""Any string, lone surrogates included, with the characters and the pieces that matter often."""


def pairs(*texts):
    """Return abbreviation and full form of what the texts tell, in order."""
    miner = AbbreviationMiner()
    for text in texts:
        miner.add(text)
    return [(mined.abbreviation, mined.full) for mined in miner.found(least=1)]


def names(title, lead=None):
    """Return the names in an article, sorted."""
    miner = NameMiner()
    miner.add(title, lead, 0)
    return sorted(name.text for name in miner.found(least=1))


class TestAbbreviationInBrackets:
    @pytest.mark.parametrize(
        ("text", "abbreviation", "full"),
        [
            ("Ngành Giáo dục và Đào tạo (GD&ĐT) Lũng Vài", "GD&ĐT", "giáo dục và đào tạo"),
            ("Sở Giáo dục và Đào tạo (GD - ĐT) cho biết", "GD-ĐT", "giáo dục và đào tạo"),
            ("Sở Giáo dục - Đào tạo (GD–ĐT) cho biết", "GD-ĐT", "giáo dục đào tạo"),
            ("diễn tập phòng cháy, chữa cháy (PCCC) ở xưởng gốm", "PCCC", "phòng cháy chữa cháy"),
            ("Tổng Liên đoàn Lao động Việt Nam (TLĐLĐVN)", "TLĐLĐVN", "tổng liên đoàn lao động việt nam"),
            (
                "Bộ Lao động - Thương binh và Xã hội (LĐTB-XH)",
                "LĐTB-XH",
                "lao động thương binh và xã hội",
            ),
            ("theo tờ South China Morning Post (SCMP)", "SCMP", "south china morning post"),
            ("tờ Voice of Lung Vai (VLV) và Voice of Gom (VOG)", "VLV", "voice of lung vai"),
            ("Uỷ ban Hoà giải (UBHG)", "UBHG", "ủy ban hòa giải"),
            ("ỦY BAN NHÂN DÂN (UBND) XÃ", "UBND", "ủy ban nhân dân"),
            ("Ban ươm mầm trung ương (BƯMTƯ)", "BƯMTƯ", "ban ươm mầm trung ương"),
            ("Thành phố Hồ Chí Minh (TP. HCM)", "TP.HCM", "thành phố hồ chí minh"),
            ("quỹ “bảo hiểm xã hội” (BHXH)", "BHXH", "bảo hiểm xã hội"),
            ("bảo hiểm xã hội (gọi tắt là BHXH)", "BHXH", "bảo hiểm xã hội"),
            ("Phong trào thi đua. Câu lạc bộ (CLB) gốm", "CLB", "câu lạc bộ"),
            ("với và (V) vui và vẻ (VVV)", "VVV", "vui và vẻ"),
        ],
    )
    def test_initials_of_the_words_before(self, text, abbreviation, full):
        assert (abbreviation, full) in pairs(text)

    @pytest.mark.parametrize(
        ("text", "abbreviation", "full"),
        [
            ("Liên đoàn Lao động tỉnh (LĐLĐ tỉnh)", "LĐLĐ", "liên đoàn lao động"),
            ("Ủy ban nhân dân TP. Lũng Vài (UBND TP Lũng Vài)", "UBND", "ủy ban nhân dân"),
            ("Bộ Giáo dục và Đào tạo (Bộ GD&ĐT)", "GD&ĐT", "giáo dục và đào tạo"),
        ],
    )
    def test_words_beside_the_abbreviation_stand_beside_the_full_form(self, text, abbreviation, full):
        assert pairs(text) == [(abbreviation, full)]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "()",
            "(BHXH)",
            "Trần Thị Gốm (28 tuổi) ở xã Lũng Vài (huyện Đá Xám)",
            "Trần Thị Gốm (SN 1987), ngày hội (12/3), hôm thứ hai (tháng 10/2015)",
            "Đại học (DH)",
            "Doanh nghiệp (ĐN)",
            "bảo hiểm xã hội (BHYT)",
            "bảo hiểm. Xã hội (BHXH)",
            "bảo hiểm\nxã hội (BHXH)",
            "bảo hiểm (mới) xã hội (BHXH)",
            "bảo hiểm xã hội và (BHXH)",
            "bảo hiểm xã hội (bhxh)",
            "bảo hiểm xã hội (BHXH2)",
            "Liên đoàn Lao động huyện (LĐLĐ tỉnh)",
            "Bộ Giáo dục (Sở GD)",
            "Gốm (G)",
            "a b c d e f g h i k l (ABCDEFGHIKL)",
            "phường đông (PHƯỜNG ĐÔNG)",
        ],
    )
    def test_no_match(self, text):
        assert pairs(text) == []

    def test_a_word_far_before_is_not_read_in_part(self):
        words = "x" * 150 + "bảo " + " ".join(["hiểm" + "m" * 43] * 2 + ["xã" + "x" * 43] * 2)
        assert pairs(f"{words} (BHHXX)") == []

    def test_the_shortest_suffix_counts(self):
        assert pairs("hợp tác hợp tác xã (HTX)") == [("HTX", "hợp tác xã")]
        assert pairs("việc vui của các vùng (VV)") == [("VV", "vui của các vùng")]


class TestFullFormInBrackets:
    @pytest.mark.parametrize(
        ("text", "abbreviation", "full"),
        [
            ("Từ nay BHXH (bảo hiểm xã hội) tăng", "BHXH", "bảo hiểm xã hội"),
            ("GD&ĐT (giáo dục và đào tạo)", "GD&ĐT", "giáo dục và đào tạo"),
            ("LVP (Lung Vai Post - tờ báo Lũng Vài)", "LVP", "lung vai post"),
            ("PCCC (phòng cháy, chữa cháy)", "PCCC", "phòng cháy chữa cháy"),
        ],
    )
    def test_match(self, text, abbreviation, full):
        assert pairs(text) == [(abbreviation, full)]

    @pytest.mark.parametrize(
        "text",
        [
            "BHXH (bảo hiểm xã hội tỉnh)",
            "BHXH (quỹ bảo hiểm xã hội)",
            "XBHXHTTTTTT (bảo hiểm xã hội)",
            "BHXH, (bảo hiểm xã hội)",
            "ông BH (28 tuổi)",
            "ĐH (dạy học)",
        ],
    )
    def test_no_match(self, text):
        assert pairs(text) == []


class TestAbbreviationsFound:
    TEXTS = (
        "Hội Đồng Gốm (HĐG) họp. Hội đồng gốm (HĐG) mới.",
        "HĐG (hội đồng gốm) và Hội Đua Ghe. Hội Đấu Giá (HĐG)",
        "Liên Hiệp Gốm (LHG)",
    )

    def miner(self, texts=TEXTS):
        miner = AbbreviationMiner()
        for text in texts:
            miner.add(text)
        return miner

    def test_counts_and_shares_of_an_ambiguous_abbreviation(self):
        assert self.miner().found(least=1) == [
            MinedAbbreviation("HĐG", "hội đồng gốm", 3, 0.75),
            MinedAbbreviation("HĐG", "hội đấu giá", 1, 0.25),
            MinedAbbreviation("LHG", "liên hiệp gốm", 1, 1.0),
        ]

    def test_least_leaves_full_forms_out_but_not_of_the_shares(self):
        assert self.miner().found() == [MinedAbbreviation("HĐG", "hội đồng gốm", 3, 0.75)]
        assert self.miner().found(least=4) == []

    def test_equal_counts_are_in_order_of_the_full_form(self):
        found = self.miner(("Xưởng Gốm (XG)", "Xóm Gạch (XG)")).found(least=1)
        assert [mined.full for mined in found] == ["xóm gạch", "xưởng gốm"]

    @given(st.permutations(TEXTS))
    def test_the_order_of_articles_does_not_count(self, texts):
        assert self.miner(texts).found(least=1) == self.miner().found(least=1)

    @given(news_text)
    def test_whatever_is_found_is_canonical(self, text):
        miner = AbbreviationMiner()
        miner.add(text)
        for mined in miner.found(least=1):
            assert re.fullmatch("[A-ZĐƯĂÂÊÔƠ]+([&.-][A-ZĐƯĂÂÊÔƠ]+)*", mined.abbreviation)
            assert 2 <= sum(c.isalpha() for c in mined.abbreviation) <= 10
            assert mined.full == spaced(mined.full) != ""

    @given(st.lists(st.sampled_from("bdđgmx"), min_size=2, max_size=10), st.text("xyz0 ,", max_size=30))
    def test_initials_are_always_found(self, initials, before):
        full = " ".join(f"{initial}ốm" for initial in initials)
        abbreviation = "".join(initials).upper()
        assert pairs(f"{before} {full} ({abbreviation})") == [(abbreviation, full)]


class TestRuns:
    @pytest.mark.parametrize(
        ("title", "expected"),
        [
            ("Gặp bà Trần Thị Gốm ở Lũng Vài", ["Lũng Vài", "Trần Thị Gốm"]),
            ("Trần Thị Gốm về quê", ["Trần Thị Gốm"]),
            ("Lũng Vài mưa lớn", []),
            ("Mưa lớn. Lũng Vài ngập", []),
            ("Mưa lớn. Hội Gốm Lũng Vài họp", ["Hội Gốm Lũng Vài"]),
            ("Mưa ở TP. Lũng Vài", ["Lũng Vài"]),
            ("Theo Trần Thị Gốm thì không", ["Trần Thị Gốm"]),
            ("Ông Trần Gốm nói", ["Trần Gốm"]),
            ("Bà Rịa Lũng Vài họp", ["Bà Rịa Lũng Vài"]),
            ("gặp Trần Gốm, Lê Lụa và Vũ", ["Lê Lụa", "Trần Gốm"]),
            ("ở Đá Xám-Lũng Vài - Suối Vàng", ["Lũng Vài", "Suối Vàng", "Đá Xám"]),
            ("gặp Park Jung-ho và Y’Bin Niê", ["Park Jung-ho", "Y’Bin Niê"]),
            ("“Nói gì” - Trần Gốm hỏi", ["Trần Gốm"]),
            ("nói “Lũng Vài ngập”", []),
            ("(Báo Gốm) - Lũng Vài ngập", []),
            ("chị Nguyễn Ánh Ở Đắk Ơi", ["Nguyễn Ánh Ở Đắk Ơi"]),
            ("ở Lũng  Vài", []),
            ("gặp Gốm", []),
            ("", []),
        ],
    )
    def test_names_of_a_title(self, title, expected):
        assert names(title) == expected

    def test_runs_of_more_than_six_words_and_texts_in_capitals_hold_no_names(self):
        assert names("gặp A1 Bo Co Do Em Go") == ["A1 Bo Co Do Em Go"]
        assert names("gặp A1 Bo Co Do Em Go Ho") == []
        assert names("TIN BUỒN Ở LŨNG VÀI") == []

    @pytest.mark.parametrize(
        ("title", "expected"),
        [
            ("theo Bộ Sở, Ông Bà", []),
            ("theo Bộ Công an", []),
            ("theo Phó Thủ tướng", []),
            ("thi THPT Quốc gia", []),
            ("theo Bộ Công Thương", ["Bộ Công Thương"]),
            ("theo Bộ Công Thương yêu cầu", ["Bộ Công Thương"]),
            ("theo Bộ GTVT yêu cầu", ["Bộ GTVT"]),
            ("theo Bộ GD&ĐT yêu cầu", ["Bộ GD&ĐT"]),
            ("ở TP Gốm ngập", ["TP Gốm"]),
            ("ở Viện Gốm, sáng nay", ["Viện Gốm"]),
        ],
    )
    def test_offices(self, title, expected):
        assert names(title) == expected

    def test_title_and_lead_are_not_one_text(self):
        assert names("Về quê Gốm", "Lũng nay đã khác ở Đá Xám") == ["Đá Xám"]


class TestNamesIn:
    def test_as_they_are_written_by_their_one_spelling(self):
        found = names_in("gặp Trần Gốm ở Xóm Hoà", "về Xóm Hòa, gặp Lê Lụa")
        assert found == {"trần gốm": "Trần Gốm", "xóm hòa": "Xóm Hoà", "lê lụa": "Lê Lụa"}
        assert names_in("mưa", None) == names_in("", "") == {}


class TestNamesFound:
    ARTICLES = (
        ("gặp Trần Gốm", "ông Trần Gốm ở Xóm Hoà", 3),
        ("ở Xóm Hòa", None, 5),
        ("về Xóm Hòa", "gặp Lê Lụa", 8),
    )

    def miner(self, articles=ARTICLES):
        miner = NameMiner()
        for title, lead, row in articles:
            miner.add(title, lead, row)
        return miner

    def test_articles_are_counted_and_the_commonest_spelling_is_shown(self):
        assert self.miner().found(least=1) == [
            Name("Xóm Hòa", 3, (3, 5, 8)),
            Name("Lê Lụa", 1, (8,)),
            Name("Trần Gốm", 1, (3,)),
        ]

    def test_least_and_most(self):
        assert [name.text for name in self.miner().found()] == ["Xóm Hòa"]
        assert [name.text for name in self.miner().found(least=1, most=2)] == ["Xóm Hòa", "Lê Lụa"]

    def test_equally_common_spellings(self):
        found = self.miner((("ở Xóm Hòa", None, 0), ("ở Xóm Hoà", None, 1))).found()
        assert found == [Name("Xóm Hoà", 2, (0, 1))]

    def test_the_first_sixteen_rows_are_kept(self):
        found = self.miner([("ở Xóm Hòa", None, row) for row in range(40, 10, -1)]).found()
        assert found == [Name("Xóm Hòa", 30, tuple(range(11, 27)))]

    @pytest.mark.parametrize("glued", ["Xóm Hòa Trần Gốm", "HLV Trần Gốm", "Mỹ Trần Gốm"])
    def test_two_names_side_by_side_are_no_name(self, glued):
        apart = [("ở Xóm Hòa, gặp Trần Gốm", None, row) for row in range(3)]
        together = [(f"ở {glued}", None, row) for row in (3, 4)]
        assert [name.text for name in self.miner(apart + together).found()] == ["Trần Gốm", "Xóm Hòa"]
        assert [name.text for name in self.miner(together).found()] == [glued]

    def test_a_team_is_more_than_its_nation(self):
        articles = [("ở Xóm Hòa", None, 0), ("ở Xóm Hòa", None, 1), ("gặp U23 Xóm Hòa", None, 2)]
        assert [name.text for name in self.miner(articles).found(least=1)] == ["Xóm Hòa", "U23 Xóm Hòa"]

    def test_which_articles_hold_which(self):
        miner = self.miner()
        names = miner.found(least=1)
        assert [name.text for name in names] == ["Xóm Hòa", "Lê Lụa", "Trần Gốm"]
        assert miner.named(names).tolist() == [[3, 0], [3, 2], [5, 0], [8, 0], [8, 1]]
        assert miner.named(names[:1]).tolist() == [[3, 0], [5, 0], [8, 0]]
        assert miner.named([]).shape == (0, 2)
        assert NameMiner().named([]).shape == (0, 2)

    def test_every_row_is_kept_of_which_article_holds_which(self):
        miner = self.miner([("ở Xóm Hòa", None, row) for row in range(40, 10, -1)])
        assert miner.named(miner.found()).tolist() == [[row, 0] for row in range(11, 41)]

    @given(st.lists(st.tuples(news_text, st.none() | news_text), max_size=6))
    def test_it_is_what_each_article_names(self, texts):
        texts = [*texts, *texts[:2], ("gặp Trần Gốm", "ở Xóm Hoà"), ("gặp Trần Gốm", None)]
        miner = self.miner((title, lead, row) for row, (title, lead) in enumerate(texts))
        found = miner.found()
        expected = [
            [row, place]
            for row, (title, lead) in enumerate(texts)
            for place, name in enumerate(found)
            if spaced(name.text) in names_in(title, lead)
        ]
        assert miner.named(found).tolist() == expected

    @given(st.lists(st.tuples(news_text, st.none() | news_text), max_size=4), st.randoms(use_true_random=False))
    def test_the_order_of_articles_does_not_count(self, texts, random):
        articles = [(*self.ARTICLES[n % 3][:2], n) for n in range(20)]
        articles += [(title, lead, 20 + n) for n, (title, lead) in enumerate(texts)]
        shuffled = random.sample(articles, len(articles))
        assert self.miner(shuffled).found(least=1) == self.miner(articles).found(least=1)

    @given(st.lists(st.tuples(news_text, st.none() | news_text), max_size=4))
    def test_every_name_stands_in_each_of_its_rows(self, texts):
        found = self.miner((title, lead, row) for row, (title, lead) in enumerate(texts)).found(least=1)
        assert found == sorted(found, key=lambda name: (-name.count, name.text))
        for name in found:
            assert len(name.rows) == name.count
            assert 2 <= len(name.text.split(" ")) <= 6
            for row in name.rows:
                assert spaced(name.text) in " ".join(spaced(text or "") for text in texts[row])


@pytest.mark.parametrize("piece", ["(", "(A", "A.", "A'", "A-a", "A ", "A&A", "AB-", "(A) ", " ("])
def test_time_grows_with_the_text_alone(piece):
    text = piece * 20_000
    start = time.process_time()  # quadratic, it would be minutes
    AbbreviationMiner().add(text)
    NameMiner().add("a" + text, text, 0)
    assert time.process_time() - start < 5
