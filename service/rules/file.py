"""The file of the editors' rules: followed as it changes, and edited without changing any other line.

The history of changes is in the file itself, in comments that begin with `#:`, so that a change and its entry are one
write.

    #: {"at": "2026-04-01T09:30:00+07:00", "by": "Bàn thời sự", "did": "added", "id": "r-0123456789", "why": "bão số 3"}

`service.rules.lines` owns the form of lines, `service.files.edited` the replacement of files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from indexer.articles.article import VIETNAM, parse_time, shown
from service.files.edited import held, put
from service.files.followed import FileFollower, regular
from service.rules.lines import NO_RULES, Rule, Rules, numbered, parse, parse_line

_ENTRY = b"#: "
_NOTES = ("note", "why")


class Author(NamedTuple):
    """The author of a change.

    :param name: Their name in the history.
    :param why: Their reason, None if they gave none.
    """

    name: str
    why: str | None = None


class HistoryEntry(BaseModel):
    """An entry of the history.

    :param id: The rule's id.
    :param rule: The removed rule; None if the rule was added.
    """

    model_config = ConfigDict(frozen=True)

    at: Annotated[datetime, BeforeValidator(parse_time)]
    by: str
    did: Literal["added", "removed"]
    id: str
    why: str | None = None
    rule: dict[str, Any] | None = None


class RuleFile(FileFollower[Rules]):
    """Follows a file of the editors' rules. A saved change counts from the next list on, in every process.

    The check takes 2.4 µs for each list, which itself takes milliseconds.

    :param path: None if there is no such file.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, parse, NO_RULES, "rules")


def read(path: Path) -> Rules:
    """Parse a file of rules.

    :raises OSError: naming the file, if it cannot be read.
    """
    try:
        return parse(regular(path), path.name)
    except OSError as error:
        raise OSError(f"{path}: cannot be read: {error.strerror or error}") from error


def history(path: Path) -> list[HistoryEntry]:
    """Return the history of a file, with authors and reasons, the oldest first. Invalid entries are skipped.

    :raises OSError: if it cannot be read.
    """
    entries = []
    for _, line in numbered(regular(path)):
        if line.startswith(_ENTRY):
            with suppress(ValidationError):
                entries.append(HistoryEntry.model_validate_json(line.removeprefix(_ENTRY)))
    return entries


def add(path: Path, rule: Rule, author: Author | None = None) -> None:
    """Append a rule to a file, whose other bytes stay the same. A missing file is created.

    :param author: The author for the history, None for no entry.
    :raises ValueError: if a line has the rule's id already.
    :raises OSError: if the file cannot be written; then it is unchanged.
    """
    with held(path, "ab") as real:
        content = real.read_bytes()
        for number, line in numbered(content):
            if _with_id(line, rule.id) is not None:
                raise ValueError(f"id: {shown(rule.id)}: stands in {path.name}:{number}: expected an id of its own")
        gap = b"\n" if content and not content.endswith(b"\n") else b""
        put(real, content + gap + _entry("added", rule, author) + rule.line().encode() + b"\n")


def remove(path: Path, rule_id: str, author: Author | None = None) -> None:
    """Remove the lines of a rule from a file, whose other bytes stay the same.

    :param author: The author for the history, which then has the rule; None for no entry.
    :raises ValueError: if no line has that id.
    :raises OSError: if the file cannot be read or written; then it is unchanged.
    """
    with held(path, "r+b") as real:
        lines = [line for _, line in numbered(real.read_bytes())]
        found = [_with_id(line, rule_id) for line in lines]
        kept = b"".join(line for line, rule in zip(lines, found, strict=True) if rule is None)
        removed = next((rule for rule in found if rule is not None), None)
        if removed is None:
            raise ValueError(f"id: {shown(rule_id)}: expected the id of a rule in {path.name}")
        entry = _entry("removed", removed, author)
        put(real, kept + (b"\n" if entry and kept and not kept.endswith(b"\n") else b"") + entry)


def _entry(did: Literal["added", "removed"], rule: Rule, author: Author | None) -> bytes:
    """Return the history's line for a change, empty if no entry is wanted."""
    if author is None:
        return b""
    now = datetime.now(UTC).astimezone(VIETNAM).isoformat(timespec="seconds")
    told: dict[str, Any] = {"at": now, "by": author.name, "did": did, "id": rule.id, "why": author.why}
    told["rule"] = json.loads(rule.line()) if did == "removed" else None
    said = {name: value for name, value in told.items() if value is not None}
    return _ENTRY + json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _with_id(line: bytes, rule_id: str) -> Rule | None:
    """Return the rule of a line, if it has this id."""
    rule = parse_line(line)
    return None if rule is None or isinstance(rule, list) or rule.id != rule_id else rule


def redact(path: Path, is_its: Callable[[str], bool]) -> int:
    """Remove quotations of a purged article from a file: notes, reasons, comments. Rules stay in force.

    :param is_its: Returns whether a text quotes the article.
    :return: The number of lines changed or removed.
    :raises OSError: if the file cannot be read or written; then it is unchanged.
    """
    with held(path, "r+b") as real:
        lines = [line for _, line in numbered(real.read_bytes())]
        kept = [_redacted(line, is_its) for line in lines]
        changed = sum(old != new for old, new in zip(lines, kept, strict=True))
        if changed:
            put(real, b"".join(kept))
    return changed


def _redacted(line: bytes, is_its: Callable[[str], bool]) -> bytes:
    """Return a line without notes that quote the article; empty for a comment that quotes it."""
    start = _ENTRY if line.startswith(_ENTRY) else b""
    if line.startswith(b"#") and not start:
        return b"" if is_its(line.decode("utf-8", "replace")) else line
    try:
        said = json.loads(line.removeprefix(start))
    except (ValueError, RecursionError):
        return line
    if not isinstance(said, dict):
        return line
    found = _without_notes(said, is_its)
    return line if found == said else start + json.dumps(found, ensure_ascii=False).encode() + b"\n"


def _without_notes(said: dict[str, Any], is_its: Callable[[str], bool]) -> dict[str, Any]:
    kept = {}
    for name, value in said.items():
        if name == "rule" and isinstance(value, dict):
            kept[name] = _without_notes(value, is_its)
        elif name not in _NOTES or not isinstance(value, str) or not is_its(value):
            kept[name] = value
    return kept
