"""Stream names: what they mean and on which route the venue delivers them."""

from __future__ import annotations

from typing import NamedTuple

from replay.local_venue.tape import INTERVAL_MS

__all__ = ["DEPTHS", "SPEEDS", "StreamName", "allowed_on", "parse_stream"]

SPEEDS = {"0ms": 0, "100ms": 100, "250ms": 250, "500ms": 500}
DEPTHS = (5, 10, 20)
DEFAULT_SPEED = 250


class StreamName(NamedTuple):
    """A market stream in parts."""

    name: str  # as the client wrote it
    symbol: str  # upper case
    kind: str  # trade, aggTrade, bookTicker, depth, partial, kline, markPrice, other
    speed: int = 0  # ms between messages of depth and partial
    levels: int = 0  # of partial
    interval: str = ""  # of kline


def parse_stream(name: str) -> StreamName:
    """Return the parts of a stream name; a name without meaning has the kind ``other``."""
    symbol, _, rest = name.partition("@")
    symbol = symbol.upper()
    kind, _, speed = rest.partition("@")
    if kind in {"trade", "aggTrade", "bookTicker"} and not speed:
        return StreamName(name, symbol, kind)
    if kind == "markPrice" and speed in {"", "1s", "3s"}:
        return StreamName(name, symbol, kind, 1000 if speed == "1s" else 3000)
    if kind.startswith("kline_") and kind[6:] in INTERVAL_MS and not speed:
        return StreamName(name, symbol, "kline", interval=kind[6:])
    if kind.startswith("depth") and (not speed or speed in SPEEDS):
        every = SPEEDS[speed] if speed else DEFAULT_SPEED
        if kind == "depth":
            return StreamName(name, symbol, "depth", every)
        if kind[5:].isdigit() and int(kind[5:]) in DEPTHS:
            return StreamName(name, symbol, "partial", every, int(kind[5:]))
    return StreamName(name, symbol, "other")


def allowed_on(route: str, kind: str) -> bool:
    """Return whether `route` (public, market, private or empty for the old paths) delivers `kind`.

    A stream asked for on another route is accepted and stays silent, as at the venue. ``trade`` is
    undocumented there and comes on both market routes here.
    """
    if route == "public":
        return kind in {"depth", "partial", "bookTicker", "trade"}
    if route == "market":
        return kind in {"aggTrade", "kline", "markPrice", "trade"}
    return route == ""
