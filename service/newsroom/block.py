"""An article's block for editors: the readers' list, the effect of each rule, the omitted articles and the reasons.

Nothing here is an estimate. A rule's effect is computed by making the list again without it, and the reason for an
omission comes from the steps themselves. Knows nothing of Flask, files or the page's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from indexer.articles.article import Article
from indexer.articles.columns import micros
from indexer.articles.summaries import Summary
from indexer.text.folding import clean
from service.hits import Answer, Fate, Hit
from service.ranking.presets import PresetName
from service.reader.article_page import REFERENCES
from service.rules.lines import Period, Rule, Rules
from service.schemas import RelatedBody, SearchParams, Seed
from service.searcher import Searcher

MOST_EFFECTS = 24
"""The most rules whose effect is computed; each needs a list of its own."""

LOOKED_AT = 12
"""The most near articles for which the reason of their omission is given."""

_SHOWN = 6
_AHEAD = timedelta(days=30)
"""How far ahead articles under embargo are searched for."""


class PlacedArticle(NamedTuple):
    """An article and its position in a list, from 1; `before` is that without a rule or change."""

    article: Article | Summary
    position: int | None
    before: int | None


@dataclass(frozen=True)
class Difference:
    """The effect of a rule or a change on a list.

    :param came: Articles that are in the list only with it.
    :param left: Articles that are in the list only without it.
    :param moved: Articles at another position with it.
    """

    came: tuple[PlacedArticle, ...] = ()
    left: tuple[PlacedArticle, ...] = ()
    moved: tuple[PlacedArticle, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.came or self.left or self.moved)


class Effect(NamedTuple):
    """A rule about a list.

    :param period: Whether it is in force now.
    :param does: The difference to the list without it, None if that was not computed.
    """

    rule: Rule
    period: Period
    does: Difference | None


class OmittedArticle(NamedTuple):
    """A near article that is not in the list.

    :param fate: The step that dropped it; `embargo` if it is not public yet.
    """

    article: Article | Summary
    fate: Fate


@dataclass(frozen=True)
class Block:
    """An editor's view of a list."""

    answer: Answer
    effects: list[Effect]
    left_out: list[OmittedArticle]


class ArticleMatches(NamedTuple):
    """The articles that a typed id, address or text may mean.

    :param article: The article with this id, alias or URL, None if there is none.
    """

    article: Article | None
    hits: Sequence[Hit] = ()


NOTHING = ArticleMatches(None)


def find(searcher: Searcher, typed: str, now: datetime | None = None) -> ArticleMatches:
    """Return the public articles that the typed text may mean."""
    typed, public = clean(typed), searcher.public(now)
    row = searcher.archive.find(typed, public)
    if row is None and "://" in typed:
        row = searcher.archive.find_url(typed, public)
    if row is not None:
        return ArticleMatches(searcher.archive.articles([row])[0])
    if not typed or "://" in typed:
        return NOTHING
    return ArticleMatches(None, searcher.search(SearchParams(q=typed[:512], limit=10), now).hits)


def body(article_id: str, preset: PresetName) -> RelatedBody:
    """Return the request for a block of the article's page, as if it were the page's only block."""
    return RelatedBody(seed=Seed(ids=[article_id]), preset=preset, reference=REFERENCES[preset], explain=True)


def block(searcher: Searcher, article: Article, preset: PresetName, now: datetime | None = None) -> Block:
    """Return an editor's view of a block.

    :param article: A public article.
    """
    clock = now or datetime.now(UTC)
    answer = searcher.related(body(article.id, preset), clock)
    return Block(
        answer, _effects(searcher, article, preset, answer, clock), _left_out(searcher, article, preset, answer, clock)
    )


def changed(
    searcher: Searcher, article: Article, preset: PresetName, rules: Rules, now: datetime | None = None
) -> tuple[Answer, Answer, Difference]:
    """Return a block under the current rules, under other rules, and the difference."""
    clock = now or datetime.now(UTC)
    asked = body(article.id, preset)
    before = searcher.related(asked, clock)
    after = searcher.related(asked, clock, searcher.rules().changed(rules))
    return before, after, difference(before, after)


def difference(without: Answer, answer: Answer) -> Difference:
    """Return the difference between a list and the same list without a rule or change."""
    before, after = ({hit.article.id: at for at, hit in enumerate(one.hits, 1)} for one in (without, answer))
    placed = [PlacedArticle(hit.article, at, before.get(hit.article.id)) for at, hit in enumerate(answer.hits, 1)]
    return Difference(
        came=tuple(one for one in placed if one.before is None),
        left=tuple(
            PlacedArticle(hit.article, None, at)
            for at, hit in enumerate(without.hits, 1)
            if hit.article.id not in after
        ),
        moved=tuple(one for one in placed if one.before not in (None, one.position)),
    )


def _effects(searcher: Searcher, article: Article, preset: PresetName, answer: Answer, clock: datetime) -> list[Effect]:
    held = searcher.rules()
    row = searcher.archive.find(article.id, searcher.public(clock))
    assert row is not None
    asked = body(article.id, preset)
    effects: list[Effect] = []
    for rule in held.about(row, article.section):
        period, does = rule.period(clock), None
        if period == "in force" and sum(one.does is not None for one in effects) < MOST_EFFECTS:
            others = tuple(one for one in held.rules.rules if one.id != rule.id)
            without = searcher.related(asked, clock, held.changed(replace(held.rules, rules=others)))
            does = difference(without, answer)
        effects.append(Effect(rule, period, does))
    return effects


def _left_out(
    searcher: Searcher, article: Article, preset: PresetName, answer: Answer, clock: datetime
) -> list[OmittedArticle]:
    listed = {hit.article.id for hit in answer.hits}
    nearest = RelatedBody(seed=Seed(ids=[article.id]), ranking="similarity", limit=LOOKED_AT + _SHOWN)
    asked = body(article.id, preset)
    found: list[OmittedArticle] = []
    for hit in searcher.related(nearest, clock).hits:
        if hit.article.id not in listed and len(found) < LOOKED_AT:
            fate = searcher.related(asked.model_copy(update={"explain_id": hit.article.id}), clock).fate
            if fate is not None and fate.step != "listed":
                found.append(OmittedArticle(hit.article, fate))
    return [*_ahead(searcher, nearest, clock), *found]


def _ahead(searcher: Searcher, nearest: RelatedBody, clock: datetime) -> list[OmittedArticle]:
    """Return the nearest articles that will be published within some days."""
    later = clock + _AHEAD
    public = searcher.public(clock)
    ahead = public | searcher.archive.public(micros(later))[0]
    if (ahead == public).all():
        return []
    hits = searcher.related(nearest, later, public=ahead).hits
    coming = [hit.article for hit in hits if hit.article.published_at and hit.article.published_at > clock]
    return [OmittedArticle(one, Fate("embargo")) for one in coming[:_SHOWN]]
