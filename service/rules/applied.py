"""The effects of the editors' rules on a related list: pins, blocks, boosts, and the allowed sections.

A block or a section rule wins over a pin. If several pins are for one position or one article, the nearest wins: first
one for the article's own list, then one for its section's lists, then one for all lists, then the one written first. A
pin that loses its position takes the next free one.

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
"""The most bytes of cached masks of values; the sets of rules may take as much again."""

Array = TypeVar("Array", bound=NDArray[Any])


class MissingPin(NamedTuple):
    """An article that a rule names but that is not shown.

    :param rule: The rule's id.
    :param article: The article's name in the rule.
    :param reason: `not public`: lately deleted, under embargo, or taken down; `filtered out`: filtered or excluded by
        the request.
    """

    rule: str
    article: str
    reason: MissingReason


@dataclass(frozen=True)
class RuleEffects:
    """The effects of the rules on one list.

    :param pins: Pins in the order of positions; only of articles that may be shown, never of a seed.
    :param missing: The pins that cannot be shown, without those of seeds.
    :param blocked: (articles,) bool, read-only, or None if nothing is blocked.
    """

    pins: tuple[Pin, ...] = ()
    missing: tuple[MissingPin, ...] = ()
    blocked: Mask | None = None
    _factors: tuple[Scores, ...] = ()
    _in_force: _RulesInForce | None = field(default=None, repr=False, compare=False)
    _sets: tuple[tuple[int, ...], ...] = ()

    def boosts(self, rows: Rows) -> Scores:
        """Return the product of the boosts of each of (n,) int64 rows, (n,) float64, 1 without boosts."""
        product = np.ones(len(rows))
        for factors in self._factors:
            product *= factors[rows]
        return product

    def touching(self, row: int) -> tuple[Rule, ...]:
        """Return the rules for this list that pin, block or boost an article, in the order of the file."""
        return () if self._in_force is None else self._in_force.touching(chain(*self._sets), row)


NOTHING = RuleEffects()


class RulesInArchive:
    """The rules in one archive, made again whenever either changes. Safe to share between threads.

    Names are looked up once. The rules in force are computed once, until the next rule begins or ends, or the public
    articles change.

    :param known: The rows of names, as far as they are known.
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
        """Return the effects of the rules on the list under these seeds.

        :param seeds: Article rows; none for a draft.
        :param sections: The seeds' sections.
        :param now: The time for the rules' dates.
        :param allowed: (articles,) bool, the public articles that pass the request.
        :param public: (articles,) bool, the public articles. It is kept, so it must not change.
        """
        if not self.rules.rules:
            return NOTHING
        return self._at(micros(now), public).applied(seeds, sections, allowed)

    def changed(self, rules: Rules) -> RulesInArchive:
        """Return other rules, most of them the same, for this archive."""
        return RulesInArchive(rules, self._archive, self._names)

    def about(self, seed: int, section: str | None) -> list[Rule]:
        """Return the rules for the list under an article, in force or not: nearest first, then in the file's order.

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
        """Return the first microsecond after now at which a rule begins or has ended; the greatest int64 if none."""
        return _next_change(self._bounds, micros(now))

    def missing(self, public: Mask) -> list[MissingPin]:
        """Return the articles that any rule names (pinned, blocked, boosted or as seeds) and that are not public.

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
    """Return all rows of an id or alias, public or not, by repeated calls of `find`.

    :param everything: (articles,) bool, all true; changed meanwhile and restored.
    """
    rows: list[int] = []
    while (row := archive.find(name, everything)) is not None:
        rows.append(row)
        everything[row] = False
    everything[rows] = True
    return tuple(rows)


def _next_change(bounds: Rows, moment: int) -> int:
    """Return when the next rule begins or has ended.

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
    """The combined effects of a set of rules on any list.

    :param blocked: (articles,) bool, or None.
    :param factors: (articles,) float64, or None.
    :param pins: Its pins of public articles, with the articles' names in the rules.
    :param absent: Its other pins.
    """

    blocked: Mask | None
    factors: Scores | None
    pins: tuple[tuple[Pin, str], ...]
    absent: tuple[MissingPin, ...]


class _RulesInForce:
    """The rules in force at one time, by the lists that they concern. A rule is identified by its number in the file.

    :param names: The possible rows of each name.
    :param bounds: (rules, 2) int64, the first and last microsecond of each.
    :param moment: Microseconds since 1970. Results are valid from then `until` the next rule begins or ends.
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
        size = max(archive.count, 1)  # a mask takes a byte for each article, a mask with factors nine
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
        """Return the effects of the rules on one list (`RulesInArchive.applied`)."""
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
        """Return the combined effects of a set of rules."""
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
        """Return the articles that blocks and section rules exclude, (articles,) bool, None if there are none."""
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
        """Return the articles with one of a field's values, (articles,) bool; for `article`, with one of the names."""
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
        """Return the rules among these that pin, block or boost an article, in the order of the file."""
        rules = [self._rules[number] for number in sorted(numbers)]
        return tuple(rule for rule in rules if self._touches(rule, row))

    def _touches(self, rule: Rule, row: int) -> bool:
        if isinstance(rule, PinRule):
            return self._rows[rule.article] == row
        if isinstance(rule, SectionRule):
            return bool(self._having("section", rule.only or rule.never or ())[row]) == (rule.only is None)
        return bool(self._having(rule.target[0], [rule.target[1]])[row])


def _absence(rows: tuple[int, ...]) -> MissingReason:
    """Return why none of a name's possible rows is public."""
    return "not public" if rows else "no such article"


def _either(masks: Sequence[Mask]) -> Mask | None:
    """Return the union of (n,) bool masks, None for no masks."""
    return reduce(np.logical_or, masks) if masks else None


def _frozen(array: Array) -> Array:
    array.setflags(write=False)
    return array
