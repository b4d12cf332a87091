"""An article prepared for its writers: plain text, views and words, each worked out once, when a writer first asks.

Owns what more than one writer takes from the text of an article on its way into a segment. Knows nothing of the
writers. Whoever reads articles one after another holds one of these at a time, never those of an archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from indexer.articles.article import Article
from indexer.text.syllables import spelt, stream
from indexer.text.views import encoded_views


@dataclass(frozen=True)
class PreparedArticle:
    """An article with the plain text of its body, and what follows from both.

    :param article: The article itself.
    :param body: `Article.plain_body` of it, which parses HTML each time that it is asked for.
    """

    article: Article
    body: str | None

    @classmethod
    def of(cls, article: Article) -> PreparedArticle:
        """Return an article prepared; its HTML, if its body is in HTML, is parsed now and not again."""
        return cls(article, article.plain_body)

    @property
    def views(self) -> tuple[str, ...]:
        """Return the texts of this article that are encoded (`text.encoded_views`)."""
        return encoded_views(self.article.title, self.article.lead, self.body)

    @property
    def fullness(self) -> int:
        """Return the length of the article in characters. Of two readings of one id the fuller wins."""
        return sum(len(part or "") for part in (self.article.title, self.article.lead, self.body))

    @cached_property
    def text(self) -> str:
        """Title, lead and body, a line each where they are there."""
        return "\n".join(part for part in (self.article.title, self.article.lead, self.body) if part)

    @cached_property
    def title_words(self) -> list[str]:
        """`syllables.stream` of the title."""
        return stream(self.article.title)

    @cached_property
    def other_words(self) -> list[str]:
        """`syllables.stream` of lead and body. It begins with the end of the title's clause."""
        return stream(self.text[len(self.article.title) :])

    @cached_property
    def words(self) -> list[str]:
        """`syllables.stream` of the text: those of the title, then the others."""
        return [*self.title_words, *self.other_words]

    @cached_property
    def syllables(self) -> list[str]:
        """The words in the one spelling of `syllables.spelt`; an empty string still marks the end of a clause."""
        return [spelt(word) for word in self.words]

    @property
    def title_syllables(self) -> list[str]:
        """Return those of the title."""
        return self.syllables[: len(self.title_words)]
