"""Interpreters of other languages, which run what is put into pages: installed ones (`tests/programs.sh`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest


def interpreter(name: str) -> str:
    """Return where an interpreter is, or end the test: it fails where `tests/programs.sh` could have had it."""
    found = shutil.which(name)
    if found is None:
        to_be_had = os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get")
        (pytest.fail if to_be_had else pytest.skip)(f"{name} is not installed")
    return found


def run(command: list[str], given: Any, environment: Mapping[str, str] | None = None) -> Any:
    """Run a program that takes JSON and gives JSON; it must say nothing else."""
    around = {**os.environ, **(environment or {})}
    done = subprocess.run(command, input=json.dumps(given).encode(), capture_output=True, env=around, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, ""), done.stdout.decode()[:2000]
    return json.loads(done.stdout)
