"""The reasons why an article is in a related list, in an editor's terms. Knows no text in either language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from indexer.archive import Archive
from indexer.articles.article import VIETNAM, Article
from indexer.articles.columns import ABSENT
from indexer.articles.summaries import Summary
from indexer.language.mining import names_in
from indexer.text.syllables import spaced
from service.hits import Reason
from service.related.seeds import Seeds

SAME_EVENT = 0.6
"""The least likeness (`ranking.fusion.likeness`) of two articles near in time on one event."""

EVENT_DAYS = 4
_BACKGROUND_DAYS = 180
_NAMES = 2
_DAY = 24 * 3600 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_spaced = lru_cache(maxsize=1 << 14)(spaced)
"""A cache for names, since names in the news recur."""


class ReasonFinder:
    """Finds the reasons why articles are in one list.

    :param moment: The assumed date of a seed without one, in microseconds since 1970.
    """

    def __init__(self, archive: Archive, seeds: Seeds, moment: int) -> None:
        self._archive = archive
        came = seeds.published(archive)
        self._came = moment if came is None else came
        self._names = {_spaced(name.text) for row in seeds.rows for name in archive.names_of(row)}
        if seeds.article is not None:
            self._names |= set(names_in(seeds.article.title, seeds.article.lead))

    def reasons(
        self, row: int, article: Article | Summary, alike: float, pinned: bool, fallback: str | None
    ) -> list[Reason]:
        """Return the reasons for one article, the most important first, at least one.

        :param alike: Its likeness to the seeds, 0 to 1.
        :param fallback: The name of the fallback that added it, if it is not related.
        """
        found = [Reason("pinned")] if pinned else []
        if fallback is not None:
            return found or [Reason(fallback)]
        days = self._days(row)
        if alike >= SAME_EVENT and (days is None or abs(days) <= EVENT_DAYS):
            found.append(Reason("same_event"))
        named = self._archive.names_of(row) if self._names else ()
        shared = [name.text for name in named if _spaced(name.text) in self._names]
        if shared:
            found.append(Reason("same_names", ", ".join(shared[:_NAMES])))
        if days is not None and days >= _BACKGROUND_DAYS and article.published_at is not None:
            then = article.published_at.astimezone(VIETNAM)
            year = (_EPOCH + timedelta(microseconds=self._came)).astimezone(VIETNAM).year
            found.append(Reason("background", f"{then:%Y}" if then.year != year else f"{then:%m/%Y}"))
        return found or [Reason("same_topic")]

    def _days(self, row: int) -> float | None:
        """Return how many days before the seeds an article was published, None if unknown."""
        published = int(self._archive.published[row])
        return None if published == ABSENT else (self._came - published) / _DAY
