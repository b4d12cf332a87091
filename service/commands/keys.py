"""Commands of an operator: `keys`, which let in who may write, change rules or use the newsroom's pages."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from service.commands.common import plain_errors, with_home, with_json

_SCOPES = ("ingest", "rules", "newsroom")


@click.group()
def keys() -> None:
    """Make, list and revoke keys: for writing articles, for rules, for the newsroom's pages.

    A running service takes up each change at once.
    """


@keys.command()
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(_SCOPES), help="What it opens; repeatable."
)
@click.option("--name", required=True, help="Who or what is to use it.")
@with_home
def create(scopes: tuple[str, ...], name: str, home: Path) -> None:
    """Make a key and print it, this once: what is stored cannot be turned back into it."""
    with plain_errors():
        from service.security.keys import KeyStore, Scope

        wanted: list[Scope] = [*scopes]  # type: ignore[list-item]
        try:
            key, text = KeyStore(home).create(name, wanted)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    click.echo(f"key {key.id} of scope {', '.join(key.scopes)}, for {key.name}; it is not shown again:", err=True)
    click.echo(text)


@keys.command("list")
@with_home
@with_json
def list_keys(home: Path, as_json: bool) -> None:
    """List all keys, revoked ones too, and when each was used last, to the minute."""
    with plain_errors():
        from service.security.keys import KeyStore

        found = KeyStore(home).all()
    if as_json:
        times = ("created", "last_used", "revoked")
        rows = [asdict(key) | {name: _iso(getattr(key, name)) for name in times} for key in found]
        click.echo(json.dumps(rows))
        return
    for key in found:
        used = f"last used {_iso(key.last_used)}" if key.last_used else "never used"
        gone = [f"revoked {_iso(key.revoked)}"] if key.revoked is not None else []
        told = [f"{key.id}  {', '.join(key.scopes)}", key.name, f"created {_iso(key.created)}", used, *gone]
        click.echo("  ".join(told))


@keys.command()
@click.argument("key_id", metavar="ID")
@with_home
def revoke(key_id: str, home: Path) -> None:
    """Revoke key ID for good; whoever is signed in with it is out at once."""
    with plain_errors():
        from service.security.keys import KeyStore

        key = KeyStore(home).revoke(key_id)
    click.echo(f"revoked {key.id}, for {key.name}, {_iso(key.revoked)}")


def _iso(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
