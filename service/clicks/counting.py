"""Counts which articles of related lists are shown and clicked, from the events that pages send.

Knows nothing of Flask. `clicks.log` stores the counts and deletes them in time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from indexer.articles.article import shown
from service.clicks.events import ClickEvent, ClicksBody
from service.clicks.lists import ListSigner, SignedHit, SignedList
from service.clicks.log import ClickLog, ListPosition
from service.clicks.trials import RankingTrial
from service.errors import BadRequest, FieldError, Forbidden, NotReady
from service.hits import Answer
from service.observing.hourly import HOUR
from service.schemas import RelatedBody, parse_body
from service.searcher import Searcher
from service.security.access import Header, foreign

logger = logging.getLogger(__name__)

MAX_BODY = 64_000
"""The most bytes of a page's events in one request."""


class Clicks:
    """The counting of one process.

    :param trial: The trial of two rankings, None if there is none.
    :param clock: Seconds since 1970.
    """

    def __init__(
        self,
        lists: ListSigner,
        log: ClickLog,
        trial: RankingTrial | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lists, self._log, self._trial, self._clock = lists, log, trial, clock
        self._failing = False

    def depends(self) -> str:
        """Return what lists depend on in addition: the hour, since each hour has its own tokens."""
        return f"{self._hour()} {self._trial.name if self._trial else ''}"

    def related(self, searcher: Searcher, body: RelatedBody) -> tuple[Answer, str | None]:
        """Return the list under one published article, and its token, None if it is not counted.

        :raises NotFound: naming the seed that is not a public article.
        """
        seed = searcher.seed_id(body.seed) if body.ranking == "relevance" and not body.explain else None
        if seed is None or body.explain_id is not None:
            return searcher.related(body), None
        hour, trial = self._hour(), self._trial
        if trial is not None and trial.concerns(body):
            name = trial.name
            answer, arms = trial.answer(searcher.related, body, seed, hour)
        else:
            answer, name = searcher.related(body), ""
            arms = ("",) * len(answer.hits)
        hits = tuple(
            SignedHit(hit.article.id, hit.reasons[0].code, arm) for hit, arm in zip(answer.hits, arms, strict=True)
        )
        return answer, self._token(SignedList(hour, seed, name, hits)) if hits else None

    def _token(self, listed: SignedList) -> str | None:
        """Return the token of a list, None if it cannot be made, which is logged once."""
        try:
            token = self._lists.token(listed)
        except NotReady as error:
            if not self._failing:
                logger.error("lists are not counted: %s", error.detail)
            self._failing = True
            return None
        self._failing = False
        return token

    def take(self, body: bytes, header: Header, origins: tuple[str, ...]) -> None:
        """Count a page's events, all or none.

        :param origins: Other sites whose pages may send events.
        :raises Forbidden: if the page is of any other site.
        :raises BadRequest: naming the fault, such as a list that was never given or a position that it does not have.
        """
        fault = foreign(header, origins)
        if fault is not None:
            raise Forbidden([fault])
        told = parse_body(ClicksBody, body)
        faults: list[FieldError] = []
        notes: list[tuple[ListPosition, bool]] = []
        for number, event in enumerate(told.events):
            listed = self._lists.of(event.token)
            if listed is None:
                expected = "expected the `list` of a related answer of this service, at most three days old"
                faults.append(FieldError(f"events.{number}.list", shown(event.token[:40]), expected))
            else:
                notes += _notes(event, listed, f"events.{number}", faults)
        if faults:
            raise BadRequest(faults)
        for place, clicked in notes:
            self._log.note(place, clicked)

    def _hour(self) -> int:
        return int(self._clock()) // HOUR * HOUR


def _notes(
    event: ClickEvent, listed: SignedList, field: str, faults: list[FieldError]
) -> list[tuple[ListPosition, bool]]:
    """Return what is to be kept of an event; what is wrong with its positions goes to the faults."""
    told = [("shown", at, False) for at in dict.fromkeys(event.shown)]
    told += [("clicked", event.clicked, True)] if event.clicked is not None else []
    notes = []
    for name, position, clicked in told:
        if position > len(listed.hits):
            expected = f"expected 1 to {len(listed.hits)}, as many as the list has"
            faults.append(FieldError(f"{field}.{name}", str(position), expected))
            continue
        hit = listed.hits[position - 1]
        place = ListPosition(listed.hour, listed.seed, position, hit.article, hit.reason, listed.trial, hit.arm)
        notes.append((place, clicked))
    return notes
