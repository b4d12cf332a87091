"""The map of an archive: where each text of a segment stands on a plane.

Owns the file, (vectors, 2) float32, and which texts keep their place: all that have one, until the map is drawn anew.
Snapshots of older releases have no such file, and can be opened too. `projection` owns how a map is drawn.
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
        """Return the place of each text, (texts, 2) float32; None if any place is unknown."""
        ...

    def nearest_texts(self, queries: Vectors, k: int) -> list[tuple[Rows, Vectors]]:
        """Return for each of (q, dim) float32 vectors its k best texts, (k,) int64, and their cosines, (k,) float32."""
        ...


def write_anew(directory: Path, vectors: Vectors) -> None:
    """Draw the map of a segment and write it.

    :param vectors: (n, dim) float32 of all of its texts.
    """
    arrays.save(directory / FILE, projection.drawn(vectors, projection.LANDMARKS))


def write_added(directory: Path, vectors: Vectors, before: PositionedTexts, kept: Rows) -> None:
    """Write the map of a new segment. Known texts keep their place; new ones get a place among the nearest.

    :param vectors: (n, dim) float32 of all of its texts.
    :param before: The archive that has a map already.
    :param kept: (k, 2) int64: the row of each known text in the segment, and its row in `before`.
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
    cosines[:, 0] = 0.0  # in the middle, if there are no others
    where = np.zeros((len(nearest), projection.NEAREST, 2), dtype=np.float32)
    for at, (texts, found) in enumerate(nearest):
        cosines[at, : len(texts)], where[at, : len(texts)] = found, places[texts]
    return projection.between(cosines, where)


def load(directory: Path) -> Positions | None:
    """Return the places of a segment's texts, (texts, 2) float32 mapped; None if it has no map."""
    path = directory / FILE
    if not path.exists():
        return None
    return arrays.mapped(path)
