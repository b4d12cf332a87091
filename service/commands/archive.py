"""Commands that read sources: `index`, `sources check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import (
    ROUNDS,
    load_encoder,
    plain_errors,
    retained,
    show_progress,
    source_options,
    with_home,
    with_json,
    with_model,
    with_source_options,
)

if TYPE_CHECKING:
    from indexer.building.build import BuildReport
    from indexer.sources.inspection import Inspection


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@with_home
@click.option("--add", is_flag=True, help="Add to the current archive instead of replacing it.")
@click.option("--strict", is_flag=True, help="Stop at the first bad line, publishing nothing.")
@click.option("--allow-shrink", is_flag=True, help="Let the archive lose more than 20 % of its articles.")
@click.option("--rewrite", is_flag=True, help="Write all anew instead of adding to it, and learn from all of it.")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@with_source_options
@with_model
@with_json
def index(
    sources: tuple[str, ...],
    home: Path,
    add: bool,
    strict: bool,
    allow_shrink: bool,
    rewrite: bool,
    keep: int,
    columns: tuple[str, ...],
    encoding: str | None,
    allow_private: bool,
    source_seconds: float,
    source_mb: int,
    as_json: bool,
    **model: Any,
) -> None:
    """Index the articles of SOURCE... and publish them as a snapshot.

    A source is JSON Lines (.jsonl, .ndjson), a table (.csv, .tsv), a WordPress export or feed (.xml), each also packed
    (.gz, .zst), a page (.html, .htm, or as text .txt), a folder of these, or - for JSON Lines on standard input; the
    address of a feed or sitemap (https://...), or of a site with WordPress (wordpress+https://...); or a file that
    lists sources, databases among them (.toml).

    The sources are the whole archive: what an earlier index brought and is gone is removed. Unchanged texts are not
    encoded again, and where nothing changed nothing is published.
    """
    with plain_errors():
        from indexer.building.build import BuildOptions, build
        from indexer.snapshot.home import Home

        remote = {"memory": home, "allow_private": allow_private, "allow_shrink": allow_shrink}
        said = source_options(columns, encoding, source_seconds, source_mb, ROUNDS, **remote)
        options = BuildOptions(
            whole=not add,
            strict=strict,
            allow_shrink=allow_shrink,
            rewrite=rewrite,
            keep=keep,
            source=said,
        )
        with show_progress() as progress, retained(home, options) as options:
            report = build(Home(home), sources, lambda: load_encoder(**model), options, progress)
        for problem in report.problems:
            click.echo(str(problem), err=True)
        hidden = sum(report.problems_by_field.values()) - len(report.problems)
        if hidden > 0:
            click.echo(f"... and {hidden} more", err=True)
    _tell(report, as_json)


def _tell(report: BuildReport, as_json: bool) -> None:
    """Print what a build did."""
    counts = {
        name: getattr(report, name)
        for name in (
            *(
                "lines",
                "rejected",
                "repeated",
                "foreign",
                "ahead",
                "added",
                "updated",
                "removed",
                "unchanged",
                "articles",
            ),
            *("encoded", "reused", "snapshot"),
        )
    }
    rejects = str(report.rejects) if report.rejects else None
    if as_json:
        click.echo(json.dumps(counts | {"rejects": rejects, "pruned": report.pruned}))
        return
    click.echo(
        f"{report.lines} lines read, {report.rejected} rejected, {report.repeated} repeated ids; "
        f"{report.added} articles added, {report.updated} updated, {report.removed} removed, "
        f"{report.unchanged} unchanged; {report.encoded} texts encoded, {report.reused} reused"
    )
    if rejects:
        click.echo(f"rejected lines: {rejects}")
    if report.ahead:
        click.echo(f"{report.ahead} articles had an updated_at of more than a day from now, which was left out")
    if report.foreign:
        click.echo(f"{report.foreign} articles were told by other sources than those that own them, and left to these")
    click.echo(
        f"published snapshot {report.snapshot}: {report.articles} articles"
        if report.snapshot
        else f"nothing changed, nothing published: {report.articles} articles"
    )


@click.command()
@with_home
@click.option("--rewrite", is_flag=True, help="Write all anew instead of adding to it, and learn from all of it.")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@click.option("--ingested", is_flag=True, help="Leave to the service what waits to be ingested: most of a large bulk.")
@with_model
@with_json
def merge(home: Path, rewrite: bool, keep: int, ingested: bool, as_json: bool, **model: Any) -> None:
    """Publish what the API has changed as a snapshot. `serve` does so by itself from time to time.

    What was set aside for a fault (`articles waiting`) is left out.
    """
    with plain_errors():
        from indexer.building.build import BuildOptions, build
        from indexer.snapshot.home import Home

        options = BuildOptions(whole=False, rewrite=rewrite, keep=keep, merging=True, behind=not ingested)
        silent = ingested  # it would fill the service's log
        with show_progress(silent) as progress, retained(home, options) as options:
            report = build(Home(home), (), lambda: load_encoder(**model), options, progress)
    _tell(report, as_json)


@click.group()
def sources() -> None:
    """Look at sources before they are indexed."""


@sources.command("check")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--show", type=click.IntRange(0, 1000), default=5, show_default=True, help="Articles to show.")
@click.option("--pages", type=click.IntRange(1), default=20, show_default=True, help="Of a remote source, to read.")
@with_source_options
@with_json
def check_sources(
    sources: tuple[str, ...],
    show: int,
    pages: int,
    columns: tuple[str, ...],
    encoding: str | None,
    allow_private: bool,
    source_seconds: float,
    source_mb: int,
    as_json: bool,
) -> None:
    """Show what `index` would make of SOURCE..., and what looks wrong. Nothing is written.

    Exit status 1 if there is no article, or a source cannot be read.
    """
    with plain_errors():
        from datetime import UTC, datetime

        from indexer.sources.inspection import inspect

        said = source_options(
            columns, encoding, source_seconds, source_mb, allow_private=allow_private, most_pages=pages
        )
        with show_progress() as progress:
            report = inspect(sources, said, datetime.now(UTC), show, lambda lines: progress("reading", lines, None))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _show_inspection(report)
    if not report.ok:
        sys.exit(1)


def _show_inspection(report: Inspection) -> None:
    for article in report.first:
        head = (article["section"], article["published_at"], article["author"], article["url"])
        click.echo(f"{article['title']}\n    id {article['id']}, {article['place']}")
        click.echo(f"    {' · '.join(filter(None, head)) or 'no section, date, author or url'}")
        for name in ("lead", "body"):
            click.echo(f"    {name}: {article[name] or '-'}")
    click.echo(f"{report.lines} lines read: {report.articles} articles, {report.rejected} rejected lines")
    lacking = ", ".join(f"{name} {count}" for name, count in report.missing.items() if count)
    if report.articles:
        click.echo(f"articles without: {lacking or 'nothing is missing'}")
    for finding in report.findings:
        click.echo(f"{finding.severity.upper()} {finding.kind}: {finding.count} {finding.text}")
        for example in finding.examples:
            click.echo(f"    {example}")
