"""The public side of Coinbase Advanced Trade in one object: what feeds and replay ask of a venue."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Channel, Endpoints, Subscription, Trades
from extrema_nb.events import ABSENT, EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.market import BookSyncing, FrameDecoding, StreamPlan, Ticker
from extrema_nb.venues import MarketDefaults
from extrema_nb.venues.coinbase import instruments, rest, streams, symbols
from extrema_nb.venues.coinbase.decode import Decoder
from extrema_nb.venues.coinbase.sync import BookSync
from extrema_nb.wire import Request

__all__ = ["CoinbaseMarket"]


class CoinbaseMarket(MarketDefaults):
    """Implements `extrema_nb.market.MarketVenue`."""

    id = instruments.VENUE_ID
    endpoints = Endpoints(
        rest="https://api.coinbase.com", ws="wss://advanced-trade-ws.coinbase.com"
    )
    channels = streams.CHANNELS
    calls = frozenset({"instruments", "tickers", "book", "candles", "server_time"})
    ws_limits = streams.LIMITS
    snapshot_from = "stream"
    sequence_by_connection = True
    chained_trades: frozenset[Channel] = frozenset({Trades()})
    diff_slot = streams.SLOTS.index("l2_data")
    limits = (("requests", 10, 1.0, 2),)
    page_candles = rest.PAGE
    candles_by_window = True
    Decoder = Decoder
    BookSync = BookSync

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        return symbols.name_of(symbol)

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        return symbols.symbol_of(name)

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in an answer to one of `instruments_requests`."""
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

    def resync_frames(
        self, plan: StreamPlan, subscription: Subscription, table: InstrumentTable
    ) -> tuple[str, ...]:
        """Return the frames that make the venue push a book again."""
        del plan
        return streams.resync_frames(table[subscription.inst].symbol, subscription.channel)

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`."""
        return Decoder(table)

    def book_sync(
        self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000
    ) -> BookSyncing:
        """Return the state machine of one book."""
        return BookSync(inst, task_id=task_id, max_buffered=max_buffered)

    def public_headers(self, request: Request) -> dict[str, str]:
        """Ask past the venue's cache, which is a second old."""
        del request
        return {"Cache-Control": "no-cache"}

    def instruments_requests(self) -> tuple[Request, ...]:
        """Return the requests that together name all instruments."""
        return rest.products_requests()

    def tickers_requests(self) -> tuple[Request, ...]:
        """Return the requests that together give a ticker of each instrument."""
        return rest.products_requests()

    def decode_tickers(self, raw: bytes, ts_recv_us: int) -> list[Ticker]:
        """Return the tickers in an answer to one of `tickers_requests`."""
        return rest.decode_tickers(raw, ts_recv_us)

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for a book."""
        return rest.snapshot_request(symbol)

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a REST book."""
        return rest.decode_snapshot(raw, inst, ts_recv_us)

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for candles that open within `limit` intervals from `start_us` on."""
        return rest.candles_request(symbol, interval, start_us, limit)

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows of an answer, oldest first."""
        return rest.decode_candles(raw, inst, interval, ts_recv_us)

    def server_time_request(self) -> Request:
        """Return the request for the venue's clock."""
        return rest.server_time_request()

    def decode_server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        return rest.decode_server_time(raw)
