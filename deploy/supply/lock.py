"""Pin every package that the project installs, with the hashes of all files that the index lists for it.

Run by `make lock`. Writes constraints.txt (the product, its extras, development), pip.txt (what installs the rest) and
tools.txt (what locks and checks). Releases that are pinned already stay, unless options for uv say otherwise.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OLDEST_PYTHON = "3.11"

_HEADER = """\
# {what}, each with the SHA-256 of every file of its release.
# Written by `make lock`, which keeps what is pinned here; `make lock UPGRADE="-P NAME"` takes NAME's newest release.
"""
_PRODUCT = """\
# Used as constraints by a pip that reads hashes in them (deploy/supply/pip.txt): --require-hashes -c constraints.txt.
# torch also has the hashes of PyTorch's own CPU builds. CUDA's libraries come with PyPI's build for Linux alone.
"""


def compile_lock(sources: list[str], target: Path, options: list[str], header: str) -> None:
    """Have uv pin the sources for every Python and platform, and put our header before what it wrote.

    :raises subprocess.CalledProcessError: if uv finds no set of releases, or cannot reach the index.
    """
    fixed = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-annotate", "--no-header"]
    command = ["uv", "--no-config", "pip", "compile", "--quiet", *fixed, "--output-file", str(target)]
    subprocess.run([*command, *options, *sources], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    target.write_text(header + target.read_text(encoding="utf-8"), encoding="utf-8")


def add_cpu_builds(lock: str, builds: str) -> str:
    """Return a lock whose torch may also be one of PyTorch's CPU builds.

    :raises ValueError: if the builds are of another release.
    """
    pinned = re.search(r"^torch==(\S+) \\\n((?: +--hash=.*\n)+)", lock, re.MULTILINE)
    if pinned is None:
        return lock
    build = re.search(r"^torch==(\S+)\+cpu ", builds, re.MULTILINE)
    if build is None or build[1] != pinned[1]:
        found = build[1] if build else "none"
        raise ValueError(f"torch-cpu.txt: holds builds of {found}; expected those of the pinned torch {pinned[1]}")
    hashes = sorted(set(re.findall(r"--hash=\S+", pinned[2] + builds)))  # uv keeps those that were added before
    return lock[: pinned.start(2)] + " \\\n".join(f"    {each}" for each in hashes) + "\n" + lock[pinned.end() :]


def main(options: list[str]) -> None:
    """Write the three locks; the options go to uv as they are."""
    product = ROOT / "constraints.txt"
    header = _HEADER.format(what="The releases of the product, its extras and development")
    compile_lock(["pyproject.toml"], product, ["--all-extras", *options], header + _PRODUCT)
    builds = (HERE / "torch-cpu.txt").read_text(encoding="utf-8")
    product.write_text(add_cpu_builds(product.read_text(encoding="utf-8"), builds), encoding="utf-8")
    header = _HEADER.format(what="What installs all the rest")
    compile_lock([str(HERE / "pip.in")], HERE / "pip.txt", ["-c", str(product), *options], header)
    header = _HEADER.format(what="Tools for `make lock`, `make sbom` and `make audit`")
    compile_lock([str(HERE / "tools.in")], HERE / "tools.txt", options, header)


if __name__ == "__main__":
    main(sys.argv[1:])
