"""`make bench`: every benchmark in turn, then the tables."""

from __future__ import annotations

import sys

from benchmarks import calibrate, common, quality, rate, report, texts


def main() -> None:
    """Run all, or those that are named."""
    names = sys.argv[1:]
    for module in (quality, rate, texts, calibrate):
        name = module.__name__.rpartition(".")[2]
        if names and name not in names:
            continue
        if module is not quality and not common.DATA.is_dir():
            print(f"{name}: needs the judged data in {common.DATA}, left out")
            continue
        print(f"{name} ...", flush=True)
        module.main()
    report.main()


if __name__ == "__main__":
    main()
