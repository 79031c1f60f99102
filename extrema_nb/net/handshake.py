"""The HTTP request that opens a WebSocket, and whether the answer agrees."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import NamedTuple
from urllib.parse import urlsplit

from extrema_nb.errors import VenueDisconnected

__all__ = ["Address", "Handshake", "address_of"]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LONGEST = 16_384  # bytes of an answer's head
PORTS = {"ws": 80, "wss": 443}
SWITCHING = "101"
AGENT = "User-Agent: extrema-nb"  # some front doors let nobody in who does not name himself


class Address(NamedTuple):
    """Where a URL leads."""

    host: str
    port: int
    secure: bool
    target: str  # path and query


def address_of(url: str) -> Address:
    """Return where `url` leads.

    Raises
    ------
    ValueError
        no WebSocket URL; its text is not repeated, it may hold a key
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"no WebSocket URL: scheme {parts.scheme!r}, expected ws or wss")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or PORTS[parts.scheme]
    return Address(parts.hostname, port, parts.scheme == "wss", target)


class Handshake:
    """One handshake.

    Parameters
    ----------
    headers : (name, value) that go with the request
    """

    def __init__(self, address: Address, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._key = base64.b64encode(os.urandom(16))
        host = f"[{address.host}]" if ":" in address.host else address.host
        if address.port != PORTS["wss" if address.secure else "ws"]:
            host = f"{host}:{address.port}"
        lines = [
            f"GET {address.target} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode()}",
            "Sec-WebSocket-Version: 13",
            *([] if any(name.lower() == "user-agent" for name, _ in headers) else [AGENT]),
            *(f"{name}: {value}" for name, value in headers),
        ]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in the URL or a header")
        self.request = "\r\n".join([*lines, "", ""]).encode()

    def answered(self, raw: bytes) -> int:
        """Return the number of bytes that the answer takes, 0 while it is not complete.

        Raises
        ------
        VenueDisconnected
            the server does not agree
        """
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            if len(raw) > LONGEST:
                raise VenueDisconnected("handshake refused: the answer has no end")
            return 0
        first, *lines = raw[:end].decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1."):
            raise VenueDisconnected("handshake refused: the answer is not HTTP")
        if words[1] != SWITCHING:
            raise VenueDisconnected(f"handshake refused: status {words[1]}")
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (x.partition(":") for x in lines)
        }
        wanted = base64.b64encode(hashlib.sha1(self._key + GUID, usedforsecurity=False).digest())
        if fields.get("upgrade", "").lower() != "websocket":
            raise VenueDisconnected("handshake refused: no upgrade to websocket")
        if fields.get("sec-websocket-accept", "") != wanted.decode():
            raise VenueDisconnected("handshake refused: the key of the answer is wrong")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if fields.get(name):
                raise VenueDisconnected(f"handshake refused: {name} that nobody asked for")
        return end + 4
