"""What processes that run for long ask of glibc's allocator, so that they give back what they needed once.

Other C libraries are left as they are, and so is whatever the operator sets by glibc's own variables.
"""

from __future__ import annotations

import ctypes
import os

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


def _set(parameter: int, value: int, variable: str) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and variable not in os.environ:
        mallopt(parameter, value)
