"""Stream names, routes and connections of Binance USD-M.

Since the split of 2026 a stream that is asked for on the wrong route is acknowledged and never
delivered, so the route follows from the name:

- ``/public``: bookTicker, depth, depth5/10/20
- ``/market``: everything else (trade, aggTrade, kline …)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extrema_nb.channels import INTERVALS as ALL_INTERVALS
from extrema_nb.channels import Candles, Channel, Endpoints, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import StreamPlan

__all__ = ["SLOTS", "route_of", "slot_of", "stream_name", "stream_url"]

INTERVALS = tuple(i for i in ALL_INTERVALS if i != "1s")  # futures have no candles of a second
MAX_STREAMS = 1024  # a connection
MAX_NAMES = 200  # in a URL or a SUBSCRIBE frame
MAX_URL = 6000  # characters; servers commonly refuse request lines above 8 KiB
DIFF_SPEED = {0: "@0ms", 100: "@100ms", 250: "", 500: "@500ms"}
TOP_SPEED = {0: "@100ms", 100: "@100ms", 250: "", 500: "@500ms"}  # 0 asks for the fastest
TOP_DEPTH = (5, 10, 20)
SLOTS = ("trade", "aggTrade", "bookTicker", "depth", "partial", "kline")


def _speed(frequency_ms: int, speeds: dict[int, str]) -> str:
    if frequency_ms not in speeds:
        known = ", ".join(map(str, speeds))
        raise ConfigError(f"no book every {frequency_ms} ms at binance-usdm; expected {known}")
    return speeds[frequency_ms]


def _lob(channel: Lob) -> str:
    if channel.kind == "bbo":
        if channel.frequency_ms:
            raise ConfigError(
                f"binance-usdm sends the best prices at once, not every {channel.frequency_ms} ms; "
                "leave frequency_ms at 0"
            )
        return "bookTicker"
    if channel.kind == "incremental":
        return "depth" + _speed(channel.frequency_ms, DIFF_SPEED)
    if channel.kind == "snapshot":
        if channel.depth not in TOP_DEPTH:
            raise ConfigError(
                f"no snapshot of {channel.depth} levels at binance-usdm; "
                f"expected {', '.join(map(str, TOP_DEPTH))}"
            )
        return f"depth{channel.depth}" + _speed(channel.frequency_ms, TOP_SPEED)
    kinds = ("bbo", "snapshot", "incremental")
    raise ConfigError(
        f"unknown book kind {channel.kind!r}; expected {', '.join(kinds)}"
        + nearest(channel.kind, kinds)
    )


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the stream name of a symbol's channel, such as ``btcusdt@depth@100ms``."""
    if isinstance(channel, Trades):
        suffix = "aggTrade" if channel.aggregate else "trade"
    elif isinstance(channel, Lob):
        suffix = _lob(channel)
    elif isinstance(channel, Candles):
        if channel.interval not in INTERVALS:
            raise ConfigError(
                f"no candles of {channel.interval!r} at binance-usdm; "
                f"expected {', '.join(INTERVALS)}"
            )
        suffix = f"kline_{channel.interval}"
    else:
        raise ConfigError(f"{type(channel).__name__} is a private channel, not a public stream")
    return f"{symbol.lower()}@{suffix}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades):
        return SLOTS.index("aggTrade" if channel.aggregate else "trade")
    if isinstance(channel, Lob):
        kinds = {"bbo": "bookTicker", "incremental": "depth", "snapshot": "partial"}
        return SLOTS.index(kinds[channel.kind])
    return SLOTS.index("kline")


def route_of(name: str) -> str:
    """Return ``"public"`` or ``"market"``, the route that delivers the stream `name`."""
    suffix = name.partition("@")[2]
    return "public" if suffix.startswith(("bookTicker", "depth")) else "market"


def _frames(names: Sequence[str], first_id: int) -> tuple[str, ...]:
    chunks = [names[i : i + MAX_NAMES] for i in range(0, len(names), MAX_NAMES)]
    return tuple(
        msgspec.json.encode(
            {"method": "SUBSCRIBE", "params": chunk, "id": first_id + number}
        ).decode()
        for number, chunk in enumerate(chunks)
    )


def _fits_url(base: str, names: Sequence[str]) -> int:
    """Return how many of `names` go into the URL; at least one."""
    length = len(base)
    for count, name in enumerate(names[:MAX_NAMES]):
        length += len(name) + 1
        if length > MAX_URL and count:
            return count
    return min(len(names), MAX_NAMES)


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, equal ones once.

    A connection holds one route and at most 1024 streams. What the URL does not hold is asked for
    by SUBSCRIBE frames of at most 200 names, which the connection loop paces.
    """
    routes: dict[str, dict[str, Subscription]] = {"public": {}, "market": {}}
    for subscription in subscriptions:
        symbol = table[subscription.inst].symbol
        name = stream_name(symbol, subscription.channel)
        routes[route_of(name)].setdefault(name, subscription)
    plans = []
    for route, wanted in routes.items():
        names = list(wanted)
        for start in range(0, len(names), MAX_STREAMS):
            shard = names[start : start + MAX_STREAMS]
            base = f"{endpoints.ws.rstrip('/')}/{route}/stream?streams="
            count = _fits_url(base, shard)
            plans.append(
                StreamPlan(
                    url=base + "/".join(shard[:count]),
                    frames=_frames(shard[count:], 1),
                    names=tuple(shard),
                    subscriptions=tuple(wanted[name] for name in shard),
                )
            )
    return plans
