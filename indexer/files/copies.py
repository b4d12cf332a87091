"""The places where copies of a home's articles were written: backups and exports. A purge searches them too.

Owns one file of a home, with a line of JSON for each copy.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from indexer.files import private

FILE = "copies.jsonl"

CopyKind = Literal["backup", "export"]


class Copy(NamedTuple):
    """One copy.

    :param at: When it was last written, ISO 8601 in UTC.
    """

    kind: CopyKind
    path: Path
    at: str


def note(home: Path, kind: CopyKind, path: Path) -> None:
    """Record that a copy was written."""
    line = {"kind": kind, "path": str(path.absolute()), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    private.make_file(home / FILE)
    with (home / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def known(home: Path) -> list[Copy]:
    """Return the recorded copies, each path once. Unreadable lines are skipped."""
    found: dict[str, Copy] = {}
    try:
        lines = (home / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            said = json.loads(line)
            found[said["path"]] = Copy(said["kind"], Path(said["path"]), said["at"])
        except (ValueError, KeyError, TypeError):
            continue
    return list(found.values())
