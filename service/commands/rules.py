"""Commands of an editor: `rules`, what the related lists must show, may not show, and show sooner."""

from __future__ import annotations

import getpass
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import PATH, options, plain_errors, with_json, with_settings

if TYPE_CHECKING:
    from service.rules.applied import MissingPin
    from service.rules.file import Author
    from service.rules.lines import Rule

with_file = options(
    with_settings,
    click.option("--rules", "file", type=PATH, envvar="LIENQUAN_RULES", required=True, help="The file of the rules."),
)
with_lists = options(
    click.option("--for-id", multiple=True, metavar="ID", help="Under this article; repeatable. Else in every list."),
    click.option("--for-section", multiple=True, metavar="SECTION", help="Under articles of this section; repeatable."),
    click.option("--from", "begins", metavar="WHEN", help="Not before this day or time."),
    click.option("--until", metavar="WHEN", help="Not after this day or time."),
    click.option("--note", help="For whoever reads the rule."),
)
with_target = options(
    click.argument("article", required=False, metavar="[ID]"),
    click.option("--section", help="Instead of ID: everything of this section."),
    click.option("--source", help="Instead of ID: everything of this source."),
    click.option("--author", help="Instead of ID: everything of this author."),
    click.option("--tag", help="Instead of ID: everything with this tag."),
)


@click.group()
def rules() -> None:
    """List, check and change the editors' rules of related lists: pins, blocks, boosts, sections.

    A service that is told of the file by LIENQUAN_RULES follows it at once. Who changed what, when and why is kept in
    the file, in comments that begin with #: (`rules history`).
    """


@rules.command("list")
@with_file
@click.option("--home", type=PATH, envvar="LIENQUAN_HOME", help="Say also which named articles are not public there.")
@with_json
def list_rules(file: Path, home: Path | None, as_json: bool) -> None:
    """List the rules, whether each is in force, and what is amiss with it."""
    now = datetime.now(UTC)
    with plain_errors():
        from service.rules.file import read

        found = read(file)
        absent = _absent(found, home, now) if home else []
    missing: dict[str, list[MissingPin]] = {rule.id: [] for rule in found.rules}
    for one in absent:
        missing[one.rule].append(one)
    _complain(found.problems)
    if as_json:
        rows = [
            {
                "rule": json.loads(rule.line()),
                "period": rule.period(now),
                "missing": [{"article": one.article, "reason": one.reason} for one in missing[rule.id]],
            }
            for rule in found.rules
        ]
        click.echo(json.dumps({"rules": rows, "problems": found.problems}))
        return
    for rule in found.rules:
        amiss: list[str] = [period for period in (rule.period(now),) if period != "in force"]
        amiss += [f"{one.article}: {one.reason}" for one in missing[rule.id]]
        click.echo(_told(rule) + (f"  [{'; '.join(amiss)}]" if amiss else ""))


def _absent(found: Any, home: Path, now: datetime) -> list[MissingPin]:
    """Return the articles that rules name and that are not public in the current snapshot of a home."""
    from contextlib import closing

    from indexer.archive import Archive
    from indexer.articles.columns import micros
    from indexer.snapshot.home import Home
    from indexer.snapshot.snapshot import Snapshot
    from service.rules.applied import RulesInArchive

    place = Home(home)
    name = place.current()
    if name is None:
        click.echo(f"{home}: no snapshot is published yet: articles are not looked up", err=True)
        return []
    with closing(Archive(Snapshot(place.directory(name)))) as archive:
        public, _ = archive.public(micros(now))
        return RulesInArchive(found, archive).missing(public)


@rules.command("check")
@with_settings
@click.argument("file", type=PATH, envvar="LIENQUAN_RULES")
def check_rules(file: Path) -> None:
    """Check every line of FILE, of LIENQUAN_RULES by default; exit status 1 if one is not as expected."""
    with plain_errors():
        from service.rules.file import read

        found = read(file)
    _complain(found.problems)
    click.echo(f"rules: {len(found.rules)}, problems: {len(found.problems)}")
    if found.problems:
        sys.exit(1)


@rules.command("history")
@with_file
@with_json
def show_history(file: Path, as_json: bool) -> None:
    """List who added and removed which rule, when and why, the oldest first; what was done by hand is not in it."""
    with plain_errors():
        from service.rules.file import history

        try:
            entries = history(file)
        except OSError as error:
            raise OSError(f"{file}: cannot be read: {error.strerror or error}") from error
    if as_json:
        click.echo(json.dumps([entry.model_dump(mode="json") for entry in entries]))
        return
    for entry in entries:
        why = " (" + " ".join(entry.why.split()) + ")" if entry.why else ""
        click.echo(f"{entry.at.isoformat()}  {entry.by}  {entry.did} {entry.id}{why}")


@rules.command()
@click.argument("article", metavar="ID")
@click.option("--position", type=int, required=True, help="From 1.")
@with_lists
@with_file
def pin(file: Path, **said: Any) -> None:
    """Let article ID stand at a position of the lists."""
    _add(file, "pin", **said)


@rules.command()
@with_target
@with_lists
@with_file
def block(file: Path, **said: Any) -> None:
    """Never show article ID, or everything of a section, source, author or tag."""
    _add(file, "block", **said)


@rules.command()
@with_target
@click.option("--factor", type=float, required=True, help="0.1 to 10; below 1 it holds back.")
@with_lists
@with_file
def boost(file: Path, **said: Any) -> None:
    """Multiply the score of article ID, or of everything of a section, source, author or tag."""
    _add(file, "boost", **said)


@rules.command("section")
@click.option("--only", multiple=True, metavar="SECTION", help="The lists hold this section alone; repeatable.")
@click.option("--never", multiple=True, metavar="SECTION", help="The lists never hold this section; repeatable.")
@with_lists
@with_file
def section_rule(file: Path, **said: Any) -> None:
    """Say which sections the lists may hold: --only some, or --never some."""
    _add(file, "section", **said)


@rules.command()
@click.argument("rule_id", metavar="RULE_ID")
@click.option("--note", help="Why, for whoever reads the history.")
@with_file
def remove(rule_id: str, note: str | None, file: Path) -> None:
    """Take rule RULE_ID out of the file; `rules list` shows the ids."""
    with plain_errors():
        from service.rules.file import remove as take_out

        take_out(file, rule_id, _author(note))
    click.echo(f"removed {rule_id}")


def _add(file: Path, kind: str, for_id: tuple[str, ...], for_section: tuple[str, ...], **said: Any) -> None:
    """Write the rule that the options make; wrong use ends the command with status 2."""
    with plain_errors():
        from service.rules.file import add
        from service.rules.lines import make

        scope = _given({"ids": for_id, "sections": for_section})
        rule = make(_given({"kind": kind, "for": scope or None, "from": said.pop("begins"), **said}))
        if isinstance(rule, list):
            raise click.UsageError("; ".join(": ".join(fault) for fault in rule))
        add(file, rule, _author(rule.note))
    click.echo(_told(rule))


def _author(why: str | None) -> Author:
    """Return the author for the history: the system user who runs the command."""
    from service.rules.file import Author

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have a user number without a name
        name = f"uid {os.geteuid()}"
    return Author(name, why)


def _given(said: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, repeated ones as lists."""
    given = {name: [*value] if isinstance(value, tuple) else value for name, value in said.items()}
    return {name: value for name, value in given.items() if value not in (None, [])}


def _told(rule: Rule) -> str:
    """Return a rule as a line for a person: its id, what it does, in which lists, and when."""
    said = json.loads(rule.line())
    scope = said.get("for", {})
    lists = [f"under {name}" for name in scope.get("ids", ())]
    lists += [f"under section {name}" for name in scope.get("sections", ())]
    when = [f"{word} {said[word]}" for word in ("from", "until") if word in said]
    note = ["(" + " ".join(said["note"].split()) + ")"] if "note" in said else []
    return "  ".join([said["id"], _does(said), ", ".join(lists) or "in every list", *when, *note])


def _does(said: dict[str, Any]) -> str:
    match said:
        case {"kind": "pin", "article": article, "position": position}:
            return f"pin {article} at {position}"
        case {"kind": "section", "only": sections} | {"kind": "section", "never": sections}:
            return f"{'only' if 'only' in said else 'never'} {', '.join(sections)}"
    target = next(f"{name} {said[name]}" for name in ("article", "section", "source", "author", "tag") if name in said)
    return f"boost {target} by {said['factor']:g}" if "factor" in said else f"block {target}"


def _complain(problems: tuple[str, ...]) -> None:
    for problem in problems:
        click.echo(problem, err=True)
