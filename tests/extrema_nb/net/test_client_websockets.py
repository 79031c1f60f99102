"""What only websockets does; the rest is in test_transport.py."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.errors import VenueDisconnected
from extrema_nb.net.client_websockets import WebsocketsTransport
from tests.extrema_nb.net.test_transport import OPTIONS, talk


def test_sending_on_a_closed_connection_is_a_disconnect():
    async def server(ws):
        await ws.close()

    async def work(transport, url):
        assert isinstance(transport, WebsocketsTransport)
        await transport.open(url, **OPTIONS)
        assert "1000" in await transport.pump(print)
        with pytest.raises(VenueDisconnected, match="cannot send"):
            await transport.send("too late")

    talk("websockets", server, work)


def test_a_socks_proxy_that_is_not_there_is_a_disconnect():
    async def main():
        transport = WebsocketsTransport()
        with pytest.raises(VenueDisconnected):
            await transport.open("ws://127.0.0.1:9/", proxy="socks5://127.0.0.1:1", **OPTIONS)
        await transport.close()

    asyncio.run(main())
