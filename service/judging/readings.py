"""What each word of a query was taken for, and why: how a query was understood, for whoever wants to see it.

Owns the naming of what restoration did. Knows nothing of pages or of the words they use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from indexer.index.lexical import Term
from indexer.text.syllables import code_spans, folded, readable, spelt, stream
from service.query.typing_slips import telex, vni
from service.query.understanding import Query

ReadingKind = Literal["same", "spelling", "diacritics", "telex", "vni", "slip", "misspelt"]
"""As it was typed; another spelling of one word (hoà, hòa); diacritics put on; keys of an input method; a wrong key;
a word that is written for another one."""


class WordReading(NamedTuple):
    """One word of a query.

    :param read: What it was taken for, as the archive writes it.
    :param articles: In how many articles that stands.
    """

    typed: str
    read: str
    kind: ReadingKind
    articles: int


def readings(query: Query, frequency: Callable[[Term], int]) -> list[WordReading]:
    """Return the words of a query in their order.

    :param frequency: Returns in how many articles a token stands.
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
    """Return the quoted phrases as they were read."""
    joined = [[terms[0].token, *(term.token.rpartition("_")[2] for term in terms[1:])] for terms in query.phrases]
    return [" ".join(parts).replace("_", " ") for parts in joined]


def numbers(query: Query) -> list[str]:
    """Return the numbers of documents as they were typed: 15/2024/NĐ-CP."""
    text = readable(query.typed)
    return [text[start:end] for start, end in code_spans(text)]
