"""The words of the pages on queries, judging, the newsroom's own and the API: both languages alike, each word used."""

import dataclasses
import re
import string
from pathlib import Path

import pytest

from service.wording import docs as docs_words
from service.wording import judging as judging_words
from service.wording import query as query_words
from service.wording import vocabulary as vocabulary_words

TEMPLATES = Path(query_words.__file__).parents[1] / "templates"
CATALOGUES = [
    (docs_words, ["docs.html"]),
    (query_words, ["query.html"]),
    (judging_words, ["judge.html", "judgements.html"]),
    (vocabulary_words, ["synonyms.html"]),
]


def names(value):
    """Return what a word, or each of several, fills in."""
    if isinstance(value, str):
        return sorted(field for _, field, _, _ in string.Formatter().parse(value) if field)
    if isinstance(value, dict):
        return {key: names(part) for key, part in value.items()}
    return [names(part) for part in value]


@pytest.mark.parametrize(("module", "templates"), CATALOGUES)
def test_both_languages_say_the_same(module, templates):
    for field in dataclasses.fields(module.VI):
        vietnamese, english = getattr(module.VI, field.name), getattr(module.EN, field.name)
        assert vietnamese, field.name
        assert english, field.name
        assert names(vietnamese) == names(english), field.name


@pytest.mark.parametrize(("module", "templates"), CATALOGUES)
def test_templates_use_every_word_and_no_other(module, templates):
    text = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in templates)
    used = set(re.findall(r"\bw\.(\w+)", text)) | set(re.findall(r'\bknown\([^"]*"(\w+)"', text))
    assert used == {field.name for field in dataclasses.fields(module.VI)}
