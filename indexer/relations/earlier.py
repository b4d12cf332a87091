"""What a segment that is added has to know of those before it. `indexer.archive.Archive` is one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.files.arrays import Mask, Rows
from indexer.language.knowledge import Knowledge
from indexer.relations.near_duplicates import Bits, Hours, Sketches
from indexer.relations.series import Pattern
from indexer.relations.terms import TermVector, Vocabulary
from models.encoder import Vectors


class EarlierSegments(Protocol):
    """The segments before one. Articles and texts are counted through them.

    `published` is (count,) int64 microseconds since 1970, `knowledge` what all of them know.
    """

    published: Rows
    knowledge: Knowledge

    @property
    def count(self) -> int:
        """Return how many articles there are, deleted ones included."""
        ...

    @property
    def text_count(self) -> int:
        """Return how many texts there are."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Return what is known of tokens."""
        ...

    @property
    def boilerplate(self) -> Bits:
        """Return the shingles that say nothing (`Sketches.boilerplate`)."""
        ...

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """Return the series that are known."""
        ...

    @property
    def groups(self) -> NDArray[np.int32]:
        """Return for each article the row that stands for its group, (count,)."""
        ...

    def reconstruct(self, texts: Rows) -> Vectors:
        """Return the vectors of (n,) texts, (n, dim) float32."""
        ...

    def nearest_texts(self, queries: Vectors, k: int) -> list[tuple[Rows, Vectors]]:
        """Return for each of (q, dim) vectors its k best texts and their cosines, best first."""
        ...

    def text_terms(self, vector: TermVector, texts: Rows) -> Vectors:
        """Return the cosine of each of (n,) texts to a text by their tokens, (n,) float32."""
        ...

    def first_owners(self, texts: Rows) -> Rows:
        """Return the first article that owns each of (n,) texts, (n,) int64, -1 where none does."""
        ...

    def told_again(self, sketches: Sketches, pairs: Rows, gaps: Hours | None = None) -> Mask:
        """Return which (p, 2) pairs of rows, of the sketches and of the archive, are near-duplicates, (p,) bool."""
        ...

    def coded(self, field: str) -> NDArray[np.int32]:
        """Return a number for each article's section, source or author, (count,), -1 where it has none."""
        ...

    def code(self, field: str, value: str) -> int:
        """Return the number that `coded` has for a value; a new one where no article has it."""
        ...
