"""Words in several languages: Vietnamese stands in the code, other languages in gettext catalogues (`en.po`).

Owns how a class of words becomes that of another language, by Babel. Knows no word.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self, TypeAlias

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol

SOURCE = "vi"
"""The language of the texts in the code, and of pages that are asked for in no language."""

LANGUAGES = (SOURCE, "en")

MessageId: TypeAlias = str | tuple[str, ...]
"""A msgid of gettext, or a msgid and a msgid_plural."""


@dataclass(frozen=True)
class Plural:
    """A text that agrees with a number, in all forms that its language has. Vietnamese has one.

    :param forms: The forms, in the order of the language's gettext rule.
    :param rule: From a number to the place of its form.
    """

    forms: tuple[str, ...]
    rule: Callable[[int], int] = lambda number: 0

    def form(self, number: int) -> str:
        """Return the form for a number."""
        return self.forms[self.rule(number)]


class Words:
    """The words of one kind of page. A subclass has an attribute for each, whose value is the Vietnamese text.

    A value is a text, a `Plural`, or a mapping or tuple of these. An instance has the texts of its own language. What a
    catalogue lacks stays Vietnamese there; tests see to it that nothing is lacking. `:ivar name:` in the docstring of a
    subclass is shown to translators.

    :ivar code: The language, as HTML and `?lang=` name it.
    :ivar locale: The same for Babel.
    """

    code: str
    locale: Locale

    def __init__(self, code: str) -> None:
        self.code, self.locale = code, Locale(code)
        if code != SOURCE:
            found = _translations(code)
            vars(self).update(_every_text(type(self), lambda key, text: found.get((key, message_id(text)), text)))

    @classmethod
    @cache
    def in_language(cls, code: str) -> Self:
        """Return the words in one of `LANGUAGES`, made once."""
        return cls(code)

    @cached_property
    def decimal_symbol(self) -> str:
        """The decimal point or comma."""
        return get_decimal_symbol(self.locale)

    @cached_property
    def group_symbol(self) -> str:
        """What stands between groups of three digits."""
        return get_group_symbol(self.locale)


def path(code: str) -> Path:
    """Return where the catalogue of a language is."""
    return Path(__file__).with_name(f"{code}.po")


def messages(kind: type[Words]) -> dict[str, str | Plural]:
    """Return the texts of a class of words by their keys, which are the contexts of gettext: `block.steps.embargo`."""
    found: dict[str, str | Plural] = {}
    _every_text(kind, found.setdefault)
    return found


def message_id(text: str | Plural) -> MessageId:
    """Return a Vietnamese text as gettext knows it."""
    return text if isinstance(text, str) else (text.forms[0], text.forms[-1])


@cache
def _translations(code: str) -> dict[tuple[str, MessageId], str | Plural]:
    """Return the texts of a catalogue by their keys and Vietnamese texts, without those that are fuzzy or lacking."""
    with path(code).open("rb") as file:
        catalogue = read_po(file, locale=code)
    rule = gettext.c2py(catalogue.plural_expr)
    found: dict[tuple[str, MessageId], str | Plural] = {}
    for each in catalogue:
        if each.context and each.string and all(each.string) and not each.fuzzy:
            source = each.id if isinstance(each.id, str) else tuple(each.id)
            found[each.context, source] = (
                each.string if isinstance(each.string, str) else Plural(tuple(each.string), rule)
            )
    return found


def _every_text(kind: type[Words], replace: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return a class's values with each text in them replaced, given its key."""
    module = kind.__module__.rpartition(".")[2]
    return {
        name: _replaced(f"{module}.{name}", value, replace)
        for name, value in vars(kind).items()
        if not name.startswith("_") and isinstance(value, (str, Plural, Mapping, tuple))
    }


def _replaced(key: str, value: Any, replace: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _replaced(f"{key}.{name}", part, replace) for name, part in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        parts = [_replaced(f"{key}.{name}", part, replace) for name, part in zip(names, value, strict=True)]
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return replace(key, value)
