"""The written form of the editors' rules: a JSON object in each line, blank lines and lines from # ignored.

    # the storm's own page stands first under every article of the section, till the end of April
    {"kind": "pin", "article": "bao-so-3", "position": 1, "for": {"sections": ["Thời sự"]}, "until": "2026-04-30"}
    {"kind": "block", "tag": "quảng cáo"}
    {"kind": "boost", "source": "Báo Đèn", "factor": 1.2}
    {"kind": "section", "for": {"sections": ["Thể thao"]}, "only": ["Thể thao", "Đời sống"]}

`for` names the lists of a rule, by the article above them or by its section; without it, the rule is for every list.
`from` and `until` are inclusive; a bare date is a day in Vietnam. A rule without `id` gets one made from its content.

Owns the form of rules and the faults of lines. Knows nothing of archives, ranking or how a file is followed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from io import BytesIO
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from indexer.articles.article import ArticleId, LineProblem, OptionalText, plain, shown
from indexer.articles.columns import Filters, micros
from indexer.text.folding import clean
from service.schemas import Bound

LONGEST_LINE = 200_000
"""In characters."""

DEEPEST_POSITION = 50
"""The longest related list (`schemas.RelatedParams`)."""

Fault: TypeAlias = tuple[str, str, str]
"""Field, value received, what was expected."""


def _value(value: object) -> object:
    cleaned = clean(value) if isinstance(value, str) else value
    if cleaned == "":
        raise ValueError("expected a string that is not empty")
    return cleaned


Value = Annotated[str, BeforeValidator(_value), Field(max_length=512)]
RuleValues = Annotated[list[Value], Field(min_length=1, max_length=100)]
Period = Literal["not begun", "in force", "over"]


class _StrictLine(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


_TARGETS = ("article", "section", "source", "author", "tag")
_FIELDS = ("id", "kind", *_TARGETS, "position", "factor", "only", "never", "for", "from", "until", "note")
"""All fields of all kinds, in the order in which a rule is written."""


class RuleScope(_StrictLine):
    """Which lists a rule is about: those under any of these articles, or under an article of any of these sections."""

    ids: Annotated[list[ArticleId], Field(min_length=1, max_length=1000)] | None = None
    sections: RuleValues | None = None

    @model_validator(mode="after")
    def _something(self) -> RuleScope:
        if self.ids is None and self.sections is None:
            raise ValueError("expected ids, sections or both; a rule for every list has no `for`")
        return self


class _Rule(_StrictLine):
    id: ArticleId = ""
    scope: RuleScope | None = Field(default=None, alias="for")
    begins: Bound = Field(default=None, alias="from")
    until: Bound = None
    note: OptionalText = None

    @model_validator(mode="after")
    def _in_order(self) -> _Rule:
        first, last = self.bounds()
        if first > last:
            raise ValueError("until: expected a time after `from`")
        return self

    def bounds(self) -> tuple[int, int]:
        """Return the first and the last microsecond since 1970 at which the rule holds."""
        return Filters(published_from=self.begins, published_to=self.until).bounds()

    def period(self, now: datetime) -> Period:
        """Return whether the rule is in force now, not yet, or no longer."""
        first, last = self.bounds()
        moment = micros(now)
        return "not begun" if moment < first else "over" if moment > last else "in force"

    def line(self) -> str:
        """Return the rule as one line of a file, without its end."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps({name: said[name] for name in _FIELDS if name in said}, ensure_ascii=False)


class PinRule(_Rule):
    """An article that stands at a position of the list, from 1."""

    kind: Literal["pin"]
    article: ArticleId
    position: Annotated[int, Field(ge=1, le=DEEPEST_POSITION)]


class _TargetedRule(_Rule):
    article: ArticleId | None = None
    section: Value | None = None
    source: Value | None = None
    author: Value | None = None
    tag: Value | None = None

    @model_validator(mode="after")
    def _one_target(self) -> _TargetedRule:
        named = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"{(named or _TARGETS)[-1]}: expected one of {', '.join(_TARGETS)}, found {len(named)}")
        return self

    @property
    def target(self) -> tuple[str, str]:
        """Return the field of the rule, `article`, `section`, `source`, `author` or `tag`, and its value."""
        return next((name, value) for name in _TARGETS if (value := getattr(self, name)) is not None)


class BlockRule(_TargetedRule):
    """An article, or everything of a section, source, author or tag, that is never shown."""

    kind: Literal["block"]


class BoostRule(_TargetedRule):
    """An article, or everything of a section, source, author or tag, whose score is multiplied."""

    kind: Literal["boost"]
    factor: Annotated[float, Field(ge=0.1, le=10)]


class SectionRule(_Rule):
    """The only sections that a list may hold, or those that it never holds."""

    kind: Literal["section"]
    only: RuleValues | None = None
    never: RuleValues | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SectionRule:
        if (self.only is None) == (self.never is None):
            raise ValueError(f"never: expected one of only, never, found {2 if self.only else 0}")
        return self


Rule: TypeAlias = PinRule | BlockRule | BoostRule | SectionRule
KINDS: Mapping[str, type[Rule]] = {
    "pin": PinRule,
    "block": BlockRule,
    "boost": BoostRule,
    "section": SectionRule,
}
_RULE: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="kind")])


@dataclass(frozen=True)
class Rules:
    """The content of the editors' file.

    :param rules: The rules in the order of the file, with distinct ids.
    :param problems: A sentence for each invalid line, or for a file that cannot be read.
    """

    rules: tuple[Rule, ...] = ()
    problems: tuple[str, ...] = ()

    @cached_property
    def revision(self) -> str:
        """Return 16 hex digits that change whenever a rule does."""
        return hashlib.sha256("\n".join(rule.line() for rule in self.rules).encode()).hexdigest()[:16]


NO_RULES = Rules()


def parse(content: bytes, name: str) -> Rules:
    """Return the rules of a file. An invalid line becomes a problem; the others count.

    :param name: The file's name in problems.
    """
    rules: list[Rule] = []
    problems = []
    lines: dict[str, int] = {}
    for number, line in numbered(content):
        found = parse_line(line)
        if isinstance(found, list):
            problems += [str(LineProblem(name, number, *fault)) for fault in found]
        elif found is not None and found.id in lines:
            reason = f"expected an id of its own, not that of line {lines[found.id]}"
            problems.append(str(LineProblem(name, number, "id", shown(found.id), reason)))
        elif found is not None:
            lines[found.id] = number
            rules.append(found)
    return Rules(tuple(rules), tuple(problems))


def numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line of a file with its number, from 1. Lines include their ends, so they join to the file again."""
    return enumerate(BytesIO(content), 1)


def parse_line(line: bytes) -> Rule | list[Fault] | None:
    """Return the rule of a line, or its faults; None for a blank line or a comment."""
    try:
        text = line.decode().removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        return [("", shown(line.decode(errors="replace").strip()), "expected text in UTF-8")]
    if not text or text.startswith("#"):
        return None
    if len(text) > LONGEST_LINE:
        return [("", shown(text[:1000]), f"expected at most {LONGEST_LINE} characters, not {len(text)}")]
    try:
        fields = json.loads(text, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        return [("", shown(text[:1000]), f"expected a JSON object: {error.msg} at character {error.pos + 1}")]
    except RecursionError:
        return [("", shown(text[:1000]), "expected a JSON object that is less deep")]
    except ValueError as error:
        return [("", shown(text[:1000]), str(error))]
    return make(fields)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"expected each field once, not {next(n for n in names if names.count(n) > 1)!r} twice")
    return fields


def make(fields: object) -> Rule | list[Fault]:
    """Return the rule of these fields, with an id, or their faults.

    :param fields: The JSON value of a line.
    """
    if not isinstance(fields, dict):
        return [("", shown(fields), "expected a JSON object")]
    try:
        rule = _RULE.validate_python(fields)
    except ValidationError as error:
        return [_fault(details, fields) for details in error.errors(include_url=False)]
    return rule if rule.id else rule.model_copy(update={"id": _derived_id(rule)})


def _derived_id(rule: Rule) -> str:
    content = rule.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"id", "note"})
    return "r-" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


_EXPECTED = {
    "string_type": "expected a string",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "list_type": "expected a list",
    "model_type": "expected an object with ids, sections or both",
    "too_short": "expected one at least",
}


def _fault(details: Mapping[str, Any], fields: Mapping[str, Any]) -> Fault:
    """Return one of pydantic's errors as a fault in this project's words."""
    kind, message = details["type"], details["msg"].removeprefix("Value error, ")
    path = ".".join(plain(str(part)) for part in details["loc"][1:])  # the first part is the kind of the rule
    value = shown(details["input"])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        value = shown(fields["kind"]) if "kind" in fields else "nothing"
        return "kind", value, f"expected one of {', '.join(KINDS)}"
    if kind == "missing":
        return path, "nothing", "required"
    if kind == "extra_forbidden":
        model = RuleScope if "." in path else KINDS[fields["kind"]]
        known = (field.alias or name for name, field in model.model_fields.items())
        return path, value, f"unknown field: expected {', '.join(sorted(known))}"
    if kind == "value_error" and not path and ": " in message:
        path, message = message.split(": ", 1)
        value = shown(fields[path]) if path in fields else "nothing"
    return path, value, _EXPECTED.get(kind, message.replace("Input should be", "expected"))
