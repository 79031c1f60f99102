"""Record with cryptofeed 3, in an interpreter that has it: REST WS FRAMES FILE, one line of JSON.

Its recorder keeps what came over the wire (pcap); the feed decodes trades, best prices and the book
for callbacks that count, as it does for anybody who records.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import resource
import sys
import time
from pathlib import Path

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges.binance_futures import BinanceFutures

REST, WS, FRAMES, FILE = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
BEGIN = 1000  # frames until its book is whole
state = {"frames": 0, "begun": 0.0, "cpu": 0.0, "told": 0}


class Venue(BinanceFutures):
    """The same venue elsewhere."""

    websocket_endpoints = [  # noqa: RUF012 - as its own classes have it
        WebsocketEndpoint(WS.replace("ws://", "wss://"), options={"compression": None})
    ]
    rest_endpoints = [  # noqa: RUF012
        RestEndpoint(
            REST,
            routes=Routes("/fapi/v1/exchangeInfo", l2book="/fapi/v1/depth?symbol={}&limit={}"),
        )
    ]

    def connect(self):
        """Connect without TLS, which it insists on."""
        found = super().connect()
        for connection, *_ in found:
            connection.address = connection.address.replace("wss://", "ws://")
        return found

    async def message_handler(self, msg, conn, timestamp):
        """Count; trades are named as the stream that it knows."""
        text = msg if isinstance(msg, str) else bytes(msg).decode()
        if text.startswith('{"result"'):
            return
        if state["frames"] == BEGIN:
            state["begun"], state["cpu"] = time.perf_counter(), time.process_time()
        state["frames"] += 1
        if '"e":"trade"' in text:
            msg = text.replace('"e":"trade"', '"e":"aggTrade"', 1).replace('"t":', '"a":', 1)
        await super().message_handler(msg, conn, timestamp)


async def count(*_args):
    """Take one update."""
    state["told"] += 1


async def main():
    """Run until the last frame."""
    feed = Venue(
        symbols=["BTC-USDT-PERP"],
        channels=[TRADES, TICKER, L2_BOOK],
        callbacks={TRADES: count, TICKER: count, L2_BOOK: count},
    )
    config = {"uvloop": True, "log": {"filename": FILE + ".log", "level": "WARNING"}}
    handler = FeedHandler(config=config, record=FILE + ".pcap")
    handler.add_feed(feed)
    running = asyncio.ensure_future(handler.run_async(install_signal_handlers=False))
    while state["frames"] < FRAMES and not running.done():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)
    scale = FRAMES / (FRAMES - BEGIN)  # as if all had come since
    seconds = (time.perf_counter() - state["begun"]) * scale
    cpu = (time.process_time() - state["cpu"]) * scale
    out = {
        "frames": state["frames"],
        "seconds": seconds,
        "cpu_s": cpu,
        "told": state["told"],
        "bytes": sum(path.stat().st_size for path in Path(FILE).parent.glob("*.pcap*")),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": importlib.metadata.version("cryptofeed"),
    }
    sys.stdout.write(json.dumps(out) + "\n")
    sys.stdout.flush()
    os._exit(0 if state["told"] > FRAMES * 0.9 else 1)


asyncio.run(main())
