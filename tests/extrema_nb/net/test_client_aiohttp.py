"""What only aiohttp does; the rest is in test_transport.py."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.net.client_aiohttp import AiohttpTransport
from tests.extrema_nb.net.test_transport import OPTIONS


def test_a_socks_proxy_is_refused_with_what_to_do():
    async def main():
        transport = AiohttpTransport()
        with pytest.raises(ConfigError, match="choose the picows or websockets client"):
            await transport.open("ws://127.0.0.1:9/", proxy="socks5://127.0.0.1:1", **OPTIONS)
        await transport.close()

    asyncio.run(main())
