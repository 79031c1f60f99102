"""Stream names and connections of Binance.

A stream that is asked for on the wrong route is acknowledged and never delivered, so the route
follows from the stream's name (`Dialect.route_of`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extrema_nb.channels import (
    Candles,
    Channel,
    Endpoints,
    Funding,
    Liquidations,
    Lob,
    Subscription,
    Trades,
)
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import StreamPlan, check_channel
from extrema_nb.venues._binance.dialect import Dialect

__all__ = ["MAX_STREAMS", "SLOTS", "channels_of", "slot_of", "stream_name", "stream_url"]

MAX_STREAMS = 1024  # a connection
MAX_NAMES = 200  # in a URL or a SUBSCRIBE frame
MAX_URL = 6000  # characters; servers commonly refuse request lines above 8 KiB
LIFE_S = 24 * 3600.0  # the venue closes every connection at that age
TOP_DEPTH = (5, 10, 20)
SLOTS = (
    "trade", "aggTrade", "bookTicker", "depth", "partial", "kline", "markPrice", "forceOrder",
)  # fmt: skip


def channels_of(dialect: Dialect) -> frozenset[type[Channel]]:
    """Return the channels that a market offers."""
    common: frozenset[type[Channel]] = frozenset({Trades, Lob, Candles})
    return common | {Funding, Liquidations} if dialect.marked else common


def _speed(dialect: Dialect, frequency_ms: int, speeds: dict[int, str]) -> str:
    if frequency_ms not in speeds:
        known = ", ".join(map(str, speeds))
        raise ConfigError(f"no book every {frequency_ms} ms at {dialect.id}; expected {known}")
    return speeds[frequency_ms]


def _lob(dialect: Dialect, channel: Lob) -> str:
    if channel.kind == "bbo":
        if channel.frequency_ms:
            raise ConfigError(
                f"{dialect.id} sends the best prices at once, not every {channel.frequency_ms} ms; "
                "leave frequency_ms at 0"
            )
        return "bookTicker"
    if channel.kind == "incremental":
        return "depth" + _speed(dialect, channel.frequency_ms, dialect.diff_speed)
    if channel.kind == "snapshot":
        if channel.depth not in TOP_DEPTH:
            raise ConfigError(
                f"no snapshot of {channel.depth} levels at {dialect.id}; "
                f"expected {', '.join(map(str, TOP_DEPTH))}"
            )
        return f"depth{channel.depth}" + _speed(dialect, channel.frequency_ms, dialect.top_speed)
    kinds = ("bbo", "snapshot", "incremental")
    raise ConfigError(
        f"unknown book kind {channel.kind!r}; expected {', '.join(kinds)}"
        + nearest(channel.kind, kinds)
    )


def stream_name(dialect: Dialect, symbol: str, channel: Channel) -> str:
    """Return the stream name of a symbol's channel, such as ``btcusdt@depth@100ms``."""
    check_channel(dialect.id, channel, channels_of(dialect))
    if isinstance(channel, Trades):
        suffix = "aggTrade" if channel.aggregate else "trade"
    elif isinstance(channel, Lob):
        suffix = _lob(dialect, channel)
    elif isinstance(channel, Candles):
        if channel.interval not in dialect.intervals:
            raise ConfigError(
                f"no candles of {channel.interval!r} at {dialect.id}; "
                f"expected {', '.join(dialect.intervals)}"
            )
        suffix = f"kline_{channel.interval}"
    else:
        suffix = "markPrice@1s" if isinstance(channel, Funding) else "forceOrder"
    return f"{symbol.lower()}@{suffix}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades):
        return SLOTS.index("aggTrade" if channel.aggregate else "trade")
    if isinstance(channel, Lob):
        kinds = {"bbo": "bookTicker", "incremental": "depth", "snapshot": "partial"}
        return SLOTS.index(kinds[channel.kind])
    names: dict[type, str] = {Candles: "kline", Funding: "markPrice", Liquidations: "forceOrder"}
    return SLOTS.index(names[type(channel)])


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
    dialect: Dialect,
    endpoints: Endpoints,
    subscriptions: Sequence[Subscription],
    table: InstrumentTable,
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, equal ones once.

    A connection holds one route and at most `MAX_STREAMS` streams. What the URL does not hold is asked for
    by SUBSCRIBE frames of at most 200 names, which the connection loop paces.
    """
    routes: dict[str, dict[str, Subscription]] = {}
    for subscription in subscriptions:
        name = stream_name(dialect, table[subscription.inst].symbol, subscription.channel)
        routes.setdefault(dialect.route_of(name), {}).setdefault(name, subscription)
    plans = []
    for route, wanted in sorted(routes.items(), reverse=True):  # books first
        names = list(wanted)
        for start in range(0, len(names), MAX_STREAMS):
            shard = names[start : start + MAX_STREAMS]
            base = f"{endpoints.ws.rstrip('/')}{route}/stream?streams="
            count = _fits_url(base, shard)
            plans.append(
                StreamPlan(
                    url=base + "/".join(shard[:count]),
                    frames=_frames(shard[count:], 1),
                    names=tuple(shard),
                    subscriptions=tuple(wanted[name] for name in shard),
                    life_s=LIFE_S,
                )
            )
    return plans
