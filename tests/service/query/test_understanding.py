"""What is made of a query, over the language of a few invented sentences and the shipped abbreviations and names."""

import unicodedata
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index.lexical_query import Term
from indexer.language.lexicon import Abbreviation, Renaming
from indexer.language.mining import MinedAbbreviation
from indexer.language.restoration import Language, LanguageWriter
from indexer.text.syllables import stream
from service.query import thesaurus
from service.query.synonyms import parse
from service.query.understanding import Understanding

SENTENCES = [
    "công nhân trên đường về nhà máy",
    "đường vào khu trọ bị ngập",
    "ông Dương mở xưởng may",
    "bảo hiểm xã hội cho công nhân",
    "ca làm đêm ở xưởng may cũ",
    "ăn ca ở nhà máy, đại hội ở cơ sở, tuyển sinh",
    "biển Thái Bình Dương, tỉnh Thái Bình, tỉnh Bình Dương, cuộc sống hòa bình ở Sài Gòn",
    "liên đoàn lao động tỉnh ra quyết định",
    "xe ôm và xe công nghệ, tiền lương tháng",
    "rau sạch của thành phố Hồ Chí Minh và Phú Thọ, Hưng Yên",
]
SYNONYMS = parse("covid, corona\nxe ôm => xe công nghệ\nlương, tiền công", "synonyms.txt")
OWN = (Abbreviation("CA", "công an"), Abbreviation("NM", "nhà máy"), Abbreviation("ĐVK", "đường vào khu"))
MINED = [MinedAbbreviation("KTXA", "khu trọ xanh", 6, 0.9), MinedAbbreviation("XMC", "xưởng may cũ", 3, 0.05)]


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    writer = LanguageWriter()
    for sentence in SENTENCES * 4:
        writer.add(stream(sentence))
    place = tmp_path_factory.mktemp("query") / "tables"
    writer.write(place)
    return SimpleNamespace(language=Language(place), abbreviations=MINED, names=[])


@pytest.fixture(scope="module")
def understanding(knowledge):
    return Understanding(knowledge, lambda: SYNONYMS, OWN)


@pytest.fixture(scope="module")
def ask(understanding):
    return understanding.understand


def phrases(query):
    return [[term.token for term in phrase] for phrase in query.phrases]


def excluded(query):
    return [term.token for term in query.excluded]


def also(query, *kinds):
    """Return what stands in for what."""
    return {(found.typed, found.also) for found in query.expansions if not kinds or found.kind in kinds}


def sought(query):
    """Return the exact tokens that are looked for as they were typed or restored."""
    return {term.token for group in query.words.groups for term in group[0] if term.field == "exact"}


class TestOperators:
    def test_a_quoted_phrase(self, ask):
        query = ask('đường "khu trọ"')
        assert phrases(query) == [["khu_trọ"]]
        assert query.parts == ("đường", "khu", "trọ")
        assert {"đường", "khu", "trọ", "khu_trọ"} <= sought(query)

    @pytest.mark.parametrize(
        "typed", ['"nhà máy"', "“nhà máy”", "„nhà máy”", "«nhà máy»", '\N{FULLWIDTH QUOTATION MARK}nhà máy"']
    )
    def test_quotes_of_all_kinds(self, ask, typed):
        assert phrases(ask(typed)) == [["nhà_máy"]]

    def test_several_and_single_words_and_three_syllables(self, ask):
        assert phrases(ask('"đường" "xưởng may cũ"')) == [["đường"], ["xưởng_may", "may_cũ"]]

    def test_a_phrase_is_restored(self, ask):
        assert phrases(ask('"nha may"')) == [["nhà_máy"]]
        assert phrases(ask('"nha may"', literal=True)) == [["nha_may"]]

    @pytest.mark.parametrize("typed", ['"nhà máy', '""', '" "', '"!?"', 'nhà "'])
    def test_quotes_around_nothing(self, ask, typed):
        assert ask(typed).phrases == ()

    def test_an_excluded_word(self, ask):
        query = ask("đường -trọ về -NGẬP")
        assert excluded(query) == ["trọ", "ngập"]
        assert query.parts == ("đường", "về")
        assert query.excluded[0] == Term("exact", "trọ")
        assert "trọ" not in query.text
        assert ask("nha may -trọ").restored == "nhà máy"

    @pytest.mark.parametrize("typed", ["đường - trọ", "nhà-máy", "đường -", "--trọ", "-", "đường -tr.ọ", "2023-2024"])
    def test_other_dashes_exclude_nothing(self, ask, typed):
        assert excluded(ask(typed)) == []

    @pytest.mark.parametrize("typed", ["-trọ", "-đường -trọ", " -trọ "])
    def test_nothing_but_exclusions_is_what_is_looked_for(self, ask, typed):
        query = ask(typed)
        assert excluded(query) == []
        assert "trọ" in sought(query)

    def test_a_pasted_title_is_plain_text(self, ask):
        typed = 'Công nhân trên đường về "nhà máy": ca làm đêm -trọ ở xưởng may'
        query = ask(typed)
        assert (query.phrases, query.excluded) == ((), ())
        assert {"nhà_máy", "trọ"} <= sought(query)
        assert query.text == typed

    def test_up_to_eight_syllables_they_count(self, ask):
        assert phrases(ask('"nhà máy" a b c d e f')) == [["nhà_máy"]]
        assert phrases(ask('"nhà máy" a b c d e f g')) == []
        assert excluded(ask("a b c d e f g -trọ")) == ["trọ"]
        assert excluded(ask("a b c d e f g h -trọ")) == []


SYNTAX = [
    *"AND OR NOT * ~ ^2 title: exact:a [ ] TO { } ( ) \\ %00 / + && || ! ? ' \" “ - -a : nhà của the İ BHXH".split(),
    *("\x00", "\n", "máy", "8/2023/QĐ"),
]


class TestPlainText:
    @pytest.mark.parametrize(
        "typed",
        [
            "nhà máy AND đường",
            "nhà OR máy NOT đường",
            "nh* máy?",
            "nhà~2 máy^3",
            "title:nhà",
            "[nhà TO máy]",
            "(nhà máy",
            "nhà \\ máy",
            "nhà%00máy",
            "+nhà +máy",
            "/nhà.*/",
        ],
    )
    def test_what_other_engines_take_for_syntax(self, ask, typed):
        query = ask(typed)
        letters = "".join(c if c.isalnum() else " " for c in typed.lower()).split()
        assert list(query.parts) == letters
        assert (query.phrases, query.excluded) == ((), ())

    @settings(max_examples=200)
    @given(typed=st.text(max_size=40), literal=st.booleans())
    def test_any_text(self, ask, typed, literal):
        query = ask(typed, literal)
        assert query.typed == typed
        assert 0 <= query.trust <= 1
        assert all(query.parts)
        assert all(term.token and term.weight > 0 for group in query.words.groups for a in group for term in a)

    @settings(max_examples=200)
    @given(parts=st.lists(st.sampled_from(SYNTAX), max_size=12), between=st.sampled_from(["", " "]))
    def test_syntax_of_all_kinds(self, ask, parts, between):
        query = ask(between.join(parts))
        assert all(terms and all(term.token for term in terms) for terms in query.phrases)
        assert all(term.token for term in query.excluded)

    @pytest.mark.parametrize("typed", ["İstanbul the of and was", "H\u0331a the of and", "T\u0308e J\u030ca of the"])
    def test_capitals_that_fall_into_other_words(self, ask, typed):
        assert ask(typed).parts

    @pytest.mark.parametrize("typed", ["", " ", "!!!", "-", '"', "\N{ZERO WIDTH SPACE}"])
    def test_nothing_to_look_for(self, ask, typed):
        query = ask(typed)
        assert not query.words
        assert (query.parts, query.restored, query.expansions) == ((), None, ())


class TestSpelling:
    def test_restored_or_not(self, ask):
        assert ask("duong ve nha may").restored == "đường về nhà máy"
        assert ask("duong ve nha may").bare
        assert ask("đường về nhà máy").restored is None
        assert not ask("đường về nhà máy").bare

    @pytest.mark.parametrize(
        ("typed", "text"),
        [
            ("duong ve nha may", "đường về nhà máy"),
            ("Duong ve Nha may", "Đường về Nhà máy"),
            ("DUONG VE NHA MAY", "ĐƯỜNG VỀ NHÀ MÁY"),
            ("(ngap), khu/tro; nha may!", "(ngập), khu/trọ; nhà máy!"),
        ],
    )
    def test_case_and_marks_of_the_typed_text_stay(self, ask, typed, text):
        assert ask(typed).restored == text
        assert ask(typed).text == text

    @pytest.mark.parametrize("typed", ["duong ve nha may", "LDLD tinh", "xe ôm", "BHXH", "Bình Dương", "cong nhn"])
    def test_literal_changes_nothing(self, ask, typed):
        query = ask(typed, literal=True)
        assert (query.text, query.restored, query.expansions, query.trust) == (typed, None, (), 1.0)
        assert query.parts == tuple(typed.lower().split())

    @settings(max_examples=60)
    @given(st.lists(st.sampled_from([*" ".join(SENTENCES).split(), '"', "-trọ", "duong", "hoà", "LĐLĐ", "8/2023/QĐ"])))
    def test_composed_and_decomposed_are_one(self, ask, words):
        typed = " ".join(words)
        composed, decomposed = (ask(unicodedata.normalize(form, typed)) for form in ("NFC", "NFD"))
        assert replace(decomposed, typed=composed.typed) == composed

    def test_both_places_of_a_tone_are_one(self, ask):
        assert ask("hoà bình").words == ask("hòa bình").words

    def test_full_width_letters_and_soft_hyphens(self, ask):
        assert ask("ｎｈà m\u00adáy").parts == ("nhà", "máy")


class TestAbbreviations:
    @pytest.mark.parametrize("typed", ["BHXH", "bhxh", "Bhxh", "LĐLĐ", "lđlđ", "LDLD", "ldld"])
    def test_to_the_full_form(self, ask, typed):
        full = "bảo hiểm xã hội" if typed[0] in "bB" else "liên đoàn lao động"
        query = ask(typed)
        assert also(query, "abbreviation") == {(typed.lower(), full)}
        assert query.text == full
        assert query.restored is None

    @pytest.mark.parametrize(
        ("typed", "short"),
        [
            ("bảo hiểm xã hội", "bhxh"),
            ("Bảo hiểm xã hội", "bhxh"),
            ("bao hiem xa hoi", "bhxh"),
            ("liên đoàn lao động", "lđlđ"),
        ],
    )
    def test_to_the_short_form(self, ask, typed, short):
        query = ask(typed)
        assert short in {to for _, to in also(query, "abbreviation")}
        assert query.text.lower() in {"bảo hiểm xã hội", "liên đoàn lao động"}  # the encoder needs no letters

    def test_within_a_sentence(self, ask):
        query = ask("BHXH cho công nhân")
        assert query.text == "bảo hiểm xã hội cho công nhân"
        assert {"bhxh", "bảo_hiểm", "xã"} <= {t.token for g in query.words.groups for a in g for t in a}

    def test_the_full_form_takes_the_place_of_the_short_one_in_one_group(self, ask):
        (group,) = ask("BHXH").words.groups
        own, full = group
        assert {term.token for term in own if term.field == "exact"} == {"bhxh"}
        assert {"bảo", "bảo_hiểm"} <= {term.token for term in full if term.field == "exact"}

    @pytest.mark.parametrize(
        ("typed", "reading"), [("CĐ đại hội công nhân", "công đoàn"), ("CĐ tuyển sinh", "cao đẳng")]
    )
    def test_the_other_words_choose_a_reading(self, ask, typed, reading):
        assert {to for was, to in also(ask(typed)) if was == "cđ"} == {reading}

    def test_without_any_hint_all_readings_count(self, ask):
        assert {to for _, to in also(ask("CĐ"))} == {"công đoàn", "cao đẳng"}

    @pytest.mark.parametrize("typed", ["08/2023/QĐ-TTg", "Số 12/NQ-CP", "8/2023/QĐ-LĐLĐ"])
    def test_never_inside_a_code(self, ask, typed):
        query = ask(typed)
        assert query.expansions == ()
        assert query.text == typed

    def test_the_code_is_looked_for_whole(self, ask):
        assert "8/2023/qđ-ttg" in sought(ask("08/2023/QĐ-TTg"))

    def test_editors_own(self, ask):
        assert also(ask("ĐVK")) == also(ask("đvk")) == {("đvk", "đường vào khu")}
        assert also(ask("dvk")) == {("dvk", "đường vào khu")}
        assert also(ask("đường vào khu")) == {("đường vào khu", "đvk")}

    def test_two_letters_are_too_few_to_be_looked_for_instead(self, ask):
        assert also(ask("NM")) == {("nm", "nhà máy")}
        assert also(ask("nhà máy")) == set()

    def test_a_plain_syllable_in_lower_case_is_no_abbreviation(self, ask):
        assert also(ask("ca làm đêm")) == set()
        assert also(ask("CA xưởng")) == {("ca", "công an")}
        assert also(ask("CA LÀM ĐÊM")) <= {("ca", "công an")}

    def test_mined_ones_count_where_they_are_the_usual_reading(self, ask):
        assert also(ask("KTXA")) == {("ktxa", "khu trọ xanh")}
        assert also(ask("XMC")) == set()

    def test_an_unknown_one_is_left_as_it_is(self, ask):
        query = ask("QZW nha may")
        assert query.text == "QZW nhà máy"
        assert "qzw" in sought(query)


class TestRenamed:
    @pytest.mark.parametrize(
        ("typed", "old_or_new"),
        [
            ("Thái Bình", ("thái bình", "hưng yên")),
            ("thái bình", ("thái bình", "hưng yên")),
            ("thai binh", ("thái bình", "hưng yên")),
            ("Hưng Yên", ("hưng yên", "thái bình")),
            ("Bình Dương", ("bình dương", "thành phố hồ chí minh")),
            ("Thành phố Hồ Chí Minh", ("thành phố hồ chí minh", "bình dương")),
            ("hòa bình", ("hòa bình", "phú thọ")),
            ("hoà bình", ("hòa bình", "phú thọ")),
        ],
    )
    def test_both_ways(self, ask, typed, old_or_new):
        assert old_or_new in also(ask(typed), "renamed")

    def test_the_text_for_the_encoder_keeps_the_name(self, ask):
        assert ask("tỉnh Thái Bình").text == "tỉnh Thái Bình"

    @pytest.mark.parametrize("typed", ["biển Thái Bình Dương", "biển thái bình dương"])
    def test_not_inside_a_longer_name(self, ask, typed):
        assert also(ask(typed), "renamed") == set()

    @pytest.mark.parametrize("typed", ["Người Sài Gòn sống hòa bình", "tỉnh Hưng Yên hòa bình"])
    def test_an_everyday_word_among_capitals_is_no_name(self, ask, typed):
        assert "hòa bình" not in {was for was, _ in also(ask(typed), "renamed")}

    def test_among_capitals_the_name_is_one(self, ask):
        assert ("hòa bình", "phú thọ") in also(ask("tỉnh Hòa Bình"), "renamed")


class TestSynonyms:
    def test_equal_ones_stand_for_each_other(self, ask):
        assert also(ask("covid ở nhà máy"), "synonym") == {("covid", "corona")}
        assert also(ask("corona ở nhà máy"), "synonym") == {("corona", "covid")}

    def test_an_arrow_goes_one_way(self, ask):
        assert also(ask("xe ôm"), "synonym") == {("xe ôm", "xe công nghệ")}
        assert also(ask("xe công nghệ"), "synonym") == set()

    def test_they_are_marked_and_weigh_less(self, ask):
        query = ask("xe ôm")
        assert ("xe", "công", "nghệ") in query.wanted.runs
        (own, other), *_ = query.words.groups
        assert max(term.weight for term in other) < max(term.weight for term in own)

    def test_they_follow_the_restored_words(self, ask):
        assert also(ask("xe om"), "synonym") == {("xe ôm", "xe công nghệ")}

    def test_they_are_asked_for_anew_each_time(self, knowledge):
        now = [parse("", "s")]
        understanding = Understanding(knowledge, lambda: now[0])
        assert also(understanding.understand("xe ôm"), "synonym") == set()
        now[0] = SYNONYMS
        assert also(understanding.understand("xe ôm"), "synonym") == {("xe ôm", "xe công nghệ")}


USUAL = [f"{word} {one}" for one in ("nhà xưởng", "xưởng may") for word in "bán mua thuê cho tìm gần sau bên".split()]


class TestLookalikes:
    """An abbreviation in capitals is not the syllable that has its letters."""

    def test_what_it_stands_for_comes_first_and_its_letters_count_little(self, ask):
        query = ask("AI")
        assert ("AI".lower(), "trí tuệ nhân tạo") in also(query)
        ((full, own),) = [group for group in query.words.groups if group[-1][0].token == "ai"]
        assert {term.weight for term in own if term.field == "exact"} == {0.2}
        assert {term.weight for term in full if term.field == "exact"} == {1.0}

    def test_the_syllable_is_no_abbreviation(self, ask):
        assert also(ask("ai hát")) == set()


class TestMisspelt:
    def test_both_are_looked_for_where_one_is_misspelt(self, ask):
        query = ask("bảo hiễm công nhân")
        assert (query.corrected, query.restored, query.did_you_mean) == ("bảo hiểm công nhân", None, None)
        assert query.text == "bảo hiểm công nhân"
        (group,) = [group for group in query.words.groups if len(group) > 1]
        exact = [{term.token for term in part if term.field == "exact"} for part in group]
        assert {"hiểm", "bảo_hiểm"} <= exact[0]
        assert {"hiễm", "bảo_hiễm"} <= exact[1]
        assert {"hiểm", "bảo"} <= query.wanted.exact
        assert also(query) == set()

    def test_in_the_case_that_was_typed(self, ask):
        assert ask("Bảo Hiễm công nhân").corrected in (None, "Bảo Hiểm công nhân")
        assert ask("BẢO HIỄM CÔNG NHÂN").corrected == "BẢO HIỂM CÔNG NHÂN"

    def test_what_stands_in_for_the_word_that_was_meant_is_found(self, ask):
        assert ("bảo hiểm xã hội", "bhxh") in also(ask("bảo hiễm xã hội"))

    @pytest.mark.parametrize("typed", ['"bảo hiễm" công nhân', "bao hiem cong nhan", "BHXH công nhân", "the hiễm of"])
    def test_not_what_is_quoted_bare_abbreviated_or_foreign(self, ask, typed):
        assert ask(typed).corrected is None

    def test_not_letter_by_letter(self, ask):
        query = ask("bảo hiễm công nhân", literal=True)
        assert (query.corrected, query.text) == (None, "bảo hiễm công nhân")
        assert "hiễm" in sought(query)


class TestThesaurus:
    """The sentences have ngõ twelve times, hẻm four times and hóc never; the list is of a few words."""

    @pytest.fixture
    def ask(self, tmp_path, monkeypatch):
        entries = {
            "hẻm": ("hóc", "ngõ"),
            "ngõ": ("hẻm",),
            "đầu hẻm": ("đầu ngõ",),
            "tiền công": ("thù lao",),
            "nhà xưởng": ("xưởng may",),
            "bảo hiểm xã hội": ("an sinh",),
            "tonville": ("đầu ngõ",),
            "xưởng may": ("thù lao",),
            "0 đồng": ("thù lao",),
        }
        shipped = thesaurus._Thesaurus(entries, {})
        monkeypatch.setattr(thesaurus, "_thesaurus", lambda: shipped)
        monkeypatch.setattr(thesaurus, "_lengths", lambda: {term.split()[0]: 4 for term in entries})
        monkeypatch.setattr(thesaurus, "_compounds", lambda: frozenset({"hẻm núi"}))
        writer = LanguageWriter()
        more = ["chợ ngõ ở quê, ngõ sâu, đầu ngõ", "hẻm cụt", "thù lao", *USUAL]
        for sentence in [*SENTENCES, *more] * 4:
            writer.add(stream(sentence))
        writer.write(tmp_path / "tables")
        knowledge = SimpleNamespace(language=Language(tmp_path / "tables"), abbreviations=MINED, names=[])
        return Understanding(knowledge, lambda: SYNONYMS, OWN).understand

    def weights(self, query, first):
        """Return what the exact tokens count for of each way to say the part that begins so."""
        (group,) = [group for group in query.words.groups if group[0][0].token == first and len(group) > 1]
        return [{term.token: term.weight for term in part if term.field == "exact"} for part in group]

    def test_the_archives_word_is_looked_for_where_it_has_the_readers_less(self, ask):
        assert also(ask("hẻm cụt")) == {("hẻm", "ngõ")}  # hóc is not there at all

    def test_the_rarer_word_counts_less(self, ask):
        assert also(ask("ngõ cụt")) == {("ngõ", "hẻm")}
        assert self.weights(ask("ngõ cụt"), "ngõ") == [{"ngõ": 1.0}, {"hẻm": 0.3}]

    def test_one_far_rarer_is_not_looked_for(self, ask):
        assert also(ask("xưởng may")) == set()

    def test_what_was_typed_is_looked_for_and_weighs_more(self, ask):
        assert self.weights(ask("hẻm cụt"), "hẻm") == [{"hẻm": 1.0}, {"ngõ": 0.7}]

    def test_less_where_the_archive_has_both(self, ask):
        own, other = self.weights(ask("nhà xưởng"), "nhà")
        assert set(own.values()) == {1.0}
        assert other == {"xưởng": 0.4, "may": 0.4, "xưởng_may": 0.4}

    @pytest.fixture
    def ask_of_words(self, ask):
        """Return how to ask an archive whose articles have these tokens alone."""
        return lambda typed, *there: ask(typed, has=lambda token: token in there)

    def test_of_a_word_that_no_article_has_the_syllables_count_little(self, ask_of_words):
        query = ask_of_words("nhà xưởng", "xưởng_may")
        own, other = self.weights(query, "nhà")
        assert own == {"nhà": 0.2, "xưởng": 0.2, "nhà_xưởng": 1.0}
        assert other == {"xưởng": 0.7, "may": 0.7, "xưởng_may": 0.7}
        (group,) = query.calibrated_words.groups
        assert {term.weight for term in group[0] if term.field == "exact"} == {1.0}

    def test_where_an_article_has_it_they_count_in_full(self, ask_of_words):
        query = ask_of_words("nhà xưởng", "nhà_xưởng", "xưởng_may")
        assert set(self.weights(query, "nhà")[0].values()) == {1.0}
        assert query.calibrated_words is query.words

    def test_what_no_article_has_does_not_stand_in_for_what_none_has(self, ask_of_words):
        assert also(ask_of_words("nhà xưởng")) == set()

    def test_less_where_it_does_not_mean_the_same(self, ask, monkeypatch):
        monkeypatch.setitem(thesaurus._thesaurus().unsure, ("hẻm", "ngõ"), "related")
        own, other = self.weights(ask("hẻm cụt"), "hẻm")
        assert own == {"hẻm": 1.0}
        assert other == {"ngõ": pytest.approx(0.7 * 0.4)}

    def test_what_a_translation_is_called_as_well_weighs_less(self, ask, monkeypatch):
        monkeypatch.setitem(thesaurus._thesaurus().entries, "đình công", ("xưởng may",))
        monkeypatch.setattr(thesaurus, "_lengths", lambda: {"đình": 2})
        query = ask("when did the strike end")
        assert also(query, "thesaurus") == {("strike", "xưởng may")}
        own, *_, other = self.weights(query, "đình")
        assert own == {"đình": 1.0, "công": 1.0, "đình_công": 1.0}
        assert other == {"xưởng": 0.7, "may": 0.7, "xưởng_may": 0.7}
        assert ("xưởng", "may") in query.wanted.runs

    def test_the_longest_entry_counts(self, ask):
        assert also(ask("đầu hẻm")) == {("đầu hẻm", "đầu ngõ")}

    def test_not_inside_a_longer_word(self, ask):
        assert also(ask("hẻm núi")) == set()

    def test_the_editors_own_come_first(self, ask):
        assert also(ask("tiền công")) == {("tiền công", "lương")}

    def test_an_abbreviation_comes_first(self, ask):
        assert also(ask("bảo hiểm xã hội")) == {("bảo hiểm xã hội", "bhxh")}

    def test_without_diacritics_too(self, ask):
        assert also(ask("hem cut")) == {("hẻm", "ngõ")}

    def test_up_to_twelve_syllables(self, ask):
        sentence = "công nhân trên đường về nhà máy mua hẻm ở xưởng may"
        assert len(stream(sentence)) == 12
        assert also(ask(sentence), "thesaurus") == {("hẻm", "ngõ")}
        assert also(ask(f"{sentence} cũ"), "thesaurus") == set()

    def test_what_is_in_the_query_itself_is_not_added(self, ask):
        assert also(ask("hẻm và ngõ")) == set()

    @pytest.mark.parametrize("typed", ["Bùi Hẻm", "ông Hẻm", "Hẻm Bùi", "Đầu Hẻm Bùi"])
    def test_a_name_is_no_word(self, ask, typed):
        assert also(ask(typed)) == set()

    @pytest.mark.parametrize("typed", ["Hẻm", "Hẻm cụt", "HẺM CỤT", "hẻm Bùi"])
    def test_a_capital_alone_makes_no_name(self, ask, typed):
        assert also(ask(typed)) == {("hẻm", "ngõ")}

    @pytest.mark.parametrize("typed", ["giá 35,0 đồng", "giá 10.0 đồng"])
    def test_nothing_begins_within_a_number(self, ask, typed):
        assert also(ask(typed)) == set()
        assert also(ask("giá 0 đồng")) == {("0 đồng", "thù lao")}

    def test_what_is_excluded_is_not_added(self, ask):
        assert also(ask("hẻm -ngõ")) == set()
        assert also(ask("hẻm -cụt")) == {("hẻm", "ngõ")}

    def test_what_is_quoted_is_left_as_it_is(self, ask):
        assert also(ask('"hẻm cụt"')) == set()
        assert also(ask('đầu hẻm "quê hẻm"')) == {("đầu hẻm", "đầu ngõ")}

    def test_letter_by_letter_nothing_is_added(self, ask):
        assert ask("hẻm cụt", literal=True).expansions == ()

    def test_a_foreign_word_without_a_translation(self, ask):
        assert ask("Tonville").foreign
        assert also(ask("Tonville")) == {("tonville", "đầu ngõ")}

    def test_not_in_another_language(self, ask):
        query = ask("how did zorblers in Tonville strike in 2023")
        assert query.foreign
        assert also(query, "thesaurus") == set()
        assert also(ask("chợ Tonville"), "thesaurus") == {("tonville", "đầu ngõ")}

    def test_they_are_marked_in_a_hit(self, ask):
        assert ("ngõ",) in ask("hẻm cụt").wanted.runs


class TestOtherLanguages:
    def test_of_a_sentence_names_and_numbers_are_looked_for_and_what_words_are_in_vietnamese(self, ask):
        query = ask("how did zorblers in Tonville strike in 2023")
        assert {"tonville", "2023", "đình_công"} <= sought(query)
        assert "zorblers" not in sought(query)
        assert query.trust == pytest.approx(0.4 * 3 / 4)
        assert query.text == query.typed
        assert query.gloss == "zorblers Tonville đình công 2023"

    def test_one_rendering_of_each_word_is_enough(self, ask):
        (group,) = [group for group in ask("when did the strike end").words.groups if "đình" in str(group)]
        assert [terms[-1].token for terms in group] == ["đình_công", "tấn_công", "không_kích", "bãi_công", "strike"]

    def test_renderings_are_told_and_marked(self, ask):
        query = ask("strikes of the trade unions")
        assert {("strikes", "đình công"), ("strikes", "bãi công"), ("trade unions", "công đoàn")} <= also(
            query, "translation"
        )
        assert ("bãi", "công") in query.wanted.runs
        assert query.wanted.exact == {"strikes", "trade", "unions"}
        assert not query.wanted.folded

    def test_a_word_of_a_list_counts_once(self, ask):
        query = ask("lung cancer patients")
        assert [terms for group in query.words.groups for terms in group if "'patients'" in str(terms)] == [
            (Term("exact", "patients"), Term("title", "patients", 0.3))
        ]

    def test_a_name_is_looked_for_as_it_is_too(self, ask):
        query = ask("what did Bill Gates say in Long An")
        assert "bill_gates" in sought(query)
        assert query.gloss == "Bill Gates nói Long An"
        assert not {typed for typed, _ in also(query, "translation")} & {"bill", "long"}

    def test_a_name_counts_once_too(self, ask):
        terms = [term for group in ask("what did Bill say").words.groups for terms in group for term in terms]
        assert terms.count(Term("exact", "bill")) == 1

    def test_letters_and_acronyms_of_a_list(self, ask):
        assert {"vitamin", "d"} <= sought(ask("vitamin d deficiency symptoms"))
        assert "samsung" in sought(ask("samsung galaxy s"))

    def test_renderings_are_told_as_they_are_written(self, ask):
        assert also(ask("the US strikes in New York"), "translation") >= {("us", "Mỹ"), ("us", "Hoa Kỳ")}
        assert not {typed for typed, _ in also(ask("strikes in New York"), "translation")} & {"new york"}

    def test_a_renamed_place_counts_as_known(self, ask):
        assert ask("strikes in Long An").trust == pytest.approx(0.4)

    @pytest.mark.parametrize("typed", ["U.S. election", "U.S election", "US election"])
    def test_dots_of_the_us(self, ask, typed):
        assert ask(typed).gloss == "Mỹ bầu cử"

    @pytest.mark.parametrize(
        ("typed", "gloss"),
        [("lung cancer", "ung thư phổi"), ("Minimum wage", "lương tối thiểu"), ("trade unions", "công đoàn")],
    )
    def test_a_term_is_english_though_one_of_its_words_could_be_vietnamese(self, ask, typed, gloss):
        assert ask(typed).gloss == gloss

    @pytest.mark.parametrize("typed", ["ban hang online", "lung cancel", "ung thu cancer", "long an", "bao an ninh"])
    def test_other_words_are_not(self, ask, typed):
        assert ask(typed).gloss is None

    def test_letter_by_letter_nothing_is_translated(self, understanding):
        query = understanding.understand("strikes of the trade unions", literal=True)
        assert (query.expansions, query.gloss) == ((), None)

    @pytest.mark.parametrize("typed", ["công nhân samsung", "dinh cong o nha may", "UBND"])
    def test_nothing_of_a_vietnamese_query_is_translated(self, ask, typed):
        query = ask(typed)
        assert query.gloss is None
        assert also(query, "translation") == set()

    @pytest.mark.parametrize("typed", ["covid", "samsung", "Pouyuen"])
    def test_a_lone_foreign_word_is_a_name(self, ask, typed):
        query = ask(typed)
        assert typed.lower() in sought(query)
        assert query.trust > 0

    def test_a_foreign_name_among_vietnamese_words(self, ask):
        query = ask("công nhân samsung")
        assert "samsung" in sought(query)
        assert query.trust == 1.0


class TestTerms:
    def test_short_queries_look_at_titles_more(self, ask):
        for typed, fields in (
            ("nhà máy", {"exact", "folded", "title"}),
            ("đường về nhà máy bị ngập", {"exact", "folded"}),
        ):
            assert {t.field for group in ask(typed).words.groups for terms in group for t in terms} == fields
        assert (ask("một hai ba bốn năm").short, ask("một hai ba bốn năm sáu").short) == (True, False)

    def test_a_word_typed_twice_is_looked_for_once(self, ask):
        once = [term for g in ask("đường đường").words.groups for term in g[0] if term.token == "đường"]
        assert len(once) == len({term.field for term in once})

    def test_words_without_alternatives_add_up_in_one_group(self, ask):
        ((alone,),) = ask("đường về nhà máy").words.groups
        assert {"đường", "về", "nhà_máy"} <= {term.token for term in alone}
        *_, (rest,) = ask("BHXH cho công nhân").words.groups
        assert "bhxh" not in {term.token for term in rest}
        assert {"cho", "công_nhân"} <= {term.token for term in rest}

    def test_an_abbreviation_or_name_typed_twice_counts_once(self, ask):
        assert ask("BHXH. BHXH").words.groups == ask("BHXH").words.groups

    def test_folded_forms_weigh_less(self, ask):
        weights = {t.field: t.weight for g in ask("đường").words.groups for t in g[0]}
        assert weights["folded"] < weights["exact"] == 1.0

    def test_what_is_marked(self, ask):
        wanted = ask("tro ngập").wanted
        assert wanted.exact == {"trọ", "ngập"}
        assert wanted.folded == set()  # tro was read as trọ, ngập was typed with its marks


def test_editors_renamings_count_both_ways(knowledge):
    renamings = [Renaming("Khu Trọ", "Nhà Máy", date(2025, 7, 1), "place")]
    understanding = Understanding(knowledge, renamings=renamings)
    for typed, also in (("Khu Trọ", "nhà máy"), ("Nhà Máy", "khu trọ")):
        assert also in [found.also for found in understanding.understand(typed).expansions]
