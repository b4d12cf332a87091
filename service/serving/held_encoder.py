"""The encoder of a process, which may not be loaded yet, or fail: loads it, retries, and checks every vector.

Knows encoders by their protocol alone, and nothing of snapshots or searches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from models.encoder import Encoder, EncoderIdentity, Vectors
from models.errors import ModelError
from service.errors import NotReady

logger = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 1.0, 60.0
"""Seconds until loading is retried: the first time (doubled each time), and the most."""

_TOLERANCE = 1e-2
_PROBE = "sẵn sàng"


T = TypeVar("T")


def load_until(
    load: Callable[[], T], stopped: threading.Event, failed: Callable[[Exception, bool], None], first: float
) -> T | None:
    """Load something, retrying after ever longer waits. Return None if stopped before it succeeds.

    :param failed: Called with each error, and whether its trace is worth logging.
    :param first: Seconds until the first retry.
    """
    wait = first
    while not stopped.is_set():
        try:
            return load()
        except ModelError as error:
            failed(error, False)
        except Exception as error:  # a model's runtime may raise anything, and may work a minute later
            failed(error, True)
        stopped.wait(wait)
        wait = min(2 * wait, LAST_RETRY)
    return None


class EncoderFailed(NotReady):
    """The encoder failed, or gave invalid vectors."""


class HeldEncoder:
    """An encoder whose errors are distinguished from those of requests, and kept until it works again.

    :param load: Returns the encoder; called again if it raises.
    :ivar problem: Its problem, None if it worked last time or was not used yet.
    :ivar answered: Whether it has ever worked.
    """

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._encoder: Encoder | None = None
        self._probing = threading.Lock()
        self.problem: str | None = "the encoder is being loaded"
        self.answered = False

    @property
    def loaded(self) -> bool:
        """Return whether the encoder is loaded, working or not."""
        return self._encoder is not None

    @property
    def identity(self) -> EncoderIdentity:
        """Return what decides this encoder's vectors.

        :raises NotReady: while it is being loaded, or if it cannot be.
        """
        return self._held().identity

    def load(self, stopped: threading.Event, first: float = FIRST_RETRY) -> bool:
        """Load it, retrying after ever longer waits. Return False if stopped before that succeeds."""
        encoder = load_until(self._load, stopped, self._cannot_load, first)
        if encoder is None:
            return False
        self._encoder, self.problem = encoder, None
        return True

    def probe(self) -> str | None:
        """Test it with a text. Return its problem, None if it works; during another test, the known problem."""
        if self._probing.acquire(blocking=False):  # an encoder that never returns must not block thread after thread
            try:
                self.encode_queries([_PROBE])
            except NotReady as error:
                return error.detail
            finally:
                self._probing.release()
        return self.problem

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors of search queries.

        :raises NotReady: if there is no encoder yet, or it fails.
        """
        return self._checked(self._held().encode_queries, texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors of articles.

        :raises NotReady: if there is no encoder yet, or it fails.
        """
        return self._checked(self._held().encode_documents, texts)

    def _held(self) -> Encoder:
        if self._encoder is None:
            raise NotReady(self.problem or "the encoder is being loaded")
        return self._encoder

    def _checked(self, encode: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
        try:
            vectors = encode(texts)
        except Exception as error:  # a runtime may raise anything, and its message may quote a confidential text
            raise self._failed(f"it raised {type(error).__name__}") from None
        expected = (len(texts), self.identity.dim)
        if not isinstance(vectors, np.ndarray) or vectors.shape != expected:
            shape = getattr(vectors, "shape", type(vectors).__name__)
            raise self._failed(f"vectors of shape {shape}: expected {expected}")
        lengths = np.einsum("ij,ij->i", vectors, vectors)
        if not bool((np.abs(lengths - 1) < _TOLERANCE).all()):  # False for NaN too
            raise self._failed("vectors not of unit length")
        self.answered = True
        if self.problem is not None:
            logger.info("the encoder answers again")
            self.problem = None
        return vectors

    def _failed(self, what: str) -> EncoderFailed:
        problem = f"the encoder does not answer: {what}"
        if self.problem != problem:
            logger.error("%s; searches go by words until it does", problem)
            self.problem = problem
        return EncoderFailed(problem)

    def _cannot_load(self, error: Exception, trace: bool) -> None:
        problem = f"the encoder cannot be loaded: {error}"
        if self.problem != problem:
            logger.error("%s; trying again", problem, exc_info=trace)
            self.problem = problem
