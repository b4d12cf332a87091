"""The reranker of a process: loading, failing, giving up in time, and what is kept."""

import threading

import numpy as np
import pytest

from models.errors import ModelError
from service.serving import deadline
from service.serving.held_reranker import HeldReranker, RerankingSkipped


class Lengths:
    """Scores a passage by its length."""

    name = "lengths"

    def __init__(self, before=lambda: None):
        self.calls = []
        self._before = before

    def score(self, query, passages):
        self.calls.append(list(passages))
        self._before()
        return np.array([float(len(passage)) for passage in passages])


@pytest.fixture
def clock(monkeypatch):
    """Return a clock to move."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def held(reranker):
    made = HeldReranker(lambda: reranker)
    made.load(threading.Event())
    return made


def test_until_it_is_loaded_it_is_skipped():
    made = HeldReranker(Lengths)
    with pytest.raises(RerankingSkipped, match="is being loaded"):
        made.score("q", ["a"])
    made.load(threading.Event())
    assert (made.score("q", ["a", "bb"]).tolist(), made.problem) == ([1.0, 2.0], None)


def test_one_that_cannot_be_loaded_says_so_and_is_tried_again():
    tries = [ModelError("no weights"), RuntimeError("no memory"), None]

    def load():
        if (error := tries.pop(0)) is not None:
            raise error
        return Lengths()

    made, told = HeldReranker(load), []
    stopped = threading.Event()
    stopped.wait = lambda _: told.append(made.problem)
    made.load(stopped)
    assert told == ["the reranker cannot be loaded: no weights", "the reranker cannot be loaded: no memory"]
    assert made.problem is None


def test_lazily_it_is_loaded_by_whoever_needs_it_and_its_error_is_theirs():
    assert HeldReranker(Lengths, lazily=True).score("q", ["abc"]).tolist() == [3.0]

    def load():
        raise ModelError("no weights")

    with pytest.raises(ModelError, match="no weights"):
        HeldReranker(load, lazily=True).score("q", ["abc"])


def test_thirty_are_scored_in_pieces_and_once():
    reranker = Lengths()
    made = held(reranker)
    passages = ["x" * at for at in range(30)]
    assert made.score("q", passages).tolist() == list(range(30))
    assert [len(call) for call in reranker.calls] == [8, 8, 8, 6]
    made.score("q", passages)
    assert len(reranker.calls) == 4
    made.score("other", passages)
    made.score("q", passages[::-1])
    assert len(reranker.calls) == 12


def test_what_is_kept_has_a_bound(monkeypatch):
    monkeypatch.setattr("service.serving.held_reranker._KEPT", 2)
    reranker = Lengths()
    made = held(reranker)
    for query in ("a", "b", "a", "c", "a", "b"):  # b was used longest ago when c came
        made.score(query, ["x"])
    assert len(reranker.calls) == 4


class TestTime:
    def test_it_begins_only_with_its_share_left(self, clock):
        made = held(Lengths())
        with deadline.within(10):
            clock[0] += 7.4
            assert made.score("q", ["a"]).tolist() == [1.0]
            clock[0] += 0.2
            with pytest.raises(RerankingSkipped, match="share"):
                made.score("q", ["b"])
            assert made.score("q", ["a"]).tolist() == [1.0]  # kept, and costs none

    def test_it_gives_up_between_pieces_once_its_share_is_gone(self, clock):
        def slow():
            clock[0] += 1.0

        reranker = Lengths(slow)
        made = held(reranker)
        with deadline.within(10), pytest.raises(RerankingSkipped, match="share"):
            made.score("q", ["x" * at for at in range(30)])
        assert len(reranker.calls) == 3  # at 0, 1 and 2 s of 2.5
        assert made.problem is None  # it is slow, not broken
        assert len(made.score("q", ["x" * at for at in range(30)])) == 30  # outside of a request there is no limit

    def test_while_it_is_at_one_list_others_go_without_it_at_once(self):
        begun, go = threading.Event(), threading.Event()

        def wait():
            begun.set()
            assert go.wait(10)

        made = held(Lengths(wait))
        first = threading.Thread(target=made.score, args=("q", ["a"]))
        first.start()
        assert begun.wait(10)
        with deadline.within(60), pytest.raises(RerankingSkipped, match="at another list"):
            made.score("q", ["b"])
        go.set()
        first.join(10)
        assert made.score("q", ["b"]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda texts: 1 / 0, "it raised ZeroDivisionError"),
        (lambda texts: np.full(len(texts), np.nan), "expected 2 finite scores"),
        (lambda texts: np.zeros(len(texts) + 1), "expected 2 finite scores"),
        (lambda texts: [0.0] * len(texts), "expected 2 finite scores"),
    ],
)
def test_one_that_fails_is_skipped_until_it_answers(answer, told, caplog):
    reranker = Lengths()
    made = held(reranker)
    right, reranker.score = reranker.score, lambda query, texts: answer(texts)
    for _ in range(2):
        with pytest.raises(RerankingSkipped, match=told):
            made.score("mật", ["a", "bb"])
    assert made.problem == f"the reranker does not answer: {told}"
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    reranker.score = right
    assert (made.score("mật", ["a", "bb"]).tolist(), made.problem) == ([1.0, 2.0], None)
