"""The local side of a step: what a row does to books, orders and positions before handlers see it.

One code for live, paper, replay and backtest.

Rules
-----
1. FILL rows move positions and the order's leaves; ACC_ORDER rows move its status. A report comes
   as [FILL] + ACC_ORDER.
2. A SNAPSHOT-flagged ACC_POS row sets the account's position; what the modules do not explain
   belongs to module 0. Other ACC_POS rows are information: positions follow fills.
3. A SYNTHETIC ACC_BAL row of an instrument is funding that the simulated exchange took or gave; the
   modules share it by their positions. A LIQUIDATED fill is of no module's order: it closes the
   positions of modules, the first ones first.
4. Orders that end by reports which nobody hears leave the table together: until then they are in
   it with a status that no open order has, and are not found.
5. A report that makes no sense in the order's state is counted in ``clock[C_ODD_REPORTS]``; a fill
   that comes after its order ended is counted too, and moves the position of the order's module.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import M_STALE
from extrema_nb.events import (
    ACC_BAL,
    ACC_ORDER,
    EVENT,
    FILL,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    StatusCode,
)
from extrema_nb.jit import kernel, view_at
from extrema_nb.orders import BACK, NEXT_STATUS
from extrema_nb.strategy.requests import find_order
from extrema_nb.strategy.state import (
    C_FINISHED,
    C_KILLED,
    C_ODD_REPORTS,
    C_ROWS,
    FINISHED,
    Context,
)

__all__ = [
    "apply_balance",
    "apply_fill",
    "apply_order_report",
    "apply_position",
    "apply_reports",
    "apply_status",
    "drop_ended",
    "end_order",
    "owner_of",
]

ROW_BYTES = EVENT.itemsize
_ACC_ORDER = int(EventKind.ACC_ORDER)
_FILL = int(EventKind.FILL)
_ACC_BAL = int(EventKind.ACC_BAL)
_SNAPSHOT = int(Flag.SNAPSHOT)
_SYNTHETIC = int(Flag.SYNTHETIC)
_LIQUIDATED = int(Flag.LIQUIDATED)
_LIVE = int(OrderStatus.LIVE)
_PARTIAL = int(OrderStatus.PARTIALLY_FILLED)
_FILLED = int(OrderStatus.FILLED)
_AMENDED = int(OrderEvent.AMENDED)
_TRADE = int(OrderEvent.TRADE)
_KILL = int(StatusCode.KILL)
_STALE = int(StatusCode.STALE)
_DISCONNECTED = int(StatusCode.DISCONNECTED)
_RESYNCED = int(StatusCode.RESYNCED)


@kernel(inline=True, part=True)
def _locate(ctx: Context, inst: int, client_order_id: int) -> tuple[int, int]:
    """Return the module that owns an open order and its place among that module's, or -1 twice."""
    for module in range(len(ctx.n_open)):
        if ctx.n_open[module, inst] > 0:
            place = find_order(ctx, module, inst, client_order_id)
            if place >= 0 and ctx.open_orders[module, inst, place].status < _FILLED:
                return module, place
    return -1, -1


@kernel(part=True)
def owner_of(ctx: Context, inst: int, client_order_id: int) -> int:
    """Return the module that owns an open order, or -1."""
    return _locate(ctx, inst, client_order_id)[0]


@kernel(part=True)
def _book_fill(ctx: Context, holder: int, inst: int, side: int, price: float, qty: float,
               fee: float) -> None:  # fmt: skip
    """Move one POSITION by an execution."""
    spec = ctx.specs[inst]
    unit = spec.contract_value * spec.multiplier
    held = ctx.positions[holder, inst]
    value = qty * unit * price
    if spec.inverse == 1:
        value = qty * unit / price if price > 0.0 else 0.0  # a position whose entry is not known
    change = side * qty
    before = held.qty
    if before * change >= 0.0:
        total = abs(before) + qty
        if spec.inverse == 1 and before != 0.0 and held.avg_price > 0.0 and price > 0.0:
            # what was paid is counted in base units, so entries are averaged as 1 / price
            held.avg_price = total / (abs(before) / held.avg_price + qty / price)
        elif total > 0.0:
            held.avg_price = (abs(before) * held.avg_price + qty * price) / total
    else:
        closed = min(abs(before), qty)
        direction = 1.0 if before > 0.0 else -1.0
        if spec.inverse == 1:
            if held.avg_price > 0.0 and price > 0.0:
                held.realized += direction * closed * unit * (1.0 / held.avg_price - 1.0 / price)
        else:
            held.realized += direction * closed * unit * (price - held.avg_price)
        if qty > abs(before):
            held.avg_price = price
    held.qty = before + change
    if abs(held.qty) < 0.5e-6 * spec.lot_size:
        held.qty = 0.0
        held.avg_price = 0.0
    held.cash -= side * value
    if not np.isnan(fee):
        held.fee += fee
    held.volume += value
    held.trades += 1


@kernel(part=True)
def apply_fill(ctx: Context, row: Any) -> int:
    """Apply a FILL row; return the module that owns the order, -1 if none does."""
    inst = int(row.inst)
    if not 0 <= inst < len(ctx.specs):
        return -1
    module, place = _locate(ctx, inst, row.client_order_id)
    side = int(row.side)
    _book_fill(ctx, len(ctx.n_open), inst, side, row.price, row.qty, row.fee)
    if module < 0 and int(row.flags) & _LIQUIDATED:
        _share_liquidation(ctx, row)
    elif module < 0:
        module = _late_owner(ctx, row.client_order_id)
        if module >= 0:
            ctx.clock[C_ODD_REPORTS] += 1
            _book_fill(ctx, module, inst, side, row.price, row.qty, row.fee)
    else:
        _book_fill(ctx, module, inst, side, row.price, row.qty, row.fee)
        order = ctx.open_orders[module, inst, place]
        order.leaves_qty = max(order.leaves_qty - row.qty, 0.0)
        if order.leaves_qty < 0.5e-6 * ctx.specs[inst].lot_size:
            order.leaves_qty = 0.0
    return module


@kernel(part=True)
def _share_liquidation(ctx: Context, row: Any) -> None:
    """Let a fill that closes the account close positions of modules; what is left is the first's."""
    inst, side = int(row.inst), int(row.side)
    left = row.qty
    for module in range(len(ctx.n_open)):
        held = ctx.positions[module, inst].qty
        part = min(left, max(-side * held, 0.0))
        if part > 0.0:
            share = row.fee * (part / row.qty)
            _book_fill(ctx, module, inst, side, row.price, part, share)
            left -= part
    if left > 0.5e-6 * ctx.specs[inst].lot_size:
        _book_fill(ctx, 0, inst, side, row.price, left, row.fee * (left / row.qty))


@kernel(part=True)
def _late_owner(ctx: Context, client_order_id: int) -> int:
    """Return the module that owned an order that has ended, or -1."""
    if client_order_id > 0:
        for i in range(FINISHED):
            if ctx.finished[i, 0] == client_order_id:
                return ctx.finished[i, 1]
    return -1


@kernel(inline=True, part=True)
def _finish(ctx: Context, module: int, client_order_id: int) -> None:
    """Remember whose order it was that has ended."""
    slot = ctx.clock[C_FINISHED] % FINISHED
    ctx.finished[slot, 0] = client_order_id
    ctx.finished[slot, 1] = module
    ctx.clock[C_FINISHED] += 1


@kernel(part=True)
def drop_ended(ctx: Context, module: int, inst: int, start: int) -> None:
    """Close the gaps that ended orders left from place `start` on; the others keep their sequence."""
    kept = start
    for i in range(start, ctx.n_open[module, inst]):
        if ctx.open_orders[module, inst, i].status < _FILLED:
            if kept != i:
                ctx.open_orders[module, inst, kept] = ctx.open_orders[module, inst, i]
            kept += 1
    ctx.n_open[module, inst] = kept


@kernel(inline=True, part=True)
def end_order(ctx: Context, module: int, inst: int, place: int, status: int) -> None:
    """Give an open order the status that it ends with; `drop_ended` takes it from the table."""
    order = ctx.open_orders[module, inst, place]
    order.status = status
    _finish(ctx, module, order.client_order_id)


@kernel(inline=True, part=True)
def _apply_order_report(ctx: Context, row: Any) -> tuple[int, int, bool]:
    """Apply an ACC_ORDER row; return module and place of the order, or -1 twice, and if it ended."""
    inst = int(row.inst)
    if not 0 <= inst < len(ctx.specs):
        return -1, -1, False
    module, place = _locate(ctx, inst, row.client_order_id)
    if module < 0:
        return -1, -1, False
    order = ctx.open_orders[module, inst, place]
    event = int(row.event)
    following = int(NEXT_STATUS[int(order.status), event])
    if following == -1:
        ctx.clock[C_ODD_REPORTS] += 1
        return module, place, False
    if row.venue_order_id >= 0:
        order.venue_order_id = row.venue_order_id
    if event == _AMENDED:
        executed = order.qty - order.leaves_qty
        order.price = row.price
        order.leaves_qty = row.leaves_qty
        order.qty = executed + row.leaves_qty
    if following == BACK:
        following = _PARTIAL if order.leaves_qty < order.qty else _LIVE
    if event == _TRADE and row.status == _FILLED:
        following = _FILLED
    order.status = following
    if following >= _FILLED:
        _finish(ctx, module, order.client_order_id)
    return module, place, following >= _FILLED


@kernel(inline=True, part=True)
def apply_order_report(ctx: Context, row: Any) -> int:
    """Apply an ACC_ORDER row; return the module that owns the order, -1 if none does."""
    module, place, ended = _apply_order_report(ctx, row)
    if ended:
        drop_ended(ctx, module, int(row.inst), place)
    return module


@kernel(part=True)
def apply_position(ctx: Context, row: Any) -> None:
    """Apply an ACC_POS row: a SNAPSHOT sets the account's position, others tell nothing new."""
    inst = int(row.inst)
    if int(row.flags) & _SNAPSHOT == 0 or not 0 <= inst < len(ctx.specs):
        return
    modules = len(ctx.n_open)
    difference = row.qty - ctx.positions[modules, inst].qty
    if difference == 0.0:
        return
    side = 1 if difference > 0.0 else -1
    entry = row.entry_price if row.entry_price > 0.0 else ctx.positions[modules, inst].avg_price
    for holder in (0, modules):
        held = ctx.positions[holder, inst]
        trades, volume, realized = held.trades, held.volume, held.realized
        _book_fill(ctx, holder, inst, side, entry, abs(difference), 0.0)
        held.trades = trades
        held.volume = volume
        held.realized = realized


@kernel(part=True)
def apply_balance(ctx: Context, row: Any) -> None:
    """Apply an ACC_BAL row: funding of the simulated exchange; others tell nothing about positions."""
    inst = int(row.inst)
    flags = int(row.flags)
    if flags & _SYNTHETIC == 0 or flags & _SNAPSHOT or not 0 <= inst < len(ctx.specs):
        return
    modules = len(ctx.n_open)
    paid = -row.change
    if np.isnan(paid):
        return
    account = ctx.positions[modules, inst]
    account.funding += paid
    if account.qty == 0.0:  # closed while the report was on its way
        ctx.positions[0, inst].funding += paid
        return
    for module in range(modules):
        held = ctx.positions[module, inst]
        held.funding += paid * (held.qty / account.qty)


@kernel(part=True)
def apply_status(ctx: Context, row: Any) -> None:
    """Apply a STATUS row: kill switch, and whether a book can be trusted."""
    code = int(row.code)
    if code == _KILL:
        ctx.clock[C_KILLED] = 1
    mark = -1
    if code in (_STALE, _DISCONNECTED):
        mark = 1
    elif code == _RESYNCED:
        mark = 0
    if mark >= 0:
        if 0 <= row.inst < len(ctx.specs):
            ctx.books.meta[row.inst, M_STALE] = mark
        elif row.inst < 0 and mark == 1:
            ctx.books.meta[:, M_STALE] = mark


@kernel(inline=True, part=True)
def apply_reports(ctx: Context, at: int, n: int) -> None:
    """Do what a step does with `n` reports from address `at` on if no handler hears of them."""
    ctx.clock[C_ROWS] += n
    module, inst, start = -1, -1, -1  # where orders have ended that are still in the table
    for k in range(n):
        place = at + k * ROW_BYTES
        kind = view_at(place, 1, EVENT)[0].kind
        if kind == _ACC_ORDER:
            row = view_at(place, 1, ACC_ORDER)[0]
            owner, i, ended = _apply_order_report(ctx, row)
            if ended:
                if owner != module or row.inst != inst:
                    if module >= 0:
                        drop_ended(ctx, module, inst, start)
                    module, inst, start = owner, int(row.inst), i
                start = min(start, i)
        elif kind == _FILL:
            apply_fill(ctx, view_at(place, 1, FILL)[0])
        elif kind == _ACC_BAL:
            apply_balance(ctx, view_at(place, 1, ACC_BAL)[0])
    if module >= 0:
        drop_ended(ctx, module, inst, start)
