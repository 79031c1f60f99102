"""The event row: 64 bytes, one cache line, one layout for everything that a strategy can see.

Rules
-----
1. A row is a 24-byte head and five 8-byte words; each kind has a typed view of the same bytes.
2. All integers are signed, nothing is padded in secret, all times are µs since the UNIX epoch.
3. ``ts_recv`` orders everything. ``ts_event`` is the venue's clock.
4. A message of several rows (book, prediction) flags its last row with ``Flag.LAST``;
   a message of one row is flagged too.
5. Absent means NaN in a float word and -1 in an integer word, unless `FIELDS` says otherwise.

The dtypes are `Row` based, so ``row.price`` reads the same compiled and uncompiled.
64 bytes because that is a cache line: summing one field then runs at memory bandwidth.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError

__all__ = [
    "ABSENT",
    "ACC_BAL",
    "ACC_ORDER",
    "ACC_POS",
    "BBO",
    "BUY",
    "BY_BBO",
    "BY_MARK",
    "BY_TRADE",
    "CANDLE",
    "EVENT",
    "FIELDS",
    "FILL",
    "FOK",
    "FUNDING",
    "GTC",
    "GTD",
    "GTX",
    "INST_INTENT",
    "INTENT",
    "IOC",
    "LIQUIDATION",
    "LOB_LEVEL",
    "MBO",
    "PRED",
    "REDUCE_ONLY",
    "SCHEDULE",
    "SCHEMA_VERSION",
    "SELL",
    "STATUS",
    "TRADE",
    "VIEWS",
    "Action",
    "EventArray",
    "EventKind",
    "Field",
    "Flag",
    "OrderEvent",
    "OrderStatus",
    "OrderType",
    "Row",
    "Side",
    "StatusCode",
    "TimeInForce",
    "TriggerBy",
    "as_events",
    "empty_events",
    "pack_text",
    "status_row",
    "unpack_text",
]

SCHEMA_VERSION = 1  # raised, with an upgrade function in `store`, when bytes change their meaning
ABSENT = -1  # an integer word that says nothing

EventArray = npt.NDArray[Any]  # one-dimensional, dtype EVENT or one of its views


class EventKind(IntEnum):
    """The tag of a row; the comment names the typed view."""

    NONE = 0  # an unused row
    TRADE = 1  # TRADE
    LOB = 2  # LOB_LEVEL, one row a level
    BBO = 3  # BBO
    CANDLE = 4  # CANDLE
    MBO = 5  # MBO, one row an order
    FUNDING = 6  # FUNDING
    ACC_ORDER = 7  # ACC_ORDER, a report about an order of ours
    FILL = 8  # FILL, one execution of ours
    ACC_BAL = 9  # ACC_BAL
    ACC_POS = 10  # ACC_POS
    PRED = 11  # PRED, one row a value
    SCHEDULE = 12  # SCHEDULE
    INST_INTENT = 13  # INST_INTENT, a target of one module for others
    INTENT = 14  # INTENT, an order request on its way out
    STATUS = 15  # STATUS, health of a feed
    LIQUIDATION = 16  # LIQUIDATION, a position that the venue closed; side is the order's


class Side(IntEnum):
    """Direction; of a trade the taker's, of a book level BUY is the bid."""

    SELL = -1
    NONE = 0
    BUY = 1


BUY = 1
SELL = -1


class Flag(IntEnum):
    """Bits of ``flags``; one bit, one meaning. An IntEnum because Numba knows no IntFlag."""

    LAST = 1  # last row of this message
    SNAPSHOT = 2  # row belongs to a snapshot, not to a change
    START = 4  # first row of a snapshot: what was known before is void
    PARTIAL = 8  # the snapshot covers only the range of its own prices
    STALE = 16  # the book was in doubt when this row came
    SYNTHETIC = 32  # made by us, not sent by the venue
    MAKER = 64  # of a fill: we were the resting side
    AGGREGATE = 128  # of a trade: several matches of one taker in one row
    CLOSED = 256  # of a candle: final
    OFF_BOOK = 512  # of a trade: not a match in the book (insurance fund, block, ADL)
    REDUCE_ONLY = 1024  # of an intent
    DUPLICATE = 2048  # seen before, kept for the record
    POLLED = 4096  # asked for over REST from time to time, not pushed
    LIQUIDATED = 8192  # of a fill: the exchange closed the position for want of margin


class OrderStatus(IntEnum):
    """Where an order stands; `extrema_nb.orders` has the transitions."""

    NONE = 0
    PENDING_NEW = 1
    LIVE = 2
    PARTIALLY_FILLED = 3
    PENDING_CANCEL = 4
    PENDING_AMEND = 5
    FILLED = 6
    CANCELED = 7
    REJECTED = 8
    EXPIRED = 9


class OrderEvent(IntEnum):
    """What a report (an ACC_ORDER row) tells."""

    NONE = 0
    ACCEPTED = 1
    TRADE = 2  # the FILL row of the same message comes first
    CANCELED = 3
    REJECTED = 4
    EXPIRED = 5
    AMENDED = 6
    CANCEL_REJECTED = 7
    AMEND_REJECTED = 8


class OrderType(IntEnum):
    """Kind of order."""

    LIMIT = 0
    MARKET = 1
    STOP_MARKET = 2  # waits for its trigger, then MARKET
    STOP_LIMIT = 3  # waits for its trigger, then LIMIT


class TimeInForce(IntEnum):
    """How long an order lives; GTX is post-only, GTD ends at a time of its own."""

    GTC = 0
    GTX = 1
    IOC = 2
    FOK = 3
    GTD = 4


GTC = 0  # the members as plain integers, for strategies
GTX = 1
IOC = 2
FOK = 3
GTD = 4


class TriggerBy(IntEnum):
    """What the trigger of a stop order is held against."""

    TRADE = 0  # prices of trades
    MARK = 1  # mark prices, from FUNDING rows
    BBO = 2  # a buy stop the best ask, a sell stop the best bid


BY_TRADE = 0  # the members as plain integers, for strategies
BY_MARK = 1
BY_BBO = 2
REDUCE_ONLY = 1024  # and of Flag what an order may carry


class Action(IntEnum):
    """What an INTENT asks for."""

    SUBMIT = 1
    CANCEL = 2
    AMEND = 3
    CANCEL_ALL = 4
    TERMS = (
        5  # comes before a SUBMIT: `price` its trigger, `reserved` a TriggerBy, `qty` its expiry
    )


class StatusCode(IntEnum):
    """``code`` of a STATUS row."""

    CONNECTED = 1
    DISCONNECTED = 2
    STALE = 3  # book or stream can not be trusted until RESYNCED
    RESYNCED = 4
    GAP = 5  # expected, found: sequence numbers
    LAGGED = 6  # count: rows lost by a reader, -1 unknown; of a recorder, from expected to found µs
    KILL = 7  # kill switch: no more orders
    CROSSED = 8  # a bid at or above an ask was found and refused
    DUPLICATE = 9  # count: rows dropped because they were seen before
    CLOCK = 10  # found: what the venue's clock is ahead of ours in µs, expected: give or take
    STARTED = 11  # a task began a cycle; told to async modules only, never to kernels
    ACCOUNT_DOWN = 12  # the user stream ended: reports come late until ACCOUNT_UP
    ACCOUNT_UP = 13  # the user stream is connected, orders and positions are reconciled
    LAG = 14  # found: median of ts_recv - ts_event in µs, expected: the greatest, count: of rows


HEAD: list[tuple[str, str]] = [
    ("ts_event", "<i8"),  # µs, the venue's clock
    ("ts_recv", "<i8"),  # µs, our clock on receipt
    ("inst", "<i4"),  # instrument id in the InstrumentTable, -1 none
    ("kind", "<i1"),  # EventKind
    ("side", "<i1"),  # Side
    ("flags", "<i2"),  # Flag
]


class Row(np.record):  # type: ignore[misc]  # final in NumPy's stubs, not in NumPy
    """A record whose ``flags`` is its field, not NumPy's memory flags of the same name."""

    @property
    def flags(self) -> Any:
        """The field, a set of `Flag` bits."""
        return self["flags"]

    @flags.setter
    def flags(self, value: int) -> None:
        self["flags"] = value


def _record(*words: tuple[str, str], side: str = "side") -> np.dtype[Any]:
    head = [(side if name == "side" else name, code) for name, code in HEAD]
    dtype = np.dtype((Row, np.dtype([*head, *words], align=True)))
    if dtype.itemsize != 64:
        raise AssertionError(f"view of {dtype.itemsize} bytes, expected 64: {words}")
    return dtype


EVENT = _record(("w0", "<i8"), ("w1", "<i8"), ("w2", "<i8"), ("w3", "<i8"), ("w4", "<i8"))
TRADE = _record(
    ("price", "<f8"), ("qty", "<f8"), ("trade_id", "<i8"), ("first_id", "<i8"), ("last_id", "<i8")
)
LOB_LEVEL = _record(
    ("price", "<f8"), ("qty", "<f8"), ("seq", "<i8"), ("first_seq", "<i8"), ("prev_seq", "<i8")
)
BBO = _record(
    ("bid_price", "<f8"), ("bid_qty", "<f8"), ("ask_price", "<f8"), ("ask_qty", "<f8"),
    ("seq", "<i8"),
)  # fmt: skip
CANDLE = _record(
    ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("volume", "<f8"),
    side="interval",
)  # fmt: skip
MBO = _record(
    ("price", "<f8"), ("qty", "<f8"), ("order_id", "<i8"), ("action", "<i8"), ("seq", "<i8")
)
FUNDING = _record(
    ("rate", "<f8"), ("mark_price", "<f8"), ("index_price", "<f8"), ("open_interest", "<f8"),
    ("next_ts", "<i8"),
)  # fmt: skip
ACC_ORDER = _record(
    ("client_order_id", "<i8"), ("venue_order_id", "<i8"), ("price", "<f8"), ("leaves_qty", "<f8"),
    ("status", "<i1"), ("event", "<i1"), ("tif", "<i1"), ("order_type", "<i1"), ("code", "<i4"),
)  # fmt: skip
FILL = _record(
    ("client_order_id", "<i8"), ("trade_id", "<i8"), ("price", "<f8"), ("qty", "<f8"),
    ("fee", "<f8"),
)  # fmt: skip
ACC_BAL = _record(
    ("asset", "<i8"), ("balance", "<f8"), ("available", "<f8"), ("change", "<f8"), ("w4", "<i8")
)
ACC_POS = _record(
    ("qty", "<f8"), ("entry_price", "<f8"), ("unrealized", "<f8"), ("mark_price", "<f8"),
    ("w4", "<i8"),
)  # fmt: skip
PRED = _record(
    ("value", "<f8"), ("model", "<i8"), ("index", "<i8"), ("count", "<i8"), ("ts_feature", "<i8")
)
SCHEDULE = _record(
    ("timer", "<i8"), ("tick", "<i8"), ("period", "<i8"), ("w3", "<i8"), ("w4", "<i8")
)
INST_INTENT = _record(
    ("weight", "<f8"), ("price", "<f8"), ("module", "<i8"), ("w3", "<i8"), ("w4", "<i8")
)
INTENT = _record(
    ("client_order_id", "<i8"), ("price", "<f8"), ("qty", "<f8"), ("module", "<i8"),
    ("action", "<i1"), ("tif", "<i1"), ("order_type", "<i1"), ("reserved", "<i1"),
    ("seq", "<i4"),
)  # fmt: skip
STATUS = _record(
    ("code", "<i8"), ("expected", "<i8"), ("found", "<i8"), ("count", "<i8"), ("task", "<i8")
)
LIQUIDATION = _record(
    ("price", "<f8"), ("qty", "<f8"), ("trade_id", "<i8"), ("avg_price", "<f8"), ("cum_qty", "<f8")
)

VIEWS: dict[EventKind, np.dtype[Any]] = {
    EventKind.TRADE: TRADE,
    EventKind.LOB: LOB_LEVEL,
    EventKind.BBO: BBO,
    EventKind.CANDLE: CANDLE,
    EventKind.MBO: MBO,
    EventKind.FUNDING: FUNDING,
    EventKind.ACC_ORDER: ACC_ORDER,
    EventKind.FILL: FILL,
    EventKind.ACC_BAL: ACC_BAL,
    EventKind.ACC_POS: ACC_POS,
    EventKind.PRED: PRED,
    EventKind.SCHEDULE: SCHEDULE,
    EventKind.INST_INTENT: INST_INTENT,
    EventKind.INTENT: INTENT,
    EventKind.STATUS: STATUS,
    EventKind.LIQUIDATION: LIQUIDATION,
}


class Field(NamedTuple):
    """Use of one payload field: what it means, in which unit, and how absence looks."""

    meaning: str
    unit: str
    absent: str


_PRICE = Field("price", "quote units a base unit", "NaN")
_QTY = Field("quantity", "base units or contracts", "NaN")
_SEQ = Field("venue sequence number of the message", "count", "-1")
_SPARE = Field("unused", "none", "0")

FIELDS: dict[EventKind, dict[str, Field]] = {
    EventKind.TRADE: {
        "price": _PRICE,
        "qty": _QTY,
        "trade_id": Field("id of the trade, of an aggregate its own id", "count", "-1"),
        "first_id": Field("first trade in the aggregate", "count", "-1"),
        "last_id": Field("last trade in the aggregate", "count", "-1"),
    },
    EventKind.LOB: {
        "price": Field("level; NaN with side 0 in a message without levels", "quote units", "NaN"),
        "qty": Field("absolute quantity now at the level, 0 removes it", "base or contracts", "0"),
        "seq": _SEQ,
        "first_seq": Field("first update id in the message", "count", "-1"),
        "prev_seq": Field("last update id of the message before", "count", "-1"),
    },
    EventKind.BBO: {
        "bid_price": Field("best bid", "quote units", "NaN with qty 0"),
        "bid_qty": Field("quantity at the best bid", "base or contracts", "0"),
        "ask_price": Field("best ask", "quote units", "NaN with qty 0"),
        "ask_qty": Field("quantity at the best ask", "base or contracts", "0"),
        "seq": _SEQ,
    },
    EventKind.CANDLE: {  # ts_event is the open time; `interval` stands in the place of `side`
        "open": _PRICE,
        "high": _PRICE,
        "low": _PRICE,
        "close": _PRICE,
        "volume": Field("traded in the interval", "base or contracts", "NaN"),
    },
    EventKind.MBO: {
        "price": _PRICE,
        "qty": _QTY,
        "order_id": Field("the venue's order id", "id", "-1"),
        "action": Field("1 add, 2 modify, 3 delete, 4 execute", "code", "0"),
        "seq": _SEQ,
    },
    EventKind.FUNDING: {
        "rate": Field("funding rate of the interval", "fraction of notional", "NaN"),
        "mark_price": _PRICE,
        "index_price": _PRICE,
        "open_interest": Field("open interest", "base or contracts", "NaN"),
        "next_ts": Field("next funding time", "µs", "-1"),
    },
    EventKind.ACC_ORDER: {
        "client_order_id": Field("our id; -1 for an order that is not ours", "count", "-1"),
        "venue_order_id": Field("the venue's id", "id", "-1"),
        "price": Field("limit price", "quote units", "NaN for market"),
        "leaves_qty": Field("still open", "base or contracts", "0"),
        "status": Field("OrderStatus after this report", "code", "0"),
        "event": Field("OrderEvent", "code", "0"),
        "tif": Field("TimeInForce", "code", "0"),
        "order_type": Field("OrderType", "code", "0"),
        "code": Field("the venue's error code, or ours below -100000", "code", "0"),
    },
    EventKind.FILL: {
        "client_order_id": Field("our id; -1 for an order that is not ours", "count", "-1"),
        "trade_id": Field("the venue's trade id", "id", "-1"),
        "price": _PRICE,
        "qty": Field("executed", "base or contracts", "never"),
        "fee": Field("paid; negative is a rebate", "quote units", "NaN"),
    },
    EventKind.ACC_BAL: {
        "asset": Field("up to eight letters, `pack_text`", "text", "0"),
        "balance": Field("wallet balance", "asset units", "NaN"),
        "available": Field("free to use", "asset units", "NaN"),
        "change": Field("change that caused the row", "asset units", "NaN"),
        "w4": _SPARE,
    },
    EventKind.ACC_POS: {
        "qty": Field("signed position at the venue", "base or contracts", "NaN"),
        "entry_price": Field("average entry", "quote units", "NaN"),
        "unrealized": Field("unrealised profit", "quote units", "NaN"),
        "mark_price": _PRICE,
        "w4": _SPARE,
    },
    EventKind.PRED: {
        "value": Field("one value of the model's answer", "the model's", "NaN"),
        "model": Field("model id, the task id of its runner", "id", "never"),
        "index": Field("place of the value in the answer", "count", "never"),
        "count": Field("values in the answer", "count", "never"),
        "ts_feature": Field("time of the features it was made from", "µs", "-1"),
    },
    EventKind.SCHEDULE: {
        "timer": Field("timer id, the task id of its scheduler", "id", "never"),
        "tick": Field("ticks since the timer started, from 0", "count", "never"),
        "period": Field("time between ticks", "µs", "-1"),
        "w3": _SPARE,
        "w4": _SPARE,
    },
    EventKind.INST_INTENT: {
        "weight": Field("wanted position, in the receiver's terms", "fraction or units", "NaN"),
        "price": Field("wanted price", "quote units", "NaN"),
        "module": Field("module that asks, -1 for one outside the kernel", "index", "-1"),
        "w3": _SPARE,
        "w4": _SPARE,
    },
    EventKind.INTENT: {
        "client_order_id": Field("order it is about", "count", "-1 in CANCEL_ALL"),
        "price": Field("limit price; of TERMS the trigger", "quote units", "NaN for market"),
        "qty": Field(
            "quantity; of an amend the new leaves; of TERMS the expiry in µs",
            "base or contracts",
            "NaN",
        ),
        "module": Field("module that asks", "index", "never"),
        "action": Field("Action", "code", "never"),
        "tif": Field("TimeInForce", "code", "0"),
        "order_type": Field("OrderType", "code", "0"),
        "reserved": Field("of TERMS a TriggerBy, else unused", "code", "0"),
        "seq": Field("running number of the intent in the session", "count", "never"),
    },
    EventKind.STATUS: {
        "code": Field("StatusCode", "code", "never"),
        "expected": Field("what should have come", "by code", "-1"),
        "found": Field("what came", "by code", "-1"),
        "count": Field("how many", "count", "-1"),
        "task": Field("task that tells it", "id", "-1"),
    },
    EventKind.LIQUIDATION: {  # SELL closes a long position, BUY a short one
        "price": Field("limit, or bankruptcy price, of the order", "quote units", "NaN"),
        "qty": Field("quantity of the order", "base or contracts", "NaN"),
        "trade_id": Field("id of the trade or order", "count", "-1"),
        "avg_price": Field("average price of what was executed", "quote units", "NaN"),
        "cum_qty": Field("executed so far", "base or contracts", "NaN"),
    },
}


def empty_events(n: int) -> EventArray:
    """Return `n` rows of zeros, dtype EVENT, aligned to nothing less than NumPy's default."""
    return np.zeros(n, EVENT)


def as_events(rows: npt.NDArray[Any], *, sort: bool = False) -> EventArray:
    """Return `rows` as the one array type that kernels are compiled for.

    Contiguous, writable, native, dtype EVENT, sorted by ``ts_recv``.
    A copy is made only where something of that is missing.

    Parameters
    ----------
    rows : (n,) EVENT, or a typed view of it
    sort : sort by ``ts_recv`` (stable) instead of refusing unsorted rows

    Raises
    ------
    DataError
        the dtype is not 64 bytes of EVENT, the array is not one-dimensional, or rows go back in
        time
    """
    if rows.ndim != 1:
        raise DataError(
            f"events have {rows.ndim} dimensions, expected 1; pass rows.reshape(-1) if that is meant"
        )
    if type(rows) is not np.ndarray:
        rows = rows.view(np.ndarray)
    if rows.dtype != EVENT or rows.dtype.type is not Row:
        names = rows.dtype.names or ()
        if rows.dtype.itemsize != EVENT.itemsize or names[:2] != ("ts_event", "ts_recv"):
            raise DataError(
                f"events have dtype {rows.dtype}, expected extrema_nb.EVENT (64 bytes); "
                "build them with empty_events(n).view(TRADE) and the like"
            )
        rows = (
            rows.view(EVENT) if rows.flags.c_contiguous else np.ascontiguousarray(rows).view(EVENT)
        )
    if not (rows.flags.c_contiguous and rows.flags.writeable and rows.flags.aligned):
        rows = rows.copy()
    back = np.flatnonzero(np.diff(rows["ts_recv"]) < 0)
    if back.size:
        if not sort:
            at = int(back[0])
            step = int(rows["ts_recv"][at] - rows["ts_recv"][at + 1])
            raise DataError(
                f"events must be sorted by ts_recv; row {at + 1} is {step} µs earlier than row "
                f"{at} ({back.size} such places); pass sort=True to sort them"
            )
        rows = rows[np.argsort(rows["ts_recv"], kind="stable")]
    return rows


def status_row(
    code: StatusCode,
    ts_recv: int,
    *,
    ts_event: int | None = None,
    inst: int = ABSENT,
    task: int = ABSENT,
    expected: int = ABSENT,
    found: int = ABSENT,
    count: int = ABSENT,
) -> EventArray:
    """Return one STATUS row; `ts_event` (µs) is `ts_recv` where the venue's clock has no part."""
    out = empty_events(1)
    row = out.view(STATUS)
    row["ts_event"] = ts_recv if ts_event is None else ts_event
    row["ts_recv"] = ts_recv
    row["inst"] = inst
    row["kind"] = EventKind.STATUS
    row["flags"] = Flag.LAST | Flag.SYNTHETIC
    row["code"], row["expected"], row["found"] = code, expected, found
    row["count"], row["task"] = count, task
    return out


def pack_text(text: str) -> int:
    """Return up to eight ASCII letters as one integer word."""
    raw = text.encode("ascii")
    if len(raw) > 8:
        raise DataError(f"{text!r} has {len(raw)} letters, at most 8 fit a word")
    return int.from_bytes(raw.ljust(8, b"\0"), "little", signed=True)


def unpack_text(word: int) -> str:
    """Return the text that `pack_text` made `word` of."""
    return int(word).to_bytes(8, "little", signed=True).rstrip(b"\0").decode("ascii")
