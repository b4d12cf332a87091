"""What relates a segment's articles to each other, worked out while it is written.

Term vectors and neighbours are of texts, numbered as their vectors are; near-duplicates, series and content classes are
of articles. Owns where their files lie and in which order they are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer import content_classes, near_duplicates, neighbours, terms
from indexer.article import Article
from indexer.columns import ABSENT, Columns
from indexer.content_classes import ClassWriter
from indexer.near_duplicates import SketchWriter
from indexer.neighbours import Neighbours
from indexer.series import Series, SeriesWriter
from indexer.terms import Terms, TermWriter
from indexer.vectors import Rows, VectorIndex

DIRECTORY = "relations"
_GROUPS = "groups.npy"

Owners = NDArray[np.int32]
_Pair = tuple[Sequence[str], Sequence[str]]


class RelationsWriter:
    """Gathers what articles added in row order have in common.

    :param directory: Is made.
    :param now: What is not public at this time does not count where words are told common from rare.
    """

    def __init__(self, directory: Path, now: datetime) -> None:
        directory.mkdir()
        self._directory, self._now = directory, now
        self._terms = TermWriter(directory / terms.DIRECTORY)
        self._sketches, self._series, self._classes = SketchWriter(), SeriesWriter(), ClassWriter()

    def add(self, article: Article, vector: int, words: _Pair, tokens: _Pair) -> None:
        """Add the article of the next row.

        :param vector: The row of its vector.
        :param words: `syllables.stream` of its title, and of its lead and body.
        :param tokens: `lexical.tokens` of its title, and of all of it.
        """
        self._terms.add(vector, *tokens, teaches=article.public_at(self._now))
        self._sketches.add(*words)
        self._series.add(article.title, article.source, article.published_at)
        self._classes.add(article)

    def write(self, index: VectorIndex, owners: Owners, columns: Columns) -> None:
        """Write everything.

        :param index: Of the segment's vectors.
        :param owners: (pairs, 2) int32 vector and article rows, sorted by vector.
        :param columns: Of the segment's articles.
        """
        self._terms.close(index.count)
        self._series.write(self._directory)
        self._classes.write(self._directory)
        sketches = self._sketches.write(self._directory)
        neighbours.write_neighbours(self._directory, index, Terms(self._directory / terms.DIRECTORY))
        near = _articles(np.load(self._directory / neighbours.NEIGHBOURS, mmap_mode="r"), owners)
        pairs = near_duplicates.near(sketches, near, columns.codes("source"), columns.published)
        np.save(self._directory / _GROUPS, _groups(owners, pairs, columns.published), allow_pickle=False)


def _articles(texts: NDArray[np.int32], owners: Owners) -> NDArray[np.int32]:
    """Return for each article the first owners of its text's neighbours, padded with -1."""
    first = np.full(len(texts), -1, dtype=np.int32)
    first[owners[::-1, 0]] = owners[::-1, 1]  # of equal vectors the last assignment stays
    owned = owners[np.argsort(owners[:, 1], kind="stable"), 0]
    return np.asarray(np.where(texts >= 0, first[texts], -1)[owned], dtype=np.int32)


def _groups(owners: Owners, pairs: Rows, published: Rows) -> NDArray[np.int32]:
    """Return for each article the row that stands for its group, (articles,) int32; all of one text are of one group.

    :param pairs: (p, 2) rows of near-duplicates.
    :param published: (articles,) int64 times.
    """
    first = np.empty(len(owners), dtype=np.int64)  # of each article's text, the first that owns it
    first[owners[:, 1]] = owners[np.searchsorted(owners[:, 0], owners[:, 0]), 1]
    pairs = np.sort(first[pairs], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    newest = np.where(published == ABSENT, 0, -published)
    np.minimum.at(newest, first, newest)
    return near_duplicates.groups(len(owners), pairs, newest)[first]


class Relations:
    """What relates a segment's articles, opened for reading.

    `groups` is (articles,) int32, equal for near-duplicates: the row that stands for them; `classes` (articles,) int8,
    what they are by their own words.

    :param directory: Where `RelationsWriter` put it.
    """

    def __init__(self, directory: Path) -> None:
        self.terms = Terms(directory / terms.DIRECTORY)
        self.neighbours = Neighbours(directory)
        self.sketches = near_duplicates.read_sketches(directory)
        self.series = Series.load(directory)
        self.groups: NDArray[np.int32] = np.load(directory / _GROUPS, mmap_mode="r", allow_pickle=False)
        self.classes = content_classes.load(directory)
