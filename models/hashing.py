"""A deterministic encoder without weights: words hashed into a vector, for fast tests and dry runs.

Two texts are similar to the degree that they share words; the encoder knows no meaning. Not for production.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from models.encoder import EncoderIdentity, Vectors

NAME = "hashing"
_WORDS = re.compile(r"\w+")


@lru_cache(maxsize=4096)
def _direction(word: str, dim: int) -> tuple[int, float]:
    digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:7], "big") % dim, 1.0 if digest[7] & 1 else -1.0


class HashingEncoder:
    """Signed feature hashing of lower-cased words (Weinberger et al., 2009), scaled to unit length."""

    def __init__(self, dim: int = 64) -> None:
        self.identity = EncoderIdentity(NAME, "1", dim, "", "", 1_000_000, "none", "fp32")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors."""
        return self.encode_documents(texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors; a text without words gets the first axis."""
        vectors = np.zeros((len(texts), self.identity.dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORDS.findall(text.lower()):
                at, sign = _direction(word, self.identity.dim)
                row[at] += sign
            if not row.any():
                row[0] = 1.0
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
