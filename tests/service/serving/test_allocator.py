"""What is free goes back to the system."""

import ctypes
import subprocess
import sys
import threading

import pytest

from service.serving import allocator

GLIBC = hasattr(ctypes.CDLL(None), "malloc_trim")


def test_it_is_asked_for_again_and_again_beside_all_else(monkeypatch):
    asked, enough = [], threading.Event()

    class Library:
        @staticmethod
        def malloc_trim(kept):
            asked.append(kept)
            if len(asked) == 3:
                enough.set()
                threading.Event().wait()  # the thread is a daemon

    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: Library)
    monkeypatch.setattr(allocator, "TRIM_SECONDS", 0.001)
    allocator.keep_trimming()
    assert enough.wait(20)
    assert asked == [0, 0, 0]


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: object())
    before = threading.active_count()
    allocator.keep_trimming()
    assert threading.active_count() == before


HELD = """
import ctypes, time
from pathlib import Path
from service.serving import allocator

def held():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1])

allocator.TRIM_SECONDS = 0.05
malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
malloc.restype, free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [malloc(50_000) for _ in range(1200)]
for block in blocks:
    ctypes.memset(block, 1, 50_000)
full = held()
for block in blocks[:-1]:  # the last one stays, and with it the end of the heap
    free(block)
kept = held()
allocator.keep_trimming()
until = time.monotonic() + 20
while held() > full - 40_000 and time.monotonic() < until:
    time.sleep(0.05)
print(full - kept < 20_000, full - held() > 40_000)
"""


@pytest.mark.skipif(not GLIBC, reason="glibc alone can be asked for it")
def test_what_was_freed_below_what_stays_goes_back():
    ended = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["True", "True"]
