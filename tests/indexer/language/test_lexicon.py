"""The shipped lexicon: what its files say, that they are tidy, and how an editor's own file is read."""

import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import SourceError
from indexer.language import lexicon
from indexer.language.lexicon import Abbreviation, Concept, Renaming, Rendering, _pairs
from indexer.text.syllables import folded, spaced, stream, syllables
from service.query import thesaurus

FILES = Path(lexicon.__file__).parent
MERGERS = date(2025, 7, 1)

# The 34 units of 1 July 2025, each with the provinces of the day before that went into it; written apart from the data.
UNITS = {
    **{name: (name,) for name in ("Hà Nội", "Huế", "Lai Châu", "Điện Biên", "Sơn La", "Lạng Sơn", "Quảng Ninh")},
    **{name: (name,) for name in ("Thanh Hóa", "Nghệ An", "Hà Tĩnh", "Cao Bằng")},
    "Tuyên Quang": ("Tuyên Quang", "Hà Giang"),
    "Lào Cai": ("Lào Cai", "Yên Bái"),
    "Thái Nguyên": ("Thái Nguyên", "Bắc Kạn"),
    "Phú Thọ": ("Phú Thọ", "Vĩnh Phúc", "Hòa Bình"),
    "Bắc Ninh": ("Bắc Ninh", "Bắc Giang"),
    "Hưng Yên": ("Hưng Yên", "Thái Bình"),
    "Hải Phòng": ("Hải Phòng", "Hải Dương"),
    "Ninh Bình": ("Ninh Bình", "Hà Nam", "Nam Định"),
    "Quảng Trị": ("Quảng Trị", "Quảng Bình"),
    "Đà Nẵng": ("Đà Nẵng", "Quảng Nam"),
    "Quảng Ngãi": ("Quảng Ngãi", "Kon Tum"),
    "Gia Lai": ("Gia Lai", "Bình Định"),
    "Khánh Hòa": ("Khánh Hòa", "Ninh Thuận"),
    "Lâm Đồng": ("Lâm Đồng", "Bình Thuận", "Đắk Nông"),
    "Đắk Lắk": ("Đắk Lắk", "Phú Yên"),
    "Thành phố Hồ Chí Minh": ("Thành phố Hồ Chí Minh", "Bình Dương", "Bà Rịa - Vũng Tàu"),
    "Đồng Nai": ("Đồng Nai", "Bình Phước"),
    "Tây Ninh": ("Tây Ninh", "Long An"),
    "Cần Thơ": ("Cần Thơ", "Sóc Trăng", "Hậu Giang"),
    "Vĩnh Long": ("Vĩnh Long", "Bến Tre", "Trà Vinh"),
    "Đồng Tháp": ("Đồng Tháp", "Tiền Giang"),
    "Cà Mau": ("Cà Mau", "Bạc Liêu"),
    "An Giang": ("An Giang", "Kiên Giang"),
}


def initials(full):
    return "".join(folded(syllable)[0] for syllable in full.split())


def letters(abbreviation):
    return "".join(c for c in folded(abbreviation) if c.isalnum())


def written(directory, *lines):
    path = directory / "own.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class TestShippedFiles:
    @pytest.mark.parametrize(
        "name",
        [
            "abbreviations.tsv",
            "places.tsv",
            "bodies.tsv",
            "words.txt",
            "english.tsv",
            "english_forms.tsv",
            "synonyms.tsv",
            "public_life.tsv",
        ],
    )
    def test_they_are_composed_and_tidy(self, name):
        text = (FILES / name).read_text(encoding="utf-8")
        assert unicodedata.is_normalized("NFC", text)
        assert text.endswith("\n")
        assert [line for line in text.splitlines() if line != line.strip() or "  " in line] == []

    def test_nothing_is_wrong_with_them(self):
        assert lexicon.read_abbreviations().problems == ()
        assert lexicon.read_renamings(FILES / "places.tsv", "place").problems == ()
        assert lexicon.read_renamings(FILES / "bodies.tsv", "body").problems == ()


class TestAbbreviations:
    @pytest.mark.parametrize(
        ("abbreviation", "full"),
        [
            ("LĐLĐ", {"liên đoàn lao động"}),
            ("TLĐLĐVN", {"tổng liên đoàn lao động việt nam"}),
            ("CNVCLĐ", {"công nhân viên chức lao động"}),
            ("CĐ", {"công đoàn", "cao đẳng"}),
            ("CN", {"công nhân", "chi nhánh", "chủ nhật", "công nghệ"}),
            ("GD&ĐT", {"giáo dục và đào tạo"}),
            ("TNLĐ", {"tai nạn lao động"}),
        ],
    )
    def test_what_unions_write(self, abbreviation, full):
        assert {row.full for row in lexicon.abbreviations() if row.abbreviation == abbreviation} == full

    def test_a_full_form_is_spelt_as_syllables_are(self):
        lines = (FILES / "abbreviations.tsv").read_text(encoding="utf-8").splitlines()[1:]
        assert [line for line in lines if spaced(line.split("\t")[1]) != line.split("\t")[1]] == []

    def test_the_letters_are_the_initials_of_nearly_all(self):
        rows = lexicon.abbreviations()
        fit = [
            row
            for row in rows
            if letters(row.abbreviation) in (initials(row.full), initials(row.full.replace(" và ", " ")))
        ]
        assert len(rows) >= 250
        assert len(fit) / len(rows) >= 0.9

    def test_where_there_are_several_readings_each_has_a_context_of_its_own(self):
        rows = lexicon.abbreviations()
        counted = Counter(row.abbreviation for row in rows)
        several = [row for row in rows if counted[row.abbreviation] > 1]
        assert [row for row in several if not row.context] == []
        shared = Counter((row.abbreviation, term) for row in several for term in set(row.context))
        assert [pair for pair, times in shared.items() if times > 1] == []


class TestRenamings:
    def test_the_units_written_here_are_63_and_34(self):
        former = [name for parts in UNITS.values() for name in parts]
        assert len(UNITS) == 34
        assert len(former) == len(set(former)) == 63
        assert sum(len(parts) == 1 for parts in UNITS.values()) == 11

    def test_each_former_province_went_into_its_unit(self):
        merged = [row for row in lexicon.renamings() if row.kind == "place" and row.since == MERGERS]
        assert len(merged) == 29
        assert sorted((row.old, row.new) for row in merged) == sorted(
            (part, unit) for unit, parts in UNITS.items() for part in parts if part != unit
        )

    def test_older_changes_lead_to_a_unit_of_today_or_to_one_that_changed_since(self):
        places = [row for row in lexicon.renamings() if row.kind == "place"]
        known = {*UNITS, *(row.old for row in places), "Thành phố Thủ Đức"}
        assert [row for row in places if row.new not in known] == []
        assert Renaming("Hà Tây", "Hà Nội", date(2008, 8, 1), "place") in places

    def test_no_chain_of_renamings_comes_back(self):
        newer = {}
        for row in lexicon.renamings():
            newer.setdefault(row.old, []).append(row)
        for row in lexicon.renamings():
            assert [later for later in newer.get(row.new, []) if later.since < row.since] == []

    def test_ministries_of_2025(self):
        became = {row.old: row.new for row in lexicon.renamings() if row.since == date(2025, 3, 1)}
        assert became["Bộ Lao động - Thương binh và Xã hội"] == "Bộ Nội vụ"
        assert became["Bộ Giao thông vận tải"] == "Bộ Xây dựng"
        assert became["Sở Kế hoạch và Đầu tư"] == "Sở Tài chính"

    def test_names_have_their_tone_on_the_first_vowel(self):
        names = {name for row in lexicon.renamings() for name in (row.old, row.new)}
        bare = {name: " ".join(name.replace("-", " ").replace(",", " ").lower().split()) for name in names}
        assert [name for name in names if spaced(name) != bare[name]] == []


class TestPhrases:
    def test_there_are_thousands_each_once(self):
        phrases = lexicon.phrases()
        assert len(phrases) >= 5000
        assert [phrase for phrase, times in Counter(phrases).items() if times > 1] == []

    def test_each_is_two_to_six_syllables_spelt_as_syllables_are(self):
        phrases = lexicon.phrases()
        assert [phrase for phrase in phrases if spaced(phrase) != phrase] == []
        assert [phrase for phrase in phrases if not 1 <= phrase.count(" ") <= 5] == []

    @pytest.mark.parametrize("phrase", ["công đoàn", "tai nạn lao động", "trên địa bàn", "nguyễn văn", "hà nội"])
    def test_what_a_newspaper_cannot_do_without(self, phrase):
        assert phrase in lexicon.phrases()


class TestThesaurus:
    def test_every_term_is_there_once_and_never_its_own_synonym(self):
        entries = lexicon.synonyms()
        assert len({entry.term for entry in entries}) == len(entries) > 10_000
        for term, also in entries:
            assert also, term
            assert len({term, *also}) == 1 + len(also), term

    def test_all_are_up_to_five_syllables_spelt_as_syllables_are(self):
        for term, also in lexicon.synonyms():
            for run in (term, *also):
                assert spaced(run) == run, term
                assert run.count(" ") < 5, term

    def test_none_holds_the_term_itself(self):
        """Whoever has the longer one has the term, and is found by it."""
        assert [term for term, also in lexicon.synonyms() if any(f" {term} " in f" {run} " for run in also)] == []

    def test_every_term_is_found_as_a_whole(self):
        terms = [entry.term for entry in lexicon.synonyms()]
        assert [term for term in terms if thesaurus.find(term.split(" "))[0][:2] != (0, term.count(" ") + 1)] == []

    @pytest.mark.parametrize(
        ("northern", "southern"), [("lợn", "heo"), ("ngõ", "hẻm"), ("xe máy", "xe gắn máy"), ("ô tô", "xe hơi")]
    )
    def test_both_halves_of_the_country_find_each_other(self, northern, southern):
        also = dict(lexicon.synonyms())
        assert southern in also[northern]
        assert northern in also[southern]


class TestPublicLife:
    def test_there_are_enough_of_every_subject(self):
        concepts = lexicon.public_life()
        assert len(concepts) >= 2_500
        counts = Counter(concept.subject for concept in concepts)
        assert set(counts) == set(lexicon.SUBJECTS)
        assert min(counts.values()) >= 100

    def test_terms_are_up_to_five_syllables_spelt_as_syllables_are_each_once(self):
        for concept in lexicon.public_life():
            terms = [*concept.same, *concept.narrower, *concept.related]
            assert concept.same, concept
            assert len(set(terms)) == len(terms) > 1, concept
            assert [term for term in terms if spaced(term) != term or term.count(" ") > 4] == []

    def test_a_term_is_the_name_of_one_concept_only(self):
        named = Counter(term for concept in lexicon.public_life() for term in concept.same)
        assert [term for term, times in named.items() if times > 1] == []

    def test_english_is_written_as_readers_type_it(self):
        for concept in lexicon.public_life():
            assert all(term.isascii() and term == term.strip() for term in concept.english), concept
            assert len(set(concept.english)) == len(concept.english), concept

    def test_a_row_of_each_grade(self, monkeypatch):
        concept = Concept("labour", ("lan man", "lũng vài"), ("lan man nhỏ", "vài"), ("gốm",), ("zorble",))
        monkeypatch.setattr(lexicon, "public_life", lambda: [concept])
        also, unsure = dict(lexicon.synonyms()), lexicon.unsure()
        assert also["lan man"] == ("lũng vài", "vài", "gốm")  # the longer one holds it and is found by it
        assert also["lũng vài"] == ("lan man", "lan man nhỏ", "vài", "gốm")
        assert also["lan man nhỏ"] == ("lan man", "lũng vài")
        assert "vài" not in also  # a single syllable means too much
        assert "gốm" not in also  # what is told along with it does not lead back
        assert ("lan man", "lũng vài") not in unsure
        assert unsure["lan man", "vài"] == unsure["lan man nhỏ", "lũng vài"] == "kind"
        assert unsure["lũng vài", "gốm"] == "related"
        assert Rendering("zorble", ("lan man", "lũng vài")) in lexicon.english()

    def test_what_the_list_of_synonyms_says_is_sure(self):
        unsure = lexicon.unsure()
        listed = [(term, other) for term, also in _pairs("synonyms.tsv") for other in also.split("|")]
        assert [pair for pair in listed if pair in unsure] == []

    @pytest.mark.parametrize(
        ("typed", "written"),
        [
            ("đình công", "ngừng việc"),
            ("hỏa hoạn", "cháy"),
            ("tín dụng đen", "vay nặng lãi"),
            ("sa thải", "cho nghỉ"),
            ("trầm cảm", "sau sinh"),
            ("lũ lụt", "nước lên"),
            ("nợ lương", "chưa được trả công"),
            ("ngộ độc", "nhiễm khuẩn thực phẩm"),
            ("lừa đảo", "giả mạo"),
            ("nông dân", "bà con"),
        ],
    )
    def test_readers_words_lead_to_newspapers(self, typed, written):
        assert written in dict(lexicon.synonyms())[typed]

    @pytest.mark.parametrize("english", ["strike", "layoffs", "flood", "unpaid wages"])
    def test_english_readers_words(self, english):
        assert any(english in concept.english for concept in lexicon.public_life())


class TestGlossary:
    def test_every_entry_has_renderings_each_once(self):
        entries = lexicon.english()
        assert len(entries) > 5_000
        assert len({" ".join(filter(None, stream(entry.english))) for entry in entries}) == len(entries)
        for english, vietnamese in entries:
            assert vietnamese, english
            assert all(map(syllables, vietnamese)), english
            assert len(set(map(spaced, vietnamese))) == len(vietnamese), english
            name = english[0].isupper()  # one that is the same keeps its words from being taken one by one
            assert name or any(spaced(one) != english.lower() for one in vietnamese), english

    @pytest.mark.parametrize(
        ("english", "vietnamese"),
        [
            ("insurance", "bảo hiểm"),
            ("trade union", "công đoàn"),
            ("prime minister", "thủ tướng"),
            ("flood", "lũ lụt"),
            ("Germany", "Đức"),
            ("Hanoi", "Hà Nội"),
            ("people's committee", "ủy ban nhân dân"),
        ],
    )
    def test_the_usual_rendering_comes_first(self, english, vietnamese):
        (found,) = [entry.vietnamese for entry in lexicon.english() if entry.english == english]
        assert found[0] == vietnamese

    def test_irregular_forms_lead_to_entries(self):
        entries = {entry.english for entry in lexicon.english()}
        forms = lexicon.english_forms()
        assert (forms["women"], forms["went"]) == ("woman", "go")
        assert [base for base in forms.values() if base not in entries] == []


class TestReadingAnEditorsFile:
    def test_context_is_optional_and_spelling_is_made_ours(self, tmp_path):
        path = written(
            tmp_path, "abbreviation\tfull form\tcontext", "TBX\tTổ Bảo vệ Xưởng", 'KH\t"Khoẻ, hoà"\t"Thuỷ, chợ  Mới,"'
        )
        assert lexicon.abbreviations(path) == [
            Abbreviation("TBX", "tổ bảo vệ xưởng"),
            Abbreviation("KH", "khỏe hòa", ("thủy", "chợ mới")),
        ]

    def test_two_columns_comments_blank_lines_and_what_spreadsheets_leave(self, tmp_path):
        path = tmp_path / "own.tsv"
        path.write_bytes("\ufeffAbbreviation\tFull form\t\r\n\r\n# ours\r\nTBX\ttổ bảo vệ xưởng\t\t\r\n".encode())
        assert lexicon.abbreviations(path) == [Abbreviation("TBX", "tổ bảo vệ xưởng")]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("TBX", "own.tsv:3: full form: '': expected two syllables or more"),
            ("TBX\ttổ", "own.tsv:3: full form: 'tổ': expected two syllables or more"),
            ("tbx\ttổ bảo vệ", "own.tsv:3: abbreviation: 'tbx': expected 2 to 20 characters without a blank, one a c"),
            (
                "T X\ttổ xe",
                "own.tsv:3: abbreviation: 'T X': expected 2 to 20 characters without a blank, one a capital",
            ),
            ("\ttổ xe", "own.tsv:3: abbreviation: '': expected 2 to 20 characters without a blank, one a capital"),
            ("TX\ttổ xe\ta\tb", "own.tsv:3: fields: 4: expected the columns abbreviation, full form, context, a tab"),
            ("TC\tTổ Cắt", "own.tsv:3: row: 'TC\\tTổ Cắt': expected once, it is line 2 again"),
        ],
    )
    def test_a_wrong_line_is_named_and_the_others_load(self, tmp_path, line, problem):
        path = written(tmp_path, "abbreviation\tfull form\tcontext", "TC\ttổ cắt", line, "TM\ttổ may")
        read = lexicon.read_abbreviations(path)
        assert read.rows == (Abbreviation("TC", "tổ cắt"), Abbreviation("TM", "tổ may"))
        assert len(read.problems) == 1
        assert read.problems[0].startswith(problem)
        with pytest.raises(SourceError, match=r"own\.tsv:3: "):
            lexicon.abbreviations(path)

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("\tB\t2025-01-01", "own.tsv:2: old name: '': expected a name"),
            ("A\t-\t2025-01-01", "own.tsv:2: new name: '-': expected a name"),
            ("Hoà\tHòa\t2025-01-01", "own.tsv:2: new name: 'Hòa': expected another than the old name"),
            ("A\tB\t01/07/2025", "own.tsv:2: date: '01/07/2025': expected a day as YYYY-MM-DD"),
            ("A\tB\t2025-02-30", "own.tsv:2: date: '2025-02-30': expected a day as YYYY-MM-DD"),
            ("A\tB", "own.tsv:2: date: '': expected a day as YYYY-MM-DD"),
        ],
    )
    def test_a_wrong_renaming_is_named(self, tmp_path, line, problem):
        path = written(tmp_path, "old name\tnew name\tdate", line, "Xóm Cũ\tXóm Mới\t2024-02-29")
        read = lexicon.read_renamings(path, "place")
        assert read.problems == (problem,)
        assert read.rows == (Renaming("Xóm Cũ", "Xóm Mới", date(2024, 2, 29), "place"),)

    @pytest.mark.parametrize("content", ["", "\n# nothing\n", "TC\ttổ cắt\n", "old name\tnew name\tdate\n"])
    def test_a_file_without_its_header_gives_nothing(self, tmp_path, content):
        path = written(tmp_path, content)
        read = lexicon.read_abbreviations(path)
        assert read.rows == ()
        assert len(read.problems) == 1
        assert "header: " in read.problems[0]
        assert "expected the columns abbreviation, full form, context" in read.problems[0]

    def test_a_file_that_cannot_be_read(self, tmp_path):
        with pytest.raises(SourceError, match=r"gone\.tsv"):
            lexicon.read_abbreviations(tmp_path / "gone.tsv")
        (tmp_path / "old.tsv").write_bytes("abbreviation\tfull form\nTC\ttổ cắt\n".encode("utf-16"))
        with pytest.raises(SourceError, match=r"old\.tsv.*UTF-8"):
            lexicon.read_abbreviations(tmp_path / "old.tsv")

    @given(content=st.text(st.one_of(st.sampled_from('\t\n\r"#,AĐtổ -'), st.characters(exclude_categories=("Cs",)))))
    def test_whatever_it_holds_each_line_is_a_row_or_a_problem_or_does_not_count(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("any") / "own.tsv"
        path.write_bytes(f"abbreviation\tfull form\n{content}".encode())
        lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        counting = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        read = lexicon.read_abbreviations(path)
        assert len(read.rows) + len(read.problems) == len(counting)
