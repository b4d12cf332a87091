"""What else Vietnamese words and phrases are called: northern and southern, official and plain, older and newer words.

Owns which entry is meant where. Knows nothing of archives, nor of what editors hold to be the same (`synonyms`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

from indexer import lexicon
from indexer.syllables import spaced

Run = tuple[str, ...]

_SURENESS: dict[lexicon.Grade, float] = {"same": 1.0, "kind": 0.75, "related": 0.4}
_COMPOUND = 3
"""Syllables of the longest word that another one may be a part of."""


def find(words: Sequence[str], taken: Collection[int] = ()) -> list[tuple[int, int, Run]]:
    """Return (start, end, also) for what words from `start` to before `end` are called as well.

    The longest entries come first; no two places overlap. A single syllable that is part of a known word of two or
    three is left alone: cá heo, a dolphin, is no heo, a pig.

    :param words: In the spelling of `indexer.syllables`, an empty string for the end of a clause.
    :param taken: Places of words that are left alone.
    """
    entries, longest = _entries(), _lengths()
    taken, found = set(taken), []
    places = ((length, start) for start, word in enumerate(words) for length in range(1, longest.get(word, 0) + 1))
    for length, start in sorted(places, key=lambda place: (-place[0], place[1])):
        end = start + length
        also = entries.get(" ".join(words[start:end]))
        if also is None or end > len(words) or not taken.isdisjoint(range(start, end)):
            continue
        if length == 1 and _within(words, start):
            continue
        found += [(start, end, tuple(run.split())) for run in also]
        taken.update(range(start, end))
    return found


def sureness(term: Sequence[str], also: Sequence[str]) -> float:
    """Return how sure it is that an article with one of what a term is called as well is on the same, 0 to 1."""
    grade = _unsure().get((" ".join(term), " ".join(also)))
    return 1.0 if grade is None else _SURENESS[grade]


def preload() -> None:
    """Read the lists now: processes that are forked afterwards share them."""
    _unsure()
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


@cache
def _unsure() -> dict[tuple[str, str], lexicon.Grade]:
    return lexicon.unsure()


@cache
def _entries() -> dict[str, tuple[str, ...]]:
    return {entry.term: entry.also for entry in lexicon.synonyms()}


@cache
def _lengths() -> dict[str, int]:
    """Return how many syllables the longest entry has that begins with a syllable."""
    lengths: dict[str, int] = {}
    for term in _entries():
        first, *after = term.split(" ")
        lengths[first] = max(lengths.get(first, 0), 1 + len(after))
    return lengths


@cache
def _compounds() -> frozenset[str]:
    """Return the known words of several syllables of which one has an entry of its own."""
    alone = {term for term in _entries() if " " not in term}
    others = (run for also in _entries().values() for run in also)
    known = (*map(spaced, lexicon.phrases()), *_entries(), *others)
    return frozenset(
        word for word in known if 0 < word.count(" ") < _COMPOUND and not alone.isdisjoint(word.split(" "))
    )
