"""The process that ingests the API's changes, and its supervisor, which starts it again when it ends.

It is separate from the workers and has lower priority. It encodes and writes files, which the workers map. Owns when a
step runs and when everything is published; `indexer.building.ingest` owns the steps.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from indexer.building.ingest import Ingester, live_home
from indexer.errors import BuildRefused, IndexerError
from indexer.snapshot.home import Home
from indexer.takedown import retention
from models.encoder import Encoder
from models.errors import ModelError
from service.serving import allocator
from service.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
MERGE_SECONDS = 3600.0
"""Seconds after which everything is published, even after few changes."""

REST_SECONDS = 30.0
"""Least seconds between two publications; ten times the duration of one, if that is longer."""

END_SECONDS = 10.0
"""Seconds that it may take to end. It may be within a long call, and killing it does no harm."""

_MERGE_END_SECONDS = 2.0
"""Seconds that a merge may take to end after its parent process has ended."""

_MOST_SECONDS = 30.0
_NICE = 10


def start(home: Path, load_encoder: Callable[[], Encoder]) -> int:
    """Fork the process that ingests while this one lives. Call this before any thread starts.

    :return: The argument of `stop`.
    """
    parent = os.getpid()
    if supervisor := os.fork():
        return supervisor
    try:
        os.setsid()  # what a terminal sends to those that serve is for them to answer
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
        goes_on = _lives(os.getpid())  # asked for after the next fork, it might be whoever took the orphan in
        lives = _lives(parent)
        _supervise(lambda: not told and lives(), lambda: run(home, load_encoder, goes_on))
    finally:
        os._exit(0)


def stop(supervisor: int) -> None:
    """End the process that `start` started, if it still runs, and wait until it has cleaned up."""
    with suppress(ChildProcessError):  # gunicorn, which waits for any child, was told
        if os.waitpid(supervisor, os.WNOHANG) == (0, 0):
            os.kill(supervisor, signal.SIGTERM)
            os.waitpid(supervisor, 0)


def _lives(parent: int) -> Callable[[], bool]:
    return lambda: os.getppid() == parent


def _supervise(goes_on: Callable[[], bool], work: Callable[[], None]) -> None:
    """Run the work in a child process, and start it again when it ends, while `goes_on` is true."""
    wait = 1.0
    while goes_on():
        begun = time.monotonic()
        # Told to end before it has said how it does, it would go on: the signal waits until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        child = os.fork()
        if not child:
            _run_and_exit(work)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        while not _ended(child):
            if not goes_on():
                _end(child)
                return
            time.sleep(LOOK_SECONDS)
        wait = 1.0 if time.monotonic() - begun > _MOST_SECONDS else min(2 * wait, _MOST_SECONDS)
        until = time.monotonic() + wait
        while goes_on() and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)


def _ended(child: int) -> bool:
    """Return whether the child has ended. If so, end its merge too, which it may have left running."""
    if os.waitpid(child, os.WNOHANG) == (0, 0):
        return False
    with suppress(ProcessLookupError):  # once nobody is left of its group
        for told in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + _MERGE_END_SECONDS
            while time.monotonic() < until:
                os.killpg(child, told)
                time.sleep(LOOK_SECONDS)
    return True


def _end(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + END_SECONDS
    while not _ended(child):
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
        time.sleep(LOOK_SECONDS)


def _run_and_exit(work: Callable[[], None]) -> None:
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, _told_to_end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        work()
    except SystemExit:
        pass
    except BaseException:
        logger.exception("ingesting ended; it is started again")
    finally:
        os._exit(0)


def _told_to_end(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what is cleared away now is not to be broken off
    sys.exit(0)


def run(home: Path, load_encoder: Callable[[], Encoder], goes_on: Callable[[], bool]) -> None:
    """Ingest while `goes_on` is true. Wait if another process ingests into the same home."""
    os.nice(_NICE)
    allocator.return_large_blocks()
    allocator.keep_trimming()
    place = Home(home)
    while goes_on():
        try:
            with live_home(place).lock():
                logger.info("process %d ingests what the API writes", os.getpid())
                _Loop(place, load_encoder).run(goes_on)
        except (BuildRefused, OSError):  # another one ingests, or the home cannot be written to
            time.sleep(LOOK_SECONDS * 10)


class _Loop:
    """The loop of steps and merges; a merge runs beside the steps."""

    def __init__(self, home: Home, load_encoder: Callable[[], Encoder]) -> None:
        self._home, self._load = home, load_encoder
        self._loaded: Encoder | None = None
        self._ingester: Ingester | None = None
        self._merging: subprocess.Popen[bytes] | None = None
        self._begun = self._merged = self._looked = time.monotonic()
        self._rest = 0.0

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Run until told to stop, or until an error that needs a restart. Then end the merge too."""
        try:
            self._go_on(goes_on)
        finally:
            if self._merging is not None:
                self._merging.terminate()
                self._merging.wait()

    def _go_on(self, goes_on: Callable[[], bool]) -> None:
        wait = LOOK_SECONDS
        while goes_on():
            try:
                stepped = self._step()
                wait = 0.0 if stepped else LOOK_SECONDS
            except (IndexerError, ModelError, OSError) as error:
                logger.error("changes cannot be ingested now: %s", error)
                self._ingester = None  # from the files, whatever they are then
                wait = min(max(2 * wait, 1.0), _MOST_SECONDS)
            time.sleep(wait)

    def _step(self) -> bool:
        if self._ingester is None:
            self._ingester = Ingester(self._home, self._encoder)
        name = self._ingester.step()
        if name is not None:
            logger.info("ingested up to live snapshot %s", name)
        self._merge(self._ingester)
        return name is not None

    def _encoder(self) -> Encoder:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _has_expired(self, now: float) -> bool:
        """Return whether deleted text has been on disk for too long; checked once an hour."""
        if now - self._looked < MERGE_SECONDS:
            return False
        self._looked = now
        return retention.is_due(self._home, Settings().deleted_days)

    def _merge(self, ingester: Ingester) -> None:
        now = time.monotonic()
        if self._merging is not None:
            status = self._merging.poll()
            if status is None:
                return
            if status:
                logger.error("the API's changes could not be published: exit status %d", status)
            self._merging, self._merged = None, now
            self._rest = max(REST_SECONDS, 10 * (now - self._begun))
            return
        due = ingester.changed > 0 and now - self._merged > MERGE_SECONDS
        due = self._has_expired(now) or due
        if (due or ingester.merge_wanted()) and now - self._merged >= self._rest:
            self._begun = now
            command = [sys.executable, "-m", "service.cli", "merge", "--ingested", "--home", str(self._home.path)]
            self._merging = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
