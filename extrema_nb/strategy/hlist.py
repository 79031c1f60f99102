"""The heterogeneous list: strategies chained as jitted closures, without dispatch at run time.

For each handler there is one chain, `cons(A.on_trade, 0, cons(B.on_trade, 1, nil()))`. A link calls
its head directly and then its tail, so LLVM inlines the lot; a strategy without a handler is not
in that chain at all and leaves no code. Each link finds its strategy's params and state at a
constant place of a list of addresses (`cells`), so every strategy keeps its own types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from extrema_nb.books.l2 import apply_level, is_crossed, room
from extrema_nb.events import (
    ACC_BAL,
    ACC_ORDER,
    ACC_POS,
    BBO,
    CANDLE,
    EVENT,
    FILL,
    FUNDING,
    INST_INTENT,
    LIQUIDATION,
    LOB_LEVEL,
    MBO,
    PRED,
    SCHEDULE,
    STATUS,
    TRADE,
    EventKind,
    Flag,
)
from extrema_nb.jit import kernel, view_at
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.local import (
    apply_balance,
    apply_fill,
    apply_order_report,
    apply_position,
    apply_status,
)
from extrema_nb.strategy.state import (
    C_CROSSED,
    C_FEATURES,
    C_INTENTS,
    C_LOGS,
    C_MODULE,
    C_NOW,
    C_ROW,
    C_ROWS,
    C_TARGETS,
    C_TARGETS_DONE,
    C_VALUES,
    KINDS,
    OUTPUT_ROWS,
    ROW_LIMIT,
)

__all__ = [
    "Chains",
    "cons",
    "make_chain",
    "make_run",
    "make_step",
    "must_stop",
    "nil",
    "outputs_full",
]

Handler = Callable[..., None]
Chains = dict[EventKind, Any]
CellTypes = tuple[Any, Any]  # dtypes of Params and State

_TRADE = int(EventKind.TRADE)
_LOB = int(EventKind.LOB)
_BBO = int(EventKind.BBO)
_CANDLE = int(EventKind.CANDLE)
_MBO = int(EventKind.MBO)
_FUNDING = int(EventKind.FUNDING)
_ACC_ORDER = int(EventKind.ACC_ORDER)
_FILL = int(EventKind.FILL)
_ACC_BAL = int(EventKind.ACC_BAL)
_ACC_POS = int(EventKind.ACC_POS)
_PRED = int(EventKind.PRED)
_SCHEDULE = int(EventKind.SCHEDULE)
_INST_INTENT = int(EventKind.INST_INTENT)
_STATUS = int(EventKind.STATUS)
_LIQUIDATION = int(EventKind.LIQUIDATION)
_LAST = int(Flag.LAST)
OUTPUTS_FULL = OUTPUT_ROWS - ROW_LIMIT
ROW_BYTES = EVENT.itemsize


def nil() -> Any:
    """Return the end of every chain."""

    def end(ctx: Any, cells: Any, row: Any, mask: Any) -> None:
        pass

    return kernel(end, cache=False, inline=True)


def cons(handler: Any, index: int, types: CellTypes, tail: Any) -> Any:
    """Return a link that calls `handler` for module `index` if its bit is set, then the tail."""
    bit = 1 << index
    params, state = 2 * index, 2 * index + 1
    last = state + 1
    params_dtype, state_dtype = types

    def link(ctx: Any, cells: Any, row: Any, mask: Any) -> None:
        if mask & bit:
            ctx.clock[C_MODULE] = index
            p = view_at(view_at(cells, last, np.int64)[params], 1, params_dtype)[0]
            s = view_at(view_at(cells, last, np.int64)[state], 1, state_dtype)[0]
            handler(ctx, p, s, row)
        tail(ctx, cells, row, mask)

    return kernel(link, cache=False, inline=True)


def make_chain(handlers: Sequence[Handler | None], types: Sequence[CellTypes]) -> Any:
    """Return the chain of one handler name: one entry a module, None where it has none."""
    chain = nil()
    for index in reversed(range(len(handlers))):
        handler = handlers[index]
        if handler is not None:
            chain = cons(kernel(handler, cache=False), index, types[index], chain)
    return chain


@kernel(inline=True)
def outputs_full(ctx: Any) -> bool:
    """Say whether outputs must be drained before one more row."""
    clock = ctx.clock
    # one test for all: it may ask for a drain a little early, and when is of no consequence
    used = clock[C_INTENTS] | clock[C_FEATURES] | clock[C_TARGETS] | clock[C_LOGS]
    return (used | (clock[C_VALUES] >> 3)) > OUTPUTS_FULL


@kernel(inline=True)
def must_stop(ctx: Any, row: Any) -> int:
    """Return 0 if `row` can be applied; 1 if outputs must be drained first; 2 if a book is full."""
    if outputs_full(ctx):
        return 1
    if row.kind == _LOB and 0 <= row.inst < len(ctx.specs) and not room(ctx.books, int(row.inst)):
        return 2
    return 0


def make_step(chains: Chains, *, with_books: bool, books_ahead: bool = False) -> Any:
    """Return ``step(ctx, cells, at)``: apply the row at address `at`, then call the handlers.

    Parameters
    ----------
    chains : of each kind, made by `make_chain`
    with_books : keep the local book; off when nothing reads it, which makes LOB rows free
    books_ahead : somebody else keeps the books, and has taken the row in already
    """
    on_trade = chains[EventKind.TRADE]
    on_lob = chains[EventKind.LOB]
    on_bbo = chains[EventKind.BBO]
    on_candle = chains[EventKind.CANDLE]
    on_mbo = chains[EventKind.MBO]
    on_funding = chains[EventKind.FUNDING]
    on_acc_order = chains[EventKind.ACC_ORDER]
    on_fill = chains[EventKind.FILL]
    on_acc_bal = chains[EventKind.ACC_BAL]
    on_acc_pos = chains[EventKind.ACC_POS]
    on_preds = chains[EventKind.PRED]
    on_schedule = chains[EventKind.SCHEDULE]
    on_inst_intent = chains[EventKind.INST_INTENT]
    on_status = chains[EventKind.STATUS]
    on_liquidation = chains[EventKind.LIQUIDATION]

    def account_row(ctx: Any, cells: Any, at: Any) -> None:
        """Rows that are rare: kept out of line, so that market rows stay short."""
        head = view_at(at, 1, EVENT)[0]
        kind = head.kind
        if not 0 < kind < KINDS:
            return  # no row of ours; the table of subscriptions has no place for it
        mask = ctx.subscribed[kind, int(head.inst) + 1]
        if kind == _FILL:
            fill = view_at(at, 1, FILL)[0]
            owner = apply_fill(ctx, fill)
            on_fill(ctx, cells, fill, mask if owner < 0 else mask & (1 << owner))
        elif kind == _ACC_ORDER:
            report = view_at(at, 1, ACC_ORDER)[0]
            owner = apply_order_report(ctx, report)
            on_acc_order(ctx, cells, report, mask if owner < 0 else mask & (1 << owner))
        elif kind == _ACC_POS:
            position = view_at(at, 1, ACC_POS)[0]
            apply_position(ctx, position)
            on_acc_pos(ctx, cells, position, mask)
        elif kind == _ACC_BAL:
            balance = view_at(at, 1, ACC_BAL)[0]
            apply_balance(ctx, balance)
            on_acc_bal(ctx, cells, balance, mask)
        elif kind == _PRED:
            on_preds(ctx, cells, view_at(at, 1, PRED)[0], mask)
        elif kind == _SCHEDULE:
            on_schedule(ctx, cells, view_at(at, 1, SCHEDULE)[0], mask)
        elif kind == _INST_INTENT:
            on_inst_intent(ctx, cells, view_at(at, 1, INST_INTENT)[0], mask)
        elif kind == _STATUS:
            status = view_at(at, 1, STATUS)[0]
            apply_status(ctx, status)
            on_status(ctx, cells, status, mask)
        elif kind == _LIQUIDATION:
            on_liquidation(ctx, cells, view_at(at, 1, LIQUIDATION)[0], mask)

    rare = kernel(account_row, cache=False, inline=False)

    def step(ctx: Any, cells: Any, at: Any) -> None:
        row = view_at(at, 1, EVENT)[0]
        kind = row.kind
        inst = int(row.inst)
        clock = ctx.clock
        clock[C_NOW] = row.ts_recv
        clock[C_ROW] = clock[C_INTENTS]
        clock[C_ROWS] += 1
        if not -1 <= inst < len(ctx.specs):
            return
        if kind == _LOB:
            if with_books and inst >= 0:
                level = view_at(at, 1, LOB_LEVEL)[0]
                if not books_ahead:
                    apply_level(ctx.books, inst, level)
                if level.flags & _LAST:
                    if not books_ahead and is_crossed(ctx.books, inst):
                        clock[C_CROSSED] += 1
                    on_lob(ctx, cells, Book(ctx.books, inst), ctx.subscribed[kind, inst + 1])
        elif kind == _BBO:
            if inst >= 0:
                bbo = view_at(at, 1, BBO)[0]
                ctx.bbos[inst] = bbo
                on_bbo(ctx, cells, bbo, ctx.subscribed[kind, inst + 1])
        elif kind == _TRADE:
            on_trade(ctx, cells, view_at(at, 1, TRADE)[0], ctx.subscribed[kind, inst + 1])
        elif kind == _CANDLE:
            on_candle(ctx, cells, view_at(at, 1, CANDLE)[0], ctx.subscribed[kind, inst + 1])
        elif kind == _MBO:
            on_mbo(ctx, cells, view_at(at, 1, MBO)[0], ctx.subscribed[kind, inst + 1])
        elif kind == _FUNDING:
            on_funding(ctx, cells, view_at(at, 1, FUNDING)[0], ctx.subscribed[kind, inst + 1])
        else:
            rare(ctx, cells, at)
        while clock[C_TARGETS_DONE] < clock[C_TARGETS]:
            at = clock[C_TARGETS_DONE]
            clock[C_TARGETS_DONE] = at + 1
            target = ctx.targets[at]
            others = ctx.subscribed[_INST_INTENT, int(target.inst) + 1] & ~(1 << int(target.module))
            on_inst_intent(ctx, cells, target, others)

    return kernel(step, cache=False, inline=True)


def make_run(step: Any) -> Any:
    """Return ``run(at, start, n, ctx, cells)``: the rows from `start` on of `n` at address `at`.

    It returns where it stopped: `n`, or the first row that needs outputs drained or a book grown.
    """

    def run(at: Any, start: Any, n: Any, ctx: Any, cells: Any) -> int:
        i = start
        while i < n:
            here = at + i * ROW_BYTES
            if must_stop(ctx, view_at(here, 1, EVENT)[0]) != 0:
                break
            step(ctx, cells, here)
            i += 1
        return i

    return kernel(run)
