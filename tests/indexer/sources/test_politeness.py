"""How often a host is asked, what robots.txt says, and when something is asked for again."""

import pytest

from indexer.sources import politeness
from indexer.sources.fetching import FetchError, FetchLimits
from indexer.sources.politeness import Web
from tests import web_server


class Clock:
    """A clock that goes on only where somebody sleeps."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def site():
    with web_server.serve() as served:
        yield served


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def web(clock):
    return Web(FetchLimits(private=True, seconds=10), delay=2.0, sleep=clock.sleep, clock=lambda: clock.now)


def statuses(*given):
    """Answer with these statuses in turn, then with 200."""
    left = list(given)

    def respond(request):
        status, headers = left.pop(0) if left else (200, {})
        request.give("here", status, **headers)

    return respond


class TestRate:
    def test_requests_to_one_host_are_spaced(self, site, web, clock):
        site.pages["/"] = "x"
        web.get(site.url + "/")
        assert clock.slept == []
        web.get(site.url + "/")
        assert clock.slept == [2.0]
        clock.now += 1.5
        web.get(site.url + "/")
        assert clock.slept == [2.0, 0.5]

    def test_hosts_do_not_wait_for_each_other(self, site, web, clock):
        with web_server.serve() as other:
            for one in (site, other):
                one.pages["/"] = "x"
                web.get(one.url + "/")
        assert clock.slept == []

    def test_crawl_delay(self, site, web, clock):
        site.pages |= {"/robots.txt": "User-agent: *\nCrawl-delay: 7", "/": "x"}
        assert web.allows(site.url + "/")
        web.get(site.url + "/")
        web.get(site.url + "/")
        assert clock.slept[-1] == 7.0
        site.pages["/robots.txt"] = "User-agent: *\nCrawl-delay: 900"
        patient = Web(web.bounds, 0, sleep=clock.sleep, clock=web.clock)
        patient.allows(site.url + "/")
        patient.get(site.url + "/")
        patient.get(site.url + "/")
        assert clock.slept[-1] == 30.0


class TestRobots:
    ALL = "User-agent: *\nDisallow: /tim-kiem\nDisallow: /*?in="
    ROBOTS = f"{ALL}\n\nUser-agent: Lienquan\nDisallow: /rieng\nAllow: /rieng/tu$"

    def test_what_it_says_of_this_program(self, site, web):
        site.pages["/robots.txt"] = self.ROBOTS
        allowed = {path: web.allows(site.url + path) for path in ("/", "/rieng/a", "/rieng/tu", "/tim-kiem")}
        assert allowed == {"/": True, "/rieng/a": False, "/rieng/tu": True, "/tim-kiem": True}
        assert site.asked == ["/robots.txt"]

    def test_what_it_says_of_all(self, site, web):
        site.pages["/robots.txt"] = self.ALL
        assert [web.allows(site.url + path) for path in ("/tim-kiem/a", "/a?in=1", "/a")] == [False, False, True]

    @pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (410, True), (500, False), (503, False)])
    def test_one_that_is_not_there_allows_all_and_one_that_fails_nothing(self, site, web, status, allowed):
        site.pages["/robots.txt"] = web_server.failing(status)
        assert web.allows(site.url + "/a") is allowed

    def test_one_of_anything(self, site, web):
        site.pages["/robots.txt"] = b"\xff\xfe\x00<html>" * 100
        assert web.allows(site.url + "/a")

    def test_one_that_is_too_long_forbids_all(self, site, web):
        site.pages["/robots.txt"] = b"#" * 600_000
        assert not web.allows(site.url + "/a")


class TestTries:
    def test_what_may_pass_is_asked_for_again(self, site, web, clock, monkeypatch):
        monkeypatch.setattr(politeness.random, "uniform", lambda least, most: most)
        site.pages["/"] = statuses((503, {}), (500, {}))
        assert web.get(site.url + "/").body == b"here"
        assert len(site.asked) == 3
        assert clock.slept == [1.25, 0.75, 2.5]  # a second and a quarter more, the rest of the rate; then twice that

    def test_up_to_a_number_of_times(self, site, web):
        site.pages["/"] = web_server.failing(500)
        with pytest.raises(FetchError, match="expected status 200, found 500") as caught:
            web.get(site.url + "/")
        assert (len(site.asked), caught.value.passing) == (3, True)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
    def test_what_will_not_pass_is_not(self, site, web, status):
        site.pages["/"] = web_server.failing(status)
        with pytest.raises(FetchError) as caught:
            web.get(site.url + "/")
        assert (len(site.asked), caught.value.passing, caught.value.status) == (1, False, status)

    def test_the_server_says_how_long_to_wait(self, site, web, clock):
        site.pages["/"] = statuses((429, {"Retry_After": "12"}))
        web.get(site.url + "/")
        assert clock.slept == [12.0]

    @pytest.mark.parametrize("asked", ["86400", "61"])
    def test_but_not_for_a_day(self, site, web, asked, clock):
        site.pages["/"] = statuses((503, {"Retry_After": asked}))
        with pytest.raises(FetchError):
            web.get(site.url + "/")
        assert clock.slept == []

    @pytest.mark.parametrize("asked", ["soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "99:99"])
    def test_odd_words_for_how_long(self, site, web, asked):
        site.pages["/"] = statuses((503, {"Retry_After": asked}))
        assert web.get(site.url + "/").body == b"here"

    def test_what_took_all_the_time_is_not_asked_for_again_at_once(self, site, web):
        site.pages["/"] = web_server.slowly
        with pytest.raises(FetchError, match=r"within 0\.2 s") as caught:
            web.get(site.url + "/", bounds=FetchLimits(private=True, seconds=0.2))
        assert (len(site.asked), caught.value.passing) == (1, True)

    def test_304_is_an_answer(self, site, web):
        site.pages["/"] = lambda request: request.start(304, {"ETag": '"1"'})
        assert web.get(site.url + "/").status == 304
