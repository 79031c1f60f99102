"""The order route as a whole: cancel everything, keys, closing."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.execution.route import new_session
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import faster, intent, intents, run, settled, trading
from tests.extrema_nb.execution.scripted_venue import Script, refusal


def test_cancel_everything_leaves_nothing_open_and_tells_each_end():
    async def test(venue, route, told):
        await route.send(intents(*(intent(i, inst=i % 2) for i in range(1, 6))))
        await settled(route)
        await route.cancel_everything()
        assert all(order["status"] == "CANCELED" for order in venue.orders.values())
        assert all(told.events(i) == ["ACCEPTED", "CANCELED"] for i in range(1, 6))
        assert venue.count("DELETE", "/allOpenOrders") >= 2

    run(test)


def test_cancel_everything_gets_the_order_whose_answer_is_still_out():
    async def test(venue, route, told):
        slow = asyncio.Event()
        venue.silent = True
        venue.script("POST", "order", Script(cut=True, act=False, until=slow))
        await route.send(intents(intent(1)))
        await venue.until(lambda: venue.count("POST", "/order") == 1)
        cancelling = asyncio.ensure_future(route.cancel_everything())
        await venue.until(lambda: venue.count("DELETE", "/allOpenOrders") == 1)
        _, _, params = next(r for r in venue.requests if r[0] == "POST" and r[1].endswith("/order"))
        venue.post_order(params)
        slow.set()
        await cancelling
        assert venue.orders["xs1-1"]["status"] == "CANCELED"
        assert told.events(1)[-1] == "CANCELED"

    run(test)


def test_cancel_everything_that_can_not_be_confirmed_is_an_error():
    settings = faster(cancel_all_s=0.2)  # fmt: skip

    async def test(venue, route, _told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("DELETE", "allOpenOrders",
                     *(Script(status=503, body={}, act=False) for _ in range(99)))  # fmt: skip

        with pytest.raises(VenueError, match=r"not confirmed within 0\.2 s.*1 may be open"):
            await route.cancel_everything()

    run(test, settings)


@pytest.mark.parametrize("code", [-2015, -2014])
def test_refused_keys_are_the_users_error_and_name_the_remedy(code):
    def prepare(venue):
        venue.script("POST", "listenKey", refusal(code, 401))

    async def main():
        async with trading(prepare=prepare, start=False) as (_, route, told):
            with pytest.raises(ConfigError, match=r"refuses the credentials.*permission"):
                await route.start(told.publish)

    asyncio.run(main())


def test_a_route_that_is_not_open_takes_no_orders():
    async def main():
        async with trading() as (_, route, _told):
            await route.close()
            await route.close()
            with pytest.raises(VenueError, match="not open"):
                await route.send(intents(intent(1)))

    asyncio.run(main())


def test_sessions_are_short_base36_and_differ():
    session = new_session()
    assert session.isalnum()
    assert session == session.lower()
    assert len(session) <= 16


def test_executions_that_the_cancelled_orders_had_are_told_before_everything_counts_as_cancelled():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.silent = True
        venue.fill("xs1-1", 0.5)
        await route.cancel_everything()
        assert told.events(1) == ["ACCEPTED", "TRADE", "CANCELED"]
        assert told.fills(1)["qty"].tolist() == [0.5]

    run(test)


def test_closing_gives_requests_that_are_out_a_moment_to_be_answered():
    async def main():
        async with trading(faster(grace_s=1.0)) as (venue, route, told):
            venue.silent = True
            venue.script("POST", "order", Script(delay=0.1))
            await route.send(intents(intent(1)))
            await route.close()
            assert told.events(1) == ["ACCEPTED"]

    asyncio.run(main())


def test_rate_limits_are_those_that_the_venue_states():
    def prepare(venue):
        info = venue.get_exchangeInfo({})
        info["rateLimits"] = [
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 2}
        ]
        venue.get_exchangeInfo = lambda _: info

    async def test(_venue, route, told):
        for order_id in (1, 2, 3):
            await route.send(intents(intent(order_id)))
        await settled(route)
        assert told.events(2) == ["ACCEPTED"]
        assert told.last(3).code == LocalCode.RATE_LIMITED

    run(test, prepare=prepare)
