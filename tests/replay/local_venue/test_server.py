"""The server as a whole: start, stop, a taken port, a market that fails."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from extrema_nb.errors import ConfigError, DataError
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from tests.patience import PATIENCE_S
from tests.replay.local_venue.client import running


def quiet():
    return SimulatedMarket(seed=1, symbols=["BTCUSDT"], rate=1e-6)


def test_a_taken_port_is_one_clear_error():
    async def main():
        async with VenueServer(quiet()) as first:
            with pytest.raises(ConfigError, match=f"{first.port}.*choose another --port"):
                await VenueServer(quiet(), port=first.port).start()

    asyncio.run(main())


def test_it_listens_on_loopback_and_closes_twice():
    async def main():
        venue = VenueServer(quiet())
        await venue.start()
        assert venue.rest_url == f"http://127.0.0.1:{venue.port}"
        assert venue.ws_url == f"ws://127.0.0.1:{venue.port}"
        await venue.close()
        await venue.close()

    asyncio.run(main())


def test_the_market_starts_with_the_first_subscription():
    async def main():
        async with running(quiet()) as client:
            assert client.venue._task is None
            user = await client.user_stream()
            await asyncio.sleep(0.01)
            assert client.venue._task is None
            socket = await client.listen("/public/ws/btcusdt@trade")
            await asyncio.sleep(0.01)
            assert client.venue._task is not None
            await user.close()
            await socket.close()

    asyncio.run(main())


def test_clients_are_told_goodbye():
    async def main():
        venue = VenueServer(quiet())
        await venue.start()
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(venue.ws_url + "/ws")

            async def read():
                return (await socket.receive(timeout=PATIENCE_S)).type

            reader = asyncio.create_task(read())
            await asyncio.sleep(0)
            await venue.close()
            assert await reader is aiohttp.WSMsgType.CLOSE
            await socket.close()

    asyncio.run(main())


def test_a_market_that_fails_is_told():
    class Broken(SimulatedMarket):
        async def run(self, _hub):
            raise DataError("line 7 is bad")

    async def main():
        async with VenueServer(Broken(seed=1, symbols=["BTCUSDT"]), start_now=True) as venue:
            await asyncio.wait_for(venue.finished.wait(), PATIENCE_S)
            await asyncio.sleep(0)
            assert isinstance(venue.failure(), DataError)

    asyncio.run(main())
