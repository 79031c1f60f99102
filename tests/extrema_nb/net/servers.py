"""Small real servers on loopback, for tests of what talks to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tests.patience import PATIENCE_S

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


@contextlib.asynccontextmanager
async def proxy(seen: list[str]) -> AsyncIterator[str]:
    """Run an HTTP proxy; note the request lines; give its URL."""
    pipes: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, rest = head.decode().split(" ", 2)
        seen.append(f"{method} {target}")
        address = target.partition("://")[2].partition("/")[0] or target
        host, _, port = address.partition(":")
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        writers.extend((writer, to_writer))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = "/" + target.partition("://")[2].partition("/")[2]
            to_writer.write(f"{method} {path} {rest}".encode())
        for one, other in ((reader, to_writer), (to_reader, writer)):
            pipes.add(asyncio.create_task(pipe(one, other)))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in pipes:
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(w.wait_closed() for w in writers), return_exceptions=True)
        await server.wait_closed()


async def until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait for `condition`; a test that waits longer than `patience_s` has failed."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is a plain value
            await asyncio.sleep(0.005)
