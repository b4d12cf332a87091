"""Reports what a source holds before it is indexed: counts, the first articles, and what looks wrong.

Publishes nothing. `indexer.articles.article` decides whether a reading is an article, `indexer.articles.looks` what is
odd in one article, `indexer.sources.tally` what is odd in many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from indexer.articles.article import Article, LineProblem, plain, shown, validate, without_time_ahead
from indexer.articles.looks import Finding, Severity, looks
from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from indexer.sources.tally import ReadingTally, cut

_PROBLEMS = 20
_EXAMPLES = 3
_SHOWN_BODY = 160


@dataclass
class Inspection:
    """The content of sources.

    :param lines: Readings, bad ones included.
    :param articles: Distinct ids among valid articles.
    :param rejected: Readings that are not articles.
    :param repeated: Readings whose id had an earlier reading.
    :param missing: Field -> articles that lack it.
    :param first: The first articles as they would be indexed.
    :param problems: The first faults, with source, line, field, value and reason.
    :param ahead: Readings whose `updated_at` lies too far ahead to count.
    :param unreadable: Why a source could not be read, or not to its end.
    """

    lines: int = 0
    articles: int = 0
    rejected: int = 0
    repeated: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)
    problems_by_field: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Return whether every source could be read and articles were found."""
        return self.articles > 0 and not self.unreadable

    def as_json(self) -> dict[str, Any]:
        """Return all of it as a JSON object."""
        return asdict(self)


def inspect(
    sources: Sequence[str],
    options: SourceOptions,
    now: datetime,
    show: int = 5,
    progress: Callable[[int], None] = lambda lines: None,
) -> Inspection:
    """Read the sources as a build would and report what they hold.

    :param now: Dates after this are in the future.
    :param show: The number of articles to show.
    :param progress: Called now and then with the number of readings so far.
    """
    report = Inspection()
    with closing(ReadingTally()) as tally:
        for source in sources:
            try:
                for reading in read_source(source, options):
                    _take(report, tally, source, reading, now, show)
                    if report.lines % 1000 == 0:
                        progress(report.lines)
            except SourceError as error:
                report.unreadable.append(str(error))
        progress(report.lines)
        report.articles = tally.articles()
        report.missing = tally.missing()
        report.findings = [*_reading_findings(report), *tally.findings()]
    return report


def _take(
    report: Inspection, tally: ReadingTally, source: str, reading: Reading | BadLine, now: datetime, show: int
) -> None:
    report.lines += 1
    source = plain(reading.file or source)
    if isinstance(reading, BadLine):
        _reject(report, [LineProblem(source, reading.line, "", shown(reading.raw), reading.reason)])
        return
    found = validate(reading.fields)
    if isinstance(found, list):
        _reject(report, [LineProblem(source, reading.line, *fault) for fault in found])
        return
    found, faults = without_time_ahead(found, now)
    report.ahead += [str(LineProblem(source, reading.line, *fault)) for fault in faults]
    place = f"{source}:{reading.line}"
    body = found.plain_body
    if len(report.first) < show:
        report.first.append(_preview(place, found, body))
    report.repeated += tally.add(place, found, body, looks(found, body, now), reading.derived)


def _reject(report: Inspection, problems: list[LineProblem]) -> None:
    report.rejected += 1
    report.problems += problems[: max(0, _PROBLEMS - len(report.problems))]
    for name in (problem.field or "(line)" for problem in problems):
        report.problems_by_field[name] = report.problems_by_field.get(name, 0) + 1


def _preview(place: str, article: Article, body: str | None) -> dict[str, Any]:
    line = article.line()
    fields = ("id", "title", "lead", "published_at", "section", "author", "url", "tags")
    return {"place": place, **{name: line[name] for name in fields}, "body": cut(body or "", _SHOWN_BODY) or None}


def _reading_findings(report: Inspection) -> Iterator[Finding]:
    if report.unreadable:
        text = "sources cannot be read, or not to their end"
        yield Finding(Severity.ERROR, "unreadable", len(report.unreadable), text, report.unreadable[:_EXAMPLES])
    if not report.articles:
        yield Finding(Severity.ERROR, "no_articles", 0, "articles found")
    if report.rejected:
        examples = [str(problem) for problem in report.problems]
        yield Finding(Severity.ERROR, "bad_lines", report.rejected, "lines are not articles", examples)
    if report.ahead:
        text = "articles have an updated_at of more than a day from now, which is left out"
        yield Finding(Severity.WARNING, "updated_ahead", len(report.ahead), text, report.ahead[:_EXAMPLES])
