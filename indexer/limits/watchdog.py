"""A process that watches another one, and ends it if it makes no progress.

The working process sends a byte now and then. Only these bytes and its end count, since it may hold the interpreter's
lock for ever. So the watcher is another process, and does nothing else. Knows nothing of the work.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from indexer.limits import confined

_BEAT_SECONDS = 1.0
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class Pulse:
    """The pipe by which a process shows progress. Made before the fork.

    :param seconds: For how long it may show no progress.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen, self._shown = os.pipe()
        self._last = 0.0

    def beat(self) -> None:
        """Show that this process makes progress."""
        now = time.monotonic()
        if now - self._last >= min(_BEAT_SECONDS, self._seconds / 4):
            self._last = now
            with suppress(OSError):  # nobody watches any more
                os.write(self._shown, b"x")

    def rest(self, seconds: float) -> None:
        """Sleep without counting as stalled."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, self._seconds / 4))

    def stops(self) -> bool:
        """Wait. Return True once no progress was shown for too long, False once the other process has ended."""
        with selectors.DefaultSelector() as seen:  # select() takes file numbers below 1,024 only
            seen.register(self._seen, selectors.EVENT_READ)
            while seen.select(self._seconds):
                if not os.read(self._seen, 1024):
                    return False
        return True

    def shows(self) -> None:
        """Become the working side; the steps of its children show progress too (`confined.step`)."""
        os.close(self._seen)
        os.set_blocking(self._shown, False)
        confined.tell_steps(self.beat)

    def watches(self) -> None:
        """Become the watching side."""
        os.close(self._shown)

    def end_watching(self) -> None:
        """Close the watcher's end of the pipe."""
        os.close(self._seen)

    def end_showing(self) -> None:
        """Close the worker's end of the pipe; the watcher takes this for the worker's end."""
        confined.tell_steps(None)
        os.close(self._shown)


def work_watched(work: Callable[[Pulse], int], seconds: float, stalled: Callable[[], None]) -> int:
    """Do the work in a child process and return its exit status. Start it again whenever it stalls.

    Call this before any thread starts. If an exception ends this function, for example by a signal, it ends the work
    too.

    :param work: Returns an exit status.
    :param seconds: For how long it may show no progress.
    :param stalled: Called after stalled work was ended, before it starts again.
    """
    this = os.getpid()
    while True:
        pulse = Pulse(seconds)
        child = _fork()
        if not child:
            _work_and_exit(work, pulse, this)
        pulse.watches()
        try:
            stopped = pulse.stops()
        except BaseException:
            _end(child)
            raise
        finally:
            pulse.end_watching()
        if not stopped:
            return _status(os.waitpid(child, 0)[1])
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        stalled()


def _work_and_exit(work: Callable[[Pulse], int], pulse: Pulse, parent: int) -> None:
    status = 1
    try:
        confined.end_with(parent)
        pulse.shows()
        status = work(pulse)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _status(ended: int) -> int:
    status = os.waitstatus_to_exitcode(ended)
    return status if status >= 0 else 128 - status


def _end(child: int) -> None:
    """Ask a process to end; kill it if it does not."""
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + _END_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)


@contextmanager
def watched(seconds: float, stalled: Callable[[], None]) -> Iterator[Pulse]:
    """Have another process watch this one, and kill it if it makes no progress.

    :param seconds: For how long this process may show no progress.
    :param stalled: Called by the watcher after it killed this process.
    """
    pulse, this = Pulse(seconds), os.getpid()
    watcher = _fork()
    if not watcher:
        try:
            _ignore_signals()
            pulse.watches()
            if pulse.stops() and os.getppid() == this:
                os.kill(this, signal.SIGKILL)
                stalled()
        finally:
            os._exit(0)
    pulse.shows()
    try:
        yield pulse
    finally:
        pulse.end_showing()
        os.waitpid(watcher, 0)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the working process handles them; this one ends with it


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads, which a test may have
        return os.fork()
