"""The reading of each word of a query, and its reason, to show how a query was understood.

Owns the names of these reasons. Knows nothing of pages or their text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from indexer.index.lexical_query import Term
from indexer.text.syllables import code_spans, folded, readable, spelt, stream
from service.query.typing_slips import telex, vni
from service.query.understanding import Query

ReadingKind = Literal["same", "spelling", "diacritics", "telex", "vni", "slip", "misspelt"]
"""Why a word was read so: as typed; another spelling of the word (hoà, hòa); restored diacritics; keys of an input
method; a wrong key; a word confused with another one."""


class WordReading(NamedTuple):
    """One word of a query.

    :param read: The word that it was read as, in the archive's spelling.
    :param articles: The number of articles with that word.
    """

    typed: str
    read: str
    kind: ReadingKind
    articles: int


def readings(query: Query, frequency: Callable[[Term], int]) -> list[WordReading]:
    """Return the words of a query in their order.

    :param frequency: Returns the number of articles with a token.
    """
    found = []
    read = query.read
    words = zip(query.spellings, read.words, read.shown, read.changed, strict=True)
    for at, (typed, word, shown, changed) in enumerate(words):
        if word:
            kind = "misspelt" if at in query.misspelt else _kind(typed, word, changed)
            as_shown = typed if kind == "same" else shown
            found.append(WordReading(typed, as_shown, kind, frequency(Term("exact", word))))
    return found


def _kind(typed: str, word: str, changed: bool) -> ReadingKind:
    (plain,) = stream(typed) or [""]
    if not changed:
        return "same" if plain == word else "spelling"
    was = spelt(plain)
    if folded(was) == folded(word):
        return "diacritics"
    if telex(was) == word:
        return "telex"
    return "vni" if vni(was) == word else "slip"


def phrases(query: Query) -> list[str]:
    """Return the quoted phrases in their reading."""
    joined = [[terms[0].token, *(term.token.rpartition("_")[2] for term in terms[1:])] for terms in query.phrases]
    return [" ".join(parts).replace("_", " ") for parts in joined]


def numbers(query: Query) -> list[str]:
    """Return the document numbers as typed: 15/2024/NĐ-CP."""
    text = readable(query.typed)
    return [text[start:end] for start, end in code_spans(text)]
