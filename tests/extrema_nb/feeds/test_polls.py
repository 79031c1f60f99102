"""Open interest that is asked for, over real HTTP: in its place, marked, and in nobody's way."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiohttp import web

from extrema_nb.channels import Endpoints, OpenInterest, Subscription, Trades
from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.events import FUNDING, EventKind, Flag
from extrema_nb.feeds.access import make_http
from extrema_nb.feeds.polls import Polls, polled
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import instrument_table
from extrema_nb.venues import known, load
from tests.extrema_nb.feeds.venue import LoopbackVenue, Published, feed_until, forever, trade
from tests.extrema_nb.net.servers import serve, until

BOTH = [Subscription(0, OpenInterest()), Subscription(1, OpenInterest())]
T0 = 1_700_000_000_000


def interest(symbol, held, at=T0):
    return {"symbol": symbol, "openInterest": f"{held}", "time": at}


def test_binance_is_asked_and_the_others_push():
    asked = {name for name in known() if polled(load(name), Subscription(0, OpenInterest()))}
    assert asked == {"binance-usdm", "binance-cm"}
    assert not polled(load("binance-usdm"), Subscription(0, Trades()))
    with pytest.raises(ConfigError, match="not supported by binance-spot"):
        load("binance-spot").stream_name("BTCUSDT", OpenInterest())


def test_rows_say_what_was_answered_and_that_it_was_asked_for():
    server = LoopbackVenue()
    server.interest = [
        interest("BTCUSDT", 1.5),
        interest("ETHUSDT", 2),
        interest("BTCUSDT", 3, T0 + 9),
    ]
    published, feed = feed_until(
        server, lambda seen, _: seen.rows().size >= 3, subscriptions=BOTH, poll_s=0.02
    )
    rows = published.rows()
    assert set(rows["kind"]) == {EventKind.FUNDING}
    view = rows.view(FUNDING)[:3]
    assert view["open_interest"].tolist() == [1.5, 2.0, 3.0]
    assert view["inst"].tolist() == [0, 1, 0]
    assert view["ts_event"].tolist() == [T0 * 1000, T0 * 1000, (T0 + 9) * 1000]
    assert set(view["flags"]) == {Flag.LAST | Flag.POLLED}
    assert (view["ts_recv"] > view["ts_event"]).all()
    assert all(np.isnan(view[name]).all() for name in ("rate", "mark_price", "index_price"))
    assert server.queries[:2] == ["symbol=BTCUSDT", "symbol=ETHUSDT"]
    assert server.sessions == {"public": 0, "market": 0}  # nothing else was wanted
    assert feed.connected
    assert (feed.stats.polls, feed.stats.connections) == (3, 0)


@pytest.mark.parametrize("gather", [False, True])
def test_streams_go_on_and_bad_answers_are_asked_for_again(gather):
    async def trades(ws, _number):
        for number in range(1, 40):
            await ws.send_str(trade(number))
            await asyncio.sleep(0.002)
        await forever(ws)

    server = LoopbackVenue(market=trades, public=trades)
    server.interest = [
        web.Response(status=500), {"symbol": "BTCUSDT"}, web.Response(text="no JSON"),
        interest("BTCUSDT", 7), interest("BTCUSDT", "nan"), interest("BTCUSDT", 8),
    ]  # fmt: skip
    published, feed = feed_until(
        server,
        lambda seen, _: (
            seen.rows(EventKind.TRADE).size >= 39 and seen.rows(EventKind.FUNDING).size >= 2
        ),
        subscriptions=[Subscription(0, Trades()), Subscription(0, OpenInterest())],
        poll_s=0.005,
        gather=gather,
    )
    held = published.rows(EventKind.FUNDING).view(FUNDING)["open_interest"]
    assert held.tolist() == [7.0, 8.0]
    assert feed.stats.poll_errors >= 4
    assert feed.stats.decode_errors == 0


def test_instruments_are_asked_evenly_and_a_slow_venue_makes_the_round_longer():
    async def main(delay, every_s):
        times, loop = [], asyncio.get_running_loop()

        async def answer(request):
            times.append(loop.time())
            await asyncio.sleep(delay)
            return web.json_response(interest(request.query["symbol"], 1))

        table = InstrumentTable(
            Instrument(venue="binance-cm", symbol=f"S{i}", name=f"S{i}_USD_PERP") for i in range(4)
        )
        async with serve({"/dapi/v1/openInterest": answer}) as host:
            venue, published = load("binance-cm"), Published()
            http = make_http(venue, Endpoints(rest=f"http://{host}", ws=""))
            polls = Polls(
                venue, table, http, SystemClock(), range(4), every_s=every_s, publish=published
            )
            task = asyncio.create_task(polls.run())
            await until(lambda: len(times) >= 9)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await http.close()
        assert published.rows()["inst"].tolist()[:8] == [0, 1, 2, 3] * 2
        return times

    times = asyncio.run(main(0.0, 0.2))
    assert times[8] - times[0] >= 0.39  # two rounds of 0.2 s
    times = asyncio.run(main(0.02, 0.01))
    assert times[8] - times[0] >= 8 * 0.02  # never two questions at once


def test_with_nothing_to_ask_for_it_ends_at_once():
    http = None
    polls = Polls(
        load("binance-usdm"),
        instrument_table(),
        http,
        SystemClock(),
        [],
        every_s=1.0,
        publish=print,
    )
    asyncio.run(polls.run())
    assert polls.answers == polls.errors == 0
