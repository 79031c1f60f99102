"""Books whose levels have an age, and that are never crossed: what a venue without a central book needs.

Rules
-----
1. A level has a price, a quantity and an age. What is older than the level it would change is late
   and dropped. Where a message has ages of its own (not its number), the age of a level that is
   gone is kept: its quantity is 0.
2. While the best bid is at or above the best ask, the older of the two goes; of two of one age
   both lose the smaller quantity.
3. A book is one block of memory, rows of three words: counts and room; places of the best, the last
   number published; how many levels were late and changed; then the bids, then the asks, the best last.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from extrema_nb.events import ABSENT, Flag
from extrema_nb.jit import kernel, view_at
from extrema_nb.kernels.memory import FULL, SLOW, Scanner

__all__ = [
    "COUNTS",
    "DONE",
    "HEAD",
    "LATE",
    "ROOM",
    "UNCROSSED",
    "accept",
    "book_aged",
    "new_block",
    "put",
]

HEAD = 3  # rows before the first level
ROOM, PUBLISHED, LATE, UNCROSSED = 2, 2, 0, 1  # columns; COUNT and BEST have that of their side
COUNTS, BESTS, DONE = 0, 1, 2  # rows
QTY, AGE = 1, 2  # columns of a level
PRICE_AT, QTY_AT, SEQ_AT, AGE_AT, FIRST_AT, PREV_AT = 3, 4, 5, 6, 6, 7  # words of a row
SIDE_BITS, FLAG_BITS = 40, 48
LAST, START, SYNTHETIC = int(Flag.LAST), int(Flag.START), int(Flag.SYNTHETIC)
BELOW_SIDE = (1 << SIDE_BITS) - 1
BUY, SELL = 1, 0xFF
FINEST = 1e12  # no lot is finer; 0.3 - 0.1 is 0.2 here
LARGEST = 4096.0  # above it a float64 has no such digits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def new_block(room: int, old: Ints | None = None) -> Ints:
    """Return the memory of a book with room for so many levels a side, and the levels of `old`."""
    block = np.zeros((HEAD + 2 * room, 3), np.int64)
    block[BESTS] = -1
    if old is not None:
        block[:HEAD] = old[:HEAD]
        for side in range(2):
            count, first = int(old[COUNTS, side]), HEAD + side * int(old[COUNTS, ROOM])
            block[HEAD + side * room : HEAD + side * room + count] = old[first : first + count]
    block[COUNTS, ROOM] = room
    return block


@kernel(part=True)
def _worse(levels: Floats, first: int, count: int, sign: float, price: float) -> int:
    """Return how many levels of a side are worse than a price."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if sign * levels[first + middle, 0] < sign * price:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(part=True)
def put(
    words: Ints, levels: Floats, side: int, price: float, qty: float, age: int, seq: int
) -> bool:
    """Set a level; False when what is known is younger.

    Parameters
    ----------
    words, levels : the block, as integers and as floats
    side : 0 for bids, 1 for asks
    seq : number of the message; the age of a level that is gone is kept where it is another
    """
    first = HEAD + side * words[COUNTS, ROOM]
    count, best = words[COUNTS, side], words[BESTS, side]
    at = _worse(levels, first, count, 1.0 - 2.0 * side, price)
    there = at < count and levels[first + at, 0] == price
    if there and age < words[first + at, AGE]:
        return False
    if qty > 0.0 or age != seq:
        if not there:
            for i in range(first + count, first + at, -1):
                for column in range(3):
                    words[i, column] = words[i - 1, column]
            words[COUNTS, side] = count + 1
            levels[first + at, 0] = price
            if best >= at:
                best += 1
        levels[first + at, QTY] = qty
        words[first + at, AGE] = age
        if qty > 0.0 and at > best:
            best = at
    elif there:
        for i in range(first + at, first + count - 1):
            for column in range(3):
                words[i, column] = words[i + 1, column]
        words[COUNTS, side] = count - 1
        if best >= at:
            best -= 1
    while best >= 0 and not levels[first + best, QTY] > 0.0:
        best -= 1
    words[BESTS, side] = best
    return True


@kernel(part=True)
def _rest(qty: float, taken: float) -> float:
    """Return what is left of a quantity, without the dust of floats."""
    left = qty - taken
    return math.floor(left * FINEST + 0.5) / FINEST if left < LARGEST else left


@kernel(part=True)
def _fixed(out: Ints, floats: Floats, begin: int, n: int, side: int, price: float) -> int:
    """Return the row from `begin` on that is about a level, `n` where none is."""
    for row in range(begin, n):
        if (out[row, 2] >> SIDE_BITS) & 0xFF == side and floats[row, PRICE_AT] == price:
            return row
    return n


@kernel(part=True)
def _uncross(words: Ints, levels: Floats, out: Ints, floats: Floats, n: int) -> int:
    """Uncross the book; write each level that has changed from row `n` on, return the new `n`."""
    begin = n
    room = words[COUNTS, ROOM]
    while words[BESTS, 0] >= 0 and words[BESTS, 1] >= 0:
        bid, ask = HEAD + words[BESTS, 0], HEAD + room + words[BESTS, 1]
        if levels[bid, 0] < levels[ask, 0]:
            break
        bid_age, ask_age = words[bid, AGE], words[ask, AGE]
        taken = min(levels[ask, QTY], levels[bid, QTY])
        for side in range(2):
            level = ask if side else bid
            older = ask_age < bid_age if side else bid_age < ask_age
            price, qty = levels[level, 0], levels[level, QTY]
            left = qty
            if bid_age == ask_age:
                left = _rest(qty, taken)
            elif older:
                left = 0.0
            if left != qty:
                code = SELL if side else BUY
                row = _fixed(out, floats, begin, n, code, price)
                if row == n:
                    n += 1
                    out[row, 2] = code << SIDE_BITS | SYNTHETIC << FLAG_BITS
                    floats[row, PRICE_AT] = price
                floats[row, QTY_AT] = left
                age = ask_age if side else bid_age
                put(words, levels, side, price, left, age, age)
    words[DONE, UNCROSSED] += n - begin
    return n


@kernel(part=True)
def accept(address: int, out: Ints, floats: Floats, begin: int, n: int) -> int:
    """Bring a message into a book and make its rows those that keep the published book uncrossed.

    Parameters
    ----------
    address : of the block, with room for all levels of the message
    out, floats : rows of eight words; those from `begin` to before `n` are the message, their
        word 6 the age of the level. Behind them there is room for a row a level of the book.

    Returns
    -------
    n : the new end of the rows; `begin` where nothing is to be published
    """
    room = int(view_at(address, (HEAD, 3), np.int64)[COUNTS, ROOM])
    words = view_at(address, (HEAD + 2 * room, 3), np.int64)
    levels = view_at(address, (HEAD + 2 * room, 3), np.float64)
    ts_event, ts_recv, head = out[begin, 0], out[begin, 1], out[begin, 2]
    seq, start = out[begin, SEQ_AT], (head >> FLAG_BITS) & START
    if start:
        for side in range(2):
            words[COUNTS, side] = 0
            words[BESTS, side] = -1
        words[BESTS, PUBLISHED] = ABSENT
    end = begin
    for row in range(begin, n):
        side = (out[row, 2] >> SIDE_BITS) & 0xFF
        age = out[row, AGE_AT]
        if side == 0 or put(
            words, levels, 0 if side == BUY else 1, floats[row, PRICE_AT], floats[row, QTY_AT],
            age, seq,
        ):  # fmt: skip
            if end != row:
                for word in range(8):
                    out[end, word] = out[row, word]
            end += 1
    words[DONE, LATE] += n - end
    fixes = end
    end = _uncross(words, levels, out, floats, end)
    if end == begin:
        return begin
    published = words[BESTS, PUBLISHED]
    for row in range(begin, end):
        if row >= fixes:
            out[row, 0] = ts_event
            out[row, 1] = ts_recv
            out[row, 2] |= head & BELOW_SIDE
            out[row, SEQ_AT] = seq
        out[row, FIRST_AT] = seq if published < 0 else published + 1
        out[row, PREV_AT] = published
        out[row, 2] &= ~(LAST << FLAG_BITS)
    out[begin, 2] |= start << FLAG_BITS
    out[end - 1, 2] |= LAST << FLAG_BITS
    words[BESTS, PUBLISHED] = seq
    return end


@kernel(part=True)
def book_aged(s: Scanner, inst: int, begin: int, n: int) -> int:
    """Do so for a message that the scanner has written; return the new `n`, or SLOW or FULL."""
    address = s.aged[inst]
    if address == 0:
        return SLOW
    head = view_at(address, (HEAD, 3), np.int64)
    bids, asks = head[COUNTS, 0], head[COUNTS, 1]
    if (max(asks, bids)) + n - begin > head[COUNTS, ROOM]:
        return SLOW  # its state machine makes room
    if n + bids + asks + n - begin > s.out.shape[0]:
        return FULL
    return accept(address, s.out, s.out_floats, begin, n)
