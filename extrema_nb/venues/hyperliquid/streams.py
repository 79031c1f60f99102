"""Subscriptions of Hyperliquid: one frame a stream, all on one URL.

Names here are ours, ``channel:coin``; the venue knows subscriptions by their JSON only.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extrema_nb.channels import (
    Candles,
    Channel,
    Endpoints,
    Funding,
    Lob,
    OpenInterest,
    Subscription,
    Trades,
)
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import StreamPlan, WsLimits, check_channel
from extrema_nb.venues.hyperliquid.instruments import VENUE_ID
from extrema_nb.venues.hyperliquid.symbols import is_spot

__all__ = [
    "CHANNELS",
    "INTERVALS",
    "LIMITS",
    "SLOTS",
    "resync_frames",
    "slot_of",
    "stream_name",
    "stream_url",
]

CHANNELS: frozenset[type[Channel]] = frozenset({Trades, Lob, Candles, Funding, OpenInterest})
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M")
SLOTS = ("trades", "bbo", "l2Book", "candle", "activeAssetCtx")
DEPTH = 20  # levels a side of every book
MAX_STREAMS = 100  # a connection: newer sources allow 10 connections, older ones 1000 subscriptions
MAX_ALL = 1000  # subscriptions of one address
PING, PING_S = '{"method":"ping"}', 30.0  # the venue closes what it sent nothing to for 60 s
LIMITS = WsLimits(streams=MAX_STREAMS, messages=2000, messages_s=60.0, connects=30, connects_s=60.0)


def _lob(channel: Lob) -> str:
    if channel.frequency_ms:
        raise ConfigError(
            f"a book every {channel.frequency_ms} ms is not supported by {VENUE_ID}; it sends the "
            "best prices at each change and the book about twice a second; leave frequency_ms at 0"
        )
    if channel.kind == "bbo":
        return "bbo"
    if channel.kind == "snapshot":
        if channel.depth != DEPTH:
            raise ConfigError(
                f"a snapshot of {channel.depth} levels is not supported by {VENUE_ID}; "
                f"expected {DEPTH}"
            )
        return "l2Book"
    kinds = ("bbo", "snapshot")
    raise ConfigError(
        f"a book of kind {channel.kind!r} is not supported by {VENUE_ID}: every push is the whole "
        f"book of {DEPTH} levels; ask for book{DEPTH} (or bbo)" + nearest(channel.kind, kinds)
    )


def _kind(symbol: str, channel: Channel) -> str:
    check_channel(VENUE_ID, channel, CHANNELS)
    if isinstance(channel, Trades):
        if channel.aggregate:
            raise ConfigError(f"aggregated trades are not supported by {VENUE_ID}; ask for trade")
        return "trades"
    if isinstance(channel, Lob):
        return _lob(channel)
    if isinstance(channel, Candles):
        if channel.interval not in INTERVALS:
            raise ConfigError(
                f"candles of {channel.interval!r} are not supported by {VENUE_ID}; "
                f"expected {', '.join(INTERVALS)}"
            )
        return "candle"
    if is_spot(symbol):
        raise ConfigError(
            f"{type(channel).__name__} of {symbol} is not supported by {VENUE_ID}: "
            "a spot pair has neither funding nor open interest"
        )
    return "activeAssetCtx"


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the stream name of a symbol's channel, such as ``candle:BTC:1m``."""
    kind = _kind(symbol, channel)
    interval = f":{channel.interval}" if isinstance(channel, Candles) else ""
    return f"{kind}:{symbol}{interval}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades):
        return SLOTS.index("trades")
    if isinstance(channel, Lob):
        return SLOTS.index("bbo" if channel.kind == "bbo" else "l2Book")
    return SLOTS.index("candle" if isinstance(channel, Candles) else "activeAssetCtx")


def _frame(method: str, symbol: str, channel: Channel) -> str:
    subscription = {"type": _kind(symbol, channel), "coin": symbol}
    if isinstance(channel, Candles):
        subscription["interval"] = channel.interval
    return msgspec.json.encode({"method": method, "subscription": subscription}).decode()


def resync_frames(symbol: str, channel: Channel) -> tuple[str, ...]:
    """Return the frames that make the venue begin a stream anew."""
    return _frame("unsubscribe", symbol, channel), _frame("subscribe", symbol, channel)


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, equal ones once."""
    wanted: dict[str, Subscription] = {}
    for subscription in subscriptions:
        name = stream_name(table[subscription.inst].symbol, subscription.channel)
        wanted.setdefault(name, subscription)
    if len(wanted) > MAX_ALL:
        raise ConfigError(
            f"{len(wanted)} subscriptions, but {VENUE_ID} allows {MAX_ALL} an address; "
            "take fewer instruments or channels"
        )
    names = list(wanted)
    plans = []
    for start in range(0, len(names), MAX_STREAMS):
        shard = names[start : start + MAX_STREAMS]
        plans.append(
            StreamPlan(
                url=f"{endpoints.ws.rstrip('/')}/ws",
                frames=tuple(
                    _frame("subscribe", table[s.inst].symbol, s.channel)
                    for s in map(wanted.__getitem__, shard)
                ),
                names=tuple(shard),
                subscriptions=tuple(wanted[name] for name in shard),
                ping=PING,
                ping_s=PING_S,
            )
        )
    return plans
