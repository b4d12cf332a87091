"""Readers with faults, which the harness of readers has to see."""

from __future__ import annotations

import os
from pathlib import Path


def endless(path: Path) -> None:
    """Never return."""
    while path:
        pass


def raising(path: Path) -> None:
    """Raise what is no reader's own error."""
    raise RecursionError(path.name)


def ending(path: Path) -> None:
    """End the process, as a fault of a library in C does."""
    os.abort()
