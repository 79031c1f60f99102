"""One WebSocket connection: control frames, subscriptions, and a bounded way out.

Rules
-----
1. Frames go out in the order in which they were pushed, several in one write.
2. `drain` waits while the socket holds more than `HIGH_WATER`; only feeds that may wait call it.
   A connection that holds more than `TOO_MUCH` without being drained is closed as too slow.
3. A client that sends more than ten frames a second is closed with code 1008.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from replay.local_venue.control import ControlError, read_control
from replay.local_venue.hub import Hub, encode_frame, envelope
from replay.local_venue.limits import RateLimits
from replay.local_venue.streams import allowed_on, parse_stream
from replay.local_venue.users import ListenKeys

__all__ = ["Connection"]

HIGH_WATER = 1 << 20  # bytes
TOO_MUCH = 64 << 20  # bytes
DRAIN_POLL_S = 0.0005
logger = logging.getLogger(__name__)


class Connection:
    """A client on one route."""

    def __init__(
        self, hub: Hub, users: ListenKeys, limits: RateLimits, *, route: str, combined: bool
    ) -> None:
        self.combined = combined
        self.events: frozenset[str] = frozenset()  # of user data; empty for all
        self.streams: dict[str, None] = {}
        self.on_subscribe: Callable[[], None] = lambda: None
        self._hub = hub
        self._users = users
        self._limits = limits
        self._route = route
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._times: deque[float] = deque(maxlen=limits.messages_1s)

    def push(self, frame: bytes) -> None:
        """Take an encoded frame; sent at the next `flush`."""
        self._out.append(frame)

    def flush(self) -> None:
        """Hand what was pushed to the socket."""
        if not self._out:
            return
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(b"".join(self._out))
            if transport.get_write_buffer_size() > TOO_MUCH:
                logger.warning("a client is too slow, its connection is closed")
                transport.abort()
        self._out.clear()

    async def drain(self) -> None:
        """Wait while the socket holds too much; a closed one holds nothing."""
        transport = self._transport
        while (  # noqa: ASYNC110  # a transport tells of its buffer only when asked
            transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() > HIGH_WATER
        ):
            await asyncio.sleep(DRAIN_POLL_S)

    def push_user(self, listen_key: str, event: str, raw: bytes) -> None:
        """Send a frame of the user data stream, if this connection asked for its event."""
        if self.events and event not in self.events and event != "listenKeyExpired":
            return
        self.push(encode_frame(envelope(listen_key, raw) if self.combined else raw))
        self.flush()

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def subscribe(self, names: list[str], now_ms: int) -> None:
        """Hear these streams; a name that is the listen key joins the user data stream."""
        for name in names:
            self.streams[name] = None
            if self._users.valid(name, now_ms) and self._route in {"", "private"}:
                self._users.add(self)
            elif allowed_on(self._route, parse_stream(name).kind):
                self._hub.add(name, self)
        self.on_subscribe()

    def unsubscribe(self, names: list[str]) -> None:
        """Hear these streams no more."""
        for name in names:
            self.streams.pop(name, None)
            self._hub.remove(name, self)
            if name == self._users.key:
                self._users.remove(self)

    def attach(self, transport: asyncio.Transport | None) -> None:
        """Write to this transport from now on."""
        self._transport = transport

    async def serve(self, socket: web.WebSocketResponse, now_ms: Callable[[], int]) -> None:
        """Answer the client until it goes."""
        try:
            async for message in socket:
                if self._too_many():
                    await socket.close(
                        code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests"
                    )
                    break
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    answer = self.answer(message.data, now_ms())
                    self.push(encode_frame(msgspec.json.encode(answer)))
                    self.flush()
        finally:
            self.unsubscribe(list(self.streams))
            self._users.remove(self)

    def _too_many(self) -> bool:
        now = asyncio.get_running_loop().time()
        full = len(self._times) == self._times.maxlen
        over = full and now - self._times[0] < 1.0
        self._times.append(now)
        return over

    def answer(self, text: str | bytes, now_ms: int) -> dict[str, Any]:
        """Carry out a control frame; return its acknowledgement or error."""
        try:
            asked = read_control(text)
        except ControlError as error:
            return error.frame
        if asked.method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams), "id": asked.number}
        if asked.method == "UNSUBSCRIBE":
            self.unsubscribe(asked.names)
        elif len({*self.streams, *asked.names}) > self._limits.streams:
            told = f"Invalid request: more than {self._limits.streams} streams"
            return {"code": 2, "msg": told, "id": asked.number}
        else:
            self.subscribe(asked.names, now_ms)
        return {"result": None, "id": asked.number}
