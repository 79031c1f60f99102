"""When the market next concerns own orders: found without looking at the rows in between."""

from __future__ import annotations

from extrema_nb.jit import kernel
from replay.exchange.margin import check_margin, next_danger, price_moves, take_marks
from replay.exchange.matching import meet_row
from replay.exchange.model import (
    X_DANGER,
    X_FILLS,
    X_MARGIN,
    X_MARKET,
    X_NOW,
    X_RESTING,
    X_STOPS,
    Exchange,
)
from replay.exchange.resting import ranges_of
from replay.exchange.triggers import fire, fires, fires_by_touch
from replay.tape.layout import T_DEED
from replay.tape.lookup import first_at

__all__ = ["hit", "next_hit"]


@kernel(part=True)
def _next_strike(x: Exchange, inst: int, bids: bool, at: int, limit: int) -> int:
    """Return the next strike of own bids or own asks from position `at` on, -1 for none.

    Looks at positions below `limit` only; the tape's strikes are walked once in a run.
    """
    tape = x.venue
    which = 0 if bids else 1
    ranges = x.ranges[inst]  # fresh: `next_hit` has looked
    best = int(ranges[1]) if bids else int(ranges[2])  # the own order that is struck first
    end = int(tape.strike_start[2 * inst + which + 1])
    k = max(int(x.strike[inst, which]), int(tape.strike_start[2 * inst + which]))
    found = -1
    while k < end:
        position = int(tape.strike_at[k])
        if position >= limit:
            break
        tick = int(tape.strike_tick[k])
        if position >= at and (tick <= best if bids else tick >= best):
            found = k
            break
        k += 1
    x.strike[inst, which] = k
    return found


@kernel(part=True)
def _next_trigger(x: Exchange, at: int, limit: int) -> int:
    """Return the next position below `limit` at which a waiting stop fires, or `limit`.

    Only then each trade and each move of the touch is looked at.
    """
    tape = x.venue
    deeds = int(tape.hub.deeds)
    k = first_at(tape.deed_at, 0, deeds, 0, at)
    while k < deeds and tape.deed_at[k] < limit:
        if fires(x, tape.deed[k]) >= 0:
            limit = int(tape.deed_at[k])
            break
        k += 1
    for inst in range(x.hub.instruments):
        start, end = int(tape.move_start[inst]), int(tape.move_start[inst + 1])
        k = first_at(tape.move_at, start, end, start, at)
        while k < end and tape.move_at[k] < limit:
            if fires_by_touch(x, inst, int(tape.move_at[k]) + 1) >= 0:
                limit = int(tape.move_at[k])
                break
            k += 1
    return limit


@kernel(part=True)
def next_hit(x: Exchange, limit: int) -> int:
    """Return the first position below `limit` that concerns own orders, or `limit`."""
    at = int(x.clock[X_MARKET])
    found = limit
    if at >= limit:
        return limit
    if x.clock[X_RESTING] > 0:
        for inst in range(x.hub.instruments):
            if x.n_orders[inst] > 0:
                ranges = ranges_of(x, inst)
                if ranges[0] <= ranges[1]:
                    k = _next_strike(x, inst, True, at, found)
                    if k >= 0:
                        found = int(x.venue.strike_at[k])
                if ranges[2] <= ranges[3]:
                    k = _next_strike(x, inst, False, at, found)
                    if k >= 0:
                        found = int(x.venue.strike_at[k])
    if x.clock[X_STOPS] > 0:
        found = _next_trigger(x, at, found)
    if x.clock[X_MARGIN] != 0:
        found = next_danger(x, found)
    return found


@kernel(part=True)
def hit(x: Exchange, position: int) -> None:
    """Let the row at `position` do what it does to own orders."""
    tape = x.venue
    fills = x.clock[X_FILLS]
    moved = False
    if x.clock[X_MARGIN] != 0:
        moved = x.clock[X_DANGER] == position or price_moves(x, position)
        take_marks(x, position + 1)
    x.clock[X_NOW] = tape.market_ts[position]
    x.clock[X_MARKET] = position + 1
    k = first_at(tape.deed_at, 0, int(tape.hub.deeds), int(tape.cursors[T_DEED]), position)
    tape.cursors[T_DEED] = k
    is_deed = k < tape.hub.deeds and tape.deed_at[k] == position
    if is_deed:
        meet_row(x, tape.deed[k], position)
    while x.clock[X_STOPS] > 0:
        place = fires(x, tape.deed[k]) if is_deed else -1
        for inst in range(x.hub.instruments):
            if place < 0:
                place = fires_by_touch(x, inst, position + 1)
        if place < 0:
            break
        fire(x, place)
    if x.clock[X_MARGIN] != 0 and (moved or x.clock[X_FILLS] != fills):
        check_margin(x)
