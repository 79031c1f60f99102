"""The market side of a venue as a port: streams, public REST, and what they say.

A venue's folder implements it (`extrema_nb.venues`), feeds and replay ask for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

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
from extrema_nb.events import EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.wire import Request

__all__ = [
    "CALLS",
    "CHANNELS",
    "BookSyncing",
    "ConnectionDecoding",
    "FrameDecoding",
    "LobPublicRest",
    "LobWebsocket",
    "MarketVenue",
    "StreamPlan",
    "Ticker",
    "WsLimits",
]

NAN = float("nan")
CHANNELS: tuple[type[Channel], ...] = (
    Trades,
    Lob,
    Candles,
    Funding,
    OpenInterest,
    Liquidations,
)  # the public ones
CALLS = (
    "instruments",
    "tickers",
    "book",
    "candles",
    "funding_history",
    "open_interest",
    "server_time",
)  # public REST, by name


class StreamPlan(NamedTuple):
    """One connection: where to, what to say, and what will come."""

    url: str
    frames: tuple[str, ...]  # subscribe frames to send after connecting, often none
    names: tuple[str, ...]  # the venue's stream names, in the order of `subscriptions`
    subscriptions: tuple[Subscription, ...]
    ping: str = ""  # heartbeat frame that the client sends; empty: WebSocket pings do
    ping_s: float = 0.0  # how often it is sent
    life_s: float = 0.0  # the connection is replaced before this age; 0: the venue sets none
    headers: tuple[tuple[str, str], ...] = ()  # (name, value) of the request to connect


class WsLimits(NamedTuple):
    """What a venue allows its public connections; 0 where it states no limit."""

    streams: int = 0  # on one connection
    messages: int = 0  # from the client on one connection, in `messages_s`
    messages_s: float = 1.0
    connects: int = 0  # new connections of one address, in `connects_s`
    connects_s: float = 300.0
    frame_bytes: int = 0  # of one frame from the client


class Ticker(NamedTuple):
    """What a venue says in short about one instrument; NaN where it says nothing."""

    symbol: str
    ts_event: int  # µs; when the answer came, where the venue gives no time
    last: float  # price of the last trade; of venues without it the mid or mark price
    bid_price: float = NAN
    bid_qty: float = NAN
    ask_price: float = NAN
    ask_qty: float = NAN
    volume: float = NAN  # 24 h, base units or contracts
    turnover: float = NAN  # 24 h, quote units


class FrameDecoding(Protocol):
    """Frames of public streams into rows; one object a feed.

    After `decode`, `inst` and `slot` tell what the frame was about (-1: no data, such as a
    heartbeat or an acknowledgement), `slot` being the channel's place in ``SLOTS``. A frame that
    carries several instruments leaves those of its last row.
    """

    inst: int
    slot: int
    unknown: dict[str, int]  # event type -> frames ignored

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write rows from ``out[n]`` on and return the new `n`.

        Raises VenueDecodeError for a frame that is not what it claims, VenueError for an error
        frame of the venue, DataError when `out` is too small.
        """
        ...


class ConnectionDecoding(FrameDecoding, Protocol):
    """A decoder of a venue that counts messages by connection."""

    source: object  # names the connection of the next frame; None where nobody knows

    def line_paces(self) -> dict[str, tuple[int, int, int, int]]:
        """Return how numbers go on (`kernels.memory`) of connections that need not be asked each.

        They are named as in the frames; "" where frames do not say, then it is that of `source`.
        """
        ...

    def line_went_on(self, high: int, stamp: int, books: dict[int, int], name: str = "") -> None:
        """Take note that messages up to `high` have passed as `line_paces` allowed.

        Parameters
        ----------
        name : of the connection
        stamp : the venue's time of the last one, µs
        books : instrument -> lifted number of its last message
        """
        ...


class BookSyncing(Protocol):
    """Snapshot and diffs of one book into rows that are in sequence, or say that they are not.

    Every method returns rows to publish, valid until the next call; they may be the rows it got.
    Where snapshots come in the stream (`MarketVenue.snapshot_from`), `on_diff` takes them too: the
    first of their rows is flagged START.
    """

    inst: int
    gaps: int
    duplicates: int  # messages dropped because they were seen before
    superseded: int  # buffered messages that the snapshot already contained
    resyncs: int

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book can not go on without a snapshot."""
        ...

    def on_diff(self, rows: EventArray) -> EventArray:
        """Take the rows of one diff message."""
        ...

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Take the rows of a snapshot."""
        ...

    def on_disconnect(self, ts_recv: int) -> EventArray:
        """Take the end of the connection: what was missed can only come as a snapshot."""
        ...

    def flush(self, ts_recv: int) -> EventArray:
        """Give up waiting: return what is buffered, flagged STALE (end of a file)."""
        ...


class LobWebsocket(Protocol):
    """The streams of a venue; pure functions."""

    id: str
    endpoints: Endpoints  # the live ones
    channels: frozenset[type[Channel]]  # what it offers; others raise ConfigError
    ws_limits: WsLimits
    diff_slot: int  # `FrameDecoding.slot` of book diffs, which need a `BookSyncing`
    wide_slots: frozenset[int]  # slots whose frames may be about instruments nobody asked for
    snapshot_from: str  # of a book: "rest" is fetched, "stream" is the channel's first push
    fetched_joins: bool  # a book whose snapshot is pushed takes a fetched one as well
    # each connection counts its own messages; the decoder's `source` names it where frames do not
    sequence_by_connection: bool
    chained_trades: frozenset[Channel]  # channels whose trade ids follow each other one by one

    def stream_name(self, symbol: str, channel: Channel) -> str:
        """Return the venue's name of a public stream; raise ConfigError when it has none."""
        ...

    def stream_url(
        self, endpoints: Endpoints, subscriptions: Sequence[Subscription], table: InstrumentTable
    ) -> list[StreamPlan]:
        """Return the connections that carry `subscriptions`."""
        ...

    def slot_of(self, channel: Channel) -> int:
        """Return the `FrameDecoding.slot` of a channel's frames."""
        ...

    def resync_frames(
        self, plan: StreamPlan, subscription: Subscription, table: InstrumentTable
    ) -> tuple[str, ...]:
        """Return the frames that make the venue push a book's snapshot again.

        Empty for a book whose snapshot is fetched.
        """
        ...

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`; the class itself is ``Decoder``."""
        ...

    def book_sync(self, inst: int, *, task_id: int = -1, max_buffered: int = 1000) -> BookSyncing:
        """Return the state machine of one book; the class itself is ``BookSync``."""
        ...


class LobPublicRest(Protocol):
    """Public REST of a venue: requests, and what their answers say; pure functions.

    A call that is not among `calls` raises ConfigError.
    """

    id: str
    calls: frozenset[str]  # of `CALLS`, what it offers
    limits: tuple[tuple[str, int, float, int], ...]  # window, capacity, seconds, reserve
    used_headers: dict[str, str]  # response header -> window whose use it reports
    page_candles: int  # how many candles to ask for at once
    candles_by_window: bool  # an answer holds `limit` intervals of time, not `limit` candles
    page_funding: int  # how many funding rates to ask for at once
    funding_by_window: bool  # an answer holds `limit` hours, not `limit` rates

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends, by window."""
        ...

    def query(self, request: Request) -> str:
        """Return the query string of a request that needs no signature."""
        ...

    def public_headers(self, request: Request) -> dict[str, str]:
        """Return the headers of a request that needs no signature."""
        ...

    def instruments_requests(self) -> tuple[Request, ...]:
        """Return the requests that together name all instruments."""
        ...

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in an answer to one of `instruments_requests`."""
        ...

    def tickers_requests(self) -> tuple[Request, ...]:
        """Return the requests that together give a ticker of each instrument."""
        ...

    def decode_tickers(self, raw: bytes, ts_recv_us: int) -> list[Ticker]:
        """Return the tickers in an answer to one of `tickers_requests`."""
        ...

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for a book, as deep as `book_sync` wants it."""
        ...

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a REST book: SNAPSHOT, the first one START."""
        ...

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for candles that open at `start_us` or later."""
        ...

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows of an answer, oldest first, whatever order it has."""
        ...

    def funding_history_request(self, symbol: str, start_us: int, limit: int) -> Request:
        """Return the request for funding rates settled at `start_us` or later.

        Those of `limit` hours or the first `limit` of them, as `funding_by_window` says.
        """
        ...

    def decode_funding_history(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return FUNDING rows, oldest first; ``ts_event`` is when the rate was settled."""
        ...

    def open_interest_request(self, symbol: str) -> Request:
        """Return the request for the open interest now."""
        ...

    def decode_open_interest(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return a FUNDING row that holds ``open_interest``."""
        ...

    def server_time_request(self) -> Request:
        """Return the request for the venue's clock."""
        ...

    def decode_server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        ...


class MarketVenue(LobWebsocket, LobPublicRest, Protocol):
    """What feeds and replay need of a venue; pure functions."""

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        ...

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        ...

    def is_snapshot(self, frame: bytes) -> bool:
        """Whether `frame` is a REST book snapshot standing in a capture."""
        ...

    def wrap_snapshot(self, raw: bytes, symbol: str) -> bytes:
        """Return a snapshot as a frame that names its symbol, for raw captures."""
        ...

    def snapshot_symbol(self, frame: bytes) -> str:
        """Return the symbol that a snapshot names, or an empty string."""
        ...

    def instruments_request(self) -> Request:
        """Return the first of `instruments_requests`; enough where there is but one."""
        ...
