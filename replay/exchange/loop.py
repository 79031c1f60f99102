"""The backtest loop: two clocks, four queues, always the earliest event next.

Ties, in this order: local market row, local report, prediction, exchange market row, exchange
request, timer, account mark; then by place in the input. So an order that reaches the exchange at
X is handled after all market rows stamped X, and a timer at t sees all rows and reports of t.

The loop stops, and can be entered again, when the caller must act: no rows below the horizon are
left, outputs must be drained, a book must grow, a model must answer. Where it stops never changes
what comes out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import room
from extrema_nb.events import EVENT, INTENT, LOB_LEVEL, SCHEDULE, TRADE, EventKind, Flag
from extrema_nb.jit import kernel, view_at
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.hlist import must_stop
from extrema_nb.strategy.state import C_FEATURES, C_INTENTS, ROW_LIMIT
from replay.exchange.matching import on_level, on_request, on_trade
from replay.exchange.model import (
    FAR,
    X_BUDGET,
    X_END,
    X_ENTRY,
    X_JOURNAL,
    X_LAST_ARRIVAL,
    X_LOCAL,
    X_MARK_EVERY,
    X_MARKET,
    X_MARKS,
    X_NEXT_MARK,
    X_NOW,
    X_PRED_DUE,
    X_PRED_HEAD,
    X_PRED_LATENCY,
    X_PRED_TAIL,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    X_TIMERS,
    Exchange,
)

__all__ = ["Stop", "compact", "exchange_order", "forward_intents", "make_loop", "next_timer"]

ROW_BYTES = EVENT.itemsize
_LOB = int(EventKind.LOB)
_TRADE = int(EventKind.TRADE)
_SCHEDULE = int(EventKind.SCHEDULE)
_OFF_BOOK = int(Flag.OFF_BOOK)
_LAST = int(Flag.LAST)


class Stop(IntEnum):
    """Why the loop came back."""

    HORIZON = 0  # nothing left at or before the horizon
    OUTPUTS = 1  # drain the context's outputs
    LOCAL_BOOK = 2  # grow the local books
    EXCHANGE_BOOK = 3  # grow the exchange's books
    JOURNAL = 4  # drain journal and marks
    PREDICT = 5  # answer the features that wait
    BUSY = 6  # too many messages on their way
    BUDGET = 7  # the promised number of rows is done: report progress


# what can be next, in the order of ties
_LOCAL = 0
_REPORT = 1
_PRED = 2
_MARKET = 3
_REQUEST = 4
_TIMER = 5
_MARK = 6

_HORIZON = int(Stop.HORIZON)
_EXCHANGE_BOOK = int(Stop.EXCHANGE_BOOK)
_JOURNAL = int(Stop.JOURNAL)
_PREDICT = int(Stop.PREDICT)
_BUSY = int(Stop.BUSY)
_BUDGET = int(Stop.BUDGET)


@kernel
def compact(x: Exchange) -> bool:
    """Move what waits in the message queues to their fronts; say whether there is room to go on."""
    clock = x.clock
    head, tail = int(clock[X_REQUEST_HEAD]), int(clock[X_REQUEST_TAIL])
    if head > 0 and tail + ROW_LIMIT >= x.hub.request_cap:
        for i in range(head, tail):
            x.requests[i - head] = x.requests[i]
            x.arrivals[i - head] = x.arrivals[i]
        clock[X_REQUEST_HEAD], clock[X_REQUEST_TAIL] = 0, tail - head
    need = 2 * x.hub.max_orders + 4
    head, tail = int(clock[X_REPORT_HEAD]), int(clock[X_REPORT_TAIL])
    if head > 0 and tail + need >= x.hub.report_cap:
        for i in range(head, tail):
            x.reports[i - head] = x.reports[i]
        clock[X_REPORT_HEAD], clock[X_REPORT_TAIL] = 0, tail - head
    head, tail = int(clock[X_PRED_HEAD]), int(clock[X_PRED_TAIL])
    if head > 0:
        for i in range(head, tail):
            x.preds[i - head] = x.preds[i]
        clock[X_PRED_HEAD], clock[X_PRED_TAIL] = 0, tail - head
    return (
        clock[X_REQUEST_TAIL] + ROW_LIMIT < x.hub.request_cap
        and clock[X_REPORT_TAIL] + need < x.hub.report_cap
    )


@kernel
def forward_intents(x: Exchange, ctx: Any) -> None:
    """Send the intents of the last row on their way to the exchange, and note them."""
    clock = x.clock
    for i in range(ctx.clock[C_INTENTS]):
        intent = ctx.intents[i]
        tail = clock[X_REQUEST_TAIL]
        due = max(intent.ts_recv + clock[X_ENTRY], clock[X_LAST_ARRIVAL])
        clock[X_LAST_ARRIVAL] = due
        x.requests[tail] = intent
        x.arrivals[tail] = due
        clock[X_REQUEST_TAIL] = tail + 1
        x.journal.view(INTENT)[clock[X_JOURNAL]] = intent
        clock[X_JOURNAL] += 1
    ctx.clock[C_INTENTS] = 0


@kernel
def next_timer(x: Exchange) -> int:
    """Return the place of the timer that is due first (of several at once the first)."""
    best = 0
    for i in range(1, x.clock[X_TIMERS]):
        if x.timers[i, 1] < x.timers[best, 1]:
            best = i
    return best


@kernel
def _mark(x: Exchange, ctx: Any, ts: int) -> None:
    """Write one account mark an instrument."""
    for inst in range(len(ctx.specs)):
        held = ctx.positions[ctx.hub.modules, inst]
        spec = ctx.specs[inst]
        mid = Book(ctx.books, inst).mid
        unit = held.qty * spec.contract_value * spec.multiplier
        worth = 0.0
        if held.qty != 0.0:
            worth = -unit / mid if spec.inverse == 1 else unit * mid
        row = x.marks[x.clock[X_MARKS]]
        row.ts = ts
        row.inst = inst
        row.mid = mid
        row.position = held.qty
        row.balance = held.cash
        row.fee = held.fee
        row.equity = held.cash + worth - held.fee
        row.trades = held.trades
        row.volume = held.volume
        x.clock[X_MARKS] += 1


@kernel
def _sort_places(rows: int, unseen: int, n: int, out: int) -> int:
    """Write the places of unseen market rows by ``ts_event``; return how many, or -1.

    Rows of a feed are nearly in the venue's order, so insertion is quickest; -1 says that they
    are not, and another sort must do it.
    """
    places = view_at(out, n, np.int64)
    fresh = view_at(unseen, n, np.int8)
    found = 0
    steps = 0
    for k in range(n):
        row = view_at(rows + k * ROW_BYTES, 1, EVENT)[0]
        if fresh[k] != 0 and (row.kind == _LOB or row.kind == _TRADE) and row.inst >= 0:
            place = found
            while place > 0:
                before = view_at(rows + places[place - 1] * ROW_BYTES, 1, EVENT)[0]
                if before.ts_event <= row.ts_event:
                    break
                places[place] = places[place - 1]
                place -= 1
                steps += 1
            places[place] = k
            found += 1
            if steps > 64 * (k + 1024):
                return -1
    return found


def exchange_order(rows: npt.NDArray[Any], unseen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the places of the market rows that the exchange has not seen, in its order."""
    out = np.empty(len(rows), np.int64)
    n = int(_sort_places(rows.ctypes.data, unseen.ctypes.data, len(rows), out.ctypes.data))
    if n >= 0:
        return out[:n]
    kinds = rows["kind"]
    places = np.flatnonzero(unseen & ((kinds == _LOB) | (kinds == _TRADE)) & (rows["inst"] >= 0))
    return places[np.argsort(rows["ts_event"][places], kind="stable")]


@kernel(inline=True)
def _local_time(rows: int, i: int, n: int) -> int:
    """Return when local row `i` is due."""
    return int(view_at(rows + i * ROW_BYTES, 1, EVENT)[0].ts_recv) if i < n else FAR


@kernel(inline=True)
def _market_time(rows: int, places: Any, j: int, m: int) -> int:
    """Return when the exchange's row `j` is due."""
    return int(view_at(rows + places[j] * ROW_BYTES, 1, EVENT)[0].ts_event) if j < m else FAR


@kernel
def _other(
    local: int, market: int, report: int, pred: int, request: int, alarm: int, mark: int
) -> tuple[int, int]:
    """Return what is next and when, in the order of ties."""
    source, t = _LOCAL, local
    if report < t:
        source, t = _REPORT, report
    if pred < t:
        source, t = _PRED, pred
    if market < t:
        source, t = _MARKET, market
    if request < t:
        source, t = _REQUEST, request
    if alarm < t:
        source, t = _TIMER, alarm
    if mark < t:
        source, t = _MARK, mark
    return source, t


@kernel
def _write_timer(x: Exchange, timer: int, t: int) -> None:
    """Write the SCHEDULE row of a timer that is due."""
    row = view_at(x.hub.timer_row, 1, SCHEDULE)[0]
    row.ts_event = t
    row.ts_recv = t
    row.inst = -1
    row.kind = _SCHEDULE
    row.flags = _LAST
    row.timer = x.timers[timer, 0]
    row.tick = x.timers[timer, 3]
    row.period = x.timers[timer, 2]


def make_loop(step: Any) -> Any:
    """Return ``loop(x, ctx, cells, rows, n, order, m, horizon) -> Stop`` around a group's step.

    Parameters
    ----------
    step : the jitted step of a `KernelGroup`
    rows, n : address and number of EVENT rows in local order
    order, m : address and number of int64 places in `rows`: the exchange's rows in its order
    horizon : µs; rows up to here are complete on both clocks
    """

    def loop(
        x: Any, ctx: Any, cells: Any, rows: Any, n: Any, order: Any, m: Any, horizon: Any
    ) -> int:
        clock = x.clock
        mine = ctx.clock
        places = view_at(order, m, np.int64)
        i = int(clock[X_LOCAL])
        j = int(clock[X_MARKET])
        stop = _HORIZON
        timer = next_timer(x)
        last_budget = i + clock[X_BUDGET]
        journal_full = x.hub.journal_cap - ROW_LIMIT - 8
        requests_full = x.hub.request_cap - ROW_LIMIT
        marks_full = x.hub.mark_cap - x.hub.instruments
        local = _local_time(rows, i, n)
        market = _market_time(rows, places, j, m)
        local_limit = -FAR  # up to when local rows may go before anything else is due …
        market_limit = -FAR  # … and market rows; below both only rows need to be looked at
        report = pred = request = alarm = mark = FAR
        moved = True  # something else than rows has moved: look again when it is due
        while True:
            if moved:
                moved = False
                report = pred = request = alarm = mark = FAR
                if clock[X_REPORT_HEAD] < clock[X_REPORT_TAIL]:
                    report = int(x.reports[clock[X_REPORT_HEAD]].ts_recv)
                if clock[X_PRED_HEAD] < clock[X_PRED_TAIL]:
                    pred = int(x.preds[clock[X_PRED_HEAD]].ts_recv)
                if clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]:
                    request = int(x.arrivals[clock[X_REQUEST_HEAD]])
                if x.timers[timer, 1] <= clock[X_END]:
                    alarm = int(x.timers[timer, 1])
                if clock[X_NEXT_MARK] <= clock[X_END]:
                    mark = int(clock[X_NEXT_MARK])
                later = min(request, alarm, mark, horizon, clock[X_PRED_DUE] - 1)
                sooner = min(report, pred)
                local_limit = min(sooner, later)
                market_limit = min(sooner - 1, later)
            if market < local and market <= market_limit:
                at = rows + places[j] * ROW_BYTES
                head = view_at(at, 1, EVENT)[0]
                inst = int(head.inst)
                clock[X_NOW] = market
                tail = clock[X_REPORT_TAIL]
                if head.kind == _LOB:
                    if not room(x.books, inst):
                        stop = _EXCHANGE_BOOK
                        break
                    on_level(x, inst, view_at(at, 1, LOB_LEVEL)[0])
                elif head.flags & _OFF_BOOK == 0:
                    on_trade(x, inst, view_at(at, 1, TRADE)[0])
                j += 1
                market = _market_time(rows, places, j, m)
                if clock[X_REPORT_TAIL] != tail:
                    moved = True
                    if not compact(x):
                        stop = _BUSY
                        break
                continue
            source = _LOCAL
            at = rows + i * ROW_BYTES
            if local > market or local > local_limit:
                source, t = _other(local, market, report, pred, request, alarm, mark)
                if t > horizon or t == FAR:
                    break
                if t >= clock[X_PRED_DUE]:
                    stop = _PREDICT
                    break
                moved = True
                if source == _REQUEST:
                    clock[X_NOW] = t
                    on_request(x, x.requests[clock[X_REQUEST_HEAD]])
                    clock[X_REQUEST_HEAD] += 1
                    if not compact(x):
                        stop = _BUSY
                        break
                    continue
                if source == _MARK:
                    if clock[X_MARKS] >= marks_full:
                        stop = _JOURNAL
                        break
                    _mark(x, ctx, t)
                    clock[X_NEXT_MARK] += clock[X_MARK_EVERY]
                    continue
                if source == _REPORT:
                    at = x.hub.reports + clock[X_REPORT_HEAD] * ROW_BYTES
                elif source == _PRED:
                    at = x.hub.preds + clock[X_PRED_HEAD] * ROW_BYTES
                else:
                    _write_timer(x, timer, t)
                    at = x.hub.timer_row
            elif i == last_budget:
                stop = _BUDGET
                break
            if clock[X_JOURNAL] > journal_full:
                stop = _JOURNAL
                break
            # rows on end may each send as many requests as a row can, before the first arrives
            if clock[X_REQUEST_TAIL] >= requests_full and not compact(x):
                stop = _BUSY
                break
            stop = must_stop(ctx, view_at(at, 1, EVENT)[0])
            if stop != 0:
                break
            if source == _LOCAL:
                i += 1
                local = _local_time(rows, i, n)
            elif source == _REPORT:
                x.journal[clock[X_JOURNAL]] = x.reports[clock[X_REPORT_HEAD]]
                clock[X_JOURNAL] += 1
                clock[X_REPORT_HEAD] += 1
            elif source == _PRED:
                clock[X_PRED_HEAD] += 1
            else:
                x.timers[timer, 1] += x.timers[timer, 2]
                x.timers[timer, 3] += 1
                timer = next_timer(x)
            step(ctx, cells, at)
            if mine[C_INTENTS] > 0:
                forward_intents(x, ctx)
                moved = True
            if mine[C_FEATURES] > 0 and clock[X_PRED_DUE] == FAR and clock[X_PRED_LATENCY] >= 0:
                clock[X_PRED_DUE] = ctx.features[0].ts + clock[X_PRED_LATENCY]
                moved = True
        clock[X_BUDGET] = last_budget - i
        clock[X_LOCAL] = i
        clock[X_MARKET] = j
        return stop

    return kernel(loop)
