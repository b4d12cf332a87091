"""The article: its fields, what each may hold, and what is wrong with a line that is not one.

Owns the archive line of the public face. Knows nothing of files, formats or vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from indexer import text

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Vietnam's time, without daylight saving since 1975."""

_ID_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")
_SHOWN = 120
_DEEPEST = 64


def parse_time(value: object) -> datetime:
    """Return an ISO 8601 date or time as an aware datetime in Vietnam's time; without an offset it is Vietnam's.

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
        return aware.astimezone(UTC).astimezone(VIETNAM)  # by way of UTC, so that the answer can be parsed again
    except OverflowError:
        raise ValueError("expected a time within the years 1 to 9999") from None


def parse_day(value: str) -> date:
    """Return a bare date, `2023-11-07`.

    :raises ValueError: if the value is not one.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("expected a date such as 2023-11-07")
    return date.fromisoformat(value)


def _cleaned(value: object) -> object:
    return (text.clean(value) or None) if isinstance(value, str) else value


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
    if not isinstance(value, str):
        return value  # pydantic says that a string was expected
    if not 1 <= len(value) <= 128 or _ID_FORBIDDEN.search(value) or value in {".", ".."} or value != value.strip():
        raise ValueError(
            "expected 1 to 128 characters, no control characters, no '/', no outer blanks, not '.' or '..'"
        )
    return value


def _extra(value: object) -> object:
    """Return a JSON object that can be written and read again, lone surrogates replaced as `text.clean` does."""
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
        return text._SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {_repaired(key): _repaired(child) for key, child in value.items()}
    return [_repaired(child) for child in value] if isinstance(value, list) else value


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


OptionalText = Annotated[str | None, BeforeValidator(_cleaned)]
OptionalTime = Annotated[datetime | None, BeforeValidator(_time)]
Strings = Annotated[list[str], BeforeValidator(_strings)]
ArticleId = Annotated[str, BeforeValidator(_id)]


class Article(BaseModel):
    """One article of the archive. Text is clean (`text.clean`), times are in Vietnam's time, absent is None."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: ArticleId
    title: Annotated[str, BeforeValidator(_title), Field(min_length=1)]
    lead: OptionalText = None
    body: OptionalText = None
    body_html: OptionalText = None
    url: OptionalText = None
    aliases: Strings = []
    section: OptionalText = None
    author: OptionalText = None
    source: OptionalText = None
    tags: Strings = []
    published_at: OptionalTime = None
    updated_at: OptionalTime = None
    unpublish_at: OptionalTime = None
    image_url: OptionalText = None
    extra: Annotated[dict[str, Any], BeforeValidator(_extra)] = {}

    @property
    def plain_body(self) -> str | None:
        """Return the body as text, taken from the HTML where there is no text."""
        return self.body or (text.html_to_text(self.body_html) or None if self.body_html else None)

    @property
    def views(self) -> tuple[str, ...]:
        """Return what the encoder is given of this article (`text.encoded_views`)."""
        return text.encoded_views(self.title, self.lead, self.plain_body)

    @property
    def fullness(self) -> int:
        """Return how much of the article this is, in characters; of two readings of one id the fuller wins."""
        return sum(len(part or "") for part in (self.title, self.lead, self.plain_body))

    def public_at(self, now: datetime) -> bool:
        """Return whether the article may be seen at this time."""
        ahead = self.published_at is not None and self.published_at > now
        return not ahead and (self.unpublish_at is None or self.unpublish_at > now)

    def line(self) -> dict[str, Any]:
        """Return the archive line: every key present, null where unknown, times in ISO 8601."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one line of a source.

    :param source: The source as it was named.
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
    """Return the name of a source as it may stand in a message: itself, quoted where it cannot be printed."""
    return name if name.isprintable() else ascii(name)


def shown(value: object) -> str:
    """Return a value as it may stand in a message: quoted, printable, not longer than a line."""
    try:
        quoted = ascii(value) if isinstance(value, str) and text._SURROGATE.search(value) else repr(value)
    except RecursionError:
        quoted = type(value).__name__
    return quoted if len(quoted) <= _SHOWN else quoted[:_SHOWN] + "…"


FIELDS = frozenset(Article.model_fields) - {"extra"}
"""The fields of an archive line."""


def validate(fields: Mapping[str, Any]) -> Article | list[tuple[str, str, str]]:
    """Return the article that the fields make, else what is wrong: (field, value, reason), one for each fault.

    Fields that an article does not have go into `extra`.
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


def _reason(kind: str, message: str) -> str:
    return (
        "expected a string"
        if kind == "string_type"
        else message.removeprefix("Value error, ").replace("Input should be", "expected")
    )
