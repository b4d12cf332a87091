"""A limit of processor time for one call over what others wrote, such as a library's parser.

Owns how such a call is broken off. Knows nothing of what it does. A child process is the hard limit (`confined`); this
one is shorter and leaves the process as it is.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_LOOK_SECONDS = 0.1


class OutOfTime(BaseException):
    """A call took more processor time than it may. Not an Exception: no library may take it for its own."""


@contextmanager
def processor_seconds(most: float) -> Iterator[None]:
    """Break off what stands in the block once this process has used so many seconds of the processor.

    Only Python code and regular expressions are broken off; a call of C ends first. Only the main thread of a process
    can be broken off; in another thread nothing is limited. May not be nested. In a callback of a weak reference or of
    the garbage collector Python prints the exception and goes on; the next look, a tenth of a second later, breaks off.

    :raises OutOfTime: where it is broken off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    end = time.process_time() + most

    def look(number: int, frame: FrameType | None) -> None:
        if time.process_time() >= end:
            raise OutOfTime

    # The timers of processor time count in ticks: on a busy machine they are wrong by half.
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, min(most, _LOOK_SECONDS), _LOOK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
