"""Funding: what a position pays when it is due, and the moments at which the exchange does such things."""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.events import ACC_BAL, EventKind, Flag
from extrema_nb.jit import kernel
from replay.exchange.arrival import expire
from replay.exchange.model import (
    X_FUNDING,
    X_MARKET,
    X_NEXT_EXPIRY,
    X_NOW,
    X_PAYMENT,
    X_PAYMENTS,
    X_UNPRICED,
    Exchange,
)
from replay.exchange.reports import open_report
from replay.exchange.resting import price_of

__all__ = ["await_funding", "mid_of", "pay", "ring"]

_ACC_BAL = int(EventKind.ACC_BAL)
_FLAGS = int(Flag.LAST | Flag.SYNTHETIC)


@kernel
def mid_of(x: Exchange, inst: int) -> float:
    """Return the mid at the exchange, NaN without a two-sided book."""
    at = int(x.clock[X_MARKET])
    bid = int(x.venue.touch_of(inst, BID, at))
    ask = int(x.venue.touch_of(inst, ASK, at))
    if bid == NO_BID or ask == NO_ASK:
        return np.nan
    return 0.5 * (price_of(x, inst, bid) + price_of(x, inst, ask))


@kernel
def pay(x: Exchange, payment: Any) -> None:
    """Pay or receive funding for the position that is held, and report it.

    A payment without a mark price is reckoned at the mid; without that either it is counted, and
    nothing is paid.
    """
    inst = int(payment.inst)
    held = x.held[inst]
    if held == 0.0:
        return
    price = payment.price
    if np.isnan(price):
        price = mid_of(x, inst)
    if not price > 0.0:
        x.clock[X_UNPRICED] += 1
        return
    spec = x.specs[inst]
    unit = held * spec.contract_value * spec.multiplier
    value = unit / price if spec.inverse == 1 else unit * price
    at = open_report(x, inst, 0, _ACC_BAL, _FLAGS, False)
    row = x.reports.view(ACC_BAL)[at]
    row.asset = x.assets[inst]
    row.balance = np.nan
    row.available = np.nan
    row.change = -value * payment.rate
    x.clock[X_PAYMENTS] += 1


@kernel
def await_funding(x: Exchange) -> None:
    """See to it that the exchange wakes up when the tape's next payment is due."""
    clock = x.clock
    k = clock[X_PAYMENT]
    if clock[X_FUNDING] != 0 and k < x.venue.hub.payments:
        clock[X_NEXT_EXPIRY] = min(clock[X_NEXT_EXPIRY], x.venue.payment[k].ts)


@kernel
def ring(x: Exchange) -> None:
    """Do what is due at the exchange by itself: one payment, or what expires.

    The loop comes again as long as something is due, and makes room for reports each time.
    """
    clock = x.clock
    k = clock[X_PAYMENT]
    if clock[X_FUNDING] != 0 and k < x.venue.hub.payments and x.venue.payment[k].ts <= clock[X_NOW]:
        pay(x, x.venue.payment[k])
        clock[X_PAYMENT] = k + 1
        return
    expire(x)
    await_funding(x)
