"""The time that a request has, looked at between its stages; the clock is the test's."""

import threading

import pytest

from service.errors import TimedOut
from service.schemas import RelatedBody, SearchParams
from service.serving import deadline

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(5)]


class Clock:
    """A clock that moves when it is looked at."""

    def __init__(self, step=0.0):
        self.now, self.step = 100.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("service.serving.deadline.time.monotonic", made)
    return made


def test_outside_of_a_request_there_is_no_limit(clock):
    deadline.check("ranking")
    clock.now += 1e9
    deadline.check("ranking")


def test_time_is_up_when_it_is_up_and_the_error_names_limit_and_stage(clock):
    with deadline.within(10):
        clock.now += 10
        deadline.check("ranking")  # not beyond it
        clock.now += 0.5
        with pytest.raises(TimedOut) as caught:
            deadline.check("ranking")
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    assert caught.value.detail == "request_seconds: 10: the request had taken longer before its ranking"
    deadline.check("ranking")  # the request is over


def test_it_ends_with_its_request_even_where_that_failed(clock):
    with pytest.raises(KeyError), deadline.within(1):
        raise KeyError
    clock.now += 5
    deadline.check("ranking")


def test_each_thread_has_its_own(clock):
    failed = []

    def other():
        try:
            deadline.check("ranking")
        except TimedOut:
            failed.append(1)

    with deadline.within(1):
        clock.now += 5
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert failed == []


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, request_seconds=3.0)


@pytest.fixture
def searcher(client):
    return client.application.extensions["lienquan"].searcher()


def stages(ask, clock, steps):
    """Return before which stages a request ends that has time for so many looks, one after the other."""
    found = []
    for step in range(1, steps):
        clock.step = 1.0
        with deadline.within(step):
            try:
                ask()
            except TimedOut as error:
                found.append(error.detail.rpartition("its ")[2])
        clock.step = 0.0
    return list(dict.fromkeys(found))


def test_a_search_is_looked_at_between_all_its_stages(searcher, clock):
    found = stages(lambda: searcher.search(SearchParams(q="công nhân")), clock, 6)
    assert found == ["encoding", "candidates", "list"] or found == ["understanding", "encoding", "candidates", "list"]


def test_a_related_list_too(searcher, clock):
    body = RelatedBody.model_validate({"seed": {"ids": ["bai-0"]}})
    found = stages(lambda: searcher.related(body), clock, 6)
    assert found[-2:] == ["candidates", "ranking"]


@pytest.mark.parametrize(
    ("path", "stage"), [("/api/v1/search?q=ca", "snippets"), ("/search?q=ca", "snippets"), ("/articles/bai-0", "seeds")]
)
def test_over_http_it_is_503_and_names_the_setting(client, monkeypatch, path, stage):
    def check(asked):
        if asked == stage:
            raise TimedOut(3.0, asked)

    monkeypatch.setattr("service.serving.deadline.check", check)
    accept = {"Accept": "application/json" if "/api/" in path else "text/html"}
    answer = client.get(path, headers=accept)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert f"request_seconds: 3: the request had taken longer before its {stage}" in answer.get_data(as_text=True)


def test_what_a_request_waited_counts(client, clock, monkeypatch):
    """The clock stands still but for the wait at the gate."""
    gate = client.application.extensions["admission"].gate
    enter = gate._enter

    def waiting(*asked):
        clock.now += 3.5
        return enter(*asked)

    monkeypatch.setattr(gate, "_enter", waiting)
    answer = client.get("/api/v1/search?q=ca")
    assert (answer.status_code, answer.json["title"]) == (503, "Took too long")
    assert client.get("/healthz").status_code == 200
    assert gate.inside == gate.queued == 0


def test_a_share_is_of_the_whole_time_and_nothing_where_less_is_left(clock):
    assert deadline.share(0.25) is None
    with deadline.within(10):
        clock.now += 7.5
        assert deadline.share(0.25) == 2.5
        clock.now += 0.1
        assert deadline.share(0.25) == 0.0
        assert deadline.share(0.2) == 2.0
