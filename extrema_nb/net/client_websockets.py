"""WebSocket client of websockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import websockets.asyncio.client
import websockets.exceptions

from extrema_nb.errors import VenueDisconnected
from extrema_nb.net.transport import BURST, not_open

__all__ = ["WebsocketsTransport"]


class WebsocketsTransport:
    """See `extrema_nb.net.transport.Transport`."""

    def __init__(self) -> None:
        self._ws: websockets.asyncio.client.ClientConnection | None = None

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
        try:
            self._ws = await websockets.asyncio.client.connect(
                url,
                max_size=max_frame,
                ping_interval=ping_s,
                ping_timeout=ping_s,
                close_timeout=close_timeout_s,
                open_timeout=None,  # the caller's time-out covers it
                compression=None,
                proxy=proxy or None,
                additional_headers=headers,
            )
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error
        except ImportError as error:
            raise VenueDisconnected(
                f"{error}; the websockets client needs python-socks for a SOCKS proxy"
            ) from error

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`."""
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
        """Send one text frame."""
        if self._ws is None:
            raise not_open()
        try:
            await self._ws.send(frame)
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise VenueDisconnected(f"cannot send: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close politely."""
        ws, self._ws = self._ws, None
        if ws is not None:
            await ws.close()
