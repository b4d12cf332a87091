"""The reranker of a process, if it has one: loads it, caches its scores, and stops in time.

Knows cross-encoders by their protocol alone, and nothing of snapshots or searches.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from models.cross_encoder import PassageScores, Reranker
from service.serving import deadline
from service.serving.held_encoder import FIRST_RETRY, load_until

logger = logging.getLogger(__name__)

SHARE = 0.25
"""The part of a request's time that reranking may take. If less is left, it does not begin."""

_PIECE = 8
"""Passages scored at once. The time is checked between these pieces."""

_KEPT = 1024
"""Lists whose scores are cached, so that all pages of a list agree and are scored once; about 300 bytes each."""


class RerankingSkipped(Exception):
    """There are no scores for this list; the message says why."""


class HeldReranker:
    """A reranker that may not be loaded yet, or fail, or be too slow.

    It scores one list at a time; a request that finds it busy goes without it.

    :param load: Returns the reranker.
    :param lazily: Whether it is loaded on first use instead of by `load`.
    :ivar problem: Its problem, None if it worked last time or was not used yet.
    """

    def __init__(self, load: Callable[[], Reranker], lazily: bool = False) -> None:
        self._load = load
        self._lazily = lazily
        self._reranker: Reranker | None = None
        self._scoring = threading.Lock()
        self._kept: OrderedDict[bytes, PassageScores] = OrderedDict()
        self._keeping = threading.Lock()
        self.problem: str | None = None if lazily else "the reranker is being loaded"

    def load(self, stopped: threading.Event, first: float = FIRST_RETRY) -> None:
        """Load it, retrying after ever longer waits, until stopped."""
        reranker = load_until(self._load, stopped, self._cannot_load, first)
        if reranker is not None:
            self._reranker, self.problem = reranker, None
            logger.info("reranker ready: %s", reranker.name)

    def score(self, query: str, passages: Sequence[str]) -> PassageScores:
        """Return (len(passages),) float64, higher is better. The same list has the same scores.

        :raises RerankingSkipped: if there is no reranker yet, it is busy, there is no time, or it fails.
        :raises ModelError: if it is loaded lazily, and cannot be.
        """
        reranker = self._held()
        key = hashlib.sha256(repr((reranker.name, query, list(passages))).encode()).digest()
        if (kept := self._recall(key)) is not None:
            return kept
        seconds = deadline.share(SHARE)
        if seconds == 0:
            raise RerankingSkipped("its share of the request's time is gone")
        until = None if seconds is None else time.monotonic() + seconds
        # A waiting request would hold a place at the gate. Outside of a request, there are no others.
        if not self._scoring.acquire(blocking=seconds is None):
            raise RerankingSkipped("it is at another list")
        try:
            scores = self._scored(reranker, query, passages, until)
        finally:
            self._scoring.release()
        self._keep(key, scores)
        return scores

    def _held(self) -> Reranker:
        if self._reranker is None:
            if not self._lazily:
                raise RerankingSkipped(self.problem or "the reranker is being loaded")
            self._reranker = self._load()
        return self._reranker

    def _scored(self, reranker: Reranker, query: str, passages: Sequence[str], until: float | None) -> PassageScores:
        pieces: list[PassageScores] = []
        for start in range(0, len(passages), _PIECE):
            if until is not None and time.monotonic() > until:
                raise RerankingSkipped("its share of the request's time is gone")
            piece = passages[start : start + _PIECE]
            try:
                found = reranker.score(query, piece)
            except Exception as error:  # a runtime may raise anything, and its message may quote a text
                raise self._failed(f"it raised {type(error).__name__}") from None
            if not isinstance(found, np.ndarray) or found.shape != (len(piece),) or not np.isfinite(found).all():
                raise self._failed(f"expected {len(piece)} finite scores")
            pieces.append(found)
        if self.problem is not None:
            logger.info("the reranker answers again")
            self.problem = None
        return np.concatenate(pieces)

    def _recall(self, key: bytes) -> PassageScores | None:
        with self._keeping:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: bytes, scores: PassageScores) -> None:
        scores.setflags(write=False)
        with self._keeping:
            self._kept[key] = scores
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _failed(self, what: str) -> RerankingSkipped:
        problem = f"the reranker does not answer: {what}"
        if self.problem != problem:
            logger.error("%s; searches go without it until it does", problem)
            self.problem = problem
        return RerankingSkipped(problem)

    def _cannot_load(self, error: Exception, trace: bool) -> None:
        problem = f"the reranker cannot be loaded: {error}"
        if self.problem != problem:
            logger.error("%s; trying again", problem, exc_info=trace)
            self.problem = problem
