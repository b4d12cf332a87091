"""The three blocks of other articles around an article on its page, without repetitions.

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
"""The least number of paragraphs for teasers between them; in a shorter text they would dominate."""

_DESCRIPTION_CHARS = 160


REFERENCES: Mapping[PresetName, Literal["now", "seed"]] = {
    "inline-teasers": "seed",
    "standard": "seed",
    "headlines": "now",
}
"""The moment from which age is computed in each block. Around an old article are articles of its own time; headlines
are of today."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of an article's page.

    :param teasers: Surely related articles within the text; none if the text is short.
    :param related: Articles under the text.
    :param headlines: Articles of the day beside the text.
    """

    teasers: Sequence[Hit]
    related: Sequence[Hit]
    headlines: Sequence[Hit]


def blocks(searcher: Searcher, article: Article, paragraphs: int) -> Blocks:
    """Return the blocks around an article. Each leaves out the articles of those before it.

    :param paragraphs: The number of paragraphs of the text on the page.
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
    """Return a description of an article in one line."""
    return shortened(article.lead or article.plain_body or article.title)


def shortened(text: str, limit: int = _DESCRIPTION_CHARS) -> str:
    """Return the text on one line, cut between words if it is longer than the limit."""
    line = " ".join(text.split())
    return line if len(line) <= limit else (line[:limit].rsplit(" ", 1)[0]).rstrip(" ,.;:") + "…"
