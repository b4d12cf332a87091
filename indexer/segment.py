"""A segment: immutable files that hold some articles, their vectors, and who owns which.

Article rows and vector rows are apart: an article may own several vectors, and articles of equal text own one
together. Both count from 0 within the segment.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer import knowledge, lexical, relations, store, vectors
from indexer.article import Article
from indexer.columns import Columns, ColumnWriter
from indexer.knowledge import Knowledge, KnowledgeWriter
from indexer.lexical import LexicalIndex, LexicalWriter, tokens
from indexer.relations import Relations, RelationsWriter
from indexer.store import Store, Stored
from indexer.syllables import stream
from indexer.vectors import Mask, Rows, VectorIndex, Vectors

OWNERS_FILE = "owners.npy"


def write_segment(
    directory: Path,
    articles: Iterable[tuple[Stored, int]],
    texts: Iterable[tuple[bytes, int]],
    now: datetime,
) -> str:
    """Write everything but the raw vectors, which `vectors.write_vectors` has put into the directory.

    :param articles: Each article with the row of its vector; article rows are counted in this order.
    :param texts: For each vector the key of its text and its row.
    :param now: What is not public at this time is found by nothing that the segment learns from its articles.
    :return: The type of the FAISS index.
    """
    columns = ColumnWriter()
    words, learnt = LexicalWriter(directory / lexical.DIRECTORY), KnowledgeWriter(now)
    related = RelationsWriter(directory / relations.DIRECTORY, now)
    owners = array("i")

    def passing() -> Iterable[Stored]:
        for row, (stored, vector) in enumerate(articles):
            article = stored.article()
            columns.add(article)
            owners.append(vector)
            text = _text(article)
            title, rest = stream(article.title), stream(text[len(article.title) :])
            spoken = [*title, *rest]
            found = tokens(spoken)
            words.add(title, found, text)
            learnt.add(article, row, spoken, text)
            related.add(article, vector, (title, rest), (tokens(title), found))
            yield stored

    store.write_store(directory / store.FILE, passing(), texts)
    columns.write(directory)
    words.close()
    learnt.write(directory / knowledge.DIRECTORY)
    owned = np.array(owners, dtype=np.int32)
    pairs = np.stack([owned, np.arange(len(owned), dtype=np.int32)], axis=1)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    np.save(directory / OWNERS_FILE, pairs, allow_pickle=False)
    index = vectors.build_index(directory / vectors.RAW_FILE, directory / vectors.INDEX_FILE).kind
    related.write(VectorIndex(directory / vectors.INDEX_FILE, directory / vectors.RAW_FILE), pairs, Columns(directory))
    return index


def _text(article: Article) -> str:
    return "\n".join(part for part in (article.title, article.lead, article.plain_body) if part)


class Segment:
    """A segment opened for reading, less its tombstones.

    :param directory: Where its files are.
    :param tombstones: (d,) int64 article rows that were deleted since it was written.
    """

    def __init__(self, directory: Path, tombstones: Rows) -> None:
        self.name = directory.name
        self.store = Store(directory / store.FILE)
        self.columns = Columns(directory)
        self.index = VectorIndex(directory / vectors.INDEX_FILE, directory / vectors.RAW_FILE)
        self.words = LexicalIndex(directory / lexical.DIRECTORY)
        self.knowledge = Knowledge(directory / knowledge.DIRECTORY)
        self.relations = Relations(directory / relations.DIRECTORY)
        owners: NDArray[np.int32] = np.load(directory / OWNERS_FILE, allow_pickle=False)
        self._owned, self._owner = owners[:, 0].astype(np.int64), owners[:, 1].astype(np.int64)
        self._starts = np.searchsorted(self._owned, np.arange(self.index.count + 1))
        self.alive = np.ones(self.columns.count, dtype=np.bool_)
        self.alive[tombstones] = False
        self._by_article = np.argsort(self._owner, kind="stable")
        self._article_starts = np.searchsorted(self._owner[self._by_article], np.arange(self.count + 1))
        self._most_vectors = int(np.diff(self._article_starts).max(initial=1))

    @property
    def count(self) -> int:
        """Return the number of article rows, tombstones included."""
        return self.columns.count

    def vectors_of(self, article: int) -> Rows:
        """Return the rows of the vectors that an article owns."""
        start, end = self._article_starts[article], self._article_starts[article + 1]
        return self._owned[self._by_article[start:end]]

    def first_vectors(self, articles: Rows) -> Rows:
        """Return the first vector that each of (n,) articles owns, (n,) int64: equal for articles of one text."""
        return self._owned[self._by_article[self._article_starts[articles]]]

    def owners(self, vectors: Rows, values: Vectors) -> tuple[Rows, Vectors]:
        """Return the articles that own (n,) vectors, and the value of each one's vector."""
        counts = self._starts[vectors + 1] - self._starts[vectors]
        at = np.repeat(self._starts[vectors] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return self._owner[at], np.repeat(values, counts)

    def similarities(self, query: Vectors, articles: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a query, that of its best vector, (n,) float32."""
        best = self.index.cosines(query, self.first_vectors(articles))
        starts, ends = self._article_starts[articles], self._article_starts[articles + 1]
        for at in range(1, self._most_vectors):
            there = starts + at < ends
            found = self.index.cosines(query, self._owned[self._by_article[starts[there] + at]])
            best[there] = np.maximum(best[there], found)
        return best

    def owned_by(self, allowed: Mask) -> Mask:
        """Return which vectors have an owner among the allowed articles.

        :param allowed: (articles,) bool.
        :return: (vectors,) bool.
        """
        if allowed.all():
            return np.ones(self.index.count, dtype=np.bool_)
        owned = np.zeros(self.index.count, dtype=np.bool_)
        owned[self._owned[allowed[self._owner]]] = True
        return owned

    def nearest(self, query: Vectors, k: int, allowed: Mask) -> tuple[Rows, Vectors, Rows]:
        """Return the allowed articles that own the vectors nearest to a query.

        At least k articles of k distinct texts, or all where there are fewer; every article comes with all others
        of its text. An article's score is that of its best vector. Ties keep the order of rows.

        :param query: (dim,) float32, of unit length.
        :param allowed: (articles,) bool.
        :return: (n,) int64 article rows, (n,) float32 cosines, best first, and (n,) int64 rows of the vectors.
        """
        owned = None if allowed.all() else self.owned_by(allowed)
        found, scores = self.index.search(query[None, :], k * self._most_vectors, owned)[0]
        counts = self._starts[found + 1] - self._starts[found]
        at = np.repeat(self._starts[found] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        owners, hits, hit_scores = self._owner[at], np.repeat(found, counts), np.repeat(scores, counts)
        kept = allowed[owners]
        owners, hits, hit_scores = owners[kept], hits[kept], hit_scores[kept]
        order = np.lexsort((owners, -hit_scores))
        order = order[_first_met(owners[order], self.count)]
        return owners[order], hit_scores[order], hits[order]

    def close(self) -> None:
        """Close what is open."""
        self.store.close()


def _first_met(rows: Rows, count: int) -> Mask:
    """Return where each of (n,) rows below `count` stands for the first time, (n,) bool."""
    places = np.arange(len(rows))
    first = np.empty(count, dtype=np.int64)
    first[rows[::-1]] = places[::-1]  # of equal rows the last assignment stays
    return np.asarray(first[rows] == places)


def empty_rows(rows: Sequence[int] = ()) -> Rows:
    """Return rows as the (n,) int64 array that segments take."""
    return np.array(rows, dtype=np.int64)
