"""Runs work on untrusted data in a child process, with limits of time and memory.

A thread cannot stop a regular expression or a parser written in C, and a stack overflow in one kills the whole process.
So a child, a fresh interpreter, does such work. The system ends the child if it takes too much processor time; this
process ends it if it takes too long. The child ends with the process that started it, however that one ends. Knows
nothing of sources or articles.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from indexer.errors import SourceError, WorkEnded

logger = logging.getLogger(__name__)

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from indexer.limits.confined import main; main()"
_END_SECONDS = 5.0
"""Seconds that a child may take to exit after its work has ended or it was killed."""

_STEP_SECONDS = 0.1
_ARENAS_MB = 512
"""Addresses that malloc reserves for threads and never uses. They take no memory, but RLIMIT_AS counts them."""

_PR_SET_PDEATHSIG = 1

_said: Callable[[], None] | None = None
"""Reports progress to the process that waits for this one; None if none waits."""


@dataclass(frozen=True)
class Allowance:
    """The limits of a piece of work.

    :param stall: Seconds without a step. A step is the child's message that it makes progress.
    :param cpu: Seconds of processor time from one step to the next.
    :param mb: Megabytes of memory, beyond what the interpreter itself uses.
    :param total: Seconds in all; unlimited by default.
    """

    stall: float = 600.0
    cpu: float = 120.0
    mb: int = 1024
    total: float | None = None


def step() -> None:
    """Report progress to the process that waits for this one or watches it, if there is one."""
    if _said is not None:
        _said()


def tell_steps(call: Callable[[], None] | None) -> None:
    """Call a function at each step of this process and of the children that it waits for. None ends this."""
    global _said
    _said = call


class ConfinedChild:
    """A child that does one piece of work after another. It starts with the first one, and again after it was ended.

    :param allowance: What each piece of work may take.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: Connection | None = None
        self._answers: Connection | None = None

    def run(self, work: Callable[..., Iterator[Any]], *arguments: Any, total: float | None = None) -> Iterator[Any]:
        """Yield what the work yields.

        :param work: A module's function, which the child imports by name; its arguments are pickled.
        :param total: Replaces the allowance's own `total`.
        :raises WorkEnded: if it took more than is allowed, crashed, or raised an error that is not named below.
        :raises SourceError: if the work raised one, an OSError or a UnicodeError.
        """
        total = self._allowance.total if total is None else total
        until = None if total is None else time.monotonic() + total
        whole = False
        try:
            self._ask(work, arguments)
            while (message := self._next(until, total)) is not None:
                kind, value = message
                step()
                if kind == "item":
                    yield value
                elif kind == "log":
                    logging.getLogger(value.name).handle(value)
                elif kind != "step":
                    whole = kind != "ended"  # a child that failed may be in any state
                    raise (SourceError if kind == "problem" else WorkEnded)(value)
            whole = True
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """End the child, even in the middle of work."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for end in (self._asking, self._answers):
            if end is not None:
                end.close()

    def _ask(self, work: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]) -> None:
        if self._process is None:
            self._start()
        assert self._asking is not None
        try:
            self._asking.send((work, arguments))
        except OSError:  # it ended while idle
            self.close()
            self._start()
            self._asking.send((work, arguments))

    def _start(self) -> None:
        taken, asking = os.pipe()
        answers, given = os.pipe()
        levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("indexer", "service")}
        told = [taken, given, os.getpid(), self._allowance.cpu, self._allowance.mb, levels]
        command = [sys.executable, "-c", _START, json.dumps(sys.path), json.dumps(told)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=(taken, given))  # noqa: S603
        finally:
            os.close(taken)
            os.close(given)
        self._asking, self._answers = Connection(asking, readable=False), Connection(answers, writable=False)

    def _next(self, until: float | None, total: float | None) -> tuple[str, Any] | None:
        """Return the next message, None where the work is done."""
        assert self._answers is not None
        stall = self._allowance.stall
        left = stall if until is None else min(stall, until - time.monotonic())
        if left <= 0 or not self._answers.poll(left):
            limit = total if until is not None and left < stall else None
            raise WorkEnded(
                f"took longer than {limit:g} s and was ended"
                if limit is not None
                else f"did not get on for {stall:g} s and was ended"
            )
        try:
            kind, value = self._answers.recv()
        except (EOFError, OSError):
            raise WorkEnded(self._how_it_ended()) from None
        return None if kind == "done" else (kind, value)

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "stopped answering and was ended"
        if status == -signal.SIGXCPU:
            return f"took more than {self._allowance.cpu:g} s of the processor for one step and was ended"
        if status == -signal.SIGKILL:
            return "was killed, for want of memory maybe"
        return f"crashed: {signal.Signals(-status).name if status < 0 else f'exit status {status}'}"


def main() -> None:
    """Run as the child: do the requested work until the other side is gone."""
    taken, given, parent, cpu, mb, levels = json.loads(sys.argv[2])
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles it, and ends this one
    answers = Connection(given, readable=False)
    limits = _Limits(cpu, mb)
    _log_to(answers, levels)
    told = 0.0

    def say() -> None:
        nonlocal told
        limits.renew()
        if time.monotonic() - told >= _STEP_SECONDS:
            answers.send(("step", None))
            told = time.monotonic()

    tell_steps(say)
    with closing(Connection(taken, writable=False)) as asked, suppress(EOFError, OSError):
        while True:
            work, arguments = asked.recv()
            limits.renew()
            _do(work, arguments, answers, limits)


def _do(work: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], answers: Connection, limits: _Limits) -> None:
    try:
        for item in work(*arguments):
            answers.send(("item", item))
            limits.renew()
    except SourceError as error:
        answers.send(("problem", str(error)))
    except BrokenPipeError:  # nobody asks any more
        raise
    except (OSError, UnicodeError) as error:
        answers.send(("problem", getattr(error, "strerror", None) or str(error)))
    except BaseException as error:
        limits.lift()
        answers.send(("ended", limits.said if _lacked_memory(error) else failure(error)))
    else:
        answers.send(("done", None))


def failure(error: BaseException) -> str:
    """Return the description of an unexpected error, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"failed: {type(error).__name__}: {str(error)[:500]}{place}"


def _lacked_memory(error: BaseException | None) -> bool:
    """Return whether a lack of memory caused an error, even if another error hides it."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Limits:
    """What the system allows this process."""

    def __init__(self, cpu: float, mb: int) -> None:
        self._cpu = max(1, round(cpu))
        self._until = 0
        self.said = f"took more than {mb} MB of memory and was ended"
        self._before = {kind: resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)}
        _limit(resource.RLIMIT_CORE, 0)
        size, data = _sizes()
        _limit(resource.RLIMIT_DATA, data + mb * 2**20)
        _limit(resource.RLIMIT_AS, size + (mb + _ARENAS_MB) * 2**20)

    def renew(self) -> None:
        """Allow the same processor time again, counted from now."""
        until = int(time.process_time()) + 1 + self._cpu
        if until != self._until:
            _limit(resource.RLIMIT_CPU, until)
            self._until = until

    def lift(self) -> None:
        """Lift the memory limit, so that a last message can be sent."""
        for kind, before in self._before.items():
            resource.setrlimit(kind, before)


def _limit(kind: int, value: int) -> None:
    """Set a soft limit, at most the hard one. The hard limit stays, so that the soft one can be renewed."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _sizes() -> tuple[int, int]:
    """Return the bytes of this process's addresses and of its data."""
    with suppress(OSError, ValueError, IndexError):
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()
    return 0, 0


def end_with(parent: int) -> None:
    """Have the system end this process once the main thread of its parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it is gone already
        os._exit(0)


class _LogForwarder(logging.Handler):
    """Sends log records to the process that started this one."""

    def __init__(self, answers: Connection) -> None:
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record with its message formatted, since its arguments may not be picklable."""
        plain = logging.makeLogRecord({**record.__dict__, "msg": record.getMessage(), "args": None, "exc_info": None})
        with suppress(OSError):
            self._answers.send(("log", plain))


def _log_to(answers: Connection, levels: dict[str, int]) -> None:
    logging.getLogger().handlers[:] = [_LogForwarder(answers)]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
