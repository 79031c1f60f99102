"""Requests and reports on their way, and what is written down about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.events import EVENT, INTENT, Action
from extrema_nb.jit import kernel
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.local import apply_reports
from extrema_nb.strategy.state import C_INTENTS, ROW_LIMIT
from replay.exchange.available import has_room
from replay.exchange.latency import Latency, entry_latency
from replay.exchange.model import (
    X_ENTRY,
    X_FEED,
    X_JOURNAL,
    X_KEEPS,
    X_LAST_ARRIVAL,
    X_MARKS,
    X_MODELLED,
    X_PARTIAL,
    X_PRED_HEAD,
    X_PRED_TAIL,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    X_STOPS,
    Exchange,
)
from replay.exchange.reports import lose

__all__ = [
    "compact",
    "forward_intents",
    "note_intents",
    "reports_of",
    "take_reports",
    "write_mark",
]

ROW_BYTES = EVENT.itemsize
_TERMS = int(Action.TERMS)
_SUBMIT = int(Action.SUBMIT)
_AMEND = int(Action.AMEND)


@kernel(part=True)
def reports_of(x: Exchange, inst: int, qty: float) -> int:
    """Return how many reports an order that takes `qty` can make at most."""
    if x.clock[X_PARTIAL] == 0:
        return 4
    levels = int(x.venue.levels_of(inst))
    lots = qty / x.scale[inst, 2]  # a level holds half a lot at least
    if lots < levels:
        levels = int(lots) + 1
    return 2 * levels + 4


@kernel(part=True)
def _needed(x: Exchange) -> int:
    """Return how many reports the next row or request can make at most, waiting stops included."""
    clock = x.clock
    need = 2 * int(x.hub.max_orders) + 4
    for i in range(clock[X_STOPS]):
        need += reports_of(x, int(x.stops[i].inst), x.stops[i].leaves_qty)
    if clock[X_PARTIAL] != 0 and clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]:
        request = x.requests[clock[X_REQUEST_HEAD]]
        if request.action == _SUBMIT or request.action == _AMEND:
            need += reports_of(x, int(request.inst), request.qty)
    return need


@kernel(part=True)
def compact(x: Exchange) -> bool:
    """Move what waits in the message queues to their fronts; say whether there is room to go on."""
    clock = x.clock
    head, tail = int(clock[X_REQUEST_HEAD]), int(clock[X_REQUEST_TAIL])
    if head > 0 and tail + ROW_LIMIT >= x.hub.request_cap:
        for i in range(head, tail):
            x.requests[i - head] = x.requests[i]
            x.arrivals[i - head] = x.arrivals[i]
        clock[X_REQUEST_HEAD], clock[X_REQUEST_TAIL] = 0, tail - head
    need = _needed(x)
    head, tail = int(clock[X_REPORT_HEAD]), int(clock[X_REPORT_TAIL])
    if head > 0 and (head == tail or tail + need >= x.hub.report_cap):
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
        and has_room(x, need)  # each level that is taken is told
    )


@kernel(part=True)
def _entry(x: Exchange, ctx: Any, intent: Any) -> int:
    """Return how long a request takes to the exchange, µs; negative: it is refused on its way."""
    book = ctx.books.head[intent.inst]
    x.clock[X_FEED] = max(book.ts_recv - book.ts_event, 0)
    entry = entry_latency(
        Latency(x.hub.latency), int(intent.ts_recv), int(x.clock[X_FEED]), int(intent.seq)
    )
    return abs(entry) if intent.action == _TERMS else entry


@kernel(part=True)
def note_intents(x: Exchange, ctx: Any) -> None:
    """Write the intents of the last row down."""
    clock = x.clock
    if clock[X_KEEPS] != 0:
        for i in range(ctx.clock[C_INTENTS]):
            x.journal.view(INTENT)[clock[X_JOURNAL]] = ctx.intents[i]
            clock[X_JOURNAL] += 1


@kernel(part=True)
def forward_intents(x: Exchange, ctx: Any, start: int) -> None:
    """Send the intents of the last row from `start` on on their way to the exchange."""
    clock = x.clock
    if clock[X_REQUEST_HEAD] == clock[X_REQUEST_TAIL]:  # the queue stays where it is warm
        clock[X_REQUEST_HEAD] = clock[X_REQUEST_TAIL] = 0
    for i in range(start, ctx.clock[C_INTENTS]):
        intent = ctx.intents[i]
        entry = int(clock[X_ENTRY])
        if clock[X_MODELLED] != 0:
            entry = _entry(x, ctx, intent)
            if entry < 0:
                lose(x, intent, -entry)
                continue
        tail = clock[X_REQUEST_TAIL]
        due = max(intent.ts_recv + entry, clock[X_LAST_ARRIVAL])
        clock[X_LAST_ARRIVAL] = due
        x.requests[tail] = intent
        x.arrivals[tail] = due
        clock[X_REQUEST_TAIL] = tail + 1
    ctx.clock[C_INTENTS] = 0


@kernel(part=True)
def take_reports(x: Exchange, ctx: Any, before: int) -> bool:
    """Take in the reports that are due before a moment and that no handler hears.

    False: the journal has no room for all of them.
    """
    clock = x.clock
    first, tail = int(clock[X_REPORT_HEAD]), int(clock[X_REPORT_TAIL])
    keeps = clock[X_KEEPS] != 0
    head = first
    while head < tail and x.reports[head].ts_recv < before:
        if keeps:
            if clock[X_JOURNAL] >= x.hub.journal_cap:
                break
            x.journal[clock[X_JOURNAL]] = x.reports[head]
            clock[X_JOURNAL] += 1
        head += 1
    apply_reports(ctx, x.hub.reports + first * ROW_BYTES, head - first)
    if head == tail:  # the queue stays where it is warm
        clock[X_REPORT_HEAD] = clock[X_REPORT_TAIL] = 0
        return True
    clock[X_REPORT_HEAD] = head
    return x.reports[head].ts_recv >= before


@kernel(part=True)
def write_mark(x: Exchange, ctx: Any, ts: int) -> None:
    """Write one account mark an instrument."""
    for inst in range(len(ctx.specs)):
        held = ctx.positions[ctx.hub.modules, inst]
        spec = ctx.specs[inst]
        mid = Book(ctx.books, inst).mid
        unit = held.qty * spec.contract_value * spec.multiplier
        worth = 0.0
        unrealized = 0.0
        if held.qty != 0.0:
            worth = -unit / mid if spec.inverse == 1 else unit * mid
            unrealized = unit * (mid - held.avg_price)
            if spec.inverse == 1:
                unrealized = unit / held.avg_price - unit / mid if held.avg_price > 0.0 else np.nan
        row = x.marks[x.clock[X_MARKS]]
        row.ts = ts
        row.inst = inst
        row.mid = mid
        row.position = held.qty
        row.balance = held.cash
        row.fee = held.fee
        row.funding = held.funding
        # what an inverse contract costs is counted in base units, the other way round
        row.equity = (
            (-held.cash if spec.inverse == 1 else held.cash) + worth - held.fee - held.funding
        )
        row.avg_price = held.avg_price
        row.realized = held.realized
        row.unrealized = unrealized
        row.trades = held.trades
        row.volume = held.volume
        x.clock[X_MARKS] += 1
