"""Words in several languages: the catalogues are whole and fit the code, and each word is used."""

import io
import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

import service
from service.wording import catalogue
from service.wording.block import BlockWords
from service.wording.catalogue import LANGUAGES, SOURCE, Plural, Words, messages, path
from service.wording.comparison import ComparisonWords
from service.wording.docs import DocsWords
from service.wording.drafts import DraftWords
from service.wording.judging import JudgingWords
from service.wording.map import MapWords
from service.wording.newsroom import NewsroomWords, Tab
from service.wording.operations import OperationsWords
from service.wording.query import QueryWords
from service.wording.sign_on import SignOnWords
from service.wording.strings import Strings
from service.wording.vocabulary import VocabularyWords
from tests.catalogues import comments, kinds, template, updated

ROOT = Path(service.__file__).parent
TRANSLATED = sorted({*LANGUAGES} - {SOURCE})
PYTHON = ["reader/search_page.py", "comparison/comparison_page.py"]
USES = {
    BlockWords: (r"w|words", ["templates/block*.html", "templates/articles.html", "newsroom/*.py", "pages/editing.py"]),
    ComparisonWords: (r"c?w|words", ["templates/compare*.html", "comparison/comparison_page.py"]),
    DocsWords: (r"w", ["templates/docs.html"]),
    DraftWords: (r"w", ["templates/draft.html", "pages/editing.py"]),
    JudgingWords: (r"w", ["templates/judge.html", "templates/judgements.html"]),
    MapWords: (r"w", ["templates/map.html", "templates/findings.html"]),
    NewsroomWords: (r"menu|self", ["templates/newsroom*.html", "wording/newsroom.py"]),
    OperationsWords: (
        r"w|words|self",
        ["templates/operations.html", "templates/rollback.html", "wording/operations.py"],
    ),
    QueryWords: (r"w", ["templates/query.html"]),
    SignOnWords: (r"w|said", ["templates/sign_in.html", "pages/shared.py"]),
    Strings: (r"t|self\.words|words|self|_language", ["templates/*.html", "pages/*.py", "wording/strings.py", *PYTHON]),
    VocabularyWords: (r"w", ["templates/synonyms.html"]),
}
"""Of each page's words: what they are called where they are used, and where that is."""
BY_NAME = {
    BlockWords: {"came", "came_change", "left", "left_change"},  # `block_parts.html` puts the names together
    VocabularyWords: {"learnt", "shipped"},  # a macro's parameter
}


class Greetings(Words):
    """Words for these tests.

    :ivar hello: Said to
        one person.
    """

    hello = "xin chào {name}"
    unsure = "có lẽ"
    lacking = "chưa dịch"
    copies = Plural(("{number} bản",))
    days = {"": ("hôm nay", "hôm qua"), "late": ("hôm kia",)}
    tab = Tab("Tên", "Việc")
    _hidden = "riêng"

    def greeting(self, name):
        return self.hello.format(name=name)


POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgctxt "test_catalogue.hello"
msgid "xin chào {name}"
msgstr "witaj, {name}"

#, fuzzy
msgctxt "test_catalogue.unsure"
msgid "có lẽ"
msgstr "być może"

msgctxt "test_catalogue.lacking"
msgid "chưa dịch"
msgstr ""

msgctxt "test_catalogue.copies"
msgid "{number} bản"
msgid_plural "{number} bản"
msgstr[0] "{number} kopia"
msgstr[1] "{number} kopie"
msgstr[2] "{number} kopii"

msgctxt "test_catalogue.days..1"
msgid "hôm qua"
msgstr "wczoraj"

msgctxt "test_catalogue.tab.purpose"
msgid "Việc"
msgstr "Zadanie"

msgctxt "another.hello"
msgid "xin chào {name}"
msgstr "cześć, {name}"
"""


class TestWords:
    @pytest.fixture
    def polish(self, tmp_path, monkeypatch):
        file = tmp_path / "pl.po"
        file.write_text(POLISH, encoding="utf-8")
        monkeypatch.setattr(catalogue, "path", lambda code: {"pl": file}[code])
        return Greetings.in_language("pl")

    def test_the_source_is_what_stands_in_the_code(self):
        words = Greetings.in_language("vi")
        assert (words.code, words.hello, words.greeting("Mai")) == ("vi", "xin chào {name}", "xin chào Mai")
        assert words is Greetings.in_language("vi")

    def test_a_text_is_translated_by_its_key(self, polish):
        assert (polish.code, polish.greeting("Mai")) == ("pl", "witaj, Mai")
        assert Greetings.in_language("vi").hello == "xin chào {name}"

    def test_what_is_not_translated_or_fuzzy_stays_vietnamese(self, polish):
        assert (polish.unsure, polish.lacking) == ("có lẽ", "chưa dịch")

    def test_parts_are_translated_within_what_holds_them(self, polish):
        assert polish.days == {"": ("hôm nay", "wczoraj"), "late": ("hôm kia",)}
        assert polish.tab == Tab("Tên", "Zadanie")

    def test_a_number_takes_the_form_of_its_language(self, polish):
        assert [polish.copies.form(number).split()[1] for number in (1, 2, 5, 12, 22)] == [
            *("kopia", "kopie", "kopii", "kopii", "kopie")
        ]
        assert {Greetings.in_language("vi").copies.form(number) for number in range(30)} == {"{number} bản"}

    def test_numbers_have_the_decimal_symbol_of_the_language(self, polish):
        assert Greetings.in_language("vi").decimal_symbol == polish.decimal_symbol == ","

    def test_messages_are_by_key(self):
        assert list(messages(Greetings)) == [
            *(f"test_catalogue.{name}" for name in ("hello", "unsure", "lacking", "copies")),
            *(f"test_catalogue.days.{place}" for place in (".0", ".1", "late.0")),
            *("test_catalogue.tab.name", "test_catalogue.tab.purpose"),
        ]

    def test_translators_are_told_what_the_docstring_says(self):
        assert comments(Greetings) == {"hello": "Said to one person."}
        assert [each.auto_comments for each in template() if each.context == "sign_on.roles.editor"] != [[]]


def forms(text):
    """Return all forms of a text, of a class or of a catalogue."""
    return [text] if isinstance(text, str) else [*(text.forms if isinstance(text, Plural) else text)]


def shape(text):
    """Return the {names} in a text, and the blanks around it."""
    names = sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)
    return names, text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def read(code):
    with path(code).open("rb") as file:
        return read_po(file, locale=code)


def told(catalog):
    return [
        (each.context, each.id, each.string, " ".join(each.auto_comments), each.flags) for each in catalog if each.id
    ]


@pytest.mark.parametrize("code", TRANSLATED)
class TestCatalogues:
    def test_it_has_every_message_of_the_code_and_no_other(self, code):
        held = read(code)
        assert {(each.context, each.id) for each in held if each.id} == {
            (each.context, each.id) for each in template() if each.id
        }, "run `make words`"
        assert [each.context for each in held.obsolete.values()] == []

    def test_every_message_is_translated(self, code):
        held = read(code)
        assert [each.context for each in held if each.id and (each.fuzzy or not all(forms(each.string)))] == []
        assert {len(each.string) for each in held if each.pluralizable} == {held.num_plurals}

    def test_translations_have_the_same_names_in_them_and_blanks_around(self, code):
        for each in read(code):
            expected = shape(forms(each.id)[0])
            assert [shape(form) for form in forms(each.string) if each.id and shape(form) != expected] == [], (
                each.context
            )

    def test_plurals_follow_the_rule_of_the_language(self, code):
        assert read(code).plural_forms == Catalog(code).plural_forms

    def test_bringing_it_up_to_date_changes_nothing(self, code):
        written = io.BytesIO()
        write_po(written, updated(code))
        assert told(read_po(io.BytesIO(written.getvalue()), locale=code)) == told(read(code)), "run `make words`"


class TestUse:
    def test_every_kind_of_words_is_looked_for(self):
        assert set(USES) == set(kinds())

    @pytest.mark.parametrize("kind", USES, ids=lambda kind: kind.__name__)
    def test_every_word_is_used_and_no_other(self, kind):
        called, places = USES[kind]
        files = [file for place in places for file in sorted(ROOT.glob(place))]
        texts = {file: file.read_text(encoding="utf-8") for file in files}
        used = {name for text in texts.values() for name in re.findall(rf"\b(?:{called})\.([a-z]\w*)", text)}
        words = {key.split(".")[1] for key in messages(kind)} - {"tabs"}
        assert words - used - BY_NAME.get(kind, set()) == set()
        in_templates = {
            name
            for file, text in texts.items()
            if file.suffix == ".html"
            for name in re.findall(rf"\b(?:{called.partition('|')[0]})\.([a-z]\w*)", text)
        }
        assert [name for name in sorted(in_templates) if not hasattr(kind.in_language("vi"), name)] == []

    def test_what_is_read_out_of_drafts_is_read_by_a_script(self):
        scripts = "".join((ROOT / "static" / name).read_text(encoding="utf-8") for name in ("draft.js", "list.js"))
        for name in ("one", "many", *DraftWords.said):
            assert f"said{name.title()}" in scripts or f'"{name.title()}"' in scripts, name
