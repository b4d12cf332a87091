"""Related: from seeds to the list that a good editor would put under them.

Owns the order of the steps: allowed articles, candidates, their scores, near-duplicates and series, diversity,
fallbacks, pins. The steps themselves are in `pool`, `freshness`, `diversity`, `rules`, `fallbacks`, `pins`, `reasons`.
Knows nothing of Flask, files or the page's text.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import cast

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import ABSENT, Filters, Mask, micros
from indexer.relations.content_classes import ClassMap, ContentClass
from models.encoder import Encoder
from service.hits import Answer, Hit, Numbers
from service.observing import tracing
from service.ranking import diversity, fusion
from service.ranking.allowed import AllowedRows, RowPredicate
from service.ranking.diversity import Cap, DiverseList
from service.ranking.fallbacks import LOOKED_THROUGH, fill_up
from service.ranking.freshness import FADINGS, freshness
from service.ranking.fusion import Rows, Scores
from service.ranking.pins import place
from service.ranking.presets import PRESETS, Defaults, FallbackName
from service.related import pool
from service.related.pool import NearArticles, Pool
from service.related.reasons import EVENT_DAYS, SAME_EVENT, ReasonFinder
from service.related.seeds import resolve
from service.related.watch import Watch
from service.rules.applied import NOTHING, RulesInArchive
from service.schemas import RelatedBody
from service.serving import deadline

LOOKED_AT = 48
"""The number of best candidates among which diversity chooses."""

_DAY = 24 * 3600 * 1_000_000


class Relater:
    """Relates the articles of one archive.

    :param encoder: Called only for a draft.
    :param rules: Returns the editors' current rules for this archive.
    :param classes: The content classes of the newsroom's sections and tags.
    """

    def __init__(
        self,
        archive: Archive,
        encoder: Callable[[], Encoder],
        rules: Callable[[], RulesInArchive],
        classes: ClassMap,
        defaults: Defaults,
    ) -> None:
        self.archive = archive
        self.encoder = encoder
        self.rules = rules
        self.classes = archive.classes(classes)
        self.classed = bool(self.classes.any())
        self.defaults = defaults

    def related(self, body: RelatedBody, clock: datetime, public: Mask) -> Answer:
        """Return the list under the seeds.

        :param clock: The time for embargoes and rules.
        :param public: (articles,) bool, the public articles at that time. It is kept, so it must not change.
        :raises NotFound: naming the seed that is not a public article.
        """
        return _List(self, body, clock, public).answer()

    def under(self, rules: RulesInArchive) -> Relater:
        """Return a Relater of the same articles with other rules."""
        other = copy(self)
        other.rules = lambda: rules
        return other


class _List:
    """One list in the making, step by step."""

    def __init__(self, relating: Relater, body: RelatedBody, clock: datetime, public: Mask) -> None:
        self._archive = archive = relating.archive
        self._relating = relating
        self._body = body
        self._preset = PRESETS[body.preset]
        self._limit = body.limit or self._preset.limit
        self._exact = body.ranking == "similarity"
        self._moment = micros(body.now or clock)
        self._seeds = resolve(archive, relating.encoder, body.seed, public)
        self._public = public
        self._watch = Watch(archive, body.explain_id, public)
        self._came = self._seeds.published(archive)
        self._rules = NOTHING
        self._published: Rows = np.empty(0, dtype=np.int64)
        self._caps = self._asked_caps()
        self._allowed = self._permitted(clock)

    def answer(self) -> Answer:
        """Return the list."""
        deadline.check("candidates")
        if self._exact:
            found = self._candidates()
            best = found.take(fusion.by_score(found.z_scores, found.rows)[: self._limit])
            return self._answer(best, np.zeros(len(best.rows)), int(np.count_nonzero(self._allowed)))
        if not self._preset.ranked:
            nothing = pool.measured(self._archive, self._seeds, np.empty(0, dtype=np.int64))
            return self._answer(nothing, np.zeros(0), 0)
        found = self._candidates()
        tracing.lap("candidates")
        deadline.check("ranking")
        worthy = self._worthy(found)
        listed, repeated = self._diverse(worthy)
        tracing.lap("ranking")
        return self._answer(listed, repeated, len(worthy.rows))

    def _permitted(self, clock: datetime) -> AllowedRows:
        """Return the articles that may be in the list."""
        archive, body, relating = self._archive, self._body, self._relating
        allowed = AllowedRows(self._public)
        mask = archive.mask(body.filters.filters())
        if mask is not None:
            allowed.keep(mask.__getitem__)
        self._watch.after("filtered", allowed)
        allowed.leave_out([*self._seeds.rows, *self._seeds.negative])
        self._watch.after("seed", allowed)
        if body.exclude_ids:
            found = [archive.find(article_id, self._public) for article_id in body.exclude_ids]
            excluded = [row for row in found if row is not None]
            allowed.leave_out(excluded if self._exact else archive.copies(excluded).tolist())
            self._watch.after("excluded", allowed)
        if self._exact:
            return allowed
        if relating.classed:
            wanted = np.zeros(len(ContentClass), dtype=np.bool_)
            wanted[[ContentClass.NONE, *(ContentClass[name.upper()] for name in body.include_classes)]] = True
            allowed.keep(lambda rows: wanted[relating.classes[rows]])
            self._watch.after("content_class", allowed)
        rules = relating.rules()
        if rules.rules.rules:
            self._rules = rules.applied(self._seeds.rows, self._sections(), clock, allowed, self._public)
        blocked = self._rules.blocked
        if blocked is not None:
            allowed.keep(lambda rows: ~blocked[rows])
            self._watch.after("blocked", allowed)
        if pinned := [pin.row for pin in self._rules.pins]:
            allowed.leave_out(sorted({*archive.copies(pinned).tolist()} - {*pinned}))
            self._watch.after("duplicate", allowed)
            allowed.leave_out(pinned)  # pins have their places, whatever else the list has
            self._watch.after("beyond_limit", allowed)
        return allowed

    def _sections(self) -> list[str | None]:
        """Return the sections of the seeds, the draft's too."""
        articles = [*self._archive.summaries(self._seeds.rows), self._seeds.article]
        return [article.section for article in articles if article is not None]

    def _candidates(self) -> Pool:
        """Return the candidates with their values, in no order."""
        archive, seeds = self._archive, self._seeds
        near = pool.near(archive, seeds, self._allowed, self._limit)
        rows = near.rows
        if self._exact:
            self._watch.after("not_near", rows)
            return self._measured(near)
        kept, added = pool.latest_only(archive, seeds, rows, self._allowed)
        self._watch.after("not_near", np.concatenate([rows, added]) if len(added) else rows)
        if not kept.all():
            near = near.take(kept)
        if len(added):
            terms = np.concatenate([near.terms, seeds.shared_terms(archive, added)])
            near = pool.NearArticles(np.concatenate([near.rows, added]), terms)
        self._watch.after("series", near.rows)
        return self._measured(near)

    def _measured(self, near: NearArticles) -> Pool:
        found = pool.measured(self._archive, self._seeds, *near)
        if self._seeds.brief:
            self._seeds = pool.echo(self._archive, self._seeds, found)
            found = pool.measured(self._archive, self._seeds, *near)
        return found

    def _worthy(self, found: Pool) -> Pool:
        """Return the candidates that are related enough, one of each group of near-duplicates, best first."""
        if self._seeds.draft is None and self._watch.row is None:
            # Few candidates are related, so this leaves less to compare. Only a watch needs the step that drops the
            # others.
            found = found.take((found.relevance >= self._floor).nonzero()[0])
        own = self._copies_of_seeds(found.rows)
        if own.any():
            found = found.take((~own).nonzero()[0])
        self._watch.after("copy_of_seed", found.rows)
        related = found.relevance >= self._floor
        if not related.all():
            found = found.take(related.nonzero()[0])
        self._watch.after("below_min_relevance", found.rows)
        found = self._one_each(found)
        self._watch.after("duplicate", found.rows)
        found = self._aged(found)
        return found.take(np.lexsort((found.rows, -found.z_scores, -found.scores)))

    def _copies_of_seeds(self, rows: Rows) -> Mask:
        """Return which of (n,) articles are near-duplicates of a seed, (n,) bool."""
        archive = self._archive
        own = np.zeros(len(rows), dtype=np.bool_)
        for row in self._seeds.rows:
            own |= archive.near_duplicates(row, rows)
        if self._seeds.draft is not None:
            groups = archive.groups_of(rows)
            read = archive.duplicates_of(*self._seeds.draft, rows)
            read |= np.isin(groups, groups[read])
            self._published = rows[read]
            own |= read
        return own

    def _one_each(self, found: Pool) -> Pool:
        """Return one of each group of near-duplicates, in no order."""
        groups = self._archive.groups_of(found.rows)
        if len({*groups.tolist()}) == len(groups):
            return found
        order = fusion.by_score(found.z_scores, found.rows)
        one = fusion.collapse(groups, self._preferred(found.rows, order), order)
        return found.take(one.heads)._replace(
            relevance=found.relevance[one.best], z_scores=found.z_scores[one.best], copies=one.members - 1
        )

    @property
    def _floor(self) -> float:
        given, preset = self._body.min_relevance, self._preset.min_relevance
        return next(floor for floor in (given, preset, self._relating.defaults.min_relevance) if floor is not None)

    def _preferred(self, rows: Rows, order: NDArray[np.intp]) -> Rows:
        """Return the keys by which the shown near-duplicate is chosen, (n,) int64; the highest wins."""
        rule = self._body.duplicates or self._relating.defaults.duplicates
        published = self._archive.published[rows]
        if rule == "newest":
            return published
        if rule == "oldest":
            return np.where(published == ABSENT, ABSENT, -published)
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = -np.arange(len(order))
        return ranks

    def _aged(self, found: Pool) -> Pool:
        """Return the articles with their freshness and the editors' boosts."""
        came = self._came if self._body.reference == "seed" else None
        fading = FADINGS[self._body.freshness or self._preset.freshness]
        reference = self._moment if came is None else came
        fresh = freshness(self._archive.published[found.rows], reference, fading, both_ways=came is not None)
        return found._replace(freshness=fresh, boosts=self._rules.boosts(found.rows))

    def _diverse(self, found: Pool) -> tuple[Pool, Scores]:
        """Return the list by diversity and caps, and how much each article repeats those before it, (m,) float64.

        Only the best candidates are considered, or all if caps leave too few of the best.
        """
        best = found.take(slice(0, max(LOOKED_AT, 2 * self._limit)))
        chosen = self._chosen(best)
        if len(chosen.places) < self._limit and len(best.rows) < len(found.rows):
            best, chosen = found, self._chosen(found)
        self._watch.after("beyond_the_best", best.rows)
        listed = best.take(chosen.places)
        if self._watch.row is not None:
            for at, name in chosen.capped.items():
                self._watch.after("cap", np.setdiff1d(best.rows, best.rows[[at]]), name)
            self._watch.after("beyond_limit", listed.rows)
        return listed, chosen.repeated

    def _chosen(self, found: Pool) -> DiverseList:
        body, archive = self._body, self._archive
        vectors, published = archive.vectors_of(found.rows), archive.published[found.rows]
        unrelated, _ = self._seeds.unrelated
        alike = fusion.likeness((vectors @ vectors.T).astype(np.float64), unrelated)
        events = diversity.events(alike, published, SAME_EVENT, EVENT_DAYS * _DAY)
        # Readers look for the seed's own event first, so it has no cap beside diversity.
        own = fusion.likeness(found.cosines, unrelated) >= SAME_EVENT
        if self._came is not None and own.any():
            own &= (published == ABSENT) | (np.abs(published - self._came) <= EVENT_DAYS * _DAY)
        events[own] = -1
        caps = [Cap("event", events, body.max_per_event)]
        caps += [Cap(cap.name, cap.values[found.rows], cap.most) for cap in self._caps]
        weight = self._preset.diversity if body.diversity is None else body.diversity
        return diversity.choose(found.scores, alike, weight, caps, self._limit)

    def _asked_caps(self) -> list[Cap]:
        """Return the requested caps, over all articles."""
        asked = ((field, getattr(self._body, f"max_per_{field}")) for field in ("section", "source", "author"))
        return [Cap(field, self._archive.coded(field), most) for field, most in asked if most is not None]

    def _fallen_back(self, listed: Rows) -> dict[int, str]:
        """Return the articles that fill a list that is too short, each with the name of its fallback."""
        given, preset, set_to = self._body.fallbacks, self._preset.fallbacks, self._relating.defaults.fallbacks
        names = next(names for names in (given, preset, set_to) if names is not None)
        told = np.concatenate([self._published, np.array(self._seeds.rows, dtype=np.int64)])
        return fill_up(names, self._newest, self._duplicate_groups, listed, told, self._caps, self._limit)

    def _duplicate_groups(self, rows: Rows) -> Rows:
        """Return the groups of near-duplicates, (n,) int64; in a list of the newest each article is alone."""
        return self._archive.groups_of(rows) if self._preset.ranked else rows

    def _newest(self, name: FallbackName) -> Rows:
        """Return the newest allowed articles, (n,) int64, only of the seeds' sections if the fallback needs that."""
        allowed, kinds = self._allowed, self._archive.series.kinds
        if self._preset.ranked:
            allowed = allowed.also(lambda rows: kinds[rows] < 0)
        if name == "same_section_newest":
            allowed = allowed.also(self._of_sections())
        return self._archive.first_newest(cast(Mask, allowed), LOOKED_THROUGH * self._limit)

    def _of_sections(self) -> RowPredicate:
        """Return the test whether articles are in the seeds' sections."""
        article, coded = self._seeds.article, self._archive.coded("section")
        codes = [code for code in {int(coded[row]) for row in self._seeds.rows} if code >= 0]
        drafted = Filters(section=(article.section,)) if article is not None and article.section else Filters()
        also = self._archive.mask(drafted)
        if also is not None:
            return lambda rows: also[rows] | np.isin(coded[rows], codes)
        return (lambda rows: coded[rows] == codes[0]) if len(codes) == 1 else lambda rows: np.isin(coded[rows], codes)

    def _answer(self, listed: Pool, repeated: Scores, total: int) -> Answer:
        """Return the answer: the list, the fallbacks, and pins in their places."""
        archive = self._archive
        fallbacks: dict[int, str] = {}
        rows = listed.rows
        if not self._exact and len(rows) < self._limit:
            fallbacks = self._fallen_back(rows)
        if fallbacks or self._rules.pins:
            rows = np.concatenate([rows, np.array([*fallbacks], dtype=np.int64)])
            rows = place(rows, self._rules.pins, self._limit)
            strangers = sorted({*rows.tolist()}.difference(listed.rows.tolist()))
            measured = pool.measured(archive, self._seeds, np.array(strangers, dtype=np.int64))
            listed = listed.joined(self._aged(measured))
            repeated = np.concatenate([repeated, np.zeros(len(strangers))])
            at = {row: n for n, row in enumerate(listed.rows.tolist())}
            places = [at[row] for row in rows.tolist()]
            listed, repeated = listed.take(places), repeated[places]
        hits = self._hits(listed, repeated, fallbacks)
        published = archive.summaries(self._published) if len(self._published) else ()
        return Answer(
            hits,
            max(total, len(hits)),
            False,
            missing=self._rules.missing,
            published=published,
            fate=self._watch.fate(rows, self._numbers_of),
        )

    def _hits(self, found: Pool, repeated: Scores, fallbacks: dict[int, str]) -> list[Hit]:
        pinned = {pin.row for pin in self._rules.pins}
        why = ReasonFinder(self._archive, self._seeds, self._moment)
        alike = fusion.likeness(found.cosines, self._seeds.unrelated[0])
        scores = found.z_scores if self._exact else found.scores
        columns = (found.rows, scores, found.relevance, found.cosines, found.copies, alike)
        told = zip(self._archive.summaries(found.rows), *[column.tolist() for column in columns], strict=True)
        return [
            Hit(
                article=article,
                score=score,
                relevance=relevance,
                similarity=cosine,
                reasons=why.reasons(row, article, near, row in pinned, fallbacks.get(row)),
                copies=copies,
                numbers=self._numbers(found, at, float(repeated[at])) if self._body.explain else None,
            )
            for at, (article, row, score, relevance, cosine, copies, near) in enumerate(told)
        ]

    def _numbers(self, found: Pool, at: int, repeated: float = 0.0) -> Numbers:
        rules = tuple(rule.id for rule in self._rules.touching(int(found.rows[at])))
        return Numbers(
            cosine=float(found.cosines[at]),
            terms=float(found.terms[at]),
            spreads=float(found.z_scores[at]),
            relevance=float(found.relevance[at]),
            freshness=float(found.freshness[at]),
            boost=float(found.boosts[at]),
            repeated=repeated,
            rules=rules,
        )

    def _numbers_of(self, row: int) -> Numbers:
        """Return the numbers of any article, in the list or not."""
        measured = pool.measured(self._archive, self._seeds, np.array([row]))
        return self._numbers(measured if self._exact else self._aged(measured), 0)
