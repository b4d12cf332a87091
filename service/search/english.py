"""What the words of an English query are in Vietnamese, each by itself: a glossary, and the forms that words take.

No translation: of each word all its usual renderings, one of which an article has to have. Owns how the entry of an
inflected word is found. Knows nothing of archives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from indexer import lexicon
from indexer.syllables import stream, syllables

Run = tuple[str, ...]

# What English questions are made of, beside what they ask for; Vietnamese text has these words by chance only.
ENGLISH = frozenset(
    "a about after all also an and any are as at be been before being between but by can could did do does during each "
    "for from had has have he her him his how i if in into is it its just many may me might more most much my no nor "
    "not of off on one only or other our out over own same she should so some such than that the their them then there "
    "these they this those through to too under up upon us very was we were what when where which while who whom whose "
    "why will with within would you your".split()
)

_ENDINGS = tuple(
    tuple(pair.split(":"))
    for pair in ("ies:y es: s: ied:y ed: ed:e ing: ing:e ings: iest:y est: est:e ier:y er: er:e ily:y ly:").split()
)
"""What stands at the end of a form, and what instead of it at the end of the word that has an entry."""

_LEAST = 2
"""Letters that a word has before its ending."""


class Gloss(NamedTuple):
    """The words of a query from `start` to before `end`, and what they may be in Vietnamese.

    :param usual: The usual rendering, as it is written.
    :param readings: All, the usual first, each as syllables in the spelling of `indexer.syllables`.
    """

    start: int
    end: int
    usual: str
    readings: tuple[Run, ...]


def glosses(words: Sequence[str], spellings: Sequence[str]) -> list[Gloss]:
    """Return what the words of an English query are in Vietnamese, in their order; at each word the longest term.

    What English questions are made of is left out.

    :param words: In lower case, an empty string for the end of a clause.
    :param spellings: The same as they were typed. What has a capital within a sentence is no form of another word
        (Manning is no man); in what is no sentence, or by itself, it is a name (Apple, the firm).
    """
    sentence = not ENGLISH.isdisjoint(words)
    found: list[Gloss] = []
    for at in range(len(words)):
        if found and at < found[-1].end:
            continue
        capital = spellings[at][:1].isupper() and (at > 0 or len(words) == 1)
        longest = max(_lengths().get(form, 0) for form in forms(words[at]))
        for length in range(min(longest, len(words) - at), 0, -1):
            term = words[at : at + length]
            entry = None if ENGLISH.issuperset(term) else _entry(term)
            if entry is None:
                continue
            if not capital or length > 1 or entry.english[:1].isupper() or (sentence and entry.english == words[at]):
                found.append(Gloss(at, at + length, entry.vietnamese[0], _runs(entry)))
                break
    return found


def gloss_of(words: Sequence[str], spellings: Sequence[str], glossed: Sequence[Gloss]) -> str:
    """Return a text of the usual rendering of each word, the others as they were typed; nothing where none is known."""
    if not glossed:
        return ""
    said = {gloss.start: gloss.usual for gloss in glossed}
    inside = {at for gloss in glossed for at in range(gloss.start, gloss.end)}
    said |= {at: spellings[at] for at, word in enumerate(words) if word and at not in inside and word not in ENGLISH}
    return " ".join(said[at] for at in sorted(said))


def _entry(words: Sequence[str]) -> lexicon.Rendering | None:
    """Return the entry of a term; its first word may be inflected (took place), or its last (trade unions)."""
    entries = _entries()
    *before, last = words
    first, *after = words
    terms = [(*before, form) for form in forms(last)] + [(form, *after) for form in forms(first) if after]
    return next(filter(None, (entries.get(" ".join(term)) for term in terms)), None)


def _runs(entry: lexicon.Rendering) -> tuple[Run, ...]:
    return tuple(dict.fromkeys(tuple(syllables(rendering)) for rendering in entry.vietnamese))


def forms(word: str) -> Iterator[str]:
    """Yield a word and what it may be a form of: cities is city, planned is plan. Some are no words."""
    yield word
    if base := _irregular().get(word):
        yield base
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _LEAST:
            yield stem + instead
            if not instead and len(stem) > _LEAST and stem[-1] == stem[-2]:
                yield stem[:-1]


@cache
def _entries() -> dict[str, lexicon.Rendering]:
    return {" ".join(filter(None, stream(entry.english))): entry for entry in lexicon.english()}


@cache
def _lengths() -> dict[str, int]:
    """Return how many words the longest term has that begins with a word."""
    lengths: dict[str, int] = {}
    for term in _entries():
        first, *after = term.split()
        lengths[first] = max(lengths.get(first, 0), 1 + len(after))
    return lengths


@cache
def _irregular() -> dict[str, str]:
    return lexicon.english_forms()
