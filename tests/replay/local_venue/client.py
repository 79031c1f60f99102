"""A small client for the tests: signed requests and WebSockets over loopback."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from replay.local_venue.auth import Credentials, signature
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from tests.patience import PATIENCE_S

KEY = Credentials()


class Client:
    """Talks to one venue."""

    def __init__(self, venue: VenueServer, session: aiohttp.ClientSession) -> None:
        self.venue = venue
        self.session = session
        self.headers = {}

    async def raw(self, method, path, query="", key=KEY.key, body=None):
        headers = {"X-MBX-APIKEY": key} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = URL(f"{self.venue.rest_url}{path}?{query}", encoded=True)
        async with self.session.request(method, url, headers=headers, data=body) as answer:
            self.headers = dict(answer.headers)
            return answer.status, json.loads(await answer.read())

    async def get(self, path, **params):
        """Return the JSON of a public request."""
        status, found = await self.raw("GET", path, urlencode(params), key="")
        assert status == 200, found
        return found

    async def signed(self, method, path, **params):
        """Return (status, JSON) of a signed request."""
        query = urlencode({**params, "timestamp": int(time.time() * 1000)})
        return await self.raw(method, path, f"{query}&signature={signature(KEY.secret, query)}")

    async def ok(self, method, path, **params):
        """Return the JSON of a signed request that must be answered with 200."""
        status, found = await self.signed(method, path, **params)
        assert status == 200, found
        return found

    async def code(self, method, path, **params):
        """Return the error code of a signed request that must be refused."""
        status, found = await self.signed(method, path, **params)
        assert status >= 400, found
        return found["code"]

    async def order(self, **params):
        """Place an order; BUY 0.01 BTCUSDT GTC unless told otherwise."""
        usual = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}
        if params.get("type", "LIMIT") == "LIMIT":
            usual["timeInForce"] = "GTC"
        return await self.signed("POST", "/fapi/v1/order", **{**usual, **params})

    async def best(self, symbol="BTCUSDT"):
        """Return best bid and ask."""
        found = await self.get("/fapi/v1/ticker/bookTicker", symbol=symbol)
        return Decimal(found["bidPrice"]), Decimal(found["askPrice"])

    async def listen(self, path):
        """Return a WebSocket on `path`."""
        return await self.session.ws_connect(self.venue.ws_url + path, max_msg_size=0)

    async def user_stream(self):
        """Return a WebSocket that hears the user data stream."""
        _, found = await self.raw("POST", "/fapi/v1/listenKey")
        return await self.listen(f"/private/ws?listenKey={found['listenKey']}")


async def receive(socket, count=1, timeout_s=PATIENCE_S):
    """Return the next `count` frames as JSON."""
    found = []
    for _ in range(count):
        message = await asyncio.wait_for(socket.receive(), timeout_s)
        assert message.type == aiohttp.WSMsgType.TEXT, message
        found.append(json.loads(message.data))
    return found


@asynccontextmanager
async def running(market=None, **options):
    """Give a client of a running venue; a quiet simulated BTCUSDT unless told otherwise."""
    market = market or SimulatedMarket(seed=1, symbols=["BTCUSDT"], rate=1e-6)
    async with VenueServer(market, **options) as venue, aiohttp.ClientSession() as session:
        yield Client(venue, session)


def against(test, market=None, **options):
    """Run an async test function against a venue."""

    async def main():
        async with running(market, **options) as client:
            await test(client)

    asyncio.run(main())
