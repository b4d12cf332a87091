"""The encoder: the one seam between a model and everything that uses vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""(n, dim) float32, every row of unit length."""


@dataclass(frozen=True)
class EncoderIdentity:
    """All that decides which vector a text gets.

    :param name: The model's name, a hub id where it has one.
    :param revision: Its commit or digest.
    :param dim: Length of a vector.
    :param query_prompt: Prefix of a query, blank included.
    :param document_prompt: Prefix of a document, blank included.
    :param max_tokens: Tokens read of a text, special tokens included; the rest is cut.
    :param weights: How the stored weights are quantised: `fp32`, `q4`, `none`.
    :param precision: The number format of the arithmetic: `fp32`, `int8-vnni`, …
    """

    name: str
    revision: str
    dim: int
    query_prompt: str
    document_prompt: str
    max_tokens: int
    weights: str
    precision: str

    def compatible(self, other: EncoderIdentity) -> bool:
        """Tell whether vectors of the two may be compared.

        Precision alone may differ: `models check` holds int8 to a cosine of 0.98 with fp32. A vector is *reused*
        only under an equal identity, precision included.
        """
        return self._space() == other._space()

    def _space(self) -> tuple[object, ...]:
        return (
            self.name,
            self.revision,
            self.dim,
            self.query_prompt,
            self.document_prompt,
            self.max_tokens,
            self.weights,
        )


class Encoder(Protocol):
    """Turns texts into vectors. A vector depends on its text alone, never on what is encoded beside it."""

    @property
    def identity(self) -> EncoderIdentity:
        """Return what decides this encoder's vectors."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors of search queries."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors of articles."""
        ...
