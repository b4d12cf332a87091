"""The command `report clicks`: what clicks on related lists say."""

from __future__ import annotations

import json
from pathlib import Path

import click

from service.commands.common import PATH, plain_errors, with_home, with_json


@click.command("clicks")
@with_home
@click.option("--since", help="Not before this date or time; 30 days ago by default.")
@click.option("--until", help="Not after this date or time.")
@click.option("--qrels", type=PATH, help="Write judgements from clicks here: query-id, corpus-id, score.")
@click.option(
    "--min-shown", type=click.IntRange(1), default=20, show_default=True, help="How often a judged pair was shown."
)
@with_json
def report_clicks(
    home: Path, since: str | None, until: str | None, qrels: Path | None, min_shown: int, as_json: bool
) -> None:
    """Show how often related articles are clicked, by position and reason, and which of two rankings wins.

    From what pages tell where the setting `clicks` is on. Rates have intervals of 95 %. Readers click what stands
    first; judgements of --qrels weigh a click by how many its position gets anyway, and are no match for editors'.
    """
    with plain_errors():
        from service.clicks import log as click_log
        from service.clicks import text as click_text

        counts = click_log.ClickCounts(home / click_log.FILE, *click_text.bounds(since, until))
        told = click_text.report(counts)
        written = None if qrels is None else click_text.write_qrels(counts, min_shown, qrels)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(click_text.lines(told)))
    if written is not None:
        click.echo(f"{qrels}: {written} judgements, by clicks over what their positions get", err=True)
