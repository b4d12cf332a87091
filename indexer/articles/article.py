"""The article: its fields, the values that each allows, and the faults of a line that is not an article.

Owns the archive line, the public form of an article. Knows nothing of files, formats or vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from indexer.text import folding, markup, views

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Vietnam's time, without daylight saving since 1975."""

AHEAD = timedelta(days=1)
"""How far ahead of now an `updated_at` may lie. Wrong clocks and time zones explain no more than that."""

MAX_ID = 128
_ID_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")
_ID_CHARS = r"\x00-\x1f\x7f-\x9f/"
ID_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID,
    "pattern": f"^[^{_ID_CHARS}{folding.BLANK_CHARS}]([^{_ID_CHARS}]*[^{_ID_CHARS}{folding.BLANK_CHARS}])?$",
    "not": {"enum": [".", ".."]},
}
"""The ids that `id_fault` accepts, as JSON Schema."""
_SHOWN = 120
_DEEPEST = 64


def parse_time(value: object) -> datetime:
    """Parse an ISO 8601 date or time into an aware datetime in Vietnam's time, which is also the default offset.

    :raises ValueError: if the value is not a string of that form or lies outside the calendar.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value.strip()):
        moment = datetime.fromisoformat(value.strip())
    else:
        raise ValueError("expected an ISO 8601 time such as 2023-11-07T17:04:00+07:00")
    try:
        aware = moment.replace(tzinfo=VIETNAM) if moment.tzinfo is None else moment
        return aware.astimezone(UTC).astimezone(VIETNAM)  # via UTC, so that the result can be parsed again
    except OverflowError:
        raise ValueError("expected a time within the years 1 to 9999") from None


def is_ahead(updated_at: datetime | None, now: datetime) -> bool:
    """Return whether a time of change lies more than `AHEAD` after now.

    If such a time counted, no change of the article would be applied until then.
    """
    return updated_at is not None and updated_at > now + AHEAD


def latest(now: datetime) -> str:
    """Return the expectation that an `updated_at` too far ahead fails."""
    return f"expected {(now + AHEAD).astimezone(VIETNAM).isoformat(timespec='seconds')} or earlier, a day from now"


def parse_day(value: str) -> date:
    """Parse a bare date, `2023-11-07`.

    :raises ValueError: if the value is not one.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("expected a date such as 2023-11-07")
    return date.fromisoformat(value)


def id_fault(value: str) -> str | None:
    """Return what an id must be like if this value is not a valid id, else None."""
    one = 1 <= len(value) <= MAX_ID and not _ID_FORBIDDEN.search(value) and value not in {".", ".."}
    if one and value == value.strip():
        return None
    return f"expected 1 to {MAX_ID} characters, no control characters, no '/', no outer blanks, not '.' or '..'"


def _cleaned(value: object) -> object:
    return (folding.clean(value) or None) if isinstance(value, str) else value


def _title(value: object) -> object:
    cleaned = _cleaned(value)
    if cleaned is None and value is not None:
        raise ValueError("expected a string that is not empty")
    return cleaned


def _strings(value: object) -> object:
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        return value
    cleaned = [_cleaned(item) for item in value]
    return list(dict.fromkeys(item for item in cleaned if item is not None)) if _all_strings(cleaned) else cleaned


def _all_strings(values: list[object]) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def _time(value: object) -> object:
    return None if value is None or value == "" else parse_time(value)


def _id(value: object) -> object:
    if isinstance(value, str) and (fault := id_fault(value)) is not None:
        raise ValueError(fault)
    return value  # any other type: pydantic reports that a string was expected


def _extra(value: object) -> object:
    """Return a JSON object that can be written and read again; lone surrogates are replaced as in `text.clean`."""
    if value is None:
        return {}
    level = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise ValueError("expected finite numbers")
        level = [child for item in level for child in _children(item)]
        if not level:
            return _repaired(value)
    raise ValueError(f"expected values nested at most {_DEEPEST} deep")


def _repaired(value: object) -> object:
    if isinstance(value, str):
        return folding.SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {_repaired(key): _repaired(child) for key, child in value.items()}
    return [_repaired(child) for child in value] if isinstance(value, list) else value


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


OptionalText = Annotated[str | None, BeforeValidator(_cleaned)]
OptionalTime = Annotated[
    datetime | None, BeforeValidator(_time, json_schema_input_type=datetime | date | Literal[""] | None)
]
StringList = Annotated[
    list[str], BeforeValidator(_strings, json_schema_input_type=list[str | None] | Literal[""] | None)
]
ArticleId = Annotated[
    str, BeforeValidator(_id, json_schema_input_type=Annotated[str, WithJsonSchema(ID_SCHEMA)]), Field(examples=["b1"])
]
_Title = Annotated[
    str,
    BeforeValidator(_title, json_schema_input_type=Annotated[str, Field(pattern=folding.SEEN)]),
    Field(min_length=1),
]
_Extra = Annotated[dict[str, Any], BeforeValidator(_extra, json_schema_input_type=Any)]


class Article(BaseModel):
    """One article of the archive. Text is clean (`text.clean`), times are in Vietnam's time, absent is None."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", json_schema_serialization_defaults_required=True
    )

    id: Annotated[ArticleId, Field(description="The publisher's own")]
    title: Annotated[_Title, Field(description="Of more than blanks")]
    lead: Annotated[OptionalText, Field(description="The sapo")] = None
    body: Annotated[OptionalText, Field(description="As plain text")] = None
    body_html: Annotated[OptionalText, Field(description="As HTML, where there is no plain text")] = None
    url: OptionalText = None
    aliases: Annotated[StringList, Field(description="Old ids and addresses that still answer")] = []
    section: OptionalText = None
    author: OptionalText = None
    source: OptionalText = None
    tags: StringList = []
    published_at: Annotated[OptionalTime, Field(description="Ahead of now: under embargo until then")] = None
    updated_at: Annotated[OptionalTime, Field(description="Of two readings of an id the later one counts")] = None
    unpublish_at: Annotated[OptionalTime, Field(description="Once it is past, the article is in no answer")] = None
    image_url: OptionalText = None
    extra: Annotated[_Extra, Field(description="What a source sent beside these fields; kept, not searched")] = {}

    @property
    def plain_body(self) -> str | None:
        """Return the body as text, taken from the HTML if there is no plain text."""
        return self.body or (markup.html_to_text(self.body_html) or None if self.body_html else None)

    @property
    def views(self) -> tuple[str, ...]:
        """Return the texts of this article that are encoded (`text.encoded_views`)."""
        return views.encoded_views(self.title, self.lead, self.plain_body)

    def public_at(self, now: datetime) -> bool:
        """Return whether the article may be seen at this time."""
        ahead = self.published_at is not None and self.published_at > now
        return not ahead and (self.unpublish_at is None or self.unpublish_at > now)

    def line(self) -> dict[str, Any]:
        """Return the archive line: every key present, null where unknown, times in ISO 8601."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class LineProblem:
    """What is wrong with one line of a source.

    :param source: The source's name as given.
    :param line: Its line, from 1.
    :param field: The field concerned, empty for the line as a whole.
    :param value: What was found, shortened.
    :param reason: What was expected.
    """

    source: str
    line: int
    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        """Return the problem as one line of a report."""
        named = f"{self.field}: " if self.field else ""
        return f"{plain(self.source)}:{self.line}: {named}{self.value}: {self.reason}"


def plain(name: str) -> str:
    """Return the name of a source for a message, quoted if it is not printable."""
    return name if name.isprintable() else ascii(name)


def shown(value: object) -> str:
    """Return a value for a message: quoted, printable, at most a line long."""
    try:
        quoted = ascii(value) if isinstance(value, str) and folding.SURROGATE.search(value) else repr(value)
    except RecursionError:
        quoted = type(value).__name__
    return quoted if len(quoted) <= _SHOWN else quoted[:_SHOWN] + "…"


FIELDS = frozenset(Article.model_fields) - {"extra"}
"""The fields of an archive line."""


def validate(fields: Mapping[str, Any]) -> Article | list[tuple[str, str, str]]:
    """Return the article with these fields, or else its faults, each as (field, value, reason).

    Unknown fields go into `extra`.
    """
    known = {key: value for key, value in fields.items() if key in FIELDS}
    unknown = {key: value for key, value in fields.items() if key not in FIELDS and key != "extra"}
    given = fields.get("extra")
    if isinstance(given, Mapping):
        unknown = {**given, **unknown}
    elif given is not None:
        unknown["extra"] = given
    try:
        return Article.model_validate({**known, "extra": unknown})
    except ValidationError as error:
        return [
            (".".join(map(str, e["loc"])), shown(e["input"]), _reason(e["type"], e["msg"]))
            if e["type"] != "missing"
            else (str(e["loc"][0]), "nothing", "required")
            for e in error.errors(include_url=False)
        ]


def without_time_ahead(article: Article, now: datetime) -> tuple[Article, list[tuple[str, str, str]]]:
    """Drop an `updated_at` that lies too far ahead (`is_ahead`).

    :return: The article, and the faults found as (field, value, reason), at most one.
    """
    if not is_ahead(article.updated_at, now):
        return article, []
    fault = ("updated_at", shown(article.line()["updated_at"]), f"{latest(now)}; it is left out")
    return article.model_copy(update={"updated_at": None}), [fault]


def _reason(kind: str, message: str) -> str:
    return (
        "expected a string"
        if kind == "string_type"
        else message.removeprefix("Value error, ").replace("Input should be", "expected")
    )
