"""The remaining time of the current request, checked between its stages. Knows nothing of what they do.

A stage that has begun is never interrupted: the request ends at the next check. Outside of a request there is no limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from service.errors import TimedOut

_until: ContextVar[tuple[float, float] | None] = ContextVar("until", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the time of the context, in this thread, from now on."""
    token = _until.set((time.monotonic() + seconds, seconds))
    try:
        yield
    finally:
        _until.reset(token)


def share(part: float) -> float | None:
    """Return the seconds of a part of the request's time, 0 if fewer are left.

    :param part: Between 0 and 1.
    :return: None outside of a request, where there is no limit.
    """
    limit = _until.get()
    if limit is None:
        return None
    seconds = part * limit[1]
    return seconds if limit[0] - time.monotonic() >= seconds else 0.0


def check(stage: str) -> None:
    """Check the time before the next stage of a request.

    :param stage: The next stage, for the message.
    :raises TimedOut: if its time is up.
    """
    limit = _until.get()
    if limit is not None and time.monotonic() > limit[0]:
        raise TimedOut(limit[1], stage)
