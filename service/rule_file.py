"""The file of the editors' rules: followed as it changes, and edited without losing a byte of what others wrote.

Owns reading again, the lock and the atomic replacement; what a line may say is `service.rule_lines`'.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexer.article import shown
from service.rule_lines import NO_RULES, Rule, Rules, numbered, parse, parse_line

logger = logging.getLogger(__name__)


class RuleFile:
    """Follows a file of rules that editors may change at any time; safe to share between threads.

    :param path: None where there is no such file: no rules, no problem.
    :param clock: Seconds that never go backwards.
    """

    EVERY_SECONDS = 1.0

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._read: tuple[int, int, int] | None = None
        self._rules = NO_RULES

    def current(self) -> Rules:
        """Return what the file says now, the same object for as long as it says the same.

        Looks at the file once a second at most and reads it only where it changed. A file that cannot be read, or has
        no good line among bad ones, leaves the rules before in force and is a problem.
        """
        if self._path is None:
            return NO_RULES
        with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked >= self.EVERY_SECONDS:
                self._looked = now
                self._look(self._path)
            return self._rules

    def _look(self, path: Path) -> None:
        try:
            found = path.stat()
            read = (found.st_mtime_ns, found.st_size, found.st_ino)
            if read == self._read:
                return
            content = _content(path)
        except OSError as error:
            self._read = None  # look again even where it comes back as it was
            self._take(self._kept((f"{path.name}: cannot be read: {error.strerror or error}",)))
            return
        self._read = read
        rules = parse(content, path.name)
        self._take(self._kept(rules.problems) if rules.problems and not rules.rules else rules)

    def _kept(self, problems: tuple[str, ...]) -> Rules:
        """Return the rules before, with what is wrong with the file now."""
        rules = self._rules.rules
        return Rules(rules, (*problems, "the rules before stay in force") if rules else problems)

    def _take(self, rules: Rules) -> None:
        if rules == self._rules:
            return
        if rules.problems and rules.problems != self._rules.problems:
            logger.warning("%d problems with rules: %s", len(rules.problems), rules.problems[0])
        self._rules = rules


def _content(path: Path) -> bytes:
    """Return a file's bytes; a pipe or a directory is none, and holds nobody up.

    :raises OSError: if it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    return path.read_bytes()


def read(path: Path) -> Rules:
    """Return what a file says.

    :raises OSError: naming the file, if it cannot be read.
    """
    try:
        return parse(_content(path), path.name)
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
