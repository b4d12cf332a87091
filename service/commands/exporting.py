"""Commands that export an archive: `export articles`, `export vectors`, `export related`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import open_searcher, options, plain_errors, show_progress, with_home

if TYPE_CHECKING:
    from models.encoder import Encoder
    from service.searcher import Searcher

_TABLE, _LINES = ".csv", (".jsonl", ".ndjson")

with_out = options(
    click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file, written in one step."
    ),
    click.option("--force", is_flag=True, help="Overwrite what is there."),
)
with_public = click.option("--public", is_flag=True, help="Leave out what is under embargo.")


@click.group()
def export() -> None:
    """Write articles, vectors or related lists to a file, in the order of the articles' ids.

    No model is loaded. A file is there when it is whole; where the disk is full, what was there before stays.
    """


@export.command()
@with_home
@with_out
@with_public
def articles(home: Path, out: Path, force: bool, public: bool) -> None:
    """Write the articles as JSON Lines, which `lienquan index` takes back."""
    with plain_errors():
        from service import exporting

        _refuse_to_overwrite(out, force)
        searcher = _opened(home)
        with show_progress() as show:
            count = exporting.write_articles(searcher, exporting.chosen(searcher, public), out, show)
        _note(home, out)
    click.echo(f"{out}: {count} articles")


@export.command()
@with_home
@with_out
@with_public
def vectors(home: Path, out: Path, force: bool, public: bool) -> None:
    """Write the articles' raw vectors as an .npy file of float32, and their ids to NAME.ids.txt beside it.

    A row a vector, its article's id on the same line of the other file. Cosine is their product: rows have unit length.
    """
    if out.suffix != ".npy":
        raise click.UsageError(f"--out: {str(out)!r}: expected a name that ends in .npy")
    with plain_errors():
        from service import exporting

        names = exporting.ids_path(out)
        for path in (out, names):
            _refuse_to_overwrite(path, force)
        searcher = _opened(home)
        with show_progress() as show:
            count = exporting.write_vectors(searcher, exporting.chosen(searcher, public), out, show)
        _note(home, out)
    identity = searcher.archive.manifest.encoder
    click.echo(
        f"{out}: {count} vectors of {identity.dim} numbers by {identity.name}, {identity.precision}; ids: {names}"
    )


@export.command()
@with_home
@with_out
@click.option("--limit", type=click.IntRange(1, 50), help="Articles in a list; 6 unless the preset says otherwise.")
@click.option(
    "--preset",
    type=click.Choice(["standard", "same-section-newest", "inline-teasers", "headlines"]),
    default="standard",
    show_default=True,
    help="Which block of a page the lists are for.",
)
def related(home: Path, out: Path, force: bool, **given: Any) -> None:
    """Write the related lists of all public articles: as a table (.csv), or as JSON Lines (.jsonl, .ndjson).

    In a table, a cell that begins with = + - @ or a tab, a line's end or an apostrophe gets an apostrophe before it, so
    that no spreadsheet takes it for a formula.
    """
    if out.suffix.lower() not in (_TABLE, *_LINES):
        raise click.UsageError(f"--out: {str(out)!r}: expected a name that ends in .csv, .jsonl or .ndjson")
    from models.cpu import available_threads
    from service.serve import share_cores

    share_cores(available_threads())  # a list's products are small, so more threads would only wait for each other
    with plain_errors():
        from service import exporting
        from service.schemas import RelatedParams

        _refuse_to_overwrite(out, force)
        searcher = _opened(home)
        with show_progress() as show:
            count = exporting.write_related(searcher, RelatedParams(**given), out, show)
        _note(home, out)
    click.echo(f"{out}: {count} lists")


def _note(home: Path, out: Path) -> None:
    from indexer.files import copies

    copies.note(home, "export", out)


def _refuse_to_overwrite(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise click.ClickException(f"{path}: is there already: expected a new name, or --force")


def _opened(home: Path) -> Searcher:
    return open_searcher(home, _never)


def _never() -> Encoder:
    from service.errors import NotReady

    raise NotReady("a stored article needs no encoder")
