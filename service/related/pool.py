"""The candidates of a related list, with all that is measured of them, and where they come from.

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
"""How many candidates meaning brings where the stored neighbours do not do."""

ECHOING = 3
"""How many of the nearest articles make the echo of a brief draft; with 5 or 10 it says less."""

ENOUGH, MOST = 4, 100
"""So many times the list's length, at most so many, must be left of the stored neighbours, else all is searched."""


class Pool(NamedTuple):
    """Articles with what each is worth, (n,) arrays.

    :param rows: Article rows, distinct.
    :param cosines: To the seeds, of the raw vectors.
    :param terms: To the seeds, of the term vectors.
    :param z_scores: Both fused, in standard deviations above what unrelated articles get.
    :param relevance: What that is worth, 0 to 1.
    :param freshness: What age leaves of it.
    :param boosts: What the editors multiply it by.
    :param copies: How many near-duplicates stand behind each.
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
        """Return the articles at these places, in their order."""
        return Pool._make(column[order] for column in self)

    def joined(self, other: Pool) -> Pool:
        """Return the articles of both, those of the other last."""
        return Pool._make(np.concatenate(pair) for pair in zip(self, other, strict=True))

    @property
    def scores(self) -> Scores:
        """Return what the list is ordered by."""
        return self.relevance * self.freshness * self.boosts


def measured(
    archive: Archive, seeds: Seeds, rows: Rows, terms: Scores | None = None, cosines: Scores | None = None
) -> Pool:
    """Return articles as candidates, whether near or not.

    :param terms: (n,) of their term vectors, None to have them worked out.
    :param cosines: (n,) of their vectors, likewise.
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
    """Return brief seeds with what the articles nearest to them say: pseudo-relevance feedback (Rocchio, 1971).

    :param found: Candidates, measured without it.
    """
    best = fusion.by_score(found.z_scores, found.rows)[:ECHOING]
    if not len(best):
        return seeds
    weights = np.exp((found.z_scores[best] - found.z_scores[best[0]]) / 2)
    weights /= weights.sum()
    vectors = archive.first_vectors(found.rows[best])
    middle = fusion.centroid((weights[:, None] * vectors).astype(np.float32) * len(best))
    terms = [(archive.term_vector(int(row)), float(w)) for row, w in zip(found.rows[best], weights, strict=True)]
    return replace(seeds, echo=Echo(middle, archive.background.moments(middle), tuple(terms)))


def _echoed(archive: Archive, heard: Echo, rows: Rows) -> Scores:
    """Return what an echo adds to the z-scores of (n,) articles."""
    mean, std = heard.unrelated
    dense = (archive.similarities(heard.vector, rows).astype(np.float64) - mean) / std
    shared = shared_terms(archive, heard.terms, rows)
    return fusion.ECHO_WEIGHT * fusion.relate(dense, shared, fusion.BRIEF_TERMS_WEIGHT)


class NearArticles(NamedTuple):
    """Articles that may be related, with what is known of them already.

    :param rows: (n,) article rows, distinct.
    :param terms: (n,) cosines of their term vectors to the seeds.
    :param cosines: (n,) of their vectors, None where they are still to be worked out.
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

    Of one published seed they were found while indexing; if too few of those are allowed, and for any other seed, the
    archive is searched as well, so that a filter never empties a list.

    :param limit: How long the list is to be.
    """
    stored = None if seeds.single is None else archive.neighbours(seeds.single)
    if stored is not None:
        kept = allowed[stored.rows]
        left = int(np.count_nonzero(kept))
        if left >= min(ENOUGH * limit, MOST) or left == np.count_nonzero(allowed):
            cosines = None if stored.cosines is None else stored.cosines.astype(np.float64)
            return NearArticles(stored.rows, stored.terms.astype(np.float64), cosines).take(kept)
    rows, _, _ = archive.nearest(seeds.vector, max(MEANT, ENOUGH * limit), np.asarray(allowed))
    if stored is not None:
        rows = np.union1d(rows, stored.rows[kept])
    return NearArticles(rows, _shared(archive, seeds, rows))


def _shared(archive: Archive, seeds: Seeds, rows: Rows) -> Scores:
    """Return how much of their words (n,) articles share with the seeds: all, of one seed whose text they have."""
    terms = seeds.shared_terms(archive, rows)
    if seeds.single is not None:
        terms[archive.texts(rows) == archive.texts(np.array([seeds.single]))] = 1.0
    return terms


def latest_only(archive: Archive, seeds: Seeds, rows: Rows, allowed: AllowedRows | Mask) -> tuple[Mask, Rows]:
    """Return which candidates are left without instalments of series, and instalments that belong there all the same.

    Of a series only the latest belongs, and only under its own kind; bulletins on a name, a war say, are news as well
    and may stand under other news.

    :return: (n,) bool of the candidates, and (m,) rows that were not among them.
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
