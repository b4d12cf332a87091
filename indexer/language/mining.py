"""Collects an archive's abbreviations and names while its articles are read.

Pure and streaming: texts and row numbers in, tallies out. Must not know files, rankings, or which article is public.
"""

from __future__ import annotations

import re
from array import array
from bisect import insort
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.text.syllables import folded, spaced, syllables

LETTERS = range(2, 11)
"""How many letters an abbreviation has."""

MOST_ROWS = 16
"""The most rows that a name keeps, the smallest ones."""

_SKIPPED = frozenset("và của các về cho với trong cùng and of the for in on to de du la".split())
"""Words within a full form (not at its ends) that an abbreviation may omit or may include: GD&ĐT."""

_LETTER = "[A-ZĐƯĂÂÊÔƠ]"
_ABBREVIATION = rf"(?<![^\W_]){_LETTER}{{1,10}}(?: ?[&.–-] ?{_LETTER}{{1,10}}){{0,4}}(?![^\W_])"
_HELD = re.compile(_ABBREVIATION)
_ENDING = re.compile(_ABBREVIATION + r"\s?\Z")
_BRACKET = re.compile(r"\(([^()\n]{2,90})\)")
_SAID = re.compile(r"(?:gọi|viết) tắt(?: là)?", re.IGNORECASE)
_BREAK = re.compile(rf"(?:(?<!{_LETTER})\.|[!?…;:])\s|[()\n]")
_PART = re.compile(r"[,;:/–-]")
_WINDOW = 200
"""Characters before a bracket that are searched for a full form."""
_MOST_BESIDE = 4
"""The most words in a bracket on either side of its abbreviation."""


class MinedAbbreviation(NamedTuple):
    """A full form of an abbreviation, its sightings, and their share of all sightings of the abbreviation."""

    abbreviation: str
    full: str
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    share: float


def _initial(word: str) -> str:
    return "đ" if word[0] == "đ" else folded(word)[:1]


def _spelling(letters: Sequence[str], words: Sequence[str]) -> int:
    """Return the least number of last words whose initials are the letters, 0 for none."""
    left = {len(letters)}
    for taken, word in enumerate(reversed(words)):
        initial = _initial(word)
        skipped = left if taken and word in _SKIPPED else set()
        left = {n - 1 for n in left if letters[n - 1] == initial} | skipped
        if 0 in left:
            return taken + 1
        if not left:
            break
    return 0


def _letters(abbreviation: str) -> list[str]:
    return [_initial(c) for c in abbreviation.lower() if c.isalpha()]


def _tidy(abbreviation: str) -> str:
    return abbreviation.replace(" ", "").replace("–", "-").strip()


def _words_before(text: str, end: int) -> list[str]:
    """Return the last syllables of the sentence before this place."""
    start = max(0, end - _WINDOW)
    window = text[start:end].rstrip()
    if start:
        window = window[window.find(" ") + 1 :]
    return syllables(_BREAK.split(window)[-1])


def _in_brackets(text: str, start: int, inner: str) -> tuple[str, str] | None:
    """Return abbreviation and full form if the brackets hold the abbreviation.

    A word beside it in the brackets, as in "Liên đoàn Lao động tỉnh (LĐLĐ tỉnh)", also stands beside the full form. It
    belongs to neither.
    """
    held = _HELD.search(inner)
    letters = _letters(held.group()) if held else []
    if held is None or len(letters) not in LETTERS:
        return None
    first, last = syllables(_SAID.sub("", inner[: held.start()])), syllables(inner[held.end() :])
    if max(len(first), len(last)) > _MOST_BESIDE:
        return None
    words = _words_before(text, start)
    if last:
        if words[-len(last) :] != last:
            return None
        del words[-len(last) :]
    count = _spelling(letters, words)
    if not count or (first and words[:-count][-len(first) :] != first):
        return None
    return _tidy(held.group()), " ".join(words[-count:])


def _before_brackets(text: str, start: int, inner: str) -> tuple[str, str] | None:
    """Return abbreviation and full form if the brackets, or a part of their content, spell out the word before them."""
    held = _ENDING.search(text[max(0, start - 30) : start])
    letters = _letters(held.group()) if held else []
    if held is None or len(letters) not in LETTERS:
        return None
    for part in (inner, *_PART.split(inner)):
        words = syllables(part)
        if words and _spelling(letters, words) == len(words):
            return _tidy(held.group()), " ".join(words)
    return None


class AbbreviationMiner:
    """Counts pairs of full form and abbreviation: "full form (ABBR)" and "ABBR (full form)"."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def add(self, text: str) -> None:
        """Count the pairs in a text in NFC."""
        for bracket in _BRACKET.finditer(text):
            start, inner = bracket.start(), bracket.group(1)
            pair = _in_brackets(text, start, inner) or _before_brackets(text, start, inner)
            if pair:
                self._seen[pair] += 1

    def found(self, least: int = 2) -> list[MinedAbbreviation]:
        """Return the full forms seen at least `least` times, by abbreviation, the most frequent first."""
        totals: Counter[str] = Counter()
        for (abbreviation, _), count in self._seen.items():
            totals[abbreviation] += count
        mined = (
            MinedAbbreviation(a, full, count, count / totals[a])
            for (a, full), count in self._seen.items()
            if count >= least
        )
        return sorted(mined, key=lambda m: (m.abbreviation, -m.count, m.full))


MOST_WORDS = 6
"""The most words of a name. A longer run of capitalised words is a headline in capitals or a list."""

_CAPITAL = "".join(chr(c) for c in range(0x41, 0x1F00) if chr(c).isupper())
_JOINED = rf"[{_CAPITAL}]{{2,10}}(?:[&-][{_CAPITAL}]{{2,10}}){{1,3}}(?![^\W_])"
_SINGLE = rf"[{_CAPITAL}][^\W_]*+(?:['’][^\W_]++|-(?![{_CAPITAL}])[^\W_]++)*+"
_WORD = rf"(?:{_JOINED}|{_SINGLE})"
_RUN = re.compile(rf"(?<![^\W_])(?<![^\W_]['’]){_WORD}(?: {_WORD})+")
_SHORT = re.compile(rf"(?<![^\W_])(?:[{_CAPITAL}]{{1,3}}|Th[Ss]|Mrs?|Dr|St)\.\Z")
_DATELINE = re.compile(r"\) ?[-–]\Z")

_OFFICES = frozenset(
    "Ban Bộ Chánh Cục Ngày Phó Phòng Sở Tòa Toà Tết Trưởng Tổng Viện Vụ Ủy Uỷ Đảng Đội UBND HĐND TAND TP TX TT".split()
)
"""First words of names of bodies, such as "Bộ Công an". A run of one and a single other word has lost its end."""
_OPENERS = frozenset(
    "Anh Bà Bác Chị Chú Cô Cụ Em Ông Cựu Các Do Dù Gần Hơn Khi Lộ Một Nhiều Những Người Nếu Sau Sếp Theo Trong Trước "
    "Tuy Tại Video Clip Với Vì Vụ Ở".split()
)
"""Words that often precede a name at the start of a sentence but are not part of it."""
_OPENED = frozenset({"Bà Chúa", "Bà Nà", "Bà Rịa", "Ông Ích"})
"""Starts of names that look like openers."""
_TOWNS = frozenset({"TP", "TX"})
_NATIONS = frozenset("Mỹ Nga Pháp Nhật Hàn Úc".split())
"""Single syllables that may precede a name, "Tổng thống Mỹ ...", or be part of one, "Mỹ Hạnh Nam"."""


class Name(NamedTuple):
    """A name in its commonest spelling, the number of articles it was seen in, and the first of their rows."""

    text: str
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    rows: tuple[int, ...]


class _Sightings:
    __slots__ = ("count", "number", "rows", "spellings")

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.rows: list[int] = []
        self.spellings: dict[str, int] = {}

    def add(self, spelling: str, row: int) -> None:
        self.count += 1
        self.spellings[spelling] = self.spellings.get(spelling, 0) + 1
        if row not in self.rows:
            insort(self.rows, row)
            del self.rows[MOST_ROWS:]

    def spelling(self) -> str:
        return min(self.spellings, key=lambda s: (-self.spellings[s], s))


def _opens(text: str, start: int) -> bool:
    """Return whether a sentence, a quotation or a line starts here."""
    before = text[max(0, start - 8) : start].rstrip(" ")
    if not before:
        return True
    if before[-1] == ".":
        return not _SHORT.search(before)
    return before[-1] in '\n!?…:;"“‘«([' or before.endswith((".”", "?”", "!”")) or bool(_DATELINE.search(before))


def _is_name(words: Sequence[str], followed: bool) -> bool:
    """Return whether a run may be a name: not only offices and titles, nor a name that lost its end ("Bộ Công an").

    :param followed: Whether a word in lower case comes next.
    """
    if len(words) > MOST_WORDS or all(word in _OFFICES or word in _OPENERS for word in words):
        return False
    heads = sum(word in _OFFICES or (len(word) > 1 and word.isupper()) for word in words[:-1])
    lone = heads == len(words) - 1 and words[0] not in _TOWNS and not (len(words[-1]) > 1 and words[-1].isupper())
    return not (followed and lone)


def _runs(text: str) -> Iterator[str]:
    """Yield the runs of capitalised words that may be names; a text in capitals has none."""
    if text.isupper():
        return
    for found in _RUN.finditer(text):
        words = found.group().split(" ")
        if _opens(text, found.start()):
            if len(words) == 2:
                continue
            if words[0] in _OPENERS and " ".join(words[:2]) not in _OPENED:
                del words[0]
        after = text[found.end() : found.end() + 2]
        if _is_name(words, followed=after[:1] == " " and after[1:].islower()):
            yield " ".join(words)


def names_in(title: str, lead: str | None) -> dict[str, str]:
    """Return the names in a title and lead as written there, by their form in `syllables.spaced`."""
    named: dict[str, str] = {}
    for text in (title, lead or ""):
        for run in _runs(text):
            named.setdefault(spaced(run), run)
    return named


class NameMiner:
    """Counts runs of capitalised words in titles and leads; spellings that differ in a tone mark's place are one."""

    def __init__(self) -> None:
        self._seen: dict[str, _Sightings] = {}
        self._pairs = array("i")  # number and row of each sighting

    def add(self, title: str, lead: str | None, row: int) -> None:
        """Count the names in an article's title and lead, in NFC; each name once, since rows are counted."""
        for key, run in names_in(title, lead).items():
            sightings = self._seen.get(key)
            if sightings is None:
                sightings = self._seen[key] = _Sightings(len(self._seen))
            sightings.add(run, row)
            self._pairs.extend((sightings.number, row))

    def found(self, least: int = 2, most: int = 50_000) -> list[Name]:
        """Return the names in at least `least` articles, the most frequent first, at most `most`.

        Two names side by side, "Lũng Vài Trần Thị Gốm", are left out if each is more frequent by itself.
        """
        names = (
            Name(sightings.spelling(), sightings.count, tuple(sightings.rows))
            for sightings in self._seen.values()
            if sightings.count >= least
        )
        return sorted((n for n in names if not self._glued(n)), key=lambda name: (-name.count, name.text))[:most]

    def named(self, names: Sequence[Name]) -> NDArray[np.int32]:
        """Return the occurrences of names, (pairs, 2) int32, sorted: the article's row, the place in `names`."""
        places = np.full(len(self._seen), -1, dtype=np.int32)
        for place, name in enumerate(names):
            places[self._seen[spaced(name.text)].number] = place
        numbers, rows = np.array(self._pairs, dtype=np.int32).reshape(-1, 2).T
        pairs = np.stack([rows, places[numbers]], axis=1)
        pairs = pairs[pairs[:, 1] >= 0]
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def _glued(self, name: Name) -> bool:
        """Return whether a name is two names, or a name after an abbreviation or a nation's."""
        words = name.text.split(" ")
        if len(words) > 2:
            tail = self._count(words[1:])
            abbreviation = len(words[0]) > 1 and words[0].isupper() and not words[0][-1].isdigit()
            if (words[0] in _NATIONS and tail > 1) or (abbreviation and tail > name.count):
                return True
        cuts = range(2, len(words) - 1)
        return any(min(self._count(words[:cut]), self._count(words[cut:])) > name.count for cut in cuts)

    def _count(self, words: Sequence[str]) -> int:
        sightings = self._seen.get(spaced(" ".join(words)))
        return sightings.count if sightings else 0
