"""Commands about single articles: takedowns."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import load_encoder, open_searcher, plain_errors, with_home, with_json, with_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.changes.changes import Takedown
    from indexer.changes.journal import Journal
    from indexer.snapshot.home import Home
    from indexer.takedown.traces import Traces
    from service.searcher import Searcher
    from service.writes.purging import Certificate


@click.group()
def articles() -> None:
    """Take articles down, and keep the record of it."""


_with_who = click.option("--who", default=getpass.getuser, show_default="your user name", help="Who does it.")


@articles.command()
@click.argument("name", metavar="ID|URL")
@with_home
@click.option("--why", default="", help="The reason, for the record; not needed for one that is taken down already.")
@_with_who
@click.option("--purge", is_flag=True, help="Delete its text from every store too; also later than the takedown.")
@click.option("--in-advance", is_flag=True, help="Keep an id out that no store knows yet.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what --purge found and removed to this file too, as JSON.",
)
@with_model
@with_json
def takedown(
    name: str,
    home: Path,
    why: str,
    who: str,
    purge: bool,
    in_advance: bool,
    certificate: Path | None,
    as_json: bool,
    **model: Any,
) -> None:
    """Remove an article from every answer, and keep it from coming back until that is lifted.

    It is named by its id, an alias or its address. It does not come back under another id either, by its address or its
    text. The record says who, when, why, which snapshots held it, under which articles it stood and which rules name
    it. A service that runs follows at once. Without --purge its text stays in older snapshots, which are not served.

    --purge prints a certificate: every store that was looked at and what was found and removed, and the backups that
    hold it still. All older snapshots are deleted. It can be begun again where it was broken off.
    """
    if certificate is not None and not purge:
        raise click.UsageError("--certificate: expected --purge beside it")
    with plain_errors():
        from indexer.changes.journal import Journal
        from indexer.snapshot.home import Home
        from indexer.takedown import takedown as texts

        place = Home(home)
        searcher = _searcher(home, place, model)
        archive = searcher.archive if searcher else None
        article_id = texts.resolve(place, name, archive) if home.is_dir() else None
        if article_id is None:
            article_id = _unknown(name, in_advance, lambda: texts.nearest(archive, name))
        traces = texts.trace(place, article_id, archive)
        journal = Journal(home)
        down = journal.is_taken_down(article_id)
        if not why.strip() and not (down and purge):
            raise click.UsageError(f"--why: {why!r}: expected a reason")
        marks = texts.marks(archive, traces)
        same_text = len(texts.others(archive, traces)) if archive else 0
        if down and purge:
            journal.bar(article_id, marks)
            made = next(one for one in reversed(journal.takedowns()) if one.id == article_id)
        else:
            made = _take_down(journal, searcher, place, article_id, (who, why), marks)
        journal.close()
        purged = _purge(place, traces, same_text, certificate, model) if purge else None
    if as_json:
        told = made._asdict() | {"same_text": same_text, "purged": list(purged.deleted) if purged else []}
        told["certificate"] = purged.as_json() if purged else None
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{article_id} is taken down; {len(made.snapshots)} snapshots held it, {len(made.lists)} lists")
    if same_text and not purged:
        click.echo(f"{same_text} other articles have its text or address, and stay")
    for line in purged.lines() if purged else ():
        click.echo(line)


def _unknown(name: str, in_advance: bool, nearest: Callable[[], str | None]) -> str:
    """Return an id that no store knows, if it is to be barred in advance.

    :raises click.ClickException: if it is not, with the nearest known id.
    """
    from indexer.articles.article import id_fault

    if in_advance and (fault := id_fault(name)) is None:
        return name
    if in_advance:
        raise click.UsageError(f"--in-advance: {name!r}: {fault}")
    near = nearest()
    hint = f"; the nearest id is {near!r}" if near else ""
    raise click.ClickException(
        f"no article, alias or URL {name!r} in any store{hint}: --in-advance keeps out an id that is to come"
    )


def _take_down(
    journal: Journal, searcher: Searcher | None, place: Home, article_id: str, by: tuple[str, str], marks: set[bytes]
) -> Takedown:
    from indexer.takedown import takedown as texts
    from service.writes.takedown import lists

    stood = lists(searcher, article_id) if searcher else []
    up_to = searcher.archive.manifest.changes if searcher else 0
    return journal.take_down(article_id, *by, texts.holders(place, article_id), stood, up_to, marks)


def _purge(place: Home, traces: Traces, same_text: int, certificate: Path | None, model: dict[str, Any]) -> Certificate:
    from service.commands.common import whole_file
    from service.settings import Settings
    from service.writes import purging

    made = purging.purge(place, traces, lambda: load_encoder(**model), Settings().rules, same_text)
    if certificate is not None:
        with whole_file(certificate) as file:
            file.write(json.dumps(made.as_json(), ensure_ascii=False, indent=1).encode() + b"\n")
    return made


def _searcher(home: Path, place: Any, model: dict[str, Any]) -> Searcher | None:
    return None if place.current() is None else open_searcher(home, lambda: load_encoder(**model))


@articles.command()
@click.argument("article_id", metavar="ID")
@with_home
@_with_who
def lift(article_id: str, home: Path, who: str) -> None:
    """Let an article that was taken down come back, when a source or the API next brings it."""
    with plain_errors():
        from indexer.changes.journal import Journal
        from indexer.sources import memory

        journal = Journal(home)
        journal.lift(article_id, who)
        journal.close()
        memory.unhide(home)
    click.echo(f"{article_id} may come back")


@articles.command()
@with_home
@with_json
def waiting(home: Path, as_json: bool) -> None:
    """Show how many of the API's changes are in no snapshot yet, and which were set aside, and why.

    What makes indexing fail holds up no other article: it is tried again later and later, or once it is written anew.
    """
    with plain_errors():
        from indexer.building.ingest import newest
        from indexer.changes.journal import Journal
        from indexer.snapshot.home import Home
        from indexer.snapshot.manifest import read_manifest

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
        from indexer.changes.journal import Journal

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
