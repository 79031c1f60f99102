"""The route against the local venue: an order book with other traders in it, and real protocol."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np

from extrema_nb import venues
from extrema_nb.channels import Endpoints
from extrema_nb.events import (
    SELL,
    Action,
    EventKind,
    OrderStatus,
    OrderType,
    StatusCode,
    TimeInForce,
)
from extrema_nb.execution.credentials import Credentials
from extrema_nb.execution.desk import USER_STREAM, RouteSettings
from extrema_nb.execution.route import VenueRoute
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from replay.local_venue.auth import Credentials as VenueCredentials
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from tests.extrema_nb.execution.desk_of import Told, intent, intents, settled
from tests.patience import PATIENCE_S

QUICK = RouteSettings(
    recv_window_ms=800, grace_s=0.2, retry_first_s=0.02, retry_cap_s=0.1, timeout_s=1.0,
    user_stream=USER_STREAM.__class__(
        first_message_s=None, idle_s=None, backoff_first_s=0.02, backoff_cap_s=0.1
    ),
)  # fmt: skip


@contextlib.asynccontextmanager
async def trading():
    """Yield (server, route, told, best) with the route started; `best` gives (bid, ask)."""
    venue = venues.load("binance-usdm")
    market = SimulatedMarket(seed=7, symbols=["BTCUSDT"], rate=50.0)
    server = VenueServer(market, credentials=VenueCredentials("key", "secret"), start_now=True)
    async with server:
        http = HttpClient(server.rest_url, venue=venue.id)
        table = InstrumentTable(
            venue.parse_instruments(await http.get(venue.instruments_request().path))
        )
        told = Told()
        route = VenueRoute(
            venue, table, Credentials("key", "secret"), session="e2e", settings=QUICK,
            endpoints=Endpoints(server.rest_url, server.ws_url),
        )  # fmt: skip

        async def best():
            request = venue.snapshot_request("BTCUSDT")
            raw = await http.get(request.path, dict(request.params))
            rows = venue.decode_snapshot(raw, 0, 0)
            prices = rows["w0"].view(np.float64)
            return prices[rows["side"] > 0].max(), prices[rows["side"] < 0].min()

        try:
            await route.start(told.publish)
            yield server, route, told, best
            assert route._failure is None, route._failure
        finally:
            await route.close()
            await http.close()


async def until(condition, timeout_s=PATIENCE_S):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # the route has no event for tests
            await asyncio.sleep(0.01)


def position(told):
    fills = told.fills()
    return round(float((fills["side"] * fills["qty"]).sum()), 9)


def test_orders_live_move_trade_and_end_and_nothing_is_left():
    async def main():
        async with trading() as (server, route, told, best):
            bid, ask = await best()
            tick = route.desk.spec(0).tick_size
            far = round(bid - 200 * tick, 6)
            await route.send(intents(
                intent(1, price=far, qty=0.01, tif=TimeInForce.GTX),
                intent(2, price=round(ask + 200 * tick, 6), qty=0.01, side=SELL),
                intent(3, price=round(ask + 300 * tick, 6), qty=0.01, tif=TimeInForce.GTX),
                intent(4, price=far, qty=0.01, tif=TimeInForce.IOC),
                intent(5, price=np.nan, qty=0.02, order_type=OrderType.MARKET),
                intent(6, price=far, qty=0.00001),
            ))  # fmt: skip
            await settled(route)
            await until(lambda: told.orders(5).size and told.last(5).status == OrderStatus.FILLED)
            assert told.events(1) == told.events(2) == ["ACCEPTED"]
            assert (told.events(3), told.last(3).code) == (["REJECTED"], -5022)
            await until(lambda: told.orders(4).size and told.last(4).status == OrderStatus.EXPIRED)
            assert told.events(6) == ["REJECTED"]
            assert abs(told.fills(5)["qty"].sum() - 0.02) < 1e-9
            assert len(set(told.fills(5)["trade_id"])) == len(told.fills(5))
            await route.send(intents(intent(1, Action.AMEND, price=round(far - tick, 6), qty=0.02)))
            await settled(route)
            await until(lambda: told.events(1) == ["ACCEPTED", "AMENDED"])
            assert told.last(1).leaves_qty == 0.02
            await route.send(intents(intent(2, Action.CANCEL)))
            await until(lambda: told.events(2)[-1] == "CANCELED")
            await route.cancel_everything()
            assert not server.orders.open_orders("")
            assert told.last(1).status == OrderStatus.CANCELED
            assert position(told) == 0.02

    asyncio.run(main())


def test_lost_answers_and_cut_streams_leave_the_venue_and_us_with_one_truth():
    async def main():
        async with trading() as (server, route, told, best):
            for order_id in range(1, 9):
                bid, ask = await best()
                price = round(float(ask if order_id % 2 else bid), 6)  # takes
                side = 1 if order_id % 2 else SELL
                if order_id % 3 == 0:
                    server.lose_next_answer()
                if order_id % 4 == 0:
                    server.drop_connections()
                await route.send(intents(intent(order_id, price=price, qty=0.01, side=side)))
                await settled(route)
            await route.cancel_everything()
            await until(lambda: all(told.orders(i).size and told.last(i).status >= OrderStatus.FILLED
                                    for i in range(1, 9)))  # fmt: skip
            spec = server.account.positions["BTCUSDT"]
            assert position(told) == round(float(spec.spec.qty(spec.lots)), 9)
            trades = told.fills()["trade_id"]
            assert len(set(trades.tolist())) == len(trades)
            assert len(told.fills()) == len(server.account.fills)
            assert StatusCode.ACCOUNT_DOWN in told.statuses()
            for order_id in range(1, 9):
                ended = told.orders(order_id)["status"] >= OrderStatus.FILLED
                assert ended.sum() == 1
                assert ended[-1]
            assert told.of(EventKind.ACC_BAL).size

    asyncio.run(main())
