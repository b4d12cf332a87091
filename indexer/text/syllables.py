"""Vietnamese text as the tokens that word search counts: syllables in one spelling, numbers, codes of documents.

Vietnamese writes a blank between syllables, and most words have two syllables. So pairs of neighbours stand for words.
Pure functions. Archive and query use the same ones, so that their tokens match.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from indexer.text.folding import fold, normalised

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_ZEROS = re.compile("^0+(?=[1-9])")
_SYLLABLE = re.compile(r"[^\W_]+")
_STREAM = re.compile(r"[^\W_]+|[.!?:;\n\"“”()…]")
_CODE = re.compile(r"(?<![^\W_])[^\W_]++(?:(?:[/:-]|(?<=\d)\.(?=\d))[^\W_]++)++")
_JOINT = re.compile("([/:.-])")
_DIGIT = re.compile(r"\d")

_PLAIN, _TONED = ("o", "o", "u"), ("òóỏõọ", "òóỏõọ", "ùúủũụ")
_SECOND, _BARE = ("àáảãạ", "èéẻẽẹ", "ỳýỷỹỵ"), ("a", "e", "y")
_MOVED = {
    plain + toned: first + bare
    for plain, firsts, seconds, bare in zip(_PLAIN, _TONED, _SECOND, _BARE, strict=True)
    for first, toned in zip(firsts, seconds, strict=True)
}
_NEW_STYLE = re.compile(f"(?<!q)(?:{'|'.join(_MOVED)})$")
"""A tone on the second vowel of a final oa, oe or uy, the newer spelling: hoà, khoẻ, thuỷ. Not quý, since qu is one
consonant."""


def readable(text: str) -> str:
    """Return the text in NFKC (full-width letters become plain ones), without invisible characters."""
    return normalised("NFKC", _INVISIBLE.sub("", text))


def plain(text: str) -> str:
    """Return the readable text in lower case."""
    text = readable(text).lower()
    return text if unicodedata.is_normalized("NFC", text) else normalised("NFC", text)


LONGEST_TOKEN = 255
"""Most characters of a token. A longer word is cut; a longer code is not a code. No language has such words."""

_LONGEST = 32
"""The longest word that may be one of the language."""

_KEPT = 1 << 13
"""Words in a cache. An archive of 22,000 articles has 11,000 words; the number of mistyped words is unlimited."""


def _kept(word: str) -> bool:
    """Return whether a word is worth caching: it may be one of the language. Numbers and codes are unlimited."""
    return len(word) <= _LONGEST and word.isalpha()


def _bounded(word: str) -> str:
    return word if len(word) <= LONGEST_TOKEN else _ZEROS.sub("", word)[:LONGEST_TOKEN]


def _spelt(syllable: str) -> str:
    syllable = _bounded(syllable)
    if syllable.isascii():  # it has no tone mark
        return _ZEROS.sub("", syllable) if syllable.startswith("0") else syllable
    return _respelt(syllable) if _kept(syllable) else _respelt.__wrapped__(syllable)


@lru_cache(maxsize=_KEPT)
def _respelt(syllable: str) -> str:
    if syllable.startswith("0"):
        return _ZEROS.sub("", syllable)
    return _NEW_STYLE.sub(lambda found: _MOVED[found.group()], syllable)


def syllables(text: str) -> list[str]:
    """Return the syllables and numbers of a text in order: lower case, tones on the first vowel (hòa for hoà).

    Numbers lose leading zeros, since 08/2023 and 8/2023 mean the same. Idempotent on its own output joined by blanks.
    """
    return [_spelt(found) for found in _SYLLABLE.findall(plain(text))]


def stream(text: str) -> list[str]:
    """Return the words of a text in lower case, spelt as in the text. An empty string marks the end of a clause."""
    return [_bounded(found) if found.isalnum() else "" for found in _STREAM.findall(plain(text))]


def spelt(word: str) -> str:
    """Return a lower-case word in the one spelling that `syllables` gives it."""
    return _spelt(word)


def codes(text: str) -> list[str]:
    """Return document numbers and other codes whole, `8/2023/qđ-ttg`. `syllables` gives their parts."""
    # Most words consist of letters and hold no code. Without them, this takes only a fifth of the time.
    others = " ".join(word for word in plain(text).split() if not word.isalpha())
    found = (code for code in _CODE.findall(others) if _is_code(code))
    return ["".join(_spelt(part) for part in _JOINT.split(code)) for code in found]


def code_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each code in a readable text."""
    if not _DIGIT.search(text):
        return []
    return [found.span() for found in _CODE.finditer(text) if _is_code(found.group())]


def _is_code(joined: str) -> bool:
    return len(joined) <= LONGEST_TOKEN and _DIGIT.search(joined) is not None


def folded(syllable: str) -> str:
    """Return a syllable without its diacritics."""
    if syllable.isascii():
        return syllable.lower()
    return _folded(syllable) if _kept(syllable) else fold(syllable)


_folded = lru_cache(maxsize=_KEPT)(fold)


def spaced(text: str) -> str:
    """Return the syllables of a text joined by blanks; equal for two spellings of one title."""
    return " ".join(syllables(text))
