"""The doctor's findings about a home: keys, the API's changes, and followed sources.

Only reports; changes nothing. Knows nothing of processor, model or network (`service.upkeep.doctor`).
"""

from __future__ import annotations

import logging
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from indexer.articles.article import VIETNAM
from indexer.backup import RESTORING
from indexer.building.ingest import ingestion
from indexer.errors import IndexerError
from indexer.files import private
from indexer.snapshot.home import Home
from indexer.sources.following import Condition, condition
from service.errors import NotReady
from service.security import keys, people, sessions

_PATIENCE = timedelta(minutes=5)
"""How long a change may wait to be served; beyond that something is wrong. Model and archive take seconds."""

_SOON, _UNUSED = timedelta(days=14), timedelta(days=90)
"""A key is reported if it ends or has ended within the first time, or was not used for longer than the second."""

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: its subject, its status, and what to do.

    :param status: `problem` if something is wrong, `warning` if it may be intended.
    """

    subject: str
    status: Status
    found: str
    advice: str = ""


def examine_home(home: Path) -> Iterator[CheckResult]:
    """Yield findings for keys, changes, the process that ingests, following, and each source with a problem."""
    yield _modes(home)
    yield from _restoring(home)
    yield from _keys(home)
    yield from _changes(Home(home))
    yield from _sources(condition(home))


@contextmanager
def heard() -> Iterator[list[str]]:
    """Yield a list that collects the service's warnings and errors instead of logging them."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                lines.append(record.getMessage())

    floor, listener = logging.getLogger("service"), Listener()
    propagates, floor.propagate = floor.propagate, False
    floor.addHandler(listener)
    try:
        yield lines
    finally:
        floor.removeHandler(listener)
        floor.propagate = propagates


def _modes(home: Path) -> CheckResult:
    """Check whether others than its owner may read the home."""
    if not home.is_dir():
        return CheckResult("modes", "ok", "no home yet: it will be its owner's alone")
    found = list(private.exposed(home))
    if not found:
        return CheckResult("modes", "ok", f"{home}: its owner alone can read it")
    told = (
        f"{len(found)} files or directories of {home} can be read by others than their owner, {found[0].name} for one"
    )
    return CheckResult("modes", "problem", told, f"`chmod -R go= {home}`; texts under embargo lie there")


def _restoring(home: Path) -> Iterator[CheckResult]:
    """Check whether a restore was completed."""
    if (home / RESTORING).exists():
        advice = "stop the service and run `lienquan restore` again: it removes what is there of the backup first"
        yield CheckResult("restore", "problem", f"{home}: restoring a backup was broken off", advice)


def _keys(home: Path) -> Iterator[CheckResult]:
    """Check the keys: readable by the service alone, their scopes, and keys that need attention."""
    every = _all_keys(home)
    if isinstance(every, CheckResult):
        yield every
        return
    scopes = Counter(scope for key in every if key.counts for scope in key.scopes)
    opened = ", ".join(f"{scope} {count}" for scope, count in sorted(scopes.items()))
    count = sum(key.counts for key in every)
    none = "none that count: nobody writes by the API, nor signs in to the newsroom's pages with one"
    yield CheckResult("keys", "ok", f"{count} that count: {opened}" if count else none)
    followed = {key.follows for key in every}
    for key in every:
        if key.revoked is None and key.id not in followed:
            yield from _age(key, datetime.now(UTC).timestamp())


def _age(key: keys.Key, now: float) -> Iterator[CheckResult]:
    """Report a key without a successor that ends soon, has ended lately, or was not used for long."""
    used = key.last_used or key.created
    if key.expires is not None and abs(key.expires - now) < _SOON.total_seconds():
        state = "ended" if key.expired else "ends"
        advice = f"`lienquan keys rotate {key.id}` makes one that follows it"
        told = f"{key.name}: {state} {_time(datetime.fromtimestamp(key.expires, UTC))}"
        yield CheckResult(f"key {key.id}", "warning", told, "make another, if it is needed" if key.expired else advice)
    elif key.counts and now - used > _UNUSED.total_seconds():
        state = "made, and never used since," if key.last_used is None else "last used"
        told = f"{key.name}: {state} {_time(datetime.fromtimestamp(used, UTC))}"
        yield CheckResult(f"key {key.id}", "warning", told, f"`lienquan keys revoke {key.id}`, if nobody needs it")


def _all_keys(home: Path) -> list[keys.Key] | CheckResult:
    """Return the keys, or a finding that they cannot be read or trusted."""
    for name in (keys.FILE, sessions.FILE, people.FILE):
        path = home / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            advice = f"`chmod 600 {path}`, then make new keys for those that may have been read"
            return CheckResult("keys", "problem", f"{path}: others than its owner may read it", advice)
    with heard() as said:
        try:
            return keys.KeyStore(home).all()
        except (NotReady, OSError) as error:
            advice = "restore it from a backup, or take it away and make new keys"
            return CheckResult("keys", "problem", said[0] if said else str(error), advice)


def _changes(home: Home) -> Iterator[CheckResult]:
    """Check the API's changes: served, published, or waiting, and whether a process ingests them."""
    try:
        how = ingestion(home)
    except IndexerError as error:
        yield CheckResult("changes", "problem", str(error), "restore the file from a backup; the log says more")
        return
    since = "" if how.since is None else f", the first since {_time(how.since)}"
    if not how.waiting:
        yield CheckResult("changes", "ok", f"none waits to be served, {how.unpublished} to be published")
    elif not how.running:
        advice = "`lienquan serve` brings them in, `lienquan merge` publishes them without it"
        yield CheckResult("changes", "warning", f"{how.waiting} wait{since}", advice)
    elif how.since is not None and datetime.now(UTC) - how.since > _PATIENCE:
        yield CheckResult("changes", "problem", f"{how.waiting} wait{since}", "the service's log says what keeps them")
    else:
        yield CheckResult("changes", "ok", f"{how.waiting} are being brought in{since}")
    said = "a process brings in what the API writes" if how.running else "no process runs, as no service does"
    yield CheckResult(
        "ingestion", "ok" if how.running or not how.waiting else "warning", said, "start `lienquan serve`"
    )


def _sources(how: Condition) -> Iterator[CheckResult]:
    """Check the sources that `sync` follows."""
    if not how.followed:
        yield CheckResult("sync", "ok", "no sources are followed")
        return
    asked = f"sources last asked {'never' if how.state.asked is None else _time(how.state.asked)}"
    if how.state.problem:
        advice = "if it is meant so, `lienquan index` the sources with --allow-shrink; else mend them"
        if how.state.stalls:
            advice = f"{how.state.stalls} in a row; it is begun again each time, its log says what it was at"
        yield CheckResult("sync", "problem", f"not published: {how.state.problem}", advice)
    elif how.stopped:
        yield CheckResult(
            "sync", "warning", f"no process follows them any more, {asked}", "start `lienquan sync` again"
        )
    elif how.late:
        advice = "its log says what it waits for; it can be stopped and started at any time"
        yield CheckResult("sync", "problem", f"{asked}, overdue", advice)
    else:
        yield CheckResult("sync", "ok", f"{asked}, {len(how.state.sources)} of them")
    for source in how.failing:
        since = "" if source.since is None else f" since {_time(source.since)}"
        advice = "what it had stays; it is asked again each time"
        yield CheckResult(f"source {source.name}", "problem", f"{source.problem}{since}", advice)


def _time(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).isoformat(timespec="seconds")
