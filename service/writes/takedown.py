"""Finds the lists that show an article now, for the record of its takedown. Knows nothing of journals."""

from __future__ import annotations

import numpy as np

from service.errors import NotFound
from service.rules.lines import Rule
from service.schemas import RelatedBody, Seed
from service.searcher import Searcher

NEAREST = 100
"""The number of nearest articles whose lists are checked, since it is listed under similar ones."""


def lists(searcher: Searcher, article_id: str) -> list[str]:
    """Return the lists that an article is in: `related:ID` of articles with default lists, `rule:ID` of rules.

    An article that is missing or not public is in no list but those of rules.
    """
    rules = [f"rule:{rule.id}" for rule in searcher.rules().rules.rules if _names(rule, article_id)]
    public = searcher.public()
    row = searcher.archive.find(article_id, public)
    if row is None:
        return rules
    near = searcher.archive.neighbours(row).rows
    seeds = [one for one in dict.fromkeys(near.tolist()) if one != row and public[one]][:NEAREST]
    names = [one.id for one in searcher.archive.summaries(np.array(seeds, dtype=np.int64))]
    return [f"related:{name}" for name in names if _stands_under(searcher, article_id, name)] + rules


def _names(rule: Rule, article_id: str) -> bool:
    scoped = rule.scope is not None and article_id in (rule.scope.ids or ())
    return scoped or getattr(rule, "article", None) == article_id


def _stands_under(searcher: Searcher, article_id: str, seed: str) -> bool:
    try:
        answer = searcher.related(RelatedBody(seed=Seed(ids=[seed])))
    except NotFound:  # it has just stopped being public
        return False
    return any(hit.article.id == article_id for hit in answer.hits)
