"""Commands of an operator: `audit` shows who did what, and whether the log is unchanged."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.commands.common import audit_log, plain_errors, with_home, with_json

if TYPE_CHECKING:
    from service.security.audit_entries import AuditEntry


@click.group()
def audit() -> None:
    """Verify, list and prune the audit log: who wrote, deleted, pinned, purged, signed in, was refused, and when."""


@audit.command()
@with_home
@click.option("--head", help="What `verify` printed as the head before: NUMBER:HASH. It must still be in the log.")
@with_json
def verify(home: Path, head: str | None, as_json: bool) -> None:
    """Check every entry against the one before it and the log's secret; exit status 1 if one is not as it was written.

    Keep the head that is printed where whoever may write to the home cannot: it alone tells of entries cut off at the
    end, and of a log made anew by somebody who has its secret.
    """
    with plain_errors():
        from service.security.audit_chain import parse_head

        try:
            wanted = None if head is None else parse_head(head)
        except ValueError as error:
            raise click.UsageError(f"--{error}") from error
        found = audit_log(home).verify(wanted)
    told = None if found.head is None else str(found.head)
    if as_json:
        click.echo(json.dumps({"entries": found.entries, "head": told, "problems": found.problems}))
    else:
        click.echo(f"{found.entries} entries, head {told}" if told else "no entries")
        for problem in found.problems:
            click.echo(problem, err=True)
    if found.problems:
        sys.exit(1)


@audit.command("list")
@with_home
@click.option("--since", help="Not before this date or time.")
@click.option("--who", help="Only what has this in the id or the name of whoever did it.")
@click.option("--action", help="Only this action, or all that begin with it: `key`, `article.put`.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON a line, for a program to read.")
def list_entries(home: Path, since: str | None, who: str | None, action: str | None, as_json: bool) -> None:
    """List the entries, the oldest first, with times in UTC."""
    with plain_errors():
        from indexer.articles.article import parse_time

        try:
            begins = None if since is None else parse_time(since)
        except ValueError as error:
            raise click.UsageError(f"--since: {since!r}: {error}") from error
        for entry in audit_log(home).entries():
            if _wanted(entry, begins, who, action):
                click.echo(json.dumps(entry.as_json(), ensure_ascii=True) if as_json else _line(entry))


def _wanted(entry: AuditEntry, since: datetime | None, who: str | None, action: str | None) -> bool:
    if since is not None and entry.at < since:
        return False
    if who is not None and not any(who.casefold() in part.casefold() for part in entry.actor):
        return False
    return action is None or entry.action == action or entry.action.startswith(action.rstrip(".") + ".")


def _line(entry: AuditEntry) -> str:
    """Return an entry as a line for a person. Characters that end the line or move the cursor are escaped."""
    name = f" ({entry.actor.name})" if entry.actor.name else ""
    detail = [f"{key}={json.dumps(value)}" for key, value in entry.detail.items()]
    parts = [entry.as_json()["at"], entry.outcome, entry.action, entry.actor.id + name, entry.target, entry.address]
    shown = "  ".join([str(entry.number), *(part for part in parts if part), *detail])
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)


@audit.command()
@with_home
@click.option("--days", type=click.IntRange(1), help="Instead of the setting `audit_days`.")
def prune(home: Path, days: int | None) -> None:
    """Remove the entries that are older than the setting `audit_days` says, and record that.

    A log that does not verify is left as it is.
    """
    with plain_errors():
        from service import settings
        from service.security.audit_entries import Actor

        kept = settings.load().audit_days if days is None else days
        removed = audit_log(home).prune(kept, Actor.of_process())
    click.echo(f"removed {removed} entries that were older than {kept} days")
