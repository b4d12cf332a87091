"""Moves the vector of an English query to where the same query in Vietnamese would lie.

The vectors of one language lie together, whatever they mean. So the mean of English queries differs from the mean of
the same queries in Vietnamese, and an English query is nearer to every article with some English in it. The mean holds
what a language has in common; subtracting it leaves the meaning (Libovický et al., 2020, *On the Language Neutrality of
Pre-trained Multilingual Representations*). Knows encoders by their protocol alone.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources

import numpy as np

from models.encoder import Encoder, EncoderIdentity, Vectors

_FOUND = 0.5
"""The least share of English texts that must find their own translation. A hashing encoder finds one in sixty."""


_SHARE = 0.75
"""The share of the language's mean that is subtracted. 1 is best for archives with many foreign names, 0.5 for archives
with few (docs/decisions, 9)."""

_GLOSS_SHARE = 0.4
"""The weight of a query's Vietnamese words in its vector; the query as typed has the rest (ibid.)."""


@lru_cache(maxsize=1)
def pairs() -> list[tuple[str, str]]:
    """Return queries and headlines as pairs, English and Vietnamese."""
    text = resources.files("models").joinpath("bilingual.tsv").read_text(encoding="utf-8")
    return [(english, vietnamese) for english, vietnamese in (line.split("\t") for line in text.splitlines())]


def apart(encoder: Encoder) -> Vectors:
    """Return how far Vietnamese queries lie from English ones of the same meaning, (dim,) float32.

    Zeros for an encoder that matches too few texts with their translations.

    :raises ValueError: if the encoder does not give a vector for each text.
    """
    english, vietnamese = (encoder.encode_queries(list(texts)) for texts in zip(*pairs(), strict=True))
    expected = (len(pairs()), encoder.identity.dim)
    if not english.shape == vietnamese.shape == expected:
        raise ValueError(f"vectors of shapes {english.shape}, {vietnamese.shape}: expected {expected}")
    nearest = np.argmax(english @ vietnamese.T, axis=1)
    if np.mean(nearest == np.arange(len(english))) < _FOUND:
        return np.zeros(encoder.identity.dim, dtype=np.float32)
    return np.asarray(vietnamese.mean(axis=0) - english.mean(axis=0), dtype=np.float32)


class Languages:
    """The language shifts of encoders. Each is measured once: on request, or when it is first needed."""

    def __init__(self) -> None:
        self._apart: dict[EncoderIdentity, Vectors] = {}
        self._measuring = threading.Lock()

    def measure(self, encoder: Encoder) -> Vectors | None:
        """Return `apart` of the encoder, (dim,) float32; None while another thread measures it.

        With a large model the measurement takes seconds.
        """
        known = self._apart.get(encoder.identity)
        if known is None and self._measuring.acquire(blocking=False):
            try:
                known = self._apart[encoder.identity] = apart(encoder)
            finally:
                self._measuring.release()
        return known

    def brought(self, encoder: Encoder, vector: Vectors, gloss: str = "") -> Vectors | None:
        """Return the unit vector of an English query moved to where a Vietnamese one would lie, (dim,) float32.

        None while the shift is not known yet.

        :param vector: (dim,) float32 of the query as typed.
        :param gloss: The words of the query in Vietnamese, as far as they are known.
        """
        shift = self.measure(encoder)
        if shift is None:
            return None
        moved = _unit(vector + _SHARE * shift)
        if not gloss:
            return moved
        return _unit((1 - _GLOSS_SHARE) * moved + _GLOSS_SHARE * encoder.encode_queries([gloss])[0])


def _unit(vector: Vectors) -> Vectors:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
