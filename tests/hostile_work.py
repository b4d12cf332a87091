"""What work that is confined may do to the process that does it. Found by that process by name."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator

from indexer.errors import SourceError
from indexer.limits import confined


def count(up_to: int) -> Iterator[int]:
    yield from range(up_to)


def backtrack() -> Iterator[int]:
    """Be at a regular expression for ever, which holds the interpreter's lock."""
    yield 1
    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep(seconds: float, steps: int = 1) -> Iterator[int]:
    yield 1
    for _ in range(steps):
        time.sleep(seconds / steps)
        confined.step()


def spin(steps: int, seconds: float) -> Iterator[int]:
    """Keep the processor busy for so many seconds from each step to the next."""
    for number in range(steps):
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        yield number


def swallow(megabytes: int) -> Iterator[int]:
    held = [bytearray(2**20) for _ in range(megabytes)]
    yield len(held)


def swallow_quietly(megabytes: int) -> Iterator[int]:
    """Make something else of the error, as libraries do."""
    try:
        yield from swallow(megabytes)
    except MemoryError:
        raise ValueError("no such document") from None


def recurse(depth: int = 0) -> Iterator[int]:
    yield from recurse(depth + 1)


def crash() -> Iterator[int]:
    yield 1
    ctypes.string_at(0)


def end() -> Iterator[int]:
    yield 1
    os._exit(3)


def refuse() -> Iterator[int]:
    raise SourceError("expected a feed")
    yield 1


def miss() -> Iterator[int]:
    raise FileNotFoundError(2, "No such file or directory", "x")
    yield 1


def log() -> Iterator[int]:
    logging.getLogger("indexer.sources.web").info("%s: %d pages read", "a site", 100)
    yield os.getpid()


def remember(path: str) -> Iterator[int]:
    """Write to a database, commit, write on, and hang."""
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE rows (number INTEGER)")
    database.execute("INSERT INTO rows VALUES (1)")
    database.commit()
    database.execute("INSERT INTO rows VALUES (2)")
    yield 1
    yield from backtrack()
