"""Small real servers on loopback, for tests of what talks to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serve(routes: dict[str, Handler]) -> AsyncIterator[str]:
    """Run a server for ``path -> handler``, any method; give ``127.0.0.1:port``."""
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.05, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def mute() -> AsyncIterator[str]:
    """Run a server that takes connections and never says a word; give ``127.0.0.1:port``."""
    transports: list[asyncio.BaseTransport] = []

    class Mute(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(transport)

    server = await asyncio.get_running_loop().create_server(Mute, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for transport in transports:
            transport.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], patience_s: float = 10.0) -> None:
    """Wait for `condition`; a test that waits longer than `patience_s` has failed."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is a plain value
            await asyncio.sleep(0.005)
