"""Streams of Gate: names, subscribe frames, connections.

A stream is named ``channel:payload``, the payload's parts joined by commas. Channels whose
payload is a list of symbols are asked for many at once, the others one a frame.
Requests leave out ``time``, which the venue wants for private channels only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from extrema_nb.channels import Candles, Lob, Subscription
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.market import StreamPlan, WsLimits

__all__ = ["BARS", "LIMITS", "MAX_STREAMS", "bar", "frames_of", "incremental", "kind_of", "plans"]

BARS = {
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "4h": "4h", "8h": "8h",
    "1d": "1d", "1w": "7d",
}  # fmt: skip
MAX_STREAMS = 200  # a connection; our choice, the venue states no limit
MAX_SYMBOLS = 100  # in a frame
PING_S = 10.0
LIMITS = WsLimits(streams=MAX_STREAMS, messages=20, messages_s=1.0, connects=100, connects_s=300.0)
LISTS = ("trades", "book_ticker", "tickers", "public_liquidates")  # payload: list of symbols
KINDS = ("bbo", "snapshot", "incremental")
DEEP, FAST = 400, 50  # levels of the two `obu` streams


def bar(venue: str, channel: Candles) -> str:
    """Return the venue's word for the interval of candles."""
    if channel.interval not in BARS:
        raise ConfigError(
            f"no candles of {channel.interval!r} at {venue}; expected {', '.join(BARS)}"
            + nearest(channel.interval, BARS)
        )
    return BARS[channel.interval]


def kind_of(venue: str, channel: Lob) -> str:
    """Return the kind of a book channel; refuse one that there is not."""
    if channel.kind not in KINDS:
        raise ConfigError(
            f"unknown book kind {channel.kind!r}; expected {', '.join(KINDS)}"
            + nearest(channel.kind, KINDS)
        )
    if channel.kind == "bbo" and channel.frequency_ms:
        raise ConfigError(
            f"{venue} sends the best prices at once, not every {channel.frequency_ms} ms; "
            "leave frequency_ms at 0"
        )
    return channel.kind


def incremental(venue: str, market: str, symbol: str, channel: Lob, fast: tuple[str, ...]) -> str:
    """Return the stream of a book's changes.

    400 levels, and 50 every 20 ms, come by ``obu`` with pushed snapshots; everything else by
    ``order_book_update`` with a fetched one: the whole book every 100 ms, or `fast` every 20 ms.
    """
    if channel.depth == DEEP and channel.frequency_ms in (0, 100):
        return f"{market}.obu:ob.{symbol}.{DEEP}"
    if channel.depth == FAST and channel.frequency_ms == 20:
        return f"{market}.obu:ob.{symbol}.{FAST}"
    if channel.frequency_ms in (0, 100):
        return f"{market}.order_book_update:{symbol},100ms"
    if channel.frequency_ms == 20:
        return ",".join((f"{market}.order_book_update:{symbol}", "20ms", *fast))
    raise ConfigError(f"no book every {channel.frequency_ms} ms at {venue}; expected 100 or 20 ms")


def frames_of(op: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the frames that subscribe to streams, or unsubscribe from them."""
    lists: dict[str, list[str]] = {}
    single = []
    for name in names:
        channel, _, payload = name.partition(":")
        if channel.partition(".")[2] in LISTS:
            lists.setdefault(channel, []).append(payload)
        else:
            single.append((channel, payload.split(",")))
    asked = [
        (channel, symbols[at : at + MAX_SYMBOLS])
        for channel, symbols in lists.items()
        for at in range(0, len(symbols), MAX_SYMBOLS)
    ]
    return tuple(
        msgspec.json.encode({"channel": channel, "event": op, "payload": payload}).decode()
        for channel, payload in [*asked, *single]
    )


def plans(
    subscriptions: Sequence[Subscription],
    name_of: Callable[[Subscription], str],
    url_of: Callable[[Subscription], str],
    market: str,
    headers: tuple[tuple[str, str], ...] = (),
) -> list[StreamPlan]:
    """Return the connections that carry `subscriptions`, each stream once."""
    routes: dict[str, dict[str, Subscription]] = {}
    for subscription in subscriptions:
        wanted = routes.setdefault(url_of(subscription), {})
        wanted.setdefault(name_of(subscription), subscription)
    found = []
    for url, wanted in routes.items():
        names = list(wanted)
        for start in range(0, len(names), MAX_STREAMS):
            shard = names[start : start + MAX_STREAMS]
            found.append(
                StreamPlan(
                    url=url,
                    frames=frames_of("subscribe", shard),
                    names=tuple(shard),
                    subscriptions=tuple(wanted[name] for name in shard),
                    ping=f'{{"channel":"{market}.ping"}}',
                    ping_s=PING_S,
                    headers=headers,
                )
            )
    return found
