"""The shipped thesaurus of Vietnamese: northern and southern, official and plain, older and newer words.

Owns which entry applies where. Knows nothing of archives, nor of the editors' synonyms (`synonyms`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from indexer.language import lexicon
from indexer.language.compounds import crosses
from indexer.text.syllables import spaced

TermRun = tuple[str, ...]

_SURENESS: dict[lexicon.Grade, float] = {"same": 1.0, "kind": 0.75, "related": 0.4}
_LIGHT = frozenset({"bị", "được", "vụ"})
"""Light words before a term that do not change its subject: bị sa thải has the synonyms of sa thải."""

_COMPOUND = 3
"""Syllables of the longest word in which another one may occur."""


def find(words: Sequence[str], taken: Collection[int] = ()) -> list[tuple[int, int, TermRun]]:
    """Return (start, end, also): a synonym for the words from `start` to before `end`.

    The longest entries come first, without overlaps. A syllable within a known word of two or three syllables is left
    alone: cá heo, a dolphin, is not heo, a pig. So are syllables across the border of two words.

    :param words: In the spelling of `indexer.text.syllables`, an empty string for the end of a clause.
    :param taken: Places of words that are left alone.
    """
    entries, longest = _thesaurus().entries, _lengths()
    taken, found = set(taken), []
    places = ((length, start) for start, word in enumerate(words) for length in range(1, longest.get(word, 0) + 1))
    for length, start in sorted(places, key=lambda place: (-place[0], place[1])):
        end = start + length
        also = entries.get(" ".join(words[start:end]))
        if also is None or end > len(words) or not taken.isdisjoint(range(start, end)):
            continue
        if length == 1 and _within(words, start):
            continue
        if length == 2 and start > 0 and end < len(words) and crosses(*words[start - 1 : end + 1]):
            continue
        found += [(start, end, tuple(run.split())) for run in also]
        taken.update(range(start, end))
    return found


def sureness(term: Sequence[str], also: Sequence[str]) -> float:
    """Return how sure it is that an article with a term's synonym has the same subject, 0 to 1."""
    grade = _thesaurus().unsure.get((" ".join(term), " ".join(also)))
    return 1.0 if grade is None else _SURENESS[grade]


def terms() -> Iterator[str]:
    """Yield every term, synonyms included."""
    for term, also in _thesaurus().entries.items():
        yield term
        yield from also


def preload() -> None:
    """Read the lists now, so that processes forked afterwards share them."""
    _lengths()
    _compounds()


def _within(words: Sequence[str], at: int) -> bool:
    """Return whether a syllable is part of a longer word that is known."""
    compounds = _compounds()
    return any(
        " ".join(words[start : start + length]) in compounds
        for length in range(2, _COMPOUND + 1)
        for start in range(max(0, at - length + 1), at + 1)
    )


class _Thesaurus(NamedTuple):
    """The shipped thesaurus; a term behind a light word has what the term itself is called as well.

    :param entries: What each term is called as well.
    :param unsure: How (term, also) differ, for those that do not mean the same.
    """

    entries: dict[str, tuple[str, ...]]
    unsure: dict[tuple[str, str], lexicon.Grade]


@cache
def _thesaurus() -> _Thesaurus:
    entries, unsure = {entry.term: entry.also for entry in lexicon.synonyms()}, lexicon.unsure()
    for term, also in entries.items():
        inner = _without_light(term)
        adopted = [other for other in entries.get(inner, ()) if inner != term and other not in (*also, term)]
        entries[term] = (*also, *adopted)
        unsure.update({(term, other): unsure[inner, other] for other in adopted if (inner, other) in unsure})
    return _Thesaurus(entries, unsure)


def _without_light(term: str) -> str:
    """Return the part of a term behind a light word: two syllables or more, else the whole term."""
    first, _, rest = term.partition(" ")
    return rest if first in _LIGHT and " " in rest else term


@cache
def _lengths() -> dict[str, int]:
    """Return how many syllables the longest entry has that begins with a syllable."""
    lengths: dict[str, int] = {}
    for term in _thesaurus().entries:
        first, *after = term.split(" ")
        lengths[first] = max(lengths.get(first, 0), 1 + len(after))
    return lengths


@cache
def _compounds() -> frozenset[str]:
    """Return the known words of several syllables of which one has an entry of its own."""
    alone = {term for term in _thesaurus().entries if " " not in term}
    others = (run for also in _thesaurus().entries.values() for run in also)
    known = (*map(spaced, lexicon.phrases()), *_thesaurus().entries, *others)
    return frozenset(
        word for word in known if 0 < word.count(" ") < _COMPOUND and not alone.isdisjoint(word.split(" "))
    )
