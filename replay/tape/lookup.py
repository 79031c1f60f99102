"""Questions to the market side of a tape: best prices and quantities at a position.

Methods of `Tape`; `extrema_nb.books.L2Books` gets the same ones, which answer for now and ignore
the position, so that the matching code is one for backtests (tapes) and paper trading (books).
"""

from __future__ import annotations

from typing import Any

from extrema_nb.books.l2 import (
    ASK,
    BID,
    NO_ASK,
    NO_BID,
    L2Books,
    best_ask,
    best_bid,
    next_above,
    next_below,
    quantity,
)
from extrema_nb.jit import attach, kernel
from replay.tape.layout import Tape

__all__ = ["LIST_SIDE", "NEVER", "first_at", "first_time", "list_code"]

NEVER = 1 << 30  # a position behind every tape
LIST_SIDE = 47  # bit of the side in a list's code; below it the tick
HALF = 1 << 45


@kernel(inline=True, part=True)
def list_code(inst: int, side: int, tick: int) -> int:
    """Return what lists are sorted by."""
    return (inst << 48) | (side << LIST_SIDE) | (tick + HALF)


@kernel(part=True)
def first_at(values: Any, start: int, end: int, hint: int, value: int) -> int:
    """Return the first place in ``[start, end]`` whose value is `value` or more.

    `values` ascends; the search gallops from `hint`, so that near answers are cheap.
    """
    low, high = start, end
    step = 1
    hint = max(hint, start)
    if hint < end and values[hint] < value:
        low = hint + 1
        probe = low
        while probe < end and values[probe] < value:
            low = probe + 1
            probe += step
            step += step
        high = min(probe, end)
    elif hint <= end:
        high = hint
        probe = hint - 1
        while probe >= start and values[probe] >= value:
            high = probe
            probe -= step
            step += step
        low = max(probe + 1, start)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(part=True)
def first_time(times: Any, marks: Any, n: int, hint: int, t: int) -> int:
    """Return the first place in ``[0, n]`` whose time is `t` or more; `marks` is every 64th time.

    A search among the marks misses the processor's cache once or twice, one among all times at
    every probe.
    """
    block = first_at(marks, 0, (n + 63) >> 6, hint >> 6, t)
    start = max((block - 1) << 6, 0)
    return first_at(times, start, min(block << 6, n), start, t)


@kernel(part=True)
def _find_list(tape: Tape, inst: int, side: int, tick: int) -> int:
    """Return the list of a level, -1 if the tape never speaks of it."""
    mask = tape.slot_key.shape[0] - 1
    order = tick * 2 + side
    key = (inst << 48) ^ order
    slot = (order + inst * 0x9E3779B1) & mask
    while tape.slot_list[slot] >= 0 and tape.slot_key[slot] != key:
        slot = (slot + 1) & mask
    return int(tape.slot_list[slot])


@kernel(part=True)
def _list_at(tape: Tape, found: int, at: int) -> tuple[float, int, int]:
    """Return a level's quantity at a position, the entry that changes it next, and the end."""
    start, end = int(tape.list_start[found]), int(tape.list_start[found + 1])
    e = first_at(tape.entry_at, start, end, start, at)
    return max(tape.entry_qty[e - 1], 0.0) if e > start else 0.0, e, end  # VOID is nothing


def touch_of(market: Tape, inst: int, side: int, at: int) -> int:
    """Return the best tick of side BID or ASK at a position; NO_BID, NO_ASK if it is empty."""
    start = int(market.move_start[inst])
    k = first_at(
        market.move_at, start, int(market.move_start[inst + 1]), int(market.hints[inst]), at
    )
    market.hints[inst] = k
    k = max(k - 1, start)
    return int(market.move_bid[k]) if side == BID else int(market.move_ask[k])


def resting_qty(market: Tape, inst: int, side: int, tick: int, at: int) -> float:
    """Return the market's quantity at a tick of side BID or ASK at a position."""
    found = _find_list(market, inst, side, tick)
    return 0.0 if found < 0 else _list_at(market, found, at)[0]


def next_level(market: Tape, inst: int, side: int, tick: int, at: int) -> int:
    """Return the next worse level of a side behind `tick` at a position, NO_BID or NO_ASK."""
    none = NO_BID if side == BID else NO_ASK
    wanted = list_code(inst, side, tick)
    n = int(market.hub.lists)
    k = first_at(market.list_key, 0, n, 0, wanted)
    if side == BID:
        k -= 1
    elif k < n and market.list_key[k] == wanted:
        k += 1
    while 0 <= k < n and (market.list_key[k] >> LIST_SIDE) == (wanted >> LIST_SIDE):
        if _list_at(market, k, at)[0] > 0.0:
            return int((market.list_key[k] & ((1 << LIST_SIDE) - 1)) - HALF)
        k += -1 if side == BID else 1
    return none


def levels_of(market: Tape, inst: int) -> int:  # noqa: ARG001  # of all, which is never too few
    """Return how many levels a taker can meet at most."""
    return int(market.hub.lists)


def watched_at(market: Tape, entry: int) -> int:
    """Return the position of an entry."""
    return int(market.entry_at[entry])


def enter_level(market: Tape, inst: int, side: int, tick: int, at: int) -> Any:  # noqa: ARG001  # later
    """Return front, entry and end of an order that joins a queue: `level_at` says them, if asked."""
    return 0.0, -1, 0


def level_at(market: Tape, inst: int, side: int, tick: int, at: int) -> Any:
    """Return what rests at a level at a position, the entry that changes it next, and the end."""
    found = _find_list(market, inst, side, tick)
    if found < 0:
        return 0.0, 0, 0
    return _list_at(market, found, at)


def entry_before(market: Tape, entry: int, inst: int, side: int, tick: int) -> float:
    """Return the quantity of a level before one of its entries."""
    found = _find_list(market, inst, side, tick)
    return max(market.entry_qty[entry - 1], 0.0) if entry > market.list_start[found] else 0.0


def entry_now(market: Tape, entry: int) -> float:
    """Return the quantity of a level from an entry on, VOID if a snapshot made it void."""
    return market.entry_qty[entry]


attach(
    Tape, touch_of, resting_qty, next_level, levels_of, watched_at, enter_level, level_at,
    entry_before, entry_now,
)  # fmt: skip


def _book_touch(market: L2Books, inst: int, side: int, at: int) -> int:  # noqa: ARG001  # now
    return best_bid(market, inst) if side == BID else best_ask(market, inst)


def _book_qty(market: L2Books, inst: int, side: int, tick: int, at: int) -> float:  # noqa: ARG001  # now
    return quantity(market, inst, side, tick)


def _book_next(market: L2Books, inst: int, side: int, tick: int, at: int) -> int:  # noqa: ARG001  # now
    if side == ASK:
        return next_above(market, inst, ASK, tick)
    return next_below(market, inst, BID, tick)


def _book_levels(market: L2Books, inst: int) -> int:
    return int(market.head[inst].levels)


def _book_watched(market: L2Books, entry: int) -> int:  # noqa: ARG001  # nothing is known ahead
    return NEVER


def _book_enter(market: L2Books, inst: int, side: int, tick: int, at: int) -> Any:  # noqa: ARG001  # now
    return quantity(market, inst, side, tick), 0, 0


def _book_level_at(market: L2Books, inst: int, side: int, tick: int, at: int) -> Any:  # noqa: ARG001  # none
    return 0.0, 0, 0


def _book_before(market: L2Books, entry: int, inst: int, side: int, tick: int) -> float:  # noqa: ARG001  # none
    return 0.0


def _book_now(market: L2Books, entry: int) -> float:  # noqa: ARG001  # none
    return 0.0


for _name, _function in (
    ("touch_of", _book_touch),
    ("resting_qty", _book_qty),
    ("next_level", _book_next),
    ("levels_of", _book_levels),
    ("watched_at", _book_watched),
    ("enter_level", _book_enter),
    ("level_at", _book_level_at),
    ("entry_before", _book_before),
    ("entry_now", _book_now),
):
    _function.__name__ = _name
    attach(L2Books, _function)
