"""Two indexes without a library: numpy compares the vectors, plain Python scores the words."""

import json
from collections import Counter
from math import log, sqrt

import numpy as np

from indexer.articles.article import Article
from indexer.articles.prepared import PreparedArticle
from indexer.index.lexical_query import ArticleTokens, Chance, tokens
from indexer.index.vectors import RAW_FILE, BuiltIndex
from indexer.text.syllables import codes, folded, stream

K1, B = 1.2, 0.75


class NumpyIndex:
    """Compares every vector with every query."""

    kinds = ("numpy",)

    def __init__(self, raw):
        self._raw = raw

    @classmethod
    def build(cls, directory):
        np.load(directory / RAW_FILE, allow_pickle=False)
        return BuiltIndex("numpy", 1.0)

    @classmethod
    def open(cls, directory):
        return cls(np.load(directory / RAW_FILE, allow_pickle=False))

    @property
    def count(self):
        return self._raw.shape[0]

    @property
    def dim(self):
        return self._raw.shape[1]

    def search(self, queries, k, allowed=None):
        rows = np.arange(self.count) if allowed is None else np.flatnonzero(allowed)
        found = []
        for query in queries:
            cosines = self.cosines(query, rows)
            best = np.argsort(-cosines, kind="stable")[: max(k, 0)]
            found.append((rows[best], cosines[best]))
        return found

    def cosines(self, query, rows):
        return (self._raw[rows] @ query).astype(np.float32)

    def reconstruct(self, rows):
        return self._raw[np.asarray(rows, dtype=np.int64)]


class Bm25Writer:
    """Gathers the tokens of each field, and writes those of one run to a file of their own."""

    def __init__(self, directory):
        directory.mkdir(exist_ok=True)
        self._parts = sorted(directory.glob("*.jsonl"))
        self._path = directory / f"{len(self._parts):06}.jsonl"
        self._lines = []
        self._before = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in self._parts)

    @property
    def count(self):
        return self._before + len(self._lines)

    def add(self, prepared, found):
        article = prepared.article
        author, tags = tokens(stream(article.author or "")), tokens(stream("\n".join(article.tags)))
        whole = [*found.text, *author, *tags, *codes(prepared.text)]
        spaced = " ".join(part for part in prepared.title_syllables if part)
        fields = {
            "exact": whole,
            "folded": [folded(token) for token in whole],
            "title": [*found.title, *tags],
        }
        self._lines.append(json.dumps({"titled": spaced, **fields}))

    def close(self):
        self._path.write_text("".join(line + "\n" for line in self._lines), encoding="utf-8")


class Bm25Index:
    """Scores every article for every query."""

    name = "bm25"
    locks = frozenset()

    @classmethod
    def writer(cls, directory):
        return Bm25Writer(directory)

    @classmethod
    def open(cls, directory, rows=None):
        lines = [line for path in sorted(directory.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
        if rows is not None and len(rows) != len(lines):
            raise ValueError(f"{directory}: {len(lines)} articles: expected {len(rows)}")
        return cls([json.loads(line) for line in lines], rows)

    def __init__(self, articles, rows):
        self._titles = [article.pop("titled") for article in articles]
        self._rows = range(len(articles)) if rows is None else rows.tolist()
        self._counted = [{field: Counter(found) for field, found in article.items()} for article in articles]
        self._lengths = {
            field: [sum(article[field].values()) for article in self._counted] for field in ("exact", "folded", "title")
        }

    @property
    def count(self):
        return len(self._titles)

    def frequency(self, term):
        return sum(term.token in article[term.field] for article in self._counted)

    def _idf(self, term):
        found = self.frequency(term)
        return term.weight * log(1 + (self.count - found + 0.5) / (found + 0.5))

    def _score(self, at, terms):
        total = 0.0
        for term in terms:
            lengths, times = self._lengths[term.field], self._counted[at][term.field][term.token]
            if times:
                norm = K1 * (1 - B + B * lengths[at] * self.count / sum(lengths))
                total += self._idf(term) * times * (K1 + 1) / (times + norm)
        return total

    def search(self, words, k, allowed):
        found = []
        for at, row in enumerate(self._rows):
            if row >= 0 and allowed[row]:
                score = sum(max((self._score(at, terms) for terms in group), default=0.0) for group in words.groups)
                if score > 0:
                    found.append((-score, row))
        found = sorted(found)[: max(k, 0)]
        return self._array(row for _, row in found), np.array([-score for score, _ in found], dtype=np.float32)

    def chance(self, words):
        mean = variance = whole = known = 0.0
        for first, *others in (group for group in words.groups if group):
            held = self._held(first)
            for term in first:
                share, score = self.frequency(term) / max(self.count, 1), self._idf(term)
                mean, variance, whole = mean + share * score, variance + share * (1 - share) * score**2, whole + score
            known += held or max(map(self._held, others), default=0.0)
        return Chance(mean, sqrt(variance), whole, known)

    def _held(self, terms):
        return sum(self._idf(term) for term in terms if self.frequency(term))

    def having(self, terms):
        found = self._where(lambda at: all(term.token in self._counted[at][term.field] for term in terms))
        return np.sort(found)

    def titled(self, title, bare):
        return self._where(lambda at: (folded(self._titles[at]) if bare else self._titles[at]) == title)

    def title_starts(self, bare, k):
        if not bare:
            return self._array(())

        def holds(at):
            held, (*whole, begun) = folded(self._titles[at]).split(), bare
            starts = range(len(held) - len(whole))
            return any(held[s : s + len(whole)] == whole and held[s + len(whole)].startswith(begun) for s in starts)

        return self._where(holds)[: max(k, 0)]

    def _where(self, holds):
        return self._array(row for at, row in enumerate(self._rows) if row >= 0 and holds(at))

    @staticmethod
    def _array(rows):
        return np.array(list(rows), dtype=np.int64)


def add(writer, title, body="", tags=""):
    """Add an article of these texts to a word index.

    :param tags: A tag a line.
    """
    article = Article.model_construct(id="a", title=title, body=body or None, tags=tags.split("\n"))
    prepared = PreparedArticle.of(article)
    writer.add(prepared, ArticleTokens.of(prepared))
