"""Commands that keep an installation well: `settings`, `report`, `backup`, `verify-backup`, `restore`, `doctor`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.commands.common import PATH, plain_errors, with_home, with_json, with_settings

if TYPE_CHECKING:
    from indexer.backup import CheckedBackup


@click.command("settings")
@with_settings
@click.option("--example", is_flag=True, help="Print a settings file that names all of them instead.")
@with_json
def show_settings(example: bool, as_json: bool) -> None:
    """Show every setting, its value and where it comes from; secrets are hidden.

    `lienquan settings --example > lienquan.toml` begins a settings file.
    """
    from service import settings
    from service.upkeep import settings_text

    if example:
        click.echo(settings_text.example(), nl=False)
        return
    rows = settings_text.current(settings.load())
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False))
        return
    if settings.file() is not None:
        click.echo(f"file: {settings.file()}", err=True)
    width = max(len(row.name) for row in rows)
    for row in rows:
        value = "-" if row.value is None else json.dumps(row.value, ensure_ascii=False)
        click.echo(f"{row.name:<{width}}  {value}  ({row.origin})")


@click.group()
def report() -> None:
    """Report on what the service has seen."""


@report.command("queries")
@with_home
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="Of so many days until now.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Queries to show of each kind.")
@with_json
def report_queries(home: Path, days: int, limit: int, as_json: bool) -> None:
    """Show what readers searched for most, and what they did not find.

    From the query log, which the setting `query_log` switches on. It has what five callers typed, or what was typed on
    five days; searches before that count too, in the hour in which it came to be kept.
    """
    with plain_errors():
        from service.observing import query_log

        found = query_log.read(home / query_log.FILE, days)
    missed = sorted((one for one in found if one.empty), key=lambda one: (-one.empty, one.query))
    if as_json:
        shown = {"top": found[:limit], "without_hits": missed[:limit]}
        lists = {name: [one._asdict() for one in rows] for name, rows in shown.items()}
        total = {"asked": sum(one.asked for one in found), "queries": len(found)}
        click.echo(json.dumps({"days": days, **total, **lists}, ensure_ascii=False))
        return
    click.echo(f"asked most, of {sum(one.asked for one in found)} searches in {days} days:")
    for one in found[:limit]:
        click.echo(f"{one.asked:>7}  {one.query}  ({one.hits} hits)")
    click.echo("without a hit:")
    for one in missed[:limit]:
        click.echo(f"{one.empty:>7}  {one.query}")


@click.command()
@click.argument("target", type=PATH)
@with_home
def backup(target: Path, home: Path) -> None:
    """Copy the databases, files and current snapshot of a home to TARGET, which is made, while it is served and built.

    TARGET is a home itself. On the same disk it shares the snapshot's files, which never change. Its file SHA256SUMS
    lists what the snapshot's manifest does not, for `sha256sum -c` too.
    """
    with plain_errors():
        from indexer.backup import backup as copy
        from indexer.files import copies
        from indexer.snapshot.home import Home

        name = copy(Home(home), target)
        copies.note(home, "backup", target)
    click.echo(f"{target}: {f'snapshot {name}' if name else 'no snapshot'}, every file as it was published")


@click.command("verify-backup")
@click.argument("source", type=PATH)
def verify_backup(source: Path) -> None:
    """Read every byte of the backup SOURCE and compare it with its checksums; nothing is written.

    `restore` does the same before it writes anything.
    """
    with plain_errors():
        from indexer.backup import check

        found = check(source)
    click.echo(_described(source, found))


@click.command()
@click.argument("source", type=PATH)
@with_home
def restore(source: Path, home: Path) -> None:
    """Copy the backup SOURCE into a home that is empty; no service may run on it.

    The backup is compared with its checksums first, and nothing of a damaged one is restored.
    """
    with plain_errors():
        from indexer.backup import restore as copy
        from indexer.snapshot.home import Home

        found = copy(source, Home(home))
    click.echo(_described(source, found))
    click.echo(f"{home}: {f'current snapshot {found.snapshot}' if found.snapshot else 'no snapshot'}")


def _described(source: Path, found: CheckedBackup) -> str:
    if found.listed:
        return f"{source}: every file is as it was when the backup was made"
    return f"{source}: of an earlier release, without a list of checksums: the snapshot is whole, databases can be read"


@click.command()
@click.option("--settings", "file", type=PATH, envvar="LIENQUAN_SETTINGS", help="The settings file.")
@click.option("--home", type=PATH, help="Instead of the one that is set.")
@with_json
def doctor(file: Path | None, home: Path | None, as_json: bool) -> None:
    """Look for what may keep the service from answering, and say what to do about it.

    Settings, the files they name, processor, disk, model, snapshot, keys, changes that wait, sources that are followed,
    and port. Exit status 1 if something is wrong.
    """
    from service import settings

    for name, given in ((settings.FILE_VARIABLE, file), (settings.variable("home"), home)):
        if given is not None:
            os.environ[name] = str(given.absolute())
    from service.upkeep.doctor import examine

    rows = []
    for finding in examine():
        rows.append(finding)
        if not as_json:
            click.echo(f"{finding.status:<8} {finding.subject}: {finding.found}")
            if finding.advice and finding.status != "ok":
                click.echo(f"{'':<8} -> {finding.advice}")
    wrong = any(finding.status == "problem" for finding in rows)
    if as_json:
        findings = [asdict(finding) for finding in rows]
        click.echo(json.dumps({"ok": not wrong, "findings": findings}, ensure_ascii=False))
    if wrong:
        sys.exit(1)
