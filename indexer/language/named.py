"""The occurrences of the archive's names in titles and leads of a segment: pairs of row and place, mapped."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.articles.prepared import PreparedArticle
from indexer.files import arrays
from indexer.files.arrays import Mask, Rows
from indexer.language.mining import Name, names_in
from indexer.text.syllables import spaced

FILE = "named.npy"


class NameOccurrenceWriter:
    """Gathers the occurrences of known names for an added segment, which is too small to learn names from.

    :param names: The archive's names, by place.
    """

    def __init__(self, names: Iterable[Name]) -> None:
        self._places = {spaced(name.text): place for place, name in enumerate(names)}
        self._pairs = array("i")

    def add(self, row: int, prepared: PreparedArticle) -> None:
        """Add the article of the next row."""
        article = prepared.article
        held = (self._places.get(key) for key in names_in(article.title, article.lead))
        for place in sorted(place for place in held if place is not None):
            self._pairs.extend((row, place))

    def write(self, directory: Path) -> None:
        """Write the pairs into a segment's directory."""
        write_named(directory, np.array(self._pairs, dtype=np.int32).reshape(-1, 2))


def write_named(directory: Path, pairs: NDArray[np.int32]) -> None:
    """Write the file that `NameOccurrences` reads.

    :param pairs: (p, 2) int32, row and place, sorted.
    """
    arrays.save(directory / FILE, np.asfortranarray(pairs))


class NameOccurrences:
    """The pairs of a segment, mapped: an archive of a million articles has millions of them.

    :param directory: Where they were written.
    """

    def __init__(self, directory: Path) -> None:
        pairs: NDArray[np.int32] = arrays.mapped(directory / FILE)
        self._rows, self._places = pairs[:, 0].data, pairs[:, 1].data  # their items are Python's numbers

    def counts(self, allowed: Mask, names: int) -> Rows:
        """Return the number of allowed articles of the segment with each name, (names,) int64.

        :param allowed: (articles,) bool.
        """
        rows, places = np.asarray(self._rows), np.asarray(self._places)
        return np.bincount(places[allowed[rows]], minlength=names)

    def of(self, row: int) -> list[int]:
        """Return the places of the names in an article."""
        start = bisect_left(self._rows, row)
        places: list[int] = self._places[start : bisect_right(self._rows, row, start)].tolist()
        return places
