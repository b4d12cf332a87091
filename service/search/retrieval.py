"""Retrieval for search: from a query that is understood to its result set, with one fused score an article.

Dense candidates come from the vectors, lexical ones from the inverted index; what one of them found, the other scores
as well. The query alone decides what is in the result set; a filter is an intersection with it. Knows nothing of
requests, order, pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.files.arrays import Rows
from indexer.index import calibration
from indexer.index.calibration import Background, Moments
from indexer.index.lexical_query import Chance
from models.encoder import Vectors
from service.observing import tracing
from service.query.understanding import Query
from service.ranking import fusion
from service.ranking.fusion import Candidates, Scores
from service.serving.beside import BackgroundCall

EXACT = 20_000
"""Up to so many articles a result set is complete. In a larger archive each retriever brings `WINDOW` at most."""

WINDOW = 1000
NEAREST = 20
"""So many nearest articles are in every result set, for a reader who is told that nothing fits well."""

LEAST_RELATED = 0.02
"""Calibrated relevance by meaning from which on an article is in the result set though no word speaks for it."""

LEAST_SHARE = 0.15
"""Share of the words of a query, weighed by their rarity, from which on they speak for an article."""

_LEAST_STD = 1e-3
_FOREIGN_SHIFT = 0.5
"""By how much lower z-scores are of articles related to a query in another language. Over xquad_vi the medians are 5.4
and 6.4, and 0.4 is the likeliest of what the curve of queries says."""

_FOREIGN_WORDS = 0.25
"""What words say of relevance in another language, beside what they count for in the order: in several senses each they
are met by chance. With 1, of questions on other matters 15 % have an empty answer, with this 59 %, as Vietnamese ones
(64 %); of those that have one in the archive 4 % and 10 %. Chosen among four values on these hundred questions."""

_NEAR = 128
"""How many candidates are asked of the vectors at first; more where the last of them may still be related."""

FIRST_LEXICAL = 1200
"""How many candidates are asked of the word index at first; more where words speak for the last of them. Of titles and
three words of titles over 6,600 articles four in five have no more."""

_GROWTH = 8
_FEEDBACK = 10
"""How many of the best hits of a short query say what it is about (pseudo-relevance feedback; Rocchio, 1971)."""


def is_exact(archive: Archive) -> bool:
    """Return whether result sets over an archive are complete."""
    return archive.count <= EXACT


def set_limit(archive: Archive) -> int:
    """Return how many articles each retriever brings to a result set at most."""
    return max(archive.count, 1) if is_exact(archive) else WINDOW


@dataclass(frozen=True)
class LexicalMatches:
    """What the word index finds.

    :param rows: (n,) int64, the best first.
    :param scores: (n,) float32.
    :param titled: Rows that bear the very title.
    :param chance: What scores unrelated articles get.
    :param calibrated: The same of `Query.calibrated_words`.
    :param more: Whether others have words too.
    """

    rows: Rows
    scores: Vectors
    titled: Rows
    chance: Chance
    calibrated: Chance
    more: bool

    @classmethod
    def best(cls, archive: Archive, query: Query, allowed: Mask, most: int = WINDOW) -> LexicalMatches:
        """Return so many of the best, whether words speak for them or not."""
        rows, scores = archive.matching(query.words, most, allowed)
        titled = archive.titled(" ".join(query.parts), query.bare and query.restored is None)
        chance = archive.chance(query.words)
        calibrated = archive.chance(query.calibrated_words) if query.absent else chance
        return cls(
            rows, scores, titled[allowed[titled]], chance, calibrated, len(rows) >= most and most < archive.count
        )

    @classmethod
    def speaking(cls, archive: Archive, query: Query, allowed: Mask) -> LexicalMatches:
        """Return all that words speak for, as far as a result set goes, and some others behind them."""
        limit = set_limit(archive)
        most = min(FIRST_LEXICAL, limit)
        found = cls.best(archive, query, allowed, most)
        while found.more and found.shares[-1] >= LEAST_SHARE and most < limit:
            most = min(most * _GROWTH, limit)
            rows, scores = archive.matching(query.words, most, allowed)
            found = replace(found, rows=rows, scores=scores, more=len(rows) >= most and most < archive.count)
        return found

    @property
    def shares(self) -> Scores:
        """Return the share that each article has of the query's words, (n,), those aside that the archive has not.

        Common words weigh less than rare ones.
        """
        return self.scores.astype(np.float64) / (self.calibrated.known or 1.0)


class LexicalSearch:
    """Finds words among articles. Among those of one pool it begins at once, beside what follows.

    :param find: Returns the matches among allowed articles, (articles,) bool.
    :param pool: (articles,) bool.
    :param begin: Whether to begin.
    """

    def __init__(self, find: Callable[[Mask], LexicalMatches], pool: Mask, begin: bool) -> None:
        self._find = find
        self._pool = pool
        self._begun = BackgroundCall(partial(find, pool)) if begin else None

    def __call__(self, allowed: Mask) -> LexicalMatches:
        """Return the matches among the allowed articles."""
        if self._begun is not None and allowed is self._pool:
            return self._begun.result()
        return self._find(allowed)


class DenseMatches(NamedTuple):
    """The nearest articles, best first.

    :param rows: (n,) int64.
    :param cosines: (n,) float32.
    """

    rows: Rows
    cosines: Vectors


class ResultSet(NamedTuple):
    """The articles that a query finds, before any filter.

    :param rows: (n,) int64, sorted.
    :param dense: The nearest ones, members or not, None where meaning was not asked.
    :param lexical: Those that have words, members or not, None where words were not asked.
    :param complete: Whether no article of the archive is left out.
    """

    rows: Rows
    dense: DenseMatches | None
    lexical: LexicalMatches | None
    complete: bool


@dataclass(frozen=True)
class ScoredCandidates:
    """Candidates, in the order of their rows.

    :param z_scores: (n,) fused scores, in standard deviations above what unrelated articles get; with what lifts them.
    :param lifts: (n,) what of that is for the very title, or a phrase, that was typed.
    :param relevance: (n,) from 0 to 1: how likely people hold it to be right, by what meaning and words say together.
    :param titled: (n,) bool, which bear exactly the title that was typed.
    :param complete: Whether no article of the archive is left out.
    """

    candidates: Candidates
    z_scores: Scores
    lifts: Scores
    relevance: Scores
    titled: Mask
    complete: bool


class Retrieval:
    """Finds the articles of one query in one archive, and scores them.

    :param vector: The query's embedding, (dim,) float32, None where meaning is not asked.
    :param lexical: Returns the best of the allowed articles by their words; None where words are not asked.
    :param visible: (articles,) bool, what may be found at all.
    :param phrased: Rows that have a quoted phrase; they stand above all but exact titles.
    """

    def __init__(
        self,
        archive: Archive,
        query: Query,
        vector: Vectors | None,
        lexical: Callable[[Mask], LexicalMatches] | None,
        visible: Mask,
        phrased: Rows,
    ) -> None:
        self._archive = archive
        self._query = query
        self._dense_evidence = None if vector is None else _DenseEvidence.of(archive, query, vector)
        self._lexical = lexical
        self._visible = visible
        self._phrased = phrased

    @property
    def by_meaning(self) -> bool:
        """Return whether meaning is asked."""
        return self._dense_evidence is not None

    def found(self, allowed: Mask) -> ScoredCandidates:
        """Return the result set among the allowed articles, scored."""
        return self._scored(self.result_set(allowed))

    def nearest(self, allowed: Mask) -> ScoredCandidates:
        """Return what is nearest and what has words among the allowed articles, related or not, scored."""
        return self._scored(self._nearest(allowed))

    @property
    def is_exact(self) -> bool:
        """Return whether result sets are complete, so that one serves all filters."""
        return is_exact(self._archive)

    @cached_property
    def _whole(self) -> ResultSet:
        return self._members(self._visible)

    def result_set(self, allowed: Mask) -> ResultSet:
        """Return the articles that the query finds among the allowed ones.

        :param allowed: (articles,) bool, of the visible ones those that pass the filters.
        """
        if not self.is_exact:
            return self._members(allowed)
        whole = self._whole
        return whole if allowed is self._visible else whole._replace(rows=whole.rows[allowed[whole.rows]])

    def _nearest(self, allowed: Mask) -> ResultSet:
        dense = None if self._dense_evidence is None else self._dense(allowed, WINDOW)
        lexical = None if self._lexical is None else self._lexical(allowed)
        rows = self._joined(dense.rows if dense else None, lexical.rows if lexical else None, lexical, allowed)
        return ResultSet(rows, dense, lexical, complete=len(rows) == np.count_nonzero(allowed))

    def _members(self, allowed: Mask) -> ResultSet:
        dense, related, all_related = self._related(allowed, set_limit(self._archive))
        tracing.lap("meaning")
        lexical, spoken_for, all_spoken_for = self._spoken_for(allowed)
        tracing.lap("words")
        rows = self._joined(related, spoken_for, lexical, allowed)
        return ResultSet(rows, dense, lexical, all_related and all_spoken_for)

    def _joined(
        self, related: Rows | None, spoken_for: Rows | None, lexical: LexicalMatches | None, allowed: Mask
    ) -> Rows:
        parts = [part for part in (related, spoken_for, lexical.titled if lexical else None) if part is not None]
        return _distinct(np.concatenate([*parts, self._phrased[allowed[self._phrased]]]))

    def _dense(self, allowed: Mask, k: int) -> DenseMatches:
        assert self._dense_evidence is not None
        return DenseMatches(*self._archive.nearest(self._dense_evidence.vector, k, allowed)[:2])

    def _related(self, allowed: Mask, limit: int) -> tuple[DenseMatches | None, Rows | None, bool]:
        """Return the nearest articles, which of them are members, and whether these are all."""
        if self._dense_evidence is None:
            return None, None, True
        k = min(_NEAR, limit)
        near = self._dense(allowed, k)
        first = near if allowed is self._visible else self._dense(self._visible, NEAREST)
        least = min([self._dense_evidence.cosine(LEAST_RELATED), *first.cosines[:NEAREST][-1:].tolist()])
        while (goes_on := len(near.rows) >= k and float(near.cosines[-1]) >= least) and k < limit:
            k = min(k * _GROWTH, limit)
            near = self._dense(allowed, k)
        return near, near.rows[near.cosines >= least], not goes_on or k >= self._archive.count

    def _spoken_for(self, allowed: Mask) -> tuple[LexicalMatches | None, Rows | None, bool]:
        """Return the articles that have words, which of them are members, and whether these are all."""
        if self._lexical is None:
            return None, None, True
        matches = self._lexical(allowed)
        members = matches.shares >= LEAST_SHARE
        return matches, matches.rows[members], not matches.more or not members[-1]

    def _scored(self, found: ResultSet) -> ScoredCandidates:
        """Return the fused scores of a result set."""
        archive, query, dense, rows = self._archive, self._query, self._dense_evidence, found.rows
        matches = found.lexical
        lexical = _LexicalEvidence.of(query, rows, matches, None if matches is None else matches.chance)
        cosines = z_scores = None
        if dense is not None and found.dense is not None:
            cosines = _placed(rows, found.dense.rows, found.dense.cosines, np.nan)
            missing = np.isnan(cosines)
            cosines[missing] = archive.similarities(dense.vector, rows[missing])
            z_scores = dense.unrelated.z_scores(cosines)
        fused = self._fused(rows, z_scores, lexical)
        if dense is None or z_scores is None:
            relevance = lexical.relevance
        elif lexical.z_scores is None:
            relevance = dense.relevance(z_scores)
        else:
            in_full = fused
            if query.absent:
                lexical = _LexicalEvidence.of(query, rows, matches, None if matches is None else matches.calibrated)
                in_full = self._fused(rows, z_scores, lexical)
            relevance = calibration.HITS.at(dense.adjusted(z_scores), lexical.shares, in_full, len(query.parts))
        lifted = _among(rows, _none()[0] if matches is None else matches.titled)
        quoted = _among(rows, self._phrased)
        relevance[lifted | quoted] = 1.0
        lifts = fusion.TITLE_BONUS * lifted + fusion.PHRASE_BONUS * quoted
        return ScoredCandidates(
            Candidates(rows, cosines, lexical.scores), fused + lifts, lifts, relevance, lifted, found.complete
        )

    def _fused(self, rows: Rows, z_scores: Scores | None, lexical: _LexicalEvidence) -> Scores:
        query = self._query
        weight = fusion.word_weight(len(query.parts)) * (1.0 if z_scores is None else lexical.evidence * query.trust)
        fused = fusion.fuse(z_scores, lexical.z_scores, weight)
        if query.short and z_scores is not None and lexical.z_scores is not None:
            fused += fusion.FEEDBACK_WEIGHT * _feedback(self._archive, rows, fused)
        return fused


def _by_words(query: Query, shares: Scores) -> Scores:
    """Return the relevance that words alone say of articles with such shares of them."""
    return calibration.WORDS.at(shares) * query.trust * (_FOREIGN_WORDS if query.foreign else 1.0)


@dataclass(frozen=True)
class _DenseEvidence:
    """What the query means, held against texts that have nothing to do with it.

    :param vector: (dim,) float32.
    :param shift: What is added to z-scores before they become relevance.
    """

    vector: Vectors
    background: Background
    unrelated: Moments
    shift: float

    @classmethod
    def of(cls, archive: Archive, query: Query, vector: Vectors) -> _DenseEvidence:
        background = archive.background
        return cls(vector, background, background.moments(vector), _FOREIGN_SHIFT if query.foreign else 0.0)

    def adjusted(self, z_scores: Scores) -> Scores:
        """Return (n,) z-scores as they would be of a Vietnamese query in an archive of 1,000 articles."""
        return z_scores + self.shift - self.background.grown(calibration.QUERIES)

    def relevance(self, z_scores: Scores) -> Scores:
        """Return the relevance that meaning alone says of (n,) articles."""
        return self.background.of_z_scores(z_scores + self.shift, calibration.QUERIES)

    def cosine(self, relevance: float) -> float:
        """Return the cosine from which on meaning says so much relevance."""
        z_scores = self.background.reaching(relevance, calibration.QUERIES) - self.shift
        return self.unrelated.mean + self.unrelated.std * z_scores


@dataclass(frozen=True)
class _LexicalEvidence:
    """What words say of the candidates.

    :param scores: (n,) float32, None where no words were asked.
    :param z_scores: (n,) how far their scores are above chance, None where no words were asked.
    :param shares: (n,) share of the query's words, weighed by their rarity.
    :param relevance: (n,) that words alone say.
    :param evidence: How much the words say at all, 0 to 1.
    """

    scores: NDArray[np.float32] | None
    z_scores: Scores | None
    shares: Scores
    relevance: Scores
    evidence: float

    @classmethod
    def of(cls, query: Query, rows: Rows, lexical: LexicalMatches | None, chance: Chance | None) -> _LexicalEvidence:
        """Hold what words found against chance."""
        if lexical is None or chance is None:
            return cls(None, None, np.zeros(len(rows)), np.zeros(len(rows)), 0.0)
        scores = _placed(rows, lexical.rows, lexical.scores, 0.0)
        exact = scores.astype(np.float64)
        shares = exact / max(chance.whole, _LEAST_STD)
        z_scores = (exact - chance.mean) / max(chance.std, _LEAST_STD)
        evidence = fusion.evidence(float(shares.max(initial=0.0)))
        return cls(scores, z_scores, shares, _by_words(query, shares), evidence)


def _distinct(rows: Rows) -> Rows:
    """Return rows sorted, each once; on so few, sorting beats the hashing of np.unique."""
    rows = np.sort(rows)
    return rows[np.concatenate([[True], rows[1:] != rows[:-1]])] if len(rows) else rows


def _none() -> tuple[Rows, Vectors]:
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


def _placed(rows: Rows, some: Rows, values: Vectors, otherwise: float) -> NDArray[np.float32]:
    """Return (n,) float32 for sorted rows: the values of some of them, the same for the others."""
    placed = np.full(len(rows), otherwise, dtype=np.float32)
    if len(rows):
        at = np.minimum(np.searchsorted(rows, some), len(rows) - 1)
        there = rows[at] == some
        placed[at[there]] = values[there]
    return placed


def _among(rows: Rows, some: Rows) -> Mask:
    """Return which of (n,) sorted rows are some of them, (n,) bool; np.isin would sort them anew."""
    return _placed(rows, some, np.ones(len(some), dtype=np.float32), 0.0) > 0


def _feedback(archive: Archive, rows: Rows, fused: Scores) -> Scores:
    """Return how near each candidate is to the best ones' common meaning, in z-scores."""
    best = np.argsort(-fused, kind="stable")[:_FEEDBACK]
    if not len(best):
        return np.zeros(0)
    weights = np.exp((fused[best] - fused[best].max()) / 2)
    vectors = archive.vectors_of(rows[best])
    middle = fusion.centroid(np.asarray(weights / weights.sum(), np.float32)[:, None] * vectors * len(best))
    return archive.background.z_scores(middle, archive.similarities(middle, rows))
