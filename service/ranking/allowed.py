"""Who may be in one list: an (articles,) bool mask that is worked out only for the articles that are looked at.

A list looks at some hundred articles, however many the archive has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.articles.columns import Mask

_FEW = 8
"""Up to so many single rows are compared one by one."""

RowPredicate = Callable[[Any], Any]
"""Returns which of some rows pass: of an int, a slice or (n,) int64 a bool, or as many."""


class AllowedRows:
    """Indexed by a row or by rows it says, as the mask would, which of them may be in the list.

    :param public: (articles,) bool, what may be seen; it is not changed.
    """

    def __init__(self, public: Mask) -> None:
        self._public = public
        self._tests: list[RowPredicate] = []
        self._out: list[int] = []

    def __getitem__(self, rows: Any) -> Any:
        """Return whether a row is allowed, or which of (n,) int64 rows are, (n,) bool."""
        found = self._public[rows]
        for test in self._tests:
            found = found & test(rows)
        if len(self._out) > _FEW:
            return found & np.isin(rows, self._out, invert=True)
        for row in self._out:
            found = found & (rows != row)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole mask, (articles,) bool."""
        mask = self._public.copy()
        for test in self._tests:
            mask &= test(slice(None))
        mask[self._out] = False
        return mask

    def also(self, test: RowPredicate) -> AllowedRows:
        """Return those of them that pass one more test."""
        left = AllowedRows(self._public)
        left._tests, left._out = [*self._tests, test], [*self._out]
        return left

    def keep(self, test: RowPredicate) -> None:
        """Leave out what does not pass a test."""
        self._tests.append(test)

    def leave_out(self, rows: Sequence[int]) -> None:
        """Leave out some rows."""
        self._out += rows
