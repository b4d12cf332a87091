"""Search and related over one snapshot, held for as long as a request lasts. Knows nothing of Flask.

Requests come validated (`service.schemas`); articles that are not public are out before anything is ranked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexer import calibration, lexicon
from indexer.archive import Archive
from indexer.article import Article, shown
from indexer.columns import Filters, Mask, micros
from indexer.embedding import embed
from indexer.errors import SourceError
from indexer.lexicon import Abbreviation, Read, Renaming, read_abbreviations, read_renamings
from indexer.vectors import Rows, Vectors
from models.encoder import Encoder
from service import ranking
from service.errors import NotFound
from service.query import Query, Understanding
from service.ranking import Candidates, Scores
from service.retrieval import retrieve
from service.schemas import MAX_WINDOW, RelatedBody, SearchParams, Seed
from service.settings import Settings
from service.suggest import Suggester, Suggestion
from service.synonyms import NO_SYNONYMS, SynonymFile, Synonyms

logger = logging.getLogger(__name__)

_TAIL = 0.1
_NOTHING = 0.001


@dataclass(frozen=True)
class Hit:
    """An article in a list.

    :param score: What the list is ordered by; higher is better.
    :param relevance: 0 to 1, calibrated for the archive.
    :param similarity: The raw cosine, None where no vector was compared.
    :param reasons: Why it is here.
    :param copies: How many other articles of the same text stand behind it.
    """

    article: Article
    score: float
    relevance: float
    similarity: float | None
    reasons: list[str]
    copies: int = 0


@dataclass(frozen=True)
class Answer:
    """A list of hits.

    :param total: How many hits paging can reach.
    :param more: Whether there are more than that.
    :param query: How a search was understood, None where there was none.
    :param relaxed: What of a search was passed over because nothing would have been left: `phrase`, `exclusion`.
    :param facets: How many of the hits have each section, source, author and tag, the commonest first.
    """

    hits: list[Hit]
    total: int
    more: bool
    query: Query | None = None
    relaxed: tuple[str, ...] = ()
    facets: Mapping[str, list[tuple[str, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ranked:
    candidates: Candidates
    relevance: Scores
    total: int
    more: bool
    copies: Rows | None = None
    titled: Mask | None = None


@dataclass(frozen=True)
class Options:
    """What an operator sets of search.

    :param min_relevance: Least relevance of the best hit of a list, without which it is empty; the others go down to a
        tenth of it.
    :param newest_min_relevance: Least relevance of any hit where search sorts by date.
    :param synonyms: Returns the editors' synonyms as they are now.
    :param abbreviations: Those of the editors' own file.
    :param renamings: Those of the editors' own file.
    """

    min_relevance: float = 0.0
    newest_min_relevance: float = 0.0
    synonyms: Callable[[], Synonyms] = lambda: NO_SYNONYMS
    abbreviations: tuple[Abbreviation, ...] = ()
    renamings: tuple[Renaming, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Options:
        """Return what the settings say. Faults in the editors' files are logged; what is right of them counts."""
        abbreviations = _rows(settings.abbreviations, read_abbreviations)
        renamings = _rows(settings.renamings, lambda path: read_renamings(path, "place"))
        followed = SynonymFile(settings.synonyms)
        return cls(settings.min_relevance, settings.newest_min_relevance, followed.current, abbreviations, renamings)


Row = TypeVar("Row")


def _rows(path: Path | None, read: Callable[[Path], Read[Row]]) -> tuple[Row, ...]:
    """Return the rows of an editors' file that are right; what is wrong is logged."""
    if path is None:
        return ()
    try:
        found = read(path)
    except SourceError as error:
        found = Read((), (str(error),))
    for problem in found.problems:
        logger.error("%s", problem)
    return found.rows


class Searcher:
    """Answers from one archive.

    :param encoder: Returns the encoder, or raises `NotReady`; called only where a text has to be encoded.
    """

    def __init__(self, archive: Archive, encoder: Callable[[], Encoder], options: Options | None = None) -> None:
        self.archive = archive
        options = options or Options()
        self.understanding = Understanding(
            archive.knowledge, options.synonyms, options.abbreviations, options.renamings
        )
        self._encoder = encoder
        self._options = options
        self._public: tuple[int, Mask, int] | None = None
        self._public_lock = threading.Lock()

    def search(self, params: SearchParams, now: datetime | None = None) -> Answer:
        """Return the articles that a query means or names, best first or newest first.

        :param now: The time that embargoes are held against; the clock's by default.
        """
        allowed = self._allowed(params.filters(), now)
        query = self.understanding.understand(params.q, params.literal)
        allowed, phrased, relaxed = self._operators(query, allowed)
        ranked = self._found(query, params, allowed, phrased)
        if params.sort == "newest":
            ranked = self._newest(ranked)
        facets = self.archive.facets(ranked.candidates.rows[:MAX_WINDOW])
        answer = self._answer(ranked, params.offset, params.limit)
        return replace(answer, query=query, relaxed=relaxed, facets=facets)

    def _operators(self, query: Query, allowed: Mask) -> tuple[Mask, Rows, tuple[str, ...]]:
        """Return what exclusions leave, which articles have the phrases, and what had to be passed over."""
        relaxed = []
        if query.excluded:
            left = allowed.copy()
            for term in query.excluded:
                left[self.archive.having([term])] = False
            if left.any():
                allowed = left
            else:
                relaxed.append("exclusion")
        having = [self.archive.having(phrase) for phrase in query.phrases]
        phrased = np.unique(np.concatenate(having)) if having else np.empty(0, np.int64)
        phrased = phrased[allowed[phrased]]
        if query.phrases and not len(phrased):
            relaxed.append("phrase")
        return allowed, phrased, tuple(relaxed)

    def _found(self, query: Query, params: SearchParams, allowed: Mask, phrased: Rows) -> _Ranked:
        """Return what meaning and words find, best first; what is below the floor is left out."""
        vector = None if params.mode == "lexical" else self._encoder().encode_queries([query.text])[0]
        found = retrieve(self.archive, query, vector, params.mode != "dense", MAX_WINDOW, allowed, phrased)
        rows = found.candidates.rows
        order = ranking.by_score(found.spreads, rows)
        relevance = found.relevance.copy()
        # Nothing is said to be less relevant than what stands below it.
        relevance[order] = np.maximum.accumulate(relevance[order][::-1])[::-1]
        if params.ranking == "similarity":
            # Meaning reaches every article, words only those that have them.
            total = len(rows) if vector is None else int(np.count_nonzero(allowed))
            kept = found.candidates.take(order)
            more = total > MAX_WINDOW or (vector is None and total == MAX_WINDOW)  # words bring no more than so many
            return _Ranked(kept, relevance[order], total, more, titled=found.titled[order])
        floor = self._floor(params, float(relevance.max(initial=0.0)))
        order = order[relevance[order] >= floor]
        one = ranking.collapse(
            self.archive.texts(rows)[order], self.archive.published[rows[order]], np.arange(len(order))
        )
        heads, best = order[one.heads], order[one.best]  # a reprint that stands for its text is as relevant as the best
        more = len(heads) > MAX_WINDOW or found.unseen >= max(floor, _NOTHING)
        kept = found.candidates.take(heads)
        return _Ranked(kept, relevance[best], len(heads), more, one.members - 1, found.titled[heads])

    def _floor(self, params: SearchParams, best: float) -> float:
        """Return the least relevance of a hit: none passes where not even the best one is relevant."""
        least = self._options.min_relevance
        if best < least:
            return np.inf
        return self._options.newest_min_relevance if params.sort == "newest" else least * _TAIL

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
        ranked = self._rank(query, body.limit, allowed, collapsed, same_text)
        return self._answer(ranked, 0, body.limit)

    def public(self, now: datetime | None = None) -> Mask:
        """Return which articles may be seen, (articles,) bool."""
        return self._allowed(Filters(), now)

    def suggest(self, typed: str, limit: int, now: datetime | None = None) -> list[Suggestion]:
        """Return what a reader who typed this may be about to type, likeliest first."""
        return self._suggester.suggest(typed, limit, self.public(now))

    @cached_property
    def _suggester(self) -> Suggester:
        return Suggester(self.archive, (*self._options.abbreviations, *lexicon.abbreviations()))

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
        for place, value, find in named:
            row = find(value, public)
            if row is None:
                raise NotFound(place, shown(value))
            rows.append(row)
        return list(dict.fromkeys(rows))

    def _rank(
        self,
        query: Vectors,
        wanted: int,
        allowed: Mask,
        collapsed: bool,
        without: Rows | None,
    ) -> _Ranked:
        """Return the candidates best first: allowed articles, or one for each text where collapsed.

        :param wanted: How many at least.
        :param without: Vector rows whose texts are left out, copies of the seeds.
        """
        copies = 0 if without is None else len(without)
        rows, cosines, texts = self.archive.nearest(query, wanted + copies, allowed)
        total = self.archive.count_texts(allowed) if collapsed else int(np.count_nonzero(allowed))
        if without is not None:
            kept = ~np.isin(texts, without)
            total -= self.archive.count_owned(allowed, np.unique(without))
            rows, cosines, texts = rows[kept], cosines[kept], texts[kept]
        relevance = self.archive.background.relevance(query, cosines, calibration.DOCUMENTS)
        # Ordered by the cosine itself: far from the middle of its curve, relevance rounds unlike cosines together.
        order = ranking.by_score(cosines.astype(np.float64), rows)
        if collapsed:
            order = ranking.collapse(texts, self.archive.published[rows], order).heads
        return _Ranked(Candidates(rows, dense=cosines).take(order), relevance[order], total, total > MAX_WINDOW)

    def _newest(self, ranked: _Ranked) -> _Ranked:
        rows = ranked.candidates.rows
        order = ranking.newest_first(self.archive.published[rows], ranked.relevance, rows)
        copies = None if ranked.copies is None else ranked.copies[order]
        titled = None if ranked.titled is None else ranked.titled[order]
        return replace(
            ranked,
            candidates=ranked.candidates.take(order),
            relevance=ranked.relevance[order],
            copies=copies,
            titled=titled,
        )

    def _answer(self, ranked: _Ranked, offset: int, limit: int) -> Answer:
        page = slice(offset, offset + limit)
        found = ranked.candidates.take(np.arange(len(ranked.relevance))[page])
        articles = self.archive.articles(found.rows)
        hits = []
        for at, article in enumerate(articles):
            here = offset + at
            relevance = float(ranked.relevance[here])
            hits.append(
                Hit(
                    article=article,
                    score=relevance,
                    relevance=relevance,
                    similarity=None if found.dense is None else float(found.dense[at]),
                    reasons=self._reasons(ranked, found, here, at),
                    copies=0 if ranked.copies is None else int(ranked.copies[here]),
                )
            )
        return Answer(hits, min(ranked.total, MAX_WINDOW), ranked.more)

    @staticmethod
    def _reasons(ranked: _Ranked, found: Candidates, here: int, at: int) -> list[str]:
        """Return why a hit is here: its title is what was typed, its words, its meaning."""
        reasons = []
        if ranked.titled is not None and ranked.titled[here]:
            reasons.append("title")
        if found.lexical is not None and found.lexical[at] > 0:
            reasons.append("words")
        if found.dense is not None:
            reasons.append("meaning")
        return reasons
