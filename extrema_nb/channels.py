"""Channels: what can be asked of a venue, in words that are the same for all venues."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

__all__ = [
    "INTERVALS",
    "INTERVAL_US",
    "AccountBalAndPos",
    "AccountOrders",
    "AccountPositions",
    "Candles",
    "Channel",
    "Endpoints",
    "Funding",
    "Liquidations",
    "Lob",
    "OpenInterest",
    "Subscription",
    "Trades",
    "parse_channel",
]

from extrema_nb.errors import ConfigError, nearest

INTERVAL_US: dict[str, int] = {
    "1s": 1_000_000,
    "1m": 60_000_000,
    "3m": 180_000_000,
    "5m": 300_000_000,
    "15m": 900_000_000,
    "30m": 1_800_000_000,
    "1h": 3_600_000_000,
    "2h": 7_200_000_000,
    "4h": 14_400_000_000,
    "6h": 21_600_000_000,
    "8h": 28_800_000_000,
    "12h": 43_200_000_000,
    "1d": 86_400_000_000,
    "3d": 259_200_000_000,
    "1w": 604_800_000_000,
    "1M": 2_678_400_000_000,  # the longest month
}  # length of a candle, µs
INTERVALS: tuple[str, ...] = tuple(INTERVAL_US)  # ``interval`` of a CANDLE row is the place in it


class Trades(msgspec.Struct, frozen=True):
    """Public trades: each match, or `aggregate` (one row a taker order and price)."""

    aggregate: bool = False


class Lob(msgspec.Struct, frozen=True):
    """Order book: best prices, the top `depth` levels, or every change.

    `kind` is ``"bbo"``, ``"snapshot"`` or ``"incremental"``; `frequency_ms` 0 is the fastest.
    """

    kind: str = "incremental"
    depth: int = 20  # levels of a snapshot
    frequency_ms: int = 0  # ms between messages


class Candles(msgspec.Struct, frozen=True):
    """Candles of an interval such as ``"1m"``."""

    interval: str = "1m"


class Funding(msgspec.Struct, frozen=True):
    """Funding rate, mark and index price: FUNDING rows."""


class OpenInterest(msgspec.Struct, frozen=True):
    """Open interest: FUNDING rows that hold ``open_interest`` and nothing else."""


class Liquidations(msgspec.Struct, frozen=True):
    """Orders that the venue placed to close somebody's position: LIQUIDATION rows."""


class AccountOrders(msgspec.Struct, frozen=True):
    """Reports about our orders."""


class AccountBalAndPos(msgspec.Struct, frozen=True):
    """Balances and positions of our account."""


class AccountPositions(msgspec.Struct, frozen=True):
    """Positions of our account."""


Channel = (
    Trades
    | Lob
    | Candles
    | Funding
    | OpenInterest
    | Liquidations
    | AccountOrders
    | AccountBalAndPos
    | AccountPositions
)

_WORDS: dict[str, Channel] = {
    "trade": Trades(),
    "agg_trade": Trades(aggregate=True),
    "bbo": Lob(kind="bbo"),
    "book": Lob(),
    "candle_1m": Candles("1m"),
    "funding": Funding(),
    "open_interest": OpenInterest(),
    "liquidation": Liquidations(),
}


def parse_channel(word: str) -> Channel:
    """Return the channel of a word of the command line or a TOML file.

    ``trade``, ``agg_trade``, ``bbo``, ``book``, ``book@100ms``, ``book20@100ms``,
    ``candle_<interval>``, ``funding``, ``open_interest``, ``liquidation``; and ``diff400`` for the
    changes of a book of 400 levels, where a venue has several.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word.startswith("candle_") and len(word) > len("candle_"):
        return Candles(word.removeprefix("candle_"))
    if word.startswith(("book", "diff")):
        levels, _, speed = word[4:].partition("@")
        millis = speed.removesuffix("ms")
        whole = all(text.isascii() and text.isdigit() for text in (levels or "0", millis or "0"))
        if whole and bool(speed) == bool(millis):
            frequency = int(millis or 0)
            if not levels:
                return Lob(frequency_ms=frequency)
            kind = "snapshot" if word.startswith("book") else "incremental"
            return Lob(kind, int(levels), frequency)
    raise ConfigError(
        f"unknown channel {word!r}; expected one of {', '.join(_WORDS)}, book20@100ms"
        + nearest(word, _WORDS)
    )


class Subscription(NamedTuple):
    """One channel of one instrument."""

    inst: int  # id in the InstrumentTable
    channel: Channel


class Endpoints(NamedTuple):
    """Where a venue is to be found; the local venue gives ``http://127.0.0.1:PORT`` ones."""

    rest: str
    ws: str
