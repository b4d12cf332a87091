"""Unicode normalisation, and the forms in which text is compared: cleaned, folded (đ as d), or as a key."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u200b]")
_UNSEEN_CHARS = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
BLANK_CHARS = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Blanks that are not control characters, for a character class of a regular expression, JSON Schema's too."""
SEEN = f"[^{_UNSEEN_CHARS}]"
"""A pattern found in each text that is not empty after `clean`; also a pattern of JSON Schema."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""A lone surrogate, half of a character, which no UTF-8 file can hold."""
_BLANKS = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[ \n]*")

MARKS_IN_A_ROW = 30
"""Most combining marks after one character, as in Unicode's stream-safe text format; no language needs more."""
_NO_LATIN = "[^\x00-\u02ff\u1e00-\u1eff]"
_MAY_HOLD_MARKS = re.compile(f"{_NO_LATIN}{_NO_LATIN}{{{MARKS_IN_A_ROW}}}{_NO_LATIN}*+")
"""A run of characters long enough to be too many marks; ordinary Vietnamese has none."""


def normalised(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """Return the text in a form of Unicode, without marks beyond MARKS_IN_A_ROW, whose sorting takes quadratic time."""
    return _MAY_HOLD_MARKS.sub(_bound_marks, unicodedata.normalize(form, _MAY_HOLD_MARKS.sub(_bound_marks, text)))


def _bound_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    in_a_row = 0
    for character in found[0]:
        in_a_row = in_a_row + 1 if unicodedata.combining(character) else 0
        if in_a_row <= MARKS_IN_A_ROW:
            kept.append(character)
    return "".join(kept)


def clean(text: str) -> str:
    r"""Return the text in NFC, without control and zero-width characters, blanks collapsed, lines kept.

    A lone surrogate, which no UTF-8 file can hold, becomes U+FFFD. Idempotent.
    """
    text = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = normalised("NFC", _CONTROL.sub("", text))
    return _BREAKS.sub("\n", _BLANKS.sub(" ", text)).strip()


def fold(text: str) -> str:
    """Return the text in lower case without diacritics, đ as d: what a reader types in a hurry. Idempotent."""
    decomposed = normalised("NFD", text.lower().replace("đ", "d"))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return normalised("NFC", bare)


def match_key(value: str) -> str:
    """Return the form in which filter values are compared: NFC, case and blanks ignored, diacritics kept."""
    return " ".join(normalised("NFC", value).casefold().split())
