"""Alternatives for parts of a query: abbreviations and full forms, renamed places and bodies, synonyms.

Owns their sources, and the choice of the meant one. Knows nothing of the index or of the query's use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from indexer.language import lexicon
from indexer.language.compounds import word_pairs
from indexer.language.knowledge import Knowledge
from indexer.language.lexicon import Abbreviation, Renaming
from indexer.language.mining import MinedAbbreviation
from indexer.text.syllables import folded, syllables
from service.query import thesaurus
from service.query.synonyms import NO_SYNONYMS, Synonyms
from service.query.typing_slips import plausible_folded

WordRun = tuple[str, ...]
AlternativeKind = Literal["abbreviation", "renamed", "synonym", "thesaurus", "typed"]
"""The origin of an alternative; `typed` is the typed text itself, if another spelling was meant."""

_RENAMED_WEIGHT = 0.5
_SYNONYM_WEIGHT = 0.8
_CALLED_WEIGHT, _SELDOM_WEIGHT, _RARER_WEIGHT = 0.4, 0.7, 0.3
"""The weights of a synonym of the reader's word: usually; if the archive hardly has the reader's word; and if it has
that word more often."""
_SELDOM = 10
"""Usage (`Language.usage`) below which the archive hardly has a word."""
_RARER = 0.25
"""The least usage of a synonym to be searched for, as a share of the usage of the reader's word."""
_ABBREVIATION_WEIGHT = 0.75
"""The weight of an abbreviation's single token, as a share of its full form's score, syllable by syllable."""
_LONGEST = 12
_MOST_READINGS = 3
_MINED_SHARE = 0.2
"""The least share of an abbreviation's spelt-out forms in the archive that must agree."""


class AlternativeSpan(NamedTuple):
    """A part of a query, the words from `start` to before `end`, with an alternative.

    `mined` is whether only the archive's own articles give it. `absent` is whether the archive does not have the typed
    words, so that only the alternative can be found.
    """

    start: int
    end: int
    kind: AlternativeKind
    also: WordRun
    weight: float
    mined: bool = False
    absent: bool = False


@dataclass(frozen=True)
class _Replacement:
    kind: AlternativeKind
    run: WordRun
    weight: float
    context: tuple[str, ...] = ()
    mined: bool = False


class Alternatives:
    """Finds alternatives for parts of queries to one archive.

    :param knowledge: The archive's abbreviations, and how usual its words are.
    :param synonyms: Returns the editors' current synonyms.
    :param abbreviations: The editors' abbreviations, which come before all others.
    :param renamings: The editors' renamings.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        synonyms: Callable[[], Synonyms] = lambda: NO_SYNONYMS,
        abbreviations: Iterable[Abbreviation] = (),
        renamings: Iterable[Renaming] = (),
    ) -> None:
        self._synonyms = synonyms
        self._language = knowledge.language
        self._also: dict[WordRun, list[_Replacement]] = {}
        self._abbreviated: set[WordRun] = set()
        for short, full, context in _abbreviations((*abbreviations, *lexicon.abbreviations())):
            self._abbreviate(short, full, context)
        for short, full, _ in _abbreviations(row for row in knowledge.abbreviations if is_taken(row)):
            self._abbreviate(short, full, mined=True)
        for row in (*renamings, *_renamed()):
            old, new = tuple(syllables(row.old)), tuple(syllables(row.new))
            self._add(old, _Replacement("renamed", new, _RENAMED_WEIGHT))
            self._add(new, _Replacement("renamed", old, _RENAMED_WEIGHT))
        lengths: dict[str, set[int]] = {}
        for run in (*self._also, *_phrases()):
            if 0 < len(run) <= _LONGEST:
                lengths.setdefault(run[0], set()).add(len(run))
        self._lengths = {word: tuple(known) for word, known in lengths.items()}

    def _abbreviate(self, short: WordRun, full: WordRun, context: tuple[str, ...] = (), mined: bool = False) -> None:
        for key in dict.fromkeys((short, tuple(map(folded, short)))):
            self._abbreviated.add(key)
            self._add(key, _Replacement("abbreviation", full, 1.0, context, mined))
        if sum(map(len, short)) > 2:  # two letters have too many meanings to replace words
            self._add(full, _Replacement("abbreviation", short, _ABBREVIATION_WEIGHT * len(full), mined=mined))

    def _add(self, run: WordRun, also: _Replacement) -> None:
        known = self._also.setdefault(run, [])
        if all(other.run != also.run for other in known):
            known.append(also)

    def abbreviated(self, word: str, spelling: str, shouted: bool, alone: bool = False) -> bool:
        """Return whether a word is an abbreviation: written like one, or a known one and not a Vietnamese syllable.

        :param shouted: Whether the whole query is in capitals, so that capitals mean nothing.
        :param alone: Whether the word is the whole query; then a known abbreviation in capitals is meant, such as AI.
        """
        if not shouted and len(word) > 1 and spelling.isupper() and len(word) <= 8:
            return True
        meant = alone and spelling.isupper()
        return (word,) in self._abbreviated and (meant or not plausible_folded(folded(word)))

    def find(self, words: Sequence[str], spellings: Sequence[str], taken: set[int]) -> list[AlternativeSpan]:
        """Return the alternatives of runs of words, the longest runs first, without overlaps.

        :param words: In the spelling of `indexer.text.syllables`; an empty string ends a clause.
        :param spellings: The same words as typed.
        :param taken: Places of words that are left alone.
        """
        capitals = any(word[0].isupper() for word in spellings[1:])
        taken = set(taken)
        found = []
        for start, end, run in self._synonyms().alternatives(words):
            found.append(AlternativeSpan(start, end, "synonym", run, _SYNONYM_WEIGHT))
            taken.update(range(start, end))
        words = tuple(words)
        for start, end in self._known(words):
            if not taken.isdisjoint(range(start, end)):
                continue
            readings = self._also.get(run := words[start:end])
            if readings is None:
                taken.update(range(start, end))  # Thái Bình Dương does not contain Thái Bình
                continue
            if not self._meant(run, spellings[start:end], capitals):
                continue
            readings = _likeliest(readings, words)
            found += [AlternativeSpan(start, end, also.kind, also.run, also.weight, also.mined) for also in readings]
            taken.update(range(start, end))
        return found

    def called(
        self,
        words: Sequence[str],
        spellings: Sequence[str],
        taken: Collection[int],
        excluded: Collection[str] = (),
        has: Callable[[str], bool] = lambda token: True,
    ) -> list[AlternativeSpan]:
        """Return the synonyms of words, the most usual first, if the archive uses them about as often.

        Words of the query itself are left out, since they would count twice.

        :param words: Like those of `find`, and so are `spellings`.
        :param taken: Places of words that are left alone.
        :param excluded: Syllables that no hit may have.
        :param has: Whether a public article has a token of `compounds.word_pairs`, or a syllable.
        """
        query, unwanted = f" {' '.join(words)} ", set(excluded)
        found = [
            (start, end, also)
            for start, end, also in thesaurus.find(words, {*taken, *named(words, spellings)})
            if f" {' '.join(also)} " not in query and unwanted.isdisjoint(also)
        ]
        if not found:
            return []
        own = self._language.usage([words[start:end] for start, end, _ in found]).tolist()
        others = self._language.usage([also for *_, also in found]).tolist()
        usual = sorted(zip(found, own, others, strict=True), key=lambda one: (one[0][0], -one[2]))
        spans = []
        for (start, end, also), typed, other in usual:
            absent = not _all_there(words[start:end], has)
            if _all_there(also, has) if absent else other > _RARER * typed:
                weight = _SELDOM_WEIGHT if absent else _called_weight(typed, other)
                weight *= thesaurus.sureness(words[start:end], also)
                spans.append(AlternativeSpan(start, end, "thesaurus", also, weight, absent=absent))
        return spans

    def _known(self, words: WordRun) -> list[tuple[int, int]]:
        """Return the places of runs with alternatives, and of phrases, the longest first."""
        phrases, also = _phrases(), self._also
        found = [
            (-length, start)
            for start, word in enumerate(words)
            for length in self._lengths.get(word, ())
            if (run := words[start : start + length]) in also or run in phrases
            if start + length <= len(words)
        ]
        return [(start, start - length) for length, start in sorted(found)]

    def _meant(self, run: WordRun, spellings: Sequence[str], capitals: bool) -> bool:
        """Return whether a run really is an abbreviation or a name, not an everyday word with the same spelling.

        :param capitals: Whether the query has capitals at all; then a name would have them.
        """
        if run not in self._abbreviated:
            named = all(also.kind == "renamed" for also in self._also[run])
            return not named or not capitals or spellings[0][:1].isupper()
        return any(word.isupper() for word in spellings) or not all(plausible_folded(folded(word)) for word in run)


def _all_there(run: Sequence[str], has: Callable[[str], bool]) -> bool:
    """Return whether the archive has each pair of neighbours in a run of words, or its only word."""
    return all(map(has, word_pairs(run) or run))


def _called_weight(typed: float, other: float) -> float:
    """Return the weight of a synonym from the usage of the reader's word and its own."""
    if other <= typed:
        return _RARER_WEIGHT
    return _SELDOM_WEIGHT if typed < _SELDOM else _CALLED_WEIGHT


def named(words: Sequence[str], spellings: Sequence[str]) -> set[int]:
    """Return the places of what is a name by its capitals, and of what follows a number: An Lành, 35,0 đồng.

    One capital says nothing at the beginning, nor do capitals everywhere. Foreign words are what they are.
    """
    shouted = " ".join(spellings).isupper()
    capital = [
        spelling[:1].isupper() and plausible_folded(folded(word))
        for word, spelling in zip(words, spellings, strict=True)
    ]
    return {
        at
        for at, word in enumerate(words)
        if (not shouted and capital[at] and (at > 0 or capital[1:2] == [True]))
        or (at > 0 and word.isdigit() and words[at - 1].isdigit())
    }


def _likeliest(readings: Sequence[_Replacement], words: Sequence[str]) -> list[_Replacement]:
    """Return the readings that the other words support; if they support none, all, at most _MOST_READINGS."""
    text = f" {' '.join(words)} "
    spoken = [also for also in readings if any(f" {hint} " in text for hint in also.context)]
    return (spoken or list(readings))[:_MOST_READINGS]


@cache
def _phrases() -> frozenset[WordRun]:
    return frozenset(tuple(syllables(phrase)) for phrase in lexicon.phrases())


@cache
def _renamed() -> tuple[Renaming, ...]:
    return tuple(lexicon.renamings())


def is_taken(mined: MinedAbbreviation) -> bool:
    """Return whether searches use an abbreviation that the archive spells out."""
    return mined.share >= _MINED_SHARE


def _abbreviations(rows: Iterable[Abbreviation | MinedAbbreviation]) -> list[tuple[WordRun, WordRun, tuple[str, ...]]]:
    """Return short form, full form and context of each."""
    return [
        (
            tuple(syllables(row.abbreviation)),
            tuple(row.full.split()),
            row.context if isinstance(row, Abbreviation) else (),
        )
        for row in rows
    ]
