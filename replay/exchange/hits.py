"""When the market next concerns own orders: found without looking at the rows in between."""

from __future__ import annotations

from extrema_nb.jit import kernel
from replay.exchange.model import X_MARKET, X_NOW, X_RESTING, X_STOPS, Exchange
from replay.exchange.matching import meet_row
from replay.exchange.triggers import fire, fires

__all__ = ["hit", "next_hit"]


@kernel
def _next_strike(x: Exchange, inst: int, bids: bool, at: int, limit: int) -> int:
    """Return the next position from `at` on, below `limit`, that strikes own bids or own asks."""
    tape = x.venue
    which = 0 if bids else 1
    ranges = x.ranges[inst]
    best = int(ranges[1]) if bids else int(ranges[2])  # the own order that is struck first
    end = int(tape.strike_start[2 * inst + which + 1])
    k = max(int(x.strike[inst, which]), int(tape.strike_start[2 * inst + which]))
    found = limit
    while k < end:
        position = int(tape.strike_at[k])
        if position >= limit:
            break
        tick = int(tape.strike_tick[k])
        if position >= at and (tick <= best if bids else tick >= best):
            found = position
            break
        k += 1
    x.strike[inst, which] = k
    return found


@kernel
def _next_trigger(x: Exchange, at: int, limit: int) -> int:
    """Return the next position at which a waiting stop fires; only then each row is looked at."""
    for position in range(at, limit):
        if fires(x, x.venue.market_row[position], position) >= 0:
            return position
    return limit


@kernel
def next_hit(x: Exchange, limit: int) -> int:
    """Return the first position below `limit` that concerns own orders, or `limit`."""
    at = int(x.clock[X_MARKET])
    found = limit
    if x.clock[X_RESTING] > 0:
        for inst in range(x.hub.instruments):
            if x.n_orders[inst] > 0:
                if x.ranges[inst, 0] <= x.ranges[inst, 1]:
                    found = _next_strike(x, inst, True, at, found)
                if x.ranges[inst, 2] <= x.ranges[inst, 3]:
                    found = _next_strike(x, inst, False, at, found)
    if x.clock[X_STOPS] > 0:
        found = _next_trigger(x, at, found)
    return found


@kernel
def hit(x: Exchange, position: int) -> None:
    """Let the row at `position` do what it does to own orders."""
    row = x.venue.market_row[position]
    x.clock[X_NOW] = x.venue.market_ts[position]
    x.clock[X_MARKET] = position + 1
    meet_row(x, row, position)
    while x.clock[X_STOPS] > 0:
        place = fires(x, row, position)
        if place < 0:
            break
        fire(x, place)
