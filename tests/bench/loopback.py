"""A venue on loopback that sends captured frames as fast as they are taken, for benchmarks.

It answers what a recorder of Binance USD-M asks: instruments, the book, the time, the streams. The
book's snapshot is the one that stands in the capture, and what follows it in the file is sent only
when somebody has fetched it, so that the books of all who listen are whole.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import multiprocessing
import re
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

__all__ = [
    "BOOK_IDS",
    "DONE",
    "TRADE_ID",
    "Loopback",
    "Tape",
    "moved",
    "repeated",
    "span_of",
    "tape_of",
]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DONE = b'{"result":null,"id":987654}'  # an acknowledgement: no recorder minds it
BLOCK = 200  # frames a write
BOOK_IDS = re.compile(rb'("u":)(\d+)(,"pu":)(\d+)')
TRADE_ID = re.compile(rb'("t":)(\d+)')
MORE = 50  # frames behind the snapshot that are sent before somebody has fetched it
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


class Tape(NamedTuple):
    """What is sent."""

    snapshot: bytes  # of the book
    ahead: int  # frames that come before it must have been fetched
    frames: list[bytes]


def tape_of(path: Path, count: int) -> Tape:
    """Return up to `count` frames of a capture, and its first snapshot."""
    snapshot, ahead, frames = b"", 0, []
    with gzip.open(path) as lines:
        for line in lines:
            frame = line.partition(b" ")[2].strip()
            if frame.startswith(b'{"stream"'):
                frames.append(frame)
            elif not snapshot and frame.startswith(b'{"lastUpdateId"'):
                snapshot, ahead = frame, len(frames) + MORE
            if len(frames) == count:
                break
    return Tape(snapshot, ahead, frames)


def span_of(frames: list[bytes], ids: re.Pattern[bytes]) -> int:
    """Return by how much the ids of a round lie above those of the round before."""
    marks = [mark for mark in map(ids.search, frames) if mark is not None]
    if not marks:
        return 0
    if ids is BOOK_IDS:
        return int(marks[-1][2]) - int(marks[0][4])
    return int(marks[-1][2]) - int(marks[0][2]) + 1


def moved(frames: list[bytes], number: int) -> list[bytes]:
    """Return the frames of a later round; its ids continue those of the round before."""
    out = list(frames)
    for ids in (BOOK_IDS, TRADE_ID):
        span = span_of(frames, ids)
        for i, frame in enumerate(frames):
            mark = ids.search(frame)
            if mark is None:
                continue
            lifted = b"".join(
                b"%d" % (int(part) + number * span) if part.isdigit() else part
                for part in mark.groups()
            )
            out[i] = frame[: mark.start()] + lifted + frame[mark.end() :]
    return out


def repeated(tape: Tape, times: int) -> Tape:
    """Return a tape of so many rounds."""
    frames = [frame for number in range(times) for frame in moved(tape.frames, number)]
    return tape._replace(frames=frames)


def encode(payload: bytes) -> bytes:
    """Return a text frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def instrument(symbol: str) -> dict[str, Any]:
    """Return what exchangeInfo says of one perpetual."""
    return {
        "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "status": "TRADING",
        "baseAsset": symbol[:3], "quoteAsset": "USDT", "marginAsset": "USDT",
        "pricePrecision": 2, "quantityPrecision": 3, "contractStatus": "TRADING",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "9999999", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
            {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "120"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    }  # fmt: skip


class Loopback:
    """The server in a process of its own; a context manager.

    Parameters
    ----------
    tape : what is sent
    symbol : of the frames
    rate : frames a second on a connection; 0: as fast as they are taken
    again : send the frames over and over, each round with ids that continue the one before
    """

    def __init__(
        self, tape: Tape, symbol: str = "BTCUSDT", *,
        rate: float = 0.0, again: bool = False,
    ) -> None:  # fmt: skip
        self._tape, self._symbol = tape, symbol
        self._rate, self._again = rate, again
        self.port = 0

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        port: multiprocessing.Queue[int] = context.Queue()
        self._process = context.Process(target=self._serve, args=(port,), daemon=True)
        self._process.start()
        self.port = port.get(timeout=60)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.join()

    @property
    def rest(self) -> str:
        """The REST address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """The WebSocket address."""
        return f"ws://127.0.0.1:{self.port}"

    def _serve(self, port: multiprocessing.Queue[int]) -> None:
        asyncio.run(self._main(port))

    async def _main(self, port: multiprocessing.Queue[int]) -> None:
        self._fetched = asyncio.Event()
        self._known: tuple[int, list[bytes]] = (0, [])  # a round, and its frames
        self._blocks = [encode(frame) for frame in self._tape.frames]
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            if b"upgrade: websocket" not in head.lower():
                body = self._answer(target)
                writer.write(HEAD % len(body) + body)
                await writer.drain()
                return
            fields = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
            key = next(v.strip() for k, v in fields.items() if k.lower() == b"sec-websocket-key")
            accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            await self._send(writer, target)
            await reader.read(1000)  # a close frame, which nobody answers
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, target: str) -> bytes:
        if "/depth" in target:
            asyncio.get_running_loop().call_soon(self._fetched.set)
            return self._tape.snapshot
        if "/time" in target:
            return json.dumps({"serverTime": time.time_ns() // 1_000_000}).encode()
        if "/exchangeInfo" in target:
            limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                       "limit": 2400}]  # fmt: skip
            return json.dumps(
                {"rateLimits": limits, "symbols": [instrument(self._symbol)]}
            ).encode()
        return b"{}"

    def _round(self, number: int) -> list[bytes]:
        """Return the frames of a round; book changes continue those of the round before."""
        if number == 0:
            return self._blocks
        if number != self._known[0]:
            self._known = number, [encode(frame) for frame in moved(self._tape.frames, number)]
        return self._known[1]

    def _wanted(self, target: str, number: int = 0) -> list[bytes]:
        """Return what a connection that asks for `target` gets; empty is what it does not."""
        words = target.partition("streams=")[2].split("/")
        kinds = {_kind(word.encode()) for word in words if word}
        frames = zip(self._tape.frames, self._round(number), strict=True)
        return [
            b"" if kinds and _kind(frame[11 : frame.index(b'"', 11)]) not in kinds else block
            for frame, block in frames
        ]

    async def _send(self, writer: asyncio.StreamWriter, target: str) -> None:
        ahead, blocks = self._tape.ahead, self._wanted(target)
        writer.write(b"".join(blocks[:ahead]))
        await writer.drain()
        if target != "/bare":
            await self._fetched.wait()
            await asyncio.sleep(0.1)
        begun, sent, number = time.monotonic(), 0, 0
        while number == 0 or self._again:
            for at in range(0 if number else ahead, len(blocks), BLOCK):
                block = blocks[at : at + BLOCK]
                writer.write(b"".join(block))
                await writer.drain()
                sent += len(block)
                late = begun + sent / self._rate - time.monotonic() if self._rate else 0.0
                await asyncio.sleep(max(0.0, late))  # the other connections want their turn too
            number += 1
            blocks = self._wanted(target, number) if self._again else []
        writer.write(encode(DONE))
        await writer.drain()


def _kind(stream: bytes) -> bytes:
    """Return what a stream is about; trades may be asked for in either way."""
    return {b"aggTrade": b"trade"}.get(found := stream.split(b"@")[1], found)
