"""Channels of the dYdX indexer: one subscribe frame a stream, all on one URL.

Names here are ours, ``channel:id``. A connection may have 32 ids of a channel, and subscribe twice a
second to each of them; the venue closes what does more.
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
    OpenInterest,
    Subscription,
    Trades,
)
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import StreamPlan, WsLimits
from extrema_nb.venues import check_channel
from extrema_nb.venues.dydx.instruments import VENUE_ID

__all__ = [
    "CHANNELS",
    "LIMITS",
    "MARKETS",
    "RESOLUTIONS",
    "SLOTS",
    "resync_frames",
    "slot_of",
    "stream_name",
    "stream_url",
]

CHANNELS: frozenset[type[Channel]] = frozenset(
    {Trades, Lob, Candles, Funding, OpenInterest, Liquidations}
)
RESOLUTIONS = {
    "1m": "1MIN", "5m": "5MINS", "15m": "15MINS", "30m": "30MINS", "1h": "1HOUR", "4h": "4HOURS",
    "1d": "1DAY",
}  # fmt: skip
SLOTS = ("v4_trades", "v4_orderbook", "v4_candles", "v4_markets")
MARKETS = "v4_markets"  # tells of all markets at once, has no id
MAX_IDS = 32  # of one channel on one connection
LIMITS = WsLimits(streams=MAX_IDS * 3 + 1, messages=10, messages_s=1.0)


def _lob(channel: Lob) -> str:
    if channel.kind != "incremental":
        raise ConfigError(
            f"a book of kind {channel.kind!r} is not supported by {VENUE_ID}; it sends every change "
            "and nothing else: ask for book, the best prices are in it"
        )
    if channel.frequency_ms:
        raise ConfigError(
            f"a book every {channel.frequency_ms} ms is not supported by {VENUE_ID}; "
            "leave frequency_ms at 0"
        )
    return "v4_orderbook"


def _key(symbol: str, channel: Channel) -> tuple[str, str]:
    """Return the venue's channel and id of a stream."""
    check_channel(VENUE_ID, channel, CHANNELS)
    if isinstance(channel, Trades):
        if channel.aggregate:
            raise ConfigError(f"aggregated trades are not supported by {VENUE_ID}; ask for trade")
        return "v4_trades", symbol
    if isinstance(channel, Liquidations):
        return "v4_trades", symbol
    if isinstance(channel, Lob):
        return _lob(channel), symbol
    if isinstance(channel, Candles):
        if channel.interval not in RESOLUTIONS:
            raise ConfigError(
                f"candles of {channel.interval!r} are not supported by {VENUE_ID}; "
                f"expected {', '.join(RESOLUTIONS)}"
            )
        return "v4_candles", f"{symbol}/{RESOLUTIONS[channel.interval]}"
    return MARKETS, ""


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the stream name of a symbol's channel, such as ``v4_candles:BTC-USD/1MIN``."""
    kind, key = _key(symbol, channel)
    return f"{kind}:{key}" if key else kind


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades | Liquidations):
        return SLOTS.index("v4_trades")
    if isinstance(channel, Lob):
        return SLOTS.index("v4_orderbook")
    return SLOTS.index("v4_candles" if isinstance(channel, Candles) else MARKETS)


def _frame(kind: str, symbol: str, channel: Channel) -> str:
    name, key = _key(symbol, channel)
    body: dict[str, object] = {"type": kind, "channel": name}
    if key:
        body["id"] = key
    if kind == "subscribe":
        body["batched"] = False
    return msgspec.json.encode(body).decode()


def resync_frames(symbol: str, channel: Channel) -> tuple[str, ...]:
    """Return the frames that make the venue begin a stream anew."""
    return _frame("unsubscribe", symbol, channel), _frame("subscribe", symbol, channel)


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, equal ones once.

    Connection k carries the k-th 32 ids of each channel.
    """
    channels: dict[str, dict[str, Subscription]] = {}
    for subscription in subscriptions:
        kind, _ = _key(table[subscription.inst].symbol, subscription.channel)
        name = stream_name(table[subscription.inst].symbol, subscription.channel)
        channels.setdefault(kind, {}).setdefault(name, subscription)
    most = max((len(wanted) for wanted in channels.values()), default=0)
    plans = []
    for start in range(0, most, MAX_IDS):
        shard = {
            name: subscription
            for wanted in channels.values()
            for name, subscription in list(wanted.items())[start : start + MAX_IDS]
        }
        plans.append(
            StreamPlan(
                url=f"{endpoints.ws.rstrip('/')}/v4/ws",
                frames=tuple(
                    _frame("subscribe", table[s.inst].symbol, s.channel) for s in shard.values()
                ),
                names=tuple(shard),
                subscriptions=tuple(shard.values()),
            )
        )
    return plans
