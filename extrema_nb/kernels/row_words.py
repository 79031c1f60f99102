"""Rows from the words and levels that the scanner of frames has read.

A book goes on only when its frame has been read to the end: a frame may turn out odd behind it.
Both writers return the new number of rows, or SLOW or FULL.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag
from extrema_nb.jit import kernel
from extrema_nb.kernels.memory import (
    BASE,
    CHAINED,
    FLOOR,
    FULL,
    HIGH,
    OPEN,
    SLOW,
    STAMP,
    WAVED,
    Scanner,
)
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    FLAGS,
    LATER,
    LINE_AT,
    NUMBER,
    PREV_SEQ,
    SEQ,
    SIDE,
    TIME,
    Chain,
    Guard,
)

__all__ = ["book_went_on", "line_went_on", "next_number", "write_book", "write_row"]

GUARD_PRICE, GUARD_IDS = int(Guard.PRICE), int(Guard.IDS)
GUARD_EMPTY, GUARD_SEVERAL = int(Guard.EMPTY), int(Guard.SEVERAL)
GUARD_ARRIVAL, GUARD_NUMBERED = int(Guard.ARRIVAL), int(Guard.NUMBERED)
GUARD_STAMPED, GUARD_AGED = int(Guard.STAMPED), int(Guard.AGED)
UNNUMBERED = int(Chain.KNOWN)
BY_PREV, BY_TIME, BY_NUMBER = int(Chain.PREV), int(Chain.TIME), int(Chain.NUMBER)
LAST, START, SNAPSHOT, STALE = (
    int(flag) for flag in (Flag.LAST, Flag.START, Flag.SNAPSHOT, Flag.STALE)
)
OFF_BOOK, AGGREGATE = int(Flag.OFF_BOOK), int(Flag.AGGREGATE)
LOB, BBO = int(EventKind.LOB), int(EventKind.BBO)
NAN = float("nan")


@kernel(inline=True, part=True)
def next_number(s: Scanner, guard: int) -> bool:
    """Whether the message has the next number of its connection, and told it before its data."""
    line = s.words[LINE_AT]
    return (
        line >= 0
        and s.lines[line, OPEN] != 0
        and s.words[NUMBER] == s.lines[line, HIGH] + 1
        and (not guard & GUARD_STAMPED or s.words[LATER] > 0)
    )


@kernel(part=True)
def write_row(s: Scanner, channel: int, inst: int, ts_recv: int, n: int) -> int:
    """Write one row of words; return the new `n`, or what it stands against."""
    words, floats, out = s.words, s.floats, s.out
    guard = s.channels[channel].guard
    if inst < 0:
        return SLOW
    if guard & GUARD_PRICE and not floats[0] > 0.0 and not words[FLAGS] & OFF_BOOK:
        return SLOW
    if guard & GUARD_EMPTY:
        for side in range(0, 4, 2):
            if not floats[side] > 0.0:
                floats[side] = NAN
                floats[side + 1] = 0.0
    if guard & GUARD_SEVERAL and words[COUNT] > 1:
        words[FLAGS] |= AGGREGATE
        words[4] = words[2]
    if guard & GUARD_NUMBERED:
        if not next_number(s, guard):
            return SLOW
        if s.channels[channel].kind == BBO:
            words[4] = s.lines[words[LINE_AT], BASE] + words[NUMBER]
    if n >= out.shape[0]:
        return FULL
    time = words[TIME]
    if not time:
        time = words[LATER]
    if guard & GUARD_ARRIVAL:
        time = ts_recv
    out[n, 0] = time
    out[n, 1] = ts_recv
    out[n, 2] = (
        inst | s.channels[channel].kind << 32 | (words[SIDE] & 0xFF) << 40 | words[FLAGS] << 48
    )
    for word in range(5):
        out[n, 3 + word] = words[word]
    return n + 1


@kernel(part=True)
def write_book(
    s: Scanner, channel: int, inst: int, ts_recv: int, n: int, bids: int, asks: int
) -> int:
    """Write the levels as rows; return the new `n`, or what it stands against."""
    words, out, floats, levels = s.words, s.out, s.out_floats, s.levels
    seq, first, prev, flags = words[SEQ], words[FIRST_SEQ], words[PREV_SEQ], words[FLAGS] & ~LAST
    guard, chain = s.channels[channel].guard, s.channels[channel].chain
    if inst < 0 or (guard & GUARD_IDS and first > seq):
        return SLOW
    time = words[TIME]
    if not time:
        time = words[LATER]
    if guard & GUARD_ARRIVAL:
        time = ts_recv
    if guard & GUARD_NUMBERED and not next_number(s, guard):
        return SLOW
    if chain == BY_NUMBER:
        prev = s.last_seq[inst]
        line = words[LINE_AT]
        seq, age, first = s.lines[line, BASE] + words[NUMBER], first, prev + 1
        if s.modes[inst] != CHAINED or prev < s.lines[line, FLOOR] or seq <= prev:
            return SLOW
        if guard & GUARD_AGED:
            first = age if age >= 0 else seq
        words[SEQ] = seq
    elif chain == UNNUMBERED:
        if s.modes[inst] != CHAINED:
            return SLOW
    elif chain == BY_TIME:
        if s.modes[inst] != CHAINED or time < s.last_seq[inst]:
            return SLOW
    elif chain:
        mode = s.modes[inst]
        if mode == WAVED and not flags & SNAPSHOT:
            flags |= STALE
        elif (
            mode != CHAINED
            or flags & SNAPSHOT
            or (prev if chain == BY_PREV else first - 1) != s.last_seq[inst]
        ):
            return SLOW
    if n + bids + asks + 1 > out.shape[0]:
        return FULL
    begin = n
    head = inst | LOB << 32 | flags << 48
    for side in range(2):
        third = head | (1 if side == 0 else 0xFF) << 40
        for i in range(asks if side else bids):
            out[n, 0] = time
            out[n, 1] = ts_recv
            out[n, 2] = third
            floats[n, 3] = levels[side, i, 0]
            floats[n, 4] = levels[side, i, 1]
            out[n, 5] = seq
            out[n, 6] = first
            out[n, 7] = prev
            n += 1
    if n == begin:
        out[n, 0] = time
        out[n, 1] = ts_recv
        out[n, 2] = head
        floats[n, 3] = NAN
        floats[n, 4] = 0.0
        out[n, 5] = seq
        out[n, 6] = first
        out[n, 7] = prev
        n += 1
    if flags & SNAPSHOT:
        out[begin, 2] |= START << 48
    out[n - 1, 2] |= LAST << 48
    return n


@kernel(part=True)
def line_went_on(s: Scanner) -> None:
    """Note the number of a message whose frame was read to the end."""
    line = s.words[LINE_AT]
    s.lines[line, HIGH] = s.words[NUMBER]
    s.lines[line, STAMP] = max(s.lines[line, STAMP], s.words[LATER])


@kernel(part=True)
def book_went_on(s: Scanner, channel: int, inst: int) -> None:
    """Note that the message in `words` was the last of its book; its frame was read to the end."""
    chain = s.channels[channel].chain
    if chain == BY_TIME:
        s.last_seq[inst] = s.words[TIME] or s.words[LATER]
    elif chain and chain != UNNUMBERED:
        s.last_seq[inst] = s.words[SEQ]
