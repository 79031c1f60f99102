"""Venues: one folder each, found by name. Pure translation: bytes in, rows out; no sockets."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Collection
from typing import NoReturn, cast
from urllib.parse import urlencode

from extrema_nb.channels import Channel, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.kernels.shapes import Shapes
from extrema_nb.market import (
    CALLS,
    CHANNELS,
    BookSyncing,
    FrameDecoding,
    LobPublicRest,
    LobWebsocket,
    MarketVenue,
    StreamPlan,
    Ticker,
    WsLimits,
)
from extrema_nb.wire import Request

__all__ = [
    "CALLS",
    "CHANNELS",
    "BookSyncing",
    "FrameDecoding",
    "LobPublicRest",
    "LobWebsocket",
    "MarketDefaults",
    "MarketVenue",
    "StreamPlan",
    "Ticker",
    "WsLimits",
    "can_trade",
    "check_channel",
    "known",
    "load",
    "shapes_of",
]


class MarketDefaults:
    """What most venues have in common, and a refusal for each REST call that one lacks.

    The market side of a venue derives from it and defines what it has.
    """

    id: str
    channels: frozenset[type[Channel]] = frozenset({Trades, Lob})
    calls: frozenset[str] = frozenset({"instruments", "book"})
    ws_limits = WsLimits()
    snapshot_from = "rest"
    fetched_joins = False
    wide_slots: frozenset[int] = frozenset()
    sequence_by_connection = False
    chained_trades: frozenset[Channel] = frozenset()
    limits: tuple[tuple[str, int, float, int], ...] = ()
    used_headers: dict[str, str] = {}  # noqa: RUF012  # read only
    page_candles = 1000
    candles_by_window = False
    page_funding = 1000
    funding_by_window = True

    def resync_frames(
        self, plan: StreamPlan, subscription: Subscription, table: InstrumentTable
    ) -> tuple[str, ...]:
        """Return nothing: snapshots are fetched."""
        return ()

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends: its weight of the first window, if there is one."""
        return {self.limits[0][0]: request.weight} if self.limits else {}

    def query(self, request: Request) -> str:
        """Return the parameters, percent-encoded."""
        return urlencode(request.params)

    def public_headers(self, request: Request) -> dict[str, str]:
        """Return the type of the body, where there is one."""
        return {"Content-Type": "application/json"} if request.body else {}

    def instruments_request(self) -> Request:
        """Return the first of `instruments_requests`."""
        return self.instruments_requests()[0]

    def instruments_requests(self) -> tuple[Request, ...]:
        """Refuse."""
        self._lacks("instruments")

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Refuse."""
        self._lacks("instruments")

    def tickers_requests(self) -> tuple[Request, ...]:
        """Refuse."""
        self._lacks("tickers")

    def decode_tickers(self, raw: bytes, ts_recv_us: int) -> list[Ticker]:
        """Refuse."""
        self._lacks("tickers")

    def snapshot_request(self, symbol: str) -> Request:
        """Refuse."""
        self._lacks("book")

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Refuse."""
        self._lacks("book")

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Refuse."""
        self._lacks("candles")

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Refuse."""
        self._lacks("candles")

    def funding_history_request(self, symbol: str, start_us: int, limit: int) -> Request:
        """Refuse."""
        self._lacks("funding_history")

    def decode_funding_history(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Refuse."""
        self._lacks("funding_history")

    def open_interest_request(self, symbol: str) -> Request:
        """Refuse."""
        self._lacks("open_interest")

    def decode_open_interest(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Refuse."""
        self._lacks("open_interest")

    def server_time_request(self) -> Request:
        """Refuse."""
        self._lacks("server_time")

    def decode_server_time(self, raw: bytes) -> int:
        """Refuse."""
        self._lacks("server_time")

    def is_snapshot(self, frame: bytes) -> bool:
        """Say no: snapshots come in the stream."""
        return False

    def wrap_snapshot(self, raw: bytes, symbol: str) -> bytes:
        """Return the answer as it is: it names its symbol."""
        return raw

    def snapshot_symbol(self, frame: bytes) -> str:
        """Return nothing: no frame is a REST snapshot."""
        return ""

    def _lacks(self, call: str) -> NoReturn:
        offers = ", ".join(name for name in CALLS if name in self.calls)
        raise ConfigError(f"REST call {call!r} is not supported by {self.id}; it offers {offers}")


def check_channel(venue: str, channel: Channel, offered: Collection[type[Channel]]) -> None:
    """Refuse a channel that a venue does not offer."""
    if type(channel) in offered:
        return
    word = type(channel).__name__
    if type(channel) not in CHANNELS:
        raise ConfigError(f"{word} is a private channel, not a public stream of {venue}")
    offers = ", ".join(kind.__name__ for kind in CHANNELS if kind in offered)
    raise ConfigError(f"{word} is not supported by {venue}; it offers {offers}")


def known() -> list[str]:
    """Return the ids of the venues there are, read from the folder.

    A folder whose name begins with an underscore holds what sister venues share.
    """
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg and not module.name.startswith("_")
    )


def load(venue: str) -> MarketVenue:
    """Return the VENUE object of a venue id such as ``"binance-usdm"``."""
    if venue not in known():
        raise ConfigError(
            f"unknown venue {venue!r}; there are: {', '.join(known())}" + nearest(venue, known())
        )
    module = importlib.import_module(f"{__name__}.{venue.replace('-', '_')}")
    return cast("MarketVenue", module.VENUE)


def can_trade(venue: MarketVenue) -> bool:
    """Whether the venue's private side is there: `extrema_nb.wire.TradingVenue`."""
    return all(hasattr(venue, name) for name in ("account", "order", "cancel", "sign"))


def shapes_of(venue: str) -> Shapes | None:
    """Return the tables of a venue's hot channels, ``SHAPES`` of its module ``shapes``, if any."""
    name = f"{__name__}.{venue.replace('-', '_')}"
    if venue not in known() or importlib.util.find_spec(f"{name}.shapes") is None:
        return None
    return cast("Shapes", importlib.import_module(f"{name}.shapes").SHAPES)
