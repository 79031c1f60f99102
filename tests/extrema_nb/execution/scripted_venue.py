"""A small venue on loopback that does what a test tells it to: refuse, delay, forget, say it twice.

It keeps orders and pushes user-data frames the way Binance USD-M does, and nothing fills by itself.
Deliberately naive, and written without the library's encoders and decoders.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections import defaultdict
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tests.patience import PATIENCE_S

KEY = "test-api-key-0123456789"
SECRET = "test-secret-9876543210"  # of this double alone
OVER = ("FILLED", "CANCELED", "EXPIRED", "REJECTED")


class Script:
    """What happens to one request instead of, or around, the ordinary answer."""

    def __init__(self, *, status=0, body=None, headers=None, delay=0.0, act=True, cut=False,
                 until=None, then=None):  # fmt: skip
        self.status = status  # answer this instead
        self.body = body
        self.headers = headers or {}
        self.delay = delay  # seconds before the answer
        self.act = act  # whether the request takes effect
        self.cut = cut  # close the connection instead of answering
        self.until = until  # an event to wait for before the answer
        self.then = then  # called after the effect; the answer tells how the order stands then


def refusal(code, status=400, **more):
    return Script(status=status, body={"code": code, "msg": "as scripted"}, act=False, **more)


class ScriptedVenue:
    """One account at one venue."""

    def __init__(self):
        self.orders = {}  # client id -> order
        self.trades = []  # own trades, as userTrades gives them
        self.scripts = defaultdict(list)  # (method, path) -> scripts, one a request
        self.requests = []  # (method, path, params) in order of arrival
        self.bad_signatures = 0
        self.silent = False  # the user stream is connected and says nothing
        self.has_trades = True  # whether userTrades exists
        self.refuse_streams = 0  # so many connects to the user stream fail
        self.positions = {"BTCUSDT": 0.0, "ETHUSDT": 0.0}
        self.key = "listenkey1"
        self.keys_made = 0
        self.clock_ahead_ms = 0
        self.streams = []
        self.stream_connects = 0
        self._ids = iter(range(1000, 10**9))
        self._trade_ids = iter(range(1, 10**9))
        self._last_ms = 0
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self):
        """Serve on a free port of the loopback interface."""
        app = web.Application()
        app.router.add_route("*", "/fapi/{tail:.*}", self._rest)
        app.router.add_get("/private/ws", self._stream)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self.drop_streams()
            await runner.cleanup()

    def script(self, method, path, *scripts):
        self.scripts[method, f"/fapi/v1/{path}"] += scripts

    def count(self, method, path):
        return sum(m == method and p.endswith(path) for m, p, _ in self.requests)

    async def until(self, condition, timeout_s=PATIENCE_S):
        """Wait until `condition` holds, looked at after each request and push."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self._changed.wait()

    def now_ms(self):
        self._last_ms = max(self._last_ms + 1, int(time.time() * 1000))
        return self._last_ms + self.clock_ahead_ms

    # --- what happens at the venue ---

    def fill(self, client, qty, price=None, *, maker=True, tell=True, fee="0.01", asset="USDT"):
        """Execute `qty` of an order."""
        order = self.orders[client]
        price = order["price"] if price is None else str(price)
        done = float(order["executedQty"])
        notional = done * float(order["avgPrice"]) + qty * float(price)
        order["executedQty"] = f"{done + qty:.6g}"
        order["avgPrice"] = repr(notional / (done + qty))
        full = float(order["executedQty"]) >= float(order["origQty"]) - 1e-9
        order["status"] = "FILLED" if full else "PARTIALLY_FILLED"
        order["updateTime"] = self.now_ms()
        trade = next(self._trade_ids)
        self.positions[order["symbol"]] += qty if order["side"] == "BUY" else -qty
        self.trades.append({
            "symbol": order["symbol"], "id": trade, "orderId": order["orderId"],
            "side": order["side"], "price": price, "qty": str(qty), "commission": fee,
            "commissionAsset": asset, "time": order["updateTime"], "maker": maker,
        })  # fmt: skip
        frame = self._frame(order, "TRADE", l=str(qty), L=price, t=trade, m=maker, n=fee, N=asset)
        if tell:
            self.push(frame)
        return frame

    def end(self, client, status="CANCELED", *, tell=True):
        order = self.orders[client]
        order["status"] = status
        order["updateTime"] = self.now_ms()
        if tell:
            self.push(self._frame(order, status))

    def _frame(self, order, execution, **more):
        return {"e": "ORDER_TRADE_UPDATE", "E": order["updateTime"], "T": order["updateTime"], "o": {
            "s": order["symbol"], "c": order["clientOrderId"], "S": order["side"],
            "o": order["type"], "f": order["timeInForce"], "q": order["origQty"],
            "p": order["price"], "ap": order["avgPrice"], "x": execution, "X": order["status"],
            "i": order["orderId"], "l": "0", "z": order["executedQty"], "L": "0",
            "T": order["updateTime"], "t": 0, "m": False, "ps": "BOTH", **more}}  # fmt: skip

    def push(self, frame):
        """Say something on the user stream."""
        if not self.silent:
            for queue in self.streams:
                queue.put_nowait(json.dumps(frame))
        self._changed.set()

    async def drop_streams(self):
        for queue in list(self.streams):
            queue.put_nowait(None)
        await self.until(lambda: not self.streams)

    # --- how it is asked ---

    async def _stream(self, request):
        if request.query.get("listenKey") != self.key:
            return web.json_response({"code": -1125, "msg": "no such key"}, status=400)
        if self.refuse_streams > 0:
            self.refuse_streams -= 1
            return web.Response(status=503)
        self.requests.append(("GET", request.path, {}))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        queue = asyncio.Queue()
        self.streams.append(queue)
        self.stream_connects += 1
        self._changed.set()
        getter = asyncio.ensure_future(queue.get())
        reader = asyncio.ensure_future(self._read(socket))
        try:
            while True:
                await asyncio.wait((getter, reader), return_when=asyncio.FIRST_COMPLETED)
                if reader.done() or (getter.done() and getter.result() is None):
                    break
                await socket.send_str(getter.result())
                getter = asyncio.ensure_future(queue.get())
        finally:
            getter.cancel()
            reader.cancel()
            self.streams.remove(queue)
            await socket.close()
        return socket

    async def _read(self, socket):
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                return

    async def _rest(self, request):
        params = dict(parse_qsl(request.query_string))
        self.requests.append((request.method, request.path, params))
        scripts = self.scripts[request.method, request.path]
        script = scripts.pop(0) if scripts else Script()
        self._changed.set()
        answer = self._act(request, params) if script.act else {}
        if script.then is not None:
            script.then()
            answer = dict(self.orders[params["newClientOrderId"]])
        if script.delay:
            await asyncio.sleep(script.delay)
        if script.until is not None:
            await script.until.wait()
        if script.cut:
            request.transport.close()
            return web.Response(status=500)
        if script.status:
            return web.json_response(script.body, status=script.status, headers=script.headers)
        refused = isinstance(answer, dict) and answer.get("code", 200) < 0
        return web.json_response(answer, status=400 if refused else 200)

    def _act(self, request, params):
        name = request.path.rsplit("/", 1)[-1]
        call = getattr(self, f"{request.method.lower()}_{name}")
        if name in ("time", "exchangeInfo"):
            return call(params)
        if request.headers.get("X-MBX-APIKEY") != KEY:
            return {"code": -2015, "msg": "bad key"}
        if name != "listenKey":
            payload, _, signature = request.rel_url.raw_query_string.rpartition("&signature=")
            if signature != hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest():
                self.bad_signatures += 1
                return {"code": -1022, "msg": "bad signature"}
            age = int(time.time() * 1000) + self.clock_ahead_ms - int(params["timestamp"])
            if not -1000 < age <= int(params.get("recvWindow", 5000)):
                return {"code": -1021, "msg": "outside of recvWindow"}
        return call(params)

    def get_time(self, _):
        return {"serverTime": int(time.time() * 1000) + self.clock_ahead_ms}

    def get_exchangeInfo(self, _):  # noqa: N802
        return {"symbols": [
            {"symbol": f"{base}USDT", "pair": f"{base}USDT", "contractType": "PERPETUAL",
             "deliveryDate": 4133404800000, "status": "TRADING", "baseAsset": base,
             "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2,
             "quantityPrecision": 3, "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000",
                 "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000",
                 "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120",
                 "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"}]}
            for base in ("BTC", "ETH")], "rateLimits": []}  # fmt: skip

    def post_listenKey(self, _):  # noqa: N802
        self.keys_made += 1
        return {"listenKey": self.key}

    def put_listenKey(self, _):  # noqa: N802
        return {}

    def post_order(self, params, *, quiet=False):
        client = params["newClientOrderId"]
        if client in self.orders:
            return {"code": -4116, "msg": "ClientOrderId is duplicated."}
        now = self.now_ms()
        order = {
            "symbol": params["symbol"], "orderId": next(self._ids), "clientOrderId": client,
            "status": "NEW", "price": params.get("price", "0"), "avgPrice": "0",
            "origQty": params["quantity"], "executedQty": "0", "side": params["side"],
            "type": params["type"], "timeInForce": params.get("timeInForce", "GTC"),
            "updateTime": now,
        }  # fmt: skip
        self.orders[client] = order
        if not quiet:
            self.push(self._frame(order, "NEW"))
        return dict(order)

    def post_batchOrders(self, params):  # noqa: N802
        return [self.post_order(item) for item in json.loads(params["batchOrders"])]

    def put_order(self, params):
        order = self.orders.get(params["origClientOrderId"])
        if order is None or order["status"] in OVER:
            return {"code": -2013, "msg": "Order does not exist."}
        order["updateTime"] = self.now_ms()
        if float(params["quantity"]) <= float(order["executedQty"]):
            order["status"] = "CANCELED"
            self.push(self._frame(order, "CANCELED"))
            return dict(order)
        order.update(price=params["price"], origQty=params["quantity"])
        self.push(self._frame(order, "AMENDMENT"))
        return dict(order)

    def delete_order(self, params):
        order = self.orders.get(params["origClientOrderId"])
        if order is None or order["status"] in OVER:
            return {"code": -2011, "msg": "Unknown order sent."}
        self.end(order["clientOrderId"])
        return dict(order)

    def delete_batchOrders(self, params):  # noqa: N802
        ids = json.loads(params["origClientOrderIdList"])
        return [self.delete_order({"origClientOrderId": client}) for client in ids]

    def delete_allOpenOrders(self, params):  # noqa: N802
        for client, order in self.orders.items():
            if order["symbol"] == params["symbol"] and order["status"] not in OVER:
                self.end(client)
        return {"code": 200, "msg": "done"}

    def get_order(self, params):
        order = self.orders.get(params["origClientOrderId"])
        return dict(order) if order else {"code": -2013, "msg": "Order does not exist."}

    def get_openOrders(self, params):  # noqa: N802
        return [
            dict(order)
            for order in self.orders.values()
            if order["status"] not in OVER
            and params.get("symbol", order["symbol"]) == order["symbol"]
        ]

    def get_userTrades(self, params):  # noqa: N802
        if not self.has_trades:
            return {"code": -1102, "msg": "not offered"}
        return [t for t in self.trades if str(t["orderId"]) == params["orderId"]]

    def get_positionRisk(self, _):  # noqa: N802
        return [
            {"symbol": symbol, "positionSide": "BOTH", "positionAmt": str(amount),
             "entryPrice": "100", "markPrice": "100", "unRealizedProfit": "0", "updateTime": 1}
            for symbol, amount in self.positions.items() if amount
        ]  # fmt: skip

    def get_balance(self, _):
        return [{"asset": "USDT", "balance": "1000", "availableBalance": "900", "updateTime": 1}]
