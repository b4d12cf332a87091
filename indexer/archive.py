"""A snapshot read as one archive: its segments end to end, so that an article row is one number.

The index floor's answer to a service: here is an id, a URL, a vector or a filter; give me rows, and their articles.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.articles.article import Article
from indexer.articles.columns import FACETS, Filters, Mask
from indexer.articles.summaries import Summary
from indexer.changes.changes import NEVER, SnapshotVersion, Withdrawal
from indexer.files.arrays import Rows
from indexer.index.lexical_query import Chance, LexicalQuery, Term
from indexer.language.knowledge import Knowledge
from indexer.language.mining import Name
from indexer.relations import near_duplicates
from indexer.relations.content_classes import ClassMap, combined
from indexer.relations.near_duplicates import Bits, Hours, Sketches
from indexer.relations.neighbours import MEANT, WORDED
from indexer.relations.series import Pattern
from indexer.relations.terms import TermVector, Vocabulary
from indexer.snapshot.projection import Positions
from indexer.snapshot.segment import Segment
from indexer.snapshot.snapshot import Snapshot
from indexer.text.addresses import url_key
from indexer.text.folding import match_key
from models.encoder import Vectors

ADDED = 48
"""How many neighbours are looked for in each segment that was added later."""

_MASKS = 8


class TermOverlap(NamedTuple):
    """Articles, and how much of their words they share with a text.

    :param rows: (n,) int64.
    :param terms: (n,) float32 cosines of their term vectors.
    :param cosines: (n,) float32 of their vectors.
    """

    rows: Rows
    terms: Vectors
    cosines: Vectors


class StoredNeighbours(NamedTuple):
    """The neighbours of n articles as they were found while indexing, each (n, k), -1 for none.

    :param cosines: Of their vectors.
    :param terms: Of their term vectors.
    """

    rows: Rows
    cosines: Vectors
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
    """All articles of a snapshot. Rows count through its segments; deleted ones are never allowed.

    :param first: How many of the segments to read; all by default.
    """

    def __init__(self, snapshot: Snapshot, first: int | None = None) -> None:
        self.id = snapshot.id
        self.manifest = snapshot.manifest
        self.background = snapshot.background
        self.knowledge: Knowledge = snapshot.knowledge
        self._words = snapshot.words
        self.snapshot = snapshot
        self.segments = snapshot.segments[:first]
        self._starts = np.cumsum([0, *(segment.count for segment in self.segments)])
        self._bounds: list[int] = self._starts.tolist()
        self._text_starts = np.cumsum([0, *(segment.index.count for segment in self.segments)])
        self.published: Rows = self._joined([segment.columns.published for segment in self.segments])
        self._alive: Mask = self._joined([segment.alive for segment in self.segments])
        self._withdrawn: tuple[Rows, Rows, Rows] | None = None
        self._held_rows: dict[str, int | None] = {}
        self._codes: dict[str, tuple[NDArray[np.int32], dict[str, int]]] = {}
        self._masks: tuple[tuple[Mask, list[tuple[Mask | None, Mask | None]]], ...] = ()

    @staticmethod
    def _joined(parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def close(self) -> None:
        """Let go of the snapshot's files."""
        self.snapshot.close()

    @property
    def count(self) -> int:
        """Return the number of rows, deleted ones included."""
        return int(self._starts[-1])

    @property
    def text_count(self) -> int:
        """Return the number of texts, each with a vector."""
        return int(self._text_starts[-1])

    def public(self, now: int) -> tuple[Mask, int]:
        """Return which articles may be seen at `now`, (count,) bool, and the first microsecond at which that changes.

        :param now: Microseconds since 1970 in UTC.
        """
        masks, changes = zip(*(segment.columns.public(now) for segment in self.segments), strict=True)
        public: Mask = self._joined(masks) & self._alive
        until = min(changes)
        if self._withdrawn is not None:
            rows, first, end = self._withdrawn
            public[rows] &= (first <= now) & (now < end)
            until = min([until, *first[first > now].tolist(), *end[end > now].tolist()])
        return public, until

    def withdraw(self, withdrawals: Iterable[Withdrawal]) -> None:
        """Hold articles back, between other times than the snapshot says, in every mask of `public` made from now on.

        :param withdrawals: All that the snapshot does not know of; what was held back before and is not here is free.
        """
        found = [(row, w.published, w.unpublish) for w in withdrawals if (row := self._row_held(w.id)) is not None]
        held = np.array(found, dtype=np.int64).reshape(-1, 3)
        self._withdrawn = (held[:, 0], held[:, 1], held[:, 2]) if found else None

    def _row_held(self, article_id: str) -> int | None:
        """Return `row_of`, remembered: thousands may be held back, and each change has all of them asked for."""
        if article_id not in self._held_rows:
            self._held_rows[article_id] = self.row_of(article_id)
        return self._held_rows[article_id]

    def there(self) -> Mask:
        """Return which articles there are, under embargo or not, (count,) bool: none that was deleted or taken down."""
        found: Mask = self._alive.copy()
        if self._withdrawn is not None:
            rows, first, _ = self._withdrawn
            found[rows[first == NEVER]] = False
        return found

    def mask(self, filters: Filters) -> Mask | None:
        """Return which articles pass the filters, (count,) bool, or None where all do."""
        if not filters:
            return None
        mask: Mask = self._joined([segment.columns.mask(filters) for segment in self.segments])
        return mask

    def values(self, field: str, beside: Archive | None = None) -> list[str]:
        """Return what `section`, `source`, `author` or `tag` holds, sorted; one of what filters hold to be equal.

        :param beside: Another archive: what segments hold that both share is left out.
        """
        shared = {id(segment.columns) for segment in beside.segments} if beside else set()
        own = [segment.columns for segment in self.segments if id(segment.columns) not in shared]
        spelt = {match_key(value): value for columns in own for value in columns.values[field]}
        return sorted(spelt.values(), key=match_key)

    def nearest(self, query: Vectors, k: int, allowed: Mask) -> tuple[Rows, Vectors, Rows]:
        """Return the allowed articles nearest to a query, best first: `Segment.nearest`, of all segments together.

        :return: (n,) int64 article rows, (n,) float32 cosines, (n,) int64 texts.
        """
        found = []
        passing = self._passing(allowed)
        for (start, text_start, segment), masks in zip(self._parts(), passing, strict=True):
            rows, scores, texts = segment.nearest(query, k, *masks)
            found.append((rows + start, scores, texts + text_start))
        if len(found) == 1:
            return found[0]
        rows, scores, texts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((rows, -scores))
        met = np.sort(np.unique(texts[order], return_index=True)[1])
        if len(met) > k:  # each segment brought k: of what follows the k-th of all, others may come first
            order = order[scores[order] >= scores[order[met[k - 1]]]]
        return rows[order], scores[order], texts[order]

    def _passing(self, allowed: Mask) -> list[tuple[Mask | None, Mask | None]]:
        """Return for each segment which articles are allowed, and which texts one of those owns; None where all are.

        Those of the last masks that cannot be written to are kept: what is public, and filters that many ask for.
        """
        for mask, passing in self._masks:
            if mask is allowed:
                return passing
        passing = []
        for start, _, segment in self._parts():
            here = allowed[start : start + segment.count]
            passing.append((None, None) if here.all() else (here, segment.owners.owned_by(here)))
        if not allowed.flags.writeable:
            self._masks = ((allowed, passing), *self._masks[: _MASKS - 1])
        return passing

    def _parts(self) -> Iterator[tuple[int, int, Segment]]:
        """Yield each segment with its first row and its first text."""
        for start, text_start, segment in zip(self._starts, self._text_starts, self.segments, strict=False):
            yield int(start), int(text_start), segment

    @cached_property
    def positions(self) -> Positions | None:
        """Return where each text stands on the map, (texts, 2) float32; None where a segment has no map."""
        parts = [segment.positions for segment in self.segments]
        return None if any(part is None for part in parts) else self._joined(parts)

    def positions_of(self, rows: Rows) -> Positions:
        """Return where (n,) articles stand on the map, (n, 2) float32.

        :raises ValueError: if a segment has no map.
        """
        if self.positions is None:
            raise ValueError(f"snapshot {self.id}: no map")
        found: Positions = np.empty((len(rows), 2), dtype=np.float32)
        for start, text_start, segment in self._parts():
            here = np.flatnonzero((rows >= start) & (rows < start + segment.count))
            found[here] = self.positions[segment.owners.of_articles(rows[here] - start) + text_start]
        return found

    def nearest_texts(self, queries: Vectors, k: int) -> list[tuple[Rows, Vectors]]:
        """Return for each of (q, dim) vectors its k best texts and their cosines, best first."""
        found = [
            [(rows + start, cosines) for rows, cosines in segment.index.search(queries, k)]
            for _, start, segment in self._parts()
        ]
        if len(found) == 1:
            return found[0]
        best = []
        for of_query in zip(*found, strict=True):
            texts, cosines = (np.concatenate(parts) for parts in zip(*of_query, strict=True))
            order = np.lexsort((texts, -cosines))[:k]
            best.append((texts[order], cosines[order]))
        return best

    def matching(self, words: LexicalQuery, k: int, allowed: Mask) -> tuple[Rows, Vectors]:
        """Return the allowed articles that match words best (`LexicalIndex.search`)."""
        return self._words.search(words, k, allowed)

    def chance(self, words: LexicalQuery) -> Chance:
        """Return what scores the words give by chance (`LexicalIndex.chance`)."""
        return self._words.chance(words)

    def frequency(self, term: Term) -> int:
        """Return in how many articles a token stands (`LexicalIndex.frequency`)."""
        return self._words.frequency(term)

    def having(self, terms: Sequence[Term]) -> Rows:
        """Return the articles that have all of these tokens, (n,) int64."""
        return self._words.having(terms)

    def has(self, allowed: Mask, token: str) -> bool:
        """Return whether one of the allowed articles has a token of `compounds.word_pairs` or a syllable."""
        return bool(allowed[self.having([Term("exact", token)])].any())

    def titled(self, title: str, bare: bool) -> Rows:
        """Return the articles of exactly this title, (n,) int64 (`LexicalIndex.titled`)."""
        return self._words.titled(title, bare)

    def title_starts(self, bare: Sequence[str], k: int) -> Rows:
        """Return articles in whose titles these words follow each other (`LexicalIndex.title_starts`)."""
        return self._words.title_starts(bare, k)

    def similarities(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a query, that of its best vector, (n,) float32."""
        found: Vectors = self._gather(rows, lambda segment, local: segment.similarities(query, local), np.float32)
        return found

    def texts(self, rows: Rows) -> Rows:
        """Return a number for the text of each of (n,) articles, (n,) int64: equal for articles of one text."""
        found: Rows = self._gather(
            rows, lambda segment, local: segment.keys[segment.owners.of_articles(local)], np.int64
        )
        return found

    def _gather(self, rows: Rows, find: Callable[[Segment, Rows], Any], dtype: type) -> Any:
        """Return what each segment finds for its own of (n,) rows, (n,) in their order."""
        if len(self.segments) == 1:
            return find(self.segments[0], rows)
        gathered: NDArray[Any] = np.empty(len(rows), dtype=dtype)
        for start, _, segment in self._parts():
            here = np.flatnonzero((rows >= start) & (rows < start + segment.count))
            if len(here):
                gathered[here] = find(segment, rows[here] - start)
        return gathered

    def facets(self, rows: Rows, fields: Sequence[str] = FACETS) -> dict[str, list[tuple[str, int]]]:
        """Return how many of these articles have each section, source, author and tag, the commonest first.

        :param fields: Those of them that are counted.
        """
        counts: dict[str, dict[str, int]] = {}
        spelt: dict[tuple[str, str], str] = {}
        for start, _, segment in self._parts():
            local = rows[(rows >= start) & (rows < start + segment.count)] - start
            for field, found in segment.columns.counts(local, fields).items():
                counted = counts.setdefault(field, {})
                for key, value, times in found:
                    spelt.setdefault((field, key), value)
                    counted[key] = counted.get(key, 0) + times
        return {
            field: [(spelt[field, key], n) for key, n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]
            for field, counted in counts.items()
        }

    def facets_of_texts(self, rows: Rows) -> dict[str, list[tuple[str, int]]]:
        """Return `facets`, where articles of one text count once for each value."""
        texts = self.texts(rows)
        order = np.argsort(texts, kind="stable")
        ordered = texts[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        sizes = np.diff(starts, append=len(rows))
        counts = self.facets(rows)
        again: dict[tuple[str, str], int] = {}
        for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
            for field, found in self.facets(rows[order[start : start + size]]).items():
                for value, n in found:
                    key = field, match_key(value)
                    again[key] = again.get(key, 0) + n - 1
        if not any(again.values()):
            return counts
        return {
            field: sorted(
                [(value, n - again.get((field, match_key(value)), 0)) for value, n in found],
                key=lambda item: (-item[1], match_key(item[0])),
            )
            for field, found in counts.items()
        }

    def _segment_of(self, row: int) -> tuple[Segment, int]:
        at = bisect_right(self._bounds, row) - 1
        return self.segments[at], int(row - self._bounds[at])

    def reconstruct(self, texts: Rows) -> Vectors:
        """Return the vectors of (n,) texts, (n, dim) float32."""
        found: Vectors = np.empty((len(texts), self.manifest.encoder.dim), dtype=np.float32)
        for _, start, segment in self._parts():
            here = np.flatnonzero((texts >= start) & (texts < start + segment.index.count))
            found[here] = segment.index.reconstruct(texts[here] - start)
        return found

    def neighbours(self, row: int) -> TermOverlap:
        """Return the articles that may be related to one, all of its own text among them.

        They were found while its segment was written; in segments that were added later they are looked for now.
        """
        at = bisect_right(self._bounds, row) - 1
        segment, text_start = self.segments[at], int(self._text_starts[at])
        text = int(segment.owners.of_articles(np.array([row - self._bounds[at]]))[0])
        near = segment.relations.neighbours.of(text)
        rows, places = self._owners(np.concatenate([[text + text_start], near.texts]))
        one = np.ones(1, dtype=np.float32)
        terms, cosines = (np.concatenate([one, values])[places] for values in (near.shared, near.cosines))
        for later in range(at + 1, len(self.segments)):
            added = self.segments[later]
            texts, more = added.index.search(segment.index.reconstruct([text]), ADDED)[0]
            shared = added.relations.terms.similarities(segment.relations.terms.of(text), texts)
            owners, places = added.owners.of_vectors(texts)
            rows = np.concatenate([rows, owners + self._starts[later]])
            terms, cosines = np.concatenate([terms, shared[places]]), np.concatenate([cosines, more[places]])
        return TermOverlap(rows, terms, cosines)

    def stored_neighbours(self, rows: Rows) -> StoredNeighbours:
        """Return the neighbours of each of (n,) articles that were found while its segment was written, each (n, k).

        Of a text that several articles have, the first one; -1 for none. Those in segments that were added later are
        not among them.
        """
        shape = (len(rows), MEANT + WORDED)
        found = StoredNeighbours(
            np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        )
        for start, _, segment in self._parts():
            here = np.flatnonzero((rows >= start) & (rows < start + segment.count))
            if len(here):
                held = segment.relations.neighbours.block(segment.owners.of_articles(rows[here] - start))
                texts, cosines, terms = held
                owners = self.first_owners(np.maximum(texts, 0).ravel()).reshape(texts.shape)
                found.rows[here], found.cosines[here] = np.where(texts >= 0, owners, -1), cosines
                found.terms[here] = terms
        return found

    def _owners(self, texts: Rows) -> tuple[Rows, Rows]:
        """Return the articles that own (n,) texts, and at which of the n places each one's text is (`Owners`)."""
        if len(self.segments) == 1:
            return self.segments[0].owners.of_vectors(texts)
        found = []
        for start, text_start, segment in self._parts():
            here = np.flatnonzero((texts >= text_start) & (texts < text_start + segment.index.count))
            rows, places = segment.owners.of_vectors(texts[here] - text_start)
            found.append((rows + start, here[places]))
        rows, places = map(np.concatenate, zip(*found, strict=True))
        return rows, places

    def first_owners(self, texts: Rows) -> Rows:
        """Return the first article that owns each of (n,) texts, (n,) int64, -1 where none does."""
        found = np.empty(len(texts), dtype=np.int64)
        for start, text_start, segment in self._parts():
            here = np.flatnonzero((texts >= text_start) & (texts < text_start + segment.index.count))
            owners = segment.owners.first_owners[texts[here] - text_start]
            found[here] = np.where(owners >= 0, owners + start, -1)
        return found

    def term_vector(self, row: int) -> TermVector:
        """Return the term vector of an article's text."""
        segment, local = self._segment_of(row)
        return segment.relations.terms.of(int(segment.owners.of_articles(np.array([local]))[0]))

    def draft_terms(self, title: Sequence[str], found: Sequence[str]) -> TermVector:
        """Return the term vector of a text that the archive does not have (`Terms.of_draft`)."""
        return self.segments[0].relations.terms.of_draft(title, found)

    @property
    def vocabulary(self) -> Vocabulary:
        """Return what is known of tokens, that of the first segment, which is most of the archive."""
        return self.segments[0].relations.terms.vocabulary

    def shared_terms(self, vector: TermVector, rows: Rows) -> Vectors:
        """Return the cosine of each of (n,) articles to a text by their tokens, (n,) float32."""
        found: Vectors = self._gather(
            rows, lambda s, local: s.relations.terms.similarities(vector, s.owners.of_articles(local)), np.float32
        )
        return found

    def text_terms(self, vector: TermVector, texts: Rows) -> Vectors:
        """Return the cosine of each of (n,) texts to a text by their tokens, (n,) float32."""
        found = np.empty(len(texts), dtype=np.float32)
        for _, start, segment in self._parts():
            here = np.flatnonzero((texts >= start) & (texts < start + segment.index.count))
            found[here] = segment.relations.terms.similarities(vector, texts[here] - start)
        return found

    def duplicates_of(self, title: Sequence[str], text: Sequence[str], rows: Rows) -> Mask:
        """Return which of (n,) articles are near-duplicates of a text that the archive does not have, (n,) bool.

        :param title: `syllables.stream` of its title.
        :param text: That of lead and body.
        """
        drafted = near_duplicates.draft(title, text, self.boilerplate)
        return self.told_again(drafted, np.stack([np.zeros(len(rows), dtype=np.int64), rows], axis=1))

    def told_again(self, sketches: Sketches, pairs: Rows, gaps: Hours | None = None) -> Mask:
        """Return which pairs are near-duplicates (`near_duplicates.duplicates`), (p,) bool.

        :param pairs: (p, 2) rows of the sketches and of the archive.
        :param gaps: (p,) as there.
        """
        found = np.zeros(len(pairs), dtype=np.bool_)
        for start, _, segment in self._parts():
            here = np.flatnonzero((pairs[:, 1] >= start) & (pairs[:, 1] < start + segment.count))
            if len(here):
                apart = None if gaps is None else gaps[here]
                held = segment.relations.sketches
                found[here] = near_duplicates.duplicates(sketches, held, pairs[here] - np.array([0, start]), apart)
        return found

    @property
    def boilerplate(self) -> Bits:
        """Return the shingles that say nothing (`Sketches.boilerplate`); the same in all segments."""
        return self.segments[0].relations.sketches.boilerplate

    @cached_property
    def groups(self) -> NDArray[np.int32]:
        """Return what near-duplicates have in common, (count,) int32: the row that stands for them."""
        groups: NDArray[np.int32] = self._joined([segment.relations.groups for segment in self.segments])
        return groups

    def groups_of(self, rows: Rows) -> Rows:
        """Return what near-duplicates among (n,) articles have in common, (n,) int64: the row that stands for them.

        What is not among them does not count: where the one that stands for a group is missing, the others are held
        against each other.
        """
        found = self.groups[rows].astype(np.int64)
        for head in {*found.tolist()}.difference(rows.tolist()):
            places = np.flatnonzero(found == head)
            found[places] = self._grouped(rows[places]) if len(places) > 1 else rows[places]
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
        """Return which of (n,) articles are near-duplicates of one, (n,) bool."""
        texts = self.texts(np.append(rows, row))
        alike: Mask = texts[:-1] == texts[-1]
        segment, local = self._segment_of(row)
        own = segment.relations.sketches
        for start, _, other in self._parts():
            here = None if len(self.segments) == 1 else np.flatnonzero((rows >= start) & (rows < start + other.count))
            there = rows if here is None else rows[here] - start
            near = near_duplicates.alike(own, local, other.relations.sketches, there)
            if len(near):
                places = near if here is None else here[near]
                pairs = np.stack([np.full(len(near), row), rows[places]], axis=1)
                gaps = near_duplicates.gaps(pairs, self.coded("source"), self.published)
                pairs -= np.array([row - local, 0])
                alike[places] |= self.told_again(own, pairs, gaps)
        return alike

    def copies(self, rows: Sequence[int]) -> Rows:
        """Return these articles and their near-duplicates, (n,) int64."""
        order, groups = self._by_group
        found = [np.array(rows, dtype=np.int64)]
        for row in rows:
            held = self.groups[row]
            place = slice(np.searchsorted(groups, held, "left"), np.searchsorted(groups, held, "right"))
            members = order[place].astype(np.int64)
            if len(members) > 1:
                found.append(members[self.near_duplicates(row, members)])
        return np.unique(np.concatenate(found))

    @cached_property
    def _by_group(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        order = np.argsort(self.groups, kind="stable").astype(np.int32)
        return order, self.groups[order]

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """Return all series that are known, those of the first segment."""
        return self.segments[0].relations.series.patterns

    @cached_property
    def series(self) -> ArchiveSeries:
        """Return which articles are instalments of what."""
        kinds: dict[str, int] = {}
        codes = []
        for segment in self.segments:
            held = segment.relations.series
            of = [kinds.setdefault(pattern.kind, len(kinds)) for pattern in held.patterns]
            codes.append(np.array([*of, -1], dtype=np.int32)[held.codes])
        named = [np.array([*(p.named for p in s.relations.series.patterns), False]) for s in self.segments]
        apart = [flags[s.relations.series.codes] for flags, s in zip(named, self.segments, strict=True)]
        return ArchiveSeries(np.concatenate(codes), np.concatenate(apart), tuple(kinds))

    def latest(self, kind: int, allowed: Mask) -> int:
        """Return the newest allowed instalment of a kind of series, -1 if there is none."""
        rows = self._instalments[kind]
        rows = rows[allowed[rows]]
        return int(rows[np.argmax(self.published[rows])]) if len(rows) else -1

    @cached_property
    def _instalments(self) -> list[Rows]:
        kinds = self.series.kinds
        rows = np.flatnonzero(kinds >= 0)
        rows = rows[np.argsort(kinds[rows], kind="stable")]
        return np.split(rows, np.searchsorted(kinds[rows], np.arange(1, len(self.series.names))))

    def classes(self, rules: ClassMap) -> NDArray[np.int8]:
        """Return what kind of content each article is, (count,) int8 (`content_classes.ContentClass`)."""
        found = []
        for segment in self.segments:
            columns = segment.columns
            tags, ends = columns.tags
            sections, names = columns.codes("section"), columns.values
            by_text = segment.relations.classes
            found.append(combined(by_text, sections, names["section"], tags, ends, names["tag"], rules))
        return np.concatenate(found)

    def coded(self, field: str) -> NDArray[np.int32]:
        """Return a number for each article's section, source or author, (count,) int32, -1 where it has none.

        Numbers are equal where filters hold the values to be equal.
        """
        return self._coded(field)[0]

    def code(self, field: str, value: str) -> int:
        """Return the number that `coded` has for a value; a new one where no article has it."""
        numbers = self._coded(field)[1]
        return numbers.setdefault(match_key(value), len(numbers))

    def _coded(self, field: str) -> tuple[NDArray[np.int32], dict[str, int]]:
        if field not in self._codes:
            numbers: dict[str, int] = {}
            parts = []
            for segment in self.segments:
                of = [numbers.setdefault(match_key(value), len(numbers)) for value in segment.columns.values[field]]
                parts.append(np.array([*of, -1], dtype=np.int32)[segment.columns.codes(field)])
            self._codes[field] = self._joined(parts), numbers
        return self._codes[field]

    def first_newest(self, allowed: Mask, k: int) -> Rows:
        """Return the k newest of the allowed articles, the newest first, undated ones last, (n,) int64."""
        looked_at = max(64, 4 * k)
        while True:
            rows = self._newest[:looked_at].astype(np.int64)
            found = rows[allowed[rows]]
            if len(found) >= k or looked_at >= self.count:
                return found[:k]
            looked_at *= 8

    @cached_property
    def _newest(self) -> NDArray[np.int32]:
        return np.lexsort((np.arange(self.count), ~self.published)).astype(np.int32)

    def vectors_of(self, rows: Rows) -> Vectors:
        """Return the vector of each of (n,) articles, (n, dim) float32."""
        if len(self.segments) == 1:
            return self.segments[0].index.reconstruct(self.segments[0].owners.of_articles(rows))
        found: Vectors = np.empty((len(rows), self.manifest.encoder.dim), dtype=np.float32)
        for start, _, segment in self._parts():
            here = np.flatnonzero((rows >= start) & (rows < start + segment.count))
            found[here] = segment.index.reconstruct(segment.owners.of_articles(rows[here] - start))
        return found

    def names_of(self, row: int) -> list[Name]:
        """Return the names in the title and lead of an article that others hold too, the rarest first."""
        segment, local = self._segment_of(row)
        names = self.knowledge.names
        return sorted((names[place] for place in segment.named.of(local)), key=lambda name: name.count)

    def named_later(self, allowed: Mask) -> Rows:
        """Return in how many allowed articles of added segments each name is, (names,) int64."""
        found = np.zeros(len(self.knowledge.names), dtype=np.int64)
        for start, _, segment in [*self._parts()][1:]:
            found += segment.named.counts(allowed[start : start + segment.count], len(found))
        return found

    def summaries(self, rows: Sequence[int] | Rows) -> list[Summary]:
        """Return what lists show of these articles, in their order."""
        found = map(self._segment_of, rows if isinstance(rows, Sequence) else rows.tolist())
        return [segment.summaries.of(local) for segment, local in found]

    def articles(self, rows: Sequence[int] | Rows) -> list[Article]:
        """Return the articles of these rows, in their order."""
        found: dict[int, Article] = {}
        for start, segment in zip(self._starts, self.segments, strict=False):
            local = [int(row - start) for row in rows if start <= row < start + segment.count]
            found.update(zip((row + int(start) for row in local), segment.store.articles(local), strict=True))
        return [found[int(row)] for row in rows]

    def by_id(self, allowed: Mask) -> Rows:
        """Return the allowed rows in the order of the articles' ids, (n,) int64, however they lie in segments."""
        named = [
            (article_id, start + row)
            for start, segment in zip(self._starts.tolist(), self.segments, strict=False)
            for row, article_id in enumerate(segment.store.ids())
            if allowed[start + row]
        ]
        return np.array([row for _, row in sorted(named)], dtype=np.int64)

    def lines(self, rows: Rows) -> list[str]:
        """Return the archive lines of (n,) rows, as they are stored."""
        found: dict[int, str] = {}
        for start, _, segment in self._parts():
            here = rows[(rows >= start) & (rows < start + segment.count)]
            found.update(zip(here.tolist(), segment.store.lines((here - start).tolist()), strict=True))
        return [found[row] for row in rows.tolist()]

    def find(self, article_id: str, allowed: Mask) -> int | None:
        """Return the row of an id, else of an alias, among the allowed rows."""
        for segment, start in zip(reversed(self.segments), self._starts[-2::-1], strict=True):
            row = segment.store.row_of(article_id)
            if row is not None and allowed[start + row]:
                return int(start + row)
        return self._named("id", article_id, allowed)

    def known(self, article_id: str) -> SnapshotVersion | None:
        """Return what is held of an id, public or not; None where there is no such article."""
        for segment in reversed(self.segments):
            state = segment.store.state_of(article_id)
            if state is not None and segment.alive[state[0]]:
                return SnapshotVersion(*state[1:])
        return None

    def row_of(self, article_id: str) -> int | None:
        """Return the row of an id, public or not, None where there is no such article."""
        for segment, start in zip(reversed(self.segments), self._starts[-2::-1], strict=True):
            row = segment.store.row_of(article_id)
            if row is not None and segment.alive[row]:
                return int(start + row)
        return None

    def answering(self, name: str) -> list[int]:
        """Return the rows, public or not, that go by an id, an alias or a URL."""
        kind, key = ("url", url_key(name)) if "/" in name else ("id", name)
        rows = [
            int(start + row)
            for segment, start in zip(self.segments, self._starts, strict=False)
            for row in segment.store.rows_named(kind, key)
            if segment.alive[row]
        ]
        own = self.row_of(name)
        return rows if own is None else [own, *rows]

    def find_url(self, url: str, allowed: Mask) -> int | None:
        """Return the row of the article that answers to a URL, the newest where several do, among the allowed."""
        return self._named("url", url_key(url), allowed)

    def all_at(self, url: str, allowed: Mask) -> list[int]:
        """Return the rows of all articles that answer to a URL, among the allowed rows."""
        return self._all_named("url", url_key(url), allowed)

    def _all_named(self, kind: str, name: str, allowed: Mask) -> list[int]:
        return [
            int(start + row)
            for start, segment in zip(self._starts, self.segments, strict=False)
            for row in segment.store.rows_named(kind, name)
            if allowed[start + row]
        ]

    def _named(self, kind: str, name: str, allowed: Mask) -> int | None:
        rows = self._all_named(kind, name, allowed)
        return max(rows, key=lambda row: (int(self.published[row]), row)) if rows else None
