"""A snapshot read as one archive: its segments end to end, so that an article row is one number.

The index floor's answer to a service: here is an id, a URL, a vector or a filter; give me rows, and their articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.article import Article
from indexer.columns import Filters, Mask
from indexer.knowledge import Knowledge
from indexer.lexical import Chance, Term, Words
from indexer.segment import Segment
from indexer.snapshot import Snapshot
from indexer.text import match_key, url_key
from indexer.vectors import Rows, Vectors


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

    def count_texts(self, allowed: Mask) -> int:
        """Return how many distinct texts the allowed articles have, counted a segment at a time."""
        parts = zip(self._starts, self._segments, strict=False)
        return sum(int(np.count_nonzero(s.owned_by(allowed[start : start + s.count]))) for start, s in parts)

    def count_owned(self, allowed: Mask, vectors: Rows) -> int:
        """Return how many of these vectors have an owner among the allowed articles."""
        total = 0
        for start, vector_start, segment in zip(self._starts, self._vector_starts, self._segments, strict=False):
            local = vectors[(vectors >= vector_start) & (vectors < vector_start + segment.index.count)] - vector_start
            total += int(np.count_nonzero(segment.owned_by(allowed[start : start + segment.count])[local]))
        return total

    def _segment_of(self, row: int) -> tuple[Segment, int]:
        at = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._segments[at], int(row - self._starts[at])

    def vector_rows(self, row: int) -> Rows:
        """Return the rows of the vectors that an article owns, (n,) int64."""
        segment, local = self._segment_of(row)
        at = self._segments.index(segment)
        rows: Rows = segment.vectors_of(local) + self._vector_starts[at]
        return rows

    def vectors(self, row: int) -> Vectors:
        """Return the vectors that an article owns, (n, dim) float32."""
        segment, local = self._segment_of(row)
        return segment.index.reconstruct(segment.vectors_of(local))

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
