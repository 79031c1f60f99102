"""The public side of Binance USD-M in one object: what feeds and replay ask of a venue."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Candles, Channel, Endpoints, Lob, Subscription, Trades
from extrema_nb.events import ABSENT, EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import BookSyncing, FrameDecoding, MarketDefaults, StreamPlan, WsLimits
from extrema_nb.venues.binance_usdm import instruments, rest, streams, symbols
from extrema_nb.venues.binance_usdm.decode import Decoder
from extrema_nb.venues.binance_usdm.sync import BookSync
from extrema_nb.wire import Request

__all__ = ["BinanceMarket"]


class BinanceMarket(MarketDefaults):
    """Implements `extrema_nb.venues.MarketVenue`."""

    endpoints = Endpoints(rest="https://fapi.binance.com", ws="wss://fstream.binance.com")
    channels: frozenset[type[Channel]] = frozenset({Trades, Lob, Candles})
    calls = frozenset({"instruments", "book", "candles"})
    ws_limits = WsLimits(
        streams=streams.MAX_STREAMS, messages=10, messages_s=1.0, connects=300, connects_s=300.0
    )
    diff_slot = streams.SLOTS.index("depth")
    is_snapshot = staticmethod(rest.is_snapshot)
    Decoder = Decoder
    BookSync = BookSync

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        return symbols.name_of(symbol)

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        return symbols.symbol_of(name)

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in an exchangeInfo answer."""
        return instruments.parse_instruments(raw)

    def stream_name(self, symbol: str, channel: Channel) -> str:
        """Return the name of a public stream; raise ConfigError when there is none."""
        return streams.stream_name(symbol, channel)

    def stream_url(
        self, endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
    ) -> list[StreamPlan]:
        """Return the connections that carry `subscriptions`."""
        return streams.stream_url(endpoints, subscriptions, table)

    def slot_of(self, channel: Channel) -> int:
        """Return the place in `streams.SLOTS` of a channel's frames."""
        return streams.slot_of(channel)

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`."""
        return Decoder(table)

    def book_sync(
        self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000
    ) -> BookSyncing:
        """Return the state machine of one book."""
        return BookSync(inst, task_id=task_id, max_buffered=max_buffered)

    def wrap_snapshot(self, raw: bytes, symbol: str) -> bytes:
        """Return a snapshot as a frame that names its symbol, for raw captures."""
        return rest.wrap_snapshot(raw, symbol)

    def snapshot_symbol(self, frame: bytes) -> str:
        """Return the symbol that a snapshot names, or an empty string."""
        return rest.snapshot_symbol(frame)

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a REST book snapshot."""
        return rest.decode_snapshot(raw, inst, ts_recv_us)

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows of a klines answer, oldest first."""
        return rest.decode_candles(raw, inst, interval, ts_recv_us)

    def instruments_requests(self) -> tuple[Request, ...]:
        """Return the request for all instruments."""
        return (rest.instruments_request(),)

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for the deepest book snapshot."""
        return rest.snapshot_request(symbol)

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for at most `limit` candles that open at `start_us` or later."""
        return rest.candles_request(symbol, interval, start_us, limit)
