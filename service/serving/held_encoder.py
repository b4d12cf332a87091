"""The encoder of a process, which may not be there yet, or fail: loads it, tries again, and trusts no vector unseen.

Knows encoders by their protocol alone, and nothing of snapshots or searches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np

from models.encoder import Encoder, EncoderIdentity, Vectors
from models.errors import ModelError
from service.errors import NotReady

logger = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 1.0, 60.0
"""Seconds until loading is tried again: the first time, doubled each time, and at most."""

_TOLERANCE = 1e-2
_PROBE = "sẵn sàng"


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
        wait = first
        while not stopped.is_set():
            try:
                self._encoder = self._load()
            except ModelError as error:
                self._cannot_load(error)
            except Exception as error:  # whatever a model's runtime raises: it may be over in a minute
                self._cannot_load(error, trace=True)
            else:
                self.problem = None
                return True
            stopped.wait(wait)
            wait = min(2 * wait, LAST_RETRY)
        return False

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

    def _cannot_load(self, error: Exception, trace: bool = False) -> None:
        problem = f"the encoder cannot be loaded: {error}"
        if self.problem != problem:
            logger.error("%s; trying again", problem, exc_info=trace)
            self.problem = problem
