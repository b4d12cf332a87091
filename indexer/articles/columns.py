"""The columns of filters, as plain arrays: one value or a few codes for each article row.

Owns the files, the filters and their meaning. Knows nothing of text or vectors.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.articles.article import VIETNAM
from indexer.articles.prepared import PreparedArticle
from indexer.files import arrays
from indexer.files.arrays import Mask as Mask
from indexer.files.arrays import Rows as Rows
from indexer.text.folding import match_key

ABSENT = int(np.iinfo(np.int64).min)
"""Stands for an absent time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = ("published_at", "unpublish_at")
_SINGLE = ("section", "source", "author")
FACETS = (*_SINGLE, "tag")
VALUES_FILE = "values.json"


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 in UTC; negative before it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Filters:
    """The conditions on articles: one of the values of each named field, and a time within the bounds.

    A date bound is a day in Vietnam, both ends inclusive. An article without a time passes no time bound.
    """

    section: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    published_from: date | datetime | None = None
    published_to: date | datetime | None = None

    def __bool__(self) -> bool:
        return self != Filters()

    def bounds(self) -> tuple[int, int]:
        """Return the first and the last microsecond that pass."""
        first, last = ABSENT + 1, int(np.iinfo(np.int64).max)
        if self.published_from is not None:
            first = micros(_moment(self.published_from))
        if self.published_to is not None:
            last = micros(_moment(self.published_to))
            if not isinstance(self.published_to, datetime):
                last += _DAY - 1
        return first, last


_DAY = 24 * 3600 * 1_000_000


def _moment(bound: date | datetime) -> datetime:
    return bound if isinstance(bound, datetime) else datetime.combine(bound, time(), VIETNAM)


class ColumnWriter:
    """Gathers the columns of articles, which are added in row order; it takes a few bytes an article."""

    def __init__(self) -> None:
        self._times = {name: array("q") for name in _TIMES}
        self._codes = {name: array("i") for name in _SINGLE}
        self._tags, self._tag_ends = array("i"), array("q")
        self._values: dict[str, dict[str, int]] = {name: {} for name in (*_SINGLE, "tag")}

    def add(self, prepared: PreparedArticle) -> None:
        """Add the article of the next row."""
        article = prepared.article
        for name, column in self._times.items():
            moment: datetime | None = getattr(article, name)
            column.append(ABSENT if moment is None else micros(moment))
        for name, codes in self._codes.items():
            codes.append(self._code(name, getattr(article, name)))
        for tag in article.tags:
            self._tags.append(self._code("tag", tag))
        self._tag_ends.append(len(self._tags))

    def _code(self, field: str, value: str | None) -> int:
        values = self._values[field]
        return -1 if value is None else values.setdefault(value, len(values))

    def write(self, directory: Path) -> None:
        """Write one .npy file for each column, and the values that the codes stand for."""
        columns = {**self._times, **self._codes, "tag": self._tags, "tag_end": self._tag_ends}
        for name, column in columns.items():
            dtype = np.int32 if column.typecode == "i" else np.int64
            arrays.save(f"{directory}/{name}.npy", np.array(column, dtype=dtype))
        values = {name: list(codes) for name, codes in self._values.items()}
        (directory / VALUES_FILE).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


class ValueCount(NamedTuple):
    """How many articles have a value.

    :param key: The form that is equal for all values that filters treat as equal.
    :param value: The first spelling found.
    """

    key: str
    value: str
    times: int


class Columns:
    """The columns of one segment, mapped from disk.

    `published` is (n,) int64 microseconds since 1970 in UTC, ABSENT where the article has no date; `values` are the
    spellings found for each field.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> NDArray[np.int64]:
            return arrays.mapped(f"{directory}/{name}.npy")

        self.published, self._unpublish = load("published_at"), load("unpublish_at")
        self._codes = {name: load(name) for name in _SINGLE}
        self._tags, self._tag_ends = load("tag"), load("tag_end")
        values = json.loads((directory / VALUES_FILE).read_text(encoding="utf-8"))
        self.values: dict[str, list[str]] = values
        self._keys = {field: list(map(match_key, names)) for field, names in values.items()}
        self._lookup: dict[str, dict[str, list[int]]] = {}
        self._alike: dict[str, NDArray[np.int64]] = {}
        for field, keys in self._keys.items():
            lookup: dict[str, list[int]] = {}
            for code, key in enumerate(keys):
                lookup.setdefault(key, []).append(code)
            self._lookup[field] = lookup
            self._alike[field] = np.array([lookup[key][0] for key in keys], dtype=np.int64)
        self._tags_differ = len(self._lookup["tag"]) == len(values["tag"])

    @property
    def count(self) -> int:
        """Return the number of articles."""
        return len(self.published)

    def codes(self, field: str) -> NDArray[np.int64]:
        """Return the code of each article's section, source or author in `values`, (n,) int32, -1 for none."""
        return self._codes[field]

    def alike(self, field: str) -> NDArray[np.int64]:
        """Return for each code of a field the least code that filters treat as equal to it, (values,) int64."""
        return self._alike[field]

    @property
    def tags(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the codes of all tags, row after row, (t,) int32, and the end of each row's tags, (n,) int64."""
        return self._tags, self._tag_ends

    def public(self, now: int) -> tuple[Mask, int]:
        """Return which articles are public at `now`, and the first microsecond at which that changes.

        Nothing is public before its `published_at` or from its `unpublish_at` on.

        :param now: Microseconds since 1970 in UTC.
        :return: (n,) bool, and a microsecond later than `now`.
        """
        ahead = self.published > now
        waiting = self._unpublish > now
        gone = (self._unpublish != ABSENT) & ~waiting
        changes = [int(times.min()) for times in (self.published[ahead], self._unpublish[waiting]) if times.size]
        return ~ahead & ~gone, min(changes, default=int(np.iinfo(np.int64).max))

    def mask(self, filters: Filters) -> Mask | None:
        """Return which articles pass the filters, (n,) bool, or None if all pass."""
        if not filters:
            return None
        passed = np.ones(self.count, dtype=np.bool_)
        for field in _SINGLE:
            if wanted := getattr(filters, field):
                passed &= np.isin(self._codes[field], self._wanted(field, wanted))
        if filters.tag:
            passed &= self._tagged(self._wanted("tag", filters.tag))
        if filters.published_from is not None or filters.published_to is not None:
            first, last = filters.bounds()
            passed &= (self.published >= first) & (self.published <= last)
        return passed

    def counts(self, rows: NDArray[np.int64], fields: Sequence[str] = FACETS) -> dict[str, list[ValueCount]]:
        """Count how many of the rows have each value of section, source, author and tag.

        :param rows: (n,) int64.
        :param fields: The fields that are counted; all four by default.
        """
        found = {}
        for field in fields:
            held = self._tags_of(rows) if field == "tag" else self._codes[field][rows]
            times = np.bincount(self._alike[field][held[held >= 0]])
            met = times.nonzero()[0]
            keys, values = self._keys[field], self.values[field]
            found[field] = [
                ValueCount(keys[code], values[code], n)
                for code, n in zip(met.tolist(), times[met].tolist(), strict=True)
            ]
        return found

    def _tags_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tags of (n,) rows, without repetitions of a row's tag in another spelling."""
        if not len(self._tags):
            return self._tags
        ends = self._tag_ends[rows]
        starts = np.where(rows > 0, self._tag_ends[np.maximum(rows - 1, 0)], 0)
        lengths = ends - starts
        tags = self._tags[np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())]
        if self._tags_differ:
            return tags
        first = self._alike["tag"]
        return np.unique(np.repeat(rows, lengths).astype(np.int64) * len(first) + first[tags]) % len(first)

    def _wanted(self, field: str, values: Iterable[str]) -> list[int]:
        lookup = self._lookup[field]
        return [code for value in values for code in lookup.get(match_key(value), ())]

    def _tagged(self, codes: list[int]) -> Mask:
        at = np.flatnonzero(np.isin(self._tags, codes))
        tagged = np.zeros(self.count, dtype=np.bool_)
        tagged[np.searchsorted(self._tag_ends, at, side="right")] = True
        return tagged
