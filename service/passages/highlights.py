"""Highlights the searched words in a found article. Gets only public content; knows nothing of permissions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from markupsafe import Markup

from indexer.articles.article import Article
from indexer.text.syllables import folded
from service.passages import snippets
from service.passages.snippets import MarkTargets, Piece


class Highlights:
    """Parts of an article as escaped HTML, with the searched words within <mark>. Each is made when first needed.

    If there is no body, as when bodies are not exposed, nothing of it is shown.
    """

    def __init__(self, article: Article, wanted: MarkTargets) -> None:
        self._article = article
        self._wanted = wanted

    @property
    def title(self) -> Markup:
        """Return the whole title."""
        return snippets.to_html(snippets.mark(self._article.title, self._wanted))

    @property
    def text(self) -> Markup:
        """Return the passage of the body with the most searched words, or of the lead if the body has none."""
        lead = self._article.lead
        if lead and not any(marked for _, marked in self._body):
            return snippets.to_html(snippets.snippet(lead, self._wanted))
        return snippets.to_html(self._body)

    @property
    def lead(self) -> Markup:
        """Return the whole lead."""
        return snippets.to_html(self._lead)

    @property
    def passage(self) -> Markup:
        """Return the passage of the body if it has more searched words than the lead, else an empty string."""
        says_more = len(_marked(self._body)) > len(_marked(self._lead))
        return snippets.to_html(self._body if says_more else [])

    @cached_property
    def _lead(self) -> list[Piece]:
        return snippets.mark(self._article.lead or "", self._wanted)

    @cached_property
    def _body(self) -> list[Piece]:
        return snippets.snippet(self._article.plain_body or "", self._wanted)


def _marked(pieces: Iterable[Piece]) -> set[str]:
    return {folded(word) for text, marked in pieces if marked for word in text.split()}
