"""The command `judgements`: the judgements made on the newsroom's pages, as files for `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.commands.common import PATH, options, plain_errors, whole_file, with_home

if TYPE_CHECKING:
    from service.judging.judgements import JudgementKind, MergeMode

with_files = options(
    click.option("--qrels", type=PATH, required=True, help="Write the grades here: query-id, corpus-id, score."),
    click.option("--queries", type=PATH, help="Write what was judged here, JSON Lines of id and text."),
    click.option("--everybody", type=PATH, help="Write who gave which grade when here, JSON Lines."),
)


@click.group()
def judgements() -> None:
    """Write out what was judged on the newsroom's pages."""


@judgements.command()
@click.argument("what", type=click.Choice(["search", "related"]), default="search")
@with_home
@with_files
@click.option(
    "--by",
    type=click.Choice(["majority", "latest"]),
    default="majority",
    show_default=True,
    help="Of several people's grades the commonest (the latest of equals), or simply the latest.",
)
@click.option("--judge", help="Those of this person alone.")
def export(
    what: JudgementKind,
    home: Path,
    qrels: Path,
    queries: Path | None,
    everybody: Path | None,
    by: MergeMode,
    judge: str | None,
) -> None:
    """Write what was judged of search, or of related lists, as `lienquan evaluate` reads it."""
    with plain_errors():
        from service.judging.judgements import JudgementStore, as_file

        held = [one for one in JudgementStore(home).of(what) if judge in (None, one.judge)]
        if not held:
            raise click.ClickException(f"{home}: no judgements of {what}{f' by {judge}' if judge else ''}")
        for name, path in (("qrels.tsv", qrels), ("queries.jsonl", queries), ("judgements.jsonl", everybody)):
            if path is not None:
                with whole_file(path) as file:
                    file.write((as_file(name, what, held, by) or "").encode())
    click.echo(f"{len({one.query for one in held})} queries, {len(held)} judgements", err=True)
