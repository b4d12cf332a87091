"""The file of the editors' rules: followed as it changes, and edited without losing a byte of what others wrote.

Owns the lock and the atomic replacement; what a line may say is `service.rule_lines`'.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexer.article import shown
from service.followed import Followed, regular
from service.rule_lines import NO_RULES, Rule, Rules, numbered, parse, parse_line


class RuleFile(Followed[Rules]):
    """Follows a file of the editors' rules.

    :param path: None where there is no such file.
    :param clock: Seconds that never go backwards.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(path, parse, NO_RULES, "rules", clock)


def read(path: Path) -> Rules:
    """Return what a file says.

    :raises OSError: naming the file, if it cannot be read.
    """
    try:
        return parse(regular(path), path.name)
    except OSError as error:
        raise OSError(f"{path}: cannot be read: {error.strerror or error}") from error


def add(path: Path, rule: Rule) -> None:
    """Write a rule behind what the file holds, which is kept byte for byte; a file that is not there is made.

    :raises ValueError: if a line has the rule's id already.
    :raises OSError: if the file cannot be written; then it is as it was.
    """
    with _held(path, "ab") as real:
        content = real.read_bytes()
        for number, line in numbered(content):
            if _has_id(line, rule.id):
                raise ValueError(f"id: {shown(rule.id)}: stands in {path.name}:{number}: expected an id of its own")
        gap = b"\n" if content and not content.endswith(b"\n") else b""
        _replace(real, content + gap + rule.line().encode() + b"\n")


def remove(path: Path, rule_id: str) -> None:
    """Take the lines of a rule out of a file; all others are kept byte for byte.

    :raises ValueError: if no line has that id.
    :raises OSError: if the file cannot be read or written; then it is as it was.
    """
    with _held(path, "r+b") as real:
        lines = [line for _, line in numbered(real.read_bytes())]
        kept = [line for line in lines if not _has_id(line, rule_id)]
        if len(kept) == len(lines):
            raise ValueError(f"id: {shown(rule_id)}: expected the id of a rule in {path.name}")
        _replace(real, b"".join(kept))


def _has_id(line: bytes, rule_id: str) -> bool:
    rule = parse_line(line)
    return rule is not None and not isinstance(rule, list) and rule.id == rule_id


@contextmanager
def _held(path: Path, mode: str) -> Iterator[Path]:
    """Hold a file for editing, waiting for whoever has it, and yield where it really is, behind links.

    Every edit puts a new file in the old one's place, so that a lock is worth something only on the file that is there
    once the lock is had. The system lets go of it when the process ends, however it ends.
    """
    real = path.resolve()
    while True:
        if real.exists() and not real.is_file():
            raise OSError(f"{path}: it is not a file")
        with real.open(mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), real):
                yield real
                return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of one, with its mode and owner. Atomic: before or after."""
    before = path.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
