"""Renders the words of an English query in Vietnamese, word by word: a glossary, and the inflected forms of words.

This is not a translation: each word gets all its usual renderings, and an article must have one of them. Owns how the
entry of an inflected word is found. Knows nothing of archives.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from indexer.language import lexicon
from indexer.text.syllables import stream, syllables

EnglishRun = tuple[str, ...]

# The function words of English questions; Vietnamese text has these words only by chance.
ENGLISH = frozenset(
    "a about after all also an and any are as at be been before being between but by can could did do does during each "
    "for from had has have he her him his how i if in into is it its just many may me might more most much my no nor "
    "not of off on one only or other our out over own same she should so some such than that the their them then there "
    "these they this those through to too under up upon us very was we were what when where which while who whom whose "
    "why will with within would you your".split()
)

_NAMES = {"US": "us", "IT": "it", "WHO": "who", "May": "may"}
"""Spellings in capitals that are names and not function words, and the function word that each looks like.

If the whole query is in capitals, the capitals say nothing.
"""

_ACRONYM = 3
"""The most letters of an acronym. A query in capitals with a longer word was typed with caps lock on."""

_SHORTENED = (
    (re.compile(r"\bwon['’]t\b", re.IGNORECASE), "will"),
    (re.compile(r"\bcan['’]t\b", re.IGNORECASE), "can"),
    (re.compile(r"(?<=\bi)['’](?:m|ve|d|ll)\b", re.IGNORECASE), ""),
    (re.compile(r"(?<=[a-z]{2})(?:n['’]t|['’](?:s|d|m|ll|re|ve))\b", re.IGNORECASE), ""),
    (
        re.compile(r"(?<![\w.])(u\.[kns]|e\.u)\b(?!\.\w)\.?", re.IGNORECASE),
        lambda dotted: dotted[1].replace(".", "").upper(),
    ),
)
"""Contractions, possessives and dotted abbreviations, and what replaces each.

The tokenizer would split them at the apostrophe or the dot.
"""

_ENDINGS = (("ies", "y"), ("s", ""), ("es", ""), ("ied", "y"), ("iest", "y"), ("ier", "y"), ("ily", "y"), ("ly", ""))
"""Endings of inflected forms, each with the ending of the base form: cities, city."""

_AFTER_E = ("ed", "ing", "er", "est")
"""Endings before which the base form may have lost an e (hoped) or doubled its last letter (hopped)."""

_LOST_E = re.compile("[aeiou][^aeiouwxy]$|th$")
"""Matches a stem whose base form probably ends in e.

Without the e, the last letter would have been doubled: hoped comes from hope, hopped from hop.
"""

_BEGUN = 3
"""The least letters of a text that is looked up as the beginning of a term."""

_LEAST = 2
"""The least letters that a word has before its ending."""


class Gloss(NamedTuple):
    """The words of a query from `start` to before `end`, and what they may be in Vietnamese.

    :param renderings: The Vietnamese renderings as written, the most usual one first.
    :param name: Whether the words may also be a name that the glossary does not have.
    """

    start: int
    end: int
    renderings: tuple[str, ...]
    name: bool

    @property
    def usual(self) -> str:
        """Return the usual rendering."""
        return self.renderings[0]

    @property
    def readings(self) -> tuple[EnglishRun, ...]:
        """Return the renderings as syllables in the spelling of `indexer.text.syllables`."""
        return tuple(dict.fromkeys(tuple(syllables(rendering)) for rendering in self.renderings))


def preload() -> None:
    """Read the glossary now. Processes that are forked afterwards share its memory."""
    _lengths()
    _sorted()
    _irregular()


def whole_words(text: str) -> str:
    """Return an English text with contractions and possessives as single words, and the U.S. without dots."""
    for pattern, instead in _SHORTENED:
        text = pattern.sub(instead, text)
    return text


def asking(words: Sequence[str], spellings: Sequence[str]) -> list[bool]:
    """Return for each word whether it is a function word of English questions.

    :param words: The words in lower case; an empty string ends a clause.
    :param spellings: The same words as typed.
    """
    shouted = _shouted(spellings)
    return [
        word in ENGLISH and not _is_name(word, spelling, at > 0 and bool(words[at - 1]), shouted)
        for at, (word, spelling) in enumerate(zip(words, spellings, strict=True))
    ]


def _is_name(word: str, spelling: str, within: bool, shouted: bool) -> bool:
    """Return whether the capitals of a word say that it is a name and not a function word.

    US always is a name. May is one only within a clause. If the whole query is in capitals, only US is.
    """
    if _NAMES.get(spelling) != word:
        return False
    return spelling == "US" or (not shouted and (spelling.isupper() or within))


def _shouted(spellings: Sequence[str]) -> bool:
    """Return whether the whole query is in capitals, so that they say nothing. A query of acronyms alone is not."""
    return " ".join(spellings).isupper() and any(len(spelling) > _ACRONYM for spelling in spellings)


def glosses(words: Sequence[str], spellings: Sequence[str], taken: Collection[int] = ()) -> list[Gloss]:
    """Return the Vietnamese renderings of an English query's words, in their order.

    At each word the longest term of the glossary is taken. A word with a capital within a sentence may be a name, so it
    is not treated as a form of another word: Manning is no form of man. Neighbours with capitals are one name, as in
    Bill Gates foundation.

    :param words: The words in lower case; an empty string ends a clause.
    :param spellings: The same words as typed.
    :param taken: Places of words that get no rendering.
    """
    asked = asking(words, spellings)
    shouted = _shouted(spellings)
    capital = [not shouted and spelling[:1].isupper() for spelling in spellings]
    found: list[Gloss] = []
    end = 0
    for at, word in enumerate(words):
        if at < end:
            continue
        longest = max(_lengths().get(form, 0) for form in forms(word))
        for length in range(min(longest, len(words) - at), 0, -1):
            last = at + length - 1
            term = list(words[at : last + 1])
            if all(asked[at : last + 1]) or not set(taken).isdisjoint(range(at, last + 1)):
                continue
            entry = _entry(term)
            if entry is None or not _fits(entry, word, spellings[at], shouted):
                continue
            if entry.english[0].isupper():
                if not capital[at] and not shouted and (asked[at] or asked[last]):
                    continue  # "how long an" does not name the province Long An
                name = False
            else:
                within = at > 0 and bool(words[at - 1])
                named = capital[at] and (within or capital[at + 1 : at + 2] == [True])
                name = length == 1 and (named or (capital[at] and len(words) == 1))
                if length == 1 and named and not (any(asked) and entry.english == word):
                    continue
            end = last + 1
            renderings = entry.vietnamese
            # Newspapers write such a word as it is; longer renderings would score higher by their length.
            if syllables(renderings[0]) == term:
                renderings = renderings[:1]
            found.append(Gloss(at, end, renderings, name))
            break
    return found


def is_term(words: Sequence[str]) -> bool:
    """Return whether these lower-case words are one term of the glossary that has several words and is no name."""
    entry = _entry(words) if len(words) > 1 else None
    return entry is not None and not entry.english[0].isupper()


def begun(text: str, most: int) -> list[lexicon.Rendering]:
    """Return the terms of the glossary that equal or begin with a lower-case text, the shortest first.

    The term that equals it comes before all others; there the text may be inflected.

    :param most: The most terms to return.
    """
    if len(text) < _BEGUN or not text.isascii():
        return []
    whole = _entry(text.split())
    terms = _sorted()
    low, high = bisect_left(terms, text), bisect_left(terms, text + "\U0010ffff")
    others = sorted(terms[low:high], key=lambda term: (len(term), term))[:most]
    found = [*([] if whole is None else [whole]), *(_entries()[term] for term in others)]
    return list(dict.fromkeys(found))[:most]


def gloss_of(
    words: Sequence[str], spellings: Sequence[str], glossed: Sequence[Gloss], taken: Collection[int] = ()
) -> str:
    """Return the query with each word replaced by its usual rendering; words without one stay as typed.

    Return an empty string if every rendering equals its word, because the text would be the query itself.

    :param glossed: What `glosses` returned for the other parameters.
    """
    said = {gloss.start: gloss.usual for gloss in glossed if not gloss.name}
    if all(gloss.name or gloss.readings[0] == tuple(words[gloss.start : gloss.end]) for gloss in glossed):
        return ""
    inside = {at for gloss in glossed if not gloss.name for at in range(gloss.start, gloss.end)}
    for at, (word, asked) in enumerate(zip(words, asking(words, spellings), strict=True)):
        if word and at not in inside and (not asked or at in taken):
            said[at] = spellings[at]
    return " ".join(said[at] for at in sorted(said))


def _entry(words: Sequence[str]) -> lexicon.Rendering | None:
    """Return the glossary's entry of a term. Its last word (trade unions) or first (took place) may be inflected."""
    entries = _entries()
    *before, last = words
    first, *after = words
    terms = [(*before, form) for form in forms(last)] + [(form, *after) for form in forms(first) if after]
    return next(filter(None, (entries.get(" ".join(term)) for term in terms)), None)


def _fits(entry: lexicon.Rendering, word: str, spelling: str, shouted: bool) -> bool:
    """Return whether the capitals of what was typed allow the entry. An acronym needs them: Un is not UN, us not US."""
    if not entry.english.isupper():
        return True
    own = entry.english.lower() == (word.removesuffix("s") if spelling.endswith("s") else word)
    return own and (shouted or spelling[:2].isupper() or not (word in ENGLISH or spelling[0].isupper()))


def forms(word: str) -> Iterator[str]:
    """Yield a word and its possible base forms, likelier ones first: cities, city. Some of them are no words."""
    yield word
    if base := _irregular().get(word):
        yield base
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _LEAST:
            yield stem + instead
    for ending in _AFTER_E:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < _LEAST:
            continue
        whole = (stem, stem + "e")
        yield from reversed(whole) if _LOST_E.search(stem) else whole
        if len(stem) > _LEAST and stem[-1] == stem[-2]:
            yield stem[:-1]


@cache
def _entries() -> dict[str, lexicon.Rendering]:
    return {" ".join(filter(None, stream(whole_words(entry.english)))): entry for entry in lexicon.english()}


@cache
def _sorted() -> list[str]:
    return sorted(_entries())


@cache
def _lengths() -> dict[str, int]:
    """Return for each first word of a term the number of words of the longest such term."""
    lengths: dict[str, int] = {}
    for term in _entries():
        first, *after = term.split()
        lengths[first] = max(lengths.get(first, 0), 1 + len(after))
    return lengths


@cache
def _irregular() -> dict[str, str]:
    return lexicon.english_forms()
