"""docs/commands.md, the help of every command, and docs/settings.md. `make docs` writes them; a test compares."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli import main
from service.upkeep import settings_text

PATH = Path(__file__).parents[1] / "docs" / "commands.md"
SETTINGS_PATH = PATH.with_name("settings.md")
_SETTINGS = """# All settings

Each is a line of the settings file, which is TOML and which `--settings` or `LIENQUAN_SETTINGS` names, and a variable
of the environment: `cache_seconds` is `LIENQUAN_CACHE_SECONDS` there. Options of a command win over the environment,
that over the file, and the file over the defaults shown here. Paths in the file are counted from where it lies.

All of it is checked before a command does anything. A value that cannot be, or a name that nothing is called, ends it
with status 2 and what was probably meant. `lienquan settings` shows every value and where it comes from, secrets
hidden; `lienquan settings --example > lienquan.toml` begins a file with what follows. `make docs` writes this page.
"""
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


def generated_settings() -> str:
    """Return the page of settings."""
    return f"{_SETTINGS}\n```toml\n{settings_text.example()}```\n"


if __name__ == "__main__":
    PATH.write_text(generated(), encoding="utf-8")
    SETTINGS_PATH.write_text(generated_settings(), encoding="utf-8")
