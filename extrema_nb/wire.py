"""What goes to a venue and comes back about our orders, in words that are the same for all venues.

A venue's folder encodes orders into `Request` and decodes answers into `OrderReport`; the execution
layer sends the one and keeps the other consistent. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Any, NamedTuple, Protocol

from extrema_nb.channels import Endpoints
from extrema_nb.events import (
    ACC_ORDER,
    FILL,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from extrema_nb.instruments import Instrument, InstrumentTable

__all__ = [
    "AccountMessage",
    "Call",
    "ErrorRule",
    "LocalCode",
    "OrderReport",
    "Request",
    "TradingVenue",
    "Treatment",
    "write_report",
]

NAN = float("nan")
I4_MAX = 2**31 - 1  # an answer may hold any number; the row has four bytes for it


class Call(IntEnum):
    """What a request is for; decides who may use the reserve of the rate limit."""

    READ = 0  # queries, time, listen key
    SUBMIT = 1  # submit and amend
    CANCEL = 2  # cancels, which go first


class Request(NamedTuple):
    """One REST request before it is signed."""

    method: str  # GET, POST, PUT, DELETE
    path: str  # "/fapi/v1/order"
    params: tuple[tuple[str, str], ...] = ()  # in the order in which they are sent
    signed: bool = True  # timestamp and signature are added
    keyed: bool = True  # the key header is added
    call: Call = Call.READ
    weight: int = 1  # of the request-weight limit
    orders: int = 0  # of the order-count limit
    body: str = ""  # JSON that is sent as it stands, by venues that ask so


class OrderReport(NamedTuple):
    """One fact about one order, from the user stream or a REST answer."""

    inst: int
    client_order_id: int  # -1 for an order that is not of this session
    venue_order_id: int
    event: int  # OrderEvent
    status: int  # OrderStatus after it
    side: int  # Side of the order
    price: float  # limit price, NaN for market
    qty: float  # total quantity
    cum_qty: float  # executed so far
    ts_event: int  # µs, the venue's clock
    tif: int = TimeInForce.GTC
    order_type: int = OrderType.LIMIT
    code: int = 0
    last_qty: float = 0.0  # of a TRADE: executed now
    last_price: float = NAN
    trade_id: int = -1
    fee: float = NAN  # quote units, NaN where paid in another asset
    maker: bool = False
    avg_price: float = NAN  # over everything executed
    flags: int = 0  # Flag to add to the rows

    @property
    def leaves_qty(self) -> float:
        """Quantity still open; 0 once the order is over."""
        over = self.status in (
            OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED
        )  # fmt: skip
        # 0.3 - 0.1 is 0.2 here; no lot is finer than 12 decimals
        return 0.0 if over else round(max(self.qty - self.cum_qty, 0.0), 12)


class AccountMessage(NamedTuple):
    """One message of the user stream, decoded."""

    event: str  # the venue's event name
    reports: tuple[OrderReport, ...] = ()
    rows: EventArray | None = None  # ACC_BAL and ACC_POS rows, ts_recv still 0
    key_expired: bool = False  # the listen key is no longer valid


class Treatment(Enum):
    """What to do about an answer of the venue."""

    SUCCESS = "success"  # not an error for us
    REJECT = "reject"  # a definite no
    QUERY = "query"  # outcome unknown: ask for the order before anything else
    RESYNC_CLOCK = "resync clock"  # measure the clock offset, sign again, send once more
    FATAL = "fatal"  # no request of this kind will ever succeed: keys, permissions
    BACK_OFF = "back off"  # a definite no, and nothing may be sent for a while
    NEW_LISTEN_KEY = "new listen key"
    GONE = "gone"  # the venue does not know the order (any more): ask how it ended


class ErrorRule(NamedTuple):
    """Meaning of one error code."""

    code: int
    meaning: str
    treatment: Treatment


class LocalCode(IntEnum):
    """``code`` of reports that we make ourselves; below every venue's codes."""

    INVALID_ORDER = -100_001  # breaks a rule of the instrument; not sent
    NOT_SENT = -100_002  # no connection; the request never left
    RATE_LIMITED = -100_003  # would have waited too long for the rate limit; not sent
    NEVER_ARRIVED = -100_004  # unknown outcome, and the venue says that it has no such order
    OUTCOME_UNKNOWN = -100_005  # the venue can not be asked at the moment; still being asked
    STOPPING = -100_006  # everything is being cancelled; not sent
    UNKNOWN_ORDER = -100_007  # a cancel or amend of an order that this session never sent
    BAD_ANSWER = -100_008  # the venue refused without a code of its own


class AccountDecoding(Protocol):
    """Bytes of the private side into reports and rows; knows one session's client ids."""

    def parse(self, frame: bytes) -> AccountMessage:
        """Return one user-stream message; raises VenueDecodeError."""
        ...

    def order(self, raw: bytes) -> OrderReport:
        """Return the report in the answer to a submit, cancel, amend or query."""
        ...

    def orders(self, raw: bytes) -> list[OrderReport | ErrorRule]:
        """Return the reports in a list answer; an item that failed is an ErrorRule."""
        ...

    def trades(self, raw: bytes) -> list[tuple[int, OrderReport]]:
        """Return (venue order id, report) of own executions, oldest first."""
        ...

    def positions(self, raw: bytes) -> EventArray:
        """Return SNAPSHOT ACC_POS rows, one an instrument of the table, 0 where flat."""
        ...

    def balances(self, raw: bytes) -> EventArray:
        """Return SNAPSHOT ACC_BAL rows."""
        ...


class TradingVenue(Protocol):
    """The private side of a venue, `VENUE.trading`; pure: no I/O, no clock."""

    id: str
    recv_window_ms: int  # how much later than its timestamp a request may still be accepted
    key_renew_s: float  # how often the listen key wants to be renewed
    max_submits: int  # orders in one batch
    max_cancels: int  # cancels in one batch
    limits: tuple[tuple[str, int, float, int], ...]  # (window, capacity, seconds, reserve)
    used_headers: dict[str, str]  # response header -> window whose use it reports

    def limits_in(self, raw: bytes) -> tuple[tuple[str, int, float, int], ...]:
        """Return the limits that the answer with all instruments states, empty if it has none."""
        ...

    def account(self, table: InstrumentTable, session: str) -> AccountDecoding:
        """Return a decoder for the session whose client ids carry `session`."""
        ...

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends, by window."""
        ...

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers that name the key."""
        ...

    def sign(self, request: Request, secret: str, timestamp_ms: int, recv_window_ms: int) -> str:
        """Return the complete query string of a signed request."""
        ...

    def query(self, request: Request) -> str:
        """Return the query string of a request that needs no signature."""
        ...

    def treat(self, code: int, status: int = 400) -> ErrorRule:
        """Return what to do about an error."""
        ...

    def server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs, from the answer to `time`."""
        ...

    def listen_key(self, raw: bytes) -> str:
        """Return the key in the answer to `key_new`."""
        ...

    def user_stream_url(self, endpoints: Endpoints, listen_key: str) -> str:
        """Return the WebSocket URL of the user stream; it is a secret."""
        ...

    def order(self, intent: Any, inst: Instrument, session: str) -> Request:
        """Encode a SUBMIT; raises InvalidOrder."""
        ...

    def batch_orders(self, requests: Sequence[Request]) -> Request:
        """Join up to `max_submits` order requests."""
        ...

    def amend(
        self, order_id: int, side: int, price: float, total_qty: float, inst: Instrument,
        session: str,
    ) -> Request:  # fmt: skip
        """Encode an amend; `total_qty` counts what is executed already; raises InvalidOrder."""
        ...

    def cancel(self, order_id: int, inst: Instrument, session: str) -> Request:
        """Encode a cancel."""
        ...

    def batch_cancels(self, order_ids: Sequence[int], inst: Instrument, session: str) -> Request:
        """Encode up to `max_cancels` cancels of one instrument."""
        ...

    def cancel_all(self, inst: Instrument) -> Request:
        """Encode the cancel of everything open at an instrument."""
        ...

    def order_query(self, order_id: int, inst: Instrument, session: str) -> Request:
        """Encode the question how an order stands."""
        ...

    def open_orders(self, inst: Instrument | None = None) -> Request:
        """Encode the question what is open."""
        ...

    def own_trades(self, inst: Instrument, venue_order_id: int) -> Request:
        """Encode the question how an order was executed."""
        ...

    def positions(self) -> Request:
        """Encode the question for all positions."""
        ...

    def balances(self) -> Request:
        """Encode the question for all balances."""
        ...

    def time(self) -> Request:
        """Encode the question for the venue's clock."""
        ...

    def key_new(self) -> Request:
        """Encode the request for a listen key."""
        ...

    def key_keep(self) -> Request:
        """Encode the renewal of the listen key."""
        ...


def write_report(report: OrderReport, ts_recv: int, out: EventArray, n: int) -> int:
    """Write a report as rows from ``out[n]`` on and return the new `n`.

    [FILL row, if something was executed now] and then an ACC_ORDER row flagged LAST.
    """
    if report.event == OrderEvent.TRADE and report.last_qty > 0:
        fill = out[n : n + 1].view(FILL)[0]
        fill.ts_event = report.ts_event
        fill.ts_recv = ts_recv
        fill.inst = report.inst
        fill.kind = EventKind.FILL
        fill.side = report.side
        fill.flags = report.flags | (Flag.MAKER if report.maker else 0)
        fill.client_order_id = report.client_order_id
        fill.trade_id = report.trade_id
        fill.price = report.last_price
        fill.qty = report.last_qty
        fill.fee = report.fee
        n += 1
    row = out[n : n + 1].view(ACC_ORDER)[0]
    row.ts_event = report.ts_event
    row.ts_recv = ts_recv
    row.inst = report.inst
    row.kind = EventKind.ACC_ORDER
    row.side = report.side
    row.flags = report.flags | Flag.LAST
    row.client_order_id = report.client_order_id
    row.venue_order_id = report.venue_order_id
    row.price = report.price
    row.leaves_qty = report.leaves_qty
    row.status = report.status
    row.event = report.event
    row.tif = report.tif
    row.order_type = report.order_type
    row.code = max(min(report.code, I4_MAX), -I4_MAX)
    return n + 1
