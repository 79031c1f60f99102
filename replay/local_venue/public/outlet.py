"""The way out of one client: frames in order, several in one write, and a bound on what waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from replay.local_venue.hub import encode_frame

__all__ = ["Outlet"]

HIGH_WATER = 1 << 20  # bytes
TOO_MUCH = 64 << 20  # bytes
DRAIN_POLL_S = 0.0005
log = logging.getLogger(__name__)


class Outlet:
    """A client's socket, as `replay.local_venue.hub.Hub` sees it.

    Parameters
    ----------
    address : makes of a payload and its number on this connection what is sent
    """

    combined = True  # frames go out as they were captured, envelope included

    def __init__(
        self,
        transport: asyncio.Transport | None,
        address: Callable[[bytes, int], bytes] | None = None,
    ) -> None:
        self._address = address
        self._transport = transport
        self._out: list[bytes] = []
        self.streams: dict[str, None] = {}
        self.sent = 0

    def say(self, payload: bytes) -> None:
        """Send one message at once."""
        self.push(encode_frame(payload))
        self.flush()

    def push(self, frame: bytes) -> None:
        """Take an encoded frame; sent at the next `flush`."""
        payload = b"" if self._address is None else _payload(frame)
        if self._address is not None and payload:
            frame = encode_frame(self._address(payload, self.sent))
        if self._address is None or payload:
            self._out.append(frame)
        self.sent += 1

    def flush(self) -> None:
        """Hand what was pushed to the socket."""
        transport = self._transport
        if self._out and transport is not None and not transport.is_closing():
            transport.write(b"".join(self._out))
            if transport.get_write_buffer_size() > TOO_MUCH:
                log.warning("a client is too slow, its connection is closed")
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

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()


def _payload(frame: bytes) -> bytes:
    """Return the payload of an encoded frame."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]
