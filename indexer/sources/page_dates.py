"""Parses the times on newspapers' pages, written by people or machines, into ISO 8601.

Pure functions. The day comes before the month, as is usual in Vietnam. A time without an offset stays without.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_DAY = re.compile(
    r"(?<![\d/.-])(?:(?P<d>\d{1,2})\s?[/.-]\s?(?P<m>\d{1,2})\s?[/.-]\s?(?P<y>(?:19|20)\d\d)"
    r"|(?:ngày\s+)?(?P<d2>\d{1,2})\s+tháng\s+(?P<m2>\d{1,2})\s*(?:,|năm)\s*(?P<y2>(?:19|20)\d\d)"
    r"|(?P<d3>\d{1,2})\s+tháng\s+(?P<m3>\d{1,2})\s+(?P<y3>(?:19|20)\d\d))(?![\d/])",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?<![\d:])(\d{1,2})\s?(?::|h|giờ)\s?(\d\d)(?::(\d\d))?(?:\s*(AM|PM|SA|CH)\b)?(?![\d])", re.IGNORECASE
)
_OFFSET = re.compile(r"(?:GMT|UTC)\s*([+-])\s*(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)


def to_iso(value: str) -> str | None:
    """Return a time as ISO 8601, with the given precision; None if it is not a time."""
    value = " ".join(value.split())[:200]
    try:
        return _iso(value) or _vietnamese(value) or _rfc822(value)
    except (ValueError, OverflowError):
        return None


def _iso(value: str) -> str | None:
    found = _ISO.match(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second)
    if found[4] is None:
        return f"{moment:%Y-%m-%d}" if year >= 1000 else None
    offset = found[7] or ""
    return moment.isoformat() + (f"{offset[:3]}:{offset[-2:]}" if offset[:1] in {"+", "-"} else offset and "+00:00")


def _vietnamese(value: str) -> str | None:
    found = _DAY.search(value)
    if found is None:
        return None
    day, month, year = (int(next(filter(None, (found[k], found[k + "2"], found[k + "3"])))) for k in "dmy")
    moment = datetime(year, month, day)
    clock = _CLOCK.search(value, found.end()) or _CLOCK.search(value[: found.start()])
    if clock is None:
        return f"{moment:%Y-%m-%d}"
    hour, half = int(clock[1]), (clock[4] or "").upper()
    if half in {"PM", "CH"} and hour < 12:
        hour += 12
    elif half in {"AM", "SA"} and hour == 12:
        hour = 0
    moment = moment.replace(hour=hour, minute=int(clock[2]), second=int(clock[3] or 0))
    zone = _OFFSET.search(value)
    if zone:
        shift = timedelta(hours=int(zone[2]), minutes=int(zone[3] or 0))
        moment = moment.replace(tzinfo=timezone(-shift if zone[1] == "-" else shift))
    return moment.isoformat()


def _rfc822(value: str) -> str | None:
    return (
        parsedate_to_datetime(value).isoformat()
        if re.match(r"(?:[A-Za-z]{3},? )?\d{1,2} [A-Za-z]{3} \d{4}", value)
        else None
    )
