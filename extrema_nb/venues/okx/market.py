"""The public side of OKX in one object: what feeds and replay ask of a venue."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Channel, Endpoints, Subscription
from extrema_nb.events import ABSENT, EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.market import BookSyncing, FrameDecoding, StreamPlan, Ticker
from extrema_nb.venues import CALLS, MarketDefaults
from extrema_nb.venues.okx import instruments, rest, streams, symbols
from extrema_nb.venues.okx.decode import Decoder
from extrema_nb.venues.okx.sync import BookSync
from extrema_nb.wire import Request

__all__ = ["OkxMarket"]


class OkxMarket(MarketDefaults):
    """Implements `extrema_nb.market.MarketVenue`."""

    id = instruments.VENUE_ID
    endpoints = Endpoints(rest="https://www.okx.com", ws="wss://ws.okx.com:8443")
    channels = streams.CHANNELS
    calls = frozenset(CALLS)
    ws_limits = streams.LIMITS
    diff_slot = streams.SLOTS.index("books")
    wide_slots = frozenset(map(streams.SLOTS.index, ("funding", "liquidation-orders")))
    snapshot_from = "stream"
    fetched_joins = True
    limits = rest.LIMITS
    page_candles = rest.PAGE_CANDLES
    candles_by_window = True
    page_funding = rest.PAGE_FUNDING
    is_snapshot = staticmethod(rest.is_snapshot)
    Decoder = Decoder
    BookSync = BookSync

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        return symbols.name_of(symbol)

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        return symbols.symbol_of(name)

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
        self,
        plan: StreamPlan,  # noqa: ARG002 - the stream is named alike on each connection
        subscription: Subscription,
        table: InstrumentTable,
    ) -> tuple[str, ...]:
        """Return the frames that make the venue push the snapshot of a book again."""
        return streams.resync_frames(subscription, table)

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`."""
        return Decoder(table)

    def book_sync(
        self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000
    ) -> BookSyncing:
        """Return the state machine of one book."""
        return BookSync(inst, task_id=task_id, max_buffered=max_buffered)

    def wrap_snapshot(self, raw: bytes, symbol: str) -> bytes:
        """Return a fetched book as a frame that names its symbol, for raw captures."""
        return rest.wrap_snapshot(raw, symbol)

    def snapshot_symbol(self, frame: bytes) -> str:
        """Return the symbol that a fetched book names, or an empty string."""
        return rest.snapshot_symbol(frame)

    def instruments_requests(self) -> tuple[Request, ...]:
        """Return the requests for spot, swaps and dated futures."""
        return rest.instruments_requests()

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in one of their answers."""
        return instruments.parse_instruments(raw)

    def tickers_requests(self) -> tuple[Request, ...]:
        """Return the requests for all tickers."""
        return rest.tickers_requests()

    def decode_tickers(self, raw: bytes, ts_recv_us: int) -> list[Ticker]:
        """Return the tickers in one of their answers."""
        return rest.decode_tickers(raw, ts_recv_us)

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for the deepest book."""
        return rest.snapshot_request(symbol)

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a fetched book."""
        return rest.decode_snapshot(raw, inst, ts_recv_us)

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for the candles of the `limit` intervals from `start_us` on."""
        return rest.candles_request(symbol, interval, start_us, limit)

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows, oldest first."""
        return rest.decode_candles(raw, inst, interval, ts_recv_us)

    def funding_history_request(self, symbol: str, start_us: int, limit: int) -> Request:
        """Return the request for the rates settled in the `limit` hours from `start_us` on."""
        return rest.funding_history_request(symbol, start_us, limit)

    def decode_funding_history(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return FUNDING rows, oldest first."""
        return rest.decode_funding_history(raw, inst, ts_recv_us)

    def open_interest_request(self, symbol: str) -> Request:
        """Return the request for the open interest now."""
        return rest.open_interest_request(symbol)

    def decode_open_interest(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return a FUNDING row that holds ``open_interest``."""
        return rest.decode_open_interest(raw, inst, ts_recv_us)

    def server_time_request(self) -> Request:
        """Return the request for the venue's clock."""
        return rest.server_time_request()

    def decode_server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        return rest.decode_server_time(raw)
