"""Finds misspelt words of a query by their neighbours in the archive's own text.

A word counts as misspelt if a confusable word (`confusions`) occurs beside the same neighbours, in the archive or in
the shipped words, and the word itself does not. Owns that decision and its certainty. It only proposes: the typed word
is always searched for. Words are in the spelling of `indexer.text.syllables`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.language.knowledge import Knowledge
from indexer.language.restoration import BREAK, NUMBER, Language
from indexer.text.syllables import folded, syllables
from service.query.alternatives import AlternativeSpan
from service.query.confusions import RARE, SAME, SELDOM, USUAL, confusions
from service.query.known_words import PairsInLanguage, known_syllables
from service.query.restoration import RestoredQuery

MOST_WORDS = 12
"""The most words of a query that is checked. A longer query is usually a pasted title: it is spelt right, or its other
words find the article."""

_ATTESTED = 3
"""A word that occurs this often in the archive is not a misspelling."""

_UNHEARD_OF = 3.0
"""The log penalty of a syllable that neither the archive nor the shipped words have. A syllable met once has none."""

_ASSOCIATION = 1.5
"""The least log ratio of a neighbour's probability beside the meant word to its probability anywhere."""

_SURE, _SURE_OF_WORDS, _UNSURE = 2.0, 4.0, 1.0
"""The least log ratio of another word's probability to the typed word's.

From `_SURE` on the other word is searched for. `_SURE_OF_WORDS` replaces it where the typed word exists and the other
one fits only one of its neighbours. From `_UNSURE` on the reader is asked "did you mean". Measured over the sample
archive: of 3,000 titles of other newspapers 6 in 1,000 are misread, of 3,000 beginnings of 2 to 4 words 1 in 1,000.
"""

_SURNAMES = frozenset("nguyễn trần lê phạm huỳnh phan bùi trịnh đặng võ vũ ngô đỗ".split())
"""Surnames that are not common words as well. A short query that begins with one is a person's name."""

_NAME = 5
"""The most words of a person's name."""

_KEPT = 4096


@dataclass(frozen=True)
class Misspelling:
    """A word that was probably meant to be another one.

    :param at: Its place in the query.
    :param sure: Whether to search for the other one without asking.
    :param replaces: Whether the archive does not have the typed word at all.
    """

    at: int
    typed: str
    meant: str
    sure: bool
    replaces: bool


@dataclass(frozen=True)
class Spelling:
    """The spelling of a query's words, and their meaning.

    :param restored: The words with restored diacritics and keys.
    """

    restored: RestoredQuery
    misspelt: list[Misspelling]

    @property
    def sure(self) -> list[Misspelling]:
        """Return the sure misspellings."""
        return [one for one in self.misspelt if one.sure]

    @property
    def unsure(self) -> bool:
        """Return whether there is a misspelling that is not sure."""
        return not all(one.sure for one in self.misspelt)

    @property
    def is_added(self) -> bool:
        """Return whether the correction is searched for beside the typed words, because the archive has both."""
        return not all(one.replaces for one in self.sure)

    @cached_property
    def read(self) -> RestoredQuery:
        """Return the words with sure misspellings corrected."""
        return self._put_right(self.sure)

    @property
    def guessed(self) -> RestoredQuery:
        """Return the words with all misspellings corrected."""
        return self._put_right(self.misspelt)

    def _put_right(self, misspelt: Sequence[Misspelling]) -> RestoredQuery:
        if not misspelt:
            return self.restored
        words, shown, changed = list(self.restored.words), list(self.restored.shown), list(self.restored.changed)
        for one in misspelt:
            words[one.at] = shown[one.at] = one.meant
            changed[one.at] = True
        return replace(self.restored, words=words, shown=shown, changed=changed)

    def typed_beside(self, was: Sequence[str], places: Sequence[AlternativeSpan]) -> list[AlternativeSpan]:
        """Return as alternatives the typed forms of sure misspellings, each with its neighbours.

        They are searched for beside the correction and beside any other alternatives of these words.
        """
        words = self.read.words
        typed = list(self.restored.words)
        for one in self.sure:
            typed[one.at] = was[one.at]
        spans = {at: (place.start, place.end) for place in places for at in range(place.start, place.end)}
        found = []
        for one in self.sure:
            if one.at not in spans:
                start = one.at - (one.at > 0 and bool(words[one.at - 1]) and one.at - 1 not in spans)
                end = one.at + 1 + (one.at + 1 < len(words) and bool(words[one.at + 1]) and one.at + 1 not in spans)
                spans |= {at: (start, end) for at in range(start, end)}
            start, end = spans[one.at]
            found.append(AlternativeSpan(start, end, "typed", tuple(typed[start:end]), 1.0))
        return list(dict.fromkeys(found))


class _Choice(NamedTuple):
    """A choice for a place: first the word itself, then words that it may have been meant to be.

    :param cost: The cost of the mistake.
    """

    at: int
    word: str
    id: int | None
    cost: float


class Speller:
    """Finds misspelt words in queries to one archive. Safe to use from several threads."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._language = knowledge.language
        self.known = PairsInLanguage.known_in(knowledge.language)
        """The pairs of shipped words."""
        self._named = PairsInLanguage.within(knowledge.language, (syllables(name.text) for name in knowledge.names))
        self._meant_by = lru_cache(maxsize=_KEPT)(self._find_meant_by)

    def find(
        self, words: Sequence[str], typed: Sequence[str], fixed: Collection[int] = (), names: Collection[int] = ()
    ) -> list[Misspelling]:
        """Return the misspelt words of a query, in their order.

        :param words: The words as read; an empty string ends a clause.
        :param typed: The same words as typed.
        :param fixed: Places of words that are right.
        :param names: Places of words that are names by their capitals; only a shipped name is known better.
        """
        if sum(map(bool, words)) > MOST_WORDS:
            return []
        ids = [BREAK, *(self._id(word) for word in words), BREAK]
        if words and words[0] in _SURNAMES and len(words) <= _NAME:
            names = range(len(words))
        choices = [
            choice
            for at in self._alone(words, ids)
            if at not in fixed and typed[at].isalpha()
            for choice in self._choices(at, words[at], typed[at])
        ]
        return list(self._judged(choices, ids, typed, set(names))) if choices else []

    def _id(self, word: str) -> int:
        if not word:
            return BREAK
        at = self._language.id_of(word)
        return NUMBER if at is None else at

    def _alone(self, words: Sequence[str], ids: Sequence[int]) -> list[int]:
        """Return the places of words for which nothing shows that they belong to a neighbour."""
        before, after = np.array(ids[:-1]), np.array(ids[1:])
        met = (self._language.pairs(before, after).row >= 0) & (before > NUMBER) & (after > NUMBER)
        known = self.known.has(self._language.keys(before, after))
        counts = self._language.counts
        return [
            at
            for at, word in enumerate(words)
            if word
            and not known[at : at + 2].any()
            and not (met[at : at + 2].any() and counts.item(ids[at + 1]) >= _ATTESTED)
        ]

    def _choices(self, at: int, word: str, typed: str) -> list[_Choice]:
        others = self._meant_by(typed)
        own = self._language.id_of(word)
        lost = 0.0 if word == typed else SELDOM if typed != folded(typed) else SAME
        return [_Choice(at, word, own, lost), *(_Choice(at, *other) for other in others if other[0] != word)]

    def _find_meant_by(self, typed: str) -> list[tuple[str, int, float]]:
        """Return the archive's words that a typed one may have been meant to be, each with its id and cost."""
        is_word = typed in known_syllables() or self._language.id_of(typed) is not None
        found = ((one.syllable, self._language.id_of(one.syllable), one.cost) for one in confusions(typed))
        return [(word, at, cost) for word, at, cost in found if at is not None and (cost < RARE or not is_word)]

    def _judged(
        self, choices: Sequence[_Choice], ids: Sequence[int], typed: Sequence[str], names: set[int]
    ) -> Iterator[Misspelling]:
        scored = _ChoiceScores.of(self._language, self.known, self._named, choices, ids)
        best: dict[int, tuple[float, int]] = {}
        own: dict[int, int] = {}
        for at, choice in enumerate(choices):
            if choice.at not in own:
                own[choice.at] = at
                continue
            gain = float(scored.score[at] - scored.score[own[choice.at]]) - choice.cost + choices[own[choice.at]].cost
            if scored.association[at] >= _ASSOCIATION and gain > best.get(choice.at, (_UNSURE, 0))[0]:
                best[choice.at] = gain, at
        for place, (gain, at) in best.items():
            if place in names and not (scored.known[at] and choices[at].cost <= USUAL):
                continue
            was = typed[place]
            id_was = self._language.id_of(was)
            is_word = id_was is not None or was in known_syllables()
            enough = _SURE_OF_WORDS if is_word and not scored.both[at] else _SURE
            sure = gain >= enough and (bool(scored.known[at]) or not scored.named[at])
            yield Misspelling(place, was, choices[at].word, sure, id_was is None)


@dataclass(frozen=True)
class _ChoiceScores:
    """The scores of (n,) choices.

    :param score: (n,) log probabilities of each with its neighbours.
    :param association: (n,) how much likelier than chance is a neighbour that each was met with; below 0 for none.
    :param known: (n,) bool, choices that form a shipped word with a neighbour.
    :param named: (n,) bool, choices that form a name of the archive with a neighbour.
    :param both: (n,) bool, choices that belong to both neighbours.
    """

    score: NDArray[np.float64]
    association: NDArray[np.float64]
    known: NDArray[np.bool_]
    named: NDArray[np.bool_]
    both: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        language: Language,
        known_pairs: PairsInLanguage,
        names: PairsInLanguage,
        choices: Sequence[_Choice],
        ids: Sequence[int],
    ) -> _ChoiceScores:
        """Look up all pairs at once: each choice after the word before it, then the word after it."""
        n = len(choices)
        own = [NUMBER if one.id is None else one.id for one in choices]
        before = np.array([*(ids[one.at] for one in choices), *own])
        after = np.array([*own, *(ids[one.at + 2] for one in choices)])
        pairs, keys, chances = language.pairs(before, after), language.keys(before, after), language.chances(after)
        words = (before > NUMBER) & (after > NUMBER)
        known, met = known_pairs.has(keys) & words, (pairs.row >= 0) & words
        score = pairs.score.astype(np.float64) + known_pairs.lift(keys, met)
        for at, choice in enumerate(choices):
            if choice.id is None:  # as likely as a word met once; what follows it is as likely as anywhere
                unheard_of = 0.0 if choice.word in known_syllables() else _UNHEARD_OF
                score[at], score[n + at] = -np.log(language.counts.sum()) - unheard_of, chances[n + at]
        belongs = known | met
        association = np.where(belongs, score - chances, -np.inf)
        named = names.has(keys)
        return cls(
            score[:n] + score[n:],
            np.maximum(association[:n], association[n:]),
            known[:n] | known[n:],
            named[:n] | named[n:],
            belongs[:n] & belongs[n:],
        )
