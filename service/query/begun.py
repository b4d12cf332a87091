"""Other readings of a text that is still being typed, used if no suggestion begins with it.

Owns the order in which readings are tried: corrected words, input method keys removed, English terms in Vietnamese, and
last each word replaced by confusable ones. Knows nothing of suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from indexer.text.syllables import folded, syllables
from service.query import english
from service.query.confusions import confusions
from service.query.typing_slips import without_keys
from service.query.understanding import Query

_MOST_WORDS = 8
"""The most words of a text whose words are replaced by confusable ones. A longer text needs no suggestion."""

_MOST = 8
"""The most such texts that are tried, since a reader waits."""

_TERMS = 4
_SENSES = 2
"""The most English terms with this beginning, and the most renderings of each."""


def readings(query: Query, has: Callable[[str], bool]) -> Iterator[str]:
    """Yield other readings of a query's text, the likeliest first, each once.

    :param has: Returns whether the archive has a word with this form without diacritics.
    """
    seen = {_key(query.typed)}
    for reading in _readings(query, has):
        if (key := _key(reading)) and key not in seen:
            seen.add(key)
            yield reading


def _key(text: str) -> str:
    """Return the key by which the beginnings of texts are compared."""
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
    """Return the texts with one word replaced by a confusable one; the last word may be incomplete."""
    last = len(parts) - 1
    found = [
        (one.cost, at, one.syllable)
        for at, part in enumerate(parts)
        for one in confusions(part)
        if folded(one.syllable) != folded(part) and (at == last or has(folded(one.syllable)))
    ]
    return [" ".join((*parts[:at], meant, *parts[at + 1 :])) for _, at, meant in sorted(found)[:_MOST]]
