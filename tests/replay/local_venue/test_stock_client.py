"""A client that nobody here wrote talks to the local venue: Binance's own connector from PyPI."""

from __future__ import annotations

import asyncio
import json
import queue
import time

import pytest

from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from tests.patience import PATIENCE_S
from tests.replay.local_venue.client import KEY

um_futures = pytest.importorskip(
    "binance.um_futures", reason="needs binance-futures-connector, an optional test peer"
)
um_stream = pytest.importorskip("binance.websocket.um_futures.websocket_client")
binance_error = pytest.importorskip("binance.error")


def against_stock_client(talk):
    """Run `talk(client, venue)` in a thread beside a running venue."""

    async def main():
        market = SimulatedMarket(seed=5, rate=300)
        async with VenueServer(market, start_now=True) as venue:
            client = um_futures.UMFutures(
                key=KEY.key, secret=KEY.secret, base_url=venue.rest_url, timeout=PATIENCE_S
            )
            try:
                await asyncio.to_thread(talk, client, venue)
            finally:
                client.session.close()

    asyncio.run(main())


def test_it_reads_the_market():
    def talk(client, venue):
        assert client.ping() == {}
        assert abs(client.time()["serverTime"] - time.time() * 1000) < 5_000
        symbols = {s["symbol"]: s for s in client.exchange_info()["symbols"]}
        assert set(symbols) == {"BTCUSDT", "ETHUSDT"}
        book = client.depth("BTCUSDT", limit=20)
        assert len(book["bids"]) == len(book["asks"]) == 20
        assert float(client.book_ticker("BTCUSDT")["bidPrice"]) > 0
        assert float(client.ticker_price("ETHUSDT")["price"]) > 0
        assert float(client.mark_price("BTCUSDT")["markPrice"]) > 0
        assert client.trades("BTCUSDT")
        assert client.agg_trades("BTCUSDT")
        assert client.klines("BTCUSDT", "1m")

    against_stock_client(talk)


def test_it_trades():
    def talk(client, venue):
        price = float(client.book_ticker("BTCUSDT")["bidPrice"]) - 50
        words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX",
                 "quantity": 0.01, "price": round(price, 1)}  # fmt: skip
        order = client.new_order(**words, newClientOrderId="stock-1")
        assert order["status"] == "NEW"
        assert client.query_order("BTCUSDT", orderId=order["orderId"])["clientOrderId"] == "stock-1"
        assert [o["orderId"] for o in client.get_orders(symbol="BTCUSDT")] == [order["orderId"]]
        changed = client.modify_order(
            "BTCUSDT", "BUY", 0.02, round(price - 1, 1), orderId=order["orderId"]
        )
        assert changed["origQty"] == "0.020"
        gone = client.cancel_order("BTCUSDT", origClientOrderId="stock-1")
        assert gone["status"] == "CANCELED"
        batch = [{**{k: str(v) for k, v in words.items()}, "newClientOrderId": f"b{n}"}
                 for n in range(2)]  # fmt: skip
        assert [o["status"] for o in client.new_batch_order(batch)] == ["NEW", "NEW"]
        assert client.cancel_open_orders("BTCUSDT")["code"] == 200
        done = client.new_order(
            symbol="BTCUSDT", side="SELL", type="MARKET", quantity=0.05, newOrderRespType="RESULT"
        )
        assert done["status"] == "FILLED"
        (position,) = client.get_position_risk(symbol="BTCUSDT")
        assert position["positionAmt"] == "-0.050"
        fees = sum(float(t["commission"]) for t in client.get_account_trades("BTCUSDT"))
        (balance,) = client.balance()
        assert float(balance["balance"]) == pytest.approx(100_000 - fees)
        assert float(client.account()["totalWalletBalance"]) == float(balance["balance"])
        assert client.change_leverage("BTCUSDT", 10)["leverage"] == 10
        assert client.get_position_mode() == {"dualSidePosition": False}
        assert len(client.get_all_orders("BTCUSDT")) == 4

    against_stock_client(talk)


def test_it_understands_the_errors():
    def talk(client, venue):
        with pytest.raises(binance_error.ClientError) as caught:
            client.cancel_order("BTCUSDT", orderId=1)
        assert (caught.value.status_code, caught.value.error_code) == (400, -2011)
        stranger = um_futures.UMFutures(key=KEY.key, secret=KEY.key, base_url=venue.rest_url)
        with pytest.raises(binance_error.ClientError) as caught:
            stranger.balance()
        assert caught.value.error_code == -1022
        stranger.session.close()

    against_stock_client(talk)


def test_it_hears_streams_and_its_own_orders():
    def talk(client, venue):
        heard = queue.Queue()
        key = client.new_listen_key()["listenKey"]
        client.renew_listen_key(key)
        socket = um_stream.UMFuturesWebsocketClient(
            stream_url=venue.ws_url, on_message=lambda _, text: heard.put(json.loads(text))
        )
        try:
            socket.book_ticker(symbol="BTCUSDT")
            socket.diff_book_depth(symbol="BTCUSDT", speed=100)
            socket.agg_trade(symbol="BTCUSDT")
            socket.kline(symbol="BTCUSDT", interval="1m")
            socket.user_data(key)
            seen = set()
            until = time.monotonic() + 10
            placed = False
            wanted = {"bookTicker", "depthUpdate", "aggTrade", "kline", "ORDER_TRADE_UPDATE",
                      "ACCOUNT_UPDATE"}  # fmt: skip
            while seen < wanted and time.monotonic() < until:
                frame = heard.get(timeout=PATIENCE_S)
                seen |= {frame["e"]} if "e" in frame else set()
                if not placed and "kline" in seen:
                    client.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01)
                    placed = True
            assert seen >= wanted
        finally:
            socket.stop()
            socket.socket_manager.ws.shutdown()  # the client itself leaves its socket open
        client.close_listen_key(key)

    against_stock_client(talk)
