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
from replay.tape.lookup import first_at

__all__ = ["catch_up"]

ROW_BYTES = 64


@kernel
def _far(ctx: Context, b: int, key: int, qty: float) -> None:
    """Apply a change that is not of a level in the window."""
    if key > NO_CHANGE:
        put_level(ctx.books, b, key & 1, key >> 1, qty)
    elif key == FORGET:
        clear_book(ctx.books, b)


@kernel
def _apply(tape: Tape, ctx: Context, start: int, end: int) -> None:
    """Apply changes of levels to the local book of the only instrument."""
    books = ctx.books
    book = books.head[0]
    origin = int(book.origin)
    width = books.qty.shape[2]
    levels = 0  # kept in a register: in memory each row would wait for the one before
    for k in range(start, end):
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
    book.levels += levels


@kernel
def _apply_several(tape: Tape, ctx: Context, start: int, end: int) -> None:
    """Apply changes of levels to the local books of many instruments."""
    for k in range(start, end):
        b = int(tape.level_inst[k])
        key = int(tape.level_key[k])
        if key > NO_CHANGE:
            put_level(ctx.books, b, key & 1, key >> 1, tape.level_qty[k])
        elif key == FORGET:
            clear_book(ctx.books, b)
        if k + 1 == end or tape.level_inst[k + 1] != b:
            _stamp(tape, ctx, k)


@kernel
def _stamp(tape: Tape, ctx: Context, k: int) -> None:
    """Note sequence number and times of the row that brought change `k`."""
    row = view_at(tape.hub.rows + tape.level_row[k] * ROW_BYTES, 1, LOB_LEVEL)[0]
    book = ctx.books.head[tape.level_inst[k]]
    book.seq = row.seq
    book.ts_event = row.ts_event
    book.ts_recv = row.ts_recv


@kernel
def _turn(tape: Tape, ctx: Context, start: int, end: int) -> None:
    """Set the best prices to what they are after the last of some turns."""
    first = start if tape.hub.instruments > 1 else max(end - 1, start)
    for k in range(first, end):
        b = int(tape.turn_inst[k])
        book = ctx.books.head[b]
        book.bid = tape.turn_bid[k]
        book.ask = tape.turn_ask[k]
        follow_touch(ctx.books, b)


@kernel
def catch_up(tape: Tape, ctx: Context, upto: int) -> None:
    """Bring local books and BBO rows to the state after local rows 0 … `upto` - 1."""
    cursors = tape.cursors
    cursors[T_ROW] = upto
    start = int(cursors[T_LEVEL])
    end = first_at(tape.level_row, start, int(tape.hub.levels), start, upto)
    if end > start:
        if tape.hub.instruments == 1:
            _apply(tape, ctx, start, end)
            _stamp(tape, ctx, end - 1)
        else:
            _apply_several(tape, ctx, start, end)
        cursors[T_LEVEL] = end
        turn = int(cursors[T_TURN])
        last = first_at(tape.turn_at, turn, int(tape.hub.turns), turn, end)
        if last > turn:
            _turn(tape, ctx, turn, last)
            cursors[T_TURN] = last
    quote = int(cursors[T_QUOTE])
    last = first_at(tape.quote_row, quote, int(tape.hub.quotes), quote, upto)
    if last > quote:
        first = quote if tape.hub.instruments > 1 else last - 1
        for k in range(first, last):
            row = view_at(tape.hub.rows + tape.quote_row[k] * ROW_BYTES, 1, BBO)[0]
            ctx.bbos[row.inst] = row
        cursors[T_QUOTE] = last
