"""What another thread finds out while this one is at something else that leaves the interpreter to it.

For calls of half a millisecond and more into libraries that let go of the interpreter. Knows nothing of what is called.
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
"""How many such calls are made at once; with one there is no other core, and none is."""


_spare: ContextVar[bool] = ContextVar("spare", default=True)


@contextmanager
def spare(there_is: bool) -> Iterator[None]:
    """Say whether there is a core to spare for what runs in the context, in this thread.

    Where others wait for the cores, a call in another thread takes them more time than it saves.
    """
    token = _spare.set(there_is)
    try:
        yield
    finally:
        _spare.reset(token)


class BackgroundCall(Generic[T]):
    """A call that is made beside what follows, if there is a core to spare.

    :param call: Looks at no context variable: it is made in another thread.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._begun = _pool(os.getpid()).submit(call) if THREADS > 1 and _spare.get() else None

    def result(self) -> T:
        """Return what the call returns, or raise what it raises; where no thread has come to it, this one makes it."""
        begun = self._begun
        return self._call() if begun is None or begun.cancel() else begun.result()


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: those of the one it was forked from did not come along."""
    return ThreadPoolExecutor(THREADS, f"beside-{process}")
