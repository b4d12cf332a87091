"""Chooses the passage of an article to show, and marks the searched words in it.

Pure functions over one text. Knows how a word is spelt (`indexer.text.syllables`), not why it is searched for. A page
shows ten long texts, so only possible matches are examined; see `_skeleton`.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from indexer.language import compounds
from indexer.text.folding import fold
from indexer.text.syllables import folded, plain, syllables

_BLANKS = re.compile(r"\s+")
_ODD_BLANKS = re.compile(r"[^\S ]\s*| \s+")
_LETTER = re.compile(r"[^\W_]")
_LAST_WORD = re.compile(r"(?<![^\W_])([^\W_]++) \Z")
_NEXT_WORD = re.compile(r" ([^\W_]++)")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")

_VIETNAMESE = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
_ABROAD = "äåçëîïñöûüÿ"


class _Alphabet:
    """A set of at most 256 characters, each encoded in one byte."""

    def __init__(self, characters: str) -> None:
        bare = "".join(c if c.isalnum() else " " for c in map(fold, characters.replace("²", "2").replace("³", "3")))
        self._bytes = codecs.charmap_build(characters.ljust(256, "\ufffe"))
        self._bare = bare.lower().encode("ascii").ljust(256)

    def bare(self, text: str) -> bytes | None:
        """Return a byte for each character: in lower case without diacritics, blank for all but letters and digits.

        None if the text has a character outside the alphabet.
        """
        try:
            told, _ = codecs.charmap_encode(text, "strict", self._bytes)
        except UnicodeEncodeError:
            return None
        return told.translate(self._bare)


_SIGNS = "²³" + "“”‘’«»–—…•·°×→€§©®\xa0"
_AS_WRITTEN = _Alphabet("\0\t\n\r" + "".join(map(chr, range(32, 127))) + _VIETNAMESE + _VIETNAMESE.upper() + _SIGNS)
_IN_LOWER_CASE = _Alphabet("".join(map(chr, range(128))) + _VIETNAMESE + _ABROAD + _SIGNS)


class Piece(NamedTuple):
    """A run of text, marked or not."""

    text: str
    marked: bool


SyllableRun = tuple[str, ...]


@dataclass(frozen=True)
class MarkTargets:
    """The words to mark. Syllables are in the spelling of `indexer.text.syllables.syllables`.

    :param exact: Syllables that count with these diacritics only.
    :param folded: Syllables without diacritics, which count whatever the text's diacritics are.
    :param runs: Runs of syllables with diacritics that count only where they are whole; never too common.
    :param common: Those of the above too common to be marked alone: they are where they touch another mark.
    :param parts: Those that are part of a word of `runs`: where a text has one of the runs they are as common ones.
    """

    exact: frozenset[str]
    folded: frozenset[str]
    runs: tuple[SyllableRun, ...] = ()
    common: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()

    @cached_property
    def _in_runs(self) -> frozenset[str]:
        return frozenset(syllable for run in self.runs for syllable in run)

    @cached_property
    def _bare(self) -> tuple[list[bytes], re.Pattern[bytes] | None]:
        """What may be wanted as it stands in a skeleton: words with their blanks, and a pattern of numbers.

        Words are looked for one by one: that takes less than a pattern of all, which each query would have to compile.
        """
        bare = {folded(syllable) for syllable in self.exact | self._in_runs} | self.folded
        keys = sorted(key for key in bare if key and key.isascii())  # no skeleton has the others
        numbers = [re.escape(key) for key in keys if key[0].isdigit()]
        pattern = re.compile(f" 0*(?:{'|'.join(numbers)})(?= )".encode()) if numbers else None
        return [f" {key} ".encode() for key in keys if not key[0].isdigit()], pattern

    @cached_property
    def _sought(self) -> _WordSyllables:
        return _WordSyllables(self)

    def _key(self, syllable: str) -> str | None:
        """Return the matching single syllable, None if there is none."""
        if syllable in self.exact:
            return syllable
        bare = folded(syllable)
        return bare if bare in self.folded else None


NOTHING_WANTED = MarkTargets(frozenset(), frozenset())
"""Marks nothing."""


class _Syllable(NamedTuple):
    """A syllable of a word that is wanted, or beside one that is.

    :param key: What it is wanted as by itself, None if it is not.
    :param weak: Whether that is too common to be marked alone.
    """

    text: str
    key: str | None
    weak: bool


_LONGEST = 32
"""The longest cached word; no longer word is of the language."""


@lru_cache(maxsize=1 << 13)
def _syllables(word: str) -> tuple[str, ...]:
    return tuple(syllables(word))


class _WordSyllables(dict[str, tuple[_Syllable, ...]]):
    """Words as they stand in texts → their syllables if one is wanted, alone or in a run, else nothing."""

    def __init__(self, wanted: MarkTargets) -> None:
        self._wanted = wanted

    def __missing__(self, word: str) -> tuple[_Syllable, ...]:
        wanted = self._wanted
        parts = [(part, wanted._key(part)) for part in (_syllables(word) if len(word) <= _LONGEST else syllables(word))]
        found: tuple[_Syllable, ...] = ()
        if any(key is not None or part in wanted._in_runs for part, key in parts):
            found = tuple(_Syllable(part, key, not wanted.common.isdisjoint((key, part))) for part, key in parts)
        self[word] = found
        return found


_Token = tuple[int, int, _Syllable]
"""A syllable from its start to its end in the text; of several in one place (⑴a), each has the whole place."""

_Hit = tuple[int, int, "str | SyllableRun", bool]
"""Where something is wanted: start, end, as which syllable or part of which run, and whether that is too common."""


@lru_cache(maxsize=1 << 12)
def _clings(character: str) -> bool:
    """Return whether a character belongs to the letter before it: a combining mark, or one that nobody sees."""
    return unicodedata.category(character).startswith("M") or not plain(character)


@lru_cache(maxsize=256)
def _token_pattern(clinging: str) -> re.Pattern[str]:
    return re.compile(rf"[^\W_]++(?:[{re.escape(clinging)}]++[^\W_]*+)*+" if clinging else r"[^\W_]+")


def _skeleton(text: str) -> bytes | None:
    """Return the text in lower case without diacritics, a byte for each character, and a blank before and after.

    Everything but letters and digits becomes blank, so a word has blanks around it. None if the text has unusual
    characters, such as combining marks.
    """
    bare = _AS_WRITTEN.bare(text)
    if bare is None:  # making lower case of a text takes longer than all the rest
        bare = _IN_LOWER_CASE.bare(text.lower())
    return None if bare is None else b" %b " % bare


def _places(text: str, wanted: MarkTargets) -> list[tuple[int, int]]:
    """Return the places of words that may be wanted: similar ones, or all words if there is no skeleton."""
    skeleton = _skeleton(text)
    if skeleton is None:
        clinging = "".join(sorted(filter(_clings, set(text))))
        return [found.span() for found in _token_pattern(clinging).finditer(text)]
    words, numbers = wanted._bare
    places = [(found.start(), found.end() - 1) for found in numbers.finditer(skeleton)] if numbers else []
    for word in words:
        length = len(word) - 2
        at = skeleton.find(word)
        while at >= 0:
            places.append((at, at + length))
            at = skeleton.find(word, at + length + 1)
    places.sort()
    return places


def _tokens(text: str, wanted: MarkTargets) -> list[_Token]:
    """Return the tokens that are wanted, alone or in a run."""
    sought = wanted._sought
    return [(start, end, part) for start, end in _places(text, wanted) for part in sought[text[start:end]]]


def _whole_runs(
    text: str, tokens: list[_Token], runs: Iterable[SyllableRun]
) -> tuple[dict[int, SyllableRun], set[int]]:
    """Return the tokens that are part of a complete run, by their places in the list, and those that only seem to be.

    Tokens that only seem to form a word are the end of one word and the beginning of another.
    """
    spelt = [part.text for _, _, part in tokens]
    gaps: set[int] | None = None
    found: dict[int, SyllableRun] = {}
    apart: set[int] = set()
    for run in runs:
        for i in range(len(tokens) - len(run) + 1):
            if spelt[i] == run[0] and tuple(spelt[i : i + len(run)]) == run:
                if gaps is None:
                    gaps = _gaps(text, tokens)
                within = range(i, i + len(run))
                if not gaps.isdisjoint(within[:-1]):
                    continue
                if len(run) == 2 and _crosses(text, tokens[i][0], tokens[i + 1][1], run):
                    apart.update(within)
                else:
                    found.update((j, run) for j in within)
    return found, apart


def _crosses(text: str, start: int, end: int, run: SyllableRun) -> bool:
    """Return whether two syllables of a text are the end of one word and the beginning of another."""
    if run not in compounds.known():
        return False
    before = _LAST_WORD.search(text, max(0, start - _LONGEST), start)
    after = _NEXT_WORD.match(text, end, end + _LONGEST)
    if before is None or after is None:
        return False
    around = [_syllables(found.group(1)) for found in (before, after)]
    return all(around) and compounds.crosses(around[0][-1], run[0], run[1], around[1][0])


def _gaps(text: str, tokens: list[_Token]) -> set[int]:
    """Return after which tokens, by their place in the list, other words follow."""
    return {i for i, ((_, end, _), (start, _, _)) in enumerate(pairwise(tokens)) if _LETTER.search(text, end, start)}


def _hits(text: str, wanted: MarkTargets) -> list[list[_Hit]]:
    """Return what is wanted, in groups that each become one mark."""
    tokens = _tokens(text, wanted)
    whole, apart = _whole_runs(text, tokens, filter(None, wanted.runs)) if wanted.runs else ({}, set())
    groups: list[list[_Hit]] = []
    last = -1
    for i, (start, end, (_, key, weak)) in enumerate(tokens):
        run = whole.get(i) if whole else None
        if key is None and run is None:
            continue
        weak = weak or i in apart or (bool(whole) and key in wanted.parts)
        hit = start, end, key or run or "", weak and run is None
        if groups and (start < last or _seam(text, last, start)):
            groups[-1].append(hit)
        else:
            groups.append([hit])
        last = end
    return [group for group in groups if not all(weak for _, _, _, weak in group)]


def _seam(text: str, end: int, start: int) -> bool:
    """Return whether two marked words become one mark: blanks are between them, or a sign within codes of documents."""
    between = text[end:start]
    return between.isspace() or (len(between) == 1 and between in "/.:-")


def _pieces(text: str, groups: Iterable[list[_Hit]], low: int, high: int) -> Iterator[Piece]:
    """Yield the text from low to high in pieces, none of them empty."""
    at = low
    for group in groups:
        start, end = max(group[0][0], low), min(group[-1][1], high)
        if start >= end:
            continue
        if at < start:
            yield Piece(text[at:start], False)
        yield Piece(text[start:end], True)
        at = end
    if at < high:
        yield Piece(text[at:high], False)


def mark(text: str, wanted: MarkTargets) -> list[Piece]:
    """Return the whole text in pieces, what is wanted marked; neighbours that are wanted are one piece."""
    return list(_pieces(text, _hits(text, wanted), 0, len(text)))


def _best(hits: Iterable[_Hit], limit: int) -> tuple[int, int]:
    """Return the start and the end of the passage with the most different hits, (0, 0) for no hits.

    In a tie the shortest passage wins, then the first.
    """
    window: list[_Hit] = []
    counts: defaultdict[str | SyllableRun, int] = defaultdict(int)
    first = 0
    best = (0, 0, 0, 0)
    for hit in hits:
        _, end, key, _ = hit
        window.append(hit)
        counts[key] += 1
        while first < len(window):
            start, _, left, _ = window[first]
            if end - start <= limit and counts[left] == 1:
                break
            counts[left] -= 1
            if not counts[left]:
                del counts[left]
            first += 1
        if counts and len(counts) >= best[0]:
            start = window[first][0]
            best = max(best, (len(counts), start - end, -start, end))
    return -best[2], best[3]


def _passage(text: str, start: int, end: int, limit: int) -> tuple[int, int]:
    """Return where to cut a text that is too long so that start to end is within, with what is around it.

    The passage begins with the sentence if there is room, else with the words just before; it ends where limit says.
    """
    if len(text) <= limit:
        return 0, len(text)
    room = limit - (end - start)
    low = max(0, start - room // 2)
    sentences = [found.end() for found in _SENTENCE_END.finditer(text, low, start)] if low else [0]
    low = min(sentences[-1] if sentences else start - room // 3, len(text) - limit)
    if low:
        blanks = _BLANKS.search(text, low - 1, start)
        low = blanks.end() if blanks else start
    return low, _cut(text, max(end, low), low + limit)


def _cut(text: str, least: int, high: int) -> int:
    """Return the last place up to high, but not before least, where a word ends; within a word if there is none."""
    if high >= len(text):
        return len(text)
    blank = next((i for i in range(high, least - 1, -1) if text[i].isspace()), None)
    if blank is not None:
        return least + len(text[least:blank].rstrip())
    if least:
        return least
    return next((i for i in range(high, 0, -1) if not _clings(text[i])), 0)


def snippet(text: str, wanted: MarkTargets, limit: int = 220) -> list[Piece]:
    """Return the passage with the most of what is wanted, on one line, with an ellipsis at an end that was cut.

    :param limit: How many characters it may have, ellipses not counted.
    :return: The start of the text if nothing of it is wanted; nothing if the text is blank.
    :raises ValueError: If limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit: expected 1 or more, got {limit}")
    text = text.strip()
    groups = _hits(text, wanted)
    start, end = _best((hit for group in groups for hit in group if not hit[3]), limit)
    low, high = _passage(text, start, end, limit)
    pieces = [Piece(_ODD_BLANKS.sub(" ", part), marked) for part, marked in _pieces(text, groups, low, high)]
    ellipsis = Piece("…", False)
    return [ellipsis] * (low > 0) + pieces + [ellipsis] * (high < len(text))


def to_html(pieces: Iterable[Piece]) -> Markup:
    """Return the pieces as HTML, escaped, what is marked within <mark>."""
    parts: list[str] = []
    for text, marked in pieces:
        parts += ("<mark>", escape(text), "</mark>") if marked else (escape(text),)
    return Markup("".join(parts))  # noqa: S704
