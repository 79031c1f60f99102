"""The desk: what sending, answering and reconciling share. Reports leave here, and only here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import msgspec

from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.events import (
    EventArray,
    OrderEvent,
    StatusCode,
    empty_events,
    status_row,
)
from extrema_nb.execution.rest import SignedRest
from extrema_nb.execution.tracker import OrderTracker
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.net.ws import WsSettings
from extrema_nb.wire import AccountDecoding, OrderReport, TradingVenue, write_report

__all__ = ["Desk", "RouteSettings"]

log = logging.getLogger(__name__)

# No idle watchdog: an account may be silent for hours. Our pings find a dead peer, the audit a
# stream that lives and says nothing.
USER_STREAM = WsSettings(first_message_s=None, idle_s=None, ping_s=15.0, backoff_cap_s=5.0)


class RouteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times of the order route, seconds where the name says no other unit."""

    timeout_s: float = 5.0  # for one REST answer
    max_wait_s: float = 1.0  # a submit waits no longer than this for the rate limit
    recv_window_ms: int = 0  # 0: the venue's
    grace_s: float = 1.0  # how long the user stream may lag behind a REST answer
    audit_s: float = 30.0  # how often open orders are compared with the venue's
    key_renew_s: float = 0.0  # 0: the venue's
    start_s: float = 15.0  # until the user stream must be connected
    retry_first_s: float = 0.25
    retry_cap_s: float = 10.0
    tell_unknown_s: float = 10.0  # an outcome unknown for so long is reported as such
    cancel_all_s: float = 30.0  # how hard `cancel_everything` tries
    user_stream: WsSettings = USER_STREAM


class Desk:
    """State of one account session.

    Parameters
    ----------
    trading : the venue's private side
    table : instruments
    session : text in this session's client ids
    rest : signed requests
    clock : our clock
    settings : times
    task_id : names the route in STATUS rows
    """

    def __init__(
        self,
        trading: TradingVenue,
        table: InstrumentTable,
        session: str,
        rest: SignedRest,
        *,
        clock: Clock,
        settings: RouteSettings,
        task_id: int = -1,
    ) -> None:
        self.trading = trading
        self.table = table
        self.session = session
        self.rest = rest
        self.clock = clock
        self.settings = settings
        self.account: AccountDecoding = trading.account(table, session)
        self.tracker = OrderTracker(table)
        self.specs: dict[int, Instrument] = {}  # as the venue gives them today, by instrument id
        self.used: set[int] = set()  # instruments that an order was sent for
        self.publish: Publish | None = None
        self.fills = 0  # FILL rows published
        self.on_late_fill: Callable[[], None] | None = None  # see `snapshot_ts`
        self.snapshot_ts: int = -1  # µs, venue's time of the last positions; may hold later fills
        self._task_id = task_id
        self._last_ts = 0

    def spec(self, inst: int) -> Instrument:
        """Return an instrument with today's filters."""
        return self.specs.get(inst) or self.table[inst]

    def now(self) -> int:
        """Return µs, never less than before."""
        self._last_ts = max(self._last_ts, self.clock.now())
        return self._last_ts

    def venue_now(self) -> int:
        """Return µs by the venue's clock, as far as we know it."""
        return self.clock.now() + self.rest.offset_us

    def tell(self, reports: Iterable[OrderReport]) -> None:
        """Publish reports as rows."""
        reports = list(reports)
        if not reports:
            return
        rows = empty_events(2 * len(reports))
        n = 0
        late = False
        for report in reports:
            n = write_report(report, 0, rows, n)
            if report.event == OrderEvent.TRADE and report.last_qty > 0:
                self.fills += 1
                late |= report.ts_event <= self.snapshot_ts
        self.tell_rows(rows[:n])
        if late and self.on_late_fill is not None:
            self.on_late_fill()

    def tell_rows(self, rows: EventArray) -> None:
        """Stamp and publish rows."""
        if self.publish is None or not len(rows):
            return
        rows["ts_recv"] = self.now()
        rows["ts_event"][rows["ts_event"] == 0] = self._last_ts
        self.publish(rows)

    def tell_status(self, code: StatusCode, *, found: int = -1) -> None:
        """Publish a STATUS row about the user stream or the clock."""
        self.tell_rows(status_row(code, 0, task=self._task_id, found=found))
