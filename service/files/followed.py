"""A file of rules that editors may change at any time: read again when it changes, the last good state kept.

Owns looking and keeping; what the file may say is told from outside.
"""

from __future__ import annotations

import logging
import stat
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

logger = logging.getLogger(__name__)


class FileContents(Protocol):
    """What a file says: a frozen dataclass of rules, and a sentence for each line that is none."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def rules(self) -> Collection[Any]:
        """Return the lines that are right."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with the others."""


Contents = TypeVar("Contents", bound=FileContents)


class FileFollower(Generic[Contents]):
    """Follows a file; safe to share between threads.

    :param path: None where there is no such file: nothing said, no problem.
    :param parse: Returns what bytes say; takes the file's name for the problems.
    :param nothing: What no file says.
    :param called: What the log calls the rules.
    """

    def __init__(
        self,
        path: Path | None,
        parse: Callable[[bytes, str], Contents],
        nothing: Contents,
        called: str,
    ) -> None:
        self._path = path
        self._parse = parse
        self._said = nothing
        self._called = called
        self._lock = threading.Lock()
        self._read: tuple[int, int, int] | None = None

    def current(self) -> Contents:
        """Return what the file says now, the same object for as long as it says the same.

        Looks at the file each time and reads it only where it changed, so that what is saved counts at once in every
        process. A file that cannot be read, or has no good line among bad ones, leaves the rules before in force and
        is a problem.
        """
        if self._path is None:
            return self._said
        with self._lock:
            self._look(self._path)
            return self._said

    def _look(self, path: Path) -> None:
        try:
            found = path.stat()
            read = (found.st_mtime_ns, found.st_size, found.st_ino)
            if read == self._read:
                return
            content = regular(path)
        except OSError as error:
            self._read = None  # look again even where it comes back as it was
            self._take(self._kept((f"{path.name}: cannot be read: {error.strerror or error}",)))
            return
        self._read = read
        said = self._parse(content, path.name)
        self._take(self._kept(said.problems) if said.problems and not said.rules else said)

    def _kept(self, problems: tuple[str, ...]) -> Contents:
        """Return the rules before, with what is wrong with the file now."""
        told = (*problems, "the rules before stay in force") if self._said.rules else problems
        return replace(self._said, problems=told)

    def _take(self, said: Contents) -> None:
        if said == self._said:
            return
        if said.problems and said.problems != self._said.problems:
            logger.warning("%d problems with %s: %s", len(said.problems), self._called, said.problems[0])
        self._said = said


def regular(path: Path) -> bytes:
    """Return a file's bytes; a pipe or a directory is none, and holds nobody up.

    :raises OSError: if it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    return path.read_bytes()
