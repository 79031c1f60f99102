"""cryptofeed over frames of a file, run by its own interpreter: one JSON line a task and answer.

It gets the callbacks that its users write, empty ones, and the book snapshot of the capture where
it would fetch one. It keeps a book of decimals, as it always does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from cryptofeed import exchanges
from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.symbols import Symbols

FEEDS = {
    "binance-usdm": "BinanceFutures",
    "binance-spot": "Binance",
    "binance-cm": "BinanceDelivery",
}


class _Answers:
    """Stands where the feed would ask the venue for a snapshot."""

    def __init__(self, snapshot: str) -> None:
        self._snapshot = snapshot

    async def read(self, *_args: object, **_settings: object) -> str:
        return self._snapshot


def _run(task: dict) -> dict:
    frames = Path(task["frames"]).read_text(encoding="utf-8").splitlines()
    kind = getattr(exchanges, FEEDS[task["venue"]])
    Symbols.set(kind.id, {task["name"]: task["symbol"]}, {"instrument_type": {}, "tick_size": {}})
    heard: dict[str, int] = {}

    async def hear(data: object, _receipt: float) -> None:
        word = type(data).__name__
        heard[word] = heard.get(word, 0) + 1

    async def all_frames() -> float:
        feed = kind(
            symbols=[task["name"]],
            channels=[TRADES, TICKER, L2_BOOK],
            callbacks={TRADES: hear, TICKER: hear, L2_BOOK: hear},
        )
        feed.http_conn = _Answers(task["snapshot"])
        feed._reset(None)  # what subscribing does
        began = time.process_time()
        for frame in frames:
            await feed.message_handler(frame, None, 1.0)
        return time.process_time() - began

    seconds = asyncio.run(all_frames())
    return {"seconds": seconds, "frames": len(frames), "heard": heard}


def main() -> None:
    """Answer tasks until the input ends."""
    sys.stdout.write(
        json.dumps({"cryptofeed": version("cryptofeed"), "python": sys.version.split()[0]}) + "\n"
    )
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
