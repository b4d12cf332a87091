"""Commands about single articles: takedowns."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import load_encoder, open_searcher, plain_errors, with_home, with_json, with_model

if TYPE_CHECKING:
    from service.searcher import Searcher


@click.group()
def articles() -> None:
    """Take articles down, and keep the record of it."""


_with_who = click.option("--who", default=getpass.getuser, show_default="your user name", help="Who does it.")


@articles.command()
@click.argument("article_id", metavar="ID")
@with_home
@click.option("--why", required=True, help="The reason, for the record.")
@_with_who
@click.option("--purge", is_flag=True, help="Delete its text from disk too, with every older snapshot that has it.")
@with_model
@with_json
def takedown(article_id: str, home: Path, why: str, who: str, purge: bool, as_json: bool, **model: Any) -> None:
    """Remove an article from every answer, and keep its id from coming back until that is lifted.

    The record says who, when, why, which snapshots held it, under which articles it stood and which rules name it. A
    service that runs follows at once. Without --purge its text stays in older snapshots, which are not served.
    """
    with plain_errors():
        from indexer import takedown as texts
        from indexer.journal import Journal
        from indexer.snapshot import Home
        from service.writes.takedown import lists

        if not why.strip():
            raise click.UsageError(f"--why: {why!r}: expected a reason")
        place, journal = Home(home), Journal(home)
        snapshots = texts.holders(place, article_id)
        searcher = _searcher(home, place, model)
        stood = lists(searcher, article_id) if searcher else []
        up_to = searcher.archive.manifest.changes if searcher else 0
        made = journal.take_down(article_id, who, why, snapshots, stood, up_to)
        purged = texts.purge(place, article_id, lambda: load_encoder(**model)) if purge else []
        journal.close()
    if as_json:
        click.echo(json.dumps(made._asdict() | {"purged": purged}, ensure_ascii=False))
        return
    click.echo(f"{article_id} is taken down; {len(made.snapshots)} snapshots held it, {len(made.lists)} lists")
    if purge:
        click.echo(f"its text is deleted, with snapshots {', '.join(purged) or 'none'}")


def _searcher(home: Path, place: Any, model: dict[str, Any]) -> Searcher | None:
    return None if place.current() is None else open_searcher(home, lambda: load_encoder(**model))


@articles.command()
@click.argument("article_id", metavar="ID")
@with_home
@_with_who
def lift(article_id: str, home: Path, who: str) -> None:
    """Let an article that was taken down come back, when a source or the API next brings it."""
    with plain_errors():
        from indexer.journal import Journal

        journal = Journal(home)
        journal.lift(article_id, who)
        journal.close()
    click.echo(f"{article_id} may come back")


@articles.command()
@with_home
@with_json
def waiting(home: Path, as_json: bool) -> None:
    """Show how many of the API's changes are in no snapshot yet, and which were set aside, and why.

    What makes indexing fail holds up no other article: it is tried again later and later, or once it is written anew.
    """
    with plain_errors():
        from indexer.ingest import newest
        from indexer.journal import Journal
        from indexer.snapshot import Home, read_manifest

        place = newest(Home(home))
        name = place.current() if place else None
        held = read_manifest(place.directory(name)).changes if place and name else 0
        journal = Journal.of(home)
        count, aside = (journal.waiting(held).changes, journal.aside()) if journal else (0, [])
        if journal:
            journal.close()
    if as_json:
        click.echo(json.dumps({"changes": count, "set_aside": [one._asdict() for one in aside]}, ensure_ascii=False))
        return
    click.echo(f"{count} changes wait, {len(aside)} are set aside")
    for one in aside:
        click.echo(f"{one.id}  tried {one.tries} times, again at {one.again}: {one.error}")


@articles.command()
@with_home
@with_json
def takedowns(home: Path, as_json: bool) -> None:
    """List all takedowns that there ever were."""
    with plain_errors():
        from indexer.journal import Journal

        journal = Journal.of(home)
        found = journal.takedowns() if journal else []
        if journal:
            journal.close()
    if as_json:
        click.echo(json.dumps([one._asdict() for one in found], ensure_ascii=False))
        return
    for one in found:
        lifted = f"; lifted {one.lifted_at} by {one.lifted_by}" if one.lifted_at else ""
        click.echo(f"{one.at}  {one.id}  by {one.who}: {one.why}{lifted}")
