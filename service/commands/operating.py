"""Commands of an operator: `serve`, `snapshots`, `models`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from service.commands.common import (
    find_card,
    load_encoder,
    plain_errors,
    with_home,
    with_json,
    with_model,
    with_settings,
    with_which_model,
)


@click.command()
@with_home
@click.option("--host", envvar="LIENQUAN_HOST", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    envvar="LIENQUAN_PORT",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 takes any free one.",
)
@click.option(
    "--workers", envvar="LIENQUAN_WORKERS", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@click.option(
    "--open-newsroom",
    is_flag=True,
    envvar="LIENQUAN_OPEN_NEWSROOM",
    help="Open the newsroom's pages without a key to a browser on this machine, until the first key is made. Only with "
    "a loopback address.",
)
def serve(home: Path, host: str, port: int, workers: int, open_newsroom: bool) -> None:
    """Serve the current snapshot, and every later one as it is published.

    An empty home is fine: the service is ready once something is indexed. `lienquan settings` shows what else can be
    set, in the environment or in a file.
    """
    from indexer.files.hashed import BackgroundHashing

    ahead = BackgroundHashing(home)  # files are hashed while the program is imported
    from service import settings
    from service.observing import logs
    from service.security import local
    from service.serve import serve as run

    found = settings.load()
    fault = local.why_not_open(host, found.trusted_hops) if open_newsroom else None
    if fault is not None:
        raise click.UsageError(f"--open-newsroom: {fault}")
    if not logs.is_json(found.log_format):  # every line of such a log is an object; this line is not
        click.echo(f"http://{host}:{port} serves {home}", err=True)
    run(home, host, port, workers, ahead, open_newsroom)


@click.group()
def snapshots() -> None:
    """List, verify, prune and roll back snapshots."""


@snapshots.command("list")
@with_home
@with_json
def list_snapshots(home: Path, as_json: bool) -> None:
    """List the snapshots, oldest first; an asterisk marks the current one."""
    with plain_errors():
        from indexer.building.build import describe
        from indexer.errors import SnapshotError
        from indexer.snapshot.home import Home
        from indexer.snapshot.manifest import read_manifest

        place = Home(home)
        current = place.current()
        rows: list[dict[str, Any]] = []
        for name in place.ids():
            row: dict[str, Any] = {"id": name, "current": name == current}
            try:
                row |= describe(read_manifest(place.directory(name)))
            except SnapshotError as error:  # of another format, or damaged: those beside it are listed all the same
                row["problem"] = str(error)
            rows.append(row)
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        mark = "*" if row["current"] else " "
        if "problem" in row:
            click.echo(f"{mark} {row['id']}  cannot be used")
            click.echo(row["problem"], err=True)
            continue
        size = row["bytes"] / 2**20
        click.echo(f"{mark} {row['id']}  {row['articles']} articles  {size:.1f} MiB  {row['encoder']}")


@snapshots.command("verify")
@click.argument("snapshot_id", required=False, metavar="[ID]")
@with_home
def verify_snapshot(snapshot_id: str | None, home: Path) -> None:
    """Hash every file of a snapshot, the current one by default, against its manifest."""
    with plain_errors():
        from indexer.errors import SnapshotError
        from indexer.snapshot.home import Home
        from indexer.snapshot.verification import verify

        place = Home(home)
        name = snapshot_id or place.current()
        if name is None:
            raise SnapshotError(f"{home}: no snapshot is published yet")
        verify(place.directory(name))
    click.echo(f"{name}: every file is as it was published")


@snapshots.command()
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@with_home
def prune(keep: int, home: Path) -> None:
    """Delete all but the newest snapshots and the current one, and what is kept longer than `deleted_days` says."""
    with plain_errors():
        from indexer.snapshot.home import Home
        from indexer.takedown import retention
        from service.settings import Settings

        place = Home(home)
        with place.lock():
            doomed = place.prune(keep)
        doomed += retention.expire(place, Settings().deleted_days)
    click.echo(f"deleted {len(doomed)}: {', '.join(doomed)}" if doomed else "nothing to delete")


@snapshots.command()
@click.argument("snapshot_id", required=False, metavar="[ID]")
@with_home
def rollback(snapshot_id: str | None, home: Path) -> None:
    """Make an earlier snapshot current again: ID, or the parent of the current one."""
    with plain_errors():
        from indexer.snapshot.home import Home

        name = Home(home).rollback(snapshot_id)
    click.echo(f"current snapshot: {name}")


@click.group()
def models() -> None:
    """List, fetch and check models."""


@models.command("list")
@with_json
def list_models(as_json: bool) -> None:
    """List the models that are known by name; any sentence-transformers directory or hub commit does too."""
    from models import catalogue

    rows = [
        {
            "name": card.key,
            "source": f"{card.source}@{card.revision}" if card.source else "installed with Lienquan",
            "max_tokens": card.max_tokens,
            "query_prompt": card.query_prompt,
            "document_prompt": card.document_prompt,
            "licence": card.licence,
        }
        for card in catalogue.KNOWN.values()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']:<32} {row['licence']:<8} {row['max_tokens'] or 'no limit'} tokens")


@models.command()
@with_settings
@with_model
def fetch(backend: str, **model: Any) -> None:
    """Make or download the model now instead of at first use."""
    with plain_errors():
        identity = load_encoder(backend=backend, **model).identity
    click.echo(f"{identity.name}@{identity.revision}: {identity.precision}, {identity.dim} dimensions")


@models.command("check")
@with_settings
@with_which_model
@with_json
def check_model(as_json: bool, **model: Any) -> None:
    """Measure the model against its references; exit status 1 if one check fails."""
    with plain_errors():
        from models import sentence_transformer

        checks = sentence_transformer.check(find_card(**model))
    if as_json:
        click.echo(json.dumps([check.as_json() for check in checks]))
    else:
        for check in checks:
            click.echo(
                f"{'ok  ' if check.passed else 'FAIL'} {check.name}: {check.value:.6g} (expected {check.expected})"
            )
    if not all(check.passed for check in checks):
        sys.exit(1)
