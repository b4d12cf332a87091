"""`python -m tests.torture`: the long forms in turn, or the parts that are named; exit status 1 if one fails."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.torture import damage, deletes, full, kills, purges, readers, schema, soak, swaps, writes

SOAK_GROWTH = 0.02


class Part(NamedTuple):
    """One harness: runs so many rounds in an empty directory and returns what it found and what of it is wrong."""

    rounds: int
    run: Callable[[Path, int, int], tuple[object, list[object]]]


def _damage(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = damage.run(directory, rounds or None, seed)
    return found, list(found.wrong)


def _kills(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    """Kill builds in a third of the rounds, and what works on a home that the API writes to in the others."""
    homes = [directory / "builds", directory / "writes"]
    for home in homes:
        home.mkdir()
    built = kills.run(homes[0], rounds // 3, seed)
    written = writes.run(homes[1], rounds - rounds // 3, seed)
    return f"{built}; {written}", [*built.wrong, *written.wrong]


def _deletes(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = deletes.run(directory, rounds, seed)
    return found, [*found.sightings, *found.wrong]


def _full(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = full.run(directory, rounds, seed)
    return found, list(found.wrong)


def _purges(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = purges.run(directory, rounds, seed)
    return found, list(found.wrong)


def _swaps(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = swaps.run(directory, rounds, seed)
    return found, [*found.failed, *found.mixed, *found.late]


def _restarts(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = swaps.kill(directory, rounds, seed)
    return found, list(found.wrong)


def _schema(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = schema.run(directory, rounds, seed)
    return found, list(found.wrong)


def _readers(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = readers.run(directory, rounds, seed)
    return found, list(found.wrong)


def _soak(directory: Path, rounds: int, seed: int) -> tuple[object, list[object]]:
    found = soak.run(directory, rounds, seed, "bundled")  # what is at stake is memory, and the model has most of it
    growths = {"workers": found.growth, "the process that ingests": found.ingesting_growth}
    grown = [
        f"memory of {name} grew by {growth:.1%}: expected at most {SOAK_GROWTH:.0%}"
        for name, growth in growths.items()
        if growth > SOAK_GROWTH
    ]
    return found, [*found.failed, *(found.logged[:10] if found.failed else ()), *grown]


PARTS = {
    "damage": Part(0, _damage),
    "kills": Part(200, _kills),
    "deletes": Part(2000, _deletes),
    "full": Part(60, _full),
    "purge": Part(50, _purges),
    "swaps": Part(50, _swaps),
    "restarts": Part(20, _restarts),
    "readers": Part(50_000, _readers),
    "schema": Part(10_000, _schema),
    "soak": Part(200_000, _soak),
}


def main(arguments: list[str]) -> int:
    """Run the parts that are named, print what they found, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    parser.add_argument("--rounds", type=int, help="of each; damage takes every file in every way by default")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    os.environ.setdefault("LIENQUAN_COST_BUDGET", "1000000000/minute")  # they ask for more than readers do
    failed = False
    for name in given.parts or PARTS:
        part = PARTS[name]
        rounds = part.rounds if given.rounds is None else given.rounds
        with tempfile.TemporaryDirectory(prefix=f"lienquan-{name}-") as directory:
            started = time.monotonic()
            found, wrong = part.run(Path(directory), rounds, given.seed)
            print(f"{name} (seed {given.seed}, {time.monotonic() - started:.0f} s): {found}", flush=True)
            for one in wrong[:20]:
                print(f"    WRONG {one}", flush=True)
            failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
