"""Readings of a mistyped syllable: Telex or VNI keys typed without an input method, and slips of one letter.

Owns the spelling of Vietnamese syllables: onset, rhyme, tone. Pure functions that propose; they know no archive and no
vocabulary, so the caller must check that a proposal is an existing word, and the typed text is not.

The tables are the standard orthography's: L. C. Thompson, *A Vietnamese Reference Grammar* (1965, 1987), chapters 1-3,
and Đoàn Thiện Thuật, *Ngữ âm tiếng Việt* (1977), with the loans' oong, ooc, uyp, uyn and the rhymes that only
interjections and southern words have (ưm, ưn).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from indexer.text.folding import fold

_FREE = "b d đ h l m n p ph r s t th tr ch kh nh v x".split()
"""The onsets that any rhyme may follow. The spelling of the other onsets depends on the vowel: c or k, g or gh."""
_Y_ONSETS = "d h k l m n r s t th v".split()

_PLAIN = (
    "a ai ay ao au am ap an at ang ac anh ach ăm ăp ăn ăt ăng ăc ây âu âm âp ân ât âng âc o oi om op on ot ong oc oong "
    "ooc ô ôi ôm ôp ôn ôt ông ôc ơ ơi ơm ơp ơn ơt u ui um up un ut ung uc ua uôi uôm uôn uôt uông uôc ư ưi ưu ưm ưn ưt "
    "ưng ưc ưa ươi ươu ươm ươp ươn ươt ương ươc"
).split()
_FRONT = "e eo em ep en et eng ec ê êu êm êp ên êt ênh êch i iu im ip in it inh ich ia".split()
_IE = "iêu iêm iêp iên iêt iêng iêc".split()
_YE = "yêu yêm yên yêt yêng".split()
_GLIDED = (
    "oa oai oay oao oam oap oan oat oang oac oanh oach oăm oăn oăt oăng oăc oe oeo oen oet uây uân uât uâng uê uênh "
    "uêch uơ uy uyu uya uyp uyn uyt uynh uych uyên uyêt"
).split()
_AFTER_QU = (
    "a ai ay ao au am ap an at ang ac anh ach ăm ăp ăn ăt ăng ăc ây ân ât âng e eo en et ê ên êt ênh êch i it ôc ơ ơi "
    "y yt yn ynh ych yên yêt"
).split()
_AFTER_GI = [*_PLAIN, *(rhyme for rhyme in _FRONT if rhyme[0] != "i"), "êng", "êc", *_GLIDED]

SPELLINGS: list[tuple[list[str], list[str]]] = [
    (["", *_FREE], [*_PLAIN, *_FRONT, *_GLIDED]),
    (["c"], _PLAIN),
    (["g", "ng"], [*_PLAIN, *_GLIDED]),
    (["k", "gh", "ngh"], [*_FRONT, *_IE]),
    (_FREE, _IE),
    ([""], ["y", *_YE]),
    (_Y_ONSETS, ["y"]),
    (["g"], ["i", "in", "ip", "ich"]),
    (["gi"], _AFTER_GI),
    (["qu"], _AFTER_QU),
    (["đ", "l"], ["ăk"]),  # Đắk Lắk, Đăk Hà
    (["k"], ["an", "on", "ông"]),  # Bắc Kạn, Kon Tum, Mê Kông
    (["kr"], ["ông"]),
]
"""Onsets, and the rhymes that each of them may have."""

_VOWELS, _MARKED = "aăâeêioôơuưy", "ăâêôơư"
TONES = {"1": "\u0301", "2": "\u0300", "3": "\u0309", "4": "\u0303", "5": "\u0323"}
_TONE_MARK = re.compile(f"[{''.join(TONES.values())}]")
_STOPPED = re.compile("(?:[ptc]|ch)$")
_STOPPED_TONES = frozenset({TONES["1"], TONES["5"]})


def _tone_seat(onset: str, rhyme: str) -> int:
    """Return where in a toneless syllable the tone is written: the first vowel of a final pair, hòa and thủy."""
    vowels = [i for i, letter in enumerate(rhyme) if letter in _VOWELS]
    marked = [i for i in vowels if rhyme[i] in _MARKED]
    if marked:
        seat = marked[-1]
    elif len(vowels) < len(rhyme):
        seat = vowels[-1]
    else:
        seat = len(rhyme) // 3  # the middle one of three: hoài, khuỷu
    return len(onset) + seat


_SEATS = {
    onset + rhyme: _tone_seat(onset, rhyme) for onsets, rhymes in SPELLINGS for onset in onsets for rhyme in rhymes
}
_FOLDED = frozenset(map(fold, _SEATS))


def toned(toneless: str, tone: str) -> str | None:
    """Return a syllable with its tone in the canonical place, None where there is no such syllable.

    :param tone: A combining mark, or nothing.
    """
    seat = _SEATS.get(toneless)
    if seat is None or (_STOPPED.search(toneless) and tone not in _STOPPED_TONES):
        return None
    return unicodedata.normalize("NFC", toneless[: seat + 1] + tone + toneless[seat + 1 :])


def plausible(syllable: str) -> bool:
    """Return whether a lower-case syllable in canonical spelling is one that Vietnamese could have.

    Before p, t, c and ch only sắc and nặng are: cát and cạt, neither cat nor càt.
    """
    decomposed = unicodedata.normalize("NFD", syllable)
    tones = "".join(_TONE_MARK.findall(decomposed))
    toneless = unicodedata.normalize("NFC", _TONE_MARK.sub("", decomposed))
    return len(tones) < 2 and toned(toneless, tones) == syllable


def plausible_folded(syllable: str) -> bool:
    """Return whether a lower-case word is a plausible syllable without its diacritics."""
    return syllable in _FOLDED


_TELEX_TONES = dict(zip("sfrxj", TONES.values(), strict=True))
_LATE = re.compile("[sfrxj]?$")
_LATE_D = re.compile("^[^d]+d[wsfrxj]*$")
_SPLIT = re.compile("([b-df-hj-np-tvxz]*+)([a-z0-9]*)")
_TELEX_RHYME = re.compile("([aeiouy]+)([sfrxj]?)([cghkmnpt]*)([sfrxj]?)")
_VNI_RHYME = re.compile("([aeiouy]+)([1-5]?)([cghkmnpt]*)([1-5]?)")

Marks = tuple[tuple[str, str], ...]
"""Pairs of plain and marked letters that a key may stand for, likeliest first."""

_NOTHING: Marks = (("", ""),)
_BOTH_HORNS: Marks = (("uo", "ươ"),)
_HORN: Marks = (*_BOTH_HORNS, ("uo", "uơ"), ("u", "ư"), ("o", "ơ"))
_BREVE: Marks = (("a", "ă"),)
_CIRCUMFLEX: Marks = (("a", "â"), ("e", "ê"), ("o", "ô"))
_VNI_MARKS = {"": _NOTHING, "6": _CIRCUMFLEX, "7": _HORN, "77": _BOTH_HORNS, "8": _BREVE}


def telex(word: str) -> str | None:
    """Return the syllable that a lower-case word spells in Telex keys, tieengs for tiếng; None if it is not Telex.

    The tone's key follows the vowels or ends the word; w, and the second a, e, o or d, may come after the final, as
    input methods let them: duongwdf for đường. It is only a proposal: nas spells ná, but may be somebody's name.
    """
    onset, keys = _parts(word)
    if onset.startswith("dd"):
        onset = "đ" + onset[2:]
    elif onset == "d" and _LATE_D.search(keys):
        onset, keys = "đ", keys.replace("d", "")
    readings = ((onset, rest, marks) for rest, marks in _telex_readings(keys))
    return next((syllable for syllable in _syllables(readings, _TELEX_RHYME, _TELEX_TONES) if syllable != word), None)


def vni(word: str) -> str | None:
    """Return the syllable that a lower-case word spells in VNI keys, tie61ng for tiếng; None if it is not VNI.

    The tone's digit follows the vowels or ends the word, other digits come anywhere after the first vowel, 9 after its
    d. Codes and numbers seldom spell a syllable; the caller must check those that do (a4 for ã) in a vocabulary.
    """
    onset, keys = _parts(word)
    if keys.startswith("9"):
        onset, keys = onset + "9", keys[1:]
    elif keys.count("9") == 1:
        onset, keys = onset + "9", keys.replace("9", "")
    onset = "đ" if onset == "d9" else onset
    marks = _VNI_MARKS.get("".join(c for c in keys if c in "678"))
    if marks is None or keys[:1] in "678":
        return None
    rest = keys.translate({ord(c): None for c in "678"})
    return next(
        (syllable for syllable in _syllables([(onset, rest, marks)], _VNI_RHYME, TONES) if syllable != word), None
    )


def _parts(word: str) -> tuple[str, str]:
    """Return the consonants that a word begins with, and the keys from its first vowel, digit or w on."""
    found = _SPLIT.fullmatch(word)
    return (found[1], found[2]) if found else ("", "")


def _telex_readings(keys: str) -> Iterator[tuple[str, Marks]]:
    """Yield the keys without those that mark another letter, each time with the marks that these may stand for."""
    if "w" in keys:
        bare = ("u" if keys[0] == "w" else "") + keys.replace("w", "")
        if keys.count("w") < 3:
            yield bare, _BOTH_HORNS if keys.count("w") == 2 else (*_HORN, *_BREVE)
        return
    if "ooo" in keys:  # the third o takes the circumflex back: xooong for xoong
        yield keys.replace("ooo", "oo"), _NOTHING
        return
    for plain, marked in _CIRCUMFLEX:
        last = keys.rfind(plain)
        if keys.count(plain) == 2 and (keys[last - 1] == plain or _LATE.match(keys, last + 1)):
            yield keys[:last] + keys[last + 1 :], ((plain, marked),)
    yield keys, _NOTHING


def _syllables(
    readings: Iterable[tuple[str, str, Marks]], rhymes: re.Pattern[str], tones: Mapping[str, str]
) -> Iterator[str]:
    """Yield the plausible syllables among readings (onset, the other letters with the tone's key, marks)."""
    for onset, rest, marks in readings:
        rhyme = rhymes.fullmatch(rest)
        if rhyme is None or (rhyme[2] and rhyme[4]):
            continue
        tone = tones.get(rhyme[2] or rhyme[4], "")
        for plain, marked in marks:
            vowels = rhyme[1].replace(plain, marked, 1)
            syllable = toned(onset + vowels + rhyme[3], tone)
            if syllable is not None and plain in rhyme[1]:
                yield syllable


_DOUBLED = re.compile(r"([aeod])\1")
_TONE_KEY = re.compile("(?<=[aeiouy])[sfrxj](?=[cghkmnpt]*$)|(?<=[aeiouycghmnpt])[sfrxj]$")


def without_keys(word: str) -> str:
    """Return a lower-case word without its Telex or VNI keys: duong for dduwowng or d9u7o7ng.

    The word may be unfinished, so it is not checked to be a syllable. An English word may lose letters.
    """
    if word.isalpha():
        bare = _DOUBLED.sub(r"\1", word)
        bare = ("u" if bare.startswith("w") else "") + bare.replace("w", "")
        return _TONE_KEY.sub("", bare, count=1)
    return word.translate(_DIGITS) if word[:1].isalpha() else word


_DIGITS = {ord(digit): None for digit in "123456789"}
_ALPHABET = string.ascii_lowercase + string.digits


def slips(folded_word: str) -> Iterator[str]:
    """Yield every other word in a-z and 0-9 that is one slip away, each once; none is empty.

    A slip is one letter missing, one too many, a wrong one, or two neighbours swapped.
    """
    seen = {folded_word, ""}
    for slip in _edits(folded_word):
        if slip not in seen:
            seen.add(slip)
            yield slip


def _edits(word: str) -> Iterator[str]:
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _ALPHABET:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
