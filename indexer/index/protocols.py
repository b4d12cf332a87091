"""The protocols of an index over vectors and an index over words, for any library.

The rest of the program knows only these; `registry` knows the implementations.
tests/indexer/index/test_index_contract.py tests each implementation against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.articles.prepared import PreparedArticle
from indexer.files.arrays import Mask, Rows
from indexer.index.lexical_query import ArticleTokens, Chance, LexicalQuery, Term
from models.encoder import Vectors

if TYPE_CHECKING:
    from indexer.index.vectors import BuiltIndex


class VectorIndex(Protocol):
    """An index over the vectors of one segment: scores are cosines, higher is better. Safe to use from several threads.

    :cvar kinds: The names of its index types in manifests; no other index has one of them.
    """

    kinds: ClassVar[tuple[str, ...]]

    @classmethod
    def build(cls, directory: Path) -> BuiltIndex:
        """Build the index over the raw vectors of a segment (`vectors.RAW_FILE`); equal vectors give equal files.

        :return: The type, one of `kinds`, and the recall@10 against brute force.
        :raises ValueError: if the recall is too low.
        :raises OSError: if it cannot be written.
        """
        ...

    @classmethod
    def open(cls, directory: Path) -> VectorIndex:
        """Open the index that `build` wrote.

        :raises ValueError: if it does not fit the raw vectors.
        """
        ...

    @property
    def count(self) -> int:
        """Return the number of vectors."""
        ...

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        ...

    def search(self, queries: Vectors, k: int, allowed: Mask | None = None) -> list[tuple[Rows, Vectors]]:
        """Return for each query its k best rows and their cosines, best first; fewer if fewer are allowed.

        :param queries: (q, dim) float32, rows of unit length.
        :param k: How many at most.
        :param allowed: (count,) bool, the rows that may be returned; all by default.
        :return: q pairs of (n,) int64 rows and (n,) float32 cosines, n <= k.
        """
        ...

    def cosines(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) rows to a (dim,) query, (n,) float32."""
        ...

    def reconstruct(self, rows: Sequence[int] | Rows) -> Vectors:
        """Return copies of the raw vectors of these (n,) rows, (n, dim) float32."""
        ...


class LexicalWriter(Protocol):
    """Writes the word index of an archive. Articles are numbered in the order of `add`."""

    @property
    def count(self) -> int:
        """Return how many articles were ever added."""
        ...

    def add(self, prepared: PreparedArticle, found: ArticleTokens) -> None:
        """Add the next article. It is found by its text, its author and its tags.

        The tags describe the subject as well as the title does.

        :param found: The tokens of its text.
        :raises OSError: if it cannot be written.
        """
        ...

    def close(self) -> None:
        """Write everything to disk."""
        ...


class LexicalIndex(Protocol):
    """The word index of an archive, scored by BM25 (k1 1.2, b 0.75). Safe to use from several threads.

    :cvar name: Its name in the registry.
    :cvar locks: Names of files that it leaves in the directory where it opens or writes an index. They are no part of a
        snapshot; empty if it leaves none.
    """

    name: ClassVar[str]
    locks: ClassVar[frozenset[str]]

    @classmethod
    def writer(cls, directory: Path) -> LexicalWriter:
        """Return a writer that makes an index in a directory, or adds to the one in it.

        Another snapshot may share the files there, so the writer replaces files and never changes them in place.
        """
        ...

    @classmethod
    def open(cls, directory: Path, rows: NDArray[np.int32] | None = None) -> LexicalIndex:
        """Open the index in a directory.

        :param rows: (articles ever added,) int32, the current row of each article, -1 for none. None if each row is the
            article's number.
        :raises ValueError: if it cannot be read, or holds another number of articles.
        """
        ...

    @property
    def count(self) -> int:
        """Return how many articles were ever added."""
        ...

    def search(self, words: LexicalQuery, k: int, allowed: Mask) -> tuple[Rows, NDArray[np.float32]]:
        """Return the allowed articles that match best.

        :param allowed: (articles,) bool.
        :return: (n,) int64 rows and (n,) float32 scores, best first, ties by row; at least k if that many match.
        """
        ...

    def chance(self, words: LexicalQuery) -> Chance:
        """Return the scores that unrelated articles get, computed from how common each token is."""
        ...

    def frequency(self, term: Term) -> int:
        """Return the number of articles with a token."""
        ...

    def having(self, terms: Sequence[Term]) -> Rows:
        """Return the rows of the articles that have all of these tokens, (n,) int64, sorted."""
        ...

    def titled(self, title: str, bare: bool) -> Rows:
        """Return the rows of the articles with exactly this title, (n,) int64.

        :param title: Its syllables joined by blanks.
        :param bare: Whether `title` has no diacritics, and titles are compared without them.
        """
        ...

    def title_starts(self, bare: Sequence[str], k: int) -> Rows:
        """Return up to k rows of articles whose titles have these words in sequence. The last word may be a prefix.

        :param bare: Syllables without diacritics.
        :return: (n,) int64.
        """
        ...
