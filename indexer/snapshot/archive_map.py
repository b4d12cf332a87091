"""The map of an archive: where each text of a segment stands on a plane.

Owns the file, (vectors, 2) float32 beside the vectors, and which texts keep their place: all that have one, until the
archive is drawn anew. Snapshots of before there were maps have no such file, and open all the same. How a map is drawn
is `projection`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.files import arrays
from indexer.files.arrays import Rows
from indexer.snapshot import projection
from indexer.snapshot.projection import Positions
from models.encoder import Vectors

FILE = "map.npy"
_CHUNK = 512


class PositionedTexts(Protocol):
    """Texts that have places. `indexer.archive.Archive` is one."""

    @property
    def positions(self) -> Positions | None:
        """Return where each text stands, (texts, 2) float32; None where it is not known of all."""
        ...

    def nearest_texts(self, queries: Vectors, k: int) -> list[tuple[Rows, Vectors]]:
        """Return for each of (q, dim) vectors its k best texts and their cosines, best first."""
        ...


def write_anew(directory: Path, vectors: Vectors) -> None:
    """Draw the map of a segment and write it.

    :param vectors: (n, dim) of all of its texts.
    """
    arrays.save(directory / FILE, projection.drawn(vectors, projection.LANDMARKS))


def write_added(directory: Path, vectors: Vectors, before: PositionedTexts, kept: Rows) -> None:
    """Write the map of a segment whose texts stand on one that is there: where they stood, or between others of it.

    :param vectors: (n, dim) of all of its texts.
    :param before: What has a map.
    :param kept: (k, 2) int64, rows of the segment's texts and of what they are there.
    """
    places = before.positions
    assert places is not None
    found = np.empty((len(vectors), 2), dtype=np.float32)
    known = np.zeros(len(vectors), dtype=np.bool_)
    found[kept[:, 0]], known[kept[:, 0]] = places[kept[:, 1]], True
    new = np.flatnonzero(~known)
    for start in range(0, len(new), _CHUNK):
        rows = new[start : start + _CHUNK]
        found[rows] = _among(before.nearest_texts(np.array(vectors[rows]), projection.NEAREST), places)
    arrays.save(directory / FILE, found)


def _among(nearest: list[tuple[Rows, Vectors]], places: Positions) -> Positions:
    cosines = np.full((len(nearest), projection.NEAREST), -np.inf, dtype=np.float32)
    cosines[:, 0] = 0.0  # in the middle, where there are no others
    where = np.zeros((len(nearest), projection.NEAREST, 2), dtype=np.float32)
    for at, (texts, found) in enumerate(nearest):
        cosines[at, : len(texts)], where[at, : len(texts)] = found, places[texts]
    return projection.between(cosines, where)


def load(directory: Path) -> Positions | None:
    """Return where the texts of a segment stand, (texts, 2) float32 mapped; None where it has no map."""
    path = directory / FILE
    if not path.exists():
        return None
    return arrays.mapped(path)
