"""The help of every command as docs/commands.md shows it. `make docs` writes it; a test compares."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli import main

PATH = Path(__file__).parents[1] / "docs" / "commands.md"
_OPENING = """# All commands

Exit status is 0, 1 (failed) or 2 (wrong use). Results go to stdout, progress and logs to stderr. `make docs` writes
this page.
"""


def sections(command: click.Command, parent: click.Context | None, name: str) -> list[str]:
    """Return the help of a command and of all below it."""
    context = click.Context(
        command, parent, name, terminal_width=100, max_content_width=100, **command.context_settings
    )
    own = [f"## `{context.command_path}`\n\n```\n{command.get_help(context).strip()}\n```"]
    below = sorted(command.commands.items()) if isinstance(command, click.Group) else []
    return own + [text for below_name, sub in below for text in sections(sub, context, below_name)]


def generated() -> str:
    """Return the page."""
    return "\n\n".join([_OPENING.strip(), *sections(main, None, "lienquan")]) + "\n"


if __name__ == "__main__":
    PATH.write_text(generated(), encoding="utf-8")
