"""The process's encoder: loaded, loaded again, and trusted with what it returns only once that has been looked at."""

import threading

import numpy as np
import pytest

from models.errors import ModelError
from models.hashing import HashingEncoder
from service.errors import NotReady
from service.serving.held_encoder import HeldEncoder


def held(load=HashingEncoder):
    made = HeldEncoder(load)
    assert made.load(threading.Event(), first=0.0)
    return made


def answering(vectors):
    """Return an encoder that answers so."""
    encoder = HashingEncoder(4)
    encoder.encode_queries = encoder.encode_documents = lambda texts: vectors
    return held(lambda: encoder)


def test_it_answers_what_its_encoder_does():
    made = held()
    plain = HashingEncoder()
    assert np.array_equal(made.encode_queries(["a b", "c"]), plain.encode_queries(["a b", "c"]))
    assert np.array_equal(made.encode_documents(["a b"]), plain.encode_documents(["a b"]))
    assert (made.identity, made.problem, made.answered) == (plain.identity, None, True)


def test_before_it_is_loaded():
    made = HeldEncoder(HashingEncoder)
    assert not made.loaded
    for ask in (lambda: made.identity, lambda: made.encode_queries(["a"]), lambda: made.encode_documents(["a"])):
        with pytest.raises(NotReady, match="the encoder is being loaded"):
            ask()
    assert made.probe() == "the encoder is being loaded"


@pytest.mark.parametrize(
    ("vectors", "what"),
    [
        (np.full((1, 4), np.nan, np.float32), "not of unit length"),
        (np.array([[np.inf, 0, 0, 0]], np.float32), "not of unit length"),
        (np.zeros((1, 4), np.float32), "not of unit length"),
        (np.array([[0, 2, 0, 0]], np.float32), "not of unit length"),
        (np.eye(3, dtype=np.float32)[:1], r"shape \(1, 3\): expected \(1, 4\)"),
        (np.eye(4, dtype=np.float32), r"shape \(4, 4\): expected \(1, 4\)"),
        (np.eye(4, dtype=np.float32)[0], r"shape \(4,\): expected \(1, 4\)"),
        (None, "shape NoneType: expected"),
    ],
)
def test_what_is_no_vector_is_a_failure(vectors, what):
    made = answering(vectors)
    for ask in (made.encode_queries, made.encode_documents):
        with pytest.raises(NotReady, match=f"the encoder does not answer: vectors.*{what}"):
            ask(["a"])
    assert made.problem == made.probe()
    assert not made.answered


def test_a_failure_is_told_once_and_over_when_it_answers(caplog):
    caplog.set_level("INFO")
    encoder = HashingEncoder()
    made = held(lambda: encoder)

    def fail(_):
        raise RuntimeError("the text that it choked on")

    encoder.encode_queries = fail
    for _ in range(3):
        with pytest.raises(NotReady, match="the encoder does not answer: it raised RuntimeError"):
            made.encode_queries(["a"])
    del encoder.encode_queries
    made.encode_queries(["a"])
    assert made.problem is None
    assert [record.getMessage() for record in caplog.records] == [
        "the encoder does not answer: it raised RuntimeError; searches go by words until it does",
        "the encoder answers again",
    ]
    assert "choked" not in caplog.text  # a draft is in no log


def test_loading_is_tried_again_after_ever_longer_waits(caplog):
    tries = []

    class Stopped(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return False

    def load():
        tries.append(len(tries))
        if len(tries) < 10:
            raise ModelError("no weights there") if len(tries) < 9 else OSError("still none")
        return HashingEncoder()

    waited = []
    made = HeldEncoder(load)
    assert made.load(Stopped())
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert (made.loaded, made.problem) == (True, None)
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"the encoder cannot be loaded: {why}; trying again" for why in ("no weights there", "still none")]


def test_stopped_it_is_not_tried_again():
    stopped = threading.Event()

    def load():
        stopped.set()
        raise ModelError("no weights there")

    made = HeldEncoder(load)
    assert not made.load(stopped)
    assert made.problem == "the encoder cannot be loaded: no weights there"


def test_a_probe_that_never_returns_holds_one_thread():
    encoder, entered, go = HashingEncoder(), threading.Event(), threading.Event()
    made = held(lambda: encoder)

    def stuck(texts):
        entered.set()
        assert go.wait(10)
        return HashingEncoder().encode_documents(texts)

    encoder.encode_queries = stuck
    thread = threading.Thread(target=made.probe)
    thread.start()
    assert entered.wait(10)
    assert made.probe() is None  # at once, from what is known
    go.set()
    thread.join(10)
    assert not thread.is_alive()
