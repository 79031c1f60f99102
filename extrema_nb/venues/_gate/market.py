"""The public side of a Gate market: what its markets share of `extrema_nb.market.MarketVenue`."""

from __future__ import annotations

from extrema_nb.channels import Subscription
from extrema_nb.events import ABSENT
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import BookSyncing, StreamPlan
from extrema_nb.venues import MarketDefaults
from extrema_nb.venues._gate import rest, streams
from extrema_nb.venues._gate.sync import BookSync
from extrema_nb.wire import Request

__all__ = ["GateMarket"]


class GateMarket(MarketDefaults):
    """Books, heartbeat, limits and time of Gate."""

    ws_limits = streams.LIMITS
    snapshot_from = "rest"
    fetched_joins = True
    limits = rest.LIMITS
    page_candles = rest.PAGE_CANDLES
    candles_by_window = True
    is_snapshot = staticmethod(rest.is_snapshot)
    BookSync = BookSync

    def resync_frames(
        self, plan: StreamPlan, subscription: Subscription, table: InstrumentTable
    ) -> tuple[str, ...]:
        """Return the frames that bring the whole book of an ``obu`` stream again.

        Nothing for ``order_book_update``, whose snapshot is fetched.
        """
        symbol = table[subscription.inst].symbol
        names = [name for name in plan.names if f".obu:ob.{symbol}." in name]
        return streams.frames_of("unsubscribe", names) + streams.frames_of("subscribe", names)

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

    def server_time_request(self) -> Request:
        """Return the request for the venue's clock."""
        return rest.server_time_request()

    def decode_server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        return rest.server_time(self.id, raw)
