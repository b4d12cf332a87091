"""Which articles of a segment are near-duplicates: of others in it, and of articles in segments before it.

Owns from which pairs of near-duplicates a group is made. What makes a pair is `indexer.relations.near_duplicates`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.articles.columns import ABSENT, Columns
from indexer.articles.owners import Owners
from indexer.files import arrays
from indexer.files.arrays import Rows
from indexer.relations import near_duplicates
from indexer.relations.earlier import EarlierSegments
from indexer.relations.near_duplicates import Sketches

FILE = "groups.npy"
_Groups = NDArray[np.int32]


def write_groups(
    directory: Path,
    sketches: Sketches,
    near: NDArray[np.int32],
    owners: Owners,
    columns: Columns,
    earlier: EarlierSegments | None = None,
) -> None:
    """Write for each article the row that stands for its group, (articles,) int32, counted through the segments.

    :param near: (vectors, k) int32 neighbours of each text, counted through the segments, padded with -1.
    :param earlier: The segments before this one, None for the first.
    """
    texts = near if earlier is None else _within(near, earlier.text_count)
    pairs = near_duplicates.near(sketches, of_articles(texts, owners), columns.codes("source"), columns.published)
    if earlier is None:
        found = grouped(owners, pairs, columns.published)
    else:
        found = _added(pairs, _heads(sketches, near, owners, columns, earlier), owners, columns, earlier.count)
    arrays.save(directory / FILE, found)


def _within(near: NDArray[np.int32], first: int) -> NDArray[np.int32]:
    return np.where(near >= first, near - np.int32(first), np.int32(-1))


def of_articles(near: NDArray[np.int32], owners: Owners) -> NDArray[np.int32]:
    """Return for each article the first owners of its text's neighbours, (articles, k) int32, padded with -1.

    :param near: (vectors, k) int32 neighbours of each text, of the same segment.
    """
    of_text = np.where(near >= 0, owners.first_owners[near], -1)
    return np.asarray(of_text[owners.of_articles(np.arange(owners.articles))], dtype=np.int32)


def grouped(owners: Owners, pairs: Rows, published: Rows) -> _Groups:
    """Return for each article the row that stands for its group, (articles,) int32; all of one text are of one group.

    :param pairs: (p, 2) rows of near-duplicates.
    :param published: (articles,) int64 times.
    """
    first = owners.first_owners[owners.of_articles(np.arange(owners.articles))].astype(np.int64)
    pairs = np.sort(first[pairs], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    newest = np.where(published == ABSENT, 0, -published)
    np.minimum.at(newest, first, newest)
    return near_duplicates.groups(owners.articles, pairs, newest)[first]


def _added(pairs: Rows, heads: dict[int, int], owners: Owners, columns: Columns, first_row: int) -> _Groups:
    """Return the groups of a segment that is added: an earlier group's where its head is a near-duplicate, else new.

    Groups that are there already stay as they are, since their segments are immutable.

    :param pairs: (p, 2) rows of near-duplicates within the segment.
    :param heads: Which articles, the first of their text each, join which earlier group.
    """
    first = owners.first_owners[owners.of_articles(np.arange(owners.articles))]
    joined = np.array(sorted(heads), dtype=np.int32)
    apart = ~np.isin(first[pairs], joined).any(axis=1)
    groups = grouped(owners, pairs[apart], columns.published) + np.int32(first_row)
    for row in joined.tolist():
        groups[first == row] = heads[row]
    return groups


def _heads(
    sketches: Sketches, near: NDArray[np.int32], owners: Owners, columns: Columns, earlier: EarlierSegments
) -> dict[int, int]:
    """Return which articles, the first of their text each, join which earlier group, by the row that stands for it."""
    rows = np.unique(owners.first_owners[owners.of_articles(np.arange(owners.articles))]).astype(np.int64)
    texts = near[owners.of_articles(rows)].astype(np.int64)
    pairs = np.stack([np.repeat(rows, texts.shape[1]), texts.ravel()], axis=1)
    pairs = pairs[(pairs[:, 1] >= 0) & (pairs[:, 1] < earlier.text_count)]
    pairs[:, 1] = earlier.first_owners(pairs[:, 1])
    pairs = pairs[pairs[:, 1] >= 0]
    pairs[:, 1] = earlier.groups[pairs[:, 1]]
    pairs = np.unique(pairs, axis=0)
    source = np.array([*(earlier.code("source", value) for value in columns.values["source"]), -1], dtype=np.int64)
    gaps = near_duplicates.gaps(
        pairs + np.array([0, owners.articles]),
        np.concatenate([source[columns.codes("source")], earlier.coded("source")]),
        np.concatenate([columns.published, earlier.published]),
    )
    kept = earlier.told_again(sketches, pairs, gaps)
    return dict(pairs[kept][::-1].tolist())  # of several the one that came first
