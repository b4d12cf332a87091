"""A process that has everything imported and no thread, and forks for each line on stdin: kills want many processes.

A line is a `Job`, a build or a command; the answer is its process id, then, once it ended, its wait status.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service import cli

ROOT = Path(__file__).parents[2]

_TOUCHING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "open", "shutil.copyfile"}
"""Audit events at which a file is about to come, go, change its name, or be opened."""


@dataclass(frozen=True)
class Job:
    """One build, or one command of `lienquan`.

    :param options: Of `BuildOptions`.
    :param command: What stands after `lienquan`; nothing for a build.
    :param kill_at: Before which of its steps on the disk it kills itself, counted from 1; 0 for none.
    :param said: A file that takes how many steps there were, or what went wrong.
    :param largest: How many bytes a file of it may have, as `ulimit -f` sets; 0 for any.
    """

    home: str
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    kill_at: int = 0
    said: str | None = None
    largest: int = 0


class Nursery:
    """Runs builds in processes of their own that may be killed at any time."""

    def __init__(self) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        pipes["env"] = os.environ | {"LIENQUAN_MODEL": "hashing"}
        command = [sys.executable, "-m", "tests.torture.nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)

    def start(self, job: Job) -> int:
        """Start a job and return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """Return the exit status of the job that was started last: 0, 1, or minus a signal's number."""
        return os.waitstatus_to_exitcode(int(self._line()))

    def run(self, job: Job) -> int:
        """Run a job to its end."""
        self.start(job)
        return self.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _counted(kill_at: int) -> Callable[[], int]:
    """Count steps on the disk from now on, and kill this process before the one of that number."""
    count = 0
    sync = os.fsync

    def step() -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def synced(descriptor: int) -> None:
        step()
        sync(descriptor)

    def audited(event: str, _: object) -> None:
        if event in _TOUCHING:
            step()

    os.fsync = synced
    sys.addaudithook(audited)
    return lambda: count


def _work(job: Job) -> int:
    """Run a job and return its exit status."""
    steps = _counted(job.kill_at)
    if job.largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.largest, resource.RLIM_INFINITY))
    try:
        if job.command:
            with redirect_stdout(io.StringIO()):
                cli.main([*job.command, "--home", job.home], standalone_mode=False)
        else:
            build(Home(Path(job.home)), [job.source], HashingEncoder, BuildOptions(**job.options))
        status, said = 0, str(steps())
    except BaseException as error:
        status, said = 1, f"{type(error).__name__}: {error}"
    if job.largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if job.said is not None:
        Path(job.said).write_text(said)
    return status


def _main() -> None:
    for given in sys.stdin:
        job = Job(**json.loads(given))
        child = os.fork()
        if not child:
            os._exit(_work(job))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    _main()
