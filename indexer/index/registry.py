"""Which indexes there are over vectors and words, and which of them a snapshot has.

A manifest names the type of each segment's index over vectors. It names none of words: today's all have tantivy's.
"""

from __future__ import annotations

from indexer.index.lexical import TantivyIndex
from indexer.index.protocols import LexicalIndex, VectorIndex
from indexer.index.vectors import FLAT, FaissIndex

VECTOR_INDEXES: tuple[type[VectorIndex], ...] = (FaissIndex,)
"""All over vectors. New segments are given the first; the others are opened where a manifest names a type of theirs."""

LEXICAL_INDEXES: tuple[type[LexicalIndex], ...] = (TantivyIndex,)
"""All over words. Snapshots have the first."""

KIND = FLAT
"""The type of index that a segment has where nothing is said."""


def vector_index(kind: str | None = None) -> type[VectorIndex]:
    """Return the index over vectors that has a type of this name; by default the one that new segments are given.

    :raises ValueError: if none has.
    """
    if kind is None:
        return VECTOR_INDEXES[0]
    for index in VECTOR_INDEXES:
        if kind in index.kinds:
            return index
    known = ", ".join(name for index in VECTOR_INDEXES for name in index.kinds)
    raise ValueError(f"index: {kind!r}: expected one of {known}")


def lexical_index(name: str | None = None) -> type[LexicalIndex]:
    """Return the index over words of this name; by default the one that snapshots have.

    :raises ValueError: if there is none.
    """
    if name is None:
        return LEXICAL_INDEXES[0]
    for index in LEXICAL_INDEXES:
        if name == index.name:
            return index
    raise ValueError(f"word index: {name!r}: expected one of {', '.join(index.name for index in LEXICAL_INDEXES)}")
