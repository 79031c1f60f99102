"""The user stream: keys, frames, reconnects."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.errors import VenueError
from extrema_nb.events import (
    Action,
    StatusCode,
)
from tests.extrema_nb.execution.desk_of import faster, intent, intents, run, settled, trading
from tests.extrema_nb.execution.scripted_venue import KEY, SECRET, Script, refusal


def test_an_expired_listen_key_makes_a_new_one_and_reconciles():
    async def test(venue, _route, told):
        made = venue.keys_made
        venue.key = "listenkey2"
        venue.push({"e": "listenKeyExpired", "E": 1, "listenKey": "listenkey1"})
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)
        assert venue.keys_made > made
        assert venue.stream_connects == 2

    run(test)


def test_the_listen_key_is_renewed_and_a_lost_one_is_replaced():
    settings = faster(key_renew_s=0.05)  # fmt: skip

    async def test(venue, _route, told):
        await venue.until(lambda: venue.count("PUT", "/listenKey") >= 2)
        assert venue.stream_connects == 1
        venue.script("PUT", "listenKey", refusal(-1125))
        await venue.until(lambda: venue.stream_connects == 2)
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)

    run(test, settings)


def test_a_frame_that_can_not_be_read_is_counted_and_ends_nothing():
    async def test(venue, route, told):
        for frame in ({"e": "ORDER_TRADE_UPDATE"}, [], {"e": "TRADE_LITE"}, {"e": "ALGO_UPDATE"}):
            venue.push(frame)
        await route.send(intents(intent(1)))
        await venue.until(lambda: route.stats["duplicates"] == 1)
        assert route.stats["decode_errors"] == 2
        assert venue.stream_connects == 1
        assert told.events(1) == ["ACCEPTED"]

    run(test)


def test_a_user_stream_that_never_connects_ends_the_start_with_its_reason():
    def prepare(venue):
        venue.refuse_streams = 10_000

    settings = faster(start_s=0.3)  # fmt: skip

    async def main():
        async with trading(settings, prepare=prepare, start=False) as (venue, route, told):
            with pytest.raises(VenueError, match=r"not connected within 0\.3 s: .*503") as error:
                await route.start(told.publish)
            assert venue.key not in str(error.value)

    asyncio.run(main())


def test_no_log_line_holds_a_key_a_secret_a_signature_or_a_listen_key(caplog):
    async def test(venue, route, _told):
        venue.script("POST", "order", Script(cut=True), refusal(-2015))
        venue.script("PUT", "order", Script(status=503, body={"msg": "signature=abcdef"}))
        await route.send(intents(intent(1)))
        await settled(route)
        await route.send(intents(intent(1, Action.AMEND, price=99.0), intent(2)))
        await settled(route)
        venue.refuse_streams = 1
        await venue.drop_streams()
        await venue.until(lambda: venue.stream_connects == 2)

    caplog.set_level("DEBUG")
    run(test)

    assert "outcome unknown" in caplog.text
    for secret in (KEY, SECRET, "listenkey1", "signature=a", "signature=f"):
        assert secret not in caplog.text


def test_a_renewal_that_fails_is_tried_again_and_ends_nothing():
    async def test(venue, route, told):
        venue.script("PUT", "listenKey", Script(status=503, body={}), Script(status=503, body={}))
        await venue.until(lambda: venue.count("PUT", "/listenKey") >= 4)
        assert venue.stream_connects == 1
        assert told.statuses().count(StatusCode.ACCOUNT_UP) == 1
        assert route.stats["connects"] == 1

    run(test, faster(key_renew_s=0.03))
