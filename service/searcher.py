"""Search and related over one snapshot, held for as long as a request lasts. Knows nothing of Flask.

Requests come validated (`service.schemas`); articles that are not public are out before anything is ranked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from indexer import calibration
from indexer.archive import Archive
from indexer.article import Article, shown
from indexer.calibration import Curve
from indexer.columns import Filters, Mask, micros
from indexer.embedding import embed
from indexer.vectors import Rows, Vectors
from models.encoder import Encoder
from service import ranking
from service.errors import NotFound
from service.ranking import Candidates, Scores
from service.schemas import MAX_WINDOW, RelatedBody, SearchParams, Seed


@dataclass(frozen=True)
class Hit:
    """An article in a list.

    :param score: What the list is ordered by; higher is better.
    :param relevance: 0 to 1, calibrated for the archive.
    :param similarity: The raw cosine, None where no vector was compared.
    :param reasons: Why it is here.
    """

    article: Article
    score: float
    relevance: float
    similarity: float | None
    reasons: list[str]


@dataclass(frozen=True)
class Answer:
    """A list of hits.

    :param total: How many hits paging can reach.
    :param more: Whether there are more than that.
    """

    hits: list[Hit]
    total: int
    more: bool


@dataclass(frozen=True)
class _Ranked:
    candidates: Candidates
    relevance: Scores
    total: int


class Searcher:
    """Answers from one archive.

    :param encoder: Returns the encoder, or raises `NotReady`; called only where a text has to be encoded.
    :param newest_min_relevance: Least relevance of a hit where search sorts by date.
    """

    def __init__(self, archive: Archive, encoder: Callable[[], Encoder], newest_min_relevance: float = 0.0) -> None:
        self.archive = archive
        self._encoder = encoder
        self._newest_min_relevance = newest_min_relevance
        self._public: tuple[int, Mask, int] | None = None
        self._public_lock = threading.Lock()

    def search(self, params: SearchParams, now: datetime | None = None) -> Answer:
        """Return the articles that a query means, best first or newest first.

        :param now: The time that embargoes are held against; the clock's by default.
        """
        allowed = self._allowed(params.filters(), now)
        query = self._encoder().encode_queries([params.q])[0]
        collapsed = params.ranking == "relevance"
        ranked = self._rank(query, MAX_WINDOW, allowed, collapsed, calibration.QUERIES)
        if params.sort == "newest":
            ranked = self._newest(ranked, self._newest_min_relevance if collapsed else 0.0)
        return self._answer(ranked, params.offset, params.limit)

    def related(self, body: RelatedBody, now: datetime | None = None) -> Answer:
        """Return the articles nearest to the seeds, the seeds and whatever is excluded left out.

        :raises NotFound: naming the seed that is no public article.
        """
        public = self._allowed(Filters(), now)
        seeds = self._resolve(body.seed, public)
        collapsed = body.ranking == "relevance"
        mask = self.archive.mask(body.filters.filters())
        allowed = public.copy() if mask is None else public & mask
        excluded = [self.archive.find(article_id, public) for article_id in body.exclude_ids]
        allowed[[row for row in (*seeds, *excluded) if row is not None]] = False
        vectors = [self.archive.vectors(row) for row in seeds]
        if body.seed.article is not None and (draft := body.seed.article.as_article_text()) is not None:
            vectors.append(embed(self._encoder(), [draft.views]))
        query = ranking.centroid(np.concatenate([ranking.centroid(v)[None, :] for v in vectors]))
        same_text = np.concatenate([self.archive.vector_rows(row) for row in seeds]) if seeds and collapsed else None
        ranked = self._rank(query, body.limit, allowed, collapsed, calibration.DOCUMENTS, without=same_text)
        return self._answer(ranked, 0, body.limit)

    def article(self, article_id: str, now: datetime | None = None) -> Article:
        """Return a public article by its id or an alias of it.

        :raises NotFound: if there is none.
        """
        row = self.archive.find(article_id, self._allowed(Filters(), now))
        if row is None:
            raise NotFound("id", shown(article_id))
        return self.archive.articles([row])[0]

    def _allowed(self, filters: Filters, now: datetime | None) -> Mask:
        """Return which articles are public and pass the filters; the public ones are worked out once a change."""
        moment = micros(now or datetime.now(UTC))
        with self._public_lock:
            known = self._public
            if known is None or not known[0] <= moment < known[2]:
                mask, until = self.archive.public(moment)
                known = self._public = (moment, mask, until)
        passed = self.archive.mask(filters)
        return known[1] if passed is None else known[1] & passed

    def _resolve(self, seed: Seed, public: Mask) -> list[int]:
        rows: list[int] = []
        named: Sequence[tuple[str, str, Callable[[str, Mask], int | None]]] = [
            *((f"seed.ids.{at}", value, self.archive.find) for at, value in enumerate(seed.ids)),
            *((f"seed.urls.{at}", value, self.archive.find_url) for at, value in enumerate(seed.urls)),
        ]
        for field, value, find in named:
            row = find(value, public)
            if row is None:
                raise NotFound(field, shown(value))
            rows.append(row)
        return list(dict.fromkeys(rows))

    def _rank(
        self,
        query: Vectors,
        wanted: int,
        allowed: Mask,
        collapsed: bool,
        curve: Curve,
        without: Rows | None = None,
    ) -> _Ranked:
        """Return the candidates best first: allowed articles, or one for each text where collapsed.

        :param wanted: How many at least. The same for every page of a search: which of equal cosines an index finds
            depends on how many it is asked for.
        :param without: Vector rows whose texts are left out, copies of the seeds.
        """
        copies = 0 if without is None else len(without)
        rows, cosines, texts = self.archive.nearest(query, wanted + copies, allowed)
        total = self.archive.count_texts(allowed) if collapsed else int(np.count_nonzero(allowed))
        if without is not None:
            kept = ~np.isin(texts, without)
            total -= self.archive.count_owned(allowed, np.unique(without))
            rows, cosines, texts = rows[kept], cosines[kept], texts[kept]
        relevance = self.archive.background.relevance(query, cosines, curve)
        # Ordered by the cosine itself: far from the middle of its curve, relevance rounds unlike cosines together.
        order = ranking.by_score(cosines.astype(np.float64), rows)
        if collapsed:
            order = ranking.collapse(texts, self.archive.published[rows], order)
        return _Ranked(Candidates(rows, dense=cosines).take(order), relevance[order], total)

    def _newest(self, ranked: _Ranked, least: float) -> _Ranked:
        kept = np.flatnonzero(ranked.relevance >= least)
        candidates, relevance = ranked.candidates.take(kept), ranked.relevance[kept]
        order = ranking.newest_first(self.archive.published[candidates.rows], relevance, candidates.rows)
        total = len(kept) if len(kept) < len(ranked.relevance) else ranked.total
        return _Ranked(candidates.take(order), relevance[order], total)

    def _answer(self, ranked: _Ranked, offset: int, limit: int) -> Answer:
        page = slice(offset, offset + limit)
        candidates = ranked.candidates
        articles = self.archive.articles(candidates.rows[page])
        cosines = np.full(len(candidates.rows), np.nan) if candidates.dense is None else candidates.dense
        hits = [
            Hit(
                article=article,
                score=float(relevance),
                relevance=float(relevance),
                similarity=None if np.isnan(cosine) else float(cosine),
                reasons=["meaning"],
            )
            for article, relevance, cosine in zip(articles, ranked.relevance[page], cosines[page], strict=True)
        ]
        return Answer(hits, min(ranked.total, MAX_WINDOW), ranked.total > MAX_WINDOW)
