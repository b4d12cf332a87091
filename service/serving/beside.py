"""Runs a call in another thread while this thread does other work that releases the interpreter's lock.

For calls of half a millisecond and more into libraries that release the lock. Knows nothing of what is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Generic, TypeVar

from models.cpu import available_threads

T = TypeVar("T")

THREADS = available_threads()
"""The most such calls at once. 1 means that there is only one core; then no call is made beside."""


_spare: ContextVar[bool] = ContextVar("spare", default=True)


@contextmanager
def spare(there_is: bool) -> Iterator[None]:
    """Set, for this thread and this context, whether a core is free.

    If other requests wait for cores, a call in another thread costs them more time than it saves.
    """
    token = _spare.set(there_is)
    try:
        yield
    finally:
        _spare.reset(token)


class BackgroundCall(Generic[T]):
    """A call that runs beside the following code, if a core is free.

    :param call: Must not use context variables, since it runs in another thread.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._begun = _pool(os.getpid()).submit(call) if THREADS > 1 and _spare.get() else None

    def result(self) -> T:
        """Return the call's result, or raise its error. If no thread has started it yet, run it here."""
        begun = self._begun
        return self._call() if begun is None or begun.cancel() else begun.result()


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the thread pool of a process, since a forked process does not inherit threads."""
    return ThreadPoolExecutor(THREADS, f"beside-{process}")
