"""Term vectors: how much two texts have in common word for word, as the cosine of their weighted tokens.

Between articles this says more than BM25, which is made for short queries: both sides are long, so both are weighted
and both are brought to unit length (Salton and Buckley, 1988: `ltc`). Owns the weights and their files. Knows nothing
of meaning, nor of which article a text belongs to: texts are numbered as their vectors are. A token's CRC-32 stands
for it.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.files.arrays import Rows

DIRECTORY = "terms"

TITLE = 1.0
"""What a token's standing in the title adds to the logarithm of how often it stands in the text."""

PAIR = 0.7
"""What a pair of syllables weighs beside a syllable: each pair repeats two of them."""

RARITY = 1.25
"""The power of the inverse document frequency. All three were measured on `loose` and `vims` (benchmarks/README.md)."""

COMMON = 0.3
"""Tokens in a larger share of the texts are left out: a fifth of all entries, and `loose` and `vims` lose nothing."""

MOST_SHARED = 64_000_000
"""How many entries of rare tokens are held in memory to find which texts share them; of more, the rarest."""

_TOKENS, _WEIGHTS, _STARTS = "tokens.u32", "weights.f16", "starts.npy"
_KNOWN, _COUNTS = "vocabulary.npy", "counts.npy"
_UNWEIGHED = "tokens.partial", "weights.partial"
_FEW = 20
_CHUNK = 1 << 22
_ROWS = 256
_SIEVE, _LOW = 1 << 16, np.uint32((1 << 16) - 1)
_Tokens = NDArray[np.uint32]
_Weights = NDArray[np.float32]


class TermVector(NamedTuple):
    """The weighted tokens of one text, as far as other texts have them too.

    :param tokens: (t,) uint32, sorted.
    :param weights: (t,) float32; of the whole text they have unit length.
    """

    tokens: _Tokens
    weights: _Weights


@dataclass(frozen=True)
class Vocabulary:
    """In how many texts of an archive each token stands.

    :param tokens: (v,) uint32, sorted.
    :param counts: (v,) uint32.
    :param texts: How many texts there are.
    """

    tokens: _Tokens
    counts: NDArray[np.uint32]
    texts: int

    def having(self, tokens: _Tokens) -> Rows:
        """Return in how many texts each of (t,) tokens stands, (t,) int64, 0 for one that is not known."""
        if not len(self.tokens):
            return np.zeros(len(tokens), dtype=np.int64)
        places = np.minimum(np.searchsorted(self.tokens, tokens), len(self.tokens) - 1)
        return np.where(self.tokens[places] == tokens, self.counts[places], 0).astype(np.int64)


NOTHING = Vocabulary(np.empty(0, np.uint32), np.empty(0, np.uint32), 0)


def _counted(title: Sequence[str], text: Sequence[str]) -> tuple[list[int], list[float]]:
    """Return each token of a text as a number, with what it weighs before rarity is known."""
    named, found = Counter(title), Counter(text)
    counts = np.fromiter(found.values(), dtype=np.float64, count=len(found))
    weights = 1.0 + np.log(counts) + TITLE * np.array([named[token] for token in found])
    weights *= np.where(["_" in token for token in found], PAIR, 1.0)
    return [zlib.crc32(token.encode("utf-8", "replace")) for token in found], weights.tolist()


class TermWriter:
    """Gathers the tokens of texts in two files beside each other, so that memory does not grow with the archive.

    :param directory: Is made.
    :param known: What the archive that the texts are added to knows of tokens; nothing, for an archive of its own.
    """

    def __init__(self, directory: Path, known: Vocabulary = NOTHING) -> None:
        directory.mkdir()
        self._directory, self._known = directory, known
        self._partial = [directory / name for name in _UNWEIGHED]
        self._tokens, self._weights = (path.open("wb") for path in self._partial)
        self._texts, self._lengths = array("q"), array("q")
        self._seen: dict[int, int] = {}
        self._teaching = bytearray()

    def add(self, text: int, title: Sequence[str], found: Sequence[str], teaches: bool = True) -> None:
        """Add a text, once: of articles that share a vector the first speaks for all.

        :param text: The row of its vector.
        :param title: `lexical.tokens` of its title.
        :param found: Those of title, lead and body.
        :param teaches: Whether it counts where tokens are told common from rare; what an embargo holds back does not.
        """
        if (known := self._seen.setdefault(text, len(self._texts))) < len(self._texts):
            self._teaching[known] |= teaches
            return
        self._teaching.append(teaches)
        numbers, weights = _counted(title, found)
        array("I", numbers).tofile(self._tokens)
        array("f", weights).tofile(self._weights)
        self._texts.append(text)
        self._lengths.append(len(numbers))

    def close(self, count: int) -> None:
        """Weigh every token by its rarity and write what `Terms` reads.

        A token of one text meets no other and is left out; not so of texts that are added, since more may follow.

        :param count: How many vectors there are; one whose text was not added shares nothing with any.
        """
        self._tokens.close()
        self._weights.close()
        texts, lengths = np.array(self._texts, dtype=np.int64), np.array(self._lengths, dtype=np.int64)
        ends = np.cumsum(lengths)
        of_tokens, of_weights = self._partial
        found, given = _mapped(of_tokens, np.uint32), _mapped(of_weights, np.float32)
        teaching = np.frombuffer(self._teaching, dtype=np.bool_)
        vocabulary = self._vocabulary(found, np.repeat(teaching, lengths), count)
        kept = np.zeros(count + 1, dtype=np.int64)
        with (self._directory / _TOKENS).open("wb") as tokens, (self._directory / _WEIGHTS).open("wb") as weights:
            for at in np.argsort(texts):
                part = slice(ends[at] - lengths[at], ends[at])
                vector = _weighed(found[part], given[part], vocabulary)
                tokens.write(vector.tokens.tobytes())  # `tofile` does not tell of a full disk
                weights.write(vector.weights.astype(np.float16).tobytes())
                kept[texts[at] + 1] = len(vector.tokens)
        for name, held in ((_KNOWN, vocabulary.tokens), (_COUNTS, vocabulary.counts), (_STARTS, np.cumsum(kept))):
            arrays.save(self._directory / name, held)
        del found, given
        for path in self._partial:
            path.unlink()

    def _vocabulary(self, found: _Tokens, teaches: NDArray[np.bool_], texts: int) -> Vocabulary:
        """Return the tokens that count, with how many texts have them, those of the archive added to included.

        :param teaches: (len(found),) which of them are of texts that count.
        """
        tokens, counts = _tallied(found if teaches.all() else found[teaches])
        if not self._known.texts:
            shared = counts > 1
            return Vocabulary(tokens[shared], counts[shared].astype(np.uint32), texts)
        if not teaches.all():  # what teaches nothing is still weighed by what the others teach
            own = Vocabulary(tokens, counts.astype(np.uint32), texts)
            tokens, _ = _tallied(found)
            counts = own.having(tokens)
        counts = counts + self._known.having(tokens)
        met = counts > 0
        return Vocabulary(tokens[met], counts[met].astype(np.uint32), texts + self._known.texts)


def _tallied(found: _Tokens) -> tuple[_Tokens, Rows]:
    """Return the distinct tokens, sorted, and how often each was found, (t,) int64."""
    known, counts = np.empty(0, np.uint32), np.empty(0, np.int64)
    for start in range(0, len(found), _CHUNK):
        some, times = np.unique(np.asarray(found[start : start + _CHUNK]), return_counts=True)
        merged, places = np.unique(np.concatenate([known, some]), return_inverse=True)
        counts = np.bincount(places, weights=np.concatenate([counts, times])).astype(np.int64)
        known = merged
    return known, counts


def _rarity(counts: Rows | int | float, texts: int) -> _Weights:
    missing = np.maximum(texts - counts, 0)
    return np.asarray(np.log(1 + (missing + 0.5) / (counts + 0.5)) ** RARITY, dtype=np.float32)


def _weighed(found: _Tokens, given: _Weights, vocabulary: Vocabulary) -> TermVector:
    """Return a text's vector; tokens that no other text has, or that most have, count in its length alone."""
    counts = vocabulary.having(found)
    rare = _rarity(np.maximum(counts, 1), vocabulary.texts)
    weights = given * rare
    length = max(float(np.linalg.norm(weights)), 1e-9)
    kept = np.flatnonzero((counts > 0) & (rare >= _rarity(max(COMMON * vocabulary.texts, _FEW), vocabulary.texts)))
    kept = kept[np.argsort(found[kept])]
    return TermVector(found[kept], np.asarray(weights[kept] / length, dtype=np.float32))


class Terms:
    """The term vectors of a segment's texts, mapped from disk.

    :param directory: Where `TermWriter` put them.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> NDArray[Any]:
            return arrays.mapped(directory / name)

        self._starts: Rows = load(_STARTS)
        self._tokens = _mapped(directory / _TOKENS, np.uint32)
        self._weights = _mapped(directory / _WEIGHTS, np.float16)
        if not len(self._tokens) == len(self._weights) == self._starts[-1]:
            raise ValueError(
                f"{directory}: {len(self._tokens)} tokens, {len(self._weights)} weights: expected {self._starts[-1]}"
            )
        self.vocabulary = Vocabulary(load(_KNOWN), load(_COUNTS), self.count)

    @property
    def count(self) -> int:
        """Return the number of texts."""
        return len(self._starts) - 1

    def of(self, text: int) -> TermVector:
        """Return the vector of a text of the segment."""
        part = slice(self._starts[text], self._starts[text + 1])
        return TermVector(self._tokens[part], self._weights[part].astype(np.float32))

    def of_draft(self, title: Sequence[str], found: Sequence[str]) -> TermVector:
        """Return the vector of a text that the segment does not have.

        :param title: `lexical.tokens` of its title.
        :param found: Those of title, lead and body.
        """
        numbers, given = _counted(title, found)
        return _weighed(np.array(numbers, dtype=np.uint32), np.array(given, dtype=np.float32), self.vocabulary)

    def similarities(self, vector: TermVector, texts: Rows) -> NDArray[np.float32]:
        """Return the cosine of each of (n,) texts of the segment to a text, (n,) float32 from 0 to 1.

        :param vector: Of this segment or another.
        """
        found = np.zeros(len(texts), dtype=np.float32)
        starts, ends = self._starts[texts], self._starts[texts + 1]
        filled = np.flatnonzero(ends > starts)
        if not len(filled) or not len(vector.tokens):
            return found
        parts = [slice(start, end) for start, end in zip(starts[filled], ends[filled], strict=True)]
        tokens = np.concatenate([self._tokens[part] for part in parts])
        lengths = (ends - starts)[filled]
        sieve = np.zeros(_SIEVE, dtype=np.bool_)  # most tokens are not the vector's; looking them all up takes longer
        sieve[vector.tokens & _LOW] = True
        at = sieve[tokens & _LOW].nonzero()[0]
        places = np.minimum(np.searchsorted(vector.tokens, tokens[at]), len(vector.tokens) - 1)
        same = vector.tokens[places] == tokens[at]
        at, places = at[same], places[same]
        weights = np.concatenate([self._weights[part] for part in parts])[at].astype(np.float32)
        owners = np.repeat(np.arange(len(filled)), lengths)[at]
        found[filled] = np.bincount(owners, vector.weights[places] * weights, len(filled))
        return found

    def sharing(self, most: int, best: int) -> Iterator[Rows]:
        """Yield for each text in turn up to `best` others that have most in common with it among rare tokens.

        :param most: In how many texts a token may stand to count as rare; fewer, where they would not fit in memory.
        """
        from scipy.sparse import csr_array  # needed while indexing only

        known = self.vocabulary
        by_count = np.cumsum(np.bincount(known.counts[known.counts <= most], minlength=most + 1) * np.arange(most + 1))
        most = int(np.searchsorted(by_count, MOST_SHARED, side="right")) - 1
        at, places = self._rare(most)
        entries = self._weights[at].astype(np.float32), places, np.searchsorted(at, self._starts)
        held = csr_array(entries, shape=(self.count, len(known.tokens)))
        turned = held.T.tocsr()
        for start in range(0, self.count, _ROWS):
            met = held[start : start + _ROWS] @ turned
            for row, text in enumerate(range(start, min(start + _ROWS, self.count))):
                part = slice(met.indptr[row], met.indptr[row + 1])
                others, shared = met.indices[part], met.data[part]
                if len(others) > best + 1:
                    enough = shared >= -np.partition(-shared, best)[best]
                    others, shared = others[enough], shared[enough]
                top = np.lexsort((others, -shared))[: best + 1]
                yield others[top][others[top] != text][:best].astype(np.int64)

    def _rare(self, most: int) -> tuple[Rows, NDArray[np.int32]]:
        """Return where the tokens of all texts stand that at most so many texts have, and which tokens those are."""
        known = self.vocabulary
        places: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        found = [np.empty(0, np.int64)]
        for start in range(0, len(self._tokens), _CHUNK):
            which = np.searchsorted(known.tokens, self._tokens[start : start + _CHUNK]).astype(np.int32)
            rare = np.flatnonzero(known.counts[which] <= most)
            found.append(rare + start)
            places.append(which[rare])
        return np.concatenate(found), np.concatenate(places)


def _mapped(path: Path, dtype: type) -> NDArray[Any]:
    # A plain view: each slice of np.memmap itself costs microseconds.
    return np.asarray(np.memmap(str(path), dtype=dtype, mode="r")) if path.stat().st_size else np.empty(0, dtype)
