"""Rate limits: sliding windows, the reserve for cancels, the venue's own count."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.net.ratelimit import Limit, RateLimiter


class Time:
    """Seconds that stand still until they are moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def limiter(time, *, capacity=10, interval_s=60.0, reserve=0):
    return RateLimiter([Limit("weight", capacity, interval_s, reserve)], now=time)


def test_a_window_is_full_at_its_capacity_and_opens_as_it_slides():
    time = Time()
    limits = limiter(time)
    limits.take({"weight": 6})
    time.now += 20
    limits.take({"weight": 4})
    assert limits.wait_s({"weight": 1}) == pytest.approx(40.0)
    assert limits.wait_s({"weight": 7}) == pytest.approx(60.0)
    time.now += 41
    assert limits.wait_s({"weight": 6}) == 0.0
    assert limits.used("weight") == 4


def test_cancels_may_use_the_reserve():
    time = Time()
    limits = limiter(time, reserve=3)
    limits.take({"weight": 7})
    assert limits.wait_s({"weight": 1}) > 0
    assert limits.wait_s({"weight": 3}, urgent=True) == 0.0
    limits.take({"weight": 3})
    assert limits.wait_s({"weight": 1}, urgent=True) > 0


def test_the_venues_count_is_believed_when_it_is_higher():
    time = Time()
    limits = limiter(time)
    limits.take({"weight": 2})
    limits.observe("weight", 10)
    assert limits.used("weight") == 10
    limits.observe("weight", 1)
    limits.observe("unheard of", 5)
    assert limits.used("weight") == 10


def test_a_pause_holds_even_the_urgent():
    time = Time()
    limits = limiter(time)
    limits.pause(5.0)
    limits.pause(1.0)
    assert limits.wait_s({}, urgent=True) == pytest.approx(5.0)


def test_a_cost_above_the_capacity_does_not_wait_for_ever():
    assert limiter(Time()).wait_s({"weight": 99}) == 0.0


def test_windows_that_nobody_declared_are_free():
    assert limiter(Time()).wait_s({"orders": 5}) == 0.0


@pytest.mark.parametrize("limit", [Limit("w", 5, 1.0, 5), Limit("w", 0, 1.0), Limit("w", 5, 0.0)])
def test_a_limit_that_cannot_be_kept_is_refused(limit):
    with pytest.raises(ConfigError, match="never be kept"):
        RateLimiter([limit])


def test_waiting_is_first_come_first_served_and_cancels_overtake():
    async def main():
        limits = RateLimiter([Limit("weight", 2, 0.05, 1)])
        order = []

        async def ask(name, *, urgent=False):
            await limits.acquire({"weight": 1}, urgent=urgent)
            order.append(name)

        await ask("first")
        tasks = [asyncio.create_task(ask(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        await ask("cancel", urgent=True)
        await asyncio.gather(*tasks)
        assert order == ["first", "cancel", "second", "third"]
        assert limits.waited_s > 0

    asyncio.run(main())


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_its_capacity(steps):
    time = Time()
    limits = limiter(time)
    spent = []
    for pause, cost in steps:
        time.now += pause
        time.now += limits.wait_s({"weight": cost})
        assert limits.wait_s({"weight": cost}) <= 1e-6
        time.now += 1e-6
        limits.take({"weight": cost})
        spent.append((time.now, cost))
    for at, _ in spent:
        assert sum(cost for t, cost in spent if at <= t < at + 60.0) <= 10
