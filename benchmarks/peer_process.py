"""A side of a comparison in a process of its own: asked by lines of JSON, timed within, its memory read from outside.

Every side has the packages that it wants, no side's threads or caches stand in another's way, and only the side that
was asked has anything to do. Imports nothing beyond the standard library, so that any environment can run it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

ROOT = Path(__file__).parents[1]
MODEL = "LIENQUAN_BENCH_MODEL"
"""The environment variable that tells a side where the sentence-transformers directory of the model is."""


class Peer(Protocol):
    """What a side can be asked for. Those that encode have `index` and `near`, those that are given vectors `take`.

    An archive is a file of `{"id", "text"}` lines, a text being title, lead and body, a line each.

    :param packages: Names of the packages whose releases are worth reporting.
    """

    packages: tuple[str, ...]

    def index(self, archive: str, home: str) -> None:
        """Encode and index an archive the side's own way, and write it to `home`."""

    def take(self, archive: str, vectors: str, home: str) -> None:
        """Index an archive with vectors that are given, (n, dim) float32 as .npy, and write it to `home`."""

    def open(self, home: str) -> None:
        """Make ready to answer from what is in `home`."""

    def search(self, query: str) -> tuple[list[str], float]:
        """Return the ids of the ten best articles, and the seconds of it that encoding the query took."""

    def near(self, article: dict[str, str]) -> list[str]:
        """Return the ids of ten articles related to one of the archive, its own left out."""


class Answered(NamedTuple):
    """What a side answered, and the seconds that it took by its own clock."""

    result: Any
    seconds: float


class Missing(Exception):
    """A side cannot be had in this environment."""


def lines(archive: str) -> list[dict[str, str]]:
    """Return the `{"id", "text"}` lines of an archive."""
    with Path(archive).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def serve(name: str, *given: str) -> None:
    """Answer on standard output what is asked on standard input, until that ends.

    :param name: The peer's class, as `module:class`; what is given goes to it.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries that print do not disturb the answers

    def answer(value: Any) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    module, _, cls = name.partition(":")
    try:
        peer: Peer = getattr(import_module(module), cls)(*given)
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"packages": {name: version(name) for name in peer.packages}})
    for line in sys.stdin:
        asked = json.loads(line)
        call, wanted = getattr(peer, asked["call"]), asked["given"]
        started = perf_counter()
        result = call(*wanted)
        seconds = perf_counter() - started
        answer({"result": result, "seconds": seconds})


class Side:
    """The parent's end of a side.

    :param python: The interpreter of the environment that has the side's packages.
    :param peer: What `serve` is to be given.
    :param more: Of the environment, what this side alone has.
    :raises Missing: if the environment does not have what it needs.
    """

    def __init__(
        self, python: Path, peer: Sequence[str], model: Path, threads: int, more: Mapping[str, str] | None = None
    ) -> None:
        if not python.is_file():
            raise Missing(f"{python} is not there; `make bench` makes it")
        environment = os.environ | {
            MODEL: str(model),
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            **(more or {}),
        }
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.peer_process", *peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment,
        )
        greeting = self._read()
        if "missing" in greeting:
            self.close()
            raise Missing(greeting["missing"])
        self.packages: dict[str, str] = greeting["packages"]

    def ask(self, call: str, *given: Any) -> Answered:
        """Ask for one method of the peer.

        :raises RuntimeError: if the side's process has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": call, "given": given}, default=str) + "\n")
        self._process.stdin.flush()
        return Answered(**self._read())

    def memory(self) -> float:
        """Return the resident memory of the side's process in MB, mapped files that it has touched included."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r}: ended with status {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


if __name__ == "__main__":
    serve(*sys.argv[1:])
