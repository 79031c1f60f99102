"""The public side of one market of Binance in one object: what feeds and replay ask of a venue."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Channel, Endpoints, Subscription, Trades
from extrema_nb.events import ABSENT
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import BookSyncing, FrameDecoding, StreamPlan, WsLimits
from extrema_nb.venues._binance import streams
from extrema_nb.venues._binance.decode import Decoder
from extrema_nb.venues._binance.rest import COMMON, OF_FUTURES, BinanceRest
from extrema_nb.venues._binance.sync import BookSync, SpotBookSync
from extrema_nb.wire import Request

__all__ = ["BinanceMarket"]


class BinanceMarket(BinanceRest):
    """Implements `extrema_nb.venues.MarketVenue`; a market derives from it and gives a `dialect`."""

    endpoints: Endpoints
    slots = streams.SLOTS
    funding_by_window = False
    chained_trades: frozenset[Channel] = frozenset({Trades(), Trades(aggregate=True)})
    diff_slot = streams.SLOTS.index("depth")
    used_headers: dict[str, str] = {"X-MBX-USED-WEIGHT-1M": "weight"}  # noqa: RUF012  # read only

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "dialect" not in vars(cls):
            return
        dialect = cls.dialect
        cls.id = dialect.id
        cls.endpoints = dialect.endpoints
        cls.channels = streams.channels_of(dialect)
        cls.calls = COMMON | OF_FUTURES if dialect.marked else COMMON
        cls.limits = (("weight", dialect.weight_a_minute, 60.0, 0),)
        cls.ws_limits = WsLimits(
            streams=streams.MAX_STREAMS,
            messages=dialect.messages_s,
            messages_s=1.0,
            connects=300,
            connects_s=300.0,
        )

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends, by window."""
        return {"weight": request.weight}

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        return self.dialect.name_of(symbol, "", "")

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        return self.dialect.symbol_of(name)

    def stream_name(self, symbol: str, channel: Channel) -> str:
        """Return the name of a public stream; raise ConfigError when there is none."""
        return streams.stream_name(self.dialect, symbol, channel)

    def stream_url(
        self, endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
    ) -> list[StreamPlan]:
        """Return the connections that carry `subscriptions`."""
        return streams.stream_url(self.dialect, endpoints, subscriptions, table)

    def slot_of(self, channel: Channel) -> int:
        """Return the place in `streams.SLOTS` of a channel's frames."""
        return streams.slot_of(channel)

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`."""
        return Decoder(table, self.dialect)

    def book_sync(
        self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000
    ) -> BookSyncing:
        """Return the state machine of one book."""
        kind = BookSync if self.dialect.chained else SpotBookSync
        return kind(inst, task_id=task_id, max_buffered=max_buffered)
