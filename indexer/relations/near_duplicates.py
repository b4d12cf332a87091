"""Near-duplicates: one text told again with small edits, cut, retitled or updated; not one event told twice.

Lead and body are sketched by MinHash over their shingles: the least hash of each bucket under one permutation (Li,
Owen and Zhang, "One Permutation Hashing", NIPS 2012), empty buckets left empty. Shingles that many articles share are
boilerplate and say nothing; figures tell the days of a daily item apart. Owns the sketches, their files, the rule and
the groups. Which pairs are worth a look is told from outside. Knows nothing of vectors or rankings.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.files.arrays import Mask, Rows
from indexer.text.syllables import spelt

WordSequence = Sequence[str]
"""As `text.syllables.stream` gives them. Ends of clauses do not count: punctuation and paragraphs may change."""

HashValues = NDArray[np.uint32]
Bits = NDArray[np.uint64]
Hours = NDArray[np.float64]

SIZE = 128
"""Buckets of a sketch. A lead of 35 syllables keeps nearly all of its shingles there, a long text a sample."""

SHINGLE = 3
"""Syllables of a shingle; of 1 to 4, three tell copies from second tellings best (benchmarks/README.md)."""

EMPTY, COMMON = np.uint32(0xFFFFFFFF), np.uint32(0xFFFFFFFE)
"""Stand in a bucket without a shingle, and in one whose shingle is boilerplate."""

LEAST_WORDS = 12
"""A text of fewer syllables is compared together with its title, which else does not count: reprints change it."""

_HOLDERS, _HOLDING = 20, 1000
_HEAD = 60
_LONGEST = 32  # a longer word is none of the language: the cache, and so memory, holds none of them
_BUCKET_BITS = SIZE.bit_length() - 1
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_FIGURES, _WORDS = 256, 512
_DAY_TIMES = frozenset(("sáng", "trưa", "chiều", "tối"))
_TEXT_FIGURES, _TITLE_FIGURES, _TITLE_WORDS, _TEXT_WORDS = slice(0, 4), slice(4, 8), slice(8, 16), slice(16, 24)
_MARKS = 24
_FILES = ("values", "marks", "boilerplate")
_UNDATED, _HOUR = np.iinfo(np.int64).min, 3600 * 1_000_000
_CHUNK = 1 << 14
_FIRST = SIZE // 2


@dataclass(frozen=True)
class Sketches:
    """What is kept of n articles to recognise their near-duplicates.

    :param values: (n, SIZE) uint32, the least hash of each bucket, or EMPTY, or COMMON.
    :param marks: (n, 24) uint64, sets as bits: figures of text and title, words of title and text.
    :param boilerplate: (c,) uint64, sorted: bucket << 32 | value of each shingle that is COMMON.
    """

    values: HashValues
    marks: Bits
    boilerplate: Bits

    def __len__(self) -> int:
        return len(self.values)


def _hash(word: str) -> int:
    kept = len(word) <= _LONGEST and word.isalpha()  # of numbers there is no end
    return _hashed(word) if kept else _hashed.__wrapped__(word)


@lru_cache(maxsize=1 << 14)
def _hashed(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(spelt(word).encode("utf-8", "replace"), digest_size=8).digest(), "little")


def shingles(words: WordSequence) -> Bits:
    """Return the distinct shingles of a text as hashes, (m,) uint64, sorted; the same in every process.

    A text shorter than a shingle is one.
    """
    hashes = np.array([_hash(word) for word in words if word], dtype=np.uint64)
    if not len(hashes):
        return hashes
    width = min(SHINGLE, len(hashes))
    mixed = np.zeros(len(hashes) - width + 1, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS[:width]):
        mixed += hashes[place : place + len(mixed)] * factor
    # The finaliser of MurmurHash3 (Appleby): every bit of the words reaches the leading bits, which choose the bucket.
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * factor
    return np.unique(mixed ^ (mixed >> np.uint64(33)))


def signature(words: WordSequence) -> HashValues:
    """Return the least hash of each bucket, (SIZE,) uint32, EMPTY where there is none."""
    found = shingles(words)
    values = np.full(SIZE, EMPTY, dtype=np.uint32)
    buckets = (found >> np.uint64(64 - _BUCKET_BITS)).astype(np.intp)
    least = (found >> np.uint64(32 - _BUCKET_BITS)).astype(np.uint32)
    first = np.flatnonzero(np.diff(buckets, prepend=-1))  # sorted, so that the first of a bucket is its least
    values[buckets[first]] = np.minimum(least[first], COMMON - np.uint32(1))
    return values


def _figures(words: WordSequence) -> int:
    """Return a set of numbers and times of day, and of two numbers with a word between at most: 2 tháng 3, 2.3.

    Without the pairs, the figures of 3 tháng 3 would be among those of 2 tháng 3.
    """
    bits, before, gap = 0, "", 0
    for word in filter(None, words):
        if word in _DAY_TIMES:
            bits |= 1 << _figure(word)
        elif any(letter.isdecimal() for letter in word):
            number = spelt(word)
            bits |= 1 << _figure(number) | (1 << _figure(f"{before}-{number}") if before and gap < 2 else 0)
            before, gap = number, 0
        else:
            gap += 1
    return bits


def _figure(figure: str) -> int:
    """Return the bit of a figure: days, months and small counts have one each, others share the rest."""
    if len(figure) <= 2 and figure.isdecimal():
        return int(figure)
    return 100 + _hash(figure) % (_FIGURES - 100)


def _words(words: WordSequence) -> int:
    bits = 0
    for word in words:
        if word and not any(letter.isdecimal() for letter in word):
            bits |= 1 << _hash(word) % _WORDS
    return bits


def marks(title: WordSequence, text: WordSequence) -> Bits:
    """Return the figures of text and title and the words of title and text as sets of bits, (24,) uint64.

    Of the text its head counts, where a daily item says what is new.
    """
    head = text[:_HEAD]
    bits = _figures(head) | _figures(title) << _FIGURES
    bits |= (_words(title) | _words(head) << _WORDS) << 2 * _FIGURES
    return np.frombuffer(bits.to_bytes(8 * _MARKS, "little"), dtype="<u8").astype(np.uint64)


class SketchWriter:
    """Gathers the sketches of articles added in row order, 704 bytes an article."""

    def __init__(self) -> None:
        self._values, self._marks = array("I"), array("Q")

    def add(self, title: WordSequence, text: WordSequence) -> None:
        """Add the article of the next row: the words of its title, and those of its lead and body."""
        spoken = sum(1 for word in text if word)
        self._values.frombytes(signature(text if spoken >= LEAST_WORDS else [*title, *text]).tobytes())
        self._marks.frombytes(marks(title, text).tobytes())

    def sketches(self, boilerplate: Bits | None = None) -> Sketches:
        """Return the sketches of all articles added, and forget them: there is one copy in memory.

        :param boilerplate: That of the archive which they are compared with; None to find it among themselves.
        """
        values = np.frombuffer(self._values, dtype=np.uint32).reshape(-1, SIZE)
        marks_held = np.frombuffer(self._marks, dtype=np.uint64).reshape(-1, _MARKS)
        self._values, self._marks = array("I"), array("Q")
        found = _boilerplate(values) if boilerplate is None else boilerplate
        _blank(values, found)
        return Sketches(values, marks_held, found)

    def write(self, directory: Path, boilerplate: Bits | None = None) -> Sketches:
        """Write one .npy file for each array, and return the sketches.

        :param boilerplate: As of `sketches`.
        """
        sketches = self.sketches(boilerplate)
        for name in _FILES:
            arrays.save(f"{directory}/sketch_{name}.npy", getattr(sketches, name))
        return sketches


def read_sketches(directory: Path) -> Sketches:
    """Return the sketches that `SketchWriter.write` wrote, mapped from disk."""
    return Sketches(*(arrays.mapped(f"{directory}/sketch_{name}.npy") for name in _FILES))


def draft(title: WordSequence, text: WordSequence, boilerplate: Bits) -> Sketches:
    """Return the sketch of a text that is not in the archive, of one row.

    :param boilerplate: That of the archive it is compared with.
    """
    writer = SketchWriter()
    writer.add(title, text)
    return writer.sketches(boilerplate)


def _boilerplate(values: HashValues) -> Bits:
    """Return the shingles that more than 20 of (n, SIZE) sketches hold, in a large archive more than one of 1,000."""
    most = max(_HOLDERS, len(values) // _HOLDING)
    found = []
    for bucket in range(SIZE):
        held, holders = np.unique(values[:, bucket], return_counts=True)
        common = held[(holders > most) & (held < COMMON)]
        found.append(common.astype(np.uint64) | np.uint64(bucket << 32))
    return np.concatenate(found)


def _blank(values: HashValues, boilerplate: Bits) -> None:
    starts = np.searchsorted(boilerplate, np.arange(SIZE + 1, dtype=np.uint64) << np.uint64(32))
    for bucket in np.flatnonzero(np.diff(starts)):
        column = values[:, bucket]
        column[np.isin(column, boilerplate[starts[bucket] : starts[bucket + 1]].astype(np.uint32))] = COMMON


def overlaps(left: HashValues, right: HashValues) -> Rows:
    """Return how many buckets two texts share, and how many each has to itself, boilerplate left out.

    The least of a bucket is of both texts if it is equal, else of that alone whose it is. So the counts are in
    proportion to the shingles of both, of the left alone and of the right alone, whatever the lengths.

    :param left: (m, SIZE) uint32.
    :param right: (m, SIZE) uint32.
    :return: (m, 3) int64: both, left alone, right alone.
    """
    known = (left != COMMON) & (right != COMMON)
    both = (left == right) & known & (left != EMPTY)
    return np.stack([both.sum(axis=1), ((left < right) & known).sum(axis=1), ((right < left) & known).sum(axis=1)], 1)


LEAST_SHARED = 8
"""Buckets; less is chance or a name."""

SHARED = np.array([16, 40])
ALIKE = np.array([0.55, 0.42, 0.52])
CONTAINED = np.array([0.76, 0.62, 0.74])
"""What near-duplicates share of all that they say (Jaccard), or of the shorter text, by how many buckets they share.

Below 16 it is half of a short lead, where names weigh much; from 40 on both are long texts, and two newspapers that
tell one event may quote the same statements at length.
"""

UPDATED_ALIKE, UPDATED_CONTAINED = 0.3, 0.5
"""The same for two readings of one item, which have one source and one time of publication."""

UPDATED_HOURS = 18.0
"""A newspaper updates its text within these; what repeats it later is a follow-up or a column, unless retold whole."""

SAME_TITLE, RETOLD = 0.65, 0.9
"""What title and text then have to share."""

SAME_BUT_FIGURES = 0.93
"""What the shorter of two long texts shares where both have figures that the other has not: one was edited."""


def duplicates(left: Sketches, right: Sketches, pairs: Rows, gaps: Hours | None = None) -> Mask:
    """Return which pairs are near-duplicates, (m,) bool.

    :param left: Of the archive, or a draft.
    :param right: Of the archive; the same object as `left` within one archive.
    :param pairs: (m, 2) rows of left and right.
    :param gaps: (m,) hours between the publications of two texts of one source; NaN where there are two sources, or a
        time is not known. None is all NaN.
    """
    found = np.zeros(len(pairs), dtype=np.bool_)
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows, others = pairs[part, 0], pairs[part, 1]
        # Most pairs share nothing in half of the buckets, nor a title, and need no second look.
        one, two = left.values[rows, :_FIRST], right.values[others, :_FIRST]
        looked_at = ((one == two) & (one < COMMON)).any(axis=1)
        looked_at |= left.marks[rows, _TITLE_WORDS.start] == right.marks[others, _TITLE_WORDS.start]
        kept = np.flatnonzero(looked_at)
        rows, others = rows[kept], others[kept]
        apart = np.full(len(kept), np.nan) if gaps is None else gaps[part][kept]
        shares = overlaps(left.values[rows], right.values[others])
        found[start + kept] = _rule(shares, left.marks[rows], right.marks[others], apart)
    return found


def alike(left: Sketches, row: int, right: Sketches, others: Rows) -> Rows:
    """Return the places of those of (n,) articles that may be near-duplicates of one; the others are none.

    :param row: Of the left.
    :param others: Of the right.
    """
    one = left.values[row]
    known = one < COMMON
    same = right.values[others] == one
    if int(np.count_nonzero(known)) < LEAST_SHARED:  # so little can only be the same
        return np.flatnonzero(same.all(axis=1))
    shared = same.view(np.uint8) @ known.view(np.uint8)  # SIZE at most
    return np.flatnonzero(shared >= LEAST_SHARED)


def _rule(shares: Rows, left: Bits, right: Bits, gaps: Hours) -> Mask:
    """Return which of (m, 3) overlaps with (m, 24) marks are of near-duplicates."""
    both, alone, other = shares.T
    alike = both / np.maximum(both + alone + other, 1)
    contained = both / np.maximum(both + np.minimum(alone, other), 1)
    length = np.searchsorted(SHARED, both, side="right")
    told = (alike >= ALIKE[length]) | (contained >= CONTAINED[length])
    titles = _shared_words(left[:, _TITLE_WORDS], right[:, _TITLE_WORDS])
    late = gaps > UPDATED_HOURS  # NaN is not
    told &= ~late | ((titles >= SAME_TITLE) & (contained >= RETOLD))
    # Of long texts the words say more than a figure or a title.
    long = length == len(SHARED)
    told &= ~_at_odds(left[:, _TEXT_FIGURES], right[:, _TEXT_FIGURES]) | (long & (contained >= SAME_BUT_FIGURES))
    told &= ~_other_subjects(left, right) | long
    # Titles alike but for their figures are parts, days and rounds of one thing.
    told &= (titles < 0.5) | ~_at_odds(left[:, _TITLE_FIGURES], right[:, _TITLE_FIGURES])
    told |= (gaps == 0) & ((alike >= UPDATED_ALIKE) | (contained >= UPDATED_CONTAINED))
    same = (alone + other == 0) & (left == right).all(axis=1)
    return np.asarray(((both >= LEAST_SHARED) & told) | same)


def _at_odds(left: Bits, right: Bits) -> Mask:
    """Return where either set has what the other has not."""
    return np.asarray((left & ~right).any(axis=1) & (right & ~left).any(axis=1))


def _other_subjects(left: Bits, right: Bits) -> Mask:
    """Return where each has words that its title and its text both say and the other nowhere, three of them at least.

    One word alone may be an edit, or two words of one bit.
    """
    mine, yours = left[:, _TITLE_WORDS] & left[:, _TEXT_WORDS], right[:, _TITLE_WORDS] & right[:, _TEXT_WORDS]
    all_mine, all_yours = left[:, _TITLE_WORDS] | left[:, _TEXT_WORDS], right[:, _TITLE_WORDS] | right[:, _TEXT_WORDS]
    only_mine = np.bitwise_count(mine & ~all_yours).sum(axis=1)
    only_yours = np.bitwise_count(yours & ~all_mine).sum(axis=1)
    return np.asarray((np.minimum(only_mine, only_yours) >= 1) & (only_mine + only_yours >= 3))


def _shared_words(left: Bits, right: Bits) -> NDArray[np.float64]:
    """Return what (m, 8) sets of words share of all their words (Jaccard)."""
    shared, together = np.bitwise_count(left & right).sum(axis=1), np.bitwise_count(left | right).sum(axis=1)
    return np.asarray(shared / np.maximum(together, 1))


def gaps(pairs: Rows, source: NDArray[np.integer[Any]], published: Rows) -> Hours:
    """Return what `duplicates` takes as gaps for (m, 2) pairs of rows.

    Midnight in Vietnam is mostly a day without a time: two texts of one midnight may be two items of one day.

    :param source: (n,) codes, -1 where there is none.
    :param published: (n,) int64 microseconds since 1970, the smallest int64 where there is none.
    """
    left, right = pairs[:, 0], pairs[:, 1]
    known = (source[left] == source[right]) & (source[left] >= 0)
    known &= (published[left] != _UNDATED) & (published[right] != _UNDATED)
    known &= (published[left] != published[right]) | ((published[left] + 7 * _HOUR) % (24 * _HOUR) != 0)
    hours = np.full(len(pairs), np.nan)
    hours[known] = np.abs(published[left[known]] - published[right[known]]) / _HOUR
    return hours


def near(sketches: Sketches, neighbours: NDArray[np.int32], source: NDArray[np.integer[Any]], published: Rows) -> Rows:
    """Return the near-duplicate pairs among articles and their neighbours, (p, 2), each once, the lesser row first.

    :param neighbours: (n, k) int32 rows, padded with -1.
    :param source: (n,) codes, -1 where there is none.
    :param published: (n,) int64 microseconds since 1970, the smallest int64 where there is none.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    step = max(1, _CHUNK // max(neighbours.shape[1], 1))
    for start in range(0, len(neighbours), step):
        block = neighbours[start : start + step].astype(np.int64)
        rows = np.repeat(np.arange(start, start + len(block)), block.shape[1])
        pairs = np.stack([rows, block.ravel()], axis=1)
        pairs = pairs[(pairs[:, 1] >= 0) & (pairs[:, 1] != pairs[:, 0])]
        kept = duplicates(sketches, sketches, pairs, gaps(pairs, source, published))
        found.append(np.sort(pairs[kept], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def groups(count: int, pairs: Rows, first: Rows | None = None) -> NDArray[np.int32]:
    """Return for each article the row that stands for its group, its own where it has no near-duplicate, (n,) int32.

    Groups are stars: every member is a near-duplicate of the one that stands for it, so that chains do not run together
    what is not alike. Articles with the most near-duplicates come first (Aslam, Pelekhov and Rus, "The Star Clustering
    Algorithm", 2004), ties by `first`.

    :param pairs: (p, 2) rows, each pair once.
    :param first: (n,) which of two comes first, the lesser; rows, if None.
    """
    heads = np.arange(count, dtype=np.int32)
    degrees = np.bincount(pairs.ravel(), minlength=count)
    linked: dict[int, list[int]] = {}
    for left, right in pairs.tolist():
        linked.setdefault(left, []).append(right)
        linked.setdefault(right, []).append(left)
    held = np.array(sorted(linked), dtype=np.int64)
    ranks = held if first is None else first[held]
    taken: set[int] = set()
    for row in held[np.lexsort((ranks, -degrees[held]))].tolist():
        if row not in taken:
            members = [row, *(other for other in linked[row] if other not in taken)]
            heads[members] = row
            taken.update(members)
    return heads
