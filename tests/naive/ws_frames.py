"""WebSocket frames, one at a time, as the RFC draws them."""

from __future__ import annotations

__all__ = ["messages"]

LONG = {126: 2, 127: 8}


def messages(raw: bytes, longest: int) -> tuple[list[bytes], int]:
    """Return the whole messages of one frame at the beginning of `raw`, and the bytes they take."""
    found, at = [], 0
    while True:
        rest = raw[at:]
        if len(rest) < 2 or rest[0] not in (0x81, 0x82) or rest[1] >= 128:
            return found, at
        size, head = rest[1], 2
        if size in LONG:
            head += LONG[size]
            if len(rest) < head:
                return found, at
            size = int.from_bytes(rest[2:head], "big")
        if size > longest or len(rest) < head + size:
            return found, at
        found.append(rest[head : head + size])
        at += head + size
