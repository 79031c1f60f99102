"""WebSocket frames that lie in a buffer: where each begins and ends, without an object a frame.

Rules
-----
1. `split` takes whole messages of one frame, text or binary, and stops at whatever is anything else:
   control frames, messages in pieces, frames that are not yet complete, too long, or wrong.
2. `Head` reads the frame at which `split` has stopped; it alone says what is an error (RFC 6455).
3. Frames of a server are not masked, and no extension is agreed upon, so payloads lie in the buffer
   as they are.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import VenueDisconnected
from extrema_nb.jit import kernel

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "Head", "head_at", "masked", "split"]  # fmt: skip

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RESERVED, CONTROL, MASK = 0x80, 0x70, 0x08, 0x80
LONGEST_CONTROL = 125

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@kernel
def split(
    buffer: Bytes, at: int, end: int, longest: int, starts: Ints, ends: Ints
) -> tuple[int, int]:
    """Find the messages that lie in ``buffer[at:end]``.

    Parameters
    ----------
    longest : a longer payload is left to the caller
    starts, ends : (n,) **written**, where each payload lies; no more than n are found

    Returns
    -------
    (count, at) : messages found, and the place of the first byte that belongs to none of them
    """
    count = 0
    while count < len(starts) and at + 2 <= end:
        first = int(np.int64(buffer[at]))  # not an unsigned one, which would make floats of sums
        size = int(np.int64(buffer[at + 1]))
        if not FIN | TEXT <= first <= FIN | BINARY:
            break
        begin = at + 2
        if size == 126:
            if at + 4 > end:
                break
            begin = at + 4
            size = int(np.int64(buffer[at + 2])) << 8 | int(np.int64(buffer[at + 3]))
        elif size == 127:
            if at + 10 > end or buffer[at + 2] or buffer[at + 3]:
                break
            begin = at + 10
            size = 0
            for place in range(at + 4, at + 10):
                size = size << 8 | int(np.int64(buffer[place]))
        elif size > 127:  # masked
            break
        if size > longest or begin + size > end:
            break
        starts[count], ends[count] = begin, begin + size
        count += 1
        at = begin + size
    return count, at


class Head(NamedTuple):
    """The head of a frame."""

    opcode: int
    fin: bool
    begin: int  # place of the payload
    size: int  # bytes of payload


def head_at(buffer: memoryview, at: int, end: int) -> Head | None:
    """Return the head of the frame at `at`, None while it is not complete.

    Raises
    ------
    VenueDisconnected
        what stands there is no frame that a server may send
    """
    if end - at < 2:
        return None
    first, size = buffer[at], buffer[at + 1]
    opcode, fin = first & 0x0F, bool(first & FIN)
    if first & RESERVED:
        raise VenueDisconnected("protocol error: a frame with reserved bits set")
    if size & MASK:
        raise VenueDisconnected("protocol error: a masked frame of a server")
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise VenueDisconnected(f"protocol error: a frame with opcode {opcode}")
    if opcode & CONTROL and (size > LONGEST_CONTROL or not fin):
        raise VenueDisconnected("protocol error: a control frame that is long or in pieces")
    more = {126: 2, 127: 8}.get(size, 0)
    begin = at + 2 + more
    if begin > end:
        return None
    if more:
        size = int.from_bytes(buffer[at + 2 : begin], "big")
    return Head(opcode, fin, begin, size)


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a frame of a client, masked as it must be."""
    size = len(payload)
    if size < 126:
        head = bytes((FIN | opcode, MASK | size))
    elif size < 1 << 16:
        head = bytes((FIN | opcode, MASK | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN | opcode, MASK | 127)) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    key = (mask * (size // 4 + 1))[:size]
    body = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + body.to_bytes(size, "big")
