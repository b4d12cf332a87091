"""What the editors' rules do to a related list: pins, blocks, boosts, and which sections it may hold.

A block or a section's rule wins over a pin. Of the pins for one position, or of one article, the nearest counts: that
for the article's own list before that for its section's, that before one for every list, then the one written first;
whoever loses its position takes the next free one.

Owns matching rules to lists and articles; knows nothing of files, scores or requests.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, reduce
from itertools import chain
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.archive import Archive
from indexer.articles.columns import Filters, Mask, micros
from indexer.text.folding import match_key
from service.ranking.allowed import AllowedRows
from service.ranking.fusion import Rows, Scores
from service.ranking.pins import Pin, settle
from service.rules.lines import BlockRule, BoostRule, PinRule, Rule, Rules, RuleScope, SectionRule

MissingReason = Literal["no such article", "not public", "filtered out", "blocked"]

_KEPT_BYTES = 64 << 20
"""What the masks of values may take that are kept between lists, and as much again for the sets of rules."""

Array = TypeVar("Array", bound=NDArray[Any])


class MissingPin(NamedTuple):
    """An article that a rule names and that is not shown.

    :param rule: The rule's id.
    :param article: As the rule names it.
    :param reason: `not public` is deleted lately, ahead of its time, or taken down; `filtered out`, or excluded, by
        the request.
    """

    rule: str
    article: str
    reason: MissingReason


@dataclass(frozen=True)
class RuleEffects:
    """What the rules say of one list.

    :param pins: By position; only articles that may be shown, never a seed.
    :param missing: The pins that are not among them, a seed's own aside.
    :param blocked: (articles,) bool, read-only, or None where nothing is.
    """

    pins: tuple[Pin, ...] = ()
    missing: tuple[MissingPin, ...] = ()
    blocked: Mask | None = None
    _factors: tuple[Scores, ...] = ()
    _in_force: _RulesInForce | None = field(default=None, repr=False, compare=False)
    _sets: tuple[tuple[int, ...], ...] = ()

    def boosts(self, rows: Rows) -> Scores:
        """Return the product of the boosts of each of (n,) int64 rows, (n,) float64, 1 where there are none."""
        product = np.ones(len(rows))
        for factors in self._factors:
            product *= factors[rows]
        return product

    def touching(self, row: int) -> tuple[Rule, ...]:
        """Return the rules for this list that pin, block or boost an article, in the order of the file."""
        return () if self._in_force is None else self._in_force.touching(chain(*self._sets), row)


NOTHING = RuleEffects()


class RulesInArchive:
    """The rules as they hold for one archive; made anew whenever either is another. Safe to share between threads.

    Names are looked up here, once; what holds at a time is worked out once until the next rule begins or ends, or
    another article becomes public.

    :param known: The rows that names lead to, as far as they are known.
    """

    def __init__(
        self, rules: Rules, archive: Archive, known: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    ) -> None:
        self.rules = rules
        self._archive = archive
        everything = np.ones(archive.count, dtype=np.bool_)
        names = {name for rule in rules.rules for name in _names(rule)}
        self._names = {
            name: known[name] if name in known else _leads_to(archive, name, everything) for name in sorted(names)
        }
        self._bounds = np.array([rule.bounds() for rule in rules.rules], dtype=np.int64).reshape(-1, 2)
        self._lock = threading.Lock()
        self._held: _RulesInForce | None = None

    def applied(
        self,
        seeds: Collection[int],
        sections: Iterable[str | None],
        now: datetime,
        allowed: AllowedRows | Mask,
        public: Mask,
    ) -> RuleEffects:
        """Return what the rules say of the list under these seeds.

        :param seeds: Article rows; none for a draft.
        :param sections: The seeds' sections.
        :param now: The time that the rules' dates are held against.
        :param allowed: (articles,) bool, what is public and passes the request.
        :param public: (articles,) bool, what is public; not changed afterwards, for it is held on to.
        """
        if not self.rules.rules:
            return NOTHING
        return self._at(micros(now), public).applied(seeds, sections, allowed)

    def changed(self, rules: Rules) -> RulesInArchive:
        """Return what other rules, most of them the same, would be for this archive."""
        return RulesInArchive(rules, self._archive, self._names)

    def about(self, seed: int, section: str | None) -> list[Rule]:
        """Return the rules about the list under an article, whenever they hold: nearest first, then as in the file.

        :param seed: The article's row.
        """
        key = match_key(section or "")

        def distance(rule: Rule) -> int | None:
            if rule.scope is None:
                return 2
            if any(seed in self._names[name] for name in rule.scope.ids or ()):
                return 0
            return 1 if section and key in map(match_key, rule.scope.sections or ()) else None

        far = [(distance(rule), rule) for rule in self.rules.rules]
        return [rule for at in range(3) for found, rule in far if found == at]

    def next_change(self, now: datetime) -> int:
        """Return the first microsecond after now at which a rule begins or is over, the greatest int64 if none does."""
        return _next_change(self._bounds, micros(now))

    def missing(self, public: Mask) -> list[MissingPin]:
        """Return the articles, pinned, blocked, boosted or seeds, that any rule names and that are not public.

        :param public: (articles,) bool.
        """
        named = [(rule.id, name, self._names[name]) for rule in self.rules.rules for name in _names(rule)]
        return [
            MissingPin(rule_id, name, _absence(rows))
            for rule_id, name, rows in named
            if not any(public[row] for row in rows)
        ]

    def _at(self, moment: int, public: Mask) -> _RulesInForce:
        with self._lock:
            held = self._held
            if held is None or held.public is not public or not held.since <= moment < held.until:
                held = self._held = _RulesInForce(
                    self.rules.rules, self._archive, self._names, self._bounds, moment, public
                )
            return held


def _names(rule: Rule) -> Iterable[str]:
    """Return the articles that a rule names, seeds last."""
    article = None if isinstance(rule, SectionRule) else rule.article
    return [*([article] if article else ()), *((rule.scope and rule.scope.ids) or ())]


def _leads_to(archive: Archive, name: str, everything: Mask) -> tuple[int, ...]:
    """Return the rows that an id or alias leads to, public or not: of any mask, `find` returns the first allowed.

    :param everything: (articles,) bool, all true, before and after.
    """
    rows: list[int] = []
    while (row := archive.find(name, everything)) is not None:
        rows.append(row)
        everything[row] = False
    everything[rows] = True
    return tuple(rows)


def _next_change(bounds: Rows, moment: int) -> int:
    """Return when the next rule begins or is over.

    :param bounds: (rules, 2) int64, the first and last microsecond of each.
    """
    latest = int(np.iinfo(np.int64).max)
    if not len(bounds):
        return latest
    first, last = bounds.T
    begins = first[first > moment]
    ends = last[(last >= moment) & (last < latest)] + 1
    return min(int(begins.min(initial=latest)), int(ends.min(initial=latest)))


@dataclass(frozen=True)
class _Layer:
    """What a set of rules does together, whatever the list.

    :param blocked: (articles,) bool, or None.
    :param factors: (articles,) float64, or None.
    :param pins: Its pins of public articles, and what the rule calls the article.
    :param absent: Its other pins.
    """

    blocked: Mask | None
    factors: Scores | None
    pins: tuple[tuple[Pin, str], ...]
    absent: tuple[MissingPin, ...]


class _RulesInForce:
    """The rules in force at one time, by the lists that they are about. A rule goes by its number in the file.

    :param names: The rows that each name may lead to.
    :param bounds: (rules, 2) int64, the first and last microsecond of each.
    :param moment: Microseconds since 1970; what is worked out stands from then `until` the next rule begins or ends.
    :param public: (articles,) bool.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        archive: Archive,
        names: Mapping[str, tuple[int, ...]],
        bounds: Rows,
        moment: int,
        public: Mask,
    ) -> None:
        self.public = public
        self.since, self.until = moment, _next_change(bounds, moment)
        self._rules, self._archive, self._names = rules, archive, names
        self._rows = {name: next((row for row in rows if public[row]), None) for name, rows in names.items()}
        self._everywhere: list[int] = []
        self._sections: dict[int, frozenset[str]] = {}
        self._by_section: dict[str, list[int]] = {}
        self._by_seed: dict[int, list[int]] = {}
        for number in np.flatnonzero((bounds[:, 0] <= moment) & (moment <= bounds[:, 1])).tolist():
            self._file(number, rules[number].scope)
        size = max(archive.count, 1)  # a byte an article for a mask, nine for a mask and factors
        self._filtered = lru_cache(max(16, _KEPT_BYTES // size))(self._filter)
        self._layer = lru_cache(max(16, _KEPT_BYTES // (9 * size)))(self._make_layer)

    def _file(self, number: int, scope: RuleScope | None) -> None:
        if scope is None:
            self._everywhere.append(number)
            return
        self._sections[number] = frozenset(map(match_key, scope.sections or ()))
        for key in self._sections[number]:
            self._by_section.setdefault(key, []).append(number)
        for row in {self._rows[name] for name in scope.ids or ()}:
            if row is not None:
                self._by_seed.setdefault(row, []).append(number)

    def applied(
        self, seeds: Collection[int], sections: Iterable[str | None], allowed: AllowedRows | Mask
    ) -> RuleEffects:
        """Return what the rules say of one list (`RulesInArchive.applied`)."""
        keys = {match_key(section) for section in sections if section}
        own = sorted({number for seed in seeds for number in self._by_seed.get(seed, ())})
        by_section = sorted({number for key in keys for number in self._by_section.get(key, ())}.difference(own))
        sets = [tuple(numbers) for numbers in (own, by_section, self._everywhere) if numbers]
        layers = [self._layer(numbers) for numbers in sets]
        blocked = _either([layer.blocked for layer in layers if layer.blocked is not None])
        pins: list[Pin] = []
        missing = [absent for layer in layers for absent in layer.absent]
        for pin, name in (pair for layer in layers for pair in layer.pins):
            if pin.row in seeds:
                continue
            if blocked is not None and blocked[pin.row]:
                missing.append(MissingPin(pin.rule, name, "blocked"))
            elif not allowed[pin.row]:
                missing.append(MissingPin(pin.rule, name, "filtered out"))
            else:
                pins.append(pin)
        factors = tuple(layer.factors for layer in layers if layer.factors is not None)
        return RuleEffects(settle(pins), tuple(missing), blocked, factors, self, tuple(sets))

    def _make_layer(self, numbers: tuple[int, ...]) -> _Layer:
        """Return what a set of rules does together."""
        rules = [self._rules[number] for number in numbers]
        pins: list[tuple[Pin, str]] = []
        absent = []
        for rule in (rule for rule in rules if isinstance(rule, PinRule)):
            row = self._rows[rule.article]
            if row is None:
                absent.append(MissingPin(rule.id, rule.article, _absence(self._names[rule.article])))
            else:
                pins.append((Pin(rule.id, row, rule.position), rule.article))
        boosts = [rule for rule in rules if isinstance(rule, BoostRule)]
        return _Layer(self._blocked(rules), self._factors(boosts), tuple(pins), tuple(absent))

    def _blocked(self, rules: Sequence[Rule]) -> Mask | None:
        """Return what blocks and the rules of sections keep out, (articles,) bool, None where nothing is."""
        masks: list[Mask] = []
        values: dict[str, list[str]] = {}
        for rule in rules:
            if isinstance(rule, BlockRule):
                values.setdefault(rule.target[0], []).append(rule.target[1])
            elif isinstance(rule, SectionRule) and rule.never:
                values.setdefault("section", []).extend(rule.never)
            elif isinstance(rule, SectionRule):
                masks.append(~self._having("section", rule.only or ()))
        masks += [self._having(field, some) for field, some in values.items()]
        blocked = _either(masks)
        return None if blocked is None else _frozen(blocked)

    def _factors(self, rules: Sequence[BoostRule]) -> Scores | None:
        if not rules:
            return None
        factors = np.ones(self._archive.count)
        for rule in rules:
            np.multiply(factors, rule.factor, out=factors, where=self._having(rule.target[0], [rule.target[1]]))
        return _frozen(factors)

    def _having(self, field: str, values: Sequence[str]) -> Mask:
        """Return which articles have one of the values of a field or, of `article`, are one of them."""
        if field != "article":
            return self._filtered(field, tuple(values))
        found = np.zeros(self._archive.count, dtype=np.bool_)
        found[[row for row in map(self._rows.__getitem__, values) if row is not None]] = True
        return found

    def _filter(self, field: str, values: tuple[str, ...]) -> Mask:
        filters: dict[str, Any] = {field: values}
        mask = self._archive.mask(Filters(**filters))
        assert mask is not None
        return _frozen(mask)

    def touching(self, numbers: Iterable[int], row: int) -> tuple[Rule, ...]:
        """Return those of some rules that pin, block or boost an article, in the order of the file."""
        rules = [self._rules[number] for number in sorted(numbers)]
        return tuple(rule for rule in rules if self._touches(rule, row))

    def _touches(self, rule: Rule, row: int) -> bool:
        if isinstance(rule, PinRule):
            return self._rows[rule.article] == row
        if isinstance(rule, SectionRule):
            return bool(self._having("section", rule.only or rule.never or ())[row]) == (rule.only is None)
        return bool(self._having(rule.target[0], [rule.target[1]])[row])


def _absence(rows: tuple[int, ...]) -> MissingReason:
    """Return why none of the rows that a name may lead to is public."""
    return "not public" if rows else "no such article"


def _either(masks: Sequence[Mask]) -> Mask | None:
    """Return where any of some (n,) bool is true, None of none."""
    return reduce(np.logical_or, masks) if masks else None


def _frozen(array: Array) -> Array:
    array.setflags(write=False)
    return array
