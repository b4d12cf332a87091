"""The seeds of a related list: published articles, a draft, or several, combined for comparison.

Owns how seeds are found and combined. Knows nothing of ranking.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from indexer.archive import Archive
from indexer.articles.article import Article, shown
from indexer.articles.columns import ABSENT, Mask
from indexer.building.embedding import embed
from indexer.index.lexical_query import tokens
from indexer.relations.terms import TermVector
from indexer.text.syllables import stream
from models.encoder import Encoder, Vectors
from service.errors import NotFound
from service.observing import tracing
from service.ranking import fusion
from service.ranking.fusion import Rows, Scores
from service.schemas import Seed

NEGATIVE = 0.5
"""The weight of a negative seed relative to a seed, as in Rocchio (1971). Chosen by hand, since there are no
judgements."""

BRIEF = 40
"""The most syllables of a brief draft. Titles have 8 to 20, title and lead 45 to 80."""


WeightedTermVectors = tuple[tuple[TermVector, float], ...]
"""Term vectors and their weights."""


@dataclass(frozen=True)
class Echo:
    """The common content of the articles nearest to a brief draft, which describes its subject better than the draft.

    :param vector: (dim,) float32, of unit length.
    :param unrelated: Mean and standard deviation of unrelated articles' cosines to the vector.
    :param terms: The articles' term vectors and their weights.
    """

    vector: Vectors
    unrelated: tuple[float, float]
    terms: tuple[tuple[TermVector, float], ...]


@dataclass(frozen=True)
class Seeds:
    """The seeds of one list.

    :param rows: Rows of published seeds, without negative ones.
    :param negative: Rows of published articles that the list should be unlike.
    :param vector: (dim,) float32, of unit length.
    :param weigh: Returns the term vectors of the seeds, then of the negative ones, with their weights.
    :param unrelated: Mean and standard deviation of unrelated articles' cosines to the vector.
    :param article: The draft, as an article without an id.
    :param draft: The words of its title, and those of its lead and body.
    :param brief: Whether the only seed is a brief draft, such as a title alone.
    :param echo: The echo of a brief draft.
    """

    rows: tuple[int, ...]
    negative: tuple[int, ...]
    vector: Vectors
    weigh: Callable[[], WeightedTermVectors]
    unrelated: tuple[float, float]
    article: Article | None = None
    draft: tuple[list[str], list[str]] | None = None
    brief: bool = False
    echo: Echo | None = None

    @cached_property
    def terms(self) -> WeightedTermVectors:
        """Return the term vectors and their weights, computed only when needed: stored neighbours do not need them."""
        return self.weigh()

    @property
    def single(self) -> int | None:
        """Return the row of the only seed if it is a single published article, else None."""
        return self.rows[0] if len(self.rows) == 1 and not self.negative and self.draft is None else None

    def shared_terms(self, archive: Archive, rows: Rows) -> Scores:
        """Return how similar the words of (n,) articles and the seeds are, (n,) float64 from 0 to 1."""
        return shared_terms(archive, self.terms, rows)

    def published(self, archive: Archive) -> int | None:
        """Return the latest date of the published seeds, in microseconds since 1970, None if none has a date."""
        newest = max((int(archive.published[row]) for row in self.rows), default=ABSENT)
        return None if newest == ABSENT else newest


def shared_terms(archive: Archive, weighed: WeightedTermVectors, rows: Rows) -> Scores:
    """Return how similar the words of (n,) articles and weighted texts are, (n,) float64 from 0 to 1."""
    found = np.zeros(len(rows))
    for vector, weight in weighed:
        found += weight * archive.shared_terms(vector, rows)
    return np.maximum(found, 0.0)


def resolve(archive: Archive, encoder: Callable[[], Encoder], seed: Seed, public: Mask) -> Seeds:
    """Return the seeds that a request names.

    :param encoder: Called only for a draft.
    :param public: (articles,) bool.
    :raises NotFound: naming the seed that is not a public article.
    """
    rows = _rows(archive, seed, public)
    negative = _distinct(
        [_row("seed.negative_ids", at, i, archive.find, public) for at, i in enumerate(seed.negative_ids)]
    )
    vectors = [_own(archive, row) for row in rows]
    drafted: list[TermVector] = []
    article = seed.article.as_article_text() if seed.article is not None else None
    words, brief = None, False
    if article is not None:
        words = _words(article)
        brief = not rows and not negative and sum(map(bool, (*words[0], *words[1]))) <= BRIEF
        vectors.append(_encoded(encoder(), article, brief))
        tracing.lap("encoding")
        titled, spoken = tokens(words[0]), tokens([*words[0], "", *words[1]])
        drafted.append(archive.draft_terms(titled, spoken))
    vector = vectors[0] if len(vectors) == 1 else fusion.centroid(np.stack(vectors))
    if negative:
        unlike = fusion.centroid(np.stack([_own(archive, row) for row in negative]))
        vector = fusion.centroid((vector - NEGATIVE * unlike)[None, :])
    unrelated = archive.background.moments(vector)

    def weigh() -> WeightedTermVectors:
        seeds = [*(archive.term_vector(row) for row in rows), *drafted]
        against = [(archive.term_vector(row), -NEGATIVE / len(negative)) for row in negative]
        return (*((found, 1.0 / len(seeds)) for found in seeds), *against)

    return Seeds(tuple(rows), tuple(negative), vector, weigh, unrelated, article, words, brief)


def _own(archive: Archive, row: int) -> Vectors:
    """Return the vector of an article, of unit length to the last bit, (dim,) float32."""
    vector: Vectors = archive.vectors_of(np.array([row]))[0]
    return vector / math.sqrt(vector @ vector)


def _encoded(encoder: Encoder, article: Article, brief: bool) -> Vectors:
    """Return a draft's vector, (dim,) float32. A brief draft is encoded as a query."""
    if not brief:
        return np.asarray(embed(encoder, [article.views])[0])
    text = "\n".join(part for part in (article.title, article.lead, article.plain_body) if part)
    return np.asarray(encoder.encode_queries([text])[0])


def _rows(archive: Archive, seed: Seed, public: Mask) -> list[int]:
    by_id = [_row("seed.ids", at, value, archive.find, public) for at, value in enumerate(seed.ids)]
    by_url = [_row("seed.urls", at, value, archive.find_url, public) for at, value in enumerate(seed.urls)]
    return _distinct([*by_id, *by_url])


def _row(field: str, at: int, value: str, find: Callable[[str, Mask], int | None], public: Mask) -> int:
    row = find(value, public)
    if row is None:
        raise NotFound(f"{field}.{at}", shown(value))
    return row


def _distinct(rows: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(rows))


def _words(article: Article) -> tuple[list[str], list[str]]:
    rest = "\n".join(part for part in (article.lead, article.plain_body) if part)
    return stream(article.title), stream(rest)
