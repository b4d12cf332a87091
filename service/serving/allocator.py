"""Tunes glibc's allocator, so that long-running processes return unused memory to the system.

Other C libraries are not changed, nor are the operator's settings by glibc's own variables.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Constants of glibc's malloc.h."""

_LARGE = 1 << 20


def share_arenas() -> None:
    """Make all threads of a process share two arenas, since each arena keeps memory that it once needed."""
    _set(_M_ARENA_MAX, 2, "MALLOC_ARENA_MAX")


def return_large_blocks() -> None:
    """Return blocks of 1 MiB and more to the system as soon as they are freed.

    By default glibc keeps blocks of up to 32 MiB once one was freed. That is quicker if every request needs them, but
    tantivy's writer takes 15 MiB for each publication.
    """
    _set(_M_MMAP_THRESHOLD, _LARGE, "MALLOC_MMAP_THRESHOLD_")


TRIM_SECONDS = 10.0
"""Seconds between two trims. A trim takes 0.3 ms in a process of 400 MB."""


def keep_trimming() -> None:
    """Return free memory to the system every `TRIM_SECONDS`, from a thread of its own.

    By itself glibc only returns the end of an arena. Memory freed between other blocks soon becomes too fragmented for
    the next large block. A process that opens many snapshots would grow by 4 MB every few ten thousand of them: that is
    how often Python rebuilds its table of interned strings, where pathlib puts the parts of paths.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=_keep, args=(trim,), name="memory", daemon=True).start()


def _keep(trim: Callable[[int], int]) -> None:
    while True:
        time.sleep(TRIM_SECONDS)
        trim(0)


def _set(parameter: int, value: int, variable: str) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and variable not in os.environ:
        mallopt(parameter, value)
