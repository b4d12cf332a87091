"""Follows a file that editors may change at any time: reads it again after changes, keeps the last good state.

The caller provides the parser.
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
    """The content of a file: its rules in a frozen dataclass, and a sentence for each invalid line."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def rules(self) -> Collection[Any]:
        """Return the valid lines."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the problems of the other lines."""


Contents = TypeVar("Contents", bound=FileContents)


class FileFollower(Generic[Contents]):
    """Follows a file; safe to share between threads.

    :param path: None if there is no such file: then there are no rules and no problems.
    :param parse: Parses bytes; takes the file's name for problems.
    :param nothing: The content if there is no file.
    :param called: The name of the rules in the log.
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
        """Return the file's current content, the same object until it changes.

        The file's state is checked at each call, and it is read only after changes, so a saved change counts at once in
        every process. If the file cannot be read, or has only bad lines, the earlier rules stay in force and it is a
        problem.
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
            self._read = None  # read it again even if it comes back unchanged
            self._take(self._kept((f"{path.name}: cannot be read: {error.strerror or error}",)))
            return
        self._read = read
        said = self._parse(content, path.name)
        self._take(self._kept(said.problems) if said.problems and not said.rules else said)

    def _kept(self, problems: tuple[str, ...]) -> Contents:
        """Return the earlier rules, with the problems of the file now."""
        told = (*problems, "the rules before stay in force") if self._said.rules else problems
        return replace(self._said, problems=told)

    def _take(self, said: Contents) -> None:
        if said == self._said:
            return
        if said.problems and said.problems != self._said.problems:
            logger.warning("%d problems with %s: %s", len(said.problems), self._called, said.problems[0])
        self._said = said


def regular(path: Path) -> bytes:
    """Return a file's bytes. A pipe or a directory is refused without waiting.

    :raises OSError: if it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    return path.read_bytes()
