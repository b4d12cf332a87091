"""The load generator: what it makes of times and statuses, and that it loses no request, by a server of a few lines."""

import socket
import threading
from contextlib import closing
from itertools import cycle

import pytest

from benchmarks.overload import Load, Outcome, Shot, recovery, schedule

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"


def shots(*given):
    return [Shot(due, took, status, "/") for due, took, status in given]


def test_outcome_by_hand():
    told = Outcome.of(shots((0, 0.1, 200), (1, 0.3, 200), (2, 0.01, 503), (3, 9.0, 200), (3, 5.0, 0)), 4.0)
    assert told.statuses == {200: 3, 503: 1, 0: 1}
    assert told.accepted_ms == pytest.approx([300, 8130, 8826, 9000])
    assert told.refused_ms == pytest.approx([10] * 4)
    assert told.per_second == 0.5  # the third came too late to count
    assert Outcome.of([], 1.0) == ({}, [], [], 0.0)


def test_recovery_is_the_end_of_the_last_second_that_was_not_as_usual():
    well = [(second + part, 0.01, 200) for second in range(6) for part in (0.0, 0.3, 0.6)]
    assert recovery(shots(*well), 20.0) == 0.0
    assert recovery(shots(*well, (2.5, 0.0, 503)), 20.0) == 3.0
    assert recovery(shots(*well, (4.5, 0.0, 0)), 20.0) == 5.0
    assert recovery(shots(*well, (1.5, 3.0, 200)), 20.0) == 0.0  # one of many
    assert recovery(shots(*well, *[(1.5, 3.0, 200)] * 4), 20.0) == 2.0


def test_schedule_is_even_with_health_four_times_a_second():
    due = list(schedule(cycle("ab"), rate=8, seconds=1))
    assert [path for _, path in due if path != "/healthz"] == list("abababab")
    assert [round(at - due[0][0], 3) for at, path in due if path == "/healthz"] == [0, 0.25, 0.5, 0.75]
    assert [at for at, _ in due] == sorted(at for at, _ in due)


@pytest.fixture
def served():
    """Return a function that answers so many connections in turn, each by a list of bytes."""
    threads = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve(*connections):
            def run():
                for answers in connections:
                    with closing(listener.accept()[0]) as connection:
                        for answer in answers:
                            received = b""
                            while not received.endswith(b"\r\n\r\n"):
                                received += connection.recv(4096)
                            connection.sendall(answer)

            threads.append(threading.Thread(target=run))
            threads[0].start()
            return listener.getsockname()[1]

        yield serve
        threads[0].join(10)
        assert not threads[0].is_alive()


def asked(port, count):
    """Ask for one after the other and return the statuses."""
    load, found = Load(port), []
    for at in range(count):
        found += [shot.status for shot in load.run(iter([(0.0, f"/{at}")]))]
    load.close()
    return found


def test_a_connection_is_kept_and_left_where_it_ends(served):
    assert asked(served([OK, OK, BUSY], [OK]), 4) == [200, 200, 503, 200]


def test_one_that_was_closed_meanwhile_is_asked_again(served):
    assert asked(served([OK], [OK]), 2) == [200, 200]


def test_one_that_ends_without_an_answer_counts_as_none(served):
    assert asked(served([b""], [OK[:20]], [OK]), 3) == [0, 0, 200]
