"""The public articles that a query's exclusions leave, and those of them with its quoted phrases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.files.arrays import Rows
from service.query.understanding import Query


class SearchScope(NamedTuple):
    """The articles that a query may find.

    :param visible: (articles,) bool.
    :param is_excluding: Whether exclusions apply.
    :param phrased: (n,) int64, sorted rows of visible articles that have a quoted phrase.
    :param relaxed: The ignored parts of the query, since no article would have been left: `exclusion`, `phrase`.
    """

    visible: Mask
    is_excluding: bool
    phrased: Rows
    relaxed: tuple[str, ...]

    @classmethod
    def of(cls, archive: Archive, query: Query, public: Mask) -> SearchScope:
        """Return the scope of a query among the public articles, (articles,) bool."""
        relaxed = []
        visible = public
        if query.excluded:
            left = public.copy()
            for term in query.excluded:
                left[archive.having([term])] = False
            if left.any():
                visible = left
            else:
                relaxed.append("exclusion")
        having = [archive.having(phrase) for phrase in query.phrases]
        phrased = np.unique(np.concatenate(having)) if having else np.empty(0, np.int64)
        phrased = phrased[visible[phrased]]
        if query.phrases and not len(phrased):
            relaxed.append("phrase")
        return cls(visible, visible is not public, phrased, tuple(relaxed))

    def within(self, passing: Mask) -> Mask:
        """Return which articles of the scope are among the public ones that pass some filters, (articles,) bool."""
        return passing & self.visible if self.is_excluding else passing
