"""What happens by itself at an exchange beside live rows: funding, expiry, liquidation.

Rules
-----
1. The same things as in a backtest (`replay.exchange.moments`), in the same order. There a tape
   knows all payments ahead; here each FUNDING row is a statement that holds until the next one.
2. Statements are held against the exchange's clock, the receipt of the row, not its event time.
3. Equity is held against the maintenance margin after every row that moves a price of a held
   instrument: the touch where no mark is known, else each row that states a mark.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import attach_views, kernel
from replay.exchange.arrival import expire, on_request
from replay.exchange.funding import pay
from replay.exchange.liquidation import liquidate
from replay.exchange.margin import is_short
from replay.exchange.model import (
    FAR,
    X_FILLS,
    X_FUNDING,
    X_LIQUIDATING,
    X_MARGIN,
    X_NEXT_EXPIRY,
    X_NOW,
    X_PAYMENTS,
    Exchange,
)
from replay.tape.funding import (
    PAYMENT,
    PENDING,
    new_pending,
    settle_funding,
    state_funding,
)

__all__ = [
    "Statements",
    "arrive_live",
    "check_live",
    "make_statements",
    "ring_live",
    "take_statement",
    "watches",
]

STATEMENTS = np.dtype(
    (np.record, np.dtype([(name, "<i8") for name in ("instruments", "pending", "due")], align=True))
)


class Statements(NamedTuple):
    """What FUNDING rows have stated, for kernels: the address of one record.

    Arrays: ``pending`` (n,) PENDING; ``due`` (n,) PAYMENT, what a row has shown to be due and is
    not paid yet, its ``ts`` FAR where nothing is.
    """

    at: int


attach_views(
    Statements,
    STATEMENTS,
    pending=("instruments", PENDING),
    due=("instruments", PAYMENT),
)


def make_statements(n: int, memory: list[npt.NDArray[Any]]) -> Statements:
    """Return those of `n` instruments that have stated nothing; `memory` takes the arrays."""
    record, pending, due = np.zeros(1, STATEMENTS), new_pending(n), np.zeros(n, PAYMENT)
    due["ts"] = FAR
    record["instruments"] = n
    record["pending"], record["due"] = pending.ctypes.data, due.ctypes.data
    memory.extend([record, pending, due])
    return Statements(int(record.ctypes.data))


@kernel(part=True)
def _await_statements(x: Exchange, said: Statements) -> None:
    """See to it that the exchange wakes up when the next payment is due."""
    soonest = int(x.clock[X_NEXT_EXPIRY])
    for inst in range(said.hub.instruments):
        soonest = min(soonest, said.due[inst].ts)
        if said.pending[inst].next_ts >= 0:
            soonest = min(soonest, said.pending[inst].next_ts)
    x.clock[X_NEXT_EXPIRY] = soonest


@kernel(part=True)
def take_statement(x: Exchange, said: Statements, row: Any) -> None:
    """Take a FUNDING row in, at the exchange's time."""
    if x.clock[X_FUNDING] != 0:
        inst = int(row.inst)
        state_funding(said.pending[inst], row, int(x.clock[X_NOW]), said.due[inst])
        _await_statements(x, said)


@kernel(part=True)
def _owed(x: Exchange, said: Statements) -> int:
    """Return the instrument whose payment is due first, -1 for none."""
    found = -1
    soonest = int(x.clock[X_NOW]) + 1
    for inst in range(said.hub.instruments):
        ts = int(said.due[inst].ts)
        if ts == FAR and said.pending[inst].next_ts >= 0:
            ts = int(said.pending[inst].next_ts)
        if ts < soonest:
            soonest = ts
            found = inst
    return found


@kernel(part=True)
def ring_live(x: Exchange, said: Statements) -> None:
    """Do what is due: a step of a liquidation, one payment of funding, or what expires.

    To be called again as long as something is due, with room for reports each time.
    """
    clock = x.clock
    if clock[X_LIQUIDATING] != 0:
        liquidate(x)
        return
    inst = _owed(x, said)
    if inst >= 0:
        payment = said.due[inst]
        if payment.ts == FAR:
            settle_funding(said.pending[inst], inst, payment)
        paid = clock[X_PAYMENTS]
        pay(x, payment)
        payment.ts = FAR
        if clock[X_PAYMENTS] != paid:
            check_live(x)
        return
    expire(x)
    _await_statements(x, said)


@kernel(part=True)
def arrive_live(x: Exchange, request: Any) -> None:
    """Handle a request that has arrived."""
    fills = x.clock[X_FILLS]
    on_request(x, request)
    if x.clock[X_FILLS] != fills:
        check_live(x)


@kernel(part=True)
def watches(x: Exchange, inst: int) -> bool:
    """Say whether the touch of an instrument is what a position is worth."""
    return bool(x.clock[X_MARGIN] != 0 and x.held[inst] != 0.0 and np.isnan(x.mark[inst]))


@kernel(part=True)
def check_live(x: Exchange) -> None:
    """Let the exchange wake up at once to close everything if the margin is too small."""
    if x.clock[X_MARGIN] != 0 and is_short(x, 0):
        x.clock[X_LIQUIDATING] = 1
        x.clock[X_NEXT_EXPIRY] = min(x.clock[X_NEXT_EXPIRY], x.clock[X_NOW])
