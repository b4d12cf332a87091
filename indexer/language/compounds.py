"""Known Vietnamese words of two syllables, and neighbouring syllables that only look like one.

Blanks separate syllables, not words: `gia đình công nhân`, a worker's family, does not contain `đình công`, a strike.
Knows nothing of indexes or queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from indexer.language import lexicon
from indexer.text.syllables import syllables

_JOINT, _BORDER = "_", "__"


@cache
def known() -> frozenset[tuple[str, str]]:
    """Return the known words of two syllables, in the spelling of `indexer.text.syllables`."""
    listed = {*lexicon.phrases(), *(term for entry in lexicon.synonyms() for term in (entry.term, *entry.also))}
    runs = (tuple(syllables(term)) for term in listed if term.count(" ") == 1)
    return frozenset((run[0], run[1]) for run in runs if len(run) == 2)


def crosses(before: str, left: str, right: str, after: str) -> bool:
    """Return whether `left` and `right`, which look like a word, are the end of one and the beginning of the next."""
    words = known()
    return (left, right) in words and (before, left) in words and (right, after) in words


def words_in(parts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the known words of two syllables in a text, in order, without those that cross the border of two words.

    :param parts: As in `word_pairs`.
    """
    around = ["", *parts, ""]
    return [
        (left, right)
        for before, left, right, after in zip(around, around[1:], around[2:], around[3:], strict=False)
        if (left, right) in known() and not crosses(before, left, right, after)
    ]


def word_pairs(parts: Sequence[str], written: Sequence[str] | None = None) -> list[str]:
    """Return each pair of neighbours as a token: `bảo_hiểm`, or `đình__công` if it crosses the border of two words.

    :param parts: Normalised syllables; an empty string ends a clause, and no pair crosses it.
    :param written: The syllables to make tokens from instead: the same ones without diacritics.
    """
    words, shown = known(), parts if written is None else written
    last = len(parts) - 2
    found = []
    for at in range(last + 1):
        left, right = parts[at], parts[at + 1]
        if left and right:
            # Most pairs are not a word, so the outer neighbours are seldom needed.
            apart = (left, right) in words and 0 < at < last and crosses(parts[at - 1], left, right, parts[at + 2])
            found.append(f"{shown[at]}{_BORDER if apart else _JOINT}{shown[at + 1]}")
    return found
