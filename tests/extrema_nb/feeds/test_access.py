"""Clients keep the limits that a venue says."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from extrema_nb.channels import Endpoints
from extrema_nb.feeds.access import connect_limiter, make_http
from extrema_nb.net.ws import CONNECTS
from extrema_nb.venues import load
from tests.extrema_nb.net.servers import serve


def test_connections_are_as_rare_as_the_venue_wants_them():
    venue = load("okx")
    assert venue.ws_limits.connects > 0

    async def main():
        limiter = connect_limiter(venue)
        for _ in range(venue.ws_limits.connects):
            await limiter.acquire({CONNECTS: 1})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await limiter.acquire({CONNECTS: 1})

    asyncio.run(main())


def test_a_rest_client_goes_where_it_is_told():
    async def main():
        async def answer(request):
            return web.Response(text=request.query_string)

        async with serve({"/x": answer}) as host:
            http = make_http(load("binance-usdm"), Endpoints(rest=f"http://{host}", ws=""))
            try:
                return await http.get("/x", {"symbol": "BTCUSDT"})
            finally:
                await http.close()

    assert asyncio.run(main()) == b"symbol=BTCUSDT"
