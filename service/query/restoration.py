"""From the typed query to the meant one: restores diacritics and repairs typing slips, and changes nothing else.

A noisy channel: each typed word has candidates, each with the log probability of typing it so. The archive's trigram
model scores which candidates follow each other, and a beam search finds the best sentence. A candidate keeps every
diacritic that was typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.language.restoration import BREAK, NUMBER, Ids, Language, Pairs
from indexer.text.syllables import folded
from service.query.english import ENGLISH, is_term
from service.query.known_words import PairsInLanguage
from service.query.typing_slips import plausible, plausible_folded, slips, telex, vni

Costs = NDArray[np.float64]

BEAM = 24
MAX_CANDIDATES = 16
_RARE = 1e-4
"""Candidates less frequent than the commonest word of the same letters by this factor are left out."""

_REMEMBERED = 4096
"""The most words whose candidates are cached: about 2 MB when full."""

_KNOWN = 3
"""A word this frequent in the archive is not a slip."""

_SLIP = np.log(1e-6)
_KEYS = np.log(1e-2)
_STRIPPED = np.log(0.5)
_PARTLY = np.log(0.1 / 0.9)
_UNKNOWN = np.log(1e-6)
_FOREIGN = 0.5
"""Above this share of words that Vietnamese does not spell so, a text without diacritics is in another language."""


class Candidate(NamedTuple):
    """A possible meaning of a typed word.

    :param id: Its id in the language, -1 if the archive does not have it.
    :param cost: The log probability of typing it as it was typed, up to a constant.
    """

    id: int
    word: str
    cost: float


@dataclass(frozen=True)
class RestoredQuery:
    """A query as it was probably meant.

    :param words: One for each typed word, in the spelling of `indexer.text.syllables`; typed breaks are empty strings.
    :param shown: The same in the archive's spelling.
    :param changed: Whether each differs from the typed word.
    :param foreign: Whether the words are of another language, and were therefore left alone.
    """

    words: list[str]
    shown: list[str]
    changed: list[bool]
    foreign: bool


Choices = Callable[[str, bool], Sequence[Candidate]]


def choices_in(language: Language) -> Choices:
    """Return `candidates` for a language with a cache of some thousand words, since most were typed before."""
    return lru_cache(maxsize=_REMEMBERED)(partial(candidates, language))


def restore(
    language: Language,
    typed: Sequence[str],
    fixed: Collection[int] = (),
    choices: Choices | None = None,
    known: PairsInLanguage | None = None,
) -> RestoredQuery:
    """Return the likeliest reading of typed words.

    :param typed: Words in the spelling of `indexer.text.syllables`, an empty string for the end of a clause.
    :param fixed: Places of words that stay as they are, such as abbreviations.
    :param choices: `choices_in` the language, where many texts are read.
    :param known: Pairs that belong together though the archive may not have met them.
    """
    choices = choices or partial(candidates, language)
    others = [word for at, word in enumerate(typed) if at not in fixed]
    bare = all(folded(word) == word for word in others)
    alphabetic = [word for word in others if word.isalpha()]
    foreign = _foreign(language, alphabetic)
    if foreign or len("".join(alphabetic)) == 1:  # a lone letter may be anything
        lattice: list[Sequence[Candidate]] = [[_as_typed(language, word)] for word in typed]
    else:
        lattice = [[_as_typed(language, word)] if at in fixed else choices(word, bare) for at, word in enumerate(typed)]
    if all(len(place) == 1 for place in lattice):
        return _as_read(language, typed, [place[0] for place in lattice], foreign)
    arrays = _Lattice.of(language, lattice, known)
    best, score = _decode(language, arrays)
    if not bare and any(place[at].cost == _STRIPPED for place, at in zip(lattice, best, strict=True)):
        # Either all diacritics were typed, or each with a chance of a half: the likelier of the two stories.
        marked = sum(folded(word) != word for word in others)
        plain, plain_score = _decode(language, arrays.without(_STRIPPED))
        if score + _PARTLY + marked * _STRIPPED <= plain_score:
            best = plain
    return _as_read(language, typed, [place[at] for place, at in zip(lattice, best, strict=True)], foreign)


def _as_read(language: Language, typed: Sequence[str], read: Sequence[Candidate], foreign: bool) -> RestoredQuery:
    words = [c.word for c in read]
    shown = [language.shown[c.id] if c.id > NUMBER else c.word for c in read]
    changed = [word != was for word, was in zip(words, typed, strict=True)]
    return RestoredQuery(words, shown, changed, foreign)


def _foreign(language: Language, words: Sequence[str]) -> bool:
    """Return whether most words cannot be Vietnamese, neither as they stand nor as keys of Telex or VNI.

    Of an English term that is known one is enough: lung could be Vietnamese, cancer could not.
    """
    if any(folded(word) != word and plausible(word) for word in words):
        return False
    odd = [word for word in words if not plausible_folded(folded(word))]
    if odd and is_term(words):
        return True
    keyed = [word for word in odd if (key := telex(word)) is not None and language.id_of(key) is not None]
    if ENGLISH.issuperset(keyed):  # this and was are keys of thí and ứa, if others are, too
        keyed = []
    english = sum(word in ENGLISH for word in words if plausible_folded(word))
    return 2 * len(keyed) < len(odd) and len(odd) + english > _FOREIGN * len(words)


def _as_typed(language: Language, word: str) -> Candidate:
    known = language.id_of(word) if word else BREAK
    return Candidate(-1 if known is None else known, word, 0.0)


def candidates(language: Language, word: str, bare: bool) -> list[Candidate]:
    """Return the candidates of a typed word, including the word itself.

    :param bare: Whether the whole query has no diacritics.
    """
    own = _as_typed(language, word)
    if not word.isalpha():
        keyed = vni(word) if len(word) > 2 else None  # A1 is a licence, a block of flats
        found = language.id_of(keyed) if keyed else None
        return [own] if found is None or keyed is None else [Candidate(found, keyed, 0.0)]
    fold = folded(word)
    marked = fold != word
    if marked and own.id >= 0 and language.counts[own.id] >= _KNOWN:
        return [own]
    alike = [at for at in language.alike(fold) if at == own.id or not marked or _bears(language.words[at], word)]
    least = language.counts.item(alike[0]) * _RARE if alike else 0  # the commonest come first
    stripped = 0.0 if bare else _STRIPPED
    found_words = [
        Candidate(at, language.words[at], 0.0 if at == own.id else stripped)
        for at in alike[:MAX_CANDIDATES]
        if at == own.id or language.counts.item(at) >= least
    ]
    # What was typed with diacritics and can be Vietnamese is never changed: a small archive does not know every name.
    if language.seen(fold) < _KNOWN and len(fold) > 1 and not (marked and plausible(word)):
        found_words += _slipped(language, word, fold)
    if own.id < 0:
        found_words.append(own)
    return found_words or [own]


def _slipped(language: Language, word: str, fold: str) -> list[Candidate]:
    keyed = telex(word)
    at = language.id_of(keyed) if keyed else None
    found = [] if at is None or keyed is None else [Candidate(at, keyed, _KEYS)]
    for slip in slips(fold):
        for near in language.alike(slip)[:4]:
            if language.counts[near] >= _KNOWN:
                lost = _lost_marks(language.words[near], word)
                found.append(Candidate(near, language.words[near], _SLIP + lost * _STRIPPED * 2))
    return sorted(found, key=lambda c: -(c.cost + np.log(language.counts[c.id])))[: 2 * MAX_CANDIDATES]


def _marks(word: str) -> list[tuple[str, frozenset[str]]]:
    letters: list[tuple[str, frozenset[str]]] = []
    for c in unicodedata.normalize("NFD", word.replace("đ", "d\u0335")):
        if unicodedata.combining(c) and letters:
            base, marks = letters[-1]
            letters[-1] = (base, marks | {c})
        else:
            letters.append((c, frozenset()))
    return letters


def _keeps(candidate: str, typed: str) -> bool:
    """Return whether a word of the same letters has every typed mark."""
    pairs = zip(_marks(candidate), _marks(typed), strict=True)
    return all(was <= has for (_, has), (_, was) in pairs)


def _bears(candidate: str, typed: str) -> bool:
    """Return whether a word of the same letters has every typed mark, at its place or, in no syllable, anywhere."""
    return _keeps(candidate, typed) or (not plausible(typed) and not _lost_marks(candidate, typed))


def _lost_marks(candidate: str, typed: str) -> int:
    """Return how many of the typed marks a word of other letters does not have."""
    has, was = ([mark for _, marks in _marks(word) for mark in marks] for word in (candidate, typed))
    for mark in has:
        if mark in was:
            was.remove(mark)
    return len(was)


@dataclass(frozen=True)
class _Lattice:
    """The candidates of all places, concatenated, with the end of a clause before the first place and after the last.

    :param sizes: The number of candidates of each place.
    :param ids: (c,) int64.
    :param costs: (c,) float64 log probabilities.
    :param pairs: (p,) values of each candidate of a place after each candidate of the place before, place by place.
    """

    sizes: list[int]
    ids: Ids
    costs: Costs
    pairs: Pairs

    @classmethod
    def of(
        cls, language: Language, places: Sequence[Sequence[Candidate]], known: PairsInLanguage | None = None
    ) -> _Lattice:
        """Look up all pairs at once: the calls, not the look-ups, are what takes time."""
        every = [c for choices in places for c in choices]
        ids = np.array([BREAK, *(max(c.id, NUMBER) if c.word else BREAK for c in every), BREAK])
        costs = np.array([0.0, *(c.cost + (_UNKNOWN if c.id < 0 else 0.0) for c in every), 0.0])
        sizes = np.array([1, *map(len, places), 1])
        ends = sizes.cumsum()
        followers = sizes[1:].repeat(sizes[:-1])  # of each candidate but the last
        starts = ends[:-1].repeat(sizes[:-1]) - followers.cumsum() + followers
        after = starts.repeat(followers) + np.arange(followers.sum())
        before, word = ids[:-1].repeat(followers), ids[after]
        pairs = language.pairs(before, word)
        if known is not None:
            lift = known.lift(language.keys(before, word), pairs.row >= 0)
            pairs = pairs._replace(score=pairs.score + lift)
        return cls(sizes.tolist(), ids, costs, pairs)

    def without(self, cost: float) -> _Lattice:
        """Return the lattice without the candidates of this cost, if their place has others."""
        costs = np.where(self.costs == cost, -np.inf, self.costs)
        starts = np.cumsum([0, *self.sizes[:-1]])
        alone = np.maximum.reduceat(costs, starts) == -np.inf
        return replace(self, costs=np.where(alone.repeat(self.sizes), self.costs, costs))


def _decode(language: Language, lattice: _Lattice) -> tuple[list[int], float]:
    """Return which candidate of each place is on the best path, and the log probability of all that is not fixed."""
    only = np.zeros(1, dtype=np.intp)
    scores, state, row, backoff = np.zeros(1), only, only - 1, np.zeros(1)
    steps: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    first, pair = 1, 0
    for size, after in pairwise(lattice.sizes):
        if len(scores) == after == 1:  # all paths have what follows in common
            before = choice = only
        else:
            known = lattice.pairs.score[pair : pair + size * after].reshape(size, after)[state]
            follow = language.after_pairs(row, backoff, lattice.ids[first : first + after], known)
            total = (scores[:, None] + follow + lattice.costs[first : first + after]).ravel()
            if size == after == 1:  # after two words without a choice, it makes no difference what stood before them
                kept = total.argmax(0, keepdims=True)
            else:
                kept = (-total).argsort(kind="stable")[:BEAM] if len(total) > BEAM else np.arange(len(total))
            before, choice = np.divmod(kept, after)
            scores = total[kept]
        at = pair + state[before] * after + choice
        state, row, backoff = choice, lattice.pairs.row[at], lattice.pairs.backoff[at]
        steps.append((before, choice))
        first, pair = first + after, pair + size * after
    best = int(scores.argmax())
    score, path = float(scores[best]), []
    for before, choice in reversed(steps):
        path.append(int(choice[best]))
        best = int(before[best])
    return path[:0:-1], score  # the last step is the end of the query, with nothing to choose
