"""What of an archive an editor may want to act on: texts told twice, articles that nothing links to, and hubs.

Works out the lists that meaning and words alone would make of every article's stored neighbours, and who is in them.
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
"""How long a list is taken to be: the default of related lists."""

MOST_LISTS = 200_000
"""How many lists are worked out at most, those of the newest articles: a second for each 40,000."""

HUBS = 200
_CHUNK = 2048
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class DuplicateGroup(NamedTuple):
    """Articles that tell the same text.

    :param head: The one that stands for the others, the newest of them where that one is not public.
    :param others: (n,) int64, the newest first.
    """

    head: int
    others: Rows


class Findings(NamedTuple):
    """What was found among the public articles.

    :param lists: How many lists were worked out.
    :param unlinked: (n,) rows that are in none of them, the newest first.
    :param hubs: (n,) rows that are in most of them, the first in most.
    :param links: (n,) in how many each hub is.
    """

    lists: int
    groups: tuple[DuplicateGroup, ...]
    unlinked: Rows
    hubs: Rows
    links: Rows


def find(archive: Archive, public: Mask) -> Findings:
    """Return what there is to act on.

    :param public: (count,) bool, which articles may be seen.
    """
    rows = newest_first(archive, np.flatnonzero(public))
    groups = duplicates(archive, rows)
    seeds = rows[:MOST_LISTS]
    counts = linked(archive, public, np.sort(seeds))
    # The lists of older articles know nothing of segments that were added later, and a copy is told by its head.
    copies = np.concatenate([rows[:0], *(group.others for group in groups)])
    known = seeds[(seeds < archive.segments[0].count) & (counts[seeds] == 0) & ~np.isin(seeds, copies)]
    hubs = np.argsort(-counts[rows], kind="stable")[:HUBS]
    hubs = rows[hubs[counts[rows[hubs]] > LINKS]]
    return Findings(len(seeds), groups, known, hubs, counts[hubs])


def newest_first(archive: Archive, rows: Rows) -> Rows:
    """Return rows in the order of their dates, the newest first, undated ones last."""
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
    """Return in how many lists each article is, (count,) int64.

    :param seeds: (n,) int64 ascending, whose lists are looked at.
    """
    counts = np.zeros(archive.count, dtype=np.int64)
    for start in range(0, len(seeds), _CHUNK):
        found = lists(archive, public, seeds[start : start + _CHUNK])
        counts += np.bincount(found[found >= 0], minlength=archive.count)
    return counts


def lists(archive: Archive, public: Mask, seeds: Rows) -> NDArray[np.int64]:
    """Return the list of each of (n,) articles, (n, LINKS) rows, the best first, -1 where there are no more.

    Public articles, one of each group of near-duplicates, none of the seed's own.
    """
    near = archive.stored_neighbours(seeds)
    std = archive.background.stds_of(archive.first_vectors(seeds))
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
    """Yield a table as CSV that spreadsheets read as UTF-8, and take no cell of for a formula (OWASP)."""
    yield "\ufeff"
    for line in (header, *lines):
        held = io.StringIO()
        csv.writer(held, lineterminator="\r\n").writerow([_plain(cell) for cell in line])
        yield held.getvalue()


def _plain(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def cells(one: Summary) -> list[object]:
    """Return what a table says of an article: id, title, section, source, date, address."""
    when = one.published_at.isoformat() if one.published_at else None
    return [one.id, one.title, one.section, one.source, when, one.url]
