"""How long a related list holds, and what tells it from another: for ETag and Cache-Control. Knows nothing of Flask."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.articles.columns import micros
from service.ranking.freshness import FADINGS
from service.ranking.presets import PRESETS
from service.schemas import RelatedBody
from service.searcher import Searcher

STEP = 300
"""Seconds for which a list's articles do not age, so that it can be kept, and is the same for all who ask."""


@dataclass(frozen=True)
class Validity:
    """What one list depends on.

    :param body: The request, with the moment that freshness is counted from.
    :param seconds: For how long the list may be kept without asking again.
    """

    body: RelatedBody
    seconds: int
    _depends: str

    @classmethod
    def of(cls, searcher: Searcher, body: RelatedBody, most: int, now: datetime | None = None) -> Validity:
        """Return what the list under a body depends on.

        :param most: Seconds that a list may be kept at most; less where an article or rule comes or goes before.
        """
        clock = now or datetime.now(UTC)
        revision, until = searcher.changes(clock)
        ages = body.ranking == "relevance" and FADINGS[body.freshness or PRESETS[body.preset].freshness] is not None
        if ages and body.now is None:
            floored = clock - timedelta(seconds=clock.timestamp() % STEP)
            body = body.model_copy(update={"now": floored})
        left = max(0, (until - micros(clock)) // 1_000_000)
        moment = body.now.isoformat() if ages and body.now is not None else ""
        return cls(body, min(most, left), f"{searcher.archive.id} {revision} {until} {moment}")

    def tag(self, asked: str) -> str:
        """Return the ETag of the list.

        :param asked: The request as it was made.
        """
        return hashlib.sha256(f"{self._depends} {asked}".encode()).hexdigest()[:24]
