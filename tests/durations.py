"""How long each test file took when it was last recorded, so that the longest are begun first.

`make durations` runs the suite and records; `python -m tests.durations REPORT` records a report of pytest's
(`--junitxml`). Files that are not in the record, new ones, are begun last.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent
RECORD = ROOT / "durations.tsv"
_LEAST = 1.0
"""Seconds; in what order shorter files are begun makes no difference."""


def read(record: Path = RECORD) -> dict[str, float]:
    """Return the seconds of each recorded test file, by its path from here."""
    rows = (line.split("\t") for line in record.read_text(encoding="utf-8").splitlines())
    return {name: float(seconds) for name, seconds in rows}


def of_report(report: Path) -> dict[str, float]:
    """Return the seconds of each test file in a report, the longest first."""
    seconds: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.attrib["classname"].split(".")
        while not module[-1].startswith("test_"):  # a class within the module
            module.pop()
        seconds["/".join(module[1:]) + ".py"] += float(case.attrib["time"])
    return dict(seconds.most_common())


def write(seconds: dict[str, float], record: Path = RECORD) -> None:
    """Write the record anew."""
    rows = [f"{name}\t{taken:.0f}\n" for name, taken in seconds.items() if taken >= _LEAST]
    record.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    write(of_report(Path(sys.argv[1])))
