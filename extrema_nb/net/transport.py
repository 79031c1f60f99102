"""WebSocket transports: the two libraries behind one face.

aiohttp's client received 290,000-326,000 messages a second of a captured day over loopback,
websockets 172,000-194,000; so aiohttp is the default. `extrema_nb.net.ws` does not care.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import websockets.asyncio.client
import websockets.exceptions
from yarl import URL

from extrema_nb.errors import ConfigError, VenueDisconnected, nearest

__all__ = ["TRANSPORTS", "AiohttpTransport", "Transport", "WebsocketsTransport", "make_transport"]

# Frames handled before other tasks get a turn. Orders leave in such a turn: 256 made them wait
# 0.15 ms behind a busy feed; at 16 the turns cost about a tenth of the throughput.
BURST = 16


class Transport(Protocol):
    """One WebSocket connection; server pings are answered by the library underneath."""

    async def open(
        self, url: str, *, max_frame: int, ping_s: float | None, close_timeout_s: float
    ) -> None:
        """Connect; raise VenueDisconnected when that fails. Cancelling leaves nothing open."""
        ...

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take` until the connection ends; return why it ended."""
        ...

    async def send(self, frame: str) -> None:
        """Send one text frame; raise VenueDisconnected when the connection is gone."""
        ...

    async def close(self) -> None:
        """Close politely; may be called twice and before `open`."""
        ...


class AiohttpTransport:
    """Client of aiohttp."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse[Any] | None = None

    async def open(
        self, url: str, *, max_frame: int, ping_s: float | None, close_timeout_s: float
    ) -> None:
        """Connect; see `Transport`."""
        self._session = aiohttp.ClientSession()
        try:
            self._ws = await self._session.ws_connect(
                URL(url, encoded=True),
                max_msg_size=max_frame,
                heartbeat=ping_s,
                decode_text=False,  # decoders read bytes; saves a decode and an encode a frame
                timeout=aiohttp.ClientWSTimeout(ws_close=close_timeout_s),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise VenueDisconnected(f"handshake refused: status {error.status}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`; see `Transport`."""
        ws = self._ws
        if ws is None:
            return "not open"
        text, binary = aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        receive = ws.receive
        burst = 0
        while True:
            message = await receive()
            if message.type is text or message.type is binary:
                take(message.data)
                burst += 1
                if burst == BURST:  # buffered frames come without a turn of the loop
                    burst = 0
                    await asyncio.sleep(0)
            elif message.type is aiohttp.WSMsgType.ERROR:
                return f"{type(message.data).__name__}: {message.data}"
            else:
                said = f" {message.extra}" if message.extra else ""
                return f"closed with code {ws.close_code}{said}"

    async def send(self, frame: str) -> None:
        """Send one text frame; see `Transport`."""
        if self._ws is None:
            raise VenueDisconnected("cannot send: not connected")
        try:
            await self._ws.send_str(frame)
        except (aiohttp.ClientError, OSError) as error:
            raise VenueDisconnected(f"cannot send: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close politely; see `Transport`."""
        ws, self._ws = self._ws, None
        session, self._session = self._session, None
        try:
            if ws is not None:
                await ws.close()
        finally:
            if session is not None:
                await session.close()


class WebsocketsTransport:
    """Client of websockets."""

    def __init__(self) -> None:
        self._ws: websockets.asyncio.client.ClientConnection | None = None

    async def open(
        self, url: str, *, max_frame: int, ping_s: float | None, close_timeout_s: float
    ) -> None:
        """Connect; see `Transport`."""
        try:
            self._ws = await websockets.asyncio.client.connect(
                url,
                max_size=max_frame,
                ping_interval=ping_s,
                ping_timeout=ping_s,
                close_timeout=close_timeout_s,
                open_timeout=None,  # the caller's time-out covers it
                compression=None,
                proxy=None,
            )
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`; see `Transport`."""
        ws = self._ws
        if ws is None:
            return "not open"
        burst = 0
        try:
            while True:
                take(await ws.recv(decode=False))
                burst += 1
                if burst == BURST:
                    burst = 0
                    await asyncio.sleep(0)
        except websockets.exceptions.ConnectionClosed as end:
            return f"closed with code {ws.close_code}: {end}"

    async def send(self, frame: str) -> None:
        """Send one text frame; see `Transport`."""
        if self._ws is None:
            raise VenueDisconnected("cannot send: not connected")
        try:
            await self._ws.send(frame)
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise VenueDisconnected(f"cannot send: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close politely; see `Transport`."""
        ws, self._ws = self._ws, None
        if ws is not None:
            await ws.close()


TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "aiohttp": AiohttpTransport,
    "websockets": WebsocketsTransport,
}


def make_transport(name: str) -> Transport:
    """Return a new transport; raise ConfigError for an unknown name."""
    if name not in TRANSPORTS:
        raise ConfigError(
            f"unknown transport {name!r}; expected {' or '.join(TRANSPORTS)}"
            + nearest(name, TRANSPORTS)
        )
    return TRANSPORTS[name]()
