"""What a source yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reading:
    """The fields of one article as a source gives them, not yet validated.

    :param line: Where it stands in the source, from 1.
    :param fields: Field names of the archive line, and others, with the source's values.
    :param derived: Whether the id was made from other fields, so that a fuller reading of the same id wins.
    """

    line: int
    fields: dict[str, Any] = field(repr=False)
    derived: bool = False


@dataclass(frozen=True)
class SourceOptions:
    """What an operator may say of a source that its files do not.

    :param columns: For a table: field of the archive line -> header of the column that it is taken from.
    :param encoding: The encoding of its text; found out by default.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None


@dataclass(frozen=True)
class BadLine:
    """A place of the source that no article can be read from.

    :param line: Where it stands, from 1.
    :param raw: What stands there.
    :param reason: What was expected.
    """

    line: int
    raw: str = field(repr=False)
    reason: str = ""
