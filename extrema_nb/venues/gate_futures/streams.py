"""Channels and connections of Gate futures: one route for each kind and currency of settlement."""

from __future__ import annotations

from collections.abc import Sequence

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
from extrema_nb.market import StreamPlan
from extrema_nb.venues import check_channel
from extrema_nb.venues._gate.streams import bar, incremental, kind_of, plans
from extrema_nb.venues.gate_futures.instruments import VENUE_ID
from extrema_nb.venues.gate_futures.symbols import is_delivery, settle_of

__all__ = ["CHANNELS", "DECIMALS", "SLOTS", "route_of", "slot_of", "stream_name", "stream_url"]

SLOTS = (
    "trades", "book_ticker", "order_book_update", "order_book", "candlesticks", "tickers",
    "public_liquidates",
)  # fmt: skip
CHANNELS: frozenset[type[Channel]] = frozenset(
    {Trades, Lob, Candles, Funding, OpenInterest, Liquidations}
)
DECIMALS = ("X-Gate-Size-Decimal", "1")  # sizes as text: some contracts are traded in parts
TOP_DEPTH = (1, 5, 10, 20, 50, 100)


def _lob(symbol: str, channel: Lob) -> str:
    kind = kind_of(VENUE_ID, channel)
    if kind == "bbo":
        return f"futures.book_ticker:{symbol}"
    if kind == "incremental":
        return incremental(VENUE_ID, "futures", symbol, channel, ("20",))
    if channel.depth not in TOP_DEPTH or channel.frequency_ms:
        raise ConfigError(
            f"no snapshot of {channel.depth} levels every {channel.frequency_ms} ms at "
            f"{VENUE_ID}; expected {', '.join(map(str, TOP_DEPTH))} levels at the venue's own "
            "pace, frequency_ms 0"
        )
    return f"futures.order_book:{symbol},{channel.depth},0"


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the name of a symbol's channel, such as ``futures.trades:BTC_USDT``.

    Funding and open interest come in one stream, the tickers.
    """
    check_channel(VENUE_ID, channel, CHANNELS)
    if isinstance(channel, Lob):
        return _lob(symbol, channel)
    if isinstance(channel, Candles):
        return f"futures.candlesticks:{bar(VENUE_ID, channel)},{symbol}"
    if isinstance(channel, Trades):
        if channel.aggregate:
            raise ConfigError(
                f"aggregate trades are not supported by {VENUE_ID}; it sends each match: Trades()"
            )
        return f"futures.trades:{symbol}"
    if isinstance(channel, Liquidations):
        if is_delivery(symbol):
            raise ConfigError(
                f"Liquidations of {symbol} is not supported by {VENUE_ID}: only of perpetuals"
            )
        return f"futures.public_liquidates:{symbol}"
    return f"futures.tickers:{symbol}"


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Lob):
        kinds = {"bbo": "book_ticker", "incremental": "order_book_update", "snapshot": "order_book"}
        return SLOTS.index(kinds[channel.kind])
    words = {Trades: "trades", Candles: "candlesticks", Liquidations: "public_liquidates"}
    return SLOTS.index(words.get(type(channel), "tickers"))


def route_of(symbol: str) -> str:
    """Return the path that serves a contract's streams."""
    delivery = "delivery/" if is_delivery(symbol) else ""
    return f"/v4/ws/{delivery}{settle_of(symbol)}"


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, each stream once."""
    base = endpoints.ws.rstrip("/")
    return plans(
        subscriptions,
        lambda wanted: stream_name(table[wanted.inst].symbol, wanted.channel),
        lambda wanted: base + route_of(table[wanted.inst].symbol),
        "futures",
        (DECIMALS,),
    )
