"""The command `words`: the editors' synonyms, abbreviations and renamed places."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from service.commands.common import options, plain_errors, with_json, with_settings

if TYPE_CHECKING:
    from service.vocabulary.word_files import VocabularyKind, WordFile

BY = "command line"
"""The author for the history."""

with_kind = options(
    with_settings, click.argument("kind", type=click.Choice(["synonyms", "abbreviations", "renamings"]))
)


@click.group()
def words() -> None:
    """List, check and change the editors' synonyms, abbreviations and renamed places.

    In the files that LIENQUAN_SYNONYMS, LIENQUAN_ABBREVIATIONS and LIENQUAN_RENAMINGS name. A service follows them from
    the next search on. A tab between the fields of a table.
    """


@words.command("list")
@with_kind
@with_json
def list_words(kind: VocabularyKind, as_json: bool) -> None:
    """List the lines, with their numbers, and why one does not count."""
    with plain_errors():
        lines = _file(kind).lines()
    if as_json:
        click.echo(json.dumps([line._asdict() for line in lines], ensure_ascii=False))
        return
    for line in lines:
        click.echo(f"{line.number}\t{line.text}" + (f"\t[{line.problem}]" if line.problem else ""))


@words.command()
@with_kind
def check(kind: VocabularyKind) -> None:
    """Check every line; exit status 1 if one is not as expected."""
    with plain_errors():
        file = _file(kind)
        lines = file.lines()
    amiss = [line for line in lines if line.problem]
    for line in amiss:
        click.echo(f"{file.name}:{line.number}: {line.problem}", err=True)
    click.echo(f"{kind}: {len(lines) - len(amiss)}, problems: {len(amiss)}")
    if amiss:
        sys.exit(1)


@words.command()
@with_kind
@click.argument("line")
def add(kind: VocabularyKind, line: str) -> None:
    """Add LINE; `a, b` or `a => b` for synonyms."""
    with plain_errors():
        from service.vocabulary.word_files import LineChange

        _file(kind).change(LineChange(None, "", line.strip()), BY)
    click.echo(line.strip())


@words.command()
@with_kind
@click.argument("line")
def remove(kind: VocabularyKind, line: str) -> None:
    """Remove LINE, as `list` shows it."""
    with plain_errors():
        from service.vocabulary.word_files import LineChange

        file = _file(kind)
        found = next((one for one in file.lines() if one.text.strip() == line.strip()), None)
        if found is None:
            raise click.ClickException(f"line: {line!r}: expected a line of {file.name}")
        file.change(LineChange(found.number, found.text, None), BY)
    click.echo(f"removed {found.text}")


def _file(kind: VocabularyKind) -> WordFile:
    """Return the file that the settings name; where they name none, the command was used wrongly."""
    from service import settings
    from service.vocabulary.word_files import WordFile

    file = WordFile.of(settings.load(), kind)
    if file.path is None:
        raise click.UsageError(f"{settings.variable(kind)}: not set: expected the path of a file")
    return file
