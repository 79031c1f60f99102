"""WebSocket client of aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from yarl import URL

from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.net.transport import BURST, not_open

__all__ = ["AiohttpTransport"]


class AiohttpTransport:
    """See `extrema_nb.net.transport.Transport`."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse[Any] | None = None

    async def open(
        self,
        url: str,
        *,
        max_frame: int,
        ping_s: float | None,
        close_timeout_s: float,
        proxy: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Connect."""
        if proxy.startswith("socks"):
            raise ConfigError(
                "the aiohttp client knows no SOCKS proxy; choose the picows or websockets client"
            )
        self._session = aiohttp.ClientSession()
        try:
            self._ws = await self._session.ws_connect(
                URL(url, encoded=True),
                max_msg_size=max_frame,
                heartbeat=ping_s,
                decode_text=False,  # decoders read bytes; saves a decode and an encode a frame
                timeout=aiohttp.ClientWSTimeout(ws_close=close_timeout_s),
                proxy=proxy or None,
                headers=dict(headers),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise VenueDisconnected(f"handshake refused: status {error.status}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`."""
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
        """Send one text frame."""
        if self._ws is None:
            raise not_open()
        try:
            await self._ws.send_str(frame)
        except (aiohttp.ClientError, OSError) as error:
            raise VenueDisconnected(f"cannot send: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close politely."""
        ws, self._ws = self._ws, None
        session, self._session = self._session, None
        try:
            if ws is not None:
                await ws.close()
        finally:
            if session is not None:
                await session.close()
