"""From an article's views to its vector. The same for archive and draft."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.encoder import Encoder, Vectors

HEAD_WEIGHT = 1 / 3
"""Weight of the title and lead's own vector in an article's; measured in benchmarks/README.md."""


def embed(encoder: Encoder, views: Sequence[tuple[str, ...]]) -> Vectors:
    """Return the vectors of articles, (len(views), dim) float32 of unit length.

    :param views: For each article `text.encoded_views`; of two views the vectors are averaged, the second weighing
        HEAD_WEIGHT.
    """
    encoded = encoder.encode_documents([text for texts in views for text in texts])
    vectors = np.empty((len(views), encoder.identity.dim), dtype=np.float32)
    at = 0
    for row, texts in zip(vectors, views, strict=True):
        weights = (1 - HEAD_WEIGHT, HEAD_WEIGHT) if len(texts) == 2 else (1.0,)
        row[:] = np.dot(weights, encoded[at : at + len(texts)])
        at += len(texts)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
