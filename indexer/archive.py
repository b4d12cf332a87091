"""A snapshot read as one archive: its segments end to end, so that an article row is one number.

The index floor's answer to a service: here is an id, a URL, a vector or a filter; give me rows, and their articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer import near_duplicates
from indexer.article import Article
from indexer.columns import Filters, Mask
from indexer.content_classes import ClassMap, combined
from indexer.knowledge import Knowledge
from indexer.lexical import Chance, Term, Words
from indexer.mining import Name
from indexer.segment import Segment
from indexer.snapshot import Snapshot
from indexer.terms import TermVector
from indexer.text import match_key, url_key
from indexer.vectors import Rows, Vectors


class Shared(NamedTuple):
    """Articles, and how much of their words they share with a text.

    :param rows: (n,) int64.
    :param terms: (n,) float32 cosines of their term vectors.
    """

    rows: Rows
    terms: Vectors


class ArchiveSeries(NamedTuple):
    """Which articles are instalments of a series.

    :param kinds: (count,) int32, -1 for none; series of several papers about one subject are of one kind.
    :param named: (count,) bool, where the series is of news about a name, a war's daily bulletins, say.
    :param names: Of the kinds.
    """

    kinds: NDArray[np.int32]
    named: Mask
    names: tuple[str, ...]


class Archive:
    """All articles of a snapshot. Rows count through its segments; deleted ones are never allowed."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.id = snapshot.id
        self.manifest = snapshot.manifest
        self.background = snapshot.background
        self._snapshot = snapshot
        self._segments = snapshot.segments
        self._starts = np.cumsum([0, *(segment.count for segment in self._segments)])
        self._vector_starts = np.cumsum([0, *(segment.index.count for segment in self._segments)])
        self.published: Rows = self._joined([segment.columns.published for segment in self._segments])
        self._alive: Mask = self._joined([segment.alive for segment in self._segments])
        self._coded: dict[str, Rows] = {}

    @staticmethod
    def _joined(parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def close(self) -> None:
        """Let go of the snapshot's files."""
        self._snapshot.close()

    @property
    def count(self) -> int:
        """Return the number of rows, deleted ones included."""
        return int(self._starts[-1])

    def public(self, now: int) -> tuple[Mask, int]:
        """Return which articles may be seen at `now`, (count,) bool, and the first microsecond at which that changes.

        :param now: Microseconds since 1970 in UTC.
        """
        masks, changes = zip(*(segment.columns.public(now) for segment in self._segments), strict=True)
        public: Mask = self._joined(masks) & self._alive
        return public, min(changes)

    def mask(self, filters: Filters) -> Mask | None:
        """Return which articles pass the filters, (count,) bool, or None where all do."""
        if not filters:
            return None
        mask: Mask = self._joined([segment.columns.mask(filters) for segment in self._segments])
        return mask

    def values(self, field: str) -> list[str]:
        """Return what `section`, `source`, `author` or `tag` holds, sorted; one of what filters hold to be equal."""
        spelt = {match_key(value): value for segment in self._segments for value in segment.columns.values[field]}
        return sorted(spelt.values(), key=match_key)

    def nearest(self, query: Vectors, k: int, allowed: Mask) -> tuple[Rows, Vectors, Rows]:
        """Return the allowed articles nearest to a query, best first: `Segment.nearest` over all segments.

        :return: (n,) int64 article rows, (n,) float32 cosines, (n,) int64 vector rows.
        """
        found = []
        for start, vector_start, segment in zip(self._starts, self._vector_starts, self._segments, strict=False):
            rows, scores, vectors = segment.nearest(query, k, allowed[start : start + segment.count])
            found.append((rows + start, scores, vectors + vector_start))
        if len(found) == 1:
            return found[0]
        rows, scores, vectors = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order], vectors[order]

    def matching(self, words: Words, k: int, allowed: Mask) -> tuple[Rows, Vectors]:
        """Return the allowed articles that match words best: `LexicalIndex.search` over all segments.

        :return: (n,) int64 article rows and (n,) float32 scores, best first.
        """
        found = []
        for start, segment in zip(self._starts, self._segments, strict=False):
            rows, scores = segment.words.search(words, k, allowed[start : start + segment.count])
            found.append((rows + start, scores))
        if len(found) == 1:
            return found[0]
        rows, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def chance(self, words: Words) -> Chance:
        """Return what scores the words give by chance (`LexicalIndex.chance`)."""
        return self._largest.words.chance(words)

    def having(self, terms: Sequence[Term]) -> Rows:
        """Return the articles that have all of these tokens, (n,) int64."""
        return self._each(lambda segment: segment.words.having(terms))

    def titled(self, title: str, bare: bool) -> Rows:
        """Return the articles of exactly this title, (n,) int64 (`LexicalIndex.titled`)."""
        return self._each(lambda segment: segment.words.titled(title, bare))

    def title_starts(self, bare: Sequence[str], k: int) -> Rows:
        """Return articles in whose titles these words follow each other (`LexicalIndex.title_starts`)."""
        return self._each(lambda segment: segment.words.title_starts(bare, k))

    def _each(self, find: Callable[[Segment], Rows]) -> Rows:
        found: list[Rows] = [
            find(segment) + start for start, segment in zip(self._starts, self._segments, strict=False)
        ]
        return np.concatenate(found) if len(found) > 1 else found[0]

    @property
    def _largest(self) -> Segment:
        return max(self._segments, key=lambda segment: segment.count)

    @property
    def knowledge(self) -> Knowledge:
        """Return what the largest segment knows beside its articles; rows of names count within it."""
        return self._largest.knowledge

    def similarities(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a query, that of its best vector, (n,) float32."""
        found: Vectors = self._gather(rows, lambda segment, local: segment.similarities(query, local), np.float32)
        return found

    def texts(self, rows: Rows) -> Rows:
        """Return the first vector row of each of (n,) articles, (n,) int64: equal for articles of one text."""
        starts = dict(zip(map(id, self._segments), self._vector_starts, strict=False))
        found: Rows = self._gather(rows, lambda s, local: s.first_vectors(local) + starts[id(s)], np.int64)
        return found

    def _gather(self, rows: Rows, find: Callable[[Segment, Rows], Any], dtype: type) -> Any:
        if len(self._segments) == 1:
            return find(self._segments[0], rows)
        gathered: NDArray[Any] = np.empty(len(rows), dtype=dtype)
        for start, segment in zip(self._starts, self._segments, strict=False):
            here = (rows >= start) & (rows < start + segment.count)
            gathered[here] = find(segment, rows[here] - start)
        return gathered

    def facets(self, rows: Rows) -> dict[str, list[tuple[str, int]]]:
        """Return how many of these articles have each section, source, author and tag, the commonest first."""
        counts: dict[str, Counter[str]] = {}
        spelt: dict[str, str] = {}
        for start, segment in zip(self._starts, self._segments, strict=False):
            local = rows[(rows >= start) & (rows < start + segment.count)] - start
            for field, found in segment.columns.counts(local).items():
                counted = counts.setdefault(field, Counter())
                for value, count in found:
                    key = match_key(value)
                    spelt.setdefault(key, value)
                    counted[key] += count
        return {
            field: [(spelt[key], n) for key, n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]
            for field, counted in counts.items()
        }

    def _segment_of(self, row: int) -> tuple[Segment, int]:
        at = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._segments[at], int(row - self._starts[at])

    def vectors(self, row: int) -> Vectors:
        """Return the vectors that an article owns, (n, dim) float32."""
        segment, local = self._segment_of(row)
        return segment.index.reconstruct(segment.vectors_of(local))

    def neighbours(self, row: int) -> Shared | None:
        """Return the articles that may be related to one, found while indexing, all of its own text among them.

        :return: None where the archive has several segments: each knows its own neighbours only.
        """
        if len(self._segments) > 1:
            return None
        segment = self._segments[0]
        text = segment.first_vectors(np.array([row]))
        near = segment.relations.neighbours.of(int(text[0]))
        return Shared(*segment.owners(np.append(text, near.texts), np.append(np.float32(1.0), near.shared)))

    def term_vector(self, row: int) -> TermVector:
        """Return the term vector of an article's text."""
        segment, local = self._segment_of(row)
        return segment.relations.terms.of(int(segment.first_vectors(np.array([local]))[0]))

    def draft_terms(self, title: Sequence[str], found: Sequence[str]) -> TermVector:
        """Return the term vector of a text that the archive does not have (`Terms.of_draft`)."""
        return self._largest.relations.terms.of_draft(title, found)

    def shared_terms(self, vector: TermVector, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a text by their tokens, (n,) float32."""
        found: Vectors = self._gather(
            rows, lambda s, local: s.relations.terms.similarities(vector, s.first_vectors(local)), np.float32
        )
        return found

    def duplicates_of(self, title: Sequence[str], text: Sequence[str], rows: Rows) -> Mask:
        """Return which of (n,) articles are near-duplicates of a text that the archive does not have, (n,) bool.

        :param title: `syllables.stream` of its title.
        :param text: That of lead and body.
        """

        def near(segment: Segment, local: Rows) -> Mask:
            held = segment.relations.sketches
            pairs = np.stack([np.zeros(len(local), dtype=np.int64), local], axis=1)
            return near_duplicates.duplicates(near_duplicates.draft(title, text, held.boilerplate), held, pairs)

        found: Mask = self._gather(rows, near, np.bool_)
        return found

    @cached_property
    def groups(self) -> Rows:
        """Return what near-duplicates have in common, (count,) int64: the row that stands for them."""
        parts = zip(self._starts, self._segments, strict=False)
        return np.concatenate([segment.relations.groups + start for start, segment in parts])

    def groups_of(self, rows: Rows) -> Rows:
        """Return what near-duplicates among (n,) articles have in common, (n,) int64: the row that stands for them.

        What is not among them does not count: where the one that stands for a group is missing, the others are held
        against each other.
        """
        found = self.groups[rows]
        missing = ~np.isin(found, rows)
        if missing.any():
            found = found.copy()
            for head in np.unique(found[missing]):
                places = np.flatnonzero(found == head)
                found[places] = self._grouped(rows[places])
        return found

    def _grouped(self, rows: Rows) -> Rows:
        pairs = [
            (at, at + 1 + int(other))
            for at in range(len(rows) - 1)
            for other in np.flatnonzero(self.near_duplicates(int(rows[at]), rows[at + 1 :]))
        ]
        found: Rows = rows[near_duplicates.groups(len(rows), np.array(pairs, dtype=np.int64).reshape(-1, 2))]
        return found

    def near_duplicates(self, row: int, rows: Rows) -> Mask:
        """Return which of (n,) articles are near-duplicates of one, (n,) bool; in other segments none are."""
        segment, local = self._segment_of(row)
        start = row - local
        alike = np.zeros(len(rows), dtype=np.bool_)
        here = np.flatnonzero((rows >= start) & (rows < start + segment.count))
        pairs = np.stack([np.full(len(here), local), rows[here] - start], axis=1)
        columns, held = segment.columns, segment.relations.sketches
        gaps = near_duplicates.gaps(pairs, columns.codes("source"), columns.published)
        alike[here] = near_duplicates.duplicates(held, held, pairs, gaps)
        alike |= self.texts(rows) == self.texts(np.array([row]))
        return alike

    def copies(self, rows: Sequence[int]) -> Rows:
        """Return these articles and their near-duplicates, (n,) int64."""
        order, groups = self._by_group
        found = [np.array(rows, dtype=np.int64)]
        for row in rows:
            held = self.groups[row]
            members = order[np.searchsorted(groups, held, "left") : np.searchsorted(groups, held, "right")]
            if len(members) > 1:
                found.append(members[self.near_duplicates(row, members)])
        return np.unique(np.concatenate(found))

    @cached_property
    def _by_group(self) -> tuple[Rows, Rows]:
        order = np.argsort(self.groups, kind="stable")
        return order, self.groups[order]

    @cached_property
    def series(self) -> ArchiveSeries:
        """Return which articles are instalments of what."""
        kinds: dict[str, int] = {}
        codes = []
        for segment in self._segments:
            held = segment.relations.series
            of = [kinds.setdefault(pattern.kind, len(kinds)) for pattern in held.patterns]
            codes.append(np.array([*of, -1], dtype=np.int32)[held.codes])
        named = [np.array([*(p.named for p in s.relations.series.patterns), False]) for s in self._segments]
        apart = [flags[s.relations.series.codes] for flags, s in zip(named, self._segments, strict=True)]
        return ArchiveSeries(np.concatenate(codes), np.concatenate(apart), tuple(kinds))

    def latest(self, kind: int, allowed: Mask) -> int:
        """Return the newest allowed instalment of a kind of series, -1 if there is none."""
        rows = self._instalments[kind]
        rows = rows[allowed[rows]]
        return int(rows[np.argmax(self.published[rows])]) if len(rows) else -1

    @cached_property
    def _instalments(self) -> list[Rows]:
        kinds = self.series.kinds
        order = np.argsort(kinds, kind="stable")
        return np.split(order, np.searchsorted(kinds[order], np.arange(len(self.series.names) + 1)))[1:]

    def classes(self, rules: ClassMap) -> NDArray[np.int8]:
        """Return what kind of content each article is, (count,) int8 (`content_classes.ContentClass`)."""
        found = []
        for segment in self._segments:
            columns = segment.columns
            tags, ends = columns.tags
            sections, names = columns.codes("section"), columns.values
            by_text = segment.relations.classes
            found.append(combined(by_text, sections, names["section"], tags, ends, names["tag"], rules))
        return np.concatenate(found)

    def coded(self, field: str) -> Rows:
        """Return a number for each article's section, source or author, (count,) int64, -1 where it has none.

        Numbers are equal where filters hold the values to be equal.
        """
        if field not in self._coded:
            numbers: dict[str, int] = {}
            parts = []
            for segment in self._segments:
                of = [numbers.setdefault(match_key(value), len(numbers)) for value in segment.columns.values[field]]
                parts.append(np.array([*of, -1], dtype=np.int64)[segment.columns.codes(field)])
            self._coded[field] = np.concatenate(parts)
        return self._coded[field]

    def first_newest(self, allowed: Mask, k: int) -> Rows:
        """Return the k newest of the allowed articles, the newest first, undated ones last, (n,) int64."""
        looked_at = max(64, 4 * k)
        while True:
            rows = self._newest[:looked_at]
            found = rows[allowed[rows]]
            if len(found) >= k or looked_at >= self.count:
                return found[:k]
            looked_at *= 8

    @cached_property
    def _newest(self) -> Rows:
        return np.lexsort((np.arange(self.count), ~self.published))

    def first_vectors(self, rows: Rows) -> Vectors:
        """Return the first vector of each of (n,) articles, (n, dim) float32."""
        found: Vectors = np.empty((len(rows), self.manifest.encoder.dim), dtype=np.float32)
        for start, segment in zip(self._starts, self._segments, strict=False):
            here = (rows >= start) & (rows < start + segment.count)
            found[here] = segment.index.reconstruct(segment.first_vectors(rows[here] - start))
        return found

    def names_of(self, row: int) -> list[Name]:
        """Return the names in the title and lead of an article that others of its segment hold too, rarest first."""
        segment, local = self._segment_of(row)
        return segment.knowledge.names_of(local)

    def articles(self, rows: Sequence[int] | Rows) -> list[Article]:
        """Return the articles of these rows, in their order."""
        found: dict[int, Article] = {}
        for start, segment in zip(self._starts, self._segments, strict=False):
            local = [int(row - start) for row in rows if start <= row < start + segment.count]
            found.update(zip((row + int(start) for row in local), segment.store.articles(local), strict=True))
        return [found[int(row)] for row in rows]

    def find(self, article_id: str, allowed: Mask) -> int | None:
        """Return the row of an id, else of an alias, among the allowed rows."""
        for segment, start in zip(reversed(self._segments), self._starts[-2::-1], strict=True):
            row = segment.store.row_of(article_id)
            if row is not None and allowed[start + row]:
                return int(start + row)
        return self._named("id", article_id, allowed)

    def find_url(self, url: str, allowed: Mask) -> int | None:
        """Return the row of the article that answers to a URL, the newest where several do, among the allowed."""
        return self._named("url", url_key(url), allowed)

    def _named(self, kind: str, name: str, allowed: Mask) -> int | None:
        rows = [
            int(start + row)
            for start, segment in zip(self._starts, self._segments, strict=False)
            for row in segment.store.rows_named(kind, name)
            if allowed[start + row]
        ]
        return max(rows, key=lambda row: (int(self.published[row]), row)) if rows else None
