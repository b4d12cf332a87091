"""Follows the article named by `explain_id`, to report the step that drops it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from indexer.archive import Archive
from indexer.articles.columns import Mask
from service.hits import Fate, Numbers
from service.ranking.allowed import AllowedRows
from service.ranking.fusion import Rows


class Watch:
    """Follows one article.

    :param asked: Its id; None to follow nothing.
    :param public: (articles,) bool. For an article that is not public, nothing more than that is revealed.
    """

    def __init__(self, archive: Archive, asked: str | None, public: Mask) -> None:
        self.row = None if asked is None else archive.find(asked, public)
        self._fate = Fate("not_public") if asked is not None and self.row is None else None

    def after(self, step: str, left: AllowedRows | Mask | Rows, detail: str = "") -> None:
        """Check whether the article is still there after a step.

        :param left: A mask of the remaining articles, (articles,) bool, or their rows, (n,) int64.
        """
        if self.row is None or self._fate is not None:
            return
        listed = isinstance(left, np.ndarray) and left.dtype != np.bool_
        if not ((left == self.row).any() if listed else left[self.row]):  # type: ignore[union-attr]
            self._fate = Fate(step, detail)

    def fate(self, listed: Rows, numbers: Callable[[int], Numbers]) -> Fate | None:
        """Return the article's fate, None if no article is followed.

        :param listed: The rows of the final list, (n,) int64.
        :param numbers: Returns all numbers of a row.
        """
        if self.row is None:
            return self._fate
        places = np.flatnonzero(listed == self.row)
        fate = Fate("listed", str(places[0] + 1)) if len(places) else self._fate or Fate("beyond_limit")
        return fate._replace(numbers=numbers(self.row))
