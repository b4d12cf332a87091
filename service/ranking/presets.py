"""Presets: which list a block on a page wants, and what a request leaves to them. Pure; knows no archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

FallbackName = Literal["same_section_newest", "newest", "none"]
FreshnessName = Literal["breaking", "standard", "evergreen", "none"]
_FALLBACKS = frozenset(get_args(FallbackName))
DuplicateRule = Literal["newest", "oldest", "best"]
PresetName = Literal["standard", "same-section-newest", "inline-teasers", "headlines"]
ClassName = Literal["sponsored", "obituary", "minor"]


def is_fallback(name: str) -> bool:
    """Return whether this is the name of a fallback."""
    return name in _FALLBACKS


@dataclass(frozen=True)
class Preset:
    """What a list is like unless a request says otherwise.

    :param limit: How many articles.
    :param freshness: How age counts.
    :param diversity: The weight of relevance against repetition, the lambda of maximal marginal relevance.
    :param min_relevance: Below this nothing is related; None for what the service is set to.
    :param fallbacks: What fills a list that is too short, in turn; None for what the service is set to.
    :param ranked: Whether articles are chosen for being related at all.
    """

    limit: int = 6
    freshness: FreshnessName = "standard"
    diversity: float = 0.7
    min_relevance: float | None = None
    fallbacks: tuple[FallbackName, ...] | None = None
    ranked: bool = True


@dataclass(frozen=True)
class Defaults:
    """What the service is set to, where neither request nor preset says.

    :param min_relevance: Below this nothing is related.
    :param fallbacks: What fills a list that is too short, in turn.
    :param duplicates: Which of several near-duplicates is shown.
    """

    min_relevance: float = 0.0
    fallbacks: tuple[FallbackName, ...] = ()
    duplicates: DuplicateRule = "newest"


PRESETS: dict[PresetName, Preset] = {
    "standard": Preset(),
    "same-section-newest": Preset(fallbacks=("same_section_newest",), ranked=False),
    "inline-teasers": Preset(limit=3, min_relevance=0.5, fallbacks=()),
    "headlines": Preset(limit=5, freshness="breaking", fallbacks=("newest",)),
}
"""The block under a story; the list that most sites have there today, to compare with; teasers within the text, where
nothing unrelated may stand; bare headlines beside it, where the day's news fills up."""
