"""Whose memory and processor time the benchmarks of the service count."""

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.serving import workers_of


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="Linux alone tells a process's children")
def test_what_ingests_is_a_child_of_the_server_but_no_worker():
    with (
        subprocess.Popen(["sleep", "60"]) as worker,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as other,
    ):
        try:
            found = workers_of(os.getpid())
            assert worker.pid in found
            assert other.pid not in found
        finally:
            worker.kill()
            other.kill()
