"""Who hears which stream: subscriptions, frames that are encoded once, faults on the way out."""

from __future__ import annotations

from typing import Protocol

from replay.local_venue.faults import Faults

__all__ = ["Hub", "Listener", "encode_frame", "envelope"]


def encode_frame(payload: bytes) -> bytes:
    """Return `payload` as one unmasked, final WebSocket text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def envelope(stream: str, raw: bytes) -> bytes:
    """Return `raw` as a combined stream carries it."""
    return b'{"stream":"' + stream.encode() + b'","data":' + raw + b"}"


class Listener(Protocol):
    """A connection, as the hub sees it."""

    combined: bool

    def push(self, frame: bytes) -> None:
        """Take an encoded frame; sent at the next `flush`."""
        ...

    def flush(self) -> None:
        """Hand what was pushed to the socket."""
        ...

    async def drain(self) -> None:
        """Wait while the socket holds too much."""
        ...


class Hub:
    """Subscriptions of all connections."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.sent = 0  # messages published to at least one connection
        self._listeners: dict[str, list[Listener]] = {}
        self._touched: dict[Listener, None] = {}

    @classmethod
    def silent(cls) -> Hub:
        """Return a hub that nobody hears."""
        return cls(Faults())

    def add(self, stream: str, listener: Listener) -> None:
        """Let `listener` hear `stream`; twice is once."""
        known = self._listeners.setdefault(stream, [])
        if listener not in known:
            known.append(listener)

    def remove(self, stream: str, listener: Listener) -> None:
        """Let `listener` hear `stream` no more."""
        known = self._listeners.get(stream, [])
        if listener in known:
            known.remove(listener)
        if not known:
            self._listeners.pop(stream, None)

    def streams(self) -> list[str]:
        """Return the streams that somebody hears."""
        return list(self._listeners)

    def wanted(self, stream: str) -> bool:
        """Return whether somebody hears `stream`."""
        return stream in self._listeners

    def publish(self, stream: str, raw: bytes, combined: bytes | None = None) -> None:
        """Send a message to all who hear `stream`; `combined` spares the envelope if it is there."""
        listeners = self._listeners.get(stream)
        if listeners is None:
            return
        if self.faults.armed:
            changed = self.faults.market(stream, raw)
            if changed is None:
                return
            if changed is not raw:
                raw, combined = changed, None
        self.sent += 1
        plain = wrapped = b""
        for listener in listeners:
            if listener.combined:
                wrapped = wrapped or encode_frame(combined or envelope(stream, raw))
                listener.push(wrapped)
            else:
                plain = plain or encode_frame(raw)
                listener.push(plain)
            self._touched[listener] = None

    def flush(self) -> None:
        """Hand everything that was published to the sockets."""
        for listener in self._touched:
            listener.flush()
        self._touched.clear()

    async def drain(self) -> None:
        """Flush, and wait for the slowest connection."""
        touched = list(self._touched)
        self.flush()
        for listener in touched:
            await listener.drain()
