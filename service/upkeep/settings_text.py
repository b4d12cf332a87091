"""Texts on settings: an annotated example of the file, and a table of values with their origin.

All of it comes from `Settings`: descriptions from its docstring, bounds and choices from its schema.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from service import settings
from service.settings import Settings

_WIDTH = 100


class SettingState(NamedTuple):
    """One setting as it is now.

    :param origin: `default`, `file`, or the environment variable.
    """

    name: str
    value: Any
    origin: str


@cache
def descriptions() -> dict[str, str]:
    """Return a line of description for each setting, from the field if it has one, else from the docstring."""
    written = dict(re.findall(r":param (\w+): (.*?)(?=\n:param |\Z)", inspect.getdoc(Settings) or "", re.DOTALL))
    found = {name: field.description or written.get(name, "") for name, field in Settings.model_fields.items()}
    return {name: " ".join(text.split()) for name, text in found.items()}


def current(loaded: Settings) -> list[SettingState]:
    """Return every setting with its value, secrets hidden, and its origin."""
    named, filed = settings.in_environment(), settings.read_file()
    return [
        SettingState(
            name, _shown(name, getattr(loaded, name)), named.get(name) or ("file" if name in filed else "default")
        )
        for name in Settings.model_fields
    ]


def example() -> str:
    """Return a settings file with every setting, described, commented out, at its default."""
    parts = ["# Settings of Lienquan. Take the # away before a name to set it; LIENQUAN_NAME in the environment wins."]
    for name in Settings.model_fields:
        told = f"{descriptions()[name]} {_expected(name)}".strip()
        lines = textwrap.wrap(told, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append("\n".join([*lines, f"#{name} = {_toml(Settings.model_fields[name].default)}".rstrip()]))
    return "\n\n".join(parts) + "\n"


def _expected(name: str) -> str:
    """Return a sentence with the allowed values of a setting, empty if any of its type is allowed."""
    field = Settings.model_json_schema()["properties"][name]
    said = [field, *field.get("anyOf", []), field.get("items", {})]

    def bound(key: str) -> Any:
        return next((part[key] for part in said if key in part), None)

    choices = bound("enum")
    if choices:
        return f"One of {', '.join(choices)}."
    least, above, most = bound("minimum"), bound("exclusiveMinimum"), bound("maximum")
    words = [f"at least {least}"] if least is not None else [f"more than {above}"] if above is not None else []
    words += [f"at most {most}"] if most is not None else []
    return f"{' and '.join(words).capitalize()}." if words else ""


def _shown(name: str, value: Any) -> Any:
    if value is not None and (settings.is_secret(name) or isinstance(value, SecretStr)):
        return settings.HIDDEN
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    return str(value) if isinstance(value, Path) else value


def _toml(value: Any) -> str:
    """Return a default as TOML; empty for None, which TOML does not have."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
