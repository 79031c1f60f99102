"""What market rows do to own orders: docs/exchange-models.md, in code.

Rules
-----
1. A level row moves the queue places of own orders at its side and tick; if it improved its side's
   best price, own opposite orders at or through the new best fill completely.
2. A trade fills own orders of the resting side: through its price completely, at its price when
   the queue ahead is used up. Trades at or beyond the opposite best fill nobody.
3. With `partial`, an order at the trade's price fills as many lots as the queue was overrun by.
4. Own orders neither see each other nor use up the market's volume, unless `consume` says so:
   then own orders share a trade's quantity, the best price and the smallest queue first.
5. With the queue model ``fifo`` executions of single orders do what trades do otherwise.
6. Whatever happens is reported in order of client order id, each execution by itself.
"""

from __future__ import annotations

from typing import Any

from extrema_nb.events import BUY
from extrema_nb.jit import kernel
from replay.exchange.config import QueueModel
from replay.exchange.fifo import meet_orders
from replay.exchange.model import X_CONSUME, X_PARTIAL, X_QUEUE, Exchange
from replay.exchange.queue import lots_reached, traded
from replay.exchange.reports import execute
from replay.exchange.resting import drop_filled, level_moved, settle
from replay.tape.layout import K_LEVEL, K_TRADE

_FIFO = int(QueueModel.FIFO)

__all__ = ["fill_through", "meet_level", "meet_row", "meet_trade"]


@kernel(part=True)
def fill_through(x: Exchange, inst: int, side: int, tick: int) -> None:
    """Fill own orders of `side` at `tick` or better: the other side's best has come to them."""
    first = -1
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == side and (order.tick >= tick if side == BUY else order.tick <= tick):
            execute(x, inst, order, order.price, order.leaves_qty, True)
            first = i if first < 0 else first
    if first >= 0:
        drop_filled(x, inst, first)


@kernel(part=True)
def meet_level(x: Exchange, inst: int, side: int, tick: int, previous: float, new: float) -> None:
    """Move the queue places of own orders at a level that goes from `previous` to `new`."""
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == side and order.tick == tick:
            level_moved(x, order, previous, new)


@kernel(part=True)
def _share(
    x: Exchange, inst: int, side: int, tick: int, qty: float, edge: int, position: int
) -> None:
    """Let own orders share what a trade offers: the best price first, then the least queue."""
    lot = x.specs[inst].lot_size
    left = qty
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == side and order.tick == tick:
            settle(x, order, position)
            traded(int(x.clock[X_QUEUE]), order, qty)
    while left >= 0.5 * lot:
        best = -1
        for i in range(x.n_orders[inst]):
            order = x.resting[inst, i]
            if order.side != side or order.leaves_qty <= 0.0:
                continue
            inside = (tick <= order.tick < edge) if side == BUY else (edge < order.tick <= tick)
            if not inside or (order.tick == tick and lots_reached(order, lot) <= 0.0):
                continue
            if best < 0:
                best = i
                continue
            other = x.resting[inst, best]
            if order.tick != other.tick:
                if (order.tick > other.tick) == (side == BUY):
                    best = i
            elif order.tick == tick and order.front < other.front:
                best = i
        if best < 0:
            break
        order = x.resting[inst, best]
        done = min(order.leaves_qty, left)
        if order.tick == tick and x.clock[X_PARTIAL] != 0:
            done = min(done, lots_reached(order, lot) * lot)
        left -= done
        order.front = max(order.front, 0.0)
        execute(x, inst, order, order.price, done, True)
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == side and order.tick == tick:
            order.front = max(order.front, 0.0)
    drop_filled(x, inst, 0)


@kernel(part=True)
def meet_trade(
    x: Exchange, inst: int, side: int, tick: int, qty: float, edge: int, position: int
) -> None:
    """Let a public trade fill own orders of the resting side.

    Parameters
    ----------
    side : BUY where the taker sold
    edge : best tick of the other side
    position : of the trade on its tape
    """
    if x.clock[X_CONSUME] != 0:
        _share(x, inst, side, tick, qty, edge, position)
        return
    lot = x.specs[inst].lot_size
    partial = x.clock[X_PARTIAL] != 0
    first = -1
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == side:
            if order.tick == tick:
                settle(x, order, position)
                traded(int(x.clock[X_QUEUE]), order, qty)
                lots = lots_reached(order, lot)
                order.front = max(order.front, 0.0)
                if lots > 0.0:
                    done = min(lots * lot, order.leaves_qty) if partial else order.leaves_qty
                    execute(x, inst, order, order.price, done, True)
                    first = i if first < 0 else first
            elif (tick < order.tick < edge) if side == BUY else (edge < order.tick < tick):
                execute(x, inst, order, order.price, order.leaves_qty, True)
                first = i if first < 0 else first
    if first >= 0:
        drop_filled(x, inst, first)


@kernel(part=True)
def meet_row(x: Exchange, row: Any, position: int) -> None:
    """Let a deed of the tape fill own orders; queue places follow when they matter."""
    inst = int(row.inst)
    side = int(row.side)
    if row.kind == K_LEVEL:
        fill_through(x, inst, -side, int(row.edge))
    elif x.clock[X_QUEUE] == _FIFO:
        meet_orders(x, row)
    elif row.kind == K_TRADE:
        meet_trade(x, inst, side, int(row.tick), row.qty, int(row.edge), position)
