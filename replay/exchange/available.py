"""The market's volume less what own takers have used up, until the level is refreshed."""

from __future__ import annotations

from extrema_nb.books.l2 import BID, NO_ASK, NO_BID
from extrema_nb.jit import kernel
from replay.exchange.model import X_CONSUME, X_MARKET, X_TAKEN, Exchange

__all__ = ["available", "best_for", "forget_refreshed", "has_room", "next_for", "use_up"]


@kernel(part=True)
def _used(x: Exchange, inst: int, side: int, tick: int) -> float:
    """Return what own takers took from a level since the market last changed it."""
    at = int(x.clock[X_MARKET])
    total = 0.0
    i = 0
    while i < x.clock[X_TAKEN]:
        row = x.taken[i]
        if row.inst == inst and row.side == side and row.tick == tick:
            _, e, end = x.venue.level_at(inst, side, tick, int(row.at))
            if e < end and x.venue.watched_at(e) < at:  # refreshed: forget it
                x.clock[X_TAKEN] -= 1
                x.taken[i] = x.taken[x.clock[X_TAKEN]]
                continue
            total += row.qty
        i += 1
    return total


@kernel(part=True)
def forget_refreshed(x: Exchange, before: int) -> None:
    """Forget what was used up of levels that the market changed since, before a position."""
    kept = 0
    for i in range(x.clock[X_TAKEN]):
        row = x.taken[i]
        _, e, end = x.venue.level_at(int(row.inst), int(row.side), int(row.tick), int(row.at))
        if e >= end or x.venue.watched_at(e) >= before:
            if kept != i:
                x.taken[kept] = row
            kept += 1
    x.clock[X_TAKEN] = kept


@kernel(part=True)
def has_room(x: Exchange, levels: int) -> bool:
    """Say whether `levels` more can be noted, and forget what was refreshed before it says no."""
    if x.clock[X_CONSUME] == 0 or x.clock[X_TAKEN] + levels < x.hub.taken_cap:
        return True
    forget_refreshed(x, int(x.clock[X_MARKET]))
    return bool(x.clock[X_TAKEN] + levels < x.hub.taken_cap)


@kernel(part=True)
def available(x: Exchange, inst: int, side: int, tick: int) -> float:
    """Return what can be traded at a level of side BID or ASK now."""
    qty = x.venue.resting_qty(inst, side, tick, int(x.clock[X_MARKET]))
    if x.clock[X_CONSUME] == 0 or x.clock[X_TAKEN] == 0:
        return qty
    left = qty - _used(x, inst, side, tick)
    return left if left >= x.scale[inst, 2] else 0.0


@kernel(part=True)
def next_for(x: Exchange, inst: int, side: int, tick: int) -> int:
    """Return the next worse level that has something left, NO_BID or NO_ASK."""
    at = int(x.clock[X_MARKET])
    level = x.venue.next_level(inst, side, tick, at)
    while level != NO_BID and level != NO_ASK and available(x, inst, side, level) <= 0.0:
        level = x.venue.next_level(inst, side, level, at)
    return level


@kernel(inline=True, part=True)
def best_for(x: Exchange, inst: int, side: int) -> int:
    """Return the best level of side BID or ASK that has something left, NO_BID or NO_ASK."""
    level = x.venue.touch_of(inst, side, int(x.clock[X_MARKET]))
    if x.clock[X_CONSUME] == 0 or x.clock[X_TAKEN] == 0:
        return level
    if level != (NO_BID if side == BID else NO_ASK) and available(x, inst, side, level) <= 0.0:
        return next_for(x, inst, side, level)
    return level


@kernel(part=True)
def use_up(x: Exchange, inst: int, side: int, tick: int, qty: float) -> None:
    """Note that an own taker took `qty` from a level; one note a level, for which there is room."""
    if x.clock[X_CONSUME] == 0:
        return
    _used(x, inst, side, tick)  # forgets the note of a level that the market has stated since
    n = int(x.clock[X_TAKEN])
    for i in range(n):
        row = x.taken[i]
        if row.inst == inst and row.side == side and row.tick == tick:
            row.qty += qty
            return
    row = x.taken[n]
    row.inst = inst
    row.side = side
    row.tick = tick
    row.at = x.clock[X_MARKET]
    row.qty = qty
    x.clock[X_TAKEN] = n + 1
