"""Where an encoder puts queries of another language, and how they come to lie among those in Vietnamese.

The vectors of one language lie together, whatever they mean: the mean of English queries is apart from that of the same
queries in Vietnamese, and an English query is nearer to every article that has something English about it. What is
common to a language is its mean, and taking it away leaves the meaning (Libovický et al., 2020, *On the Language
Neutrality of Pre-trained Multilingual Representations*). Knows encoders by their protocol alone.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources

import numpy as np

from models.encoder import Encoder, EncoderIdentity, Vectors

_FOUND = 0.5
"""The share of English texts that find their translation among all; a hashing encoder finds one in sixty."""


_SHARE = 0.75
"""How much of what is common to a language is taken away. All of it serves archives in which much has foreign names;
half, those in which little has (docs/decisions, 9)."""

_GLOSS_SHARE = 0.4
"""What a query's words in Vietnamese weigh in its vector; the rest is the query's as it was typed (ibid.)."""


@lru_cache(maxsize=1)
def pairs() -> list[tuple[str, str]]:
    """Return what readers of news may ask and read, in English and in Vietnamese."""
    text = resources.files("models").joinpath("bilingual.tsv").read_text(encoding="utf-8")
    return [(english, vietnamese) for english, vietnamese in (line.split("\t") for line in text.splitlines())]


def apart(encoder: Encoder) -> Vectors:
    """Return how far Vietnamese queries lie from English ones of the same meaning, (dim,) float32.

    Zeros for an encoder to which most texts and their translations have nothing in common.

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
    """What is known of encoders, each measured once: when that is asked for, or else when it is first needed."""

    def __init__(self) -> None:
        self._apart: dict[EncoderIdentity, Vectors] = {}
        self._measuring = threading.Lock()

    def measure(self, encoder: Encoder) -> Vectors | None:
        """Return what `apart` does, None while another thread measures it: with a large model that takes seconds."""
        known = self._apart.get(encoder.identity)
        if known is None and self._measuring.acquire(blocking=False):
            try:
                known = self._apart[encoder.identity] = apart(encoder)
            finally:
                self._measuring.release()
        return known

    def brought(self, encoder: Encoder, vector: Vectors, gloss: str = "") -> Vectors | None:
        """Return the unit vector of an English query, (dim,) float32, as one in Vietnamese would lie.

        None while that is not known yet.

        :param gloss: What is known of the query word by word in Vietnamese.
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
