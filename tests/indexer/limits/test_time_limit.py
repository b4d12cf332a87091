"""A limit of processor time: what takes longer is broken off, whatever stands in the block, and nothing else is."""

import re
import signal
import sys
import threading
import time
import weakref
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


class _Thing:
    """An object that may have a weak reference."""


@pytest.fixture
def printed(monkeypatch):
    """What Python would print as an exception that reached nobody."""
    found = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: found.append(lost.exc_type))
    return found


def test_an_exception_lost_in_a_callback_is_not_printed_and_the_next_look_breaks_off(printed):
    ended = []

    def callback(reference):
        _spin(30)
        ended.append(reference)

    thing = [_Thing()]
    reference = weakref.ref(thing[0], callback)

    def work():
        thing.clear()
        _spin(30)

    with pytest.raises(OutOfTime), processor_seconds(0.1):
        work()
    assert reference() is None
    assert not ended
    assert not printed


def test_other_exceptions_that_reach_nobody_are_printed(printed):
    def callback(reference):
        raise ValueError("own")

    before = sys.unraisablehook
    thing = _Thing()
    reference = weakref.ref(thing, callback)
    with processor_seconds(5):
        del thing
    assert reference() is None
    assert printed == [ValueError]
    assert sys.unraisablehook is before


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
