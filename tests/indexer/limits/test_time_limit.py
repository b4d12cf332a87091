"""A limit of processor time: what takes longer is broken off, whatever stands in the block, and nothing else is."""

import re
import signal
import threading
import time
from contextlib import suppress

import pytest

from indexer.limits.time_limit import OutOfTime, processor_seconds


def _spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_python_code_is_broken_off():
    start = time.process_time()
    with pytest.raises(OutOfTime), processor_seconds(0.1):
        _spin(30)
    assert time.process_time() - start < 5


def test_no_handler_of_exceptions_holds_it():
    def stubborn():
        while True:
            with suppress(Exception):
                _spin(30)

    with pytest.raises(OutOfTime), processor_seconds(0.1):
        stubborn()


def test_a_regular_expression_is_broken_off():
    with pytest.raises(OutOfTime), processor_seconds(0.1):
        re.match("(a|a)*b", "a" * 40)


def test_what_ends_in_time_is_left_alone_and_so_is_what_follows():
    with processor_seconds(0.1):
        found = sum(range(10))
    _spin(0.3)
    assert found == 45
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_waiting_counts_nothing():
    with processor_seconds(0.1):
        time.sleep(0.3)


def test_the_handler_before_it_is_there_again():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(ValueError, match="own"), processor_seconds(5):
        raise ValueError("own")
    assert signal.getsignal(signal.SIGALRM) is before


def test_in_another_thread_nothing_is_limited():
    ended = []

    def work():
        with processor_seconds(0.05):
            _spin(0.2)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
