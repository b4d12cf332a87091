"""Understands a query: the typed text, its meaning, and the resulting search.

Owns the steps from a reader's text to words for the index and a text for the encoder: quotes and exclusions,
diacritics and slips, abbreviations, renamed places and bodies, synonyms. Knows nothing of ranking or HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from indexer.index.lexical_query import Alternative, LexicalQuery, Term, TermGroup, tokens
from indexer.language.compounds import word_pairs, words_in
from indexer.language.knowledge import Knowledge
from indexer.language.lexicon import Abbreviation, Renaming
from indexer.text.syllables import code_spans, codes, folded, plain, readable, spelt, stream, syllables
from service.passages.snippets import MarkTargets
from service.query.alternatives import Alternatives, AlternativeSpan, WordRun, named
from service.query.english import Gloss, asking, gloss_of, glosses, whole_words
from service.query.misspellings import Speller, Spelling
from service.query.restoration import RestoredQuery, choices_in, restore
from service.query.synonyms import NO_SYNONYMS, Synonyms
from service.query.typing_slips import plausible_folded

SHORT = 5
"""The most syllables of a query that names a topic; longer ones are questions, sentences, titles."""

_TOPIC = 12
"""The most syllables of a query that is expanded by synonyms; longer queries are clear enough by themselves."""

_SENTENCE = 12
_OPERATORS = 8
"""The most syllables of a query in which quotes and dashes are operators; longer, pasted texts have them by chance."""

_FOLDED_WEIGHT = 0.3
_TITLE_WEIGHT = 0.3
_LOOKALIKE_WEIGHT = 0.2
"""The weight of an abbreviation's own letters if they are also a syllable: AI is not ai, who."""

_FOREIGN_TRUST = 0.4
"""The most weight of words of a query in another language, since most are searched for in several senses."""

_PART_WEIGHT = 0.2
"""The weight of a syllable, in the order of hits, if the archive does not have its word."""

_COMMON = 0.002
"""A syllable with more than this share of the archive's text gets no mark of its own."""

_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
_EXCLUDED = re.compile(r"(?:(?<=\s)|^)-([^\W_]+)(?=\s|$)")


@dataclass(frozen=True)
class Expansion:
    """An alternative for a part of the query.

    :param kind: `abbreviation`, `renamed`, `synonym` (the editors'), `thesaurus` (shipped) or `translation`.
    :param mined: Whether only the archive's own articles give it.
    """

    kind: str
    typed: str
    also: str
    mined: bool = False


@dataclass(frozen=True)
class Query:
    """A query understood.

    :param typed: The query as it was typed.
    :param text: The text for the encoder.
    :param besides: A second text for the encoder, None for none: the query without corrections, if the archive has a
        corrected word as it was typed.
    :param restored: The query with restored diacritics and keys, None if nothing was restored.
    :param corrected: The same with sure misspellings corrected, None if there are none.
    :param did_you_mean: The same with all misspellings corrected, None if none of them is unsure.
    :param misspelt: The places of sure misspellings.
    :param trust: The weight of its words, 0 to 1; less than 1 in another language.
    :param parts: Its syllables as read.
    :param spellings: Its words and ends of clauses as typed, without exclusions.
    :param read: The same as read.
    :param phrases: Quoted phrases, each as the terms of an article with the phrase.
    :param excluded: Words that no hit may have.
    :param bare: Whether it was typed without any diacritics.
    :param gloss: Its words, the known ones in Vietnamese; empty if no word changes; None if it is in Vietnamese.
    :param foreign: Whether it is in another language than Vietnamese.
    :param absent: Whether the archive does not have a word of it, and alternatives replace that word.
    :param find_words: Makes `words` when they are first needed, given the weight of absent words' syllables, so that
        the encoder need not wait.
    :param find_wanted: Makes `wanted`.
    """

    typed: str
    text: str
    besides: str | None
    restored: str | None
    corrected: str | None
    did_you_mean: str | None
    misspelt: frozenset[int]
    trust: float
    parts: WordRun
    spellings: WordRun
    read: RestoredQuery
    phrases: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]
    expansions: tuple[Expansion, ...]
    bare: bool
    gloss: str | None
    foreign: bool
    absent: bool
    find_words: Callable[[float], LexicalQuery] = field(repr=False, compare=False)
    find_wanted: Callable[[], MarkTargets] = field(repr=False, compare=False)

    @cached_property
    def words(self) -> LexicalQuery:
        """The query to the word index."""
        return self.find_words(_PART_WEIGHT if self.absent else 1.0)

    @cached_property
    def calibrated_words(self) -> LexicalQuery:
        """The same with all syllables at full weight, for which relevance was calibrated."""
        return self.find_words(1.0) if self.absent else self.words

    @cached_property
    def wanted(self) -> MarkTargets:
        """The words to mark in a hit."""
        return self.find_wanted()

    @property
    def short(self) -> bool:
        """Return whether the query names a topic and is not a sentence."""
        return len(self.parts) <= SHORT


class Understanding:
    """Understands queries to one archive.

    :param knowledge: The archive's language, abbreviations and names.
    :param synonyms: Returns the editors' current synonyms.
    :param abbreviations: The editors' abbreviations, which come before all others.
    :param renamings: The editors' renamings.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        synonyms: Callable[[], Synonyms] = lambda: NO_SYNONYMS,
        abbreviations: Iterable[Abbreviation] = (),
        renamings: Iterable[Renaming] = (),
    ) -> None:
        self._language = knowledge.language
        self._choices = choices_in(knowledge.language)
        self._alternatives = Alternatives(knowledge, synonyms, abbreviations, renamings)
        self._speller = Speller(knowledge)
        self._total = max(int(self._language.counts.sum()), 1)

    def understand(self, typed: str, literal: bool = False, has: Callable[[str], bool] = lambda token: True) -> Query:
        """Return a query, understood.

        :param typed: Cleaned text.
        :param literal: Whether to take it literally: nothing restored, nothing expanded.
        :param has: Whether a public article has a token of `compounds.word_pairs`, or a syllable.
        """
        text = _aligned(typed if literal else whole_words(typed))
        operators = len(syllables(text)) <= _OPERATORS
        dropped = _EXCLUDED.findall(text) if operators else []
        rest = _EXCLUDED.sub(" ", text).strip() if dropped else text
        if dropped and not syllables(rest):  # only exclusions: then they are searched for
            dropped, rest = [], text
        was = [spelt(word) for word in stream(rest)]
        spelling = self._spelling(rest, was, literal, operators)
        read = spelling.read
        parts = tuple(word for word in read.words if word)
        spellings = _STREAMED.findall(rest)
        places = [] if literal else self._alternatives.find(read.words, spellings, _in_codes(rest))
        taken = {at for place in places if place.kind == "renamed" for at in range(place.start, place.end)}
        glossed = glosses(read.words, spellings, taken) if read.foreign else []
        rendered = [] if literal else [place for gloss in glossed for place in self._rendered(gloss)]
        quoted = _QUOTED.findall(rest) if operators else []
        if not literal and not glossed and len(parts) <= _TOPIC:
            spans = [found.span(1) for found in _QUOTED.finditer(rest)] if operators else []
            kept = _in_codes(rest) | _inside(rest, spans) | {at for one in places for at in range(one.start, one.end)}
            unwanted = [part for word in dropped for part in syllables(word)]
            places += self._alternatives.called(read.words, spellings, kept, unwanted, has)
        as_typed = spelling.typed_beside(was, places)
        phrases = [_phrase(self._read(part, [spelt(w) for w in stream(part)], literal).words) for part in quoted]
        bare = all(folded(word) == word for word in was)
        abbreviated = [place for place in places if place.kind == "abbreviation"]
        return Query(
            typed=typed,
            text=_written(rest, read, abbreviated),
            besides=_written(rest, spelling.restored, abbreviated) if spelling.is_added else None,
            restored=_written(rest, spelling.restored, []) if any(spelling.restored.changed) else None,
            corrected=_written(rest, read, []) if spelling.sure else None,
            did_you_mean=_written(rest, spelling.guessed, []) if spelling.unsure else None,
            misspelt=frozenset(one.at for one in spelling.sure),
            trust=_trust(read, spellings, self._searched(read, rest), glossed, taken),
            parts=parts,
            spellings=tuple(spellings),
            read=read,
            phrases=tuple(terms for terms in phrases if terms),
            excluded=tuple(
                Term("folded", folded(part)) if bare and folded(part) == part else _exact(part)
                for word in dropped
                for part in syllables(word)
            ),
            expansions=tuple(
                Expansion(place.kind, " ".join(read.words[place.start : place.end]), " ".join(place.also), place.mined)
                for place in places
            )
            + _translations(read.words, glossed)
            + tuple(
                Expansion(place.kind, " ".join(read.words[place.start : place.end]), " ".join(place.also))
                for place in rendered
            ),
            bare=bare,
            gloss=gloss_of(read.words, spellings, glossed, taken) if read.foreign else None,
            foreign=read.foreign,
            absent=any(place.absent for place in places),
            find_words=lambda weight: LexicalQuery(
                self._groups(read, rest, [*places, *as_typed], glossed, rendered, len(parts) <= SHORT, weight)
            ),
            find_wanted=lambda: (
                self._wanted_in_english(read, spellings, [*places, *rendered], glossed)
                if read.foreign
                else self._wanted(read, was, [*places, *as_typed])
            ),
        )

    def _rendered(self, gloss: Gloss) -> list[AlternativeSpan]:
        """Return synonyms of the renderings of a foreign word: a strike is a stoppage of work."""
        found: dict[WordRun, AlternativeSpan] = {}
        for reading in gloss.readings if not gloss.name else ():
            for place in self._alternatives.called(reading, reading, ()):
                if (place.start, place.end) == (0, len(reading)) and place.also not in gloss.readings:
                    found.setdefault(place.also, place._replace(start=gloss.start, end=gloss.end))
        return list(found.values())

    def _read(self, text: str, was: Sequence[str], literal: bool) -> RestoredQuery:
        if literal:
            return RestoredQuery(list(was), list(was), [False] * len(was), False)
        fixed = _in_codes(text) | self._abbreviated(was, _STREAMED.findall(text))
        return restore(self._language, was, fixed, self._choices, self._speller.known)

    def _abbreviated(self, words: Sequence[str], spellings: Sequence[str]) -> set[int]:
        """Return the places of abbreviations."""
        shouted, alone = " ".join(spellings).isupper(), len(spellings) == 1
        return {
            at
            for at, (word, spelling) in enumerate(zip(words, spellings, strict=False))
            if word and self._alternatives.abbreviated(word, spelling, shouted, alone)
        }

    def _spelling(self, text: str, was: Sequence[str], literal: bool, operators: bool) -> Spelling:
        """Return how words are read, and which are misspelt: what is typed bare, restoration reads as it can."""
        restored = self._read(text, was, literal)
        if literal or restored.foreign or all(folded(word) == word for word in was):
            return Spelling(restored, [])
        spellings = _STREAMED.findall(text)
        quoted = [found.span() for found in _QUOTED.finditer(text)] if operators else []
        fixed = _inside(text, quoted) | _in_codes(text) | self._abbreviated(was, spellings)
        return Spelling(restored, self._speller.find(restored.words, was, fixed, named(was, spellings)))

    def _groups(
        self,
        read: RestoredQuery,
        text: str,
        places: Sequence[AlternativeSpan],
        glossed: Sequence[Gloss],
        rendered: Sequence[AlternativeSpan],
        short: bool,
        part_weight: float,
    ) -> tuple[TermGroup, ...]:
        """Return the groups of the word index's query.

        :param part_weight: The weight of the syllables of absent words.
        """
        words = read.words
        inside: set[str] = set()
        groups = []
        for gloss in glossed:
            also = [place for place in rendered if (place.start, place.end) == (gloss.start, gloss.end)]
            groups.append(_translated(words, gloss, also, short))
            inside.update(tokens(words[gloss.start : gloss.end]))
        for start, end in dict.fromkeys((place.start, place.end) for place in places):
            own = tokens(words[start:end])
            inside.update(own)
            also = [place for place in places if (place.start, place.end) == (start, end)]
            others = [_terms(_tokens(place.also), short, place.weight) for place in also]
            if _is_lookalike(words[start:end], also):  # what it stands for comes first: that is what is looked for
                groups.append((*others, _terms(own, short, _LOOKALIKE_WEIGHT)))
            else:
                absent = any(place.absent for place in also)
                groups.append((_terms(own, short, part_weight=part_weight if absent else 1.0), *others))
        single = [token for token in tokens(self._searched(read, text)) if token not in inside]
        # In a long sentence typed with its diacritics, the folded field adds time and noise: cho is chợ, chó, chờ.
        unsure = {word for word, changed in zip(words, read.changed, strict=True) if changed}
        bare = all(changed or folded(word) == word for word, changed in zip(words, read.changed, strict=True))
        alone: list[Term] = []  # one group: the index passes over articles faster in one flat sum than in nested ones
        fold = len(words) <= _SENTENCE or bare
        for token in dict.fromkeys([*single, *codes(text)]):
            alone += _token_terms(token, short, 1.0, fold or not unsure.isdisjoint(token.split("_")))
        if alone:
            groups.append((tuple(alone),))
        return tuple(dict.fromkeys(groups))  # a repeated word counts once

    @staticmethod
    def _searched(read: RestoredQuery, text: str) -> Sequence[str]:
        """Return the searched words, with the others blanked."""
        return _names(read.words, _STREAMED.findall(text)) if read.foreign else read.words

    def _wanted(self, read: RestoredQuery, was: Sequence[str], places: Sequence[AlternativeSpan]) -> MarkTargets:
        words = [word for word in read.words if word]
        both = zip(read.words, was, strict=True)
        # If diacritics were restored, other words of the same letters were not meant.
        typed_bare = {word for word, typed in both if word and word == typed == folded(typed)}
        common = {word for word in words if self._share(word) > _COMMON}
        own = words_in(read.words)
        return MarkTargets(
            exact=frozenset(words),
            folded=frozenset(typed_bare),
            runs=(*(place.also for place in places), *own),
            common=frozenset(common | {folded(word) for word in common}),
            parts=frozenset(part for word in own for part in word),
        )

    def _wanted_in_english(
        self, read: RestoredQuery, spellings: Sequence[str], places: Sequence[AlternativeSpan], glossed: Sequence[Gloss]
    ) -> MarkTargets:
        words = {
            word for word, asked in zip(read.words, asking(read.words, spellings), strict=True) if word and not asked
        }
        readings = [run for gloss in glossed if not gloss.name for run in gloss.readings]
        runs = [run for run in readings if len(run) > 1 or self._share(run[0]) <= _COMMON]
        common = frozenset(word for word in words if self._share(word) > _COMMON)
        return MarkTargets(frozenset(words), frozenset(), (*(place.also for place in places), *runs), common)

    def _share(self, word: str) -> float:
        at = self._language.id_of(word)
        return 0.0 if at is None or not word.isalpha() else float(self._language.counts[at]) / self._total


_STREAMED = re.compile(r"[^\W_]+|[.!?:;\n\"“”()…]")


def _aligned(typed: str) -> str:
    """Return the readable text, in lower case where capitals would have it fall into other words: İstanbul."""
    text = readable(typed)
    return text if len(_STREAMED.findall(text)) == len(stream(text)) else plain(typed)


def _names(words: Sequence[str], spellings: Sequence[str]) -> list[str]:
    """Return the words with everything blanked but names and numbers: all that two languages have in common.

    Without the small words of a sentence every word is taken for a name: covid, samsung.
    """
    asked = asking(words, spellings)
    listed = not any(asked)
    return [
        word if listed or (spelling[:1].isupper() and not asked[at]) or not word.isalpha() else ""
        for at, (word, spelling) in enumerate(zip(words, spellings, strict=True))
    ]


def _translated(words: Sequence[str], gloss: Gloss, also: Sequence[AlternativeSpan], short: bool) -> TermGroup:
    """Return the renderings of a word, and the word itself, which may be a name; none without its diacritics.

    A longer one has more tokens to be found by, and weighs no more for that than the usual one.

    :param also: What the renderings are called as well.
    """
    own = tokens(words[gloss.start : gloss.end])
    weights = dict.fromkeys(map(tuple, (*map(_tokens, gloss.readings), own)), 1.0)
    for place in also:
        weights.setdefault(tuple(_tokens(place.also)), place.weight)
    most = len(_tokens(gloss.readings[0]))
    return tuple(
        tuple(
            term
            for part in parts
            for term in _token_terms(part, short, weight * min(1.0, most / len(parts)), folding=False)
        )
        for parts, weight in weights.items()
    )


def _translations(words: Sequence[str], glossed: Sequence[Gloss]) -> tuple[Expansion, ...]:
    found = (
        Expansion("translation", " ".join(words[gloss.start : gloss.end]), rendering)
        for gloss in glossed
        if not gloss.name
        for rendering in gloss.renderings
        if syllables(rendering) != list(words[gloss.start : gloss.end])
    )
    return tuple(dict.fromkeys(found))


def _trust(
    read: RestoredQuery, spellings: Sequence[str], searched: Sequence[str], glossed: Sequence[Gloss], taken: set[int]
) -> float:
    """Return the weight of the words: 1, or in another language the share of words that are searched for."""
    if not read.foreign:
        return 1.0
    known = taken | {at for gloss in glossed for at in range(gloss.start, gloss.end)}
    asked = asking(read.words, spellings)
    content = [at for at, word in enumerate(read.words) if word and not asked[at]]
    return _FOREIGN_TRUST * sum(at in known or bool(searched[at]) for at in content) / max(len(content), 1)


def _in_codes(text: str) -> set[int]:
    """Return the places of the words within document numbers, which are not words of their own."""
    return _inside(text, code_spans(text))


def _inside(text: str, spans: Sequence[tuple[int, int]]) -> set[int]:
    """Return the places of the words of a text that begin in one of some spans of it."""
    if not spans:
        return set()
    return {
        at
        for at, found in enumerate(_STREAMED.finditer(text))
        if any(start <= found.start() < end for start, end in spans)
    }


def _written(text: str, read: RestoredQuery, expanded: Sequence[AlternativeSpan]) -> str:
    """Return a text with its words as read, in the typed case.

    :param expanded: What is written out behind its abbreviation, or instead of it.
    """
    longer = [place for place in expanded if place.end - place.start < len(place.also)]
    instead = {place.start: " ".join(place.also) for place in reversed(longer)}
    dropped = {at for place in longer for at in range(place.start + 1, place.end)}
    at = -1

    def word(found: re.Match[str]) -> str:
        nonlocal at
        at += 1
        typed = found.group()
        if at >= len(read.words) or not read.words[at]:
            return typed
        if at in instead:
            return instead[at]
        if at in dropped:
            return ""
        return _cased(read.shown[at], typed) if read.changed[at] else typed

    return _STREAMED.sub(word, text).strip()


def _cased(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word


def _terms(parts: Iterable[str], short: bool, weight: float = 1.0, part_weight: float = 1.0) -> Alternative:
    """Return the terms of a word from its syllables and pairs.

    :param part_weight: The weight of a syllable beside that of a pair.
    """
    return tuple(
        term
        for part in dict.fromkeys(parts)
        for term in _token_terms(part, short, weight if "_" in part else weight * part_weight, folding=True)
    )


def _token_terms(token: str, short: bool, weight: float, folding: bool) -> list[Term]:
    terms = [Term("exact", token, weight)]
    if folding:
        terms.append(Term("folded", _folded(token), weight * _FOLDED_WEIGHT))
    if short:
        terms.append(Term("title", token, weight * _TITLE_WEIGHT))
    return terms


def _folded(token: str) -> str:
    """Return a token without its diacritics, syllable by syllable: those were met before, most pairs were not."""
    return "_".join(map(folded, token.split("_")))


def _tokens(run: WordRun) -> list[str]:
    return [*run, *word_pairs(run)]


def _is_lookalike(words: Sequence[str], also: Sequence[AlternativeSpan]) -> bool:
    """Return whether words are an abbreviation that the index, which knows no capitals, takes for a syllable."""
    return len(words) == 1 and plausible_folded(words[0]) and any(place.kind == "abbreviation" for place in also)


def _exact(part: str) -> Term:
    return Term("exact", part)


def _phrase(words: Sequence[str]) -> tuple[Term, ...]:
    parts = [word for word in words if word]
    return tuple(map(_exact, word_pairs(parts) or parts))
