"""What stands around an article on its page: three blocks of other articles, as newspapers have them, none twice.

Knows nothing of Flask, nor of how related articles are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.articles.article import Article
from service.hits import Hit
from service.ranking.presets import PresetName
from service.schemas import RelatedBody, Seed
from service.searcher import Searcher

_TEASED = 4
"""From so many paragraphs on, teasers stand between them; in a shorter text they would stand in for it."""

_DESCRIPTION_CHARS = 160


REFERENCES: Mapping[PresetName, Literal["now", "seed"]] = {
    "inline-teasers": "seed",
    "standard": "seed",
    "headlines": "now",
}
"""What age is counted to in each block. Around an old article stands what belongs to its own time; headlines are
today's."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of an article's page.

    :param teasers: Surely related, to stand within the text; none where the text is short.
    :param related: To stand under it.
    :param headlines: Of the day, to stand beside it.
    """

    teasers: Sequence[Hit]
    related: Sequence[Hit]
    headlines: Sequence[Hit]


def blocks(searcher: Searcher, article: Article, paragraphs: int) -> Blocks:
    """Return the blocks around an article; what one shows, the next leaves out.

    :param paragraphs: How many its text has on the page.
    """
    shown: list[str] = []

    def block(preset: PresetName) -> Sequence[Hit]:
        options = {"preset": preset, "reference": REFERENCES[preset], "exclude_ids": list(shown)}
        found = searcher.related(RelatedBody.model_validate({"seed": Seed(ids=[article.id]), **options})).hits
        shown.extend(hit.article.id for hit in found)
        return found

    teasers = block("inline-teasers") if paragraphs >= _TEASED else []
    return Blocks(teasers, block("standard"), block("headlines"))


def paragraphs(article: Article) -> tuple[list[str], list[str]]:
    """Return the paragraphs of an article's text, those before the teasers and those after."""
    found = [line for line in (article.plain_body or "").split("\n") if line]
    half = (len(found) + 1) // 2 if len(found) >= _TEASED else len(found)
    return found[:half], found[half:]


def description(article: Article) -> str:
    """Return in a line what an article is about."""
    return shortened(article.lead or article.plain_body or article.title)


def shortened(text: str, limit: int = _DESCRIPTION_CHARS) -> str:
    """Return the text on one line, cut between words where it is longer than the limit."""
    line = " ".join(text.split())
    return line if len(line) <= limit else (line[:limit].rsplit(" ", 1)[0]).rstrip(" ,.;:") + "…"
