"""The known indexes over vectors and words.

A manifest names the type of each segment's index over vectors. It names no word index, since tantivy's is the only one.
"""

from __future__ import annotations

from indexer.index.lexical import TantivyIndex
from indexer.index.protocols import LexicalIndex, VectorIndex
from indexer.index.vectors import FLAT, FaissIndex

VECTOR_INDEXES: tuple[type[VectorIndex], ...] = (FaissIndex,)
"""All indexes over vectors. New segments get the first; the others are opened if a manifest names one of their
types."""

LEXICAL_INDEXES: tuple[type[LexicalIndex], ...] = (TantivyIndex,)
"""All indexes over words. Snapshots use the first."""

KIND = FLAT
"""The default type of a segment's index."""


def vector_index(kind: str | None = None) -> type[VectorIndex]:
    """Return the index over vectors that has a type of this name; by default the one for new segments.

    :raises ValueError: if no index has this type.
    """
    if kind is None:
        return VECTOR_INDEXES[0]
    for index in VECTOR_INDEXES:
        if kind in index.kinds:
            return index
    known = ", ".join(name for index in VECTOR_INDEXES for name in index.kinds)
    raise ValueError(f"index: {kind!r}: expected one of {known}")


def lexical_index(name: str | None = None) -> type[LexicalIndex]:
    """Return the index over words of this name; by default the one that snapshots use.

    :raises ValueError: if there is no such index.
    """
    if name is None:
        return LEXICAL_INDEXES[0]
    for index in LEXICAL_INDEXES:
        if name == index.name:
            return index
    raise ValueError(f"word index: {name!r}: expected one of {', '.join(index.name for index in LEXICAL_INDEXES)}")
