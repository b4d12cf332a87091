"""Retrieval for search: from a query that is understood to candidates with one fused score.

Meaning comes from the vectors, words from the inverted index; what one of them found, the other scores as well.
Knows nothing of requests, order, pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer import calibration
from indexer.archive import Archive
from indexer.calibration import Background, Moments
from indexer.columns import Mask
from indexer.lexical import Chance
from indexer.vectors import Rows, Vectors
from service.observing import tracing
from service.ranking import fusion
from service.ranking.fusion import Candidates, Scores
from service.search.understanding import Query

_LEAST_SPREAD = 1e-3
_FOREIGN_SHIFT = 0.5
"""By how many spreads the related articles of a query in another language lie lower. Over xquad_vi the medians are 5.4
and 6.4, and 0.4 is the likeliest of what the curve of queries says."""

_FOREIGN_WORDS = 0.25
"""What words say of relevance in another language, beside what they count for in the order: in several senses each they
are met by chance. With 1, of questions on other matters 15 % have an empty answer, with this 59 %, as Vietnamese ones
(64 %); of those that have one in the archive 4 % and 10 %. Chosen among four values on these hundred questions."""

_NEAR = 128
"""How many candidates meaning brings at first. Further down it seldom says that an article is relevant, or one of
the first; where it still may, all that were asked for are looked at."""

WORDED = 400
"""How many candidates words bring beside those of meaning; further down they decide nothing."""

_FEEDBACK = 10
"""How many of the best hits of a short query say what it is about (pseudo-relevance feedback; Rocchio, 1971)."""


@dataclass(frozen=True)
class Worded:
    """What words find.

    :param rows: (n,) int64, the best first.
    :param scores: (n,) float32.
    :param titled: Rows that bear the very title.
    :param chance: What scores unrelated articles get.
    :param more: Whether others have words too.
    """

    rows: Rows
    scores: Vectors
    titled: Rows
    chance: Chance
    more: bool

    @classmethod
    def of(cls, archive: Archive, query: Query, allowed: Mask, most: int) -> Worded:
        """Look for the words of a query, and for its title.

        :param most: How many of the best are wanted.
        """
        rows, scores = archive.matching(query.words, most, allowed)
        titled = archive.titled(" ".join(query.parts), query.bare and query.restored is None)
        return cls(rows, scores, titled[allowed[titled]], archive.chance(query.words), len(rows) >= most)


@dataclass(frozen=True)
class Found:
    """Candidates, in the order of their rows.

    :param spreads: (n,) fused scores, in standard deviations above what unrelated articles get; with what lifts them.
    :param lifts: (n,) what of that is for the very title, or a phrase, that was typed.
    :param relevance: (n,) from 0 to 1: that meaning or words, taken by themselves, say that it is related.
    :param titled: (n,) bool, which bear exactly the title that was typed.
    :param unseen: The most that an allowed article can be relevant that is not among them; 0 if there is none.
    :param unseen_spreads: The most that its fused score can be: -inf if there is none, inf if that is not known.
    """

    candidates: Candidates
    spreads: Scores
    lifts: Scores
    relevance: Scores
    titled: Mask
    unseen: float
    unseen_spreads: float

    def settles(self, shown: int) -> bool:
        """Return whether the first of them stay the first, and none after these is more relevant, whatever is unseen.

        :param shown: How many are the first, at least 1.
        """
        after = len(self.spreads) - shown
        if after < 0:
            return self.unseen_spreads == -np.inf
        last = np.partition(self.spreads, after)[after]
        return bool(last > self.unseen_spreads and self.relevance[self.spreads <= last].max() >= self.unseen)


def retrieve(
    archive: Archive,
    query: Query,
    vector: Vectors | None,
    words: Callable[[int], Worded] | None,
    k: int,
    allowed: Mask,
    phrased: Rows,
    floor: float = 0.0,
    shown: int | None = None,
) -> tuple[Found, Rows]:
    """Return the allowed articles that meaning or words find.

    :param vector: The query's embedding, (dim,) float32, None where meaning is not asked.
    :param words: Called once for what words find, with how many of the best; None where they are not asked.
    :param k: How many candidates each of them brings at least.
    :param phrased: Rows that have a quoted phrase; they stand above all but exact titles.
    :param floor: The least relevance that matters: of what meaning alone finds and holds to be less relevant, only the
        nearest are sure to be among the candidates.
    :param shown: How many of the best matter, None where all do; these are what they are where all do.
    :return: What was found, and the rows of the first look, which does not depend on how many are shown.
    """
    meant = None if vector is None else _Meant.of(archive, query, vector)
    least = _without(query, words is not None, floor)  # up to 0, no article is less relevant than it must be
    few = k if meant is None or (least <= 0 and shown is None) else min(k, _NEAR)
    near = _none() if meant is None else archive.nearest(meant.vector, few, allowed)[:2]
    if meant is not None and few < k and least > 0 and _reaches(near, few, meant.cosine(least)):
        few, near = k, archive.nearest(meant.vector, k, allowed)[:2]
    tracing.lap("meaning")
    worded = None if words is None else words(k if meant is None else min(k, WORDED))
    tracing.lap("words")
    found = _weighed(archive, query, meant, near, worded, allowed, phrased)
    rows = found.candidates.rows
    if meant is not None and few < k and shown is not None and not found.settles(shown):
        near = archive.nearest(meant.vector, k, allowed)[:2]
        found = _weighed(archive, query, meant, near, worded, allowed, phrased)
    return found, rows


def _reaches(near: tuple[Rows, Vectors], few: int, least: float) -> bool:
    """Return whether the last of what is nearest is as near as this, so that what follows it may be."""
    _, cosines = near
    return len(cosines) >= few and float(cosines[-1]) >= least


def _weighed(
    archive: Archive,
    query: Query,
    meant: _Meant | None,
    near: tuple[Rows, Vectors],
    worded: Worded | None,
    allowed: Mask,
    phrased: Rows,
) -> Found:
    """Return what meaning and words found with what each says of it, and both together."""
    nearest, cosines = near
    titled = _none()[0] if worded is None else worded.titled
    rows = _distinct(np.concatenate([nearest, _none()[0] if worded is None else worded.rows, titled, phrased]))
    said = _Said.of(query, rows, worded)
    dense = meaning = None
    if meant is not None:
        dense = _placed(rows, nearest, cosines, np.nan)
        missing = np.isnan(dense)
        dense[missing] = archive.similarities(meant.vector, rows[missing])
        meaning = meant.unrelated.spreads(dense)
    weight = fusion.word_weight(len(query.parts)) * (1.0 if meaning is None else said.evidence * query.trust)
    fused = fusion.fuse(meaning, said.spreads, weight)
    fed = query.short and meaning is not None and worded is not None
    if fed:
        fused += fusion.FEEDBACK_WEIGHT * _feedback(archive, rows, fused)
    by_meaning = _NOT_ASKED if meant is None or meaning is None else meant.relevance(meaning)
    related = _either(by_meaning, said.relevance)
    unseen, unseen_spreads = 0.0, -np.inf
    if int(np.count_nonzero(allowed)) > len(rows):  # none of the others has more than the last that was found
        last = np.searchsorted(rows, nearest[-1:])
        worded_last = np.searchsorted(rows, worded.rows[-1:]) if worded is not None and worded.more else None
        spread, said_most = said.most(query, worded_last)
        unseen = float(_either(by_meaning if meaning is None else by_meaning[last], said_most)[0])
        most = fusion.fuse(None if meaning is None else meaning[last], spread, weight)
        unseen_spreads = np.inf if fed else float(most[0])
    lifted, quoted = _among(rows, titled), _among(rows, phrased)
    related[lifted | quoted] = 1.0
    lifts = fusion.TITLE_BONUS * lifted + fusion.PHRASE_BONUS * quoted
    return Found(Candidates(rows, dense, said.scores), fused + lifts, lifts, related, lifted, unseen, unseen_spreads)


_NOT_ASKED = np.zeros(1)
"""What is said of every article by what was not asked."""


def _either(by_meaning: Scores, by_words: Scores) -> Scores:
    """Return the relevance of (n,) candidates: that meaning or words, each by itself, say so (noisy-or)."""
    return 1 - (1 - by_meaning) * (1 - by_words)


def _by_words(query: Query, shares: Scores) -> Scores:
    """Return the relevance that words say of articles with such shares of them."""
    return calibration.WORDS.at(shares) * _said_by_words(query)


def _said_by_words(query: Query) -> float:
    return query.trust * (_FOREIGN_WORDS if query.foreign else 1.0)


_NO_SHARE = calibration.WORDS.at(np.zeros(1))


def _wordless(query: Query) -> Scores:
    """Return the relevance that words say of an article that has none of them, (1,)."""
    return _NO_SHARE * _said_by_words(query)


def _without(query: Query, words: bool, floor: float) -> float:
    """Return the least relevance by meaning of what no word speaks for, so that its relevance is at the floor."""
    return 1 - (1 - floor) / (1 - float(_wordless(query)[0])) if words else floor


@dataclass(frozen=True)
class _Meant:
    """What the query means, held against texts that have nothing to do with it.

    :param vector: (dim,) float32.
    :param shift: What is added to spreads before they become relevance.
    """

    vector: Vectors
    background: Background
    unrelated: Moments
    shift: float

    @classmethod
    def of(cls, archive: Archive, query: Query, vector: Vectors) -> _Meant:
        background = archive.background
        return cls(vector, background, background.moments(vector), _FOREIGN_SHIFT if query.foreign else 0.0)

    def relevance(self, spreads: Scores) -> Scores:
        """Return the relevance that meaning says of (n,) articles."""
        return self.background.of_spreads(spreads + self.shift, calibration.QUERIES)

    def cosine(self, relevance: float) -> float:
        """Return the cosine from which on meaning says so much relevance."""
        spreads = self.background.reaching(relevance, calibration.QUERIES) - self.shift
        return self.unrelated.mean + self.unrelated.spread * spreads


@dataclass(frozen=True)
class _Said:
    """What words say of the candidates.

    :param scores: (n,) float32, None where no words were asked.
    :param spreads: (n,) how far their scores are above chance, None where no words were asked.
    :param relevance: (n,) that words by themselves say.
    :param evidence: How much the words say at all, 0 to 1.
    :param wordless: The spread of an article that has none of them.
    """

    scores: NDArray[np.float32] | None
    spreads: Scores | None
    relevance: Scores
    evidence: float
    wordless: float

    @classmethod
    def of(cls, query: Query, rows: Rows, worded: Worded | None) -> _Said:
        if worded is None:
            return cls(None, None, _NOT_ASKED, 0.0, 0.0)
        scores, chance = _placed(rows, worded.rows, worded.scores, 0.0), worded.chance
        exact = scores.astype(np.float64)
        shares = exact / max(chance.whole, _LEAST_SPREAD)
        spread = max(chance.spread, _LEAST_SPREAD)
        spreads = (exact - chance.mean) / spread
        evidence = fusion.evidence(float(shares.max(initial=0.0)))
        return cls(scores, spreads, _by_words(query, shares), evidence, -chance.mean / spread)

    def most(self, query: Query, last: NDArray[np.intp] | None) -> tuple[Scores | None, Scores]:
        """Return the most that words say of what is no candidate: its spread, and its relevance, (1,) each.

        :param last: The place of the last that words found, (1,), None where all that have any of them were found.
        """
        if self.spreads is None:
            return None, _NOT_ASKED
        if last is None:
            return np.array([self.wordless]), _wordless(query)
        return self.spreads[last], self.relevance[last]


def _distinct(rows: Rows) -> Rows:
    """Return rows sorted, each once; on so few, sorting beats the hashing of np.unique."""
    rows = np.sort(rows)
    return rows[np.concatenate([[True], rows[1:] != rows[:-1]])] if len(rows) else rows


def _none() -> tuple[Rows, Vectors]:
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


def _placed(rows: Rows, some: Rows, values: Vectors, otherwise: float) -> NDArray[np.float32]:
    placed = np.full(len(rows), otherwise, dtype=np.float32)
    placed[np.searchsorted(rows, some)] = values
    return placed


def _among(rows: Rows, some: Rows) -> Mask:
    """Return which of (n,) sorted rows are some of them, (n,) bool; np.isin would sort them anew."""
    among = np.zeros(len(rows), dtype=np.bool_)
    if len(some):
        among[np.searchsorted(rows, some)] = True
    return among


def _feedback(archive: Archive, rows: Rows, fused: Scores) -> Scores:
    """Return how near each candidate is to the best ones' common meaning, in spreads."""
    best = np.argsort(-fused, kind="stable")[:_FEEDBACK]
    if not len(best):
        return np.zeros(0)
    weights = np.exp((fused[best] - fused[best].max()) / 2)
    vectors = archive.first_vectors(rows[best])
    middle = fusion.centroid(np.asarray(weights / weights.sum(), np.float32)[:, None] * vectors * len(best))
    return archive.background.spreads(middle, archive.similarities(middle, rows))
