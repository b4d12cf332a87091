"""Checks whether two encoders agree: for `lienquan models check`, and before an int8 model is used.

Owns the thresholds and the probe texts. Knows encoders by their protocol alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder, Vectors

MIN_COSINE_ENGINE = 0.999
MIN_COSINE_INT8 = 0.98
MIN_SAME_NEIGHBOUR = 0.95
MAX_BATCH_DIFFERENCE = 1e-5


@dataclass(frozen=True)
class Check:
    """One measured comparison.

    :param name: What was compared.
    :param value: What was measured.
    :param expected: The bound, as text.
    :param passed: Whether the value is within it.
    """

    name: str
    value: float
    expected: str
    passed: bool

    def as_json(self) -> dict[str, Any]:
        """Return the check as plain values."""
        return asdict(self)


def probe_texts() -> list[str]:
    """Return the probe: Vietnamese texts in consecutive pairs; the two texts of a pair have one subject."""
    return resources.files("models").joinpath("probe.txt").read_text(encoding="utf-8").splitlines()


def compare_vectors(name: str, reference: Vectors, candidate: Vectors, least: float) -> Check:
    """Check the smallest cosine between rows of two (n, dim) float32 arrays of unit rows."""
    cosine = float(np.einsum("ij,ij->i", reference, candidate).min())
    return Check(f"{name}: least cosine over {len(reference)} texts", cosine, f">= {least}", cosine >= least)


def first_neighbours(vectors: Vectors) -> NDArray[np.intp]:
    """Return for each row of (n, dim) the index of its nearest other row, (n,) int64."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest: NDArray[np.intp] = np.argmax(scores, axis=1)
    return nearest


def compare_neighbours(name: str, reference: Vectors, candidate: Vectors) -> Check:
    """Check how often the nearest other text is the same for two (n, dim) float32 arrays."""
    same = float((first_neighbours(reference) == first_neighbours(candidate)).mean())
    return Check(f"{name}: same first neighbour", same, f">= {MIN_SAME_NEIGHBOUR}", same >= MIN_SAME_NEIGHBOUR)


def check_int8(fp32: Encoder, int8: Encoder) -> list[Check]:
    """Compare an int8 encoder with the same model in fp32 on the probe."""
    texts = probe_texts()
    reference, candidate = fp32.encode_documents(texts), int8.encode_documents(texts)
    name = f"{int8.identity.precision} against fp32"
    return [
        compare_vectors(name, reference, candidate, MIN_COSINE_INT8),
        compare_neighbours(name, reference, candidate),
    ]


def check_batch(encoder: Encoder) -> Check:
    """Check that a text gets the same vector alone, among others, and among others in reverse order."""
    texts = probe_texts()[:16]
    together = encoder.encode_documents(texts)
    backwards = encoder.encode_documents(texts[::-1])[::-1]
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    difference = float(np.max([np.abs(together - alone), np.abs(together - backwards)]))
    name = f"{encoder.identity.precision}: vector against batch mates, largest difference"
    return Check(name, difference, f"<= {MAX_BATCH_DIFFERENCE}", difference <= MAX_BATCH_DIFFERENCE)


def check_engine(
    encoder: Encoder,
    count_tokens: Callable[[str], int],
    engine: Callable[[Sequence[str]], Vectors],
    engine_tokens: Callable[[str], int],
) -> list[Check]:
    """Compare the bundled model with the wheel's own engine.

    :param encoder: The bundled model in fp32.
    :param count_tokens: Its number of tokens for a document, prompt and special tokens included.
    :param engine: The wheel's engine: documents -> (n, dim) float32 unit vectors.
    :param engine_tokens: The wheel's number of tokens for a document.
    """
    texts = probe_texts()
    same = float(np.mean([count_tokens(text) == engine_tokens(text) for text in texts]))
    return [
        compare_vectors(
            "bundled against the wheel's engine", encoder.encode_documents(texts), engine(texts), MIN_COSINE_ENGINE
        ),
        Check("bundled against the wheel's engine: equal token counts", same, "= 1", same == 1.0),
    ]
