"""The simulated feed: a book that can be followed, an order that meets the market."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from extrema_nb.errors import ConfigError
from replay.local_venue.faults import Faults
from replay.local_venue.hub import Hub
from replay.local_venue.simulate import SimulatedMarket
from tests.replay.local_venue.client import against, receive


def busy(**options):
    return SimulatedMarket(**{"seed": 5, "symbols": ["BTCUSDT"], "rate": 2_000, **options})


class Sides:
    def __init__(self, snapshot):
        self.bids = dict(snapshot["bids"])
        self.asks = dict(snapshot["asks"])

    def apply(self, message):
        for book, levels in ((self.bids, message["b"]), (self.asks, message["a"])):
            for price, qty in levels:
                if float(qty):
                    book[price] = qty
                else:
                    book.pop(price, None)

    def best(self):
        bid = max(self.bids, key=float)
        ask = min(self.asks, key=float)
        return bid, self.bids[bid], ask, self.asks[ask]


@pytest.mark.parametrize("stream", ["depth@0ms", "depth@100ms"])
def test_snapshot_and_diffs_follow_the_venue_s_rule_and_never_cross(stream):
    async def test(client):
        socket = await client.listen(f"/public/ws/btcusdt@{stream}")
        early = await receive(socket, 2)
        snapshot = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        last = snapshot["lastUpdateId"]
        frames = early + await receive(socket, 8)
        frames = [f for f in frames if f["u"] >= last]
        assert frames[0]["U"] <= last <= frames[0]["u"]
        book = Sides(snapshot)
        for before, frame in zip([None, *frames], frames, strict=False):
            assert before is None or frame["pu"] == before["u"]
            book.apply(frame)
            bid, _, ask, _ = book.best()
            assert float(bid) < float(ask)
        await socket.close()

    against(test, busy())


def test_the_book_agrees_with_the_best_prices_told_beside_it():
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@depth@0ms/btcusdt@bookTicker")
        snapshot = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        book, ticker, compared = Sides(snapshot), None, 0
        for frame in await receive(socket, 300):
            if frame["e"] == "bookTicker":
                ticker = frame
            elif frame["u"] >= snapshot["lastUpdateId"]:
                book.apply(frame)
                if ticker and ticker["u"] <= frame["u"]:
                    compared += 1
                    told = (ticker["b"], ticker["B"], ticker["a"], ticker["A"])
                    assert book.best() == told
        assert compared > 20
        await socket.close()

    against(test, busy(rate=500))


def test_a_maker_waits_its_turn_and_is_filled_by_takers():
    async def test(client):
        socket = await client.user_stream()
        bid, ask = await client.best()
        for side, price in (("BUY", bid), ("SELL", ask)):
            await client.order(side=side, price=price, quantity="0.01", timeInForce="GTX")
        while True:
            (frame,) = await receive(socket)
            order = frame.get("o", {})
            if order.get("x") == "TRADE":
                assert order["m"] is True
                assert order["L"] == order["p"]
                break
        await socket.close()

    against(test, busy(), start_now=True)


class FakeClock:
    def __init__(self):
        self.time = 1_700_000_000_000_000

    def now(self):
        return self.time


def told(cuts_us, seed=9):
    """Return all that a market tells in a second, advanced in steps of `cuts_us`."""
    heard = []

    class Ear:
        combined = True

        def push(self, frame):
            heard.append(frame)

        def flush(self):
            pass

    clock = FakeClock()
    market = SimulatedMarket(seed=seed, symbols=["BTCUSDT"], clock=clock)
    hub, ear = Hub(Faults()), Ear()
    for stream in ("trade", "bookTicker"):
        hub.add(f"btcusdt@{stream}", ear)
    market._hub = hub
    book = market._books["BTCUSDT"]
    for now in range(cuts_us, 1_000_001, cuts_us):
        market._advance(book, now)
    return heard


def test_what_happens_depends_on_the_seed_and_not_on_the_pace():
    whole = told(1_000_000)
    assert len(whole) > 50
    assert told(10_000) == whole
    assert told(250_000) == whole
    assert told(1_000_000, seed=10) != whole


def test_wrong_settings_are_config_errors():
    with pytest.raises(ConfigError, match="name each once"):
        SimulatedMarket(symbols=["BTCUSDT", "BTCUSDT"])
    with pytest.raises(ConfigError, match="rate"):
        SimulatedMarket(symbols=["BTCUSDT"], rate=0)
    with pytest.raises(ConfigError, match="start price"):
        SimulatedMarket(symbols=["XRPUSDT"], start_price=Decimal(1))


def test_a_start_price_moves_the_market():
    market = SimulatedMarket(symbols=["SOLUSDT"], start_price=Decimal(150))
    assert abs(market.mark("SOLUSDT") - 150) < 1
    assert asyncio.run(market.depth("SOLUSDT", 5)).startswith(b'{"lastUpdateId":')
