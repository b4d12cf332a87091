"""Findings in an archive for editors: duplicated texts, articles that no list links to, and hubs.

Computes the related lists by relevance alone from every article's stored neighbours, and counts who is in them.
Freshness, rules and fallbacks are left out, since they change by the hour. Knows nothing of pages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.summaries import Summary
from indexer.files.arrays import Mask, Rows
from service.ranking import fusion

LINKS = 6
"""The assumed length of a list: the default of related lists."""

MOST_LISTS = 200_000
"""The most lists that are computed, those of the newest articles. 40,000 lists take a second."""

HUBS = 200
_CHUNK = 2048
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class DuplicateGroup(NamedTuple):
    """Articles with near-duplicate texts.

    :param head: The group's representative, or the newest article if that one is not public.
    :param others: (n,) int64, the newest first.
    """

    head: int
    others: Rows


class Findings(NamedTuple):
    """What was found among the public articles.

    :param lists: The number of computed lists.
    :param unlinked: (n,) int64 rows that are in none of them, the newest first.
    :param hubs: (m,) int64 rows that are in the most lists, the most frequent first.
    :param links: (m,) int64 number of lists of each hub.
    """

    lists: int
    groups: tuple[DuplicateGroup, ...]
    unlinked: Rows
    hubs: Rows
    links: Rows


def find(archive: Archive, public: Mask) -> Findings:
    """Return the findings.

    :param public: (count,) bool, the public articles.
    """
    rows = newest_first(archive, np.flatnonzero(public))
    groups = duplicates(archive, rows)
    seeds = rows[:MOST_LISTS]
    counts = linked(archive, public, np.sort(seeds))
    # Older articles' stored lists lack segments added later, and a duplicate counts through its representative.
    copies = np.concatenate([rows[:0], *(group.others for group in groups)])
    known = seeds[(seeds < archive.segments[0].count) & (counts[seeds] == 0) & ~np.isin(seeds, copies)]
    hubs = np.argsort(-counts[rows], kind="stable")[:HUBS]
    hubs = rows[hubs[counts[rows[hubs]] > LINKS]]
    return Findings(len(seeds), groups, known, hubs, counts[hubs])


def newest_first(archive: Archive, rows: Rows) -> Rows:
    """Return (n,) int64 rows in the order of their dates, the newest first, undated ones last."""
    return rows[np.lexsort((rows, ~archive.published[rows]))]


def duplicates(archive: Archive, rows: Rows) -> tuple[DuplicateGroup, ...]:
    """Return the groups of near-duplicates among some articles, the largest first.

    :param rows: (n,) int64, the newest first.
    """
    heads = archive.groups[rows].astype(np.int64)
    order = np.argsort(heads, kind="stable")
    held, starts = np.unique(heads[order], return_index=True)
    if not len(held):
        return ()
    groups = []
    for head, members in zip(held.tolist(), np.split(rows[order], starts[1:]), strict=True):
        if len(members) > 1:
            stands = head if head in members else int(members[0])
            groups.append(DuplicateGroup(stands, members[members != stands]))
    return tuple(sorted(groups, key=lambda group: -len(group.others)))


def linked(archive: Archive, public: Mask, seeds: Rows) -> Rows:
    """Return the number of lists that contain each article, (count,) int64.

    :param public: (count,) bool.
    :param seeds: (n,) int64 ascending, the articles whose lists count.
    """
    counts = np.zeros(archive.count, dtype=np.int64)
    for start in range(0, len(seeds), _CHUNK):
        found = lists(archive, public, seeds[start : start + _CHUNK])
        counts += np.bincount(found[found >= 0], minlength=archive.count)
    return counts


def lists(archive: Archive, public: Mask, seeds: Rows) -> NDArray[np.int64]:
    """Return the list of each of (n,) articles, (n, LINKS) int64 rows, the best first, -1 for missing ones.

    A list has public articles, one of each group of near-duplicates, and none of the seed's group.

    :param public: (count,) bool.
    :param seeds: (n,) int64.
    """
    near = archive.stored_neighbours(seeds)
    std = archive.background.stds_of(archive.vectors_of(seeds))
    scores = fusion.relate(near.cosines / std[:, None], near.terms.astype(np.float64))
    there = (near.rows >= 0) & public[near.rows]
    groups = np.where(near.rows >= 0, archive.groups[near.rows], -1)
    there &= groups != archive.groups[seeds][:, None]
    order = np.argsort(np.where(there, -scores, np.inf), axis=1, kind="stable")
    ranked, groups, there = (np.take_along_axis(a, order, axis=1) for a in (near.rows, groups, there))
    found = np.full((len(seeds), LINKS), -1, dtype=np.int64)
    taken = np.full((len(seeds), LINKS), -1, dtype=np.int64)
    filled = np.zeros(len(seeds), dtype=np.int64)
    for at in range(ranked.shape[1]):
        new = np.flatnonzero(there[:, at] & (filled < LINKS) & ~(taken == groups[:, at : at + 1]).any(axis=1))
        found[new, filled[new]], taken[new, filled[new]] = ranked[new, at], groups[new, at]
        filled[new] += 1
    return found


def as_csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table as CSV that spreadsheets read as UTF-8, with an apostrophe before cells like formulas (OWASP)."""
    yield "\ufeff"
    for line in (header, *lines):
        held = io.StringIO()
        csv.writer(held, lineterminator="\r\n").writerow([_plain(cell) for cell in line])
        yield held.getvalue()


def _plain(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def cells(one: Summary) -> list[object]:
    """Return an article's cells of a table: id, title, section, source, date, address."""
    when = one.published_at.isoformat() if one.published_at else None
    return [one.id, one.title, one.section, one.source, when, one.url]
