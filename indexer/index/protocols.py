"""What an index over vectors and an index over words must do, whatever library does it.

The rest of the program knows these alone; `registry` knows which there are. What they say is held against every one of
them by tests/indexer/index/test_index_contract.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.files.arrays import Mask, Rows
from models.encoder import Vectors

if TYPE_CHECKING:
    from indexer.index.lexical import Chance, LexicalQuery, Term
    from indexer.index.vectors import BuiltIndex


class VectorIndex(Protocol):
    """An index over the vectors of one segment: scores are cosines, higher is better. Safe to use from several threads.

    :cvar kinds: What manifests call its types of index; no other index has one of them.
    """

    kinds: ClassVar[tuple[str, ...]]

    @classmethod
    def build(cls, directory: Path) -> BuiltIndex:
        """Build the index over the raw vectors of a segment (`vectors.RAW_FILE`); equal vectors give equal files.

        :return: Which of `kinds` it is, and its recall@10 against brute force.
        :raises ValueError: if it does not find what it should.
        :raises OSError: if the disk does not take it.
        """
        ...

    @classmethod
    def open(cls, directory: Path) -> VectorIndex:
        """Open what `build` wrote.

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
        """Return for each query its best rows and their cosines, best first, fewer than k where there are fewer.

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
        """Return copies of the raw vectors of these rows, (len(rows), dim) float32."""
        ...


class LexicalWriter(Protocol):
    """Writes the word index of an archive; articles are numbered in the order in which they are added."""

    @property
    def count(self) -> int:
        """Return how many articles were ever added."""
        ...

    def add(self, title: Sequence[str], words: Sequence[str], text: str, tags: Sequence[str] = ()) -> None:
        """Add the next article.

        :param title: `syllables.stream` of the title.
        :param words: That of the text, and of whatever else an article is found by.
        :param text: Title, lead and body.
        :param tags: `syllables.stream` of the tags. They say as much of what it is about as the title does.
        :raises OSError: if the disk does not take it.
        """
        ...

    def close(self) -> None:
        """Write everything to disk."""
        ...


class LexicalIndex(Protocol):
    """The word index of an archive, scored by BM25 (k1 1.2, b 0.75). Safe to use from several threads.

    :cvar name: What it is called in the registry.
    """

    name: ClassVar[str]

    @classmethod
    def writer(cls, directory: Path) -> LexicalWriter:
        """Return what writes an index there, or adds to the one that is there.

        Files that are there already may be shared with another snapshot: they are replaced, and never written into.
        """
        ...

    @classmethod
    def open(cls, directory: Path, rows: NDArray[np.int32] | None = None) -> LexicalIndex:
        """Open what was written.

        :param rows: (articles ever added,) int32, the row that each has now, -1 for none; None where it is its number.
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
        :return: (n,) int64 rows and (n,) float32 scores, best first, ties by row; k at least where as many match.
        """
        ...

    def chance(self, words: LexicalQuery) -> Chance:
        """Return what scores unrelated articles get, from how common each token is."""
        ...

    def frequency(self, term: Term) -> int:
        """Return in how many articles a token stands."""
        ...

    def having(self, terms: Sequence[Term]) -> Rows:
        """Return the articles that have all of these tokens, (n,) int64, sorted."""
        ...

    def titled(self, title: str, bare: bool) -> Rows:
        """Return the articles of exactly this title, (n,) int64.

        :param title: Its syllables with one blank between, without diacritics where `bare`.
        """
        ...

    def title_starts(self, bare: Sequence[str], k: int) -> Rows:
        """Return up to k articles in whose titles these words follow each other, the last one perhaps only begun.

        :param bare: Syllables without diacritics.
        :return: (n,) int64.
        """
        ...
