"""What this machine's processor offers. Imports nothing heavy: it runs before numpy is loaded."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def available_threads() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def int8_kind() -> tuple[str | None, str]:
    """Return how int8 runs on this CPU (`vnni`, `avx2`, `arm` or None), and the reason."""
    machine = platform.machine().lower()
    if machine in {"arm64", "aarch64"}:
        return "arm", "64-bit ARM"
    flags = _flags()
    if not flags:
        return None, f"no CPU flags to be read on {platform.system()} {machine}"
    if flags & {"avx512_vnni", "avx_vnni"}:
        return "vnni", "VNNI and AMX instructions" if "amx_int8" in flags else "VNNI instructions"
    if "avx2" in flags:
        return "avx2", "AVX2 without VNNI"
    return None, "neither AVX2 nor VNNI among the CPU's flags"


def _flags() -> set[str]:
    try:
        return set(re.findall(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[0].split())
    except (OSError, IndexError):
        return set()
