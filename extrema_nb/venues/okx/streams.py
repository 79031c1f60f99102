"""Channels, routes and connections of OKX.

A stream is named ``channel:instId``; liquidations come for a whole market, ``channel:instType``.
Candles and single trades are served by the route ``business``, everything else by ``public``;
asked for on the wrong one, the venue answers with error 60018.
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
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import StreamPlan, WsLimits
from extrema_nb.venues import check_channel
from extrema_nb.venues.okx.instruments import VENUE_ID
from extrema_nb.venues.okx.symbols import family_of, type_of

__all__ = [
    "BARS",
    "CHANNELS",
    "LIMITS",
    "SLOTS",
    "resync_frames",
    "route_of",
    "slot_of",
    "stream_name",
    "stream_names",
    "stream_url",
]

SLOTS = (
    "trades-all", "trades", "bbo-tbt", "books", "books5", "candle", "funding", "open-interest",
    "liquidation-orders",
)  # fmt: skip
CHANNELS: frozenset[type[Channel]] = frozenset(
    {Trades, Lob, Candles, Funding, OpenInterest, Liquidations}
)
# from 6 hours on a bar without "utc" opens by Hong Kong time
BARS = {
    "1s": "1s", "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1H",
    "2h": "2H", "4h": "4H", "6h": "6Hutc", "12h": "12Hutc", "1d": "1Dutc", "3d": "3Dutc",
    "1w": "1Wutc", "1M": "1Mutc",
}  # fmt: skip
DERIVATIVES = ("SWAP", "FUTURES")
MAX_STREAMS = 100  # a connection; so that all its books can be asked for anew twice an hour
MAX_ARGS = 120  # a frame: 120 of at most 100 letters stay far below 64 KiB
PING_S = 20.0  # the venue closes after 30 s without a frame from us or for us
LIMITS = WsLimits(
    streams=MAX_STREAMS,
    messages=480,  # subscribe, unsubscribe and login
    messages_s=3600.0,
    connects=3,
    connects_s=1.0,
    frame_bytes=65_536,
)


def _lob(channel: Lob) -> str:
    if channel.kind == "bbo":
        if channel.frequency_ms not in (0, 10):
            raise ConfigError(
                f"okx sends the best prices every 10 ms, not every {channel.frequency_ms}; "
                "leave frequency_ms at 0"
            )
        return "bbo-tbt"
    if channel.kind == "incremental":
        if channel.frequency_ms not in (0, 100):
            raise ConfigError(
                f"no public book every {channel.frequency_ms} ms at okx, expected 100; "
                "its faster books need a login with VIP level"
            )
        return "books"
    if channel.kind == "snapshot":
        if channel.depth != 5 or channel.frequency_ms not in (0, 100):
            raise ConfigError(
                f"no snapshot of {channel.depth} levels every {channel.frequency_ms} ms at okx; "
                "expected 5 levels every 100 ms"
            )
        return "books5"
    kinds = ("bbo", "snapshot", "incremental")
    raise ConfigError(
        f"unknown book kind {channel.kind!r}; expected {', '.join(kinds)}"
        + nearest(channel.kind, kinds)
    )


def stream_names(symbol: str, channel: Channel) -> tuple[str, ...]:
    """Return the streams that together are a channel of a symbol; most often one.

    Funding is three of a swap (rate, mark price, index) and two of a dated future.
    """
    check_channel(VENUE_ID, channel, CHANNELS)
    kind = type_of(symbol)
    if isinstance(channel, Trades):
        return (f"trades:{symbol}" if channel.aggregate else f"trades-all:{symbol}",)
    if isinstance(channel, Lob):
        return (f"{_lob(channel)}:{symbol}",)
    if isinstance(channel, Candles):
        if channel.interval not in BARS:
            raise ConfigError(
                f"no candles of {channel.interval!r} at okx; expected {', '.join(BARS)}"
                + nearest(channel.interval, BARS)
            )
        return (f"candle{BARS[channel.interval]}:{symbol}",)
    if kind not in DERIVATIVES:
        raise ConfigError(
            f"{type(channel).__name__} of {symbol} is not supported by okx: it is a matter of "
            f"swaps and futures, not of {kind}"
        )
    if isinstance(channel, OpenInterest):
        return (f"open-interest:{symbol}",)
    if isinstance(channel, Liquidations):
        return (f"liquidation-orders:{kind}",)
    rate = (f"funding-rate:{symbol}",) if kind == "SWAP" else ()
    return (*rate, f"mark-price:{symbol}", f"index-tickers:{family_of(symbol)}")


def stream_name(symbol: str, channel: Channel) -> str:
    """Return the first of `stream_names`."""
    return stream_names(symbol, channel)[0]


def slot_of(channel: Channel) -> int:
    """Return the place in `SLOTS` of a public channel's frames."""
    if isinstance(channel, Trades):
        return SLOTS.index("trades" if channel.aggregate else "trades-all")
    if isinstance(channel, Lob):
        kinds = {"bbo": "bbo-tbt", "incremental": "books", "snapshot": "books5"}
        return SLOTS.index(kinds[channel.kind])
    words = {
        Candles: "candle",
        Funding: "funding",
        OpenInterest: "open-interest",
        Liquidations: "liquidation-orders",
    }
    return SLOTS.index(words[type(channel)])


def route_of(name: str) -> str:
    """Return ``"public"`` or ``"business"``, the route that serves the stream `name`."""
    return "business" if name.startswith(("candle", "trades-all:")) else "public"


def _arg(name: str) -> dict[str, str]:
    channel, _, of = name.partition(":")
    key = "instType" if channel == "liquidation-orders" else "instId"
    return {"channel": channel, key: of}


def _frame(op: str, names: Sequence[str]) -> str:
    return msgspec.json.encode({"op": op, "args": [_arg(name) for name in names]}).decode()


def stream_url(
    endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, each stream once."""
    routes: dict[str, dict[str, Subscription]] = {"public": {}, "business": {}}
    for subscription in subscriptions:
        for name in stream_names(table[subscription.inst].symbol, subscription.channel):
            routes[route_of(name)].setdefault(name, subscription)
    plans = []
    for route, wanted in routes.items():
        names = list(wanted)
        for start in range(0, len(names), MAX_STREAMS):
            shard = names[start : start + MAX_STREAMS]
            plans.append(
                StreamPlan(
                    url=f"{endpoints.ws.rstrip('/')}/ws/v5/{route}",
                    frames=tuple(
                        _frame("subscribe", shard[at : at + MAX_ARGS])
                        for at in range(0, len(shard), MAX_ARGS)
                    ),
                    names=tuple(shard),
                    subscriptions=tuple(wanted[name] for name in shard),
                    ping="ping",
                    ping_s=PING_S,
                )
            )
    return plans


def resync_frames(subscription: Subscription, table: InstrumentTable) -> tuple[str, ...]:
    """Return the frames that make the venue push the snapshot of a book again."""
    names = stream_names(table[subscription.inst].symbol, subscription.channel)
    return _frame("unsubscribe", names), _frame("subscribe", names)
