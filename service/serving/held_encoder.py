"""The encoder of a process, which may not be there yet, or fail: loads it, tries again, and trusts no vector unseen.

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
"""Seconds until loading is tried again: the first time, doubled each time, and at most."""

_TOLERANCE = 1e-2
_PROBE = "sẵn sàng"


T = TypeVar("T")


def load_until(
    load: Callable[[], T], stopped: threading.Event, failed: Callable[[Exception, bool], None], first: float
) -> T | None:
    """Return what is loaded, after ever longer waits where that fails; None if all is stopped before.

    :param failed: Told each error, and whether its trace is worth logging.
    :param first: Seconds until it is tried again the first time.
    """
    wait = first
    while not stopped.is_set():
        try:
            return load()
        except ModelError as error:
            failed(error, False)
        except Exception as error:  # whatever a model's runtime raises: it may be over in a minute
            failed(error, True)
        stopped.wait(wait)
        wait = min(2 * wait, LAST_RETRY)
    return None


class EncoderFailed(NotReady):
    """The encoder was asked and gave no vectors that can be used."""


class HeldEncoder:
    """An encoder whose faults are told apart from those of a request, and remembered until it answers again.

    :param load: Returns the encoder; called again where it raises.
    :ivar problem: What is wrong with it, None where it answered last time, or has not been asked yet.
    :ivar answered: Whether it has ever answered.
    """

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._encoder: Encoder | None = None
        self._probing = threading.Lock()
        self.problem: str | None = "the encoder is being loaded"
        self.answered = False

    @property
    def loaded(self) -> bool:
        """Return whether there is an encoder, whatever it answers."""
        return self._encoder is not None

    @property
    def identity(self) -> EncoderIdentity:
        """Return what decides this encoder's vectors.

        :raises NotReady: while it is being loaded, or if it cannot be.
        """
        return self._held().identity

    def load(self, stopped: threading.Event, first: float = FIRST_RETRY) -> bool:
        """Load it, after ever longer waits where that fails, and return whether there is one before all is stopped."""
        encoder = load_until(self._load, stopped, self._cannot_load, first)
        if encoder is None:
            return False
        self._encoder, self.problem = encoder, None
        return True

    def probe(self) -> str | None:
        """Ask it for a vector and return what is wrong, None where it answers; while another asks, what is known."""
        if self._probing.acquire(blocking=False):  # one that never returns must not take thread after thread
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
        except Exception as error:  # whatever a model's runtime raises; its words may quote a confidential text
            raise self._failed(f"it raised {type(error).__name__}") from None
        expected = (len(texts), self.identity.dim)
        if not isinstance(vectors, np.ndarray) or vectors.shape != expected:
            shape = getattr(vectors, "shape", type(vectors).__name__)
            raise self._failed(f"vectors of shape {shape}: expected {expected}")
        lengths = np.einsum("ij,ij->i", vectors, vectors)
        if not bool((np.abs(lengths - 1) < _TOLERANCE).all()):  # NaN is not less than anything
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
