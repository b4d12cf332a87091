"""The archive's language model: its syllables, their spellings, and which follow which.

Owns the tables for restoring diacritics and repairing typing slips: a trigram model of syllables with
interpolated Kneser-Ney smoothing (Kneser and Ney, 1995; Chen and Goodman, 1999, section 2.7), counted while indexing.
A small prior of common phrases serves archives with little text. Knows nothing of queries.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.files import arrays
from indexer.text.syllables import folded, spelt

Ids = NDArray[np.int64]
Logs = NDArray[np.floating]
_PairKeys = NDArray[np.uint64]

MAX_TOKENS = 60_000_000
"""The most tokens that are counted. More would change no decision, and cost memory while indexing."""

_KEEP_SINGLE = 20_000_000
"""Up to this many tokens, trigrams seen once are kept. They are a third of the tables' size and avoid a tenth of the
errors."""

_SHIFT = 21
_MASK = np.uint64((1 << 21) - 1)
_MAX_WORDS = 1 << 21
BREAK = 0
"""The id of the end of a clause."""

NUMBER = 1
"""The id that all words with a digit share."""

WORDS_FILE = "words.txt"
_ARRAYS = ("counts", "unigram", "backoff", "bigram_keys", "bigram", "bigram_backoff", "trigram_keys", "trigram")


class LanguageWriter:
    """Counts the tokens of an archive, and writes the tables."""

    def __init__(self) -> None:
        self._forms: dict[str, int] = {"": BREAK, "0": NUMBER}
        self._tokens = array("I")

    def add(self, words: Iterable[str]) -> None:
        """Add a text: `syllables.stream` of it."""
        if len(self._tokens) >= MAX_TOKENS:
            return
        forms = self._forms
        self._tokens.append(BREAK)
        for word in words:
            form = forms.get(word)
            if form is None:
                form = forms[word] = NUMBER if not word.isalpha() else len(forms)
            self._tokens.append(form)

    def write(self, directory: Path) -> None:
        """Write the tables into a new directory."""
        directory.mkdir()
        self._tokens.extend([BREAK] * 3)  # so that no table is empty
        forms = np.frombuffer(self._tokens, dtype=np.uint32)
        words, of_form, shown = self._words(np.bincount(forms, minlength=len(self._forms) + 1))
        tables = _count(of_form[forms], len(words))
        (directory / WORDS_FILE).write_text("\n".join(f"{w}\t{s}" for w, s in zip(words, shown, strict=True)), "utf-8")
        for name, table in zip(_ARRAYS, tables, strict=True):
            arrays.save(f"{directory}/{name}.npy", table)

    def _words(self, counts: NDArray[np.int64]) -> tuple[list[str], _PairKeys, list[str]]:
        """Return the words in normalised spelling, the word of each form, and each word's commonest form."""
        ids: dict[str, int] = {"": BREAK, "0": NUMBER}
        shown = ["", "0"]
        of_form = np.zeros(len(counts), dtype=np.uint64)
        for form, at in sorted(self._forms.items(), key=lambda item: (-int(counts[item[1]]), item[0])):
            if at in (BREAK, NUMBER):
                of_form[at] = at
                continue
            word = spelt(form)
            known = ids.get(word)
            if known is None and len(ids) < _MAX_WORDS:
                known = ids[word] = len(ids)
                shown.append(form)
            of_form[at] = BREAK if known is None else known
        return list(ids), of_form, shown


def _discounted(
    counts: Ids, context: Ids, contexts: int, lower: NDArray[np.float64], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the interpolated probability of each n-gram, and the weight of the lower order in each context.

    The discount is n1 / (n1 + 2 n2), where n1 and n2 are the numbers of n-grams counted once and twice (Ney et al.,
    1994). N-grams that are not kept give their whole count to the lower order.
    """
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    total = np.bincount(context, weights=counts, minlength=contexts)
    given_up = np.bincount(context, weights=np.where(kept, discount, counts), minlength=contexts)
    backoff = np.divide(given_up, total, out=np.ones(contexts), where=total > 0)
    return np.maximum(counts - discount, 0) / total[context] + backoff[context] * lower, backoff


def _count(tokens: _PairKeys, words: int) -> list[NDArray[np.generic]]:
    counts = np.bincount(tokens.astype(np.int64), minlength=words)
    pairs = (tokens[:-1] << _SHIFT) | tokens[1:]
    bigrams = np.unique(pairs)
    rows = np.searchsorted(bigrams, pairs).astype(np.uint64)
    trigrams, seen = np.unique((rows[:-1] << _SHIFT) | tokens[2:], return_counts=True)
    first = (trigrams >> _SHIFT).astype(np.int64)
    last = trigrams & _MASK
    suffix = np.searchsorted(bigrams, ((bigrams[first] & _MASK) << _SHIFT) | last)
    # Lower orders count the contexts of an n-gram, not its occurrences.
    before_pair = np.maximum(np.bincount(suffix, minlength=len(bigrams)), 1)
    second = (bigrams & _MASK).astype(np.int64)
    before_word = np.bincount(second, minlength=words).astype(np.float64)
    unigram = (before_word + 0.5) / (before_word.sum() + 0.5 * words)
    every = np.ones(len(bigrams), dtype=np.bool_)
    bigram, backoff = _discounted(before_pair, (bigrams >> _SHIFT).astype(np.int64), words, unigram[second], every)
    kept = seen > (0 if len(tokens) <= _KEEP_SINGLE else 1)
    trigram, pair_backoff = _discounted(seen, first, len(bigrams), bigram[suffix], kept)
    logs = [np.log(table).astype(np.float32) for table in (unigram, backoff, bigram, pair_backoff, trigram[kept])]
    return [counts, logs[0], logs[1], bigrams, logs[2], logs[3], trigrams[kept], logs[4]]


class Pairs(NamedTuple):
    """The model's values for (n,) pairs of successive words.

    :param score: (n,) float32 log probabilities of the second word after the first.
    :param row: (n,) int64 rows of their bigrams, -1 for a pair that the archive does not have.
    :param backoff: (n,) float32 log weights of the second word's own followers among those of the pair.
    """

    score: Logs
    row: Ids
    backoff: Logs


class Language:
    """The tables of a snapshot, mapped from disk.

    :param directory: Where `LanguageWriter.write` put them.
    :raises ValueError: if the tables do not fit together.
    """

    def __init__(self, directory: Path) -> None:
        def load(name: str) -> NDArray[np.generic]:
            return arrays.mapped(f"{directory}/{name}.npy")

        parts = (directory / WORDS_FILE).read_text(encoding="utf-8").replace("\n", "\t").split("\t")
        self.words, forms = parts[::2], parts[1::2]
        pairs = zip(self.words, forms, strict=True)
        self.shown = [word if form == word else form for word, form in pairs]  # one string where both are the same
        self.counts: Ids = np.array(load("counts"), dtype=np.int64)
        self._unigram, self._backoff = np.array(load("unigram")), np.array(load("backoff"))
        self._bigram_keys, self._trigram_keys = load("bigram_keys").view(np.int64), load("trigram_keys").view(np.int64)
        self._bigram, self._pair_backoff, self._trigram = map(load, ("bigram", "bigram_backoff", "trigram"))
        if not len(self.words) == len(self.counts) == len(self._unigram):
            raise ValueError(f"{directory}: {len(self.words)} words, {len(self.counts)} counts: expected as many")
        self._ids = {word: at for at, word in enumerate(self.words)}
        self._marked = self._by_fold()

    def _by_fold(self) -> dict[str, tuple[int, ...]]:
        """Return the words behind each form without diacritics, the commonest first.

        A form whose only word is the form itself is left out; most rare words of an archive are such names.
        """
        alike: dict[str, list[int]] = {}
        for word, at in self._ids.items():
            if at > NUMBER and not word.isascii() and (fold := folded(word)) != word:
                alike.setdefault(fold, []).append(at)
        for fold, words in alike.items():
            if fold in self._ids:
                words.append(self._ids[fold])
            words.sort(key=lambda at: (-self.counts.item(at), at))
        return {fold: tuple(words) for fold, words in alike.items()}

    def id_of(self, word: str) -> int | None:
        """Return the id of a word in normalised spelling, or None. Words with digits share NUMBER."""
        return NUMBER if word and not word.isalpha() else self._ids.get(word)

    def alike(self, fold: str) -> list[int]:
        """Return the ids of the words with this form without diacritics, the commonest first."""
        marked = self._marked.get(fold)
        if marked is not None:
            return list(marked)
        at = self._ids.get(fold, BREAK)
        return [at] if at > NUMBER and folded(fold) == fold else []

    def seen(self, fold: str) -> int:
        """Return how often the archive has words with this form without diacritics."""
        return sum(map(self.counts.item, self.alike(fold)))

    @staticmethod
    def keys(before: Ids, word: Ids) -> Ids:
        """Return the key of each pair of words; both arguments and the result are (n,) int64."""
        return (before << _SHIFT) | word

    def pairs(self, before: Ids, word: Ids) -> Pairs:
        """Return the values of each word after the word before it; both arguments are (n,) int64."""
        at, there = _found(self._bigram_keys, self.keys(before, word))
        score = np.where(there, self._bigram[at], self._backoff[before] + self._unigram[word])
        return Pairs(score, np.where(there, at, -1), np.where(there, self._pair_backoff[at], 0))

    def chances(self, word: Ids) -> Logs:
        """Return the log probability of each of (n,) words without context, (n,) float32."""
        return self._unigram[word]

    def usage(self, runs: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Return how usual each run of one or more words is in the archive, (runs,) float64.

        This is the probability of the run by its pairs, times the number of the archive's words. Kneser-Ney smoothing
        counts contexts, not occurrences, so repetitions in one article do not make a run usual. A run with an unknown
        word gets 0.
        """
        ids = [[self.id_of(word) for word in run] for run in runs]
        flat = np.array([at or BREAK for run in ids for at in run], dtype=np.int64)
        starts = np.cumsum([0, *map(len, ids[:-1])])
        score = self.pairs(np.concatenate(([BREAK], flat[:-1])), flat).score.astype(np.float64)
        score[starts] = self._unigram[flat[starts]]
        known = [None not in run for run in ids]
        return np.where(known, np.exp(np.add.reduceat(score, starts)) * self.counts.sum(), 0.0)

    def after_pairs(self, row: Ids, backoff: Logs, word: Ids, lower: Logs) -> Logs:
        """Return the log probability of each word after each pair of words, (pairs, words) float32.

        :param row: (pairs,) int64, `Pairs.row`.
        :param backoff: (pairs,) float32, `Pairs.backoff`.
        :param word: (words,) int64.
        :param lower: (pairs, words) float32, each word's score after the second word of the pair alone.
        """
        at, there = _found(self._trigram_keys, (row[:, None] << _SHIFT) | word)  # row -1: a negative key, never found
        return np.where(there, self._trigram[at], backoff[:, None] + lower)


def _found(table: Ids, keys: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Return the place of each key in a sorted table, any place for a missing key, and which keys are there."""
    at = table.searchsorted(keys)
    np.minimum(at, len(table) - 1, out=at)
    return at, table[at] == keys
