"""The articles allowed in one list: an (articles,) bool mask that is computed only for the rows that are read.

A list reads some hundred rows, however many the archive has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.articles.columns import Mask

_FEW = 8
"""Up to this many single rows are compared one by one."""

RowPredicate = Callable[[Any], Any]
"""Returns which rows pass: a bool for an int, (n,) bool for a slice or (n,) int64 rows."""


class AllowedRows:
    """The allowed rows. Indexing by a row or by rows returns what the mask would.

    :param public: (articles,) bool, the public articles; it is not changed.
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
        """Return the allowed rows that pass one more test."""
        left = AllowedRows(self._public)
        left._tests, left._out = [*self._tests, test], [*self._out]
        return left

    def keep(self, test: RowPredicate) -> None:
        """Leave out the rows that do not pass a test."""
        self._tests.append(test)

    def leave_out(self, rows: Sequence[int]) -> None:
        """Leave out some rows."""
        self._out += rows
