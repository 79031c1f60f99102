"""The queue of single orders, first in, first out: docs/exchange-models.md, in code.

Rules
-----
1. An own order stands behind every market order that was at its price when it arrived, and before
   every one that came, or lost its place, later.
2. An execution of a market order fills own orders that stand before it at its price, and those at
   better prices completely. Trades themselves fill nobody: each execution is a row of its own.
3. With `partial`, an own order at that price fills no more than was executed. With `consume`, own
   orders share the executed quantity: the best price first, then who came first.
4. Where the market's orders are void, so are own ones: they expire.
"""

from __future__ import annotations

from typing import Any

from extrema_nb.events import BUY, OrderEvent, OrderStatus
from extrema_nb.jit import kernel
from replay.exchange.model import X_CONSUME, X_PARTIAL, Exchange
from replay.exchange.reports import execute, report
from replay.exchange.resting import drop_filled
from replay.tape.layout import K_CLEAR, K_EXECUTE

__all__ = ["meet_orders"]

_EXPIRED = int(OrderStatus.EXPIRED)
_E_EXPIRED = int(OrderEvent.EXPIRED)


@kernel(part=True)
def _is_before(order: Any, side: int, tick: int, joined: int) -> bool:
    """Say whether an own order would have been executed before a market order."""
    if order.side != side or order.leaves_qty <= 0.0:
        return False
    if order.tick == tick:
        return bool(order.joined <= joined)
    return bool(order.tick > tick) if side == BUY else bool(order.tick < tick)


@kernel(part=True)
def _comes_first(order: Any, other: Any, side: int) -> bool:
    """Say whether of two own orders the first has priority."""
    if order.tick != other.tick:
        return bool((order.tick > other.tick) == (side == BUY))
    if order.joined != other.joined:
        return bool(order.joined < other.joined)
    return bool(order.venue_order_id < other.venue_order_id)


@kernel(part=True)
def _share(x: Exchange, inst: int, side: int, tick: int, qty: float, joined: int) -> None:
    """Let own orders share what was executed."""
    lot = x.specs[inst].lot_size
    left = qty
    while left >= 0.5 * lot:
        best = -1
        for i in range(x.n_orders[inst]):
            order = x.resting[inst, i]
            if _is_before(order, side, tick, joined) and (
                best < 0 or _comes_first(order, x.resting[inst, best], side)
            ):
                best = i
        if best < 0:
            break
        order = x.resting[inst, best]
        done = min(order.leaves_qty, left)
        left -= done
        execute(x, inst, order, order.price, done, True)
    drop_filled(x, inst, 0)


@kernel(part=True)
def _executed(x: Exchange, inst: int, side: int, tick: int, qty: float, joined: int) -> None:
    """Let an execution of a market order fill own orders that stand before it."""
    if x.clock[X_CONSUME] != 0:
        _share(x, inst, side, tick, qty, joined)
        return
    filled = False
    least = 0.5 * x.specs[inst].lot_size
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if _is_before(order, side, tick, joined):
            done = order.leaves_qty
            if x.clock[X_PARTIAL] != 0 and order.tick == tick:
                done = min(done, qty)
            if done >= least:
                execute(x, inst, order, order.price, done, True)
                filled = True
    if filled:
        drop_filled(x, inst, 0)


@kernel(part=True)
def _cleared(x: Exchange, inst: int, side: int) -> None:
    """Expire own orders of a side, 0 for both."""
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if side == 0 or order.side == side:
            report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, 0)
            order.leaves_qty = 0.0
    drop_filled(x, inst, 0)


@kernel(part=True)
def meet_orders(x: Exchange, row: Any) -> None:
    """Let a deed of single orders do what it does to own ones; others do nothing."""
    inst, side = int(row.inst), int(row.side)
    if row.kind == K_EXECUTE:
        _executed(x, inst, side, int(row.tick), row.qty, int(row.edge))
    elif row.kind == K_CLEAR:
        _cleared(x, inst, side)
