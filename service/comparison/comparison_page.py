"""The comparison as one self-contained HTML file: the format of figures, and the file itself.

Its text is in `wording.comparison`. Knows nothing of how lists are compared or ranked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from indexer.text.addresses import web_address
from service.comparison.comparison import NEAR_IDENTICAL, SAME_EVENT_RELEVANCE, Comparison, Figures
from service.wording import strings
from service.wording.comparison import ComparisonWords
from service.wording.strings import Strings


class NumberFormatter:
    """Formats figures for a language."""

    def __init__(self, language: Strings) -> None:
        self._language = language

    def decimal(self, value: float | None, digits: int = 1) -> str:
        """Return a number with this many decimal digits; a dash for None."""
        if value is None:
            return "–"
        whole, _, part = f"{value:.{digits}f}".partition(".")
        return self._language.number(int(whole)) + (self._language.decimal_symbol + part if part else "")

    def days(self, value: float | None) -> str:
        """Return a number of days, with a decimal digit below ten."""
        return self.decimal(value, 1 if value is None or round(value, 1) < 10 else 0)

    def share(self, value: float | None) -> str:
        """Return a share in per cent, with a decimal digit below ten unless it is whole; a dash for None."""
        if value is None:
            return "–"
        small = round(100 * value, 1) < 10 and round(100 * value, 1) % 1 > 0
        return self._language.percent.format(number=self.decimal(100 * value, 1 if small else 0))


def render(comparison: Comparison, code: str = "vi") -> str:
    """Return the page.

    :param code: Its language, `vi` or `en`.
    """
    language, words = strings.language(code), ComparisonWords.in_language(code)
    numbers = NumberFormatter(language)
    fields = sorted({pair.judged_by for pair in comparison.pairs if pair.judged_by})
    kind = 0 if not comparison.judged else 1 if comparison.judged == len(comparison.pairs) else 2
    filled = {
        "least": numbers.decimal(SAME_EVENT_RELEVANCE),
        "near": numbers.share(NEAR_IDENTICAL),
        "field": "”, “".join(fields),
        "judged": language.number(comparison.judged),
        "count": language.number(len(comparison.pairs)),
        "links": comparison.links,
        "articles": language.number(comparison.articles),
        "eligible": language.number(comparison.eligible),
        "wanted": language.number(comparison.wanted),
        "seed": comparison.seed,
        "snapshot": comparison.snapshot,
        "encoder": comparison.encoder,
        "made": language.moment(comparison.made_at),
    }
    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("compare.html").render(
        code=code,
        brand=language.brand,
        comparison=comparison,
        w=words,
        kind=kind,
        filled=filled,
        rows=_rows(comparison, words, numbers, kind, filled),
        numbers=numbers,
        day=lambda moment: _day(language, moment),
        address=web_address,
    )


def _rows(
    comparison: Comparison, words: ComparisonWords, numbers: NumberFormatter, kind: int, filled: Mapping[str, object]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the rows of the summary table: the measure, then for each list the figure and its base."""

    def counted(part: int, figures: Figures) -> str:
        return words.of_links.format(part=numbers.decimal(part, 0), all=numbers.decimal(figures.links, 0))

    both = (comparison.newest, comparison.related)
    return [
        (
            words.same_event[kind].format(**filled),
            [(numbers.share(f.same_event_share), counted(f.same_event, f)) for f in both],
        ),
        (words.relevance, [(numbers.decimal(f.relevance, 2), "") for f in both]),
        (words.days, [(numbers.days(f.days), "") for f in both]),
        (words.duplicates, [(numbers.decimal(f.duplicates, 0), counted(f.duplicates, f)) for f in both]),
        (words.sections, [(numbers.decimal(f.sections), "") for f in both]),
    ]


def _day(language: Strings, moment: datetime | None) -> str:
    return "" if moment is None else language.day(moment)


def write(path: Path, text: str) -> None:
    """Write a temporary file and rename it, so that nobody finds an incomplete file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
