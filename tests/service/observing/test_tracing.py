"""A request's id and its stages."""

import re
import threading

import pytest

from service.observing import tracing


@pytest.fixture(autouse=True)
def ended():
    yield
    tracing.end()


class TestId:
    @pytest.mark.parametrize("given", ["a", "0" * 64, "req-1.2:3_A"])
    def test_a_sane_one_is_kept(self, given):
        assert tracing.begin(given).request_id == given

    @pytest.mark.parametrize("given", [None, "", "0" * 65, "a b", "a\nb", 'a"', "đ", "<script>"])
    def test_any_other_is_replaced(self, given):
        assert re.fullmatch("[0-9a-f]{16}", tracing.begin(given).request_id)

    def test_no_two_are_the_same(self):
        assert len({tracing.begin(None).request_id for _ in range(1000)}) == 1000


class TestStages:
    def test_they_never_overlap_and_add_up(self, monkeypatch):
        clock = iter([10.0, 11.0, 13.0, 13.5])
        monkeypatch.setattr(tracing, "perf_counter", lambda: next(clock))
        trace = tracing.begin(None)
        for stage in ("encoding", "ranking", "encoding"):
            tracing.lap(stage)
        assert trace.stages == {"encoding": 1.5, "ranking": 2.0}
        assert trace.started == 10.0

    def test_outside_of_a_request_nothing_happens(self):
        tracing.begin(None)
        tracing.end()
        tracing.lap("encoding")
        assert tracing.current() is None

    def test_each_thread_has_its_own(self):
        mine = tracing.begin("mine")
        seen = []
        thread = threading.Thread(target=lambda: seen.append(tracing.current()))
        thread.start()
        thread.join()
        assert seen == [None]
        assert tracing.current() is mine
