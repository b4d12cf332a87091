"""`make bench`: every benchmark in turn, then the tables. The long ones run only when they are named."""

from __future__ import annotations

import sys

from benchmarks import (
    calibrate,
    common,
    near_duplicates,
    quality,
    rate,
    reading,
    related,
    report,
    sample,
    search,
    series,
    texts,
)

LONG = {"reading", "related", "search"}
WITHOUT_DATA = {"sample", "reading"}


def main() -> None:
    """Run those that are named, all but the long ones by default."""
    names = sys.argv[1:]
    for module in (sample, quality, near_duplicates, series, rate, texts, calibrate, reading, related, search):
        name = module.__name__.rpartition(".")[2]
        if name not in names if names else name in LONG:
            continue
        if name not in WITHOUT_DATA and not common.DATA.is_dir():
            print(f"{name}: needs the judged data in {common.DATA}, left out")
            continue
        print(f"{name} ...", flush=True)
        module.main()
    report.main()


if __name__ == "__main__":
    main()
