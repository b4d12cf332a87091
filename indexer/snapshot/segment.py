"""A segment: immutable files that hold some articles, their vectors, the owners of the vectors, and relations.

Article rows and vector rows are different numbers, since articles of equal text share a vector. Both count from 0
within the segment. Files of the whole archive (words, language) lie beside the segments.
"""

from __future__ import annotations

import copy
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.articles import owners, store
from indexer.articles.columns import Columns, ColumnWriter
from indexer.articles.owners import Owners
from indexer.articles.prepared import PreparedArticle
from indexer.articles.store import Store, StoredArticle
from indexer.articles.summaries import Summaries, SummaryWriter
from indexer.errors import BuildRefused
from indexer.files import arrays
from indexer.files.arrays import Mask, Rows
from indexer.files.progress import Progress
from indexer.index import registry, vectors
from indexer.index.lexical_query import ArticleTokens
from indexer.index.protocols import LexicalWriter, VectorIndex
from indexer.language.knowledge import KnowledgeWriter
from indexer.language.named import NameOccurrences, NameOccurrenceWriter
from indexer.relations import writing
from indexer.relations.earlier import EarlierSegments
from indexer.relations.writing import Relations, RelationsWriter
from indexer.snapshot import archive_map
from models.encoder import Vectors

_KEYS = "text_keys.npy"

IndexedArticle = tuple[StoredArticle, PreparedArticle, int]
"""An article as the store keeps it, prepared for all other writers, and the row of its vector."""


class SegmentWriter:
    """Writes a segment.

    :param directory: An existing directory that holds the raw vectors that `vectors.write_vectors` wrote.
    :param now: Nothing is learnt from articles that are not public at this time.
    :param words: The word index, which gets the articles that it does not have.
    :param learnt: Learns from all articles, known ones included; None if nothing is to be learnt.
    :param earlier: The segments that this one is added to, None for the first.
    :raises BuildRefused: if the index over the vectors misses its recall.
    """

    def __init__(
        self,
        directory: Path,
        now: datetime,
        words: LexicalWriter,
        learnt: KnowledgeWriter | None = None,
        earlier: EarlierSegments | None = None,
        progress: Progress = lambda stage, done, total: None,
    ) -> None:
        self._directory, self._words, self._learnt, self._progress = directory, words, learnt, progress
        try:
            self._built = registry.vector_index().build(directory)
        except ValueError as error:
            raise BuildRefused(f"{directory.name}: {error}") from error
        self._columns = ColumnWriter()
        self._relations = RelationsWriter(directory / writing.DIRECTORY, now, earlier)
        self._named = NameOccurrenceWriter(earlier.knowledge.names) if earlier else None
        self._summaries = SummaryWriter(directory)
        self._vectors = array("i")

    def write(
        self, articles: Iterable[IndexedArticle], texts: Iterable[tuple[bytes, int]], known: int = 0
    ) -> vectors.BuiltIndex:
        """Write everything but the raw vectors. If names are learnt now, their occurrences are written elsewhere.

        :param articles: Each article with the row of its vector; article rows follow this order.
        :param texts: For each vector the key of its text and its row.
        :param known: How many articles, the first ones, the word index has already.
        :return: The type and recall of the index over the vectors.
        """
        directory, keys = self._directory, array("Q")

        def passing() -> Iterable[tuple[StoredArticle, PreparedArticle]]:
            for row, (stored, prepared, vector) in enumerate(articles):
                self._add(row, prepared, vector, row >= known)
                yield stored, prepared

        def keyed() -> Iterable[tuple[bytes, int]]:
            for key, vector in texts:
                keys.append(int.from_bytes(key[:8], "little"))
                yield key, vector

        store.write_store(directory / store.FILE, passing(), keyed())
        arrays.save(directory / _KEYS, np.array(keys, dtype=np.uint64).view(np.int64))
        self._columns.write(directory)
        self._summaries.close()
        if self._named is not None:
            self._named.write(directory)
        owners.write_owners(directory, np.array(self._vectors, dtype=np.int32), len(keys))
        index = registry.vector_index(self._built.kind).open(directory)
        self._relations.write(index, Owners(directory), Columns(directory), self._progress)
        return self._built

    def _add(self, row: int, prepared: PreparedArticle, vector: int, new: bool) -> None:
        self._columns.add(prepared)
        self._summaries.add(prepared)
        self._vectors.append(vector)
        found = ArticleTokens.of(prepared)
        if new:
            self._words.add(prepared, found)
        if self._learnt is not None:
            self._learnt.add(row, prepared)
        if self._named is not None:
            self._named.add(row, prepared)
        self._relations.add(prepared, vector, found)


class Segment:
    """A segment opened for reading, without the articles that have tombstones.

    :param directory: Where its files are.
    :param tombstones: (d,) int64 article rows that were deleted since it was written.
    :param kind: The type of its index over the vectors, as the manifest names it.
    :raises ValueError: if its files do not fit together.
    """

    def __init__(self, directory: Path, tombstones: Rows, kind: str = registry.KIND) -> None:
        self.name = directory.name
        self.store = Store(directory / store.FILE)
        self.columns = Columns(directory)
        self.summaries = Summaries(directory)
        self.named = NameOccurrences(directory)
        self.index: VectorIndex = registry.vector_index(kind).open(directory)
        self.relations = Relations(directory / writing.DIRECTORY)
        self.owners = Owners(directory)
        self.keys: NDArray[np.int64] = arrays.mapped(directory / _KEYS)
        """(vectors,) int64, the start of each text's key. Equal texts have equal keys in all segments."""
        self.positions = archive_map.load(directory)
        """(vectors, 2) float32, the place of each text on the map; None if there is no map."""
        self.alive = self._alive(tombstones)
        if self.positions is not None and self.positions.shape != (self.index.count, 2):
            raise ValueError(f"{directory}: a map of {self.positions.shape}: expected ({self.index.count}, 2)")
        if (self.owners.articles, self.owners.vectors, len(self.keys)) != (self.count, *2 * (self.index.count,)):
            raise ValueError(
                f"{directory}: owners of {self.owners.vectors} vectors among {self.owners.articles} articles, "
                f"{len(self.keys)} keys: expected {self.index.count} vectors, {self.count} articles"
            )

    def _alive(self, tombstones: Rows) -> Mask:
        alive = np.ones(self.columns.count, dtype=np.bool_)
        alive[tombstones] = False
        return alive

    def less(self, tombstones: Rows) -> Segment:
        """Return the same segment with other tombstones, (d,) int64 article rows. Both share their open files."""
        shared = copy.copy(self)
        shared.alive = self._alive(tombstones)
        return shared

    @property
    def count(self) -> int:
        """Return the number of article rows, tombstones included."""
        return self.columns.count

    def similarities(self, query: Vectors, articles: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a (dim,) query, (n,) float32."""
        return self.index.cosines(query, self.owners.of_articles(articles))

    def nearest(
        self, query: Vectors, k: int, allowed: Mask | None = None, owned: Mask | None = None
    ) -> tuple[Rows, Vectors, Rows]:
        """Return the allowed articles that own the vectors nearest to a query.

        These are at least k articles with k distinct texts, or all if there are fewer. Each text comes with all of its
        allowed articles. Ties keep the order of rows.

        :param query: (dim,) float32, of unit length.
        :param allowed: (articles,) bool, None for all.
        :param owned: (vectors,) bool, `Owners.owned_by` of `allowed`; None to compute it here.
        :return: (n,) int64 article rows, (n,) float32 cosines, best first, and (n,) int64 rows of the vectors.
        """
        if allowed is not None and owned is None:
            owned = self.owners.owned_by(allowed)
        found, cosines = self.index.search(query[None, :], k, owned)[0]
        rows, at = self.owners.of_vectors(found)
        scores, hits = cosines[at], found[at]
        if allowed is not None:
            kept = allowed[rows]
            rows, scores, hits = rows[kept], scores[kept], hits[kept]
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order], hits[order]

    def close(self) -> None:
        """Close the files."""
        self.store.close()


def empty_rows(rows: Sequence[int] = ()) -> Rows:
    """Return rows as an (n,) int64 array."""
    return np.array(rows, dtype=np.int64)
