"""One page of a search's hits: their articles, why each is there, and what stands behind it."""

from __future__ import annotations

import numpy as np

from indexer.archive import Archive
from indexer.articles.summaries import Summary
from indexer.files.arrays import Rows
from service.hits import Hit, Reason
from service.ranking.fusion import Candidates
from service.search import reranking
from service.search.ranked_hits import RankedHits

_MOST_BEHIND = 5
"""How many articles of the same text are named behind a hit."""


def read(archive: Archive, ranked: RankedHits, offset: int, limit: int) -> list[Hit]:
    """Return the hits from `offset` on, `limit` at most, with their articles."""
    page = slice(offset, offset + limit)
    found = ranked.candidates.take(np.arange(len(ranked.relevance))[page])
    articles = archive.articles(found.rows)
    behind = _behind(archive, ranked, found.rows, page)
    hits = []
    for at, article in enumerate(articles):
        here = offset + at
        relevance = float(ranked.relevance[here])
        second = ranked.reranked
        hits.append(
            Hit(
                article=article,
                score=relevance,
                relevance=relevance,
                similarity=None if found.dense is None else float(found.dense[at]),
                reasons=_reasons(ranked, found, here, at),
                copies=int(ranked.copies[here]),
                behind=behind.get(at, ()),
                words=None if found.lexical is None else float(found.lexical[at]),
                spreads=float(ranked.z_scores[here]),
                lifted=bool(ranked.lifted[here]),
                second=None if second is None or here >= reranking.FIRST else float(second[here]),
            )
        )
    return hits


def _behind(archive: Archive, ranked: RankedHits, rows: Rows, page: slice) -> dict[int, list[Summary]]:
    """Return a few articles of the text of each hit that has such copies, by the hit's place on the page."""
    if not ranked.copies[page].any():
        return {}
    texts, before = archive.texts(rows), archive.texts(ranked.rows)
    found = {}
    for at in np.flatnonzero(ranked.copies[page]).tolist():
        others = ranked.rows[(before == texts[at]) & (ranked.rows != rows[at])]
        found[at] = archive.summaries(others[:_MOST_BEHIND])
    return found


def _reasons(ranked: RankedHits, found: Candidates, here: int, at: int) -> list[Reason]:
    """Return why a hit is here: its title is what was typed, its words, its meaning."""
    reasons = []
    if ranked.titled[here]:
        reasons.append(Reason("title"))
    if found.lexical is not None and found.lexical[at] > 0:
        reasons.append(Reason("words"))
    if found.dense is not None:
        reasons.append(Reason("meaning"))
    return reasons
