"""Channels and connections of Gate spot."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Candles, Channel, Endpoints, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import StreamPlan
from extrema_nb.venues import check_channel
from extrema_nb.venues._gate.streams import bar, incremental, kind_of, plans
from extrema_nb.venues.gate_spot.instruments import VENUE_ID

__all__ = ["CHANNELS", "SLOTS", "slot_of", "stream_name", "stream_url"]

SLOTS = ("trades", "book_ticker", "order_book_update", "order_book", "candlesticks")
CHANNELS: frozenset[type[Channel]] = frozenset({Trades, Lob, Candles})
TOP_DEPTH = (5, 10, 20, 50, 100)
TOP_SPEED = (0, 100, 1000)


def _lob(symbol: str, channel: Lob) -> str:
    kind = kind_of(VENUE_ID, channel)
    if kind == "bbo":
        return f"spot.book_ticker:{symbol}"
    if kind == "incremental":
        return incremental(VENUE_ID, "spot", symbol, channel, ())
    if channel.depth not in TOP_DEPTH or channel.frequency_ms not in TOP_SPEED:
        raise ConfigError(
            f"no snapshot of {channel.depth} levels every {channel.frequency_ms} ms at "
            f"{VENUE_ID}; expected {', '.join(map(str, TOP_DEPTH))} levels every 100 or 1000 ms"
        )
    return f"spot.order_book:{symbol},{channel.depth},{channel.frequency_ms or 100}ms"


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the name of a symbol's channel, such as ``spot.order_book_update:BTC_USDT,100ms``."""
    check_channel(VENUE_ID, channel, CHANNELS)
    if isinstance(channel, Lob):
        return _lob(symbol, channel)
    if isinstance(channel, Candles):
        return f"spot.candlesticks:{bar(VENUE_ID, channel)},{symbol}"
    if isinstance(channel, Trades) and channel.aggregate:
        raise ConfigError(
            f"aggregate trades are not supported by {VENUE_ID}; it sends each match: Trades()"
        )
    return f"spot.trades:{symbol}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Lob):
        kinds = {"bbo": "book_ticker", "incremental": "order_book_update", "snapshot": "order_book"}
        return SLOTS.index(kinds[channel.kind])
    return SLOTS.index("trades" if isinstance(channel, Trades) else "candlesticks")


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, each stream once."""
    url = f"{endpoints.ws.rstrip('/')}/ws/v4/"
    return plans(
        subscriptions,
        lambda wanted: stream_name(table[wanted.inst].symbol, wanted.channel),
        lambda _: url,
        "spot",
    )
