"""What a text that is still being typed may be, where nothing that can be suggested begins so.

Owns the order in which other readings are tried: misspelt words put right, keys of an input method taken out, English
terms in Vietnamese, and last each word as others are written for it. Knows nothing of what can be suggested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from indexer.text.syllables import folded, syllables
from service.query import english
from service.query.confusions import confusions
from service.query.typing_slips import without_keys
from service.query.understanding import Query

_MOST_WORDS = 8
"""Of so many words at most each is taken for another one; whoever typed more needs no suggestion."""

_MOST = 8
"""How many of such texts are tried; a reader waits for them."""

_TERMS = 4
_SENSES = 2
"""How many English terms that begin so are looked at, and how many renderings of each."""


def readings(query: Query, has: Callable[[str], bool]) -> Iterator[str]:
    """Yield what else the text of a query may be, the likeliest first, each once.

    :param has: Returns whether the archive has a word that is written so without diacritics.
    """
    seen = {_key(query.typed)}
    for reading in _readings(query, has):
        if (key := _key(reading)) and key not in seen:
            seen.add(key)
            yield reading


def _key(text: str) -> str:
    """Return what decides what a text is the beginning of."""
    return " ".join(map(folded, syllables(text)))


def _readings(query: Query, has: Callable[[str], bool]) -> Iterator[str]:
    yield from filter(None, (query.corrected, query.did_you_mean, query.restored))
    parts = syllables(query.typed)
    yield " ".join(map(without_keys, parts))
    for term in english.begun(" ".join(parts), _TERMS):
        yield from term.vietnamese[:_SENSES]
    if query.gloss:
        yield query.gloss
    if len(parts) <= _MOST_WORDS:
        yield from _confused(parts, has)


def _confused(parts: list[str], has: Callable[[str], bool]) -> list[str]:
    """Return the text with one word as it may have been meant; the last one may be only begun."""
    last = len(parts) - 1
    found = [
        (one.cost, at, one.syllable)
        for at, part in enumerate(parts)
        for one in confusions(part)
        if folded(one.syllable) != folded(part) and (at == last or has(folded(one.syllable)))
    ]
    return [" ".join((*parts[:at], meant, *parts[at + 1 :])) for _, at, meant in sorted(found)[:_MOST]]
