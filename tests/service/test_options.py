"""The options: every setting reaches them; faults in editors' files are logged and what is right of them counts."""

import os

import pytest

from indexer.relations import content_classes
from indexer.relations.content_classes import ContentClass
from service.options import NO_ABBREVIATIONS, NO_RENAMINGS, Options
from service.query.synonyms import NO_SYNONYMS
from service.ranking.presets import Defaults
from service.rules.lines import NO_RULES
from service.settings import Settings


def options_of(**settings):
    return Options.of(Settings(_env_file=None, **settings))


def test_of_nothing_set():
    options, fields = options_of(), Settings.model_fields
    assert options.synonyms() is NO_SYNONYMS
    assert options.rules() is NO_RULES
    assert (options.abbreviations(), options.renamings()) == (NO_ABBREVIATIONS, NO_RENAMINGS)
    assert options.classes == content_classes.NO_RULES
    assert options.related == Defaults(fields["min_related"].default, ("same_section_newest",), "newest")
    assert 0 < options.related.min_relevance < 1


def test_without_settings_nothing_is_held_back():
    options = Options()
    assert options.related.min_relevance == 0
    assert options.related.fallbacks == ()


def test_numbers_and_names_are_passed_on():
    options = options_of(min_related=0.5, fallbacks=("newest",), duplicates="oldest")
    assert options.related == Defaults(0.5, ("newest",), "oldest")


def test_fallbacks_come_as_json_from_the_environment(monkeypatch):
    monkeypatch.setenv("LIENQUAN_FALLBACKS", '["same_section_newest", "newest"]')
    assert Options.of(Settings()).related.fallbacks == ("same_section_newest", "newest")
    monkeypatch.setenv("LIENQUAN_FALLBACKS", '["oldest"]')
    with pytest.raises(ValueError, match="same_section_newest"):
        Settings()


def test_editors_files_are_read_and_their_faults_logged(tmp_path, caplog):
    places, short = tmp_path / "places.tsv", tmp_path / "short.tsv"
    places.write_text("old name\tnew name\tdate\nXã Cũ\tXã Mới\t2025-07-01\nXã\t\t2025\n", encoding="utf-8")
    short.write_text("abbreviation\tfull form\nQLK\tquỹ lương khô\n", encoding="utf-8")
    options = options_of(renamings=places, abbreviations=short)
    assert [(row.old, row.new) for row in options.renamings().rows] == [("Xã Cũ", "Xã Mới")]
    assert [row.full for row in options.abbreviations().rows] == ["quỹ lương khô"]
    assert "places.tsv:3" in caplog.text


@pytest.mark.parametrize("setting", ["abbreviations", "renamings"])
def test_words_that_are_not_there_are_logged_and_all_goes_on(setting, tmp_path, caplog):
    assert getattr(options_of(**{setting: tmp_path / "none.tsv"}), setting)().rows == ()
    assert "none.tsv" in caplog.text


def test_classes_that_are_not_there_are_logged_and_all_goes_on(tmp_path, caplog):
    assert options_of(classes=tmp_path / "none.tsv").classes == Options().classes
    assert "none.tsv" in caplog.text


def test_a_newsroom_says_what_its_sections_and_tags_are(tmp_path, caplog):
    path = tmp_path / "classes.tsv"
    path.write_text("section\tPhố hàng\tsponsored\nsection\tX\tvui\ntag\tchia buồn\tobituary\n", encoding="utf-8")
    classes = options_of(classes=path).classes
    assert classes.of("section", "phố  HÀNG") is ContentClass.SPONSORED
    assert classes.of("tag", "Chia buồn") is ContentClass.OBITUARY
    assert "classes.tsv" in caplog.text
    assert "vui" in caplog.text


def test_rules_and_synonyms_are_followed_as_they_change(tmp_path):
    rules, synonyms = tmp_path / "rules.jsonl", tmp_path / "synonyms.txt"
    options = options_of(rules=rules, synonyms=synonyms)
    assert options.rules().rules == ()
    rules.write_text('{"id": "1", "kind": "block", "tag": "x"}\n', encoding="utf-8")
    options = options_of(rules=rules, synonyms=synonyms)
    held = options.rules()
    assert [rule.id for rule in held.rules] == ["1"]
    assert options.rules() is held
    rules.write_text('{"id": "2", "kind": "block", "tag": "long"}\n', encoding="utf-8")
    os.utime(rules, ns=(1, 1))
    assert [rule.id for rule in options.rules().rules] == ["2"]
    assert options.rules().revision != held.revision
