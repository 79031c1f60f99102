"""Signed requests: clock, rate limit, connection."""

from __future__ import annotations

import asyncio

from extrema_nb.events import (
    Action,
)
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import intent, intents, run, settled
from tests.extrema_nb.execution.scripted_venue import Script, refusal


def test_a_refused_clock_is_measured_anew_and_the_order_sent_once_more():
    async def test(venue, route, told):
        venue.clock_ahead_ms = 90_000
        await route.send(intents(intent(1)))
        await settled(route)
        assert told.events(1) == ["ACCEPTED"]
        assert venue.count("POST", "/order") == 2
        assert route.stats["clock_resyncs"] == 1
        assert abs(route.stats["clock_offset_us"] - 90_000_000) < 500_000

    run(test)


def test_a_clock_that_stays_refused_rejects_the_order():
    async def test(venue, route, told):
        venue.script("POST", "order", refusal(-1021), refusal(-1021))
        await route.send(intents(intent(1)))
        await settled(route)
        assert (told.events(1), told.last(1).code) == (["REJECTED"], -1021)

    run(test)


def test_after_429_nothing_leaves_until_the_venue_allows_it_and_cancels_are_sent_again():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        loop = asyncio.get_running_loop()
        pause = Script(status=429, body={"code": -1003, "msg": "slow down"}, act=False,
                       headers={"Retry-After": "0.4"})  # fmt: skip
        venue.script("DELETE", "order", pause)
        before = loop.time()
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        assert loop.time() - before > 0.35
        assert told.events(1) == ["ACCEPTED", "CANCELED"]
        assert venue.count("DELETE", "/order") == 2

    run(test)


def test_a_submit_that_would_wait_too_long_for_the_rate_limit_is_refused_here():
    async def test(venue, route, told):
        pause = Script(status=429, body={"code": -1003, "msg": "slow down"}, act=False,
                       headers={"Retry-After": "30"})  # fmt: skip
        venue.script("POST", "order", pause)
        await route.send(intents(intent(1)))
        await settled(route)
        await route.send(intents(intent(2)))
        await settled(route)
        assert [told.last(i).code for i in (1, 2)] == [-1003, LocalCode.RATE_LIMITED]
        assert venue.count("POST", "/order") == 1

    run(test)


def test_without_a_connection_a_submit_is_rejected_at_once():
    async def test(_venue, route, told):
        route._http.base_url = "http://127.0.0.1:9"  # nobody listens
        await route.send(intents(intent(1)))
        await settled(route)
        assert (told.events(1), told.last(1).code) == (["REJECTED"], LocalCode.NOT_SENT)

    run(test)
