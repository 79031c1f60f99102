"""Margin of the account at the exchange: equity, what orders may ask for, when it is too little.

Rules
-----
1. The account is one for all instruments (cross margin). Its equity is what it began with, plus
   what executions and funding brought in and cost, plus what positions are worth.
2. A position is worth its last mark price (FUNDING rows); without one the mid, with one side only
   that side's best. While a held instrument has no price at all, nothing is decided.
3. An order that makes the larger of "all buys fill" and "all sells fill" larger is refused if
   all instruments then need more than the equity, at the initial rate.
4. Equity is held against the maintenance rate after every market row that moves a price of a held
   instrument, and after whatever changes the account. Below it, all is closed at the end of
   that moment; see `replay.exchange.liquidation`.

Nothing of this costs anything while `X_MARGIN` is 0.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import BUY
from extrema_nb.jit import kernel
from replay.exchange.mids import book_price
from replay.exchange.model import (
    P_CASH,
    P_INITIAL,
    P_MAINTENANCE,
    X_DANGER,
    X_LIQUIDATING,
    X_MARK_DEED,
    X_MARKET,
    X_NEXT_EXPIRY,
    X_NOW,
    Exchange,
)
from replay.tape.layout import K_MARK

__all__ = [
    "check_margin",
    "equity_at",
    "is_short",
    "may_open",
    "next_danger",
    "price_moves",
    "take_marks",
    "worth",
]


@kernel(part=True)
def worth(x: Exchange, inst: int, qty: float, price: float) -> float:
    """Return the value of a quantity at a price, without its sign."""
    spec = x.specs[inst]
    unit = abs(qty) * spec.contract_value * spec.multiplier
    return unit / price if spec.inverse == 1 else unit * price


@kernel(part=True)
def _price(x: Exchange, inst: int, at: int) -> float:
    mark = x.mark[inst]
    return book_price(x, inst, at) if np.isnan(mark) else mark


@kernel(part=True)
def equity_at(x: Exchange, at: int) -> tuple[float, float]:
    """Return the equity at a position, and the value of all positions; NaN where not known."""
    equity = x.params[P_CASH]
    total = 0.0
    for inst in range(x.hub.instruments):
        held = x.held[inst]
        if held != 0.0:
            value = worth(x, inst, held, _price(x, inst, at))
            total += value
            is_long = (held > 0.0) != (x.specs[inst].inverse == 1)
            equity += value if is_long else -value
    return equity, total


@kernel(part=True)
def _exposure(x: Exchange, inst: int, side: int, more: float) -> float:
    """Return the quantity that is held at worst: all open buys fill, or all open sells."""
    buys = more if side == BUY else 0.0
    sells = more if side != BUY else 0.0
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == BUY:
            buys += order.leaves_qty
        else:
            sells += order.leaves_qty
    return max(abs(x.held[inst] + buys), abs(x.held[inst] - sells))


@kernel(part=True)
def may_open(x: Exchange, inst: int, side: int, qty: float, limit: float) -> bool:
    """Say whether the margin suffices for `qty` more to buy or sell.

    Parameters
    ----------
    limit : price of the order, which counts where the instrument has no other; NaN of a market
        order
    """
    at = int(x.clock[X_MARKET])
    if _exposure(x, inst, side, qty) <= _exposure(x, inst, side, 0.0):
        return True
    equity, _ = equity_at(x, at)
    needed = 0.0
    for other in range(x.hub.instruments):
        if x.held[other] != 0.0 or x.n_orders[other] > 0 or other == inst:
            price = _price(x, other, at)
            if np.isnan(price) and other == inst:
                price = limit
            needed += worth(
                x, other, _exposure(x, other, side, qty if other == inst else 0.0), price
            )
    return not needed * x.params[P_INITIAL] > equity


@kernel(part=True)
def is_short(x: Exchange, at: int) -> bool:
    """Say whether the equity at a position is below the maintenance margin."""
    equity, total = equity_at(x, at)
    return total > 0.0 and equity < total * x.params[P_MAINTENANCE]


@kernel(part=True)
def take_marks(x: Exchange, position: int) -> None:
    """Take the mark prices of rows before `position` in."""
    tape = x.venue
    deeds = int(tape.hub.deeds)
    k = int(x.clock[X_MARK_DEED])
    while k < deeds and tape.deed_at[k] < position:
        deed = tape.deed[k]
        if deed.kind == K_MARK and deed.qty > 0.0:
            x.mark[deed.inst] = deed.qty
        k += 1
    x.clock[X_MARK_DEED] = k


@kernel(part=True)
def check_margin(x: Exchange) -> None:
    """Let the exchange wake up at once to close everything if the margin is too small."""
    at = int(x.clock[X_MARKET])
    take_marks(x, at)
    if is_short(x, at):
        x.clock[X_LIQUIDATING] = 1
        x.clock[X_NEXT_EXPIRY] = min(x.clock[X_NEXT_EXPIRY], x.clock[X_NOW])


@kernel(part=True)
def _next_price(x: Exchange, at: int, limit: int) -> int:
    """Return the next position below `limit` at which a price of ours may move, or `limit`."""
    tape = x.venue
    deeds = int(tape.hub.deeds)
    k = int(x.clock[X_MARK_DEED])
    while k < deeds and tape.deed[k].kind != K_MARK and tape.deed_at[k] < limit:
        k += 1
    x.clock[X_MARK_DEED] = k  # so that rows which are no marks are walked once
    if k < deeds and tape.deed_at[k] < limit:
        limit = int(tape.deed_at[k])
    for inst in range(x.hub.instruments):
        if x.held[inst] != 0.0 and np.isnan(x.mark[inst]):
            end = int(tape.move_start[inst + 1])
            m = max(int(x.move[inst]), int(tape.move_start[inst]))
            while m < end and tape.move_at[m] < at:
                m += 1
            x.move[inst] = m
            if m < end and tape.move_at[m] < limit:
                limit = int(tape.move_at[m])
    return limit


@kernel(part=True)
def price_moves(x: Exchange, position: int) -> bool:
    """Say whether a price of ours may move at a position: it is where the tape has come to."""
    return _next_price(x, position, position + 1) == position


@kernel(part=True)
def next_danger(x: Exchange, limit: int) -> int:
    """Return the first position below `limit` after which the margin is too small, or `limit`.

    The tape is walked once; a position that was found stays so until it is reached.
    """
    at = int(x.clock[X_MARKET])
    if x.clock[X_DANGER] >= at:
        return min(limit, int(x.clock[X_DANGER]))
    any_held = False
    for inst in range(x.hub.instruments):
        any_held = any_held or x.held[inst] != 0.0
    while any_held:
        position = _next_price(x, at, limit)
        if position >= limit:
            break
        take_marks(x, position + 1)
        if is_short(x, position + 1):
            x.clock[X_DANGER] = position
            return position
        at = position + 1
    return limit
