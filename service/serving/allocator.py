"""What processes that run for long ask of glibc's allocator, so that they give back what they needed once.

Other C libraries are left as they are, and so is whatever the operator sets by glibc's own variables.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of glibc's malloc.h."""

_LARGE = 1 << 20


def share_arenas() -> None:
    """Have the many threads of a process share two arenas; each of its own would keep what it once needed."""
    _set(_M_ARENA_MAX, 2, "MALLOC_ARENA_MAX")


def return_large_blocks() -> None:
    """Have blocks of 1 MiB and more go back to the system as they are freed.

    By default glibc keeps blocks of up to 32 MiB once it has seen one freed. That is quicker where they are needed for
    each request, but tantivy's writer takes 15 MiB a publication.
    """
    _set(_M_MMAP_THRESHOLD, _LARGE, "MALLOC_MMAP_THRESHOLD_")


TRIM_SECONDS = 10.0
"""How often what is free is given back: it takes 0.3 ms in a process of 400 MB."""


def keep_trimming() -> None:
    """Have what is free go back to the system every `TRIM_SECONDS`, from a thread of its own.

    By itself glibc gives back the end of an arena alone. What was freed between blocks that stay is soon too broken up
    for the next large one: a process that opens snapshot after snapshot would take 4 MB more every few ten thousand
    of them, which is how often Python makes anew its table of interned strings, where pathlib puts the parts of a path.
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
