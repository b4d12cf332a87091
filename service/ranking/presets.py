"""Presets: the settings of one kind of block on a page, used where a request says nothing. Pure; knows no archive."""

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
    """The settings of a list that a request does not give.

    :param limit: The number of articles.
    :param freshness: The effect of age.
    :param diversity: The weight of relevance against repetition, the lambda of maximal marginal relevance.
    :param min_relevance: The least relevance of a related article; None for the service's setting.
    :param fallbacks: The fallbacks of a list that is too short, in order; None for the service's setting.
    :param ranked: Whether articles are chosen by relevance at all.
    """

    limit: int = 6
    freshness: FreshnessName = "standard"
    diversity: float = 0.7
    min_relevance: float | None = None
    fallbacks: tuple[FallbackName, ...] | None = None
    ranked: bool = True


@dataclass(frozen=True)
class Defaults:
    """The service's settings, used where neither request nor preset gives a value.

    :param min_relevance: The least relevance of a related article.
    :param fallbacks: The fallbacks of a list that is too short, in order.
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
"""The block under a story; the list that most sites have there today, for comparison; teasers within the text, where
nothing unrelated is allowed; headlines beside it, filled up with the day's news."""
