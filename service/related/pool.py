"""The candidates of a related list: where they come from, and their measured values.

Knows nothing of requests, rules or order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.index import calibration
from service.ranking import fusion
from service.ranking.allowed import AllowedRows
from service.ranking.fusion import Rows, Scores
from service.related.seeds import Echo, Seeds, shared_terms

MEANT = 200
"""The number of candidates from dense search, if the stored neighbours do not suffice."""

ECHOING = 3
"""The number of nearest articles that form the echo of a brief draft. 5 or 10 give a worse echo."""

ENOUGH, MOST = 4, 100
"""The least number of stored neighbours that must be allowed, as a multiple of the list's length, and its upper limit.
With fewer, the whole archive is searched."""


class Pool(NamedTuple):
    """Candidates with their values, as (n,) arrays.

    :param rows: (n,) int64 article rows, distinct.
    :param cosines: (n,) float64 cosines of the raw vectors to the seeds.
    :param terms: (n,) float64 cosines of the term vectors to the seeds.
    :param z_scores: (n,) float64, both fused, in standard deviations above what unrelated articles get.
    :param relevance: (n,) float64 relevance, 0 to 1.
    :param freshness: (n,) float64 factors for age, 0 to 1.
    :param boosts: (n,) float64 factors of the editors' boosts.
    :param copies: (n,) int64 number of near-duplicates that each represents.
    """

    rows: Rows
    cosines: Scores
    terms: Scores
    z_scores: Scores
    relevance: Scores
    freshness: Scores
    boosts: Scores
    copies: Rows

    def take(self, order: NDArray[np.intp] | Sequence[int] | slice) -> Pool:
        """Return the articles at these (m,) places, in their order."""
        return Pool._make(column[order] for column in self)

    def joined(self, other: Pool) -> Pool:
        """Return the articles of both pools, the other's last."""
        return Pool._make(np.concatenate(pair) for pair in zip(self, other, strict=True))

    @property
    def scores(self) -> Scores:
        """Return the scores that order the list, (n,) float64."""
        return self.relevance * self.freshness * self.boosts


def measured(
    archive: Archive, seeds: Seeds, rows: Rows, terms: Scores | None = None, cosines: Scores | None = None
) -> Pool:
    """Return any articles as candidates with their values, near or not.

    :param rows: (n,) int64 article rows.
    :param terms: (n,) float64 cosines of their term vectors to the seeds; None to compute them.
    :param cosines: (n,) float64 cosines of their vectors to the seeds; None to compute them.
    """
    terms = _shared(archive, seeds, rows) if terms is None else terms
    cosines = archive.similarities(seeds.vector, rows).astype(np.float64) if cosines is None else cosines
    mean, std = seeds.unrelated
    weight = fusion.BRIEF_TERMS_WEIGHT if seeds.brief else fusion.TERMS_WEIGHT
    z_scores = fusion.relate((cosines - mean) / std, terms, weight)
    if seeds.echo is not None:
        z_scores += _echoed(archive, seeds.echo, rows)
    curve = calibration.BRIEF if seeds.brief else calibration.RELATED
    relevance = archive.background.of_z_scores(z_scores, curve)
    one = np.ones(len(rows))
    return Pool(rows, cosines, terms, z_scores, relevance, one, one, np.zeros(len(rows), dtype=np.int64))


def echo(archive: Archive, seeds: Seeds, found: Pool) -> Seeds:
    """Return brief seeds with an echo of the nearest articles: pseudo-relevance feedback (Rocchio, 1971).

    :param found: Candidates, measured without an echo.
    """
    best = fusion.by_score(found.z_scores, found.rows)[:ECHOING]
    if not len(best):
        return seeds
    weights = np.exp((found.z_scores[best] - found.z_scores[best[0]]) / 2)
    weights /= weights.sum()
    vectors = archive.vectors_of(found.rows[best])
    middle = fusion.centroid((weights[:, None] * vectors).astype(np.float32) * len(best))
    terms = [(archive.term_vector(int(row)), float(w)) for row, w in zip(found.rows[best], weights, strict=True)]
    return replace(seeds, echo=Echo(middle, archive.background.moments(middle), tuple(terms)))


def _echoed(archive: Archive, heard: Echo, rows: Rows) -> Scores:
    """Return the increase of (n,) articles' z-scores by an echo, (n,) float64."""
    mean, std = heard.unrelated
    dense = (archive.similarities(heard.vector, rows).astype(np.float64) - mean) / std
    shared = shared_terms(archive, heard.terms, rows)
    return fusion.ECHO_WEIGHT * fusion.relate(dense, shared, fusion.BRIEF_TERMS_WEIGHT)


class NearArticles(NamedTuple):
    """Articles that may be related, with the values known so far.

    :param rows: (n,) int64 article rows, distinct.
    :param terms: (n,) float64 cosines of their term vectors to the seeds.
    :param cosines: (n,) float64 cosines of their vectors, None if they are not computed yet.
    """

    rows: Rows
    terms: Scores
    cosines: Scores | None = None

    def take(self, kept: Mask) -> NearArticles:
        """Return some of the articles.

        :param kept: (n,) bool.
        """
        return NearArticles(self.rows[kept], self.terms[kept], None if self.cosines is None else self.cosines[kept])


def near(archive: Archive, seeds: Seeds, allowed: AllowedRows | Mask, limit: int) -> NearArticles:
    """Return the allowed articles that may be related, in no order.

    For one published seed, its neighbours were stored while indexing. If too few of these are allowed, and for any
    other seeds, the archive is searched too, so that a filter never empties a list.

    :param allowed: (articles,) bool.
    :param limit: The length of the list.
    """
    stored = None if seeds.single is None else archive.neighbours(seeds.single)
    if stored is not None:
        kept = allowed[stored.rows]
        left = int(np.count_nonzero(kept))
        if left >= min(ENOUGH * limit, MOST) or left == np.count_nonzero(allowed):
            terms, cosines = stored.terms.astype(np.float64), stored.cosines.astype(np.float64)
            return NearArticles(stored.rows, terms, cosines).take(kept)
    rows, _, _ = archive.nearest(seeds.vector, max(MEANT, ENOUGH * limit), np.asarray(allowed))
    if stored is not None:
        rows = np.union1d(rows, stored.rows[kept])
    return NearArticles(rows, _shared(archive, seeds, rows))


def _shared(archive: Archive, seeds: Seeds, rows: Rows) -> Scores:
    """Return how similar the words of (n,) articles and the seeds are, (n,) float64; 1 for a single seed's own text."""
    terms = seeds.shared_terms(archive, rows)
    if seeds.single is not None:
        terms[archive.texts(rows) == archive.texts(np.array([seeds.single]))] = 1.0
    return terms


def latest_only(archive: Archive, seeds: Seeds, rows: Rows, allowed: AllowedRows | Mask) -> tuple[Mask, Rows]:
    """Return the candidates without instalments of series that do not belong, and instalments to add.

    Only the latest instalment of a series belongs, and only under its own kind. Series on a name, such as a war, are
    news as well, and their latest may be under other news.

    :param rows: (n,) int64 rows of the candidates.
    :param allowed: (articles,) bool.
    :return: (n,) bool, the candidates to keep, and (m,) int64 rows to add: the latest of the seeds' own series, where
        they are not candidates.
    """
    kinds, named, _ = archive.series
    held = kinds[rows]
    kept: Mask = held < 0
    own = {int(kinds[row]) for row in seeds.rows} - {-1}
    if not own and kept.all():
        return kept, rows[:0]
    serial = rows[~kept]
    wanted = {*kinds[serial[named[serial]]].tolist(), *own}
    newest = {kind: archive.latest(kind, cast(Mask, allowed)) for kind in wanted}
    latest = {row for kind, row in newest.items() if row >= 0 and (kind in own or named[row])}
    stays = [row for row in serial.tolist() if row in latest]
    for row in stays:
        kept |= rows == row
    added = sorted(latest.intersection(newest[kind] for kind in own).difference(stays))
    return kept, np.array(added, dtype=np.int64)
