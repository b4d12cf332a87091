"""Calls that are made beside others: in another thread, once, with whatever they return or raise."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from service.serving import beside
from service.serving.admission import Admission, Gate
from service.serving.beside import BackgroundCall

PROCESSES = count(2**40)
"""Ids that no process has: each test is a process of its own, with threads of its own."""


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(beside, "THREADS", 2)
    become(monkeypatch)


@pytest.fixture
def begun(monkeypatch):
    """The calls that were given to another thread."""
    calls, submit = [], ThreadPoolExecutor.submit
    monkeypatch.setattr(ThreadPoolExecutor, "submit", lambda pool, call: (calls.append(call), submit(pool, call))[1])
    return calls


def become(monkeypatch):
    """Be another process, as after a fork."""
    process = next(PROCESSES)
    monkeypatch.setattr("os.getpid", lambda: process)


def name_beside():
    """Return the name of a thread in which calls are made beside."""
    named = []
    begun = threading.Event()
    BackgroundCall(lambda: (named.append(threading.current_thread().name), begun.set()))
    assert begun.wait(10)
    return named[0]


def test_it_is_made_in_another_thread_at_once():
    begun, made = threading.Event(), []

    def call():
        begun.set()
        made.append(threading.get_ident())
        return 7

    found = BackgroundCall(call)
    assert begun.wait(10)
    assert (found.result(), found.result()) == (7, 7)
    assert made != [threading.get_ident()]
    assert len(made) == 1


def test_what_it_raises_is_raised_where_the_result_is_wanted():
    def call():
        raise ValueError("hỏng")

    found = BackgroundCall(call)
    with pytest.raises(ValueError, match="hỏng"):
        found.result()


def test_what_no_thread_has_come_to_is_made_by_who_wants_it():
    free, busy = threading.Event(), threading.Semaphore(0)

    def occupied():
        busy.release()
        return free.wait(10)

    first = [BackgroundCall(occupied), BackgroundCall(occupied)]
    assert all(busy.acquire(timeout=10) for _ in first)
    assert BackgroundCall(threading.get_ident).result() == threading.get_ident()
    free.set()
    assert [one.result() for one in first] == [True, True]


def test_with_one_core_none_is(monkeypatch):
    monkeypatch.setattr(beside, "THREADS", 1)
    assert BackgroundCall(threading.get_ident).result() == threading.get_ident()


def test_with_no_core_to_spare_none_is(begun):
    with beside.spare(there_is=False):
        found = BackgroundCall(threading.get_ident)
    assert found.result() == threading.get_ident()
    assert begun == []
    with beside.spare(there_is=True):
        BackgroundCall(int)
    assert begun == [int]


def test_only_a_request_that_is_alone_has_one_to_spare(begun):
    gate = Gate(working=2, waiting=1, longest=1.0)

    def app(environ, start_response):
        before = len(begun)
        BackgroundCall(int)
        return [b"beside" if len(begun) > before else b"here"]

    asking = Admission(app, gate, app, 1.0, 0)
    get = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/v1/search"}
    assert asking(get, None) == [b"beside"]
    with gate.passed():
        assert asking(get, None) == [b"here"]
    assert asking(get, None) == [b"beside"]


def test_a_forked_process_has_threads_of_its_own(monkeypatch):
    here = name_beside().rpartition("_")[0]
    assert name_beside().rpartition("_")[0] == here == f"beside-{os.getpid()}"
    become(monkeypatch)
    assert name_beside().rpartition("_")[0] == f"beside-{os.getpid()}" != here
