"""Which int8 this CPU has, by a made-up /proc/cpuinfo."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from models import cpu

VNNI_512 = "processor\t: 0\nmodel name\t: Made-up\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni\nbugs\t\t: none\n"
VNNI_256 = VNNI_512.replace("avx512f avx512_vnni", "avx_vnni")
AVX2 = VNNI_512.replace("avx512f avx512_vnni", "fma")
OLD = VNNI_512.replace("avx2 avx512f avx512_vnni", "avx")
LOOKALIKES = OLD.replace("fpu", "avx2x xavx2 avx512_vnnix")
NO_FLAGS = "processor\t: 0\nFeatures\t: avx2 avx512_vnni\n"
OTHER_FLAGS = "processor\t: 0\nvmx flags\t: avx2 avx_vnni\n"
BUGS_ONLY = OLD.replace("bugs\t\t: none", "bugs\t\t: avx2 avx_vnni")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that makes this machine another one; without cpuinfo, one without /proc."""

    def pretend(name: str, cpuinfo: str | None, system: str = "Linux") -> None:
        fake = tmp_path / "cpuinfo"
        if cpuinfo is not None:
            fake.write_text(cpuinfo)
        monkeypatch.setattr(platform, "machine", lambda: name)
        monkeypatch.setattr(platform, "system", lambda: system)
        monkeypatch.setattr(cpu, "Path", lambda path: {"/proc/cpuinfo": fake}[path])

    return pretend


@pytest.mark.parametrize(
    ("name", "cpuinfo", "kind", "reason"),
    [
        ("x86_64", VNNI_512, "vnni", "VNNI instructions"),
        ("x86_64", VNNI_256, "vnni", "VNNI instructions"),
        ("x86_64", AVX2, "avx2", "AVX2 without VNNI"),
        ("x86_64", OLD, None, "neither AVX2 nor VNNI among the CPU's flags"),
        ("x86_64", LOOKALIKES, None, "neither AVX2 nor VNNI among the CPU's flags"),
        ("x86_64", BUGS_ONLY, None, "neither AVX2 nor VNNI among the CPU's flags"),
        ("x86_64", AVX2 + VNNI_512, "avx2", "AVX2 without VNNI"),  # the first core speaks for all
        ("x86_64", NO_FLAGS, None, "no CPU flags to be read on Linux x86_64"),
        ("x86_64", OTHER_FLAGS, None, "no CPU flags to be read on Linux x86_64"),
        ("x86_64", "", None, "no CPU flags to be read on Linux x86_64"),
        ("x86_64", None, None, "no CPU flags to be read on Linux x86_64"),
        ("aarch64", None, "arm", "64-bit ARM"),
        ("arm64", None, "arm", "64-bit ARM"),
        ("ARM64", None, "arm", "64-bit ARM"),
        ("riscv64", NO_FLAGS, None, "no CPU flags to be read on Linux riscv64"),
    ],
)
def test_int8_kind(machine, name, cpuinfo, kind, reason):
    machine(name, cpuinfo)
    assert cpu.int8_kind() == (kind, reason)


def test_int8_kind_elsewhere_names_the_system(machine):
    machine("AMD64", None, "Windows")
    assert cpu.int8_kind() == (None, "no CPU flags to be read on Windows amd64")


def test_int8_kind_of_this_machine():
    kind, reason = cpu.int8_kind()
    assert kind in {"vnni", "avx2", "arm", None}
    assert reason
    if platform.machine() == "x86_64" and Path("/proc/cpuinfo").exists():
        flags = Path("/proc/cpuinfo").read_text()
        assert (kind is not None) == (" avx2" in flags)


def test_available_threads_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cpu.available_threads() == 3


@pytest.mark.parametrize(("cores", "threads"), [(8, 8), (None, 1)])
def test_available_threads_without_affinity(monkeypatch, cores, threads):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert cpu.available_threads() == threads
