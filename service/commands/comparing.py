"""The command `compare`: the newest of the section beside what Lienquan would show, in one file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import (
    PATH,
    ROUNDS,
    load_encoder,
    open_searcher,
    plain_errors,
    show_progress,
    source_options,
    with_model,
    with_settings,
    with_source_options,
)

if TYPE_CHECKING:
    from indexer.sources import SourceOptions
    from models.encoder import Encoder
    from service.comparison.comparison import Comparison
    from service.searcher import Searcher


@click.command()
@with_settings
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The HTML file to write.")
@click.option("--home", type=PATH, envvar="LIENQUAN_HOME", help="Compare the current snapshot here; without SOURCE.")
@click.option("--articles", type=click.IntRange(1, 1000), default=30, show_default=True, help="Articles to compare.")
@click.option("--links", type=click.IntRange(1, 50), default=6, show_default=True, help="Links under each.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed chooses other articles.")
@click.option("--lang", type=click.Choice(["vi", "en"]), default="vi", show_default=True, help="Language of the page.")
@with_source_options
@with_model
def compare(
    sources: tuple[str, ...],
    out: Path,
    home: Path | None,
    articles: int,
    links: int,
    seed: int,
    lang: str,
    columns: tuple[str, ...],
    encoding: str | None,
    allow_private: bool,
    source_seconds: float,
    source_mb: int,
    **model: Any,
) -> None:
    """Set the newest of the section beside what Lienquan would show, in one HTML file.

    For articles of the archive of SOURCE..., indexed for the moment only, or of the current snapshot of a home. The
    file needs nothing else: it can be opened from disk, printed and sent by mail.
    """
    given = click.get_current_context().get_parameter_source("home")
    if sources and given is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("compare takes SOURCE... or --home, not both")
    if not sources and home is None:
        raise click.UsageError("compare needs SOURCE... or --home")
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: {str(out)!r}: expected a file in a directory that exists")
    said = source_options(columns, encoding, source_seconds, source_mb, ROUNDS, allow_private=allow_private)
    with plain_errors(), _archive_of(sources, said, home, **model) as searcher:
        from service.comparison import comparison, comparison_page

        found = comparison.compare(searcher, articles, links, seed)
        comparison_page.write(out, comparison_page.render(found, lang))
    click.echo(f"{out}: {len(found.pairs)} articles of {found.eligible} that qualify")
    for name, figures in (("newest of the section", found.newest), ("Lienquan", found.related)):
        click.echo(f"{name}: {figures.same_event} of {figures.links} links to the same event, {_how_known(found)}")


def _how_known(found: Comparison) -> str:
    if not found.judged:
        return "estimated by relevance"
    return "by the archive" if found.judged == len(found.pairs) else "by the archive or estimated by relevance"


@contextmanager
def _archive_of(sources: tuple[str, ...], said: SourceOptions, home: Path | None, **model: Any) -> Iterator[Searcher]:
    """Yield a searcher over the sources, indexed into a home that is gone afterwards, else over a home's snapshot."""
    from indexer.building.build import BuildOptions, build
    from indexer.snapshot.home import Home
    from service.errors import NotReady

    def never() -> Encoder:
        raise NotReady("a stored article needs no encoder")

    with tempfile.TemporaryDirectory(prefix="lienquan-compare-") as made:
        place = Path(made) if sources or home is None else home
        if sources:
            with show_progress() as progress:
                report = build(Home(place), sources, lambda: load_encoder(**model), BuildOptions(source=said), progress)
            if report.rejected:
                click.echo(f"{report.rejected} of {report.lines} lines rejected: {report.problems[0]}", err=True)
        searcher = open_searcher(place, never)
        with closing(searcher.archive):
            yield searcher
