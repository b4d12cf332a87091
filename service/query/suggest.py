"""Suggests what a reader may be about to type: titles, names, tags, sections and abbreviations of one archive.

Owns the keys by which suggestions are found, and their order. Text that no public article has is never shown; the
caller passes the mask of public articles. Knows nothing of requests.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, zip_longest
from typing import Literal, NamedTuple, overload

import numpy as np

from indexer.archive import Archive
from indexer.articles.columns import Mask
from indexer.files.arrays import Rows
from indexer.index.lexical_query import Term
from indexer.language.compounds import word_pairs
from indexer.language.lexicon import Abbreviation
from indexer.text.folding import match_key
from indexer.text.syllables import folded, syllables

SuggestionKind = Literal["title", "name", "tag", "section", "abbreviation"]

_ORDER: tuple[SuggestionKind, ...] = ("abbreviation", "section", "name", "tag", "title")
"""The order of kinds that fit equally well: shorter lists first, so that they are shown at all."""

_VALUED: tuple[SuggestionKind, ...] = ("tag", "section")

_EACH = 3
"""The most suggestions of one kind before other kinds have had their turn."""

_LOOKED_AT = 400
"""The most matching entries that are examined, the commonest first."""

_TITLES = 64
"""The most matching titles that are read, the newest first."""

_FOUND = 256


@dataclass(frozen=True)
class Suggestion:
    """A suggestion.

    :param id: The article's id, if it is a title.
    """

    text: str
    kind: SuggestionKind
    id: str | None = None


class _Entry(NamedTuple):
    """What can be suggested.

    :param short: Of an abbreviation its letters, by which it is found beside its full form.
    :param full: Of an abbreviation its full form.
    :param needed: Of an abbreviation sets of tokens, each of which a public article must have.
    """

    kind: SuggestionKind
    text: str
    short: str = ""
    full: tuple[str, ...] = ()
    needed: tuple[tuple[str, ...], ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Return its syllables, by which it is found."""
        return self.full or tuple(syllables(self.text))


class _Keys(Sequence[str]):
    """Sorted keys in one string. An archive may have 100,000, and single strings take ten times the memory."""

    def __init__(self, keys: Iterable[str]) -> None:
        encoded = [key.encode() for key in keys]
        self._bytes = b"".join(encoded)
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def inserted(self, places: Rows, keys: Sequence[str]) -> _Keys:
        """Return these keys and others, each before the one at its place.

        :param places: (n,) int64, sorted.
        """
        encoded = [key.encode() for key in keys]
        cuts = self._ends[[0, *places, -1]].tolist()
        parts = [self._bytes[start:end] for start, end in pairwise(cuts)]
        made = _Keys(())
        made._bytes = b"".join(chain.from_iterable(zip_longest(parts, encoded, fillvalue=b"")))
        made._ends = np.concatenate([[0], np.insert(np.diff(self._ends), places, list(map(len, encoded))).cumsum()])
        return made

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return self._bytes[self._ends[at] : self._ends[at + 1]].decode()


class _Match(NamedTuple):
    """A suggestion and what it is ordered by; less is better."""

    misspelt: bool
    inside: bool
    kind: int
    weight: int
    text: str
    suggestion: Suggestion


class _PublicEntries(NamedTuple):
    """What the public has of the entries; worked out when another article may be seen, or one no more.

    :param weights: (entries,) int64, in how many public articles each is, 0 where it must not show.
    :param spelt: Tags and sections that public articles spell otherwise than the archive does.
    :param having: Whether public articles have the tokens that an abbreviation needs, of those asked so far.
    """

    public: Mask
    weights: Rows
    spelt: dict[int, str]
    having: dict[int, bool]


_ADDED = 256
"""Tags that are added to keys that were taken over; with more, all are made anew, and what is gone goes."""


class Suggester:
    """Suggests from one archive. Safe to use from several threads.

    :param abbreviations: Those that are known without the archive; it adds those that its articles spell out.
    :param before: One with the same abbreviations; where its archive has the same names, its keys are taken over.
    """

    def __init__(
        self, archive: Archive, abbreviations: Iterable[Abbreviation], before: Suggester | None = None
    ) -> None:
        self._archive = archive
        self._names = archive.knowledge.names
        self._known: _PublicEntries | None = None
        self._added = 0
        if before is not None and before._archive.knowledge is archive.knowledge and before._added < _ADDED:
            self._take_over(before)
            return
        self._abbreviations = _abbreviations(archive, abbreviations)
        self._tags = [(kind, value) for kind in _VALUED for value in archive.values(kind)]
        self._tagged = {(kind, match_key(value)) for kind, value in self._tags}
        keys = sorted(self._keys(range(len(self._names) + len(self._abbreviations) + len(self._tags))))
        self._keyed = _Keys(key for key, _, _ in keys)
        self._entry = np.array([entry for _, entry, _ in keys], dtype=np.int32)
        self._inside = np.array([inside for _, _, inside in keys], dtype=np.bool_)

    def _take_over(self, before: Suggester) -> None:
        """Take the keys of another one, and add the tags and sections that it does not know.

        Those that no article has any more stay for a while; nothing shows that no public article has.
        """
        self._abbreviations, self._keyed = before._abbreviations, before._keyed
        self._entry, self._inside = before._entry, before._inside
        self._tags, self._tagged, self._added = before._tags, before._tagged, before._added
        beside = [(kind, value) for kind in _VALUED for value in self._archive.values(kind, before._archive)]
        found = {(kind, match_key(value)): value for kind, value in beside}
        new = [(kind, value) for (kind, key), value in found.items() if (kind, key) not in self._tagged]
        if not new:
            return
        first = len(self._names) + len(self._abbreviations) + len(self._tags)
        self._tags = [*self._tags, *new]
        self._tagged = self._tagged | set(found)
        self._added += len(new)
        keys = sorted(self._keys(range(first, first + len(new))))
        places = np.array([bisect_left(self._keyed, key) for key, _, _ in keys], dtype=np.int64)
        self._keyed = self._keyed.inserted(places, [key for key, _, _ in keys])
        self._entry = np.insert(self._entry, places, [entry for _, entry, _ in keys])
        self._inside = np.insert(self._inside, places, [inside for _, _, inside in keys])

    def _at(self, number: int) -> _Entry:
        """Return an entry: names come first, then abbreviations, then tags and sections."""
        if number < len(self._names):
            return _Entry("name", self._names[number].text)
        number -= len(self._names)
        if number < len(self._abbreviations):
            return self._abbreviations[number]
        return _Entry(*self._tags[number - len(self._abbreviations)])

    def _keys(self, entries: Iterable[int]) -> Iterator[tuple[str, int, bool]]:
        for at in entries:
            entry = self._at(at)
            bare = [folded(part) for part in entry.parts]
            starts = range(1 if entry.short else len(bare))  # a full form is typed from its start
            yield from ((" ".join(bare[start:]), at, start > 0) for start in starts)
            if entry.short:
                yield folded(entry.short), at, False

    def suggest(self, typed: str, limit: int, public: Mask) -> list[Suggestion]:
        """Return suggestions for a typed text, likeliest first.

        Matches with the typed diacritics come first, and matches at the start come before those within.

        :param typed: Cleaned text.
        :param public: (articles,) bool, the public articles.
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
        weights = known.weights
        entries, inside = self._entry[low:high], self._inside[low:high]
        shown = np.flatnonzero(weights[entries] > 0)
        order = shown[np.lexsort((-weights[entries[shown]], inside[shown]))][:_LOOKED_AT]
        for at in order.tolist():
            number = int(entries[at])
            entry = self._at(number)
            if entry.needed and not self._had(entry, number, known):
                continue
            own, key = entry.parts, self._keyed[low + at].split(" ")
            spelt = _spelt_so(parts, own[len(own) - len(key) :]) or self._by_letters(parts, entry)
            text = known.spelt.get(number, entry.text)
            match = (not spelt, bool(inside[at]), _ORDER.index(entry.kind), -int(weights[number]), text)
            yield _Match(*match, Suggestion(text, entry.kind))

    def _had(self, entry: _Entry, number: int, known: _PublicEntries) -> bool:
        """Return whether public articles have all that an abbreviation needs."""
        if number not in known.having:
            known.having[number] = all(self._has(tokens, known.public) for tokens in entry.needed)
        return known.having[number]

    @staticmethod
    def _by_letters(parts: Sequence[str], entry: _Entry) -> bool:
        """Return whether an entry is an abbreviation that begins with the letters that were typed."""
        return bool(entry.short) and len(parts) == 1 and entry.short.startswith(parts[0])

    def _seen(self, public: Mask) -> _PublicEntries:
        """Return the public entries, cached by the mask object: callers pass the same one until it changes."""
        known = self._known
        if known is not None and known.public is public:
            return known
        names, known_before = len(self._names), len(self._names) + len(self._abbreviations)
        weights = np.ones(known_before + len(self._tags), dtype=np.int64)
        counted = np.concatenate([[0], np.cumsum(public[self._names.rows])])
        weights[:names] = np.diff(counted[self._names.ends]) + self._archive.named_later(public)
        facets = self._archive.facets(np.flatnonzero(public))
        counts = {(field, match_key(value)): (value, n) for field, found in facets.items() for value, n in found}
        spelt = {}
        for at, (kind, value) in enumerate(self._tags, known_before):
            shown, weights[at] = counts.get((kind, match_key(value)), (value, 0))
            if shown != value:
                spelt[at] = shown
        self._known = known = _PublicEntries(public, weights, spelt, {})
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
        for rank, article in enumerate(self._archive.summaries(newest)):
            words = syllables(article.title)
            starts = [at for at in range(len(words) - len(bare) + 1) if _fits(bare, words[at:])]
            if not starts:
                continue
            spelt = [at for at in starts if _spelt_so(parts, words[at:])]
            suggestion = Suggestion(article.title, "title", article.id)
            yield _Match(not spelt, (spelt or starts)[0] > 0, kind, rank, article.title, suggestion)


def _place(match: _Match) -> tuple[object, ...]:
    return match[:-1]


def _abbreviations(archive: Archive, known: Iterable[Abbreviation]) -> list[_Entry]:
    """Return abbreviations, the archive's own last; of those a public article must have the full form as well."""
    entries: dict[tuple[str, str], _Entry] = {}
    for row in known:
        entries.setdefault((row.abbreviation, row.full), _abbreviation(row.abbreviation, row.full, ()))
    for mined in archive.knowledge.abbreviations:
        full = (*mined.full.split(), *word_pairs(mined.full.split()))
        entries.setdefault((mined.abbreviation, mined.full), _abbreviation(mined.abbreviation, mined.full, (full,)))
    return list(entries.values())


def _abbreviation(short: str, full: str, needed: tuple[tuple[str, ...], ...]) -> _Entry:
    parts = syllables(short)
    tokens = (*parts, *word_pairs(parts))
    return _Entry("abbreviation", f"{short} – {full}", "".join(parts), tuple(full.split()), (tokens, *needed))


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
