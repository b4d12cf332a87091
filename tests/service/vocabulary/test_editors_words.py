"""The words of the editors' pages: both languages fill in the same, and a template or script uses each."""

from __future__ import annotations

import dataclasses
import re
import string
from pathlib import Path

import pytest

from service.wording import block as block_words
from service.wording import drafts as draft_words

SERVICE = Path(draft_words.__file__).parents[1]
SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in [*SERVICE.glob("templates/*.html"), SERVICE / "newsroom/block_page.py", *SERVICE.glob("pages/*.py")]
)
SCRIPTS = "".join((SERVICE / "static" / name).read_text(encoding="utf-8") for name in ("draft.js", "list.js"))


def names(value):
    texts = value.values() if isinstance(value, dict) else [value]
    return [sorted({field for _, field, _, _ in string.Formatter().parse(text) if field}) for text in texts]


@pytest.mark.parametrize("module", [block_words, draft_words])
def test_both_languages_fill_in_the_same_and_every_word_is_used(module):
    for field in dataclasses.fields(module.VI):
        vietnamese, english = (getattr(words, field.name) for words in (module.VI, module.EN))
        assert names(vietnamese) == names(english), field.name
        if isinstance(vietnamese, dict):
            assert list(vietnamese) == list(english), field.name
        by_kind = field.name in {"came", "came_change", "left", "left_change"}  # of `block_parts.html`
        assert by_kind or re.search(rf"\b(w|words)\.{field.name}\b", SOURCES), field.name


def test_what_is_said_is_said_by_a_script():
    for name in draft_words.VI.said:
        assert f"said{name.title()}" in SCRIPTS or f'"{name.title()}"' in SCRIPTS, name
