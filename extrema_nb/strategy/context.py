"""The context of a handler: a named tuple of arrays with methods, compiled and uncompiled alike.

Rules
-----
1. `ctx.now` is the ``ts_recv`` of the row at hand; there is no other clock and no other input.
2. Order methods return a client order id (1, 2, 3 … in order of submission) or a negative
   `Reject`; a request is recorded in the local order table at once and leaves as an INTENT row.
3. Orders, positions and `cancel_all` are the module's own: several strategies in one kernel do not
   see each other's orders. `ctx.net_position` is the account's.
4. Prices are rounded to the nearest tick, quantities are sent as they are.
5. One row may emit `ROW_LIMIT` intents, features, targets and log lines each; the kernel hands
   over between rows, so the limit never depends on how rows were cut into batches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import extrema_nb.strategy.requests  # noqa: F401  # gives Context its order methods
from extrema_nb.events import EventKind
from extrema_nb.jit import attach, attach_attribute, kernel
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.risk import Reject
from extrema_nb.strategy.state import (
    C_FEATURES,
    C_LOGS,
    C_LOST_OUTPUTS,
    C_MODULE,
    C_NOW,
    C_RANDOM,
    C_ROW_FEATURES,
    C_ROW_LOGS,
    C_ROW_SEEN,
    C_ROW_TARGETS,
    C_ROW_VALUES,
    C_ROWS,
    C_TARGETS,
    C_VALUES,
    ROW_LIMIT,
    ROW_VALUES,
    Context,
    clone_context,
    make_context,
)

__all__ = ["Context", "clone_context", "make_context"]

_TARGET = int(EventKind.INST_INTENT)
_UNKNOWN_INSTRUMENT = int(Reject.UNKNOWN_INSTRUMENT)
_TOO_MANY_INTENTS = int(Reject.TOO_MANY_INTENTS)


def now(ctx: Context) -> int:
    return ctx.clock[C_NOW]


def position(ctx: Context, inst: int) -> float:
    """Return the module's signed position, base units or contracts."""
    return ctx.positions[ctx.clock[C_MODULE], inst].qty


def net_position(ctx: Context, inst: int) -> float:
    """Return the account's signed position, base units or contracts."""
    return ctx.positions[len(ctx.n_open), inst].qty


def account(ctx: Context, inst: int) -> Any:
    """Return the module's POSITION record: qty, avg_price, cash, realized, fee, funding, volume, trades."""
    return ctx.positions[ctx.clock[C_MODULE], inst]


def book(ctx: Context, inst: int) -> Book:
    """Return the local book of `inst`."""
    return Book(ctx.books, int(inst))


def bbo(ctx: Context, inst: int) -> Any:
    """Return the last BBO row of `inst`; prices are NaN before the first."""
    return ctx.bbos[inst]


def instrument(ctx: Context, inst: int) -> Any:
    """Return the INSTRUMENT record: tick_size, lot_size, min_notional, contract_value, fees."""
    return ctx.specs[inst]


@kernel
def _note_row(ctx: Context) -> None:
    """At the first output of a row, note where its outputs begin: `ROW_LIMIT` counts from there."""
    clock = ctx.clock
    if clock[C_ROW_SEEN] != clock[C_ROWS]:
        clock[C_ROW_SEEN] = clock[C_ROWS]
        clock[C_ROW_FEATURES] = clock[C_FEATURES]
        clock[C_ROW_VALUES] = clock[C_VALUES]
        clock[C_ROW_TARGETS] = clock[C_TARGETS]
        clock[C_ROW_LOGS] = clock[C_LOGS]


def emit(ctx: Context, model: int, values: npt.NDArray[np.float64]) -> None:
    """Send a feature row to the model runner whose task id is `model`."""
    _note_row(ctx)
    n = ctx.clock[C_FEATURES]
    start = ctx.clock[C_VALUES]
    if (
        n - ctx.clock[C_ROW_FEATURES] >= ROW_LIMIT
        or start + len(values) - ctx.clock[C_ROW_VALUES] > ROW_VALUES
    ):
        ctx.clock[C_LOST_OUTPUTS] += 1
        return
    row = ctx.features[n]
    row.ts = ctx.clock[C_NOW]
    row.module = ctx.clock[C_MODULE]
    row.model = model
    row.start = start
    row.n = len(values)
    for i in range(len(values)):
        ctx.values[start + i] = values[i]
    ctx.clock[C_FEATURES] = n + 1
    ctx.clock[C_VALUES] = start + len(values)


def target(ctx: Context, inst: int, weight: float) -> int:
    """Tell the other modules what position is wanted; they see it in `on_inst_intent`.

    Return 0 or a negative `Reject`.
    """
    if not 0 <= inst < len(ctx.specs):
        return _UNKNOWN_INSTRUMENT
    _note_row(ctx)
    n = ctx.clock[C_TARGETS]
    if n - ctx.clock[C_ROW_TARGETS] >= ROW_LIMIT:
        ctx.clock[C_LOST_OUTPUTS] += 1
        return _TOO_MANY_INTENTS
    row = ctx.targets[n]
    row.ts_event = ctx.clock[C_NOW]
    row.ts_recv = ctx.clock[C_NOW]
    row.inst = inst
    row.kind = _TARGET
    row.flags = 1
    row.weight = weight
    row.price = np.nan
    row.module = ctx.clock[C_MODULE]
    ctx.clock[C_TARGETS] = n + 1
    return 0


def log(ctx: Context, number: int, value: float) -> None:
    """Log message `number` of the strategy's `messages` with a value."""
    _note_row(ctx)
    n = ctx.clock[C_LOGS]
    if n - ctx.clock[C_ROW_LOGS] >= ROW_LIMIT:
        ctx.clock[C_LOST_OUTPUTS] += 1
        return
    row = ctx.logs[n]
    row.ts = ctx.clock[C_NOW]
    row.module = ctx.clock[C_MODULE]
    row.number = number
    row.value = value
    ctx.clock[C_LOGS] = n + 1


def random(ctx: Context) -> float:
    """Return a seeded number in [0, 1): the same run gives the same numbers."""
    # Park and Miller's minimal standard generator: fits 64-bit integers without wrapping
    state = (ctx.clock[C_RANDOM] * 48_271) % 2_147_483_647
    ctx.clock[C_RANDOM] = state
    return state / 2_147_483_647.0


attach_attribute(Context, now)
attach(Context, position, net_position, account, book, bbo, instrument, emit, target, log, random)
