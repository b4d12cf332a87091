"""Follows the one article that a related request asks about, to say at which step it fell out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from indexer.archive import Archive
from indexer.articles.columns import Mask
from service.hits import Fate, Numbers
from service.ranking.allowed import AllowedRows
from service.ranking.fusion import Rows


class Watch:
    """What becomes of one article.

    :param asked: Its id, None where no article was asked about: then nothing is followed.
    :param public: (articles,) bool; of what is not public no more is said than that.
    """

    def __init__(self, archive: Archive, asked: str | None, public: Mask) -> None:
        self.row = None if asked is None else archive.find(asked, public)
        self._fate = Fate("not_public") if asked is not None and self.row is None else None

    def after(self, step: str, left: AllowedRows | Mask | Rows, detail: str = "") -> None:
        """Look whether the article is still there after a step.

        :param left: What is allowed, (articles,) bool, or rows.
        """
        if self.row is None or self._fate is not None:
            return
        listed = isinstance(left, np.ndarray) and left.dtype != np.bool_
        if not ((left == self.row).any() if listed else left[self.row]):  # type: ignore[union-attr]
            self._fate = Fate(step, detail)

    def fate(self, listed: Rows, numbers: Callable[[int], Numbers]) -> Fate | None:
        """Return what became of the article, None where none was asked about.

        :param listed: The list in the end.
        :param numbers: Returns all numbers of a row.
        """
        if self.row is None:
            return self._fate
        places = np.flatnonzero(listed == self.row)
        fate = Fate("listed", str(places[0] + 1)) if len(places) else self._fate or Fate("beyond_limit")
        return fate._replace(numbers=numbers(self.row))
