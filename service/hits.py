"""What an answer is made of, before it becomes JSON or a page."""

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

    :param code: What kind of reason it is (`strings.Strings.reasons` has the words).
    :param detail: A name or a year that fills it in.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Numbers:
    """Every number behind a related hit.

    Where a near-duplicate stands for others, spreads and relevance are those of the nearest of them, cosine and terms
    its own.

    :param cosine: Of the raw vectors, to the seeds.
    :param terms: Cosine of the term vectors, to the seeds.
    :param spreads: Both fused, in standard deviations above what unrelated articles get.
    :param relevance: What that is worth, 0 to 1.
    :param freshness: What age leaves of it.
    :param boost: What the editors' boosts multiply it by.
    :param repeated: How much of the hits before it repeats, 0 to 1.
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
    """What became of an article that was asked about.

    :param step: Where it fell out, `listed` where it did not.
    :param detail: What there is to say of that.
    :param numbers: As far as they were worked out.
    """

    step: str
    detail: str = ""
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Hit:
    """An article in a list.

    :param article: Whole where its text is shown, in a search.
    :param score: What the list is ordered by; higher is better.
    :param relevance: 0 to 1, calibrated for the archive.
    :param similarity: The raw cosine, None where no vector was compared.
    :param words: The score of words (BM25) in a search, None where none were asked.
    :param spreads: Both of them fused in a search, in standard deviations above what unrelated articles get.
    :param lifted: Whether the very title, or a phrase, that was typed lifts it above all that is measured.
    :param second: The reranker's score in a search, None where it did not look.
    :param copies: How many other articles of the same text stand behind it.
    :param behind: Some of those, in a search.
    :param numbers: How the score came about, where that was asked.
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

    :param total: How many hits there are, on all pages.
    :param more: Whether there may be more than that.
    :param query: How a search was understood, None where there was none.
    :param relaxed: What of a search was passed over because nothing would have been left: `phrase`, `exclusion`.
    :param facets: How many hits there would be with each section, source, author and tag, the commonest first.
    :param missing: Pins that are not shown, and why.
    :param published: Articles that are published readings of the draft that was asked about.
    :param fate: What became of the article that was asked about.
    :param degraded: What did not answer, so that the list is made without it: `encoder`, by words alone;
        `reranker`, in the order of the first look.
    :param strong: How many of a search's hits are strong matches: the first so many by relevance.
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
