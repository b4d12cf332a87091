"""Calls that are made beside others: in another thread, once, with whatever they return or raise."""

import os
import threading

import pytest

from service.serving import beside
from service.serving.admission import Admission, Gate
from service.serving.beside import BackgroundCall


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(beside, "THREADS", 2)
    beside._pool.cache_clear()
    yield
    beside._pool.cache_clear()


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


def test_with_no_core_to_spare_none_is():
    with beside.spare(there_is=False):
        begun = BackgroundCall(threading.get_ident)
    assert begun.result() == threading.get_ident()
    with beside.spare(there_is=True):
        assert BackgroundCall(lambda: threading.current_thread().name)._begun is not None


def test_only_a_request_that_is_alone_has_one_to_spare():
    gate = Gate(working=2, waiting=1, longest=1.0)

    def app(environ, start_response):
        return [b"beside" if BackgroundCall(int)._begun else b"here"]

    asking = Admission(app, gate, app, 1.0, 0)
    get = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/v1/search"}
    assert asking(get, None) == [b"beside"]
    with gate.passed():
        assert asking(get, None) == [b"here"]
    assert asking(get, None) == [b"beside"]


def test_a_forked_process_has_threads_of_its_own():
    assert BackgroundCall(lambda: 1).result() == 1
    here = beside._pool(os.getpid())
    assert beside._pool(os.getpid()) is here
    assert beside._pool(os.getpid() + 1) is not here  # as a process that is forked from this one asks
