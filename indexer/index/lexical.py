"""Word search: the one module that imports tantivy. An inverted index over all articles, scored by BM25.

What counts as a token is decided in `indexer.text.syllables` for archive and query alike; tantivy is handed tokens
joined by blanks. Knows nothing of where articles come from, nor of what a reader typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import log, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur, Query

from indexer.articles.prepared import PreparedArticle
from indexer.files.arrays import Mask, Rows
from indexer.index.lexical_query import Alternative, ArticleTokens, Chance, Field, LexicalQuery, Term, with_pairs
from indexer.text.syllables import codes, folded, spelt, stream

_HEAP = 512 * 2**20
"""Bytes that tantivy gathers before it writes a part; one part keeps rows and documents in one order."""

_LONGEST_BEGUN = 100
"""How many letters of a begun word are looked at; tantivy refuses patterns of over 1,000 states, some a letter."""

_FIELDS: tuple[Field, ...] = ("exact", "folded", "title")
_WHOLE = "whole_title"
_TYPED = "typed_title"
_PHRASE = "title_words"


@cache
def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for searched in _FIELDS:
        builder.add_text_field(searched, tokenizer_name="whitespace", index_option="freq")
    for field in (_WHOLE, _TYPED):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(_PHRASE, tokenizer_name="whitespace", index_option="position")
    builder.add_unsigned_field("row", fast=True)
    return builder.build()


def _syllables(text: str) -> list[str]:
    return [spelt(word) for word in stream(text)]


@contextmanager
def _disk_errors_told() -> Iterator[None]:
    """Have tantivy's errors while it writes be what they are: of the disk. It raises ValueError for whatever it is."""
    try:
        yield
    except ValueError as error:
        raise OSError(f"the word index cannot be written: {error}") from error


class TantivyWriter:
    """Writes the word index of an archive; articles are numbered in the order in which they are added.

    Where there is an index already it is added to: tantivy replaces files and never writes into one, so that they may
    be shared with another snapshot.

    :param directory: Is made where it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.count = 0
        """How many articles were ever added."""
        with _disk_errors_told():
            if directory.is_dir():
                index = tantivy.Index.open(str(directory))
                self.count = index.searcher().num_docs
            else:
                directory.mkdir()
                index = tantivy.Index(_schema(), path=str(directory))
            # One thread: with more, documents of equal score would change places from build to build.
            self._writer = index.writer(heap_size=_HEAP, num_threads=1)

    def add(self, prepared: PreparedArticle, found: ArticleTokens) -> None:
        """Add the next article. It is found by its text, its author and its tags.

        :param found: The tokens of its text.
        """
        article, whole = prepared.article, codes(prepared.text)
        tags = _syllables("\n".join(article.tags))
        others = ["", *_syllables(article.author or ""), "", *tags]
        spaced = " ".join(part for part in prepared.title_syllables if part)
        bare = folded(spaced)
        document = tantivy.Document()
        parts = [*prepared.syllables, *others]
        bare_parts = [folded(part) for part in parts]  # then paired: most were met before, pairs were not
        document.add_text("exact", " ".join([*found.text, *with_pairs(others), *whole]))
        document.add_text("folded", " ".join([*with_pairs(parts, bare_parts), *map(folded, whole)]))
        document.add_text("title", " ".join([*found.title, *with_pairs(tags)]))
        document.add_text(_WHOLE, spaced)
        document.add_text(_TYPED, bare)
        document.add_text(_PHRASE, bare)
        document.add_unsigned("row", self.count)
        with _disk_errors_told():
            self._writer.add_document(document)
        self.count += 1

    def close(self) -> None:
        """Write everything to disk."""
        with _disk_errors_told():
            self._writer.commit()
            self._writer.wait_merging_threads()
        for name in TantivyIndex.locks:
            (self._directory / name).unlink(missing_ok=True)


class TantivyIndex:
    """The word index of an archive by tantivy, mapped from disk (`protocols.LexicalIndex`).

    :param directory: Where `TantivyWriter` put it.
    :param rows: (articles ever added,) int32, the row that each has now, -1 for none; None where it is its number.
    """

    name: ClassVar[str] = "tantivy"
    locks: ClassVar[frozenset[str]] = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})

    @classmethod
    def writer(cls, directory: Path) -> TantivyWriter:
        """Return what writes an index there, or adds to the one that is there."""
        return TantivyWriter(directory)

    @classmethod
    def open(cls, directory: Path, rows: NDArray[np.int32] | None = None) -> TantivyIndex:
        """Open the index that lies there."""
        return cls(directory, rows)

    def __init__(self, directory: Path, rows: NDArray[np.int32] | None = None) -> None:
        self._schema = _schema()
        self._row = rows
        try:
            self._searcher = tantivy.Index.open(str(directory)).searcher()
        except ValueError:  # perhaps since tantivy writes a lock where it reads, which this process may not
            with TemporaryDirectory() as aside:
                for path in directory.iterdir():
                    (Path(aside) / path.name).symlink_to(path.absolute())
                self._searcher = tantivy.Index.open(aside).searcher()

        if rows is not None and len(rows) != self.count:
            raise ValueError(f"{directory}: {self.count} articles: expected {len(rows)}, as rows are known of")

    @property
    def count(self) -> int:
        """Return how many articles were ever added."""
        return self._searcher.num_docs

    def chance(self, words: LexicalQuery) -> Chance:
        """Return what scores unrelated articles get, from how common each token is.

        Each article is taken to have each token by chance, with the token's share of the archive, independently of the
        others, and once at average length, where BM25 is the token's inverse document frequency.
        """
        mean = variance = whole = known = 0.0
        for group in words.groups:
            held = 0.0
            for share, score in map(self._by_chance, group[0]):
                mean += share * score
                variance += share * (1 - share) * score**2
                whole += score
                held += score if share else 0.0
            # Where the archive has not what was typed, what stands in for it is all that an article can have.
            known += held or max((self._held(other) for other in group[1:]), default=0.0)
        return Chance(mean, sqrt(variance), whole, known)

    def _by_chance(self, term: Term) -> tuple[float, float]:
        """Return the share of the articles that have a token, and its score, once in one of average length."""
        found, n = self._searcher.doc_freq(term.field, term.token), max(self.count, 1)
        return found / n, term.weight * log(1 + (n - found + 0.5) / (found + 0.5))

    def _held(self, terms: Alternative) -> float:
        return sum(score for share, score in map(self._by_chance, terms) if share)

    def search(self, words: LexicalQuery, k: int, allowed: Mask) -> tuple[Rows, NDArray[np.float32]]:
        """Return the allowed articles that match best.

        :param allowed: (articles,) bool.
        :return: (n,) int64 rows and (n,) float32 scores, best first, ties by row; k at least where as many match.
        """
        if not words or k < 1 or not self.count:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        query = self._query(words)
        wanted = min(k, self.count)  # tantivy makes room for as many as it is asked for
        while True:
            hits = self._searcher.search(query, wanted, count=False).hits
            rows = self._rows(hits)
            kept = (rows >= 0) & allowed[rows]
            if wanted == self.count or len(hits) < wanted or np.count_nonzero(kept) >= k:
                break
            wanted = min(wanted * 8, self.count)
        scores = np.fromiter((score for score, _ in hits), np.float32, len(hits))
        rows, scores = rows[kept], scores[kept]
        # Tantivy orders by score, ties by document. Only renumbered rows can put ties out of the order of rows.
        if not ((scores[:-1] == scores[1:]) & (rows[:-1] > rows[1:])).any():
            return rows, scores
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def _rows(self, hits: Sequence[tuple[float, tantivy.DocAddress]]) -> Rows:
        """Return the row of each of (n,) hits, -1 where the article is gone or was written anew."""
        numbers = self._searcher.fast_field_values("row", [address for _, address in hits])
        rows = np.array(numbers, dtype=np.int64)
        return rows if self._row is None else self._row[rows].astype(np.int64)

    def _found(self, query: Query, wanted: int) -> Rows:
        """Return up to `wanted` articles; what is gone or was written anew since does not stand in the way."""
        asked = wanted
        while True:
            hits = self._searcher.search(query, asked, count=False).hits
            rows = self._rows(hits)
            rows = rows if self._row is None else rows[rows >= 0]
            if len(rows) >= wanted or len(hits) < asked or asked >= self.count:
                return rows[:wanted]
            asked = min(asked * 8, self.count)

    def _query(self, words: LexicalQuery) -> Query:
        return _any([_most([_any(list(map(self._term, terms))) for terms in group]) for group in words.groups])

    def _term(self, term: Term) -> Query:
        query = Query.term_query(self._schema, term.field, term.token, "freq")
        return query if term.weight == 1.0 else Query.boost_query(query, term.weight)

    def frequency(self, term: Term) -> int:
        """Return in how many articles a token stands."""
        return int(self._searcher.doc_freq(term.field, term.token))

    def having(self, terms: Sequence[Term]) -> Rows:
        """Return the articles that have all of these tokens, (n,) int64, sorted."""
        query = Query.boolean_query([(Occur.Must, self._term(term)) for term in terms])
        return np.sort(self._found(query, max(self.count, 1)))

    def titled(self, title: str, bare: bool) -> Rows:
        """Return the articles of exactly this title, (n,) int64.

        :param title: Its syllables with one blank between, without diacritics where `bare`.
        """
        field = _TYPED if bare else _WHOLE
        wanted = self._searcher.doc_freq(field, title)  # all: which of them may be seen is not known here
        if not wanted:
            return np.empty(0, np.int64)
        return self._found(Query.term_query(self._schema, field, title, "basic"), wanted)

    def title_starts(self, bare: Sequence[str], k: int) -> Rows:
        """Return up to k articles in whose titles these words follow each other, the last one perhaps only begun.

        :param bare: Syllables without diacritics.
        """
        if not bare or k < 1 or not self.count:
            return np.empty(0, np.int64)
        wanted = min(k, self.count)
        *whole, begun = map(re.escape, bare)
        if not whole:
            begun = re.escape(bare[0][:_LONGEST_BEGUN])
            query = Query.regex_query(self._schema, _PHRASE, begun + ".*")
            return self._found(query, wanted)
        try:
            query = Query.regex_phrase_query(self._schema, _PHRASE, [*whole, begun + ".*"])
            return self._found(query, wanted)
        except ValueError:  # over 16,384 words begin so; this looks at the first 50, which is too few for letters
            query = Query.phrase_prefix_query(self._schema, _PHRASE, list(bare))
            return self._found(query, wanted)


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _most(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)
