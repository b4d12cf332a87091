"""Commands of an operator: `keys`, for those who write, change rules or use the newsroom's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import audit_log, plain_errors, with_home, with_json

if TYPE_CHECKING:
    from service.security.keys import Key

_SCOPES = ("ingest", "reset", "rules", "newsroom", "read")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


class _Moment(click.ParamType[int]):
    """A future time, in seconds since 1970: given as a duration, such as `90d`, or as a date or time."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        from indexer.articles.article import parse_time

        if (span := _span(str(value))) is not None:
            return int(datetime.now(UTC).timestamp()) + span
        try:
            return int(parse_time(value).timestamp())
        except ValueError:
            self.fail(f"{value!r}: expected 90d, 12h or a date such as 2027-01-01", param, ctx)


class _Span(click.ParamType[int]):
    """Seconds, as minutes, hours or days."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        found = value if isinstance(value, int) else _span(str(value))
        if found is None:
            self.fail(f"{value!r}: expected a number and m, h or d, such as 24h", param, ctx)
        return found


class _Deletes(click.ParamType[int]):
    """How many in 24 hours; -1 for any number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        found = re.fullmatch(r"([0-9]{1,9})(/day)?", str(value))
        if found is None and value != "unlimited":
            self.fail(f"{value!r}: expected a number, as 100 or 100/day, or unlimited", param, ctx)
        return int(found[1]) if found else -1


def _span(text: str) -> int | None:
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke keys: for writing articles, for rules, for the newsroom's pages.

    A running service takes up each change at once.
    """


@keys.command()
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(_SCOPES), help="What it opens; repeatable."
)
@click.option("--name", required=True, help="Who or what is to use it.")
@click.option("--expires", type=_Moment(), help="When it ends: 90d, or 2027-01-01; never by default.")
@click.option(
    "--from", "addresses", multiple=True, help="Only from this address or network, 203.0.113.0/24; repeatable."
)
@click.option("--section", "sections", multiple=True, help="Only for articles of this section; repeatable.")
@click.option("--source", "sources", multiple=True, help="Only for articles of this source; repeatable.")
@click.option(
    "--deletes",
    type=_Deletes(),
    default="100",
    show_default=True,
    help="How many articles it may delete or hide in 24 hours, or unlimited.",
)
@with_home
def create(
    scopes: tuple[str, ...],
    name: str,
    expires: int | None,
    addresses: tuple[str, ...],
    sections: tuple[str, ...],
    sources: tuple[str, ...],
    deletes: int,
    home: Path,
) -> None:
    """Make a key and print it, this once: what is stored cannot be turned back into it.

    With --section or --source it writes and deletes only articles that are of them before and after, and takes over no
    other's address.
    """
    with plain_errors():
        from service.security.audit_entries import Actor
        from service.security.bounds import Bounds
        from service.security.keys import KeyStore, Scope

        wanted: list[Scope] = [*scopes]  # type: ignore[list-item]
        store = KeyStore(home)
        try:
            bounds = Bounds.of(addresses, sections, sources, None if deletes < 0 else deletes)
            draft = store.draft(name, wanted, expires, bounds)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        with audit_log(home).recording("key.made", Actor.of_process(), draft.id, **_told(draft)):
            text = store.put(draft)
    _tell(draft, text)


def _tell(key: Key, text: str) -> None:
    click.echo(f"key {key.id} of scope {', '.join(key.scopes)}, for {key.name}; it is not shown again:", err=True)
    click.echo(text)


def _told(key: Key) -> dict[str, Any]:
    """Return the audit log's entry for a new key."""
    ends = {} if key.expires is None else {"expires": _iso(key.expires)}
    return {"name": key.name, "scopes": list(key.scopes), "bounds": key.bounds.stored(), **ends}


@keys.command("list")
@with_home
@with_json
def list_keys(home: Path, as_json: bool) -> None:
    """List all keys, revoked ones too: when each was used last, to the minute, when it ends, and its bounds."""
    with plain_errors():
        from service.security.keys import KeyStore

        found = KeyStore(home).all()
    if as_json:
        click.echo(json.dumps([_as_json(key) for key in found], ensure_ascii=False))
        return
    for key in found:
        used = f"last used {_iso(key.last_used)}" if key.last_used else "never used"
        ends = [f"{'ended' if key.expired else 'ends'} {_iso(key.expires)}"] if key.expires is not None else []
        gone = [f"revoked {_iso(key.revoked)}"] if key.revoked is not None else []
        follows = [f"follows {key.follows}"] if key.follows else []
        told = [f"{key.id}  {', '.join(key.scopes)}", key.name, f"created {_iso(key.created)}", used]
        click.echo("  ".join([*told, *_bounds(key), *follows, *ends, *gone]))


def _bounds(key: Key) -> list[str]:
    """Return the bounds of a key, in words."""
    bounds = key.bounds
    parts = [f"from {' or '.join(bounds.addresses)}"] if bounds.addresses else []
    parts += [f"for {bounds.articles()}"] if bounds.bound_articles() else []
    return parts + (
        [f"{bounds.deletes} deletes a day"] if bounds.deletes is not None and "ingest" in key.scopes else []
    )


def _as_json(key: Key) -> Mapping[str, Any]:
    from dataclasses import asdict

    times = ("created", "last_used", "revoked", "expires")
    return asdict(key) | {name: _iso(getattr(key, name)) for name in times}


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option("--overlap", type=_Span(), default="24h", show_default=True, help="For how long key ID counts on.")
@click.option("--expires", type=_Moment(), help="When the new key ends; after as long as key ID had, by default.")
@with_home
def rotate(key_id: str, overlap: int, expires: int | None, home: Path) -> None:
    """Make a key with the same rights as key ID and print it; key ID ends after the overlap.

    Both count meanwhile, so that programs can be given the new one without a gap.
    """
    with plain_errors():
        from service.security.audit_entries import Actor
        from service.security.keys import KeyStore

        with audit_log(home).recording("key.rotated", Actor.of_process(), key_id, overlap_seconds=overlap):
            key, text, before = KeyStore(home).rotate(key_id, overlap, expires)
        audit_log(home).record_after("key.made", Actor.of_process(), key.id, follows=key_id, **_told(key))
    _tell(key, text)
    click.echo(f"key {before.id} ends {_iso(before.expires)}", err=True)


@keys.command()
@click.argument("key_id", metavar="ID")
@with_home
def revoke(key_id: str, home: Path) -> None:
    """Revoke key ID for good; whoever is signed in with it is out at once, and it writes nothing after this ends."""
    with plain_errors():
        from service.security.audit_entries import Actor
        from service.security.keys import KeyStore
        from service.writes.guard import settle

        key = KeyStore(home).revoke(key_id)
        settle(home)
        recorded = audit_log(home).record_after("key.revoked", Actor.of_process(), key.id)
    click.echo(f"revoked {key.id}, for {key.name}, {_iso(key.revoked)}")
    if not recorded:
        raise click.ClickException("it is revoked, but the audit log could not be written")


def _iso(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
