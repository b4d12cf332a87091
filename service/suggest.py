"""Suggests what a reader may be about to type: titles, names, tags, sections and abbreviations of one archive.

Owns the keys by which they are found and their order. Nothing shows that only articles which are not public have: it is
handed which are. Knows nothing of requests.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from indexer.archive import Archive
from indexer.columns import Mask
from indexer.lexical import Term
from indexer.lexicon import Abbreviation
from indexer.syllables import folded, pairs, syllables
from indexer.text import match_key
from indexer.vectors import Rows

Kind = Literal["title", "name", "tag", "section", "abbreviation"]

_ORDER: tuple[Kind, ...] = ("abbreviation", "section", "name", "tag", "title")
"""Which kind comes first of those that fit equally well: the shorter lists, so that they show at all."""

_EACH = 3
"""How many of one kind there are before other kinds have had their turn."""

_LOOKED_AT = 400
"""How many entries with what was typed are looked at, the commonest first."""

_TITLES = 64
"""How many titles with what was typed are read, the newest first."""

_FOUND = 256


@dataclass(frozen=True)
class Suggestion:
    """What may be typed.

    :param id: The article's, where it is a title.
    """

    text: str
    kind: Kind
    id: str | None = None


class _Entry(NamedTuple):
    """What can be suggested.

    :param parts: Its syllables, by which it is found.
    :param short: Of an abbreviation its letters, by which it is found as well.
    :param needed: Of an abbreviation sets of tokens, each of which a public article must have.
    """

    kind: Kind
    text: str
    parts: tuple[str, ...]
    short: str = ""
    needed: tuple[tuple[str, ...], ...] = ()


class _Match(NamedTuple):
    """A suggestion and what it is ordered by; less is better."""

    misspelt: bool
    inside: bool
    kind: int
    weight: int
    text: str
    suggestion: Suggestion


class _Known(NamedTuple):
    """What the public has of the entries; worked out when another article may be seen, or one no more.

    :param weights: (entries,) int64, in how many public articles each is, 0 where it must not show.
    :param spelt: Tags and sections as public articles spell them.
    :param having: Whether public articles have the tokens that an entry needs, of those asked so far.
    """

    public: Mask
    weights: Rows
    spelt: dict[int, str]
    having: dict[int, bool]


class Suggester:
    """Suggests from one archive. Safe to use from several threads.

    :param abbreviations: Those that are known without the archive; it adds those that its articles spell out.
    """

    def __init__(self, archive: Archive, abbreviations: Iterable[Abbreviation]) -> None:
        self._archive = archive
        names = archive.knowledge.names
        self._entries = [_Entry("name", name.text, tuple(syllables(name.text))) for name in names]
        self._names = len(names)
        self._lengths = np.array([len(name.rows) for name in names], dtype=np.int64)
        start = _start_of_largest(archive)
        self._rows = np.array([row + start for name in names for row in name.rows], dtype=np.int64)
        for kind in ("tag", "section"):
            self._entries += [_Entry(kind, value, tuple(syllables(value))) for value in archive.values(kind)]
        self._entries += _abbreviations(archive, abbreviations)
        keys = sorted(self._keys())
        self._keyed = [key for key, _, _ in keys]
        self._entry = np.array([entry for _, entry, _ in keys], dtype=np.int64)
        self._inside = np.array([inside for _, _, inside in keys], dtype=np.bool_)
        self._known: _Known | None = None

    def _keys(self) -> Iterator[tuple[str, int, bool]]:
        for at, entry in enumerate(self._entries):
            bare = [folded(part) for part in entry.parts]
            starts = range(1 if entry.short else len(bare))  # a full form is typed from its start
            yield from ((" ".join(bare[start:]), at, start > 0) for start in starts)
            if entry.short:
                yield folded(entry.short), at, False

    def suggest(self, typed: str, limit: int, public: Mask) -> list[Suggestion]:
        """Return what may be meant, likeliest first.

        What is typed with diacritics comes first where it has them, at the start before within.

        :param typed: Cleaned text.
        :param public: (articles,) bool, which may be seen.
        """
        parts = syllables(typed)
        if not parts:
            return []
        matches = sorted([*self._entered(parts, public), *self._titles(parts, limit, public)], key=_place)
        shown: dict[str, _Match] = {}
        for match in matches:
            shown.setdefault(match_key(match.text), match)
        taken: list[_Match] = []
        rest: list[_Match] = []
        counts = dict.fromkeys(_ORDER, 0)
        for match in shown.values():
            kind = match.suggestion.kind
            counts[kind] += 1
            (taken if counts[kind] <= _EACH else rest).append(match)
        chosen = [*taken[:limit], *rest[: max(0, limit - len(taken))]]
        return [match.suggestion for match in sorted(chosen, key=_place)]

    def _entered(self, parts: Sequence[str], public: Mask) -> Iterator[_Match]:
        """Yield what fits but titles."""
        low, high = _range(self._keyed, " ".join(map(folded, parts)))
        known = self._seen(public)
        weights, having = known.weights, known.having
        entries, inside = self._entry[low:high], self._inside[low:high]
        shown = np.flatnonzero(weights[entries] > 0)
        order = shown[np.lexsort((-weights[entries[shown]], inside[shown]))][:_LOOKED_AT]
        for at in order.tolist():
            number = int(entries[at])
            entry = self._entries[number]
            if number not in having:
                having[number] = all(self._has(tokens, public) for tokens in entry.needed)
            if not having[number]:
                continue
            key = self._keyed[low + at].split(" ")
            spelt = _spelt_so(parts, entry.parts[len(entry.parts) - len(key) :]) or self._by_letters(parts, entry)
            text = known.spelt.get(number, entry.text)
            match = (not spelt, bool(inside[at]), _ORDER.index(entry.kind), -int(weights[number]), text)
            yield _Match(*match, Suggestion(text, entry.kind))

    @staticmethod
    def _by_letters(parts: Sequence[str], entry: _Entry) -> bool:
        """Return whether an entry is an abbreviation that begins with the letters that were typed."""
        return bool(entry.short) and len(parts) == 1 and entry.short.startswith(parts[0])

    def _seen(self, public: Mask) -> _Known:
        """Return what the public has; callers hand in the same mask until another one holds."""
        known = self._known
        if known is not None and known.public is public:
            return known
        weights = np.ones(len(self._entries), dtype=np.int64)
        ends = np.cumsum(self._lengths)
        counted = np.concatenate([[0], np.cumsum(public[self._rows])])
        weights[: self._names] = counted[ends] - counted[ends - self._lengths]
        facets = self._archive.facets(np.flatnonzero(public))
        counts = {(field, match_key(value)): (value, n) for field, found in facets.items() for value, n in found}
        spelt = {}
        for at, entry in enumerate(self._entries[self._names :], self._names):
            if not entry.short:
                spelt[at], weights[at] = counts.get((entry.kind, match_key(entry.text)), (entry.text, 0))
        self._known = known = _Known(public, weights, spelt, {})
        return known

    def _has(self, tokens: Sequence[str], public: Mask) -> bool:
        return bool(public[self._archive.having([Term("exact", token) for token in tokens])].any())

    def _titles(self, parts: Sequence[str], limit: int, public: Mask) -> Iterator[_Match]:
        """Yield public titles in which what was typed stands, one of each spelling, the newest articles'."""
        bare = [folded(part) for part in parts]
        wanted = _FOUND
        while True:
            found = self._archive.title_starts(bare, wanted)
            rows = found[public[found]]
            if len(rows) >= max(limit, _TITLES) or len(found) < wanted:
                break
            wanted *= 8  # those that are not public must not stand in the way of those that are
        newest = rows[np.lexsort((rows, ~self._archive.published[rows]))][:_TITLES]
        kind = _ORDER.index("title")
        for rank, article in enumerate(self._archive.articles(newest)):
            words = syllables(article.title)
            starts = [at for at in range(len(words) - len(bare) + 1) if _fits(bare, words[at:])]
            if not starts:
                continue
            spelt = [at for at in starts if _spelt_so(parts, words[at:])]
            suggestion = Suggestion(article.title, "title", article.id)
            yield _Match(not spelt, (spelt or starts)[0] > 0, kind, rank, article.title, suggestion)


def _place(match: _Match) -> tuple[object, ...]:
    return match[:-1]


def _start_of_largest(archive: Archive) -> int:
    """Return the row at which the segment begins whose rows names count in."""
    counts = [entry.articles for entry in archive.manifest.segments]
    return sum(counts[: counts.index(max(counts))])


def _abbreviations(archive: Archive, known: Iterable[Abbreviation]) -> list[_Entry]:
    """Return abbreviations, the archive's own last; of those a public article must have the full form as well."""
    entries: dict[tuple[str, str], _Entry] = {}
    for row in known:
        entries.setdefault((row.abbreviation, row.full), _abbreviation(row.abbreviation, row.full, ()))
    for mined in archive.knowledge.abbreviations:
        full = (*mined.full.split(), *pairs(mined.full.split()))
        entries.setdefault((mined.abbreviation, mined.full), _abbreviation(mined.abbreviation, mined.full, (full,)))
    return list(entries.values())


def _abbreviation(short: str, full: str, needed: tuple[tuple[str, ...], ...]) -> _Entry:
    parts = syllables(short)
    tokens = (*parts, *pairs(parts))
    return _Entry("abbreviation", f"{short} – {full}", tuple(full.split()), "".join(parts), (tokens, *needed))


def _range(keys: Sequence[str], prefix: str) -> tuple[int, int]:
    return bisect_left(keys, prefix), bisect_left(keys, prefix + "\U0010ffff")


def _fits(bare: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether words begin with these, the last one perhaps only begun, whatever their diacritics."""
    *whole, begun = bare
    if len(words) < len(bare):
        return False
    same = all(folded(word) == part for word, part in zip(words, whole, strict=False))
    return same and folded(words[len(whole)]).startswith(begun)


def _spelt_so(parts: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether words that fit have the diacritics of what was typed, as far as any were."""
    *whole, begun = parts
    if len(words) < len(parts):
        return False
    same = all(part in (word, folded(word)) for word, part in zip(words, whole, strict=False))
    return same and (begun == folded(begun) or _may_become(begun, words[len(whole)]))


def _may_become(begun: str, word: str) -> bool:
    """Return whether typing on makes the word: each letter is there, perhaps still without its tone."""
    return all(set(_marks(typed)) <= set(_marks(meant)) for typed, meant in zip(begun, word, strict=False))


def _marks(letter: str) -> str:
    return unicodedata.normalize("NFD", letter.replace("đ", "d\N{COMBINING SHORT STROKE OVERLAY}"))
