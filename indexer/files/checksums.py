"""A list of files with their SHA-256, in the format of coreutils: `sha256sum -c SHA256SUMS` reads it too.

Owns that format. Knows nothing of the files' meaning.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from pathlib import Path

from indexer.errors import SnapshotError

FILE = "SHA256SUMS"

_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)", re.DOTALL)
_ESCAPED = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


def write(directory: Path, names: Collection[str]) -> None:
    """Write the list of some files, each named relative to the directory."""
    lines = "".join(_line(name, digest(directory / name)) for name in sorted(names))
    (directory / FILE).write_bytes(os.fsencode(lines))


def read(directory: Path) -> dict[str, str] | None:
    """Return the SHA-256 of each file in the list, in hexadecimal digits; None if there is no list.

    :raises SnapshotError: if it is damaged.
    """
    try:
        lines = os.fsdecode((directory / FILE).read_bytes()).split("\n")
    except FileNotFoundError:
        return None
    found = {}
    for number, line in enumerate(lines[:-1], start=1):
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise SnapshotError(f"{directory / FILE}:{number}: {line[:100]!r}: expected a SHA-256 and a name")
        escaped, said, name = parts.groups()
        found[re.sub(r"\\[\\nr]", lambda two: _ESCAPED[two[0]], name) if escaped else name] = said
    if lines[-1] or not found:
        raise SnapshotError(f"{directory / FILE}: expected whole lines to its end, it is cut short")
    return found


def check(directory: Path, names: Collection[str], expected: dict[str, str]) -> None:
    """Compare some files with a list.

    :raises SnapshotError: naming the file that is missing, changed, or not in the list.
    """
    for name in sorted(expected.keys() | set(names)):
        if name not in expected:
            raise SnapshotError(
                f"{directory / name}: is not in {FILE}: expected only what was there when it was written"
            )
        if name not in names:
            raise SnapshotError(f"{directory / name}: is missing: expected what {FILE} names")
        if (found := digest(directory / name)) != expected[name]:
            raise SnapshotError(
                f"{directory / name}: SHA-256 {found[:16]}…: expected {expected[name][:16]}…: it was changed"
            )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(name: str, said: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{said}  {escaped}\n"
