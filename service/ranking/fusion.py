"""Ranking as pure functions on arrays. No I/O, no clock, no settings: callers pass everything in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.articles.columns import Rows as Rows

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Article rows with the scores of each retriever; either may be absent.

    :param rows: (n,) int64, distinct.
    :param dense: (n,) float32 cosines, or None.
    :param lexical: (n,) float32 lexical scores, or None.
    """

    rows: Rows
    dense: NDArray[np.float32] | None = None
    lexical: NDArray[np.float32] | None = None

    def take(self, order: NDArray[np.intp]) -> Candidates:
        """Return the candidates at these (m,) places, in their order."""
        dense = None if self.dense is None else self.dense[order]
        lexical = None if self.lexical is None else self.lexical[order]
        return Candidates(self.rows[order], dense, lexical)


def by_score(scores: Scores, rows: Rows) -> NDArray[np.intp]:
    """Return the order of (n,) scores, (n,) int64 places, best first, ties by row so that paging is stable."""
    return np.lexsort((rows, -scores))


SHORT_WEIGHT, LONG_WEIGHT = 1.2, 0.22
"""The weight of a lexical z-score relative to a dense one, at most and at least (benchmarks/README.md)."""

_WEIGHT, _FALL = 4.5, 1.6
FEEDBACK_WEIGHT = 0.6
"""The weight of a z-score of the best hits' centroid, for a short query."""

TITLE_BONUS, PHRASE_BONUS = 1000.0, 500.0
"""The bonus that places an article with exactly the typed title, or with a quoted phrase, above all others."""


def word_weight(syllables: int) -> float:
    """Return the weight of a lexical z-score relative to a dense one.

    The fewer syllables a query has, the less its vector says, and the more its words do.
    """
    weight: float = _WEIGHT / float(max(syllables, 1)) ** _FALL
    return min(SHORT_WEIGHT, max(LONG_WEIGHT, weight))


NO_EVIDENCE, FULL_EVIDENCE = 0.15, 0.5
"""Between these shares the weight of words grows from 0 to 1. Paraphrases reach 0.1 to 0.3, titles and questions 0.4 to
1.3."""


def evidence(share: float) -> float:
    """Return how much a query's words matter, 0 to 1.

    Every archive has some words of a paraphrase or of a question in another language by chance. Then even the best
    article has few of them, and lexical scores are noise.

    :param share: The best article's score, relative to that of an article with every token once.
    """
    return min(1.0, max(0.0, (share - NO_EVIDENCE) / (FULL_EVIDENCE - NO_EVIDENCE)))


def fuse(dense: Scores | None, lexical: Scores | None, weight: float) -> Scores:
    """Return the fused scores of (n,) candidates, (n,) float64: dense z-scores plus weighted lexical z-scores.

    Both are in standard deviations above what unrelated articles get, so they can be added. Z-scores fused better than
    ranks (RRF) or min-max (benchmarks/README.md).

    :param dense: (n,) z-scores of cosines above the query's background, None if nothing was encoded.
    :param lexical: (n,) z-scores of BM25 scores above chance, None if there was no lexical search.
    :raises ValueError: if both are None.
    """
    if dense is not None and lexical is not None:
        return dense + weight * lexical
    if dense is None and lexical is None:
        raise ValueError("dense, lexical: None, None: expected one at least")
    return dense if lexical is None else weight * lexical  # type: ignore[return-value]


TERMS_WEIGHT, TERMS_SCALE = 8.0, 0.05
"""The weight of shared words relative to dense z-scores, chosen by cross-validation (benchmarks/README.md)."""


BRIEF_TERMS_WEIGHT, ECHO_WEIGHT = 2.0, 0.6
"""The same for a brief seed, and the weight of its echo relative to the seed itself."""


def relate(dense: Scores, terms: Scores, weight: float = TERMS_WEIGHT) -> Scores:
    """Return the fused scores of (n,) articles with a seed, (n,) float64.

    The logarithm keeps nearly identical texts from outweighing the dense scores of all others.

    :param dense: (n,) z-scores of cosines above the seed's background.
    :param terms: (n,) cosines of term vectors, from 0 to 1.
    """
    return dense + weight * np.log1p(terms / TERMS_SCALE)


def likeness(cosines: Scores, unrelated: float) -> Scores:
    """Return how much one text repeats another, 0 to 1: where a cosine lies between that of unrelated texts and 1.

    :param cosines: Of any shape, such as (n,) or (n, n); the result has the same.
    :param unrelated: The mean cosine of unrelated texts.
    """
    return np.clip((cosines - unrelated) / max(1.0 - unrelated, 1e-6), 0.0, 1.0)


def newest_first(published: Rows, scores: Scores, rows: Rows) -> NDArray[np.intp]:
    """Return the order by (n,) publication times, newest first, undated (the smallest int64) last, then by score."""
    return np.lexsort((rows, -scores, ~published))


class TextGroups(NamedTuple):
    """One place for each text.

    :param heads: (m,) int64 places of the members that are shown, the newest of each text.
    :param best: (m,) int64 places of each text's best member, which decides the text's rank.
    :param members: (m,) int64, the number of members of each text.
    """

    heads: NDArray[np.intp]
    best: NDArray[np.intp]
    members: NDArray[np.int64]


def collapse(groups: Rows, published: Rows, order: NDArray[np.intp]) -> TextGroups:
    """Return an order with one place for each group: its newest member, at the place of its best.

    :param groups: (n,) int64, equal for candidates of one text.
    :param published: (n,) int64 times, the smallest int64 for none.
    :param order: (n,) int64 places, best first.
    """
    ordered = groups[order]
    alike = np.sort(ordered)
    if (alike[1:] != alike[:-1]).all():
        return TextGroups(order, order, np.ones(len(order), dtype=np.int64))
    _, first, members = np.unique(ordered, return_index=True, return_counts=True)
    newest = np.lexsort((np.arange(len(order)), ~published[order], ordered))
    starts = np.cumsum(members) - members
    # `first` and `newest[starts]` are both sorted by group: first[n] is the first place of the n-th group.
    by_rank = np.argsort(first, kind="stable")
    return TextGroups(order[newest[starts][by_rank]], order[first[by_rank]], members[by_rank])


def centroid(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the unit vector of the mean of (n, dim) float32 unit vectors; the first one if they cancel out."""
    mean = vectors.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, dtype=np.float32) if length > 1e-6 else vectors[0]
