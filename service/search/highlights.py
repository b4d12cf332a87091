"""What a found article shows of what was looked for. Is handed what may be seen; knows nothing of who may see what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from indexer.article import Article
from indexer.syllables import folded
from service.search import snippets
from service.search.snippets import Piece, Wanted


@dataclass(frozen=True)
class Highlights:
    """Parts of an article as HTML, escaped, what was looked for within <mark>.

    :param text: The passage of the body with the most of it, or of the lead where the body has nothing.
    :param lead: The whole lead.
    :param passage: The passage of the body where it shows more of what was looked for than the lead does, else empty.
    """

    title: Markup
    text: Markup
    lead: Markup
    passage: Markup


def highlights(article: Article, wanted: Wanted) -> Highlights:
    """Return what to show of an article; without a body, as where bodies are not exposed, nothing of it shows."""
    lead = snippets.mark(article.lead or "", wanted)
    body = snippets.snippet(article.plain_body or "", wanted)
    in_lead, in_body = _marked(lead), _marked(body)
    text = body if in_body or not article.lead else snippets.snippet(article.lead, wanted)
    return Highlights(
        title=snippets.to_html(snippets.mark(article.title, wanted)),
        text=snippets.to_html(text),
        lead=snippets.to_html(lead),
        passage=snippets.to_html(body if len(in_body) > len(in_lead) else []),
    )


def _marked(pieces: Iterable[Piece]) -> set[str]:
    return {folded(word) for text, marked in pieces if marked for word in text.split()}
