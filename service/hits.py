"""The parts of an answer, before it becomes JSON or a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer.articles.article import Article
from indexer.articles.summaries import Summary
from service.passages.snippets import NOTHING_WANTED, MarkTargets
from service.query.understanding import Query
from service.rules.applied import MissingPin


class Reason(NamedTuple):
    """Why an article is in a list.

    :param code: The kind of reason (`strings.Strings.reasons` has its text).
    :param detail: A name or a year for that text.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Numbers:
    """Every number behind a related hit.

    If a near-duplicate represents others, `spreads` and `relevance` are those of the nearest of them, `cosine` and
    `terms` its own.

    :param cosine: Of the raw vectors, to the seeds.
    :param terms: Cosine of the term vectors, to the seeds.
    :param spreads: Both fused, in standard deviations above what unrelated articles get.
    :param relevance: The relevance of these spreads, 0 to 1.
    :param freshness: The factor for its age, 0 to 1.
    :param boost: The factor of the editors' boosts.
    :param repeated: Its likeness to the hits before it, 0 to 1.
    :param rules: The editors' rules that moved it.
    """

    cosine: float
    terms: float
    spreads: float
    relevance: float
    freshness: float = 1.0
    boost: float = 1.0
    repeated: float = 0.0
    rules: tuple[str, ...] = ()


class Fate(NamedTuple):
    """The fate of an article named by `explain_id`.

    :param step: The step that dropped it, `listed` if none did.
    :param detail: An explanation.
    :param numbers: Its numbers, as far as they were computed.
    """

    step: str
    detail: str = ""
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Hit:
    """An article in a list.

    :param article: The full article if its text is shown, as in a search; else its summary.
    :param score: The score that orders the list; higher is better.
    :param relevance: 0 to 1, calibrated for the archive.
    :param similarity: The raw cosine, None if no vector was compared.
    :param words: The lexical score (BM25) in a search, None if there was no lexical search.
    :param spreads: Both fused in a search, in standard deviations above what unrelated articles get.
    :param lifted: Whether an exact title or phrase in the query places it above all scores.
    :param second: The reranker's score in a search, None if it did not score this hit.
    :param copies: The number of other articles with the same text, which are collapsed into it.
    :param behind: Some of these, in a search.
    :param numbers: The numbers behind the score, if requested.
    """

    article: Article | Summary
    score: float
    relevance: float
    similarity: float | None
    reasons: Sequence[Reason]
    copies: int = 0
    behind: Sequence[Summary] = ()
    words: float | None = None
    spreads: float | None = None
    lifted: bool = False
    second: float | None = None
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Answer:
    """A list of hits.

    :param total: The number of hits on all pages.
    :param more: Whether there may be more hits than `total`.
    :param query: How a search was understood, None if there was no query.
    :param relaxed: The parts of a query that were ignored, since no hit would have been left: `phrase`, `exclusion`.
    :param facets: The number of hits that each section, source, author and tag would give, the commonest first.
    :param missing: Pins that are not shown, and why.
    :param published: Articles that are published readings of the given draft.
    :param fate: The fate of the article named by `explain_id`.
    :param degraded: The part that failed, so that the list was made without it: `encoder`, only lexical search;
        `reranker`, the order before reranking.
    :param strong: The number of strong hits in a search; they are the first by relevance.
    """

    hits: list[Hit]
    total: int
    more: bool
    query: Query | None = None
    relaxed: tuple[str, ...] = ()
    facets: Mapping[str, list[tuple[str, int]]] = field(default_factory=dict)
    missing: Sequence[MissingPin] = ()
    published: Sequence[Article | Summary] = ()
    fate: Fate | None = None
    degraded: tuple[str, ...] = ()
    strong: int = 0

    @property
    def wanted(self) -> MarkTargets:
        """Return what is to be marked in the hits: nothing where nothing was typed."""
        return NOTHING_WANTED if self.query is None else self.query.wanted
