"""`make bench`: one benchmark after the other, then tables and plots. `make bench-scale`: those that take long.

Names on the command line run those alone; `default` and `long` stand for the two sets.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from time import perf_counter

from benchmarks import common, report

DEFAULT = ("sample", "readers", "slips", "encoding", "peers", "quality", "near_duplicates", "series")
LONG = (
    "serving",
    "whole_articles",
    "stages",
    "overload",
    "hostile",
    "ingesting",
    "browsing",
    "scale",
    "grown",
    "reading",
    "texts",
    "calibrate",
    "related",
    "search",
)
WITHOUT_DATA = {"sample", "readers", "slips", "peers", "reading", "hostile"}
"""Those that fall back on the sample archive or on generated lines where the judged data is not there."""


def chosen(names: list[str]) -> list[str]:
    """Return the benchmarks that the command line asks for, the default ones where it asks for none.

    :raises SystemExit: if there is no such benchmark.
    """
    sets = {"default": DEFAULT, "long": LONG, **{name: (name,) for name in (*DEFAULT, *LONG)}}
    unknown = [name for name in names if name not in sets]
    if unknown:
        raise SystemExit(f"benchmark: {unknown[0]!r}: expected one of {', '.join(sets)}")
    return [benchmark for name in names or ["default"] for benchmark in sets[name]]


def run(names: list[str]) -> dict[str, float]:
    """Run benchmarks and return the seconds that each took."""
    seconds = {}
    for name in names:
        if name not in WITHOUT_DATA and not common.DATA.is_dir():
            print(f"{name}: needs the judged data in {common.DATA}, left out")
            continue
        print(f"{name} ...", flush=True)
        started = perf_counter()
        import_module(f"benchmarks.{name}").main()
        seconds[name] = perf_counter() - started
        print(f"{name}: {seconds[name] / 60:.1f} minutes", flush=True)
    print(f"all: {sum(seconds.values()) / 60:.1f} minutes")
    return seconds


def record(seconds: dict[str, float]) -> None:
    """Save how long the benchmarks took, beside what is known of those that did not run now."""
    path = common.RESULTS / "run.json"
    known = json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.is_file() else {}
    in_order = {name: (known | seconds)[name] for name in (*DEFAULT, *LONG) if name in known | seconds}
    common.save("run", {"seconds": in_order, "default": [name for name in in_order if name in DEFAULT]})


def plot() -> None:
    """Draw the plots, in the environment that has matplotlib."""
    if common.BENCH_PYTHON.is_file():
        subprocess.run([str(common.BENCH_PYTHON), "-m", "benchmarks.plots"], check=True, cwd=common.ROOT)
    else:
        print(f"plots: left out: {common.BENCH_PYTHON} is not there; `make bench` makes it")


def main() -> None:
    """Run, record, and rewrite tables and plots."""
    record(run(chosen(sys.argv[1:])))
    report.main()
    plot()


if __name__ == "__main__":
    main()
