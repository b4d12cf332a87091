"""docs/add-a-source.md adds a source that works: its code is run as it stands there."""

import importlib.util
import mailbox
import sys
from email.message import EmailMessage

import pytest

from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions, listed, read_source, registry
from indexer.sources.described import FileSource, RememberedSource, SqlSource, WebSource, WordPressSource
from tests.test_readme import blocks

MODULE, ENTRY = (content for language, content in blocks("docs/add-a-source.md") if language == "python")
(LISTED,) = (content for language, content in blocks("docs/add-a-source.md") if language == "toml")


@pytest.fixture
def mbox(tmp_path, monkeypatch):
    """Add the page's kind of source, and go where its mailbox is to be."""
    path = tmp_path / "mbox.py"
    path.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("indexer.sources.mbox", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    entry = eval(ENTRY, {"SourceKind": registry.SourceKind, "mbox": module})
    monkeypatch.setattr(registry, "KINDS", (*registry.KINDS, entry))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sources.toml").write_text(LISTED, encoding="utf-8")
    return module


def write(*letters):
    box = mailbox.mbox("press.mbox")
    box.clear()
    for number, subject in letters:
        letter = EmailMessage()
        if subject:
            letter["Subject"] = subject
        letter["From"], letter["Message-ID"] = "press@congdoan.example", f"<{number}@congdoan.example>"
        letter["Date"] = "Tue, 07 Nov 2023 17:04:00 +0700"
        letter.set_content(f"Thông cáo số {number}.\n", charset="utf-8", cte="8bit")
        box.add(letter)
    box.close()


def read(home=None, **options):
    return list(read_source("sources.toml", SourceOptions(memory=home, **options)))


def test_its_letters_are_articles(mbox):
    write((1, "Tăng lương tối thiểu"), (2, "Tết sum vầy"))
    first, second = read()
    assert isinstance(first, Reading)
    assert (first.fields["title"], second.fields["title"]) == ("Tăng lương tối thiểu", "Tết sum vầy")
    assert first.fields["body"] == "Thông cáo số 1.\n"
    assert first.fields["published_at"] == "2023-11-07T17:04:00+07:00"
    assert (first.fields["section"], first.teller) == ("Thông cáo", "")
    assert len(first.fields["id"]) == 16 != first.fields["id"] != second.fields["id"]


def test_what_is_gone_is_gone_and_a_mailbox_that_is_missing_takes_nothing_away(mbox, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    write(*((number, f"Tin {number}") for number in range(10)))
    assert len(read(home)) == 10
    write(*((number, f"Tin {number}") for number in range(9)))
    assert len(read(home)) == 9
    write((1, "Tin 1"))
    refused, *kept = read(home)
    assert "--allow-shrink" in refused.reason
    assert len(kept) == 9
    assert len(read(home, allow_shrink=True)) == 1
    (tmp_path / "press.mbox").unlink()
    (told,) = read()
    assert "expected a mailbox" in told.reason


def test_a_letter_without_a_subject_is_told(mbox):
    write((1, ""), (2, "Tin"))
    told, article = read()
    assert isinstance(told, BadLine)
    assert told.reason == "expected a subject and a Message-ID"
    assert article.fields["title"] == "Tin"


def test_it_is_named_among_the_others(mbox, tmp_path):
    ((name, source),) = listed("sources.toml")
    assert (name, source.source_key) == ("sources.toml [[source]] 1", "mailbox press.mbox")
    (tmp_path / "sources.toml").write_text('[[source]]\ntype = "post"', encoding="utf-8")
    with pytest.raises(SourceError, match="atom, file, jsonfeed, mailbox, rss"):
        listed("sources.toml")


class TestRegistry:
    def test_every_type_is_of_one_kind_and_every_kind_has_options_of_its_own(self):
        types = [name for kind in registry.KINDS for name in kind.types]
        assert len(types) == len(set(types))
        for kind in registry.KINDS:
            others = [other.options for other in registry.KINDS if other is not kind]
            assert not issubclass(kind.options, tuple(others))
            assert (kind.update is None) == (not issubclass(kind.options, RememberedSource))

    @pytest.mark.parametrize(
        ("source", "types"),
        [
            (WebSource(url="https://a.example"), "web"),
            (WordPressSource(url="https://a.example"), "wordpress"),
            (SqlSource(url="sqlite://", query="SELECT 1"), "sql"),
            (FileSource(path="a"), "file"),
        ],
    )
    def test_kind_of_a_source(self, source, types):
        assert types in registry.kind_of(source).types

    @pytest.mark.parametrize(
        ("spec", "options"),
        [
            ("https://a.example/rss", WebSource),
            ("http://a.example", WebSource),
            ("wordpress+https://a.example", WordPressSource),
        ],
    )
    def test_an_address_names_a_kind(self, spec, options):
        source = registry.at_address(spec)
        assert type(source) is options
        assert source.url == spec.removeprefix("wordpress+")

    @pytest.mark.parametrize("spec", ["a.jsonl", "ftp://a.example", "wordpress+a", "sql+https://a.example", "-", ""])
    def test_what_is_no_address(self, spec):
        assert not registry.is_address(spec)
        with pytest.raises(SourceError, match="expected an address"):
            registry.at_address(spec)

    def test_a_source_that_is_remembered_says_by_what(self):
        with pytest.raises(TypeError, match="source_key"):
            RememberedSource()
