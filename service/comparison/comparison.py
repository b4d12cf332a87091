"""Compares a newsroom's usual list, the newest of the section, with Lienquan's list.

Owns the choice of articles, both lists and their figures. Knows nothing of HTML, files or the page's text.

Both lists hold only articles that were public when the article was published. At that moment the newest of its section
are as near in time as they ever are, which is best for the newsroom's list, and neither list looks ahead. Ages are
relative to that moment, and no fallback puts articles of the one list into the other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np

from indexer.archive import Archive
from indexer.articles.article import Article
from indexer.articles.columns import ABSENT, Filters, Mask, micros
from indexer.files.arrays import Rows
from indexer.text.folding import fold, match_key
from models.encoder import Encoder
from service.errors import NothingToCompare, NotReady
from service.related import pool
from service.related.seeds import Seeds, resolve
from service.schemas import FilterFields, RelatedBody, Seed
from service.searcher import Searcher

SAME_EVENT_RELEVANCE = 0.5
"""The relevance from which a link is estimated to be about the same event."""

JUDGED_FIELDS = ("event", "cluster")
"""Fields of an archive line that name an article's event; the first field present counts."""

NEAR_IDENTICAL = 0.9
"""Titles that share this part of their words, in the same order, count as equal."""

_DAY = 24 * 3600
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class ComparedLink:
    """One link of a list.

    :param days: Days between its publication and the article's.
    :param same_event: Whether it is about the article's event: judged, or estimated from its relevance.
    :param duplicate: Whether it repeats the article or a link above it.
    :param elsewhere: Whether it is in another section than the article.
    """

    article: Article
    days: float
    relevance: float
    same_event: bool
    duplicate: bool
    elsewhere: bool


@dataclass(frozen=True)
class Figures:
    """The figures of some lists; shares and means are over all their links, None if there are no links.

    :param sections: Distinct sections of a list; the mean for several lists.
    """

    links: int
    same_event: int
    same_event_share: float | None
    days: float | None
    duplicates: int
    sections: float
    relevance: float | None


@dataclass(frozen=True)
class LinkList:
    """The links of one article, in their order."""

    links: list[ComparedLink]

    @property
    def figures(self) -> Figures:
        """Return the figures of this list."""
        return figures([self])


@dataclass(frozen=True)
class Pair:
    """An article with both its lists.

    :param judged_by: The field that names its event, None if events are estimated.
    """

    article: Article
    judged_by: str | None
    newest: LinkList
    related: LinkList


@dataclass(frozen=True)
class Comparison:
    """The pairs, newest article first, and their choice.

    :param articles: The number of public articles of the archive.
    :param eligible: The number of articles that could have been chosen.
    :param wanted: The number of articles to choose.
    """

    pairs: list[Pair]
    articles: int
    eligible: int
    wanted: int
    links: int
    seed: int
    snapshot: str
    encoder: str
    made_at: datetime

    @property
    def newest(self) -> Figures:
        """Return the figures of all lists of the newest."""
        return figures([pair.newest for pair in self.pairs])

    @property
    def related(self) -> Figures:
        """Return the figures of all of Lienquan's lists."""
        return figures([pair.related for pair in self.pairs])

    @property
    def judged(self) -> int:
        """Return the number of articles whose event the archive names."""
        return sum(pair.judged_by is not None for pair in self.pairs)


def figures(lists: Sequence[LinkList]) -> Figures:
    """Return the figures of some lists."""
    links = [link for one in lists for link in one.links]
    same_event = sum(link.same_event for link in links)
    sections = [len({match_key(link.article.section or "") for link in one.links}) for one in lists]
    return Figures(
        links=len(links),
        same_event=same_event,
        same_event_share=same_event / len(links) if links else None,
        days=sum(link.days for link in links) / len(links) if links else None,
        duplicates=sum(link.duplicate for link in links),
        sections=sum(sections) / len(sections) if sections else 0.0,
        relevance=sum(link.relevance for link in links) / len(links) if links else None,
    )


def compare(
    searcher: Searcher, wanted: int = 30, links: int = 6, seed: int = 1, now: datetime | None = None
) -> Comparison:
    """Make both lists for articles chosen by `choose`.

    :param seed: The seed of the choice; the same archive and seed give the same articles.
    :raises NothingToCompare: if no article has a section, a date and `links` earlier articles of the section.
    """
    moment = now or datetime.now(UTC)
    archive = searcher.archive
    public, _ = archive.public(micros(moment))
    sections = _sections(archive, public)
    eligible = {name: _eligible(archive.published[rows], links) for name, rows in sections.items()}
    total = sum(len(places) for places in eligible.values())
    if not total:
        dated = sum(len(rows) for rows in sections.values())
        most = max(0, *(len(rows) - 1 for rows in sections.values())) if sections else 0
        raise NothingToCompare(
            f"{int(np.count_nonzero(public))} public articles, {dated} with section and date, at most {most} others "
            f"in a section: expected an article with {links} others of its section not after it"
            + (f"; try --links {most}" if most else "")
        )
    chosen = choose({name: len(places) for name, places in eligible.items()}, wanted, seed)
    rows = [_by_id(archive, sections[name], int(eligible[name][place])) for name in chosen for place in chosen[name]]
    pairs = [_pair(searcher, row, public, links, moment, then=True) for row in rows]
    pairs.sort(key=lambda pair: (pair.article.published_at or moment, pair.article.id), reverse=True)
    encoder = archive.manifest.encoder
    return Comparison(
        pairs=pairs,
        articles=int(np.count_nonzero(public)),
        eligible=total,
        wanted=wanted,
        links=links,
        seed=seed,
        snapshot=archive.id,
        encoder=f"{encoder.name}@{encoder.revision} {encoder.precision}",
        made_at=moment,
    )


def choose(sizes: dict[str, int], wanted: int, seed: int) -> dict[str, list[int]]:
    """Choose `wanted` places in all, or every place: spread over sections, then over each section's places.

    Sections take turns, larger ones first. A section's places are divided into as many equal stretches as it has turns,
    and one place of each stretch is drawn.

    :param sizes: Section -> its number of places, oldest first.
    """
    order = sorted((name for name in sizes if sizes[name]), key=lambda name: (-sizes[name], name))
    turns = dict.fromkeys(order, 0)
    left = min(wanted, sum(sizes.values()))
    while left:
        for name in order:
            if left and turns[name] < sizes[name]:
                turns[name] += 1
                left -= 1
    chosen = {}
    for name, count in turns.items():
        draw = random.Random(f"{seed}:{name}")  # noqa: S311 - to be repeated, not to be kept secret
        cuts = [at * sizes[name] // count for at in range(count + 1)] if count else []
        chosen[name] = [cut + int(draw.random() * (end - cut)) for cut, end in pairwise(cuts)]
    return chosen


def near_identical(one: str, other: str) -> bool:
    """Return whether two titles differ only by a word or a mark. Titles with different numbers are different."""
    first, second = _WORDS.findall(fold(one)), _WORDS.findall(fold(other))
    if [word for word in first if word.isdigit()] != [word for word in second if word.isdigit()]:
        return False
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= NEAR_IDENTICAL


def event_of(article: Article, field: str) -> str | None:
    """Return the event of an article from one of the fields, None if it is not named."""
    value = article.extra.get(field)
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return (str(value).strip() or None) if plain else None


def _sections(archive: Archive, public: Mask) -> dict[str, Rows]:
    """Return for each section its public, dated rows, (n,) int64, oldest first."""
    found = {}
    dated = public & (archive.published != ABSENT)
    for name in archive.values("section"):
        mask = archive.mask(Filters(section=(name,)))
        rows = np.flatnonzero(dated if mask is None else dated & mask)
        found[match_key(name)] = rows[np.argsort(archive.published[rows], kind="stable")]
    return found


def _eligible(published: Rows, links: int) -> Rows:
    """Return the places among (n,) sorted times that have at least `links` others not later, (m,) int64."""
    return np.flatnonzero(np.searchsorted(published, published, side="right") > links)


def _by_id(archive: Archive, rows: Rows, place: int) -> int:
    """Return the row at a place of rows sorted by time, as if equal times were sorted by id."""
    times = archive.published[rows]
    first, end = (int(np.searchsorted(times, times[place], side=side)) for side in ("left", "right"))
    tied = rows[first:end]
    ids = [article.id for article in archive.articles(tied)] if len(tied) > 1 else [""]
    return int(tied[sorted(range(len(tied)), key=ids.__getitem__)[place - first]])


def pair(searcher: Searcher, article: Article, links: int = 6, now: datetime | None = None, then: bool = True) -> Pair:
    """Make both lists for one article.

    :param article: A public article.
    :param then: True for the lists at the article's publication, False for the current lists.
    :raises NothingToCompare: if it has no section or, with `then`, no date.
    """
    if not article.section or (then and article.published_at is None):
        missing = "published_at" if article.section else "section"
        raise NothingToCompare(f"{missing}: nothing: expected an article with a section and a date")
    moment = now or datetime.now(UTC)
    public = searcher.public(moment)
    row = searcher.archive.find(article.id, public)
    assert row is not None
    return _pair(searcher, row, public, links, moment, then)


def _pair(searcher: Searcher, row: int, public: Mask, links: int, now: datetime, then: bool) -> Pair:
    archive = searcher.archive
    article = archive.articles([row])[0]
    seed = Seed(ids=[article.id])
    latest = article.published_at if then else None
    newest = _newest(archive, row, article, public, links, latest)
    body = RelatedBody(
        seed=seed, limit=links, filters=FilterFields(published_to=latest), reference="seed", fallbacks=[]
    )
    found = [archive.find(hit.article.id, public) for hit in searcher.related(body, now).hits]
    related = [at for at in found if at is not None]
    judged_by = next((field for field in JUDGED_FIELDS if event_of(article, field)), None)
    seeds = resolve(archive, _no_encoder, seed, public)
    measured = [_measure(archive, seeds, article, rows, judged_by) for rows in (newest, related)]
    return Pair(article, judged_by, *measured)


def _no_encoder() -> Encoder:
    raise NotReady("a published article needs no encoder")


def _newest(
    archive: Archive, row: int, article: Article, public: Mask, links: int, latest: datetime | None
) -> list[int]:
    """Return the rows of the newest articles of the section up to a time, without the article itself."""
    filters = Filters(section=(article.section or "",), published_to=latest)
    mask = archive.mask(filters)
    rows = np.flatnonzero(public if mask is None else public & mask)
    rows = rows[rows != row]
    times = archive.published[rows]
    least = np.sort(times)[-min(links, len(times))] if len(times) else 0
    rows = rows[times >= least]
    found = sorted(
        zip(rows.tolist(), archive.articles(rows), strict=True),
        key=lambda pair: (-int(archive.published[pair[0]]), pair[1].id),
    )
    return [at for at, _ in found[:links]]


def _measure(archive: Archive, seeds: Seeds, article: Article, rows: list[int], judged_by: str | None) -> LinkList:
    """Return the links to these rows. Both lists are measured alike, by relevance to the article."""
    relevance = pool.measured(archive, seeds, np.array(rows, dtype=np.int64)).relevance
    links: list[ComparedLink] = []
    for linked, value in zip(archive.articles(rows), relevance.tolist(), strict=True):
        same_event = (
            event_of(linked, judged_by) == event_of(article, judged_by)
            if judged_by is not None
            else value >= SAME_EVENT_RELEVANCE
        )
        links.append(
            ComparedLink(
                article=linked,
                days=_days(article, linked),
                relevance=value,
                same_event=same_event,
                duplicate=any(_repeats(linked, other) for other in (article, *(link.article for link in links))),
                elsewhere=match_key(linked.section or "") != match_key(article.section or ""),
            )
        )
    return LinkList(links)


def _days(article: Article, linked: Article) -> float:
    if article.published_at is None or linked.published_at is None:
        return 0.0  # with `then`, neither list has an article without a date
    return abs((article.published_at - linked.published_at).total_seconds()) / _DAY


def _repeats(one: Article, other: Article) -> bool:
    """Return whether two articles have equal texts, or titles that readers take for equal."""
    texts = [" ".join(_WORDS.findall(fold(article.plain_body or ""))) for article in (one, other)]
    return (texts[0] != "" and texts[0] == texts[1]) or near_identical(one.title, other.title)
