"""Commands that keep an archive up to date with its sources: `sync`, and `status`, which shows its state."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from service.commands.common import (
    load_encoder,
    plain_errors,
    retained,
    source_options,
    with_home,
    with_json,
    with_model,
    with_source_options,
)

if TYPE_CHECKING:
    from datetime import datetime

    from indexer.limits.watchdog import Pulse
    from indexer.sources.following import FollowedSources
    from models.encoder import Encoder

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Duration(click.ParamType[float]):
    """Seconds, minutes, hours or days, as `90s`, `5m`, `2h`, `1d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", str(value))
        if found is None or not float(found[1]):
            self.fail(f"{value!r}: expected a number and s, m, h or d, such as 5m", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@with_home
@click.option("--every", type=_Duration(), default="5m", show_default=True, help="How often to ask: 90s, 5m, 2h, 1d.")
@click.option("--once", is_flag=True, help="Ask once and end, for cron; exit status 1 if anything was wrong.")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@click.option(
    "--stall-seconds",
    envvar="LIENQUAN_SYNC_STALL_SECONDS",
    type=click.FloatRange(1, 604_800, min_open=True),
    default=3600.0,
    show_default=True,
    help="How long a round may not get on before it is broken off and begun again.",
)
@with_source_options
@with_model
def sync(
    sources: tuple[str, ...],
    home: Path,
    every: float,
    once: bool,
    keep: int,
    stall_seconds: float,
    columns: tuple[str, ...],
    encoding: str | None,
    allow_private: bool,
    source_seconds: float,
    source_mb: int,
    **model: Any,
) -> None:
    """Follow SOURCE..., the whole archive as for `index`, and publish what is added, changed and gone.

    A source that fails is asked again the next time and takes nothing away. `lienquan status` shows how each is. It can
    be killed at any moment and started again. A round that does not get on is broken off and begun again.
    """
    if stall_seconds <= source_seconds:
        raise click.UsageError(
            f"--stall-seconds: {stall_seconds:g}: expected more than --source-seconds, which is {source_seconds:g}"
        )
    said = source_options(columns, encoding, source_seconds, source_mb, allow_private=allow_private)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with plain_errors():
        from indexer.limits import watchdog
        from indexer.sources import following

        def rounds(pulse: Pulse) -> int:
            with following.following(home):
                followed = following.FollowedSources(home, sources, said, 0 if once else every)
                return _follow(_Round(home, sources, followed, _loaded_once(**model), keep, pulse), every, once)

        def stalled() -> None:
            following.note_stall(home, stall_seconds)

        if once:
            with watchdog.watched(stall_seconds, stalled) as pulse:
                status = rounds(pulse)
        else:
            status = watchdog.work_watched(lambda pulse: _with_plain_errors(rounds, pulse), stall_seconds, stalled)
    sys.exit(status)


def _with_plain_errors(rounds: Callable[[Pulse], int], pulse: Pulse) -> int:
    """Do the rounds, in a process of their own, which prints its errors itself."""
    try:
        with plain_errors():
            return rounds(pulse)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    finally:
        sys.stdout.flush()


class _Round(NamedTuple):
    """One round of asking sources and building."""

    home: Path
    sources: tuple[str, ...]
    followed: FollowedSources
    encoder: Callable[[], Encoder]
    keep: int
    pulse: Pulse

    def run(self) -> bool:
        """Ask the sources and publish their articles. Return whether some sources have more."""
        more = self.followed.ask(self.build)
        self.build()
        self.followed.went_through()
        return more

    def build(self) -> None:
        _build(*self)


def _follow(one: _Round, every: float, once: bool) -> int:
    """Do one round after another, or only one. Return the exit status."""
    while True:
        start = time.monotonic()
        more = one.run()
        if once and not more:
            break
        if not more:
            one.pulse.rest(max(0.0, every - (time.monotonic() - start)))
    state = one.followed.state
    wrong = [source for source in state.sources if source.problem]
    for source in wrong:
        click.echo(f"{source.name}: {source.problem}", err=True)
    if state.problem:
        click.echo(state.problem, err=True)
    return int(bool(wrong or state.problem))


def _loaded_once(**model: Any) -> Callable[[], Encoder]:
    loaded: list[Encoder] = []

    def encoder() -> Encoder:
        if not loaded:
            loaded.append(load_encoder(**model))
        return loaded[0]

    return encoder


def _build(
    home: Path,
    sources: tuple[str, ...],
    followed: FollowedSources,
    encoder: Callable[[], Encoder],
    keep: int,
    pulse: Pulse,
) -> None:
    """Publish the sources' changes since the last build, if there are any, and record the result."""
    from indexer.building.build import BuildOptions, build
    from indexer.errors import IndexerError
    from indexer.snapshot.home import Home

    place = Home(home)
    mark = followed.mark()
    if mark == followed.state.mark and place.current() is not None:
        followed.stands()
        return
    try:
        said = BuildOptions(keep=keep, source=followed.build_options())
        with retained(home, said) as options:
            report = build(place, sources, encoder, options, lambda stage, done, total: pulse.beat())
    except IndexerError as error:
        followed.stands(str(error))
        return
    followed.took(mark, report.snapshot)
    if report.ahead:
        click.echo(
            f"{report.ahead} articles had an updated_at of more than a day from now, which was left out", err=True
        )
    if report.snapshot:
        click.echo(
            f"published snapshot {report.snapshot}: {report.articles} articles, {report.added} added, "
            f"{report.updated} updated, {report.removed} removed"
        )
        sys.stdout.flush()


@click.command()
@with_home
@with_json
def status(home: Path, as_json: bool) -> None:
    """Show the current snapshot, and how the sources are that `sync` follows."""
    with plain_errors():
        from indexer.snapshot.home import Home
        from indexer.snapshot.manifest import read_manifest
        from indexer.sources.following import condition

        place = Home(home)
        name = place.current()
        articles = read_manifest(place.directory(name)).articles if name else 0
        how = condition(home)
        state = how.state
    if as_json:
        synced = state.model_dump(mode="json", exclude={"mark"})
        click.echo(json.dumps({"snapshot": name, "articles": articles, "running": how.running, "sync": synced}))
        return
    click.echo(f"snapshot {name}: {articles} articles" if name else "no snapshot is published yet")
    overdue = ", which is overdue" if how.late else ""
    running = "running" if how.running else "not running"
    click.echo(f"sync: {running}, sources last asked {_time(state.asked)}{overdue}")
    if state.problem:
        again = f" ({state.stalls} in a row)" if state.stalls > 1 else ""
        click.echo(f"not published: {state.problem}{again}")
    for source in state.sources:
        held = "" if source.articles is None else f"{source.articles} articles, "
        more = f" ({source.problems} problems)" if source.problems > 1 else ""
        last = f", last well {_time(source.succeeded)}" if source.problem else ""
        said = f"since {_time(source.since)}: {source.problem}{more}{last}" if source.problem else "as expected"
        click.echo(f"{source.name}: {held}{said}")


def _time(moment: datetime | None) -> str:
    """Return a time as the newsroom's clock shows it."""
    from indexer.articles.article import VIETNAM

    return "never" if moment is None else moment.astimezone(VIETNAM).isoformat(timespec="seconds")
