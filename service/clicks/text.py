"""The output of `lienquan report clicks`: the report as a JSON object or as lines, and judgements as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from indexer.articles.article import VIETNAM, parse_day, parse_time
from service.clicks.intervals import Rate
from service.clicks.log import ClickCounts
from service.clicks.report import CountedRate, TrialReport, compare, judgements
from service.files.whole import whole

_DAYS = timedelta(days=30)


def bounds(since: str | None, until: str | None, now: datetime | None = None) -> tuple[float, float]:
    """Return the bounds of the reported time, in seconds since 1970; by default the last 30 days.

    :raises ValueError: naming the bound that is neither a date nor a time.
    """
    clock = now or datetime.now(UTC)
    first = clock - _DAYS if since is None else _moment("since", since, 0)
    last = clock if until is None else _moment("until", until, 1)
    if first >= last:
        raise ValueError(f"since: {since!r}: expected a time before until, {last.isoformat(timespec='seconds')}")
    return first.timestamp(), last.timestamp()


def _moment(name: str, value: str, days: int) -> datetime:
    """Return a time; for a bare date, the start of the day `days` later in Vietnam."""
    try:
        if len(value) == 10:
            day = parse_day(value) + timedelta(days=days)
            return datetime.combine(day, time(), VIETNAM)
        return parse_time(value)
    except ValueError as error:
        raise ValueError(f"{name}: {value!r}: {error}") from None


def report(counts: ClickCounts) -> dict[str, Any]:
    """Return the whole report."""
    total = CountedRate.of(counts.total())
    return {
        **{name: value for name, value in _counted(total).items() if name != "key"},
        "by_position": [_counted(CountedRate.of(tally), "position", int) for tally in counts.by("position")],
        "by_reason": [_counted(CountedRate.of(tally), "reason") for tally in counts.by("reason")],
        "trials": [_compared(compare(counts, name)) for name in counts.trials()],
    }


def _counted(counted: CountedRate, key: str = "key", kind: type = str) -> dict[str, Any]:
    named = {key: kind(counted.key)}
    return {**named, "shown": counted.shown, "clicked": counted.clicked, **counted.rate._asdict()}


def _compared(found: TrialReport) -> dict[str, Any]:
    return {
        "trial": found.trial,
        "unit": found.unit,
        "arms": [_counted(arm, "arm") for arm in (found.a, found.b)],
        "wins_a": found.wins_a,
        "wins_b": found.wins_b,
        "ties": found.ties,
        "share_of_b": found.share._asdict(),
        "p": found.p,
        "preference_of_b": found.preference,
        "difference": None if found.difference is None else found.difference._asdict(),
    }


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield a report as lines for a person."""
    yield f"{told['clicked']} clicks on {told['shown']} articles shown: {_rate(told)}"
    for title, key in (("by position", "position"), ("by reason", "reason")):
        yield f"{title}:"
        for row in told[f"by_{key}"]:
            yield f"{row[key]:>20}  {_rate(row)}  ({row['clicked']} of {row['shown']})"
    for trial in told["trials"]:
        yield f"trial {trial['trial']}:"
        for row in trial["arms"]:
            name = "first" if row["arm"] == "a" else "second"
            yield f"{name:>20}  {_rate(row)}  ({row['clicked']} of {row['shown']})"
        share = _rate(trial["share_of_b"])
        won = f"first {trial['wins_a']}, second {trial['wins_b']}, ties {trial['ties']}"
        yield f"{'won, by ' + trial['unit']:>20}  {won}; second {share} of those won, p = {trial['p']:.3g}"
        if trial["difference"] is not None:
            yield f"{'second - first':>20}  {_rate(trial['difference'])}"


def _rate(row: dict[str, Any]) -> str:
    rate = Rate(row["rate"], row["low"], row["high"])
    middle = "-" if rate.rate is None else f"{rate.rate:.2%}"
    return f"{middle} ({rate.low:.2%} to {rate.high:.2%})"


def write_qrels(counts: ClickCounts, least_shown: int, path: Path) -> int:
    """Write judgements from clicks (`clicks.report.judgements`), and return their number."""
    written = 0
    with whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        for judged in judgements(counts, least_shown):
            file.write(f"{judged.seed}\t{judged.article}\t{judged.grade}\n")
            written += 1
    return written
