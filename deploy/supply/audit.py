"""Ask a vulnerability service about every pinned release, and say so plainly where it could not be asked.

Run by `make audit`. Exit status: 0 nothing is known against any pinned release; 1 something is; 3 the service could
not be asked about all of them. pip-audit itself ends with 0 where it had to leave releases out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCKS = (HERE.parents[1] / "constraints.txt", HERE / "pip.txt", HERE / "tools.txt")
FOUND, NOT_ASKED = 1, 3


def verdict(report: Mapping[str, Any] | None, asked: int, service: str) -> tuple[int, list[str]]:
    """Return the exit status and what to say of pip-audit's report of a lock; None where it wrote none.

    :param asked: number of releases that it had to ask about.
    """
    answers = report["dependencies"] if report else []
    found = [
        f"{each['name']} {each['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no release'}"
        for each in answers
        for known in each.get("vulns", [])
    ]
    left_out = [f"{each['name']}: {each['skip_reason']}" for each in answers if "skip_reason" in each]
    told = len(answers) - len(left_out)
    if told < asked:
        plea = f"NOT AUDITED: {service} told of {told} of {asked} releases; ask from a machine that reaches it."
        return NOT_ASKED, [*found, *left_out[:3], plea]
    return (FOUND if found else 0), found


def ask(lock: Path, service: str) -> Mapping[str, Any] | None:
    """Run pip-audit over a lock and return its report; None where it ended without one."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "report.json"
        options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--vulnerability-service", service]
        command = ["pip-audit", *options, "--requirement", str(lock), "--format", "json", "--output", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if out.exists() and out.stat().st_size:
            report: Mapping[str, Any] = json.loads(out.read_text(encoding="utf-8"))
            return report
        print(*done.stderr.splitlines()[-1:], file=sys.stderr)
        return None


def releases(lock: str) -> int:
    """Return of how many releases a lock asks, on this machine: those for other platforms are left out."""
    from packaging.requirements import Requirement  # of pip-audit's environment

    lines = [line.removesuffix("\\").strip() for line in lock.splitlines() if line[:1].isalnum()]
    wanted = [Requirement(line) for line in lines]
    return sum(each.marker is None or each.marker.evaluate() for each in wanted)


def main(words: Sequence[str]) -> int:
    """Ask about all locks and return the worst exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", choices=["osv", "pypi"], default="osv")
    service = parser.parse_args(words).service
    worst = 0
    for lock in LOCKS:
        asked = releases(lock.read_text(encoding="utf-8"))
        status, said = verdict(ask(lock, service), asked, service)
        print(f"{lock.name}: {asked} releases", *said or ["nothing is known against them"], sep="\n  ")
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
