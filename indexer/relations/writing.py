"""What relates a segment's articles to each other, worked out while it is written.

Term vectors and neighbours are of texts, numbered as their vectors are; near-duplicates, series and content classes are
of articles. A segment that is added to others is held against those as well. Owns where the files lie and in which
order they are made.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.articles.columns import Columns
from indexer.articles.owners import Owners
from indexer.articles.prepared import PreparedArticle
from indexer.files import arrays
from indexer.files.progress import Progress
from indexer.index.lexical_query import ArticleTokens
from indexer.index.protocols import VectorIndex
from indexer.relations import content_classes, groups, near_duplicates, neighbours, terms
from indexer.relations.content_classes import ClassWriter
from indexer.relations.earlier import EarlierSegments
from indexer.relations.near_duplicates import SketchWriter
from indexer.relations.neighbours import Neighbours
from indexer.relations.series import Series, SeriesWriter
from indexer.relations.terms import NOTHING, Terms, TermWriter

DIRECTORY = "relations"


class RelationsWriter:
    """Gathers what articles added in row order have in common.

    :param directory: Is made.
    :param now: What is not public at this time does not count where words are told common from rare.
    :param earlier: The segments that this one is added to, None for the first.
    """

    def __init__(self, directory: Path, now: datetime, earlier: EarlierSegments | None = None) -> None:
        directory.mkdir()
        self._directory, self._now, self._earlier = directory, now, earlier
        self._terms = TermWriter(directory / terms.DIRECTORY, earlier.vocabulary if earlier else NOTHING)
        self._sketches, self._classes = SketchWriter(), ClassWriter()
        self._series = SeriesWriter(earlier.patterns if earlier else None)

    def add(self, prepared: PreparedArticle, vector: int, tokens: ArticleTokens) -> None:
        """Add the article of the next row.

        :param vector: The row of its vector.
        :param tokens: Its tokens.
        """
        article = prepared.article
        self._terms.add(vector, tokens.title, tokens.text, teaches=article.public_at(self._now))
        self._sketches.add(prepared.title_words, prepared.other_words)
        self._series.add(article.title, article.source, article.published_at)
        self._classes.add(prepared)

    def write(
        self,
        index: VectorIndex,
        owners: Owners,
        columns: Columns,
        progress: Progress = lambda stage, done, total: None,
    ) -> None:
        """Write everything.

        :param index: Of the segment's vectors.
        :param owners: Of the same.
        :param columns: Of the segment's articles.
        """
        earlier = self._earlier
        self._terms.close(index.count)
        self._series.write(self._directory)
        self._classes.write(self._directory)
        sketches = self._sketches.write(self._directory, earlier.boilerplate if earlier else None)
        own = Terms(self._directory / terms.DIRECTORY)
        neighbours.write_neighbours(self._directory, index, own, earlier, progress)
        near = arrays.mapped(self._directory / neighbours.NEIGHBOURS)
        groups.write_groups(self._directory, sketches, near, owners, columns, earlier)


class Relations:
    """What relates a segment's articles, opened for reading.

    `groups` is (articles,) int32, equal for near-duplicates: the row that stands for them, counted through the
    segments; `classes` (articles,) int8, what they are by their own words.

    :param directory: Where `RelationsWriter` put it.
    """

    def __init__(self, directory: Path) -> None:
        self.terms = Terms(directory / terms.DIRECTORY)
        self.neighbours = Neighbours(directory)
        self.sketches = near_duplicates.read_sketches(directory)
        self.series = Series.load(directory)
        self.groups: NDArray[np.int32] = arrays.mapped(directory / groups.FILE)
        self.classes = content_classes.load(directory)
