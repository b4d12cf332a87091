"""What a word index is asked, and what it is given: terms, queries, tokens.

Everything that callers and implementations of `protocols.LexicalIndex` share. Knows no library of any index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from indexer.articles.prepared import PreparedArticle
from indexer.language.compounds import word_pairs
from indexer.text.syllables import spelt

Field = Literal["exact", "folded", "title"]


class Term(NamedTuple):
    """One token in one field, and what its BM25 score is multiplied by."""

    field: Field
    token: str
    weight: float = 1.0


Alternative = tuple[Term, ...]
TermGroup = tuple[Alternative, ...]


@dataclass(frozen=True)
class LexicalQuery:
    """What to look for: groups whose scores add up.

    Of the alternatives of a group the best counts; the terms of an alternative add up.
    """

    groups: tuple[TermGroup, ...]

    def __bool__(self) -> bool:
        return bool(self.groups)


@dataclass(frozen=True)
class Chance:
    """What words would score by chance.

    :param mean: Of an unrelated article.
    :param std: The standard deviation of that.
    :param whole: Of an article of average length that has every token once.
    :param known: The same of the tokens alone that some article has.
    """

    mean: float
    std: float
    whole: float
    known: float


def tokens(words: Sequence[str]) -> list[str]:
    """Return the tokens of a text from its `syllables.stream`: syllables, and pairs (`compounds.word_pairs`)."""
    return with_pairs([spelt(word) for word in words])


def with_pairs(parts: Sequence[str], written: Sequence[str] | None = None) -> list[str]:
    """Return the syllables that are not empty, and then the pairs of neighbours (`compounds.word_pairs`).

    :param parts: What `syllables.spelt` gives for each word of a `syllables.stream`.
    :param written: What is returned in place of each part, such as its folded form; the parts themselves by default.
    """
    return [part for part in written or parts if part] + word_pairs(parts, written)


class ArticleTokens(NamedTuple):
    """The tokens of an article: of its title, and of title, lead and body together."""

    title: list[str]
    text: list[str]

    @classmethod
    def of(cls, prepared: PreparedArticle) -> ArticleTokens:
        """Return the tokens of an article."""
        return cls(with_pairs(prepared.title_syllables), with_pairs(prepared.syllables))
