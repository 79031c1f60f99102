"""The state of the simulated exchange: its orders, its queues of messages, its clock.

All arrays hang on one record of addresses, as in `extrema_nb.strategy.context`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import L2Books, make_books
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EVENT, INTENT
from extrema_nb.instruments import INSTRUMENT
from extrema_nb.jit import attach_views

__all__ = [
    "FAR",
    "MARK",
    "XORDER",
    "Exchange",
    "ExchangeConfig",
    "QueueModel",
    "make_exchange",
]

FAR = 1 << 62  # a time that never comes, µs


class QueueModel(IntEnum):
    """How the quantity ahead of an order shrinks when its level does; EXCHANGE_MODELS, queues."""

    RISK_AVERSE = 0
    POWER = 1
    POWER2 = 2
    POWER3 = 3
    LOG = 4
    LOG2 = 5


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
                ("inst", "<i4"),
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
                ("equity", "<f8"),  # balance + position at mid - fee
                ("trades", "<i8"),
                ("volume", "<f8"),  # value traded
            ],
            align=True,
        ),
    )
)

# places in `clock`
X_NOW = 0  # exchange time, µs
X_LOCAL = 1  # next row of the local side
X_MARKET = 2  # next row of the exchange side
X_REQUEST_HEAD = 3
X_REQUEST_TAIL = 4
X_REPORT_HEAD = 5
X_REPORT_TAIL = 6
X_LAST_ARRIVAL = 7  # requests never overtake each other
X_LAST_REPORT = 8  # nor do reports
X_VENUE_ID = 9  # next venue order id
X_TRADE_ID = 10  # next trade id
X_ENTRY = 11  # entry latency, µs
X_RESPONSE = 12  # response latency, µs
X_QUEUE = 13  # QueueModel
X_JOURNAL = 14  # rows in the journal
X_MARKS = 15  # rows in the marks
X_NEXT_MARK = 16  # time of the next account mark, FAR for none
X_MARK_EVERY = 17  # µs
X_TIMERS = 18  # timers in use
X_END = 19  # last moment of the data: timers do not run beyond it
X_PRED_HEAD = 20
X_PRED_TAIL = 21
X_PRED_DUE = 22  # when the first feature that waits for its model must be answered
X_PRED_LATENCY = 23  # µs, -1 without models
X_SIDELESS = 24  # trades that say no side: they fill nobody, and are counted
X_FILLS = 25
X_BUDGET = 26  # rows that a call may still process before it reports progress
X_SIZE = 32


class ExchangeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumptions of a simulated exchange.

    Latencies in µs. `queue` is ``risk_averse``, ``power``, ``power2``, ``power3``, ``log`` or
    ``log2``; `queue_n` the exponent of the power models. Fees default to those of the instrument.
    """

    queue: str = "risk_averse"
    queue_n: float = 2.0
    entry_latency_us: int = 0
    response_latency_us: int = 0
    maker_fee: float | None = None  # fraction of value
    taker_fee: float | None = None

    def __post_init__(self) -> None:
        known = [m.name.lower() for m in QueueModel]
        if self.queue not in known:
            raise ConfigError(
                f"unknown queue model {self.queue!r}; expected one of {', '.join(known)}"
                + nearest(self.queue, known)
            )
        if not self.queue_n > 0:
            raise ConfigError(f"queue_n is {self.queue_n}, expected a positive exponent")
        if self.entry_latency_us < 0 or self.response_latency_us < 0:
            raise ConfigError("latencies are µs and not negative; 0 is the least")


XHUB = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "instruments", "max_orders", "request_cap", "report_cap", "journal_cap",
                    "mark_cap", "timer_cap", "pred_cap",
                    "clock", "params", "specs", "resting", "n_orders", "ranges", "requests",
                    "arrivals", "reports", "journal", "marks", "timers", "preds", "timer_row",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Exchange(NamedTuple):
    """Compiled exchange: books at exchange time, own orders by instrument, messages on their way.

    Arrays: ``clock`` (X_SIZE,) int64; ``params`` (4,) float64, [0] the queue exponent; ``specs``
    (n,) INSTRUMENT with the fees in force; ``resting`` (n, max_orders) XORDER by arrival;
    ``n_orders`` (n,); ``ranges`` (n, 4) lowest and highest tick of own bids, then of own asks;
    ``requests`` INTENT rows and ``arrivals`` their times at the exchange; ``reports`` rows by
    local receipt time; ``journal`` intents and reports in local order; ``marks`` MARK; ``timers``
    (timers, 4) int64: id, next due, period, tick; ``preds`` PRED rows by time.
    """

    at: int
    books: L2Books


attach_views(
    Exchange,
    XHUB,
    clock=(X_SIZE, np.int64),
    params=(4, np.float64),
    specs=("instruments", INSTRUMENT),
    resting=(("instruments", "max_orders"), XORDER),
    n_orders=("instruments", np.int64),
    ranges=(("instruments", 4), np.int64),
    requests=("request_cap", INTENT),
    arrivals=("request_cap", np.int64),
    reports=("report_cap", EVENT),
    journal=("journal_cap", EVENT),
    marks=("mark_cap", MARK),
    timers=(("timer_cap", 4), np.int64),
    preds=("pred_cap", EVENT),
)


def make_exchange(
    instruments: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    config: ExchangeConfig,
    *,
    max_orders: int,
    row_limit: int,
    timers: list[tuple[int, int, int]] | None = None,
    mark_every_us: int = 0,
    window: int | None = None,
) -> Exchange:
    """Return a fresh exchange over (n,) INSTRUMENT; `memory` takes what it points to.

    Parameters
    ----------
    max_orders : own orders an instrument can hold
    row_limit : intents that one local row may emit
    timers : (id, first due, period) in µs
    mark_every_us : interval of account marks, 0 for none
    """
    n = len(instruments)
    fees = instruments.astype(INSTRUMENT)
    if config.maker_fee is not None:
        fees["maker_fee"] = config.maker_fee
    if config.taker_fee is not None:
        fees["taker_fee"] = config.taker_fee
    times = np.zeros(X_SIZE, np.int64)
    times[X_VENUE_ID] = times[X_TRADE_ID] = 1
    times[X_ENTRY], times[X_RESPONSE] = config.entry_latency_us, config.response_latency_us
    times[X_QUEUE] = QueueModel[config.queue.upper()]
    times[X_MARK_EVERY] = mark_every_us
    times[X_NEXT_MARK] = times[X_END] = times[X_PRED_DUE] = FAR
    times[X_PRED_LATENCY] = -1
    times[X_LAST_ARRIVAL] = times[X_LAST_REPORT] = -FAR
    times[X_TIMERS] = len(timers or [])
    limits = np.zeros((n, 4), np.int64)
    limits[:, ::2], limits[:, 1::2] = FAR, -FAR
    request_cap = 4 * row_limit
    report_cap = 4 * (2 * max_orders + 2) + request_cap
    arrays = {
        "clock": times,
        "params": np.array([config.queue_n, 0.0, 0.0, 0.0]),
        "specs": fees,
        "resting": np.zeros((n, max_orders), XORDER),
        "n_orders": np.zeros(n, np.int64),
        "ranges": limits,
        "requests": np.zeros(request_cap, INTENT),
        "arrivals": np.zeros(request_cap, np.int64),
        "reports": np.zeros(report_cap, EVENT),
        "journal": np.zeros(1 << 15, EVENT),
        "marks": np.zeros(1 << 13, MARK),
        "timers": np.array([(*t, 0) for t in timers or []] or [(0, FAR, 0, 0)], np.int64),
        "preds": np.zeros(1 << 14, EVENT),
        "timer_row": np.zeros(1, EVENT),
    }
    record = np.zeros(1, XHUB)
    sizes = {
        "instruments": n, "max_orders": max_orders, "request_cap": request_cap,
        "report_cap": report_cap, "journal_cap": 1 << 15, "mark_cap": 1 << 13,
        "timer_cap": len(arrays["timers"]), "pred_cap": 1 << 14,
    }  # fmt: skip
    for name, size in sizes.items():
        record[name] = size
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return Exchange(record.ctypes.data, make_books(fees, memory, window=window))
