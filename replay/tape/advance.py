"""The local side of a tape: the strategy's book brought up to a row, when somebody looks at it.

Between two looks only quantities are stored; the best prices are known beforehand.
"""

from __future__ import annotations

from extrema_nb.books.l2 import clear_book, follow_touch, put_level
from extrema_nb.books.layout import BLOCK_BITS
from extrema_nb.events import BBO, LOB_LEVEL
from extrema_nb.jit import kernel, view_at
from extrema_nb.strategy.state import Context
from replay.tape.layout import FORGET, NO_CHANGE, T_LEVEL, T_QUOTE, T_ROW, T_TURN, Tape

__all__ = ["LEVELS", "QUOTES", "catch_up"]

LEVELS, QUOTES = 1, 2  # what somebody looks at

ROW_BYTES = 64


@kernel(part=True)
def _far(ctx: Context, b: int, key: int, qty: float) -> None:
    """Apply a change that is not of a level in the window."""
    if key > NO_CHANGE:
        put_level(ctx.books, b, key & 1, key >> 1, qty)
    elif key == FORGET:
        clear_book(ctx.books, b)


@kernel(part=True)
def _apply(tape: Tape, ctx: Context, start: int, upto: int) -> int:
    """Apply changes of the only instrument's levels up to a row; return where it stopped."""
    books = ctx.books
    book = books.head[0]
    origin = int(book.origin)
    width = books.qty.shape[2]
    levels = 0  # kept in a register: in memory each row would wait for the one before
    n = int(tape.hub.levels)
    k = start
    while k < n and tape.level_row[k] < upto:
        key = int(tape.level_key[k])
        i = (key >> 1) - origin
        if 0 <= i < width:
            side = key & 1
            before = books.qty[0, side, i]
            qty = tape.level_qty[k]
            books.qty[0, side, i] = qty
            change = int(qty > 0.0) - int(before > 0.0)
            books.count[0, side, i >> BLOCK_BITS] += change
            levels += change
        else:
            book.levels += levels
            levels = 0
            _far(ctx, 0, key, tape.level_qty[k])
        k += 1
    book.levels += levels
    return k


@kernel(part=True)
def _apply_several(tape: Tape, ctx: Context, start: int, upto: int) -> int:
    """Apply changes of many instruments' levels up to a row; return where it stopped."""
    n = int(tape.hub.levels)
    k = start
    while k < n and tape.level_row[k] < upto:
        b = int(tape.level_inst[k])
        key = int(tape.level_key[k])
        if key > NO_CHANGE:
            put_level(ctx.books, b, key & 1, key >> 1, tape.level_qty[k])
        elif key == FORGET:
            clear_book(ctx.books, b)
        k += 1
        if k == n or tape.level_inst[k] != b or tape.level_row[k] >= upto:
            _stamp(tape, ctx, k - 1)
    return k


@kernel(part=True)
def _stamp(tape: Tape, ctx: Context, k: int) -> None:
    """Note sequence number and times of the row that brought change `k`."""
    row = view_at(tape.hub.rows + tape.level_row[k] * ROW_BYTES, 1, LOB_LEVEL)[0]
    book = ctx.books.head[tape.level_inst[k]]
    book.seq = row.seq
    book.ts_event = row.ts_event
    book.ts_recv = row.ts_recv


@kernel(part=True)
def _set_touch(tape: Tape, ctx: Context, k: int, deep: bool) -> None:
    """Set the best prices of an instrument to what they are after turn `k`."""
    b = int(tape.turn_inst[k])
    book = ctx.books.head[b]
    book.bid = tape.turn_bid[k]
    book.ask = tape.turn_ask[k]
    if deep:
        follow_touch(ctx.books, b)


@kernel(part=True)
def _turn(tape: Tape, ctx: Context, end: int, upto: int, looks: int) -> None:
    """Take in all turns of the touch that came with changes before `end`, and before a row."""
    n = int(tape.hub.turns)
    start = int(tape.cursors[T_TURN])
    several = tape.hub.instruments > 1
    deep = looks & LEVELS != 0
    k = start
    while k < n and tape.turn_at[k] < end and (deep or tape.level_row[tape.turn_at[k]] < upto):
        if several:
            _set_touch(tape, ctx, k, deep)
        k += 1
    if k > start and not several:
        _set_touch(tape, ctx, k - 1, deep)
    tape.cursors[T_TURN] = k


@kernel(part=True)
def _set_quote(tape: Tape, ctx: Context, k: int) -> None:
    row = view_at(tape.hub.rows + tape.quote_row[k] * ROW_BYTES, 1, BBO)[0]
    ctx.bbos[row.inst] = row


@kernel(part=True)
def _quote(tape: Tape, ctx: Context, upto: int) -> None:
    """Take in all BBO rows before a row."""
    n = int(tape.hub.quotes)
    start = int(tape.cursors[T_QUOTE])
    several = tape.hub.instruments > 1
    k = start
    while k < n and tape.quote_row[k] < upto:
        if several:
            _set_quote(tape, ctx, k)
        k += 1
    if k > start and not several:
        _set_quote(tape, ctx, k - 1)
    tape.cursors[T_QUOTE] = k


@kernel(part=True)
def catch_up(tape: Tape, ctx: Context, upto: int, looks: int) -> None:
    """Bring local books and BBO rows to the state after local rows 0 … `upto` - 1.

    All arrays are walked in order, not searched: that is what a processor reads ahead. What nobody
    looks at is left as it is.

    Parameters
    ----------
    looks : LEVELS if somebody may look at more of a book than its best prices, QUOTES if at BBO rows
    """
    cursors = tape.cursors
    cursors[T_ROW] = upto
    end = int(tape.hub.levels)
    start = int(cursors[T_LEVEL])
    if looks & LEVELS:
        if tape.hub.instruments == 1:
            end = _apply(tape, ctx, start, upto)
            if end > start:
                _stamp(tape, ctx, end - 1)
        else:
            end = _apply_several(tape, ctx, start, upto)
        cursors[T_LEVEL] = end
    if end > start:
        _turn(tape, ctx, end, upto, looks)
    if looks & QUOTES:
        _quote(tape, ctx, upto)
