"""A tiny model of random weights, in the packed form of the bundled one and as a sentence-transformers directory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from models import bundled, parity
from tests.models.test_bundled import SPECIALS, Packed


def pack() -> Packed:
    """Return a tiny model that knows the probe's commonest words, and its letters."""
    texts = parity.probe_texts()
    words = Counter(word for text in texts for word in text.split()).most_common(300)
    letters = sorted({letter for text in texts for letter in text} - {" "})
    pieces = [*SPECIALS, ("▁", -2.0), *((f"▁{word}", -8.0) for word, _ in words), *((one, -6.0) for one in letters)]
    return Packed(
        layers=2, words=len(pieces) + 3, pieces=pieces, positions=128, types=2, scales=(0.015625, 0.03125, -0.0234375)
    )


def write(directory: Path) -> Path:
    """Write it as a sentence-transformers directory and return that."""
    directory.mkdir()
    bundled.write_model(bundled.unpack(pack().data()), directory)
    return directory
