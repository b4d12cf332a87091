"""How fast, and in how much memory, an archive is read: a million generated lines of about 1 kB.

The encoder is the hashing one with two dimensions, so that vectors take no part; its time is left out. What counts is
reading, validation and staging, then the article store and filter columns. In a process of its own, for its peak.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks import common
from indexer.building.build import build
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder

LINES = 1_000_000
_SYLLABLES = (
    "công đoàn lao động bảo hiểm xã hội tiền lương nhà trọ công nhân giáo viên an toàn vệ sinh hợp đồng tòa án "
    "doanh nghiệp thỏa ước tập thể điều kiện làm việc chăm lo đời sống đoàn viên cơ sở tỉnh thành phố"
).split()


def generate(path: Path, count: int) -> None:
    """Write `count` archive lines of about 1 kB, each of another text."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        for at in range(count):
            line = {
                "id": f"bai-{at}",
                "title": " ".join(dice.choices(_SYLLABLES, k=10)) + f" {at}",
                "lead": " ".join(dice.choices(_SYLLABLES, k=30)),
                "body": " ".join(dice.choices(_SYLLABLES, k=110)),
                "section": dice.choice(["Thời sự", "Pháp luật", "Đời sống"]),
                "published_at": f"20{dice.randrange(10, 26)}-{dice.randrange(1, 13):02}-11T17:04",
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def measure(source: Path, home: Path) -> None:
    """Build, and print seconds of reading and of storing, and the peak memory in MB, as JSON."""
    marks: dict[str, list[float]] = {"reading": [perf_counter()]}

    def mark(stage: str, done: int, total: int | None) -> None:
        marks.setdefault(stage, []).append(perf_counter())

    report = build(Home(home), [str(source)], lambda: HashingEncoder(2), progress=mark)
    reading = marks["reading"][-1] - marks["reading"][0]
    storing = marks["publishing"][0] - marks["indexing"][0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"articles": report.articles, "reading": reading, "storing": storing, "peak_mb": peak}))


def main() -> None:
    """Run and save."""
    with common.scratch() as directory:
        source = directory / "archive.jsonl"
        generate(source, LINES)
        size = source.stat().st_size / LINES
        command = [sys.executable, "-m", "benchmarks.reading", str(source), str(directory / "home")]
        out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=common.ROOT).stdout
    found = json.loads(out)
    rate = found["articles"] / (found["reading"] + found["storing"])
    common.save("reading", {**found, "bytes_per_line": size, "lines_per_second": rate})


if __name__ == "__main__":
    measure(Path(sys.argv[1]), Path(sys.argv[2]))
