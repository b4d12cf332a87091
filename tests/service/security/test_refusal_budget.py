"""How many refusals are recorded: of each client, for each reason, and of how many clients."""

from service.security.refusal_budget import PER_MINUTE, RefusalBudget


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_some_a_minute_and_the_next_says_how_many_were_left_out():
    clock = Clock()
    budget = RefusalBudget(clock)
    taken = [budget.take("wrong key", "203.0.113.0/24") for _ in range(PER_MINUTE + 5)]
    assert taken == [0] * PER_MINUTE + [None] * 5
    assert budget.take("wrong key", "198.51.100.0/24") == 5
    assert budget.take("missing scope", "203.0.113.0/24") == 0
    clock.now += 60
    assert budget.take("wrong key", "203.0.113.0/24") == 0


def test_many_clients_take_no_more_memory_and_are_forgotten():
    clock = Clock()
    budget = RefusalBudget(clock)
    taken = [budget.take("wrong key", f"client {number}") for number in range(5000)]
    assert sum(found is not None for found in taken) == 1000
    assert len(budget._counted) == 1000
    clock.now += 60
    assert budget.take("wrong key", "another") == 4000
    assert len(budget._counted) == 1
