"""What requests cost, and what is left of a budget."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from service.serving.batching import Batches
from service.serving.budget import Budget, Budgets, Caller, Spending
from service.serving.cost import HEAVY, LINE, price
from service.settings import Settings


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        (("GET", "/api/v1/search", "q" * 64, 0), 10),
        (("GET", "/search", "q" * 4608, 0), 152),
        (("GET", "/tags/gốm", "", 0), 8),
        (("GET", "/feeds/sections/Đời sống", "", 0), 8),
        (("GET", "/api/v1/suggest", "q" * 32, 0), 3),
        (("GET", "/api/v1/articles/a/related", "", 0), 1),
        (("GET", "/api/v1/articles/a/related", "&exclude_ids=a" * 512, 0), 61),
        (("GET", "/api/v1/related", "u" * 300, 0), 2),
        (("GET", "/articles/a", "", 0), 3),
        (("PUT", "/api/v1/articles/a", "", 190_000), 21),
        (("POST", "/api/v1/articles:bulk", "", 30_000_000), 3002),
        (("POST", "/api/v1/clicks", "", 20_000), 4),
        (("POST", "/api/v1/related:batch", "", 190_000), 21),
        (("POST", "/api/v1/related", "", 0), 10),
        (("POST", "/api/v1/related", "", 1000), 30),
        (("POST", "/api/v1/related", "", 2000), 50),
        (("POST", "/api/v1/related", "", 32_000), 110),
        (("POST", "/newsroom/draft", "", 158_000), 740),
    ],
)
def test_what_a_request_costs(asked, units):
    assert price(*asked) == units


METHODS = st.sampled_from(["GET", "POST", "PUT"])
PATHS = st.sampled_from(["/search", "/api/v1/related", "/api/v1/related:batch"])
QUERIES = st.text("a&=", max_size=600)
SIZES = st.integers(0, 10**6)


@given(METHODS, PATHS, QUERIES, QUERIES, SIZES, SIZES)
def test_more_never_costs_less(method, path, query, longer, body, more):
    assert price(method, path, query + longer, body) >= price(method, path, query, body) > 0
    assert price(method, path, query, body + more) >= price(method, path, query, body)


def test_what_readers_ask_for_is_light_and_drafts_are_heavy():
    assert price("GET", "/api/v1/search", "q" * 600, 0) < HEAVY <= price("POST", "/api/v1/related", "", 5000)


def get(path, query=20):
    return price("GET", path, "q" * query, 0)


def default(name):
    """Return the units a minute that a setting allows, whatever the environment of the tests says."""
    rate = parse(Settings.model_fields[name].default)
    assert (rate.multiples, rate.GRANULARITY.name) == (1, "minute")
    return rate.amount


READING = 10 * get("/api/v1/suggest") + 2 * get("/search", 60) + get("/api/v1/search", 60) + 2 * get("/articles/a")
"""What a reader asks for in a minute: a query typed, its first pages, its facets, two articles with their lists."""


@pytest.mark.parametrize(
    ("each_minute", "units"),
    [
        (2000, READING),  # readers behind one address
        (100_000, get("/api/v1/articles/a/related")),  # the pages of a site that asks for each article
        (100_000, LINE),  # a batch of the whole archive: a thread makes about 1,000 lists a second
        (60 * 20, price("POST", "/newsroom/draft", "", 5000)),  # sixty editors, each asking every 3 seconds
    ],
)
def test_the_default_budget_carries_many_that_share_an_address(each_minute, units):
    assert each_minute * units <= default("cost_budget")


def test_a_client_with_a_key_may_ask_for_more():
    assert default("key_budget") >= 5 * default("cost_budget")


class TestBudget:
    def test_what_is_spent_is_gone_until_the_time_is_over(self):
        now = [1000.25]
        budget = Budget("10/second", "memory://", lambda: now[0])
        assert budget.described == "10 units per 1 second"
        assert budget.spend("a", 10) is None
        assert budget.spend("a", 1) == 1
        assert budget.spend("b", 10) is None
        now[0] = 1001.0
        assert budget.spend("a", 10) is None

    def test_when_to_retry_is_when_the_time_is_over(self):
        budget = Budget("10/minute", "memory://", lambda: 600.0 + 12.5)
        assert budget.spend("a", 10) is None
        assert budget.spend("a", 1) == 48

    def test_one_that_is_refused_takes_nothing(self):
        budget = Budget("10/hour", "memory://")
        assert budget.spend("a", 11) is not None
        assert budget.spend("a", 10) is None
        assert budget.spend("a", 0) is None

    def test_where_the_storage_does_not_answer_each_process_counts(self, monkeypatch):
        monkeypatch.setattr("service.serving.budget.storage_from_string", lambda _: MemoryStorage())
        monkeypatch.setattr(FixedWindowRateLimiter, "test", lambda *_, **__: 1 / 0)
        budget = Budget("10/hour", "redis://shared", lambda: 7200.0)
        assert [budget.spend("a", 6) is None for _ in range(2)] == [True, False]

    def test_a_shared_storage_counts_for_all_processes(self, monkeypatch):
        storage = MemoryStorage()
        monkeypatch.setattr("service.serving.budget.storage_from_string", lambda _: storage)
        one, other = Budget("10/hour", "redis://shared"), Budget("10/hour", "redis://shared")
        assert one.spend("a", 6) is None
        assert 1 <= other.spend("a", 6) <= 3601
        assert other.spend("a", 4) is None

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 7), st.integers(0, 15)), max_size=40))
    def test_in_no_window_does_a_caller_spend_more(self, asked):
        now = 0.0
        spending, taken = Spending(10, 10.0, clock=lambda: now), Counter()
        for caller, units, later in asked:
            now += later
            at = (caller, now // 10)
            wait = spending.spend(caller, units)
            assert (wait is None) == (taken[at] + units <= 10)
            if wait is None:
                taken[at] += units
            else:
                assert 1 <= wait <= 10

    def test_of_many_callers_those_who_spent_least_are_forgotten(self):
        spending = Spending(10, 10.0, remembered=4, clock=lambda: 5.0)
        for caller, units in zip("abcde", (1, 9, 2, 8, 1), strict=True):
            assert spending.spend(caller, units) is None
        for caller, units in (("b", 2), ("d", 3), ("e", 10)):  # one more than they have left
            assert spending.spend(caller, units) == 5
        assert spending.spend("c", 10) is None  # all that it may, though it had spent 2

    def test_a_request_takes_no_longer_where_many_have_asked(self):
        budget = Budget("120000/hour", "memory://")
        for number in range(50_000):
            budget.spend(str(number), 1)
        threads = threading.active_count()
        started = time.thread_time()
        for _ in range(2000):
            budget.spend("a", 1)
        assert time.thread_time() - started < 1.0  # looking at all of them each time takes 5 s and more
        assert threading.active_count() <= threads

    def test_threads_that_spend_at_once_get_no_more_than_there_is(self):
        budget = Budget("1000/day", "memory://")
        with ThreadPoolExecutor(8) as pool:
            spent = list(pool.map(lambda _: budget.spend("a", 1) is None, range(1500)))
        assert spent.count(True) == 1000


class TestBudgets:
    def test_a_key_and_an_address_of_the_same_name_have_each_their_own(self):
        budgets = Budgets(Budget("10/hour", "memory://"), Budget("20/hour", "memory://"))
        address, key = Caller("a"), Caller("a", True)
        assert budgets.spend(address, 10) is None
        assert budgets.spend(key, 20) is None
        assert budgets.spend(address, 1) is not None
        assert budgets.spend(key, 1) is not None
        assert budgets.spend(Caller("b", True), 20) is None

    def test_without_one_nothing_is_counted(self):
        budgets = Budgets(None, Budget("1/hour", "memory://"))
        assert [budgets.spend(Caller("a"), 10**9) for _ in range(3)] == [None] * 3
        assert budgets.of(Caller("a")) is None


class TestBatches:
    def test_each_caller_has_one(self):
        batches = Batches()
        address, key = Caller("a"), Caller("a", True)
        for caller in (address, Caller("b"), key):
            assert batches.begin(caller)
            assert not batches.begin(caller)
        batches.end(address)
        assert batches.begin(address)
        assert not batches.begin(key)

    def test_callers_without_a_key_leave_places_to_those_with_one(self):
        batches, others = Batches(), [Caller(str(at)) for at in range(9)]
        assert [batches.begin(one) for one in others] == [True] * 8 + [False]
        keys = [Caller(str(at), True) for at in range(5)]
        assert [batches.begin(one) for one in keys] == [True] * 4 + [False]
        batches.end(others[0])
        assert batches.begin(keys[4])
        assert not batches.begin(others[8])
