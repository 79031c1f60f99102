"""WebSocket client of picows: frames are handed over inside the socket's own callback.

Rules
-----
1. There is no queue: a slow handler keeps the loop from reading, so the sender waits.
2. Frames that come before `pump` is called are kept and handed over first.
3. A message in several frames is put together here; its length is limited like that of one frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import picows
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from extrema_nb.errors import VenueDisconnected
from extrema_nb.net.transport import not_open

__all__ = ["PicowsTransport"]

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)


class _Listener(WSListener):
    """Takes frames of one connection."""

    def __init__(self, max_frame: int) -> None:
        super().__init__()
        self.take: Callable[[bytes], None] | None = None
        self.early: list[bytes] = []
        self.error: BaseException | None = None  # what the handler raised
        self.reason = ""
        self._parts: list[bytes] = []
        self._max_frame = max_frame

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.payload_size > self._max_frame:  # the parser has said so, and hands it over
            self._end(transport, f"a frame of {frame.payload_size} bytes exceeds {self._max_frame}")
            return
        if kind in _DATA and frame.fin:
            data = frame.get_payload_as_bytes()
        elif kind in _DATA or kind == WSMsgType.CONTINUATION:
            self._parts.append(frame.get_payload_as_bytes())
            if sum(map(len, self._parts)) > self._max_frame:
                self._end(transport, f"a message exceeds {self._max_frame} bytes")
                return
            if not frame.fin:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        else:
            if kind == WSMsgType.CLOSE:
                said = frame.get_close_reason() or ""
                code = int(getattr(frame.get_close_code(), "value", 0) or 0)
                self.reason = self.reason or f"closed with code {code or 1005} {said}".rstrip()
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            return
        if self.take is None:
            self.early.append(data)
            return
        try:
            self.take(data)
        except BaseException as error:  # noqa: BLE001  # raised again by `pump`
            self.error = error
            self._end(transport, "ended by an error of the handler")

    def _end(self, transport: WSTransport, reason: str) -> None:
        self.reason = reason
        self.take = _drop
        transport.disconnect()


def _drop(_frame: bytes) -> None:
    """Take a frame after the end."""


class PicowsTransport:
    """See `extrema_nb.net.transport.Transport`."""

    def __init__(self) -> None:
        self._ws: WSTransport | None = None
        self._listener: _Listener | None = None
        self._close_timeout_s = 1.0

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
        self._close_timeout_s = close_timeout_s
        listener = _Listener(max_frame)
        try:
            self._ws, _ = await picows.ws_connect(
                lambda: listener,
                url,
                websocket_handshake_timeout=None,  # the caller's time-out covers it
                enable_auto_ping=ping_s is not None,
                auto_ping_idle_timeout=ping_s or 10.0,
                auto_ping_reply_timeout=ping_s or 10.0,
                max_frame_size=max_frame,
                proxy=proxy or None,
                extra_headers=headers,
            )
        except (picows.WSError, OSError, ValueError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error
        self._listener = listener

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`."""
        ws, listener = self._ws, self._listener
        if ws is None or listener is None:
            return "not open"
        for frame in listener.early:
            take(frame)
        listener.early.clear()
        listener.take = take
        reason = "connection lost without a close frame"
        try:
            await ws.wait_disconnected()
        except (picows.WSError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        if listener.error is not None:
            raise listener.error
        return listener.reason or reason

    async def send(self, frame: str) -> None:
        """Send one text frame."""
        if self._ws is None:
            raise not_open()
        if self._ws.is_disconnected:
            raise VenueDisconnected("cannot send: the connection is closed")
        self._ws.send(WSMsgType.TEXT, frame.encode())

    async def close(self) -> None:
        """Close politely."""
        ws, self._ws = self._ws, None
        if ws is None or ws.is_disconnected:
            return
        try:
            ws.send_close(WSCloseCode.OK)
            async with asyncio.timeout(self._close_timeout_s):
                await ws.wait_disconnected()
        except TimeoutError:
            ws.disconnect(graceful=False)
            await asyncio.sleep(0)
        except (picows.WSError, OSError):
            pass  # it is closed, which is what was wanted
