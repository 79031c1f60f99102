"""Channels of Coinbase Advanced Trade: one subscribe frame a channel, with many products.

Names here are ours, ``channel:product``. The channel ``heartbeats`` is always asked for: without
it a connection is closed when its products are silent for a minute.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extrema_nb.channels import Candles, Channel, Endpoints, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import StreamPlan, WsLimits
from extrema_nb.venues import check_channel
from extrema_nb.venues.coinbase.instruments import VENUE_ID

__all__ = [
    "CHANNELS",
    "GRANULARITY",
    "LIMITS",
    "SLOTS",
    "resync_frames",
    "slot_of",
    "stream_name",
    "stream_url",
]

CHANNELS: frozenset[type[Channel]] = frozenset({Trades, Lob, Candles})
GRANULARITY = {
    "1m": "ONE_MINUTE",
    "5m": "FIVE_MINUTE",
    "15m": "FIFTEEN_MINUTE",
    "30m": "THIRTY_MINUTE",
    "1h": "ONE_HOUR",
    "2h": "TWO_HOUR",
    "6h": "SIX_HOUR",
    "1d": "ONE_DAY",
}  # fmt: skip - of REST
SLOTS = ("market_trades", "ticker", "l2_data", "candles")
ASKED = {"l2_data": "level2"}  # a channel that is asked for by another name
STREAMED = "5m"  # the only candles in the stream
MAX_STREAMS = 200  # a connection; the venue states no limit
MAX_PRODUCTS = 100  # a frame
HEARTBEATS = '{"type":"subscribe","channel":"heartbeats"}'
LIMITS = WsLimits(streams=MAX_STREAMS, messages=8, messages_s=1.0, connects=8, connects_s=1.0)


def _lob(channel: Lob) -> str:
    if channel.frequency_ms:
        raise ConfigError(
            f"a book every {channel.frequency_ms} ms is not supported by {VENUE_ID}; "
            "leave frequency_ms at 0"
        )
    if channel.kind == "bbo":
        return "ticker"
    if channel.kind == "incremental":
        return "l2_data"
    raise ConfigError(
        f"a book of kind {channel.kind!r} is not supported by {VENUE_ID}; it sends every change of "
        "the whole book, or the best prices at each trade: ask for book or bbo"
    )


def _kind(channel: Channel) -> str:
    check_channel(VENUE_ID, channel, CHANNELS)
    if isinstance(channel, Trades):
        if channel.aggregate:
            raise ConfigError(f"aggregated trades are not supported by {VENUE_ID}; ask for trade")
        return "market_trades"
    if isinstance(channel, Lob):
        return _lob(channel)
    if isinstance(channel, Candles) and channel.interval != STREAMED:
        raise ConfigError(
            f"streamed candles of {channel.interval!r} are not supported by {VENUE_ID}; "
            f"expected {STREAMED} (its REST has {', '.join(GRANULARITY)})"
        )
    return "candles"


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the stream name of a product's channel, such as ``level2:BTC-USD``."""
    kind = _kind(channel)
    return f"{ASKED.get(kind, kind)}:{symbol}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades):
        return SLOTS.index("market_trades")
    if isinstance(channel, Lob):
        return SLOTS.index("ticker" if channel.kind == "bbo" else "l2_data")
    return SLOTS.index("candles")


def _frame(kind: str, channel: str, products: Sequence[str]) -> str:
    body = {"type": kind, "product_ids": list(products), "channel": channel}
    return msgspec.json.encode(body).decode()


def resync_frames(symbol: str, channel: Channel) -> tuple[str, ...]:
    """Return the frames that make the venue begin a stream anew."""
    name = stream_name(symbol, channel).partition(":")[0]
    return _frame("unsubscribe", name, [symbol]), _frame("subscribe", name, [symbol])


def _frames(names: Sequence[str]) -> tuple[str, ...]:
    products: dict[str, list[str]] = {}
    for name in names:
        channel, _, product = name.partition(":")
        products.setdefault(channel, []).append(product)
    return HEARTBEATS, *(
        _frame("subscribe", channel, wanted[start : start + MAX_PRODUCTS])
        for channel, wanted in products.items()
        for start in range(0, len(wanted), MAX_PRODUCTS)
    )


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, equal ones once."""
    wanted: dict[str, Subscription] = {}
    for subscription in subscriptions:
        name = stream_name(table[subscription.inst].symbol, subscription.channel)
        wanted.setdefault(name, subscription)
    for name in wanted:
        if name + "C" in wanted and name.endswith("-USD"):
            raise ConfigError(
                f"{name} and {name}C: {VENUE_ID} sends one stream for both, under the name of the "
                "first; subscribe to one of them"
            )
    names = list(wanted)
    plans = []
    for start in range(0, len(names), MAX_STREAMS):
        shard = names[start : start + MAX_STREAMS]
        plans.append(
            StreamPlan(
                url=endpoints.ws.rstrip("/"),
                frames=_frames(shard),
                names=tuple(shard),
                subscriptions=tuple(wanted[name] for name in shard),
            )
        )
    return plans
