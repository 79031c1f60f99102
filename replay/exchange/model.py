"""The state of the simulated exchange: its orders, its queues of messages, its clock.

All arrays hang on one record of addresses, as in `extrema_nb.strategy.context`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import replay.tape.lookup  # noqa: F401  # gives tapes and books the methods of a market
from extrema_nb.books.l2 import L2Books, make_books
from extrema_nb.events import EVENT, INTENT, pack_text
from extrema_nb.instruments import INSTRUMENT, Instrument
from extrema_nb.jit import attach_views, view_at
from extrema_nb.memory import cloned, zeroed
from replay.exchange.config import ExchangeConfig, QueueModel
from replay.exchange.fees import FEE, fees_in_force
from replay.exchange.latency import make_latency
from replay.exchange.margin_config import check_currency

__all__ = [
    "FAR",
    "MARK",
    "TAKE",
    "XORDER",
    "Exchange",
    "ExchangeConfig",
    "QueueModel",
    "clone_exchange",
    "counted",
    "make_exchange",
    "make_live_exchange",
]

FAR = 1 << 62  # a time that never comes, µs

XORDER = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("client_order_id", "<i8"),
                ("venue_order_id", "<i8"),
                ("tick", "<i8"),  # limit price in ticks
                ("price", "<f8"),
                ("qty", "<f8"),  # asked for
                ("leaves_qty", "<f8"),
                ("front", "<f8"),  # quantity ahead in the queue
                ("cum", "<f8"),  # traded at the level since it last changed
                ("entry", "<i8"),  # of the tape: next change of the level that `front` has not seen
                ("entry_end", "<i8"),
                ("joined", "<i8"),  # position on the tape at which it came to the end of its queue
                ("expires", "<i8"),  # µs, exchange time; FAR for never
                ("inst", "<i4"),
                ("bits", "<i4"),  # Flag, as the request had them; `flags` is a name of NumPy's
                ("side", "<i1"),
                ("tif", "<i1"),
                ("order_type", "<i1"),
                ("spare", "<i1"),
            ],
            align=True,
        ),
    )
)
MARK = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("ts", "<i8"),  # µs, local clock
                ("inst", "<i8"),
                ("mid", "<f8"),  # quote units, NaN without a two-sided book
                ("position", "<f8"),  # base units or contracts
                ("balance", "<f8"),  # cash, quote units, before fees
                ("fee", "<f8"),  # paid so far
                ("funding", "<f8"),  # paid so far
                ("equity", "<f8"),  # balance + position at mid - fee - funding
                ("avg_price", "<f8"),  # average entry of what is open, quote units; 0 when flat
                ("realized", "<f8"),  # profit of what was closed, before fees and funding
                ("unrealized", "<f8"),  # profit of what is open, at the mid
                ("trades", "<i8"),
                ("volume", "<f8"),  # value traded
            ],
            align=True,
        ),
    )
)

# places in `clock`, eight to a cache line: what every step looks at comes first
X_REQUEST_HEAD = 0
X_REQUEST_TAIL = 1
X_REPORT_HEAD = 2
X_REPORT_TAIL = 3
X_PRED_HEAD = 4
X_PRED_TAIL = 5
X_PRED_DUE = 6  # when the first feature that waits for its model must be answered
X_NEXT_EXPIRY = 7  # µs, of the first resting order that expires or funding that is due; FAR: none
X_NOW = 8  # exchange time, µs
X_MARKET = 9  # position on the tape
X_RESTING = 10  # own orders in the book, all instruments
X_STOPS = 11  # stop orders that wait for their trigger
X_MARGIN = 12  # 1: margin is asked for
X_JOURNAL = 13  # rows in the journal
X_MARKS = 14  # rows in the marks
X_KEEPS = 15  # by how much a row moves the journal on: 0 if it is not kept
X_LAST_ARRIVAL = 16  # requests never overtake each other
X_LAST_REPORT = 17  # nor do reports
X_VENUE_ID = 18  # next venue order id
X_TRADE_ID = 19  # next trade id
X_ENTRY = 20  # entry latency, µs
X_RESPONSE = 21  # response latency, µs
X_MODELLED = 22  # 1: latencies come from `latency`, not from X_ENTRY and X_RESPONSE
X_FILLS = 23
X_QUEUE = 24  # QueueModel
X_PARTIAL = 25  # 1: partial fills
X_CONSUME = 26  # 1: own orders use up the market's volume
X_TAKEN = 27  # notes of what own takers used up
X_NEAR = 28  # place of the order that was last looked for
X_TERMS_ID = 29  # order that the last TERMS row is about …
X_TERMS_TRIGGER = 30  # … what its trigger is held against …
X_TERMS_EXPIRY = 31  # … and when it expires; the trigger price is in `params`
X_SELF_TRADE = 32  # SelfTrade
X_PRED_LATENCY = 33  # µs, -1 without models
X_SIDELESS = 34  # trades that say no side: they fill nobody, and are counted
X_REPORTS = 35  # reports ever made
X_FEED = 36  # µs that the book's last row took to us, when a request last left
X_FUNDING = 37  # 1: funding is paid
X_PAYMENT = 38  # next payment of the tape
X_PAYMENTS = 39  # payments ever made
X_UNPRICED = 40  # payments that were not made because no price was known
X_UNTIMED = 41  # rows of funding that say no time: nothing is paid by them
X_ODD_ORDERS = 42  # what is odd about the market's single orders: one place for each of COUNTERS
X_DANGER = 46  # position at which the margin will be too small, -1 for none
X_MARK_DEED = 47  # next mark price on the tape
X_LIQUIDATING = 48  # 0 no, 1 orders are being cancelled, 2 positions closed
X_LIQUIDATE_INST = 49  # instrument that is being closed …
X_LIQUIDATE_LEVEL = 50  # … and the level to go on with, NO_BID for the best
X_LIQUIDATE_ORDER = 51  # id of the last order that the exchange made
X_LIQUIDATIONS = 52  # ever
X_REDUCES = 53  # 1: reduce-only orders have come
X_OUTRIGHT = 54  # 1: requests need no time, and what follows them is simple; see `outright`
X_SIZE = 56

# places in `params`
P_EXPONENT = 0  # of the power models
P_TRIGGER = 1  # price of the last TERMS row
P_WRONG = 3  # answers of an own queue model that were no share; what the first was asked …
P_WRONG_FRONT = 4
P_WRONG_BACK = 5
P_WRONG_CHANGE = 6
P_WRONG_SHARE = 7  # … and answered
P_CASH = 8  # of the margin account, in its asset: all but the worth of positions
P_INITIAL = 9  # margin rates, fractions of value
P_MAINTENANCE = 10
P_LIQUIDATION_FEE = 11  # fraction of value
P_SIZE = 12

STOPS = 256  # stop orders that may wait

TAKE = np.dtype(
    (
        np.record,
        np.dtype(
            [("inst", "<i8"), ("side", "<i8"), ("tick", "<i8"), ("at", "<i8"), ("qty", "<f8")],
            align=True,
        ),
    )
)

XHUB = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "instruments", "max_orders", "request_cap", "report_cap", "journal_cap",
                    "mark_cap", "pred_cap", "taken_cap",
                    "clock", "params", "specs", "scale", "resting", "n_orders", "ranges",
                    "strike", "held", "stops", "stop_requests", "taken",
                    "requests", "arrivals", "reports", "journal", "marks", "preds", "latency",
                    "fees", "assets", "mark", "move", "closing",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Exchange(NamedTuple):
    """Compiled exchange: the market, own orders by instrument, messages on their way.

    Arrays: ``clock`` (X_SIZE,) int64; ``params`` (P_SIZE,) float64, [0] the queue exponent; ``specs``
    (n,) INSTRUMENT; ``fees`` (n, 4) FEE in force; ``assets`` (n,) `pack_text` of what is
    paid with; ``mark`` (n,) last mark price, NaN before the first, ``move`` (n,) next move of the
    touch to look at, both kept with margin only; ``closing`` (1,) INTENT that liquidates; ``scale`` (n, 3) as of books; ``resting`` (n,
    max_orders) XORDER by client order id; ``n_orders`` (n,); ``ranges`` (n, 4) lowest and highest
    tick of own bids, then of own asks; ``strike`` (n, 2) next strike of own bids and asks to look at; ``held`` (n,) position
    by the exchange's clock; ``stops`` XORDER that wait for a trigger, their ``tick``, with what they
    will ask for in ``stop_requests``; ``taken`` what own takers used up; ``requests`` INTENT
    rows and ``arrivals`` their times at the exchange; ``reports`` rows by local receipt time;
    ``journal`` intents and reports in local order; ``marks`` MARK; ``preds`` PRED rows by time.
    """

    at: int
    venue: Any  # a Tape in backtests, L2Books beside live data


attach_views(
    Exchange,
    XHUB,
    clock=(X_SIZE, np.int64),
    params=(P_SIZE, np.float64),
    specs=("instruments", INSTRUMENT),
    scale=(("instruments", 3), np.float64),
    resting=(("instruments", "max_orders"), XORDER),
    n_orders=("instruments", np.int64),
    ranges=(("instruments", 4), np.int64),
    strike=(("instruments", 2), np.int64),
    held=("instruments", np.float64),
    stops=(STOPS, XORDER),
    stop_requests=(STOPS + 1, INTENT),
    taken=("taken_cap", TAKE),
    requests=("request_cap", INTENT),
    arrivals=("request_cap", np.int64),
    reports=("report_cap", EVENT),
    journal=("journal_cap", EVENT),
    marks=("mark_cap", MARK),
    preds=("pred_cap", EVENT),
    fees=(("instruments", 4), FEE),
    assets=("instruments", np.int64),
    mark=("instruments", np.float64),
    move=("instruments", np.int64),
    closing=(1, INTENT),
)


def make_exchange(
    instruments: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    config: ExchangeConfig,
    *,
    max_orders: int,
    row_limit: int,
    journal_rows: int = 1 << 15,
    keep_journal: bool = True,
    mark_rows: int = 1 << 10,
    clock_shift_us: int = 0,
    names: Sequence[Instrument] = (),
) -> int:
    """Return the address of a fresh exchange over (n,) INSTRUMENT; `memory` takes its arrays.

    Parameters
    ----------
    max_orders : own orders an instrument can hold
    row_limit : intents that one local row may emit
    journal_rows, mark_rows : rows kept between two drains
    keep_journal : else every row is written over the one before, where it is warm
    clock_shift_us : what was added to our clock; see `make_latency`
    names : the instruments, where `config.fees` names some and reports are to say what is paid with
    """
    n = len(instruments)
    request_cap = 2 * row_limit + 8  # more room is made when it is asked for
    report_cap = 2 * (2 * max_orders + 4) + row_limit
    taken_cap = report_cap if config.consume else 1
    record, arrays = zeroed(
        XHUB,
        {
            "clock": (X_SIZE, np.int64),
            "params": (P_SIZE, np.float64),
            "specs": (n, INSTRUMENT),
            "scale": ((n, 3), np.float64),
            "n_orders": (n, np.int64),
            "ranges": ((n, 4), np.int64),
            "strike": ((n, 2), np.int64),
            "held": (n, np.float64),
            "fees": ((n, 4), FEE),
            "assets": (n, np.int64),
            "mark": (n, np.float64),
            "move": (n, np.int64),
            "closing": (1, INTENT),
            "resting": ((n, max_orders), XORDER),
            "taken": (taken_cap, TAKE),
            "requests": (request_cap, INTENT),
            "arrivals": (request_cap, np.int64),
            "reports": (report_cap, EVENT),
            "journal": (journal_rows, EVENT),
            "marks": (mark_rows, MARK),
            "preds": (1 << 10, EVENT),
            "stops": (STOPS, XORDER),
            "stop_requests": (STOPS + 1, INTENT),
        },
    )
    sizes = {
        "instruments": n, "max_orders": max_orders, "request_cap": request_cap,
        "report_cap": report_cap, "journal_cap": journal_rows, "mark_cap": mark_rows,
        "pred_cap": 1 << 10, "taken_cap": taken_cap,
    }  # fmt: skip
    for name, size in sizes.items():
        record[name] = size
    specs = arrays["specs"]
    specs[:] = instruments
    _assume(arrays["clock"], arrays["params"], config)
    arrays["clock"][X_KEEPS] = int(keep_journal)
    arrays["clock"][X_OUTRIGHT] = int(not keep_journal and _is_simple(config))
    inverse = 1.0 / specs["tick_size"]
    whole = np.round(inverse)
    scale = arrays["scale"]
    scale[:, 0] = specs["tick_size"]
    scale[:, 1] = np.where(np.abs(inverse - whole) < 1e-9 * whole, whole, inverse)
    scale[:, 2] = specs["lot_size"] / 2
    arrays["ranges"][:] = (FAR, -FAR, FAR, -FAR)
    arrays["fees"][:] = fees_in_force(config, specs, names)
    arrays["assets"][:] = _assets(n, names)
    arrays["mark"][:] = np.nan
    if config.margin is not None:
        check_currency(names)
    if config.latency is not None:
        arrays["clock"][X_MODELLED] = 1
        record["latency"] = make_latency(config.latency, memory, clock_shift_us=clock_shift_us).at
    memory.extend([record, *arrays.values()])
    return int(record.ctypes.data)


def clone_exchange(like: int, memory: list[npt.NDArray[Any]]) -> int:
    """Return the address of a copy of a fresh exchange that has no latency model."""
    hub = view_at(like, 1, XHUB)
    first, kept, last = (int(hub[name][0]) for name in ("clock", "resting", "stop_requests"))
    words, block = cloned(hub, first, kept, last + (STOPS + 1) * INTENT.itemsize)
    memory.extend([words, block])
    return int(words.ctypes.data)


def _assume(
    clock: npt.NDArray[np.int64], params: npt.NDArray[np.float64], config: ExchangeConfig
) -> None:
    """Write the assumptions and what a fresh exchange begins with."""
    clock[X_VENUE_ID] = clock[X_TRADE_ID] = 1
    clock[X_ENTRY], clock[X_RESPONSE] = config.entry_latency_us, config.response_latency_us
    clock[X_QUEUE] = config.queue_code
    clock[X_PARTIAL], clock[X_CONSUME] = int(config.partial), int(config.consume)
    clock[X_FUNDING] = int(config.funding)
    clock[X_DANGER] = -1
    clock[X_SELF_TRADE] = config.rule
    clock[X_PRED_DUE] = clock[X_NEXT_EXPIRY] = FAR
    clock[X_PRED_LATENCY] = -1
    clock[X_LAST_ARRIVAL] = clock[X_LAST_REPORT] = -FAR
    params[P_EXPONENT], params[P_TRIGGER] = config.queue_n, np.nan
    if config.margin is not None:
        clock[X_MARGIN] = 1
        params[P_CASH] = config.margin.balance
        params[P_INITIAL] = config.margin.initial
        params[P_MAINTENANCE] = config.margin.maintenance
        params[P_LIQUIDATION_FEE] = config.margin.liquidation_fee


def _is_simple(config: ExchangeConfig) -> bool:
    """Say whether an order that comes to rest, or is cancelled, concerns nothing but itself."""
    none = config.entry_latency_us == config.response_latency_us == 0 and config.latency is None
    return none and config.margin is None and not config.consume


def _assets(n: int, names: Sequence[Instrument]) -> npt.NDArray[np.int64]:
    """Return what each instrument is settled in, 0 where that is not known."""
    out = np.zeros(n, np.int64)
    for inst, row in enumerate(names):
        asset = (row.base if row.inverse else row.quote)[:8]
        out[inst] = pack_text(asset) if asset.isascii() else 0
    return out


def counted(clock: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return what an exchange has counted, by the words of a run's summary."""
    return {
        "fills": int(clock[X_FILLS]),
        "sideless_trades": int(clock[X_SIDELESS]),
        "liquidations": int(clock[X_LIQUIDATIONS]),
        "funding_payments": int(clock[X_PAYMENTS]),
        "funding_without_price": int(clock[X_UNPRICED]),
        "funding_rows_without_time": int(clock[X_UNTIMED]),
    }


def make_live_exchange(
    instruments: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    config: ExchangeConfig,
    *,
    max_orders: int,
    row_limit: int,
    window: int | None = None,
    names: Sequence[Instrument] = (),
) -> Exchange:
    """Return a fresh exchange with books of its own, which live rows update."""
    address = make_exchange(
        instruments, memory, config, max_orders=max_orders, row_limit=row_limit, names=names
    )
    books: L2Books = make_books(instruments, memory, window=window)
    return Exchange(address, books)
