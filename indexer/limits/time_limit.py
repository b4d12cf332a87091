"""A limit of processor time for one call on untrusted data, such as a library's parser.

Owns how such a call is interrupted. Knows nothing of what it does. A child process is the hard limit (`confined`); this
limit is shorter and leaves the process alive.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_LOOK_SECONDS = 0.1


class OutOfTime(BaseException):
    """A call took more processor time than it may. Not an Exception, so that no library catches it by mistake."""


@contextmanager
def processor_seconds(most: float) -> Iterator[None]:
    """Interrupt the block once this process has used `most` seconds of processor time.

    Only Python code and regular expressions are interrupted; a call into C ends first. Only the main thread can be
    interrupted; in another thread there is no limit. Must not be nested. An exception in a callback of a weak reference
    or of the garbage collector does not reach the block; then the next check, a tenth of a second later, interrupts.

    :raises OutOfTime: if the block takes too long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    end = time.process_time() + most

    def look(number: int, frame: FrameType | None) -> None:
        if time.process_time() >= end:
            raise OutOfTime

    hook = sys.unraisablehook

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        if lost.exc_type is not OutOfTime:
            hook(lost)

    # Timers of processor time count in ticks; on a busy machine they are wrong by half.
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, min(most, _LOOK_SECONDS), _LOOK_SECONDS)
    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
