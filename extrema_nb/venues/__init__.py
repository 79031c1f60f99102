"""Venues: one folder each, found by name. Pure translation: bytes in, rows out; no sockets."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from extrema_nb.channels import Channel, Endpoints, Subscription
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.wire import Request

__all__ = [
    "BookSyncing",
    "FrameDecoding",
    "MarketVenue",
    "StreamPlan",
    "known",
    "load",
]


class StreamPlan(NamedTuple):
    """One connection: where to, what to say, and what will come."""

    url: str
    frames: tuple[str, ...]  # subscribe frames to send after connecting, often none
    names: tuple[str, ...]  # the venue's stream names, in the order of `subscriptions`
    subscriptions: tuple[Subscription, ...]


class FrameDecoding(Protocol):
    """Frames of public streams into rows; one object a feed.

    After `decode`, `inst` and `slot` tell what the frame was about (-1: no data), `slot` being
    the channel's place in ``SLOTS``.
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


class BookSyncing(Protocol):
    """Snapshot and diffs of one book into rows that are in sequence, or say that they are not.

    Every method returns rows to publish, valid until the next call; they may be the rows it got.
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


class MarketVenue(Protocol):
    """What feeds and replay need of a venue; pure functions."""

    id: str
    endpoints: Endpoints  # the live ones
    diff_slot: int  # `FrameDecoding.slot` of book diffs, which need a `BookSyncing`
    limits: tuple[tuple[str, int, float, int], ...]  # window, capacity, seconds, reserve
    used_headers: dict[str, str]  # response header -> window whose use it reports

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends, by window."""
        ...

    def query(self, request: Request) -> str:
        """Return the query string of a request that needs no signature."""
        ...

    def name_of(self, symbol: str) -> str:
        """Return the normalized name of a symbol."""
        ...

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a normalized name."""
        ...

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in the answer to `instruments_request`."""
        ...

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

    def decoder(self, table: InstrumentTable) -> FrameDecoding:
        """Return a decoder for the instruments of `table`; the class itself is ``Decoder``."""
        ...

    def book_sync(self, inst: int, *, task_id: int = -1, max_buffered: int = 1000) -> BookSyncing:
        """Return the state machine of one book; the class itself is ``BookSync``."""
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

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a REST book snapshot."""
        ...

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows of a REST answer, oldest first."""
        ...

    def instruments_request(self) -> Request:
        """Return the request for all instruments."""
        ...

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for a book snapshot, as deep as `book_sync` wants it."""
        ...

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for candles that open at `start_us` or later, oldest first."""
        ...


def known() -> list[str]:
    """Return the ids of the venues there are, read from the folder."""
    return sorted(
        module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if module.ispkg
    )


def load(venue: str) -> MarketVenue:
    """Return the VENUE object of a venue id such as ``"binance-usdm"``."""
    if venue not in known():
        raise ConfigError(
            f"unknown venue {venue!r}; there are: {', '.join(known())}" + nearest(venue, known())
        )
    module = importlib.import_module(f"{__name__}.{venue.replace('-', '_')}")
    return cast("MarketVenue", module.VENUE)
