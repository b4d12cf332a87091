"""How long a related list is valid, and its ETag. Knows nothing of Flask."""

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
"""Seconds for which a list's articles do not age, so that it can be cached and is the same for everyone."""


@dataclass(frozen=True)
class Validity:
    """The things on which one list depends.

    :param body: The request, with the moment from which freshness is computed.
    :param seconds: How long the list may be cached without asking again.
    """

    body: RelatedBody
    seconds: int
    _depends: str

    @classmethod
    def of(cls, searcher: Searcher, body: RelatedBody, most: int, now: datetime | None = None) -> Validity:
        """Return the validity of the list for a request.

        :param most: The most seconds that a list may be cached. It is less if an article or rule comes or goes sooner.
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
