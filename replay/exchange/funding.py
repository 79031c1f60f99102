"""Funding: what a position pays when it is due."""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.events import ACC_BAL, EventKind, Flag
from extrema_nb.jit import kernel
from replay.exchange.mids import mid_of
from replay.exchange.model import (
    P_CASH,
    X_FUNDING,
    X_MARGIN,
    X_MARKET,
    X_NEXT_EXPIRY,
    X_PAYMENT,
    X_PAYMENTS,
    X_UNPRICED,
    Exchange,
)
from replay.exchange.reports import open_report

__all__ = ["await_funding", "pay"]

_ACC_BAL = int(EventKind.ACC_BAL)
_FLAGS = int(Flag.LAST | Flag.SYNTHETIC)


@kernel(part=True)
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
        price = mid_of(x, inst, int(x.clock[X_MARKET]))
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
    row.w4 = 0  # a report was in its place before
    if x.clock[X_MARGIN] != 0:
        x.params[P_CASH] += row.change
    x.clock[X_PAYMENTS] += 1


@kernel(part=True)
def await_funding(x: Exchange) -> None:
    """See to it that the exchange wakes up when the tape's next payment is due."""
    clock = x.clock
    k = clock[X_PAYMENT]
    if clock[X_FUNDING] != 0 and k < x.venue.hub.payments:
        clock[X_NEXT_EXPIRY] = min(clock[X_NEXT_EXPIRY], x.venue.payment[k].ts)
