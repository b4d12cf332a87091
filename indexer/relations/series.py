"""Which articles are instalments of a running series: gold prices, lottery, weather, horoscopes, news in brief.

A title of a series opens with the same words every time, its *head*: before a date or an hour ("Giá vàng hôm nay
3-4: ..."), before a colon ("Nhàn đàm: ..."), or a wording that only a service uses ("Lịch trực tiếp ..."). A head
counts where one paper comes back to it on enough days at a steady pace. The reports of one event share a head too, but
not for long, and people and places that open titles before a colon open others without one.

Owns the heads, the rules of recurrence and the files of the column. Knows nothing of ranking: what follows from being
an instalment is decided there. An article without a date belongs to no series.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from indexer.articles.article import VIETNAM
from indexer.files import arrays
from indexer.text.syllables import plain, readable, syllables

Codes = NDArray[np.int32]
Days = NDArray[np.int32]
Number = TypeVar("Number", bound=np.generic)
TitleForm = Literal["head", "timed", "service"]

CODES_FILE = "series.npy"
SERIES_FILE = "series.json"

LONGEST_HEAD = 8
"""In syllables; what is longer is a sentence."""

LEAST_DATED_DAYS = 4
"""On how many days a head with a date or an hour must stand."""
LEAST_BARE_DAYS = 8
"""The same where the title begins with its date, and for a service's wording."""
LEAST_DAYS = 5
"""The same for any other head."""
LEAST_SPAN = 14
"""Days from first to last of a head with `hôm nay` and the like, and of a service's wording."""
LONG_SPAN = 21
"""The same for a head before a colon, or one with a name in it: an event is over by then."""
LARGEST_GAP, LARGEST_SERVICE_GAP = 8, 3
"""Days between an instalment and the next, in the median: a weekly column that is late, a service every other day."""
LEAST_DATED_SHARE = 0.2
"""Of a paper's titles that open with the words of a dated head, how many must go on with a time."""
LEAST_RUBRIC_SHARE = 0.9
"""Of a paper's titles that open with the words of a rubric, how many must go on with a colon."""
MOST_A_DAY = 1.5
"""Instalments of a rubric on a day it appears: an event makes more."""
AHEAD, BEHIND = 8, 3
"""How many days a date in a title may lie after or before publication and still be the instalment's own."""

_PREFIXES = 5
_EPOCH = date(1970, 1, 1).toordinal()
_DIGIT = re.compile(r"\d")
_BREAK = re.compile(r":(?!\d)|\|")
_AFTER_BREAK = re.compile(r"[:|?!,.;\"“”'‘’]")
_TIME = re.compile(
    r"(?<![\w])(?:(?:sáng|trưa|chiều|tối|đêm|ngày|lúc|tuần|chủ nhật|thứ (?:hai|ba|tư|năm|sáu|bảy)),? (?:và )?){0,8}"
    r"(?:(?P<day>\d{1,2}) ?(?:[-/.]|tháng) ?(?P<month>\d{1,2})(?:(?:[-/.]| năm )(?:\d{4}|\d\d))?(?![\w%])"
    r"|(?P<clock>\d{1,2}(?:h\d{0,2}|:\d\d| giờ))(?!\w)"
    r"|(?P<word>hôm nay|ngày mai|hôm qua|(?:sáng|trưa|chiều|tối|đêm|tuần|tháng) (?:nay|này)|tuần (?:mới|tới|qua)"
    r"|cuối tuần|mới nhất)(?!\w)"
    r"|(?<=ngày )(?:thứ )?(?P<count>\d[\d.]*)(?![\w%/-]))"
)

_SERVICES = {
    "lịch trực tiếp": "lịch thi đấu",
    "lịch thi đấu": "lịch thi đấu",
    "lịch phát sóng": "lịch phát sóng",
    "lịch truyền hình": "lịch phát sóng",
    "lịch âm": "lịch âm",
    "lịch vạn niên": "lịch âm",
    "bảng xếp hạng": "bảng xếp hạng",
    "tử vi": "tử vi",
    "<n> con giáp": "tử vi",
    "cung hoàng đạo": "tử vi",
    "dự báo thời tiết": "thời tiết",
    "giá vàng miếng": "giá vàng",
    "giá vàng nhẫn": "giá vàng",
    "giá vàng sjc": "giá vàng",
    "giá vàng thế giới": "giá vàng",
    "giá vàng trong nước": "giá vàng",
    "giá dầu thế giới": "giá dầu",
    "xsmb": "xổ số miền bắc",
    "xsmn": "xổ số miền nam",
    "xsmt": "xổ số miền trung",
}
"""Openings that papers use for a service only, dated or not, with their kind."""
_LONGEST_SERVICE = max(len(opening.split()) for opening in _SERVICES)

_NUMBERS = frozenset("hai ba bốn năm sáu bảy tám chín mười".split())
_EVERYDAY = re.compile(
    r"(?:giá|tỷ giá|tỉ giá|thời tiết|dự báo|xổ số|kết quả|lịch|tử vi|điểm tin|bản tin|bảng xếp hạng)(?!\w)"
)
"""How a head begins that may hold a name and is no event: the weather of a town, a league's results."""
_FILLER = re.compile("(?:bản tin|cập nhật|dự báo|kết quả|tin tức|thông tin|tình hình|trực tiếp|tin) (?=.* )")
"""What may stand before the subject of a head, two syllables at least, without changing it."""
_PRICE = re.compile("^t[ỷỉ] giá ")
_IN_BRIEF = frozenset({"bản tin", "điểm tin", "đọc nhanh", "tin nhanh", "tin tức", "tin vắn", "toàn cảnh", "xem nhanh"})

_NAMED, _WORDED, _DATED = 1, 2, 4
"""Flags of a row: a capital within its head, a word like `hôm nay`, a date of its own or an hour."""


class TitleHead(NamedTuple):
    """How a title opens.

    :param words: Its syllables before a time or colon, digits masked.
    :param flags: What stands there.
    :param ahead: Days from publication to the date that the title names as its own, 0 where it names none.
    """

    words: tuple[str, ...]
    flags: int
    ahead: int = 0


class _Time(NamedTuple):
    start: int
    end: int
    flag: int
    ahead: int


def head(title: str, published: date) -> TitleHead | None:
    """Return the head of a title, or None where it has none that could come back.

    A title that begins with its date has `<time>` and its next two syllables for a head.
    """
    shown = readable(title)
    text = plain(title)
    found = _BREAK.search(text)
    end = found.start() if found else len(text)
    times = list(_times(text, published))
    first = next((time for time in times if time.start <= end), None)
    if first is None and not found:
        return None
    ahead = next((time.ahead for time in times if time.flag == _DATED), 0)
    flags = max((time.flag for time in times), default=0) if first else 0
    opening = first.start if first else end
    words = _masked(text[:opening])
    if first and not words:
        return _after_time(text, times, flags, ahead)
    if not 1 <= len(words) <= LONGEST_HEAD or (len(words) == 1 and flags != _DATED):
        return None
    named = len(shown) == len(text) and _has_name(shown, opening) and not _EVERYDAY.match(text)
    return TitleHead(words, flags | (_NAMED if named else 0), ahead)


def _after_time(text: str, times: Sequence[_Time], flags: int, ahead: int) -> TitleHead | None:
    """Return the head of a title that begins with its date: `<time>` and two syllables."""
    end = times[0].end
    for time in times[1:]:
        end = time.end if time.start <= end + 2 else end
    words = ("<time>", *_masked(_AFTER_BREAK.split(text[end:])[0])[:2])
    return TitleHead(words, flags, ahead) if flags == _DATED and len(words) == 3 else None


def _times(text: str, published: date) -> Iterator[_Time]:
    """Yield the times in a title; a date is one only where it is about its publication."""
    for found in _TIME.finditer(text):
        if found["day"]:
            ahead = _days_ahead(int(found["day"]), int(found["month"]), published)
            if ahead is not None:
                yield _Time(*found.span(), _DATED, ahead)
        else:
            yield _Time(*found.span(), _DATED if found["clock"] else _WORDED, 0)


def _days_ahead(day: int, month: int, published: date) -> int | None:
    """Return how many days after publication a day of a month lies; None if it is not about then."""
    for year in {published.year, published.year + (month == 1) - (month == 12)}:
        try:
            ahead = (date(year, month, day) - published).days
        except ValueError:
            continue
        if -BEHIND <= ahead <= AHEAD:
            return ahead
    return None


def _masked(text: str) -> tuple[str, ...]:
    return tuple("<n>" if _DIGIT.search(word) else word for word in syllables(text))


def _has_name(title: str, end: int) -> bool:
    """Return whether a capital stands in title[:end] after its first letter; a title in capitals shows none."""
    return not title.isupper() and any(c.isupper() for c in title[:end].lstrip("\"“'‘ ")[1:])


def service_kind(words: Sequence[str]) -> str | None:
    """Return the kind of the service whose wording the syllables of a title open with, or None."""
    if words and words[0] in _NUMBERS:
        words = ("<n>", *words[1:])
    for length in range(_LONGEST_SERVICE, 0, -1):
        if found := _SERVICES.get(" ".join(words[:length])):
            return found
    return None


def kind(words: Sequence[str]) -> str:
    """Return what a head is about, so that two papers' series of one subject meet: `giá vàng`, `thời tiết`."""
    if served := service_kind(words):
        return served
    text = " ".join(words)
    while found := _FILLER.match(text):
        text = text[found.end() :]
    return "điểm tin" if text in _IN_BRIEF else _PRICE.sub("giá ", text)


@dataclass(frozen=True)
class Pattern:
    """What the instalments of one series have in common.

    :param head: The words that open their titles.
    :param kind: The subject, which series of several papers may share.
    :param source: The paper, or None where the archive does not say.
    :param named: Whether the head holds a name, as the daily bulletins of a war do: news of a story that runs on.
    :param by: What of a title makes it an instalment: its head, a head with a time, or the wording of a service.
    """

    head: str
    kind: str
    source: str | None
    named: bool = False
    by: TitleForm = "head"


@dataclass(frozen=True)
class Series:
    """The series of a segment.

    :param codes: (n,) int32, the series of each article row, -1 for none.
    :param patterns: What each code stands for.
    """

    codes: Codes
    patterns: tuple[Pattern, ...]

    @property
    def kinds(self) -> tuple[Codes, list[str]]:
        """Return the kind of each article row, (n,) int32 with -1 for none, and the kinds' names."""
        names = sorted({pattern.kind for pattern in self.patterns})
        at = {name: number for number, name in enumerate(names)}
        of = np.array([*(at[pattern.kind] for pattern in self.patterns), -1], dtype=np.int32)
        return of[self.codes], names

    @classmethod
    def load(cls, directory: Path) -> Series:
        """Return the series of a segment's directory, codes mapped."""
        codes: Codes = arrays.mapped(directory / CODES_FILE)
        patterns = json.loads((directory / SERIES_FILE).read_text(encoding="utf-8"))
        return cls(codes, tuple(Pattern(**pattern) for pattern in patterns))


class _TitleWords(NamedTuple):
    words: tuple[str, ...]
    source: str | None


class SeriesWriter:
    """Gathers how the titles of articles added in row order open, 42 bytes an article, and finds the series in the end.

    Heads are kept as hashes; the words only of those that were seen LEAST_DATED_DAYS times (a small table of counts,
    whose collisions cost a few words kept for nothing).

    :param known: The series of the archive that the articles are added to, where they are: too few to find any in.
    """

    def __init__(self, known: Sequence[Pattern] | None = None) -> None:
        self._known = known
        self._keys, self._days = array("Q"), array("i")
        self._ahead, self._flags, self._services = array("b"), array("B"), array("Q")
        self._openings = array("I")
        self._seen = bytearray(1 << 20)
        self._texts: dict[int, _TitleWords] = {}

    def add(self, title: str, source: str | None, published_at: datetime | None) -> None:
        """Add the article of the next row."""
        if published_at is None:
            self._append(None, 0, 0, 0, (0,) * _PREFIXES)
            return
        published = published_at.astimezone(VIETNAM).date()
        words = _masked(" ".join(title.split(" ")[: 2 * LONGEST_HEAD]))
        found = head(title, published)
        served = service_kind(words)
        self._append(
            found,
            self._noted(found.words, source) if found else 0,
            published.toordinal() - _EPOCH,
            self._noted(tuple(served.split()), source) if served else 0,
            [crc32("\x1f".join((source or "", *words[:length])).encode()) for length in range(1, _PREFIXES + 1)],
        )

    def _append(self, found: TitleHead | None, key: int, day: int, service_key: int, openings: Sequence[int]) -> None:
        self._keys.append(key)
        self._days.append(day)
        self._ahead.append(found.ahead if found else 0)
        self._flags.append(found.flags if found else 0)
        self._services.append(service_key)
        self._openings.extend(openings)

    def _noted(self, words: tuple[str, ...], source: str | None) -> int:
        """Return the hash of a head in a paper, and keep its words once it was seen often enough."""
        key = _key(words, source)
        slot = key % len(self._seen)
        if self._seen[slot] < LEAST_DATED_DAYS:
            self._seen[slot] += 1
        if self._seen[slot] == LEAST_DATED_DAYS and key not in self._texts:
            self._texts[key] = _TitleWords(words, source)
        return key

    def found(self) -> Series:
        """Return the series in what was added; the same in whatever order it came, but for the codes' rows."""
        if self._known is not None:
            return self._continued(self._known)
        days, flags = _view(self._days, np.int32), _view(self._flags, np.uint8)
        own_days = days + _view(self._ahead, np.int8)
        codes = np.full(len(days), -1, dtype=np.int32)
        patterns: list[Pattern] = []

        def take(key: int, rows: NDArray[np.int64], by: TitleForm) -> None:
            if rows.size:
                text = self._texts[key]
                codes[rows] = len(patterns)
                named = _mostly(flags[rows] & _NAMED)
                patterns.append(Pattern(" ".join(text.words), kind(text.words), text.source, named, by))

        for key, rows in _groups(_view(self._services, np.uint64)):
            if _recurs(days[rows], LEAST_BARE_DAYS, LEAST_SPAN, LARGEST_SERVICE_GAP):
                take(key, rows, "service")
        heads = list(_groups(_view(self._keys, np.uint64)))
        opened = self._opened([(self._texts[key].words, int(rows[0])) for key, rows in heads])
        for (key, rows), alike in zip(heads, opened, strict=True):  # after services: a head says more
            take(key, *_instalments(rows, own_days[rows], flags[rows], self._texts[key].words, alike))
        return _compact(codes, patterns)

    def _continued(self, known: Sequence[Pattern]) -> Series:
        """Return the instalments of series that are known already."""
        heads, services = _view(self._keys, np.uint64), _view(self._services, np.uint64)
        timed = (_view(self._flags, np.uint8) & (_DATED | _WORDED)) != 0
        codes = np.full(len(heads), -1, dtype=np.int32)
        for code, pattern in sorted(enumerate(known), key=lambda item: item[1].by != "service"):  # a head says more
            key = _key(tuple(pattern.head.split()), pattern.source)
            found = (services if pattern.by == "service" else heads) == key
            codes[found & timed if pattern.by == "timed" else found] = code
        return _compact(codes, list(known))

    def _opened(self, heads: Sequence[tuple[Sequence[str], int]]) -> list[int]:
        """Return for each (words, one row that has them) how many titles of the paper open with these words."""
        openings = _view(self._openings, np.uint32).reshape(-1, _PREFIXES)
        lengths = [min(len(words), _PREFIXES) - 1 for words, _ in heads]
        wanted = [openings[row, length] for length, (_, row) in zip(lengths, heads, strict=True)]
        counted = []
        for length in range(_PREFIXES):
            values = np.unique(np.array([w for w, at in zip(wanted, lengths, strict=True) if at == length], np.uint32))
            column = openings[np.isin(openings[:, length], values), length]
            counted.append(dict(zip(*(part.tolist() for part in np.unique(column, return_counts=True)), strict=True)))
        return [counted[length][int(value)] for length, value in zip(lengths, wanted, strict=True)]

    def write(self, directory: Path) -> None:
        """Write the codes and their patterns."""
        series = self.found()
        arrays.save(directory / CODES_FILE, series.codes)
        patterns = [asdict(pattern) for pattern in series.patterns]
        (directory / SERIES_FILE).write_text(json.dumps(patterns, ensure_ascii=False), encoding="utf-8")


def _key(words: Sequence[str], source: str | None) -> int:
    return int.from_bytes(blake2b("\x1f".join((source or "", *words)).encode(), digest_size=8).digest()) or 1


def _view(values: array[int], dtype: type[Number]) -> NDArray[Number]:
    """Return an array's values without a copy; only while nothing is added."""
    return np.frombuffer(values, dtype=dtype) if values else np.empty(0, dtype=dtype)


def _groups(keys: NDArray[np.uint64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each key but 0 that enough rows have, with these rows in order."""
    order = np.argsort(keys, kind="stable")
    values, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    for value, start, count in zip(values.tolist(), starts.tolist(), counts.tolist(), strict=True):
        if value and count >= LEAST_DATED_DAYS:
            yield value, order[start : start + count]


def _instalments(
    rows: NDArray[np.int64], days: Days, flags: NDArray[np.uint8], words: Sequence[str], alike: int
) -> tuple[NDArray[np.int64], TitleForm]:
    """Return which rows of one head are instalments of a series, all with a time, all, or none, and which of these.

    :param rows: (m,) int64.
    :param days: (m,) int32, the days that the titles name, else those of publication, since 1970: all that is written
        about a holiday, "30-4", names one day.
    :param flags: (m,) uint8.
    :param alike: How many titles of the paper open with the words.
    """
    timed = (flags & (_DATED | _WORDED)) != 0
    dated = (flags & _DATED) != 0
    named = _mostly(flags & _NAMED)
    if words[0] == "<time>":
        return rows[: len(rows) * _recurs(days, LEAST_BARE_DAYS, LONG_SPAN)], "head"
    if np.count_nonzero(timed) >= LEAST_DATED_SHARE * alike:
        span = LONG_SPAN if named else 0
        if _recurs(days[dated], LEAST_DATED_DAYS, span) or (
            len(words) > 1 and _recurs(days[timed], LEAST_DAYS, max(span, LEAST_SPAN))
        ):
            return np.compress(timed, rows), "timed"
    rubric = len(words) > 1 and not named and len(rows) >= LEAST_RUBRIC_SHARE * alike
    if rubric and len(rows) <= MOST_A_DAY * len(np.unique(days)) and _recurs(days, LEAST_DAYS, LONG_SPAN):
        return rows, "head"
    return rows[:0], "head"


def _mostly(flags: NDArray[np.integer[Any]]) -> bool:
    return bool(2 * np.count_nonzero(flags) > len(flags))


def _recurs(days: Days, least: int, span: int, gap: int = LARGEST_GAP) -> bool:
    """Return whether days since 1970 are at least so many, so long from first to last, at a steady pace."""
    distinct = np.unique(days)
    if len(distinct) < least:
        return False
    return bool(distinct[-1] - distinct[0] >= span and np.median(np.diff(distinct)) <= gap)


def _compact(codes: Codes, patterns: list[Pattern]) -> Series:
    """Return the series that have rows left, the largest first."""
    counts = np.bincount(codes[codes >= 0], minlength=len(patterns))
    order = sorted((at for at in range(len(patterns)) if counts[at]), key=lambda at: (-counts[at], str(patterns[at])))
    new = np.full(len(patterns) + 1, -1, dtype=np.int32)
    new[order] = np.arange(len(order))
    return Series(new[codes], tuple(patterns[at] for at in order))
