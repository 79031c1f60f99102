"""WebSocket client of our own: all frames of a read at once, found by a kernel in the read's buffer.

Other clients make an object of each frame and call for each. This one reads into a buffer, finds
where frames begin and end, and hands over the buffer: what takes many frames at once, the compiled
decoders of a recorder, then does no work a frame in Python.

Rules
-----
1. There is no queue: a slow taker keeps the loop from reading, so the sender waits.
2. Nothing is read between the handshake and `pump`.
3. The buffer has room for one read, and grows for a frame that needs more, up to `max_frame`.
4. The bytes behind what was read are closing braces, which is what scanners want to run into.
5. It knows no proxy; `choose_transport` takes another client where one is wanted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.net.frames import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Head,
    head_at,
    masked,
    split,
)
from extrema_nb.net.handshake import Address, Handshake, address_of
from extrema_nb.net.transport import TakeBurst, not_open

__all__ = ["NativeTransport"]

READ = 512 << 10  # bytes of a read at most; half of it costs a recorder a twentieth more
MOST = 4096  # frames handed over at once
PADDING = 64
CODE = 2  # bytes of a code of closing
NORMAL, NO_CODE = 1000, 1005

Ints = npt.NDArray[np.int64]


class _Frames(asyncio.BufferedProtocol):
    """Reads one connection.

    Attributes
    ----------
    agreed : done when the handshake is; closed : done when the connection is lost
    """

    def __init__(self, handshake: Handshake, max_frame: int) -> None:
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take: TakeBurst | None = None
        self.error: BaseException | None = None  # what the taker raised
        self.reason = ""
        self.heard = False  # anything, since somebody looked
        self.transport: asyncio.Transport
        self._handshake = handshake
        self._max_frame = max_frame
        self._starts: Ints = np.zeros(MOST, np.int64)
        self._ends: Ints = np.zeros(MOST, np.int64)
        self._parts: list[bytes] = []  # of a message in pieces
        self._in_pieces = False
        self._listened = False
        self._begin = self._end = 0  # of what was read and not yet handed over
        self._make(READ)

    def _make(self, size: int) -> None:
        self._buffer = np.full(size + PADDING, ord("}"), np.uint8)
        self._view = memoryview(self._buffer)  # type: ignore[arg-type]  # NumPy's stubs lag
        self._room = size

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._handshake.request)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        rest = self._end - self._begin
        if self._begin or rest == self._room:
            old = bytes(self._view[self._begin : self._end])
            if rest == self._room:  # of a frame that is longer than the buffer
                self._make(min(2 * rest, self._max_frame + READ))
            elif rest < READ < self._room:
                self._make(READ)
            self._view[:rest] = old
            self._begin, self._end = 0, rest
        return self._view[rest : self._room]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        self.heard = True
        if not self.agreed.done():
            self._shake()
        elif self.take is not None:
            self._hand_over()
        elif self._listened:
            self._begin = self._end  # nobody wants it any more

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.reason = self.reason or f"{type(exc).__name__}: {exc}"
        lost = VenueDisconnected(self.reason or "connection lost during the handshake")
        if not self.agreed.done():
            self.agreed.set_exception(lost)
            self.agreed.exception()  # nobody may be there to ask
        if not self.closed.done():
            self.closed.set_result(None)

    # --- ours

    def listen(self, take: TakeBurst) -> None:
        """Hand over frames from now on."""
        self.take = take
        if not self.transport.is_closing():
            self._hand_over()
            if not self._listened:
                self.transport.resume_reading()
        self._listened = True

    def end(self, reason: str) -> None:
        """End the connection; nothing more is handed over."""
        self.reason = self.reason or reason
        self.take = None
        self._begin = self._end
        self.transport.abort()

    def _shake(self) -> None:
        try:
            taken = self._handshake.answered(bytes(self._view[self._begin : self._end]))
        except VenueDisconnected as error:
            self.agreed.set_exception(error)
            self.transport.abort()
            return
        if taken:
            self._begin += taken
            self.transport.pause_reading()
            self.agreed.set_result(None)

    def _hand_over(self) -> None:
        """Hand over what is complete in the buffer."""
        try:
            while self._begin < self._end:
                if not self._in_pieces:
                    count, begin = split(
                        self._buffer, self._begin, self._end, self._max_frame,
                        self._starts, self._ends,
                    )  # fmt: skip
                    if count:
                        self._begin = begin
                        self._give(self._buffer, self._starts[:count], self._ends[:count])
                        continue
                head = head_at(self._view, self._begin, self._end)
                if head is None or not self._one(head):
                    return
        except VenueDisconnected as error:
            self.end(str(error))

    def _give(self, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints) -> None:
        if self.take is None:
            return
        try:
            self.take(text, starts, ends)
        except BaseException as error:  # noqa: BLE001 - raised again by `pump`
            self.error = error
            self.end("ended by an error of the handler")

    def _one(self, head: Head) -> bool:
        """Deal with a frame that is no plain message; return whether it is complete."""
        if head.size > self._max_frame:
            self.end(f"a frame of {head.size} bytes exceeds {self._max_frame}")
            return False
        behind = head.begin + head.size
        if behind > self._end:
            return False
        payload = bytes(self._view[head.begin : behind])
        self._begin = behind
        if head.opcode == PING:
            self.transport.write(masked(PONG, payload))
        elif head.opcode == CLOSE:
            self._closing(payload)
        elif head.opcode != PONG:
            self._piece(head, payload)
        return True

    def _piece(self, head: Head, payload: bytes) -> None:
        """Take a piece of a message."""
        if (head.opcode == CONTINUATION) != self._in_pieces:
            raise VenueDisconnected("protocol error: the pieces of a message are out of order")
        self._parts.append(payload)
        self._in_pieces = not head.fin
        if sum(map(len, self._parts)) > self._max_frame:
            raise VenueDisconnected(f"a message exceeds {self._max_frame} bytes")
        if head.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            text = np.frombuffer(whole + b"}" * PADDING, np.uint8)
            self._give(text, np.zeros(1, np.int64), np.full(1, len(whole), np.int64))

    def _closing(self, payload: bytes) -> None:
        """Answer a close frame and end."""
        code = int.from_bytes(payload[:CODE], "big") if len(payload) >= CODE else NO_CODE
        said = payload[CODE:].decode(errors="replace")
        self.reason = self.reason or f"closed with code {code} {said}".rstrip()
        self.take = None
        self._begin = self._end
        self.transport.write(masked(CLOSE, payload[:CODE]))
        self.transport.close()


class NativeTransport:
    """See `extrema_nb.net.transport.Transport`; it can hand over many frames at once, too."""

    def __init__(self) -> None:
        nothing = np.zeros(0, np.int64)
        split(np.zeros(0, np.uint8), 0, 0, 0, nothing, nothing)  # compiles before it connects
        self._frames: _Frames | None = None
        self._close_timeout_s = 1.0
        self._ping_s: float | None = None

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
        if proxy:
            raise ConfigError(
                "the native client knows no proxy; choose the picows, aiohttp or websockets client"
            )
        self._close_timeout_s, self._ping_s = close_timeout_s, ping_s
        frames: _Frames | None = None
        try:
            address = address_of(url)
            frames = await _connected(address, Handshake(address, headers), max_frame)
            await frames.agreed
        except (OSError, ValueError) as error:
            raise VenueDisconnected(f"{type(error).__name__}: {error}") from error
        finally:
            if frames is not None and (not frames.agreed.done() or frames.agreed.cancelled()):
                frames.transport.abort()
        self._frames = frames

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take`."""

        def each(text: npt.NDArray[np.uint8], starts: Ints, ends: Ints) -> None:
            view = memoryview(text)  # type: ignore[arg-type]  # NumPy's stubs lag
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                take(bytes(view[start:end]))

        return await self.pump_bursts(each)

    async def pump_bursts(self, take: TakeBurst) -> str:
        """Give the frames of each read to `take`."""
        frames = self._frames
        if frames is None:
            return "not open"
        beat = asyncio.ensure_future(self._beat(frames))
        try:
            frames.listen(take)
            await asyncio.shield(frames.closed)
        finally:
            frames.take = None
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        if frames.error is not None:
            raise frames.error
        return frames.reason or "connection lost without a close frame"

    async def _beat(self, frames: _Frames) -> None:
        """Ping while nothing is heard, and end a connection that does not answer."""
        while self._ping_s is not None:
            frames.heard = False
            await asyncio.sleep(self._ping_s)
            if frames.heard:
                continue
            frames.transport.write(masked(PING, b""))
            await asyncio.sleep(self._ping_s)
            if not frames.heard:
                frames.end(f"no answer to a ping within {self._ping_s:g} s")
                return

    async def send(self, frame: str) -> None:
        """Send one text frame."""
        if self._frames is None:
            raise not_open()
        if self._frames.transport.is_closing():
            raise VenueDisconnected("cannot send: the connection is closed")
        self._frames.transport.write(masked(TEXT, frame.encode()))

    async def close(self) -> None:
        """Close politely."""
        frames, self._frames = self._frames, None
        if frames is None or frames.closed.done():
            return
        if not frames.transport.is_closing():
            frames.transport.write(masked(CLOSE, NORMAL.to_bytes(CODE, "big")))
            frames.listen(_drop)  # the answer stands behind what is still on its way
        try:
            async with asyncio.timeout(self._close_timeout_s):
                await asyncio.shield(frames.closed)
        except TimeoutError:
            frames.transport.abort()
            await frames.closed


def _drop(_text: npt.NDArray[np.uint8], _starts: Ints, _ends: Ints) -> None:
    """Take frames after the end."""


async def _connected(address: Address, handshake: Handshake, max_frame: int) -> _Frames:
    """Return the protocol of a new connection."""
    context = ssl.create_default_context() if address.secure else None
    _, frames = await asyncio.get_running_loop().create_connection(
        lambda: _Frames(handshake, max_frame), address.host, address.port, ssl=context
    )
    return frames
